/**
 * Poincare disks (and planes) side by side: boundary circle, circles of equal hyperbolic distance from the origin, a
 * field as a heat map, codes by class, curves between points. Coordinates are those of the ball: the disk of curvature
 * -c has radius 1/sqrt(c), and a point at Euclidean radius r lies at distance (2/sqrt(c)) artanh(sqrt(c) r).
 */

import { expectThat } from "../errors.js";
import { expectFinite, expectLength } from "./checks.js";
import { colourBarBlock, colourScale } from "./colour-bar.js";
import {
  classLook,
  colourIndex,
  colourTable,
  DISTINCT_CLASSES,
  hexOf,
  shapePath,
  short,
  tableColour,
} from "./colours.js";
import { cutPath } from "./cutting.js";
import { composeFigure, type Words } from "./figure.js";
import type { Code } from "./latent-map.js";
import { type LegendEntry, type LineStyle, legendBlock, linePath, type MarkerStyle, markerPath } from "./legend.js";
import { dataUrl, encodeIndexedPng } from "./png.js";
import { imageElement, type Scales } from "./render.js";
import { textElement, wrapText } from "./text.js";
import { niceTicks, tickFormat } from "./ticks.js";

/** How a curve is drawn: `white` and `black` are the main curves of a panel with and without a heat map. */
export type DiskCurveStyle = "white" | "black" | "dashed" | "dotted";

/** Curves of one kind, each `[T * 2]`. */
export interface DiskCurves {
  readonly name: string;
  readonly style: DiskCurveStyle;
  readonly curves: readonly ArrayLike<number>[];
}

/** One disk, or one plane. */
export interface DiskPanel {
  readonly title: string;
  readonly subtitle?: string;
  /** c of the disk, c > 0; a plane, framed around its codes, where not given. */
  readonly curvature?: number;
  readonly codes?: readonly Code[];
  /** A field on `size` by `size` cells over the square around the disk, rows from low y: `values[row * size + column]`; NaN outside. */
  readonly field?: { readonly values: ArrayLike<number>; readonly size: number; readonly label: string };
  readonly curves?: readonly DiskCurves[];
  /** Points to mark, `[x, y]` each. */
  readonly endpoints?: readonly (readonly [number, number])[];
  /** Points that a plane's frame has to hold besides codes and curves. */
  readonly extent?: readonly (readonly [number, number])[];
  /** SVG of one's own, over codes and under curves, from the pixel positions of coordinates. */
  readonly overlay?: (scales: Scales) => string;
}

/** A figure of panels. */
export interface DiskFigureOptions extends Words {
  readonly panels: readonly DiskPanel[];
  readonly labelNames?: readonly string[];
  readonly labelHeading?: string;
  /** Panels in a row; all unless given. */
  readonly columns?: number;
  /** Pixels of a panel's side; 460 unless given. */
  readonly size?: number;
}

const INK = "#222222";
const GREY = "#555555";
const RING: LineStyle = { stroke: "#9a9a9a", width: 0.8 };
const ENDPOINT: MarkerStyle = { shape: "circle", fill: "#111111", outline: "#ffffff" };
const STYLES: Record<DiskCurveStyle, LineStyle> = {
  white: { stroke: "#ffffff", width: 2, casing: "#111111" },
  black: { stroke: "#111111", width: 1.8, casing: "#ffffff", casingOpacity: 0.8 },
  dashed: { stroke: "#111111", width: 1.5, dash: "5 4", casing: "#ffffff", casingOpacity: 0.9, rim: 0.45 },
  dotted: { stroke: "#111111", width: 1.3, dash: "1.5 3.5", casing: "#ffffff", casingOpacity: 0.9, rim: 0.4 },
};
const GAP = 26;
const MARGIN = 26; // around a panel's plane, for ticks

/**
 * Draws the panels.
 * @returns an SVG document
 * @throws UsageError for curvatures that are not positive, points on or beyond the edge of a disk, sizes that do not
 *   match, and numbers that are not finite
 */
export async function diskFigure(options: DiskFigureOptions): Promise<string> {
  const { panels, columns = panels.length, size = 460 } = options;
  expectThat(panels.length > 0, "There are no panels to draw: pass at least one.");
  panels.forEach(checkPanel);
  const field = panels.find((panel) => panel.field !== undefined)?.field;
  const scale =
    field === undefined
      ? undefined
      : colourScale(
          panels.flatMap((panel) => Array.from(panel.field?.values ?? []).filter(Number.isFinite)),
          colourTable("viridis"),
        );
  const heads = panels.map((panel) => headOf(panel, size));
  const rows = Array.from({ length: Math.ceil(panels.length / columns) }, (_, r) =>
    panels.map((_, k) => k).slice(r * columns, (r + 1) * columns),
  );
  let y = 0;
  const parts: string[] = [];
  let firstTop = 0;
  for (const [r, row] of rows.entries()) {
    const headHeight = Math.max(...row.map((k) => heads[k].height));
    if (r === 0) firstTop = headHeight;
    for (const [column, k] of row.entries()) {
      const x = column * (size + 2 * MARGIN + GAP) + MARGIN;
      parts.push(`<g transform="translate(${x} ${y})">${heads[k].markup}</g>`);
      const drawn = drawPanelAt(panels[k], size, scale);
      parts.push(`<g transform="translate(${x} ${y + headHeight})">${drawn}</g>`);
    }
    y += headHeight + size + MARGIN + 8;
  }
  const width = Math.min(columns, panels.length) * (size + 2 * MARGIN + GAP) - GAP;
  const panel = {
    markup: `<svg text-anchor="start">${parts.join("")}</svg>`,
    width,
    height: y,
    left: MARGIN,
    top: firstTop,
    innerWidth: size,
    innerHeight: size,
  };
  const ground = scale === undefined ? "none" : hexOf(tableColour(scale.table, 128));
  const bar = scale === undefined ? [] : [colourBarBlock(scale, field!.label, size)];
  return composeFigure(panel, [...bar, legendBlock(legendOf(options), size, ground)], options);
}

/** The radius of the disk of curvature -c. */
export function diskRadius(curvature: number): number {
  return 1 / Math.sqrt(curvature);
}

/** Hyperbolic distance from the origin of a point at Euclidean radius r. */
export function distanceOfRadius(r: number, curvature: number): number {
  return (2 / Math.sqrt(curvature)) * Math.atanh(Math.sqrt(curvature) * r);
}

/** Its inverse: the Euclidean radius of the circle at a hyperbolic distance. */
export function radiusOfDistance(distance: number, curvature: number): number {
  return Math.tanh((Math.sqrt(curvature) * distance) / 2) / Math.sqrt(curvature);
}

function checkPanel(panel: DiskPanel, k: number): void {
  const { curvature, codes = [], curves = [], field, endpoints = [] } = panel;
  expectThat(
    curvature === undefined || (Number.isFinite(curvature) && curvature > 0),
    () =>
      `panels[${k}].curvature is ${curvature}, but must be c > 0 of a disk of curvature -c: leave it out for a plane.`,
  );
  if (field)
    expectLength(field.values, field.size ** 2, `panels[${k}].field.values`, `${field.size} by ${field.size} cells`);
  const radius = curvature === undefined ? Number.POSITIVE_INFINITY : diskRadius(curvature);
  const inside = (x: number, y: number, name: () => string) => {
    expectFinite([x, y], name());
    expectThat(
      Math.hypot(x, y) < radius,
      () =>
        `${name()} is (${x}, ${y}), ${(Math.hypot(x, y) - radius).toPrecision(3)} beyond the edge of the disk of radius ${radius.toPrecision(4)}: pass ball coordinates, or project it inside first.`,
    );
  };
  codes.forEach(({ x, y }, i) => {
    inside(x, y, () => `panels[${k}].codes[${i}]`);
  });
  endpoints.forEach(([x, y], i) => {
    inside(x, y, () => `panels[${k}].endpoints[${i}]`);
  });
  for (const { name, curves: lines } of curves)
    for (const line of lines)
      for (let i = 0; i < line.length; i += 2)
        inside(line[i], line[i + 1], () => `A point of "${name}" in panels[${k}]`);
}

function headOf({ title, subtitle = "" }: DiskPanel, size: number): { markup: string; height: number } {
  const lines = [
    ...wrapText(title, 14, size, true).map((text) => ({ text, size: 14, bold: true, fill: INK })),
    ...wrapText(subtitle, 11.5, size).map((text) => ({ text, size: 11.5, bold: false, fill: GREY })),
  ];
  let y = 0;
  const markup = lines.map((line) => {
    y += line.size * 1.35;
    return textElement(line.text, 0, y, line);
  });
  return { markup: markup.join(""), height: Math.ceil(y + 12) };
}

/** Where a panel's plane lies in latent coordinates. */
function frameOf({ curvature, codes = [], curves = [], extent = [] }: DiskPanel): {
  centre: [number, number];
  half: number;
} {
  if (curvature !== undefined) return { centre: [0, 0], half: diskRadius(curvature) };
  const xs: number[] = [...codes.map(({ x }) => x), ...extent.map(([x]) => x)];
  const ys: number[] = [...codes.map(({ y }) => y), ...extent.map(([, y]) => y)];
  for (const { curves: lines } of curves)
    for (const line of lines)
      for (let i = 0; i < line.length; i += 2) {
        xs.push(line[i]);
        ys.push(line[i + 1]);
      }
  const range = (values: number[]) => [
    values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
    values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
  ];
  if (xs.length === 0) return { centre: [0, 0], half: 1 };
  const [x, y] = [range(xs), range(ys)];
  return {
    centre: [(x[0] + x[1]) / 2, (y[0] + y[1]) / 2],
    half: 0.53 * Math.max(x[1] - x[0], y[1] - y[0]) || 1,
  };
}

function drawPanelAt(panel: DiskPanel, size: number, scale: ReturnType<typeof colourScale> | undefined): string {
  const { curvature, codes = [], curves = [], field, endpoints = [], overlay } = panel;
  const frame = frameOf(panel);
  const { centre, half } = frame;
  const x = (value: number) => size / 2 + ((value - centre[0]) / half) * (size / 2);
  const y = (value: number) => size / 2 - ((value - centre[1]) / half) * (size / 2);
  const box = { left: 0, top: 0, right: size, bottom: size };
  const middle = size / 2;
  const parts: string[] = [];
  if (field && scale) {
    parts.push(imageElement(dataUrl(heatOf(field.values, field.size, scale)), 0, 0, size, size));
    // what lies outside of the circle is painted over
    const circle = `M0,${middle}a${middle},${middle} 0 1,0 ${size},0a${middle},${middle} 0 1,0 ${-size},0Z`;
    parts.push(`<path fill="#ffffff" fill-rule="evenodd" d="M-1,-1H${size + 1}V${size + 1}H-1Z${circle}"/>`);
  } else if (curvature !== undefined)
    parts.push(`<circle cx="${middle}" cy="${middle}" r="${middle}" fill="#f6f6f4"/>`);
  const rings = curvature === undefined ? [] : ringsOf(curvature, size, field !== undefined);
  parts.push(...rings.map(({ line }) => line), codesMarkup(codes, x, y), overlay?.({ x, y }) ?? "");
  for (const { name, style, curves: lines } of curves)
    for (const line of lines) {
      const points = Array.from({ length: line.length / 2 }, (_, i): [number, number] => [
        x(line[2 * i]),
        y(line[2 * i + 1]),
      ]);
      const path = cutPath(points, box);
      if (path) parts.push(linePath(path, STYLES[style], name.replace(/[^\w-]+/g, "-")));
    }
  for (const [px, py] of endpoints)
    parts.push(markerPath([shapePath("circle", x(px), y(py), 3.4)], ENDPOINT, "endpoint", 1.2));
  parts.push(...rings.map(({ label }) => label));
  parts.push(
    curvature === undefined
      ? `<rect width="${size}" height="${size}" fill="none" stroke="${INK}"/>`
      : `<circle cx="${middle}" cy="${middle}" r="${middle}" fill="none" stroke="${INK}" stroke-width="1.6" class="boundary"/>`,
  );
  parts.push(ticksMarkup(frame, size, x, y));
  return parts.join("");
}

function heatOf(values: ArrayLike<number>, size: number, scale: ReturnType<typeof colourScale>): Uint8Array {
  const indices = new Uint8Array(size * size);
  for (let row = 0; row < size; row++)
    for (let column = 0; column < size; column++) {
      const value = values[row * size + column];
      indices[(size - 1 - row) * size + column] = Number.isFinite(value)
        ? colourIndex(value, scale.low, scale.high)
        : 0;
    }
  return encodeIndexedPng(indices, size, size, scale.table);
}

/** Circles at hyperbolic distances 1, 2, ... from the origin, each with its distance, as far as they stay apart. */
function ringsOf(curvature: number, size: number, onField: boolean): { line: string; label: string }[] {
  const middle = size / 2;
  const colour = onField ? "#ffffff" : RING.stroke;
  const most = 1.5 * distanceOfRadius(0.4 * diskRadius(curvature), curvature);
  const power = 10 ** Math.floor(Math.log10(most));
  const step = power * (most >= 5 * power ? 5 : most >= 2 * power ? 2 : 1);
  const rings: { line: string; label: string }[] = [];
  for (let k = 1, last = 0; k < 100; k++) {
    const distance = k * step;
    const pixels = (radiusOfDistance(distance, curvature) / diskRadius(curvature)) * middle;
    if (pixels - last < 9 || middle - pixels < 4) break;
    last = pixels;
    const [px, py] = [middle + pixels * Math.SQRT1_2, middle + pixels * Math.SQRT1_2];
    rings.push({
      line: `<circle cx="${middle}" cy="${middle}" r="${short(pixels)}" fill="none" stroke="${colour}" stroke-width="${RING.width}" stroke-opacity="0.75" class="ring"/>`,
      label:
        `<circle cx="${short(px)}" cy="${short(py)}" r="7.5" fill="#ffffff" fill-opacity="0.85"/>` +
        textElement(String(Number(distance.toPrecision(6))), px, py + 3.5, { size: 10, anchor: "middle", fill: GREY }),
    });
  }
  return rings;
}

function codesMarkup(codes: readonly Code[], x: (v: number) => number, y: (v: number) => number): string {
  const radius = codes.length > 1500 ? 1.7 : codes.length > 500 ? 2.1 : 2.8;
  const parts: string[] = [];
  for (let start = 0; start < codes.length; start += 200) {
    const byClass = new Map<number, string[]>();
    for (const code of codes.slice(start, start + 200)) {
      const { label = 0 } = code;
      const paths = byClass.get(label) ?? [];
      paths.push(shapePath(classLook(label).shape, x(code.x), y(code.y), radius));
      byClass.set(label, paths);
    }
    for (const [label, paths] of byClass) parts.push(markerPath(paths, codeStyle(label), "codes", 0.4));
  }
  return parts.join("");
}

function codeStyle(label: number): MarkerStyle {
  const { colour, shape } = classLook(label);
  return { shape, fill: colour, outline: "#ffffff" };
}

function ticksMarkup(
  { centre, half }: { centre: readonly [number, number]; half: number },
  size: number,
  x: (value: number) => number,
  y: (value: number) => number,
): string {
  const parts: string[] = [];
  const across = niceTicks(centre[0] - half, centre[0] + half, 5);
  const up = niceTicks(centre[1] - half, centre[1] + half, 5);
  const [formatX, formatY] = [tickFormat(across), tickFormat(up)];
  for (const tick of across)
    parts.push(
      `<path d="M${short(x(tick))},${size + 3}v4" stroke="${INK}"/>`,
      textElement(formatX(tick), x(tick), size + 19, { size: 11, anchor: "middle" }),
    );
  for (const tick of up)
    parts.push(
      `<path d="M-3,${short(y(tick))}h-4" stroke="${INK}"/>`,
      textElement(formatY(tick), -10, y(tick), { size: 11, anchor: "middle", rotate: -90 }),
    );
  parts.push(
    textElement("z₁", size + 16, size + 19, { size: 12, anchor: "middle" }),
    textElement("z₂", -12, -4, { size: 12, anchor: "middle" }),
  );
  return parts.join("");
}

function legendOf({ panels, labelNames, labelHeading = "class" }: DiskFigureOptions) {
  const counts = new Set<number>();
  let named = false;
  for (const { codes = [] } of panels)
    for (const { label } of codes) {
      counts.add(label ?? 0);
      named ||= label !== undefined;
    }
  const classes = [...counts]
    .sort((a, b) => a - b)
    .map(
      (label): LegendEntry => ({
        name: named ? (labelNames?.[label] ?? String(label)) : "codes",
        marker: codeStyle(label),
      }),
    );
  const kinds = new Map<string, LegendEntry>();
  for (const { curves = [] } of panels)
    for (const { name, style, curves: lines } of curves)
      if (lines.length > 0) kinds.set(name, { name, line: STYLES[style] });
  const marks: LegendEntry[] = panels.some(({ endpoints = [] }) => endpoints.length > 0)
    ? [{ name: "endpoints", marker: ENDPOINT }]
    : [];
  const disks = panels.some(({ curvature }) => curvature !== undefined);
  return [
    { heading: "curves", entries: [...kinds.values(), ...marks] },
    { heading: "disk", entries: disks ? [{ name: "distance from 0", line: RING }] : [] },
    {
      heading: named ? `${labelHeading}${classes.length > DISTINCT_CLASSES ? " (looks repeat)" : ""}` : "data",
      entries: classes,
    },
  ];
}

/**
 * The picture of a latent space: a field (usually the logarithm of the magnification factor, log sqrt det G) as a heat
 * map over two latent coordinates, the codes of the data on it, and geodesics against straight lines.
 */

import { expectThat } from "../errors.js";
import { expectEvenGrid, expectFinite, expectLength } from "./checks.js";
import { colourBarBlock, colourScale } from "./colour-bar.js";
import {
  type ColourMapName,
  classLook,
  colourTable,
  DISTINCT_CLASSES,
  hexOf,
  shapePath,
  short,
  tableColour,
} from "./colours.js";
import { contourPieces } from "./contours.js";
import { type Box, cutPath } from "./cutting.js";
import { composeFigure, type Words } from "./figure.js";
import { heatPng } from "./heat-image.js";
import { type LegendGroup, type LineStyle, legendBlock, linePath, type MarkerStyle, markerPath } from "./legend.js";
import { drawPanel } from "./panel.js";
import { dataUrl } from "./png.js";
import { imageElement, layer, type Mark, type Scales } from "./render.js";

/** An encoded point: latent coordinates and, where known, the number of its class. */
export interface Code {
  x: number;
  y: number;
  label?: number;
}

/** What a latent map shows. */
export interface LatentMapOptions extends Words {
  /** Coordinates of the grid's columns and rows, rising in equal steps: `[nx]`, `[ny]`. */
  xs: ArrayLike<number>;
  ys: ArrayLike<number>;
  /** The field, one row of the grid after another: `[ny * nx]`, `values[row * nx + column]` at (xs[column], ys[row]). */
  values: ArrayLike<number>;
  /** Name and unit of the field; "log √det G" where not given. */
  valueLabel?: string;
  codes?: readonly Code[];
  /** Names of the classes by number; "0", "1", ... where not given. */
  labelNames?: readonly string[];
  /** Heading of the classes in the legend. */
  labelHeading?: string;
  /** Curves, each `[T * 2]`: x and y of one point after another. */
  geodesics?: readonly ArrayLike<number>[];
  straightLines?: readonly ArrayLike<number>[];
  /** Points to mark, `[x, y]` each; the ends of the geodesics where not given. */
  endpoints?: readonly (readonly [number, number])[];
  /** Level lines of a second field on the same grid, for example the decoder's uncertainty. */
  contour?: { values: ArrayLike<number>; levels: readonly number[]; label: string };
  xLabel?: string;
  yLabel?: string;
  colourMap?: ColourMapName;
  /** Where colours end: at percentiles, at the data's range, or decided by the data (see `colourScale`). */
  clip?: "auto" | "none" | readonly [number, number];
}

const LARGEST = 600; // pixels of the plane's longer side
const FEW = 12; // with more curves than this, lines and endpoints are drawn thinner
const CONTOUR: LineStyle = { stroke: "#ff4fa3", width: 1.4 };
const ENDPOINT: MarkerStyle = { shape: "circle", fill: "#111111", outline: "#ffffff" };
const BATCH = 200; // codes drawn as one element before the next class has its turn, so that no class covers the others

/**
 * Draws a latent map. Points and curves outside of the field are cut off at the frame; the number of codes cut off is
 * written under the title.
 * @returns an SVG document, about 900 pixels wide
 * @throws UsageError for an uneven grid, sizes that do not match, numbers that are not finite, or labels that are not
 *   whole numbers from 0.
 */
export async function latentMap(options: LatentMapOptions): Promise<string> {
  const { xs, ys, values, codes = [], geodesics = [], straightLines = [] } = options;
  check(options);
  const scale = colourScale(values, colourTable(options.colourMap ?? "viridis"), options.clip);
  const many = Math.max(geodesics.length, straightLines.length) > FEW;
  const [xDomain, yDomain] = [cellEdges(xs), cellEdges(ys)];
  const [spanX, spanY] = [xDomain[1] - xDomain[0], yDomain[1] - yDomain[0]];
  const pixelsPerUnit = LARGEST / Math.max(spanX, spanY);
  const [innerWidth, innerHeight] = [spanX, spanY].map((span) => Math.max(60, Math.round(span * pixelsPerUnit)));
  const endpoints = options.endpoints ?? geodesics.flatMap(endsOf);
  const heat = dataUrl(heatPng(values, xs.length, ys.length, scale));
  const panel = await drawPanel({
    x: { label: options.xLabel ?? "z₁", domain: xDomain },
    y: { label: options.yLabel ?? "z₂", domain: yDomain },
    innerWidth,
    innerHeight,
    marks: (_plot, plane) => {
      const marks: Mark[] = [
        layer(({ x, y }) => {
          const [left, top] = [x(xDomain[0]), y(yDomain[1])];
          return imageElement(heat, left, top, innerWidth, innerHeight);
        }),
      ];
      const { contour } = options;
      if (contour) marks.push(layer((scales) => contourElements(xs, ys, contour, scales)));
      const inside = (code: Code) => within(code.x, xDomain) && within(code.y, yDomain);
      marks.push(layer((scales) => codeLayer(codes.filter(inside), scales)));
      const curves = (name: string, lines: readonly ArrayLike<number>[], style: LineStyle) =>
        layer((scales) => lines.map((line) => curveElement(line, scales, plane, style, name)).join(""));
      marks.push(curves("straight-line", straightLines, straightStyle(many)));
      marks.push(curves("geodesic", geodesics, geodesicStyle(many)));
      marks.push(
        layer((scales) =>
          endpoints
            .filter(([x, y]) => within(x, xDomain) && within(y, yDomain))
            .map(([x, y]) =>
              markerPath([shapePath("circle", scales.x(x), scales.y(y), many ? 3 : 4)], ENDPOINT, "endpoint", 1.3),
            )
            .join(""),
        ),
      );
      return marks;
    },
  });
  const outside = codes.filter((code) => !within(code.x, xDomain) || !within(code.y, yDomain)).length;
  const note = outside > 0 ? `${outside} of ${codes.length} codes lie outside of the field shown.` : "";
  const subtitle = [options.subtitle, note].filter(Boolean).join(" ");
  const bar = colourBarBlock(scale, options.valueLabel ?? "log √det G", innerHeight);
  const legend = legendBlock(
    legendOf(options, endpoints.length > 0),
    innerHeight,
    hexOf(tableColour(scale.table, 128)),
  );
  return composeFigure(panel, [bar, legend], { ...options, subtitle });
}

function check(options: LatentMapOptions): void {
  const { xs, ys, values, codes = [], geodesics = [], straightLines = [], endpoints = [], contour } = options;
  expectEvenGrid(xs, "xs");
  expectEvenGrid(ys, "ys");
  const grid = `a grid of ${ys.length} rows and ${xs.length} columns`;
  const place = (k: number) =>
    `row ${Math.floor(k / xs.length)}, column ${k % xs.length}, at (${xs[k % xs.length]}, ${ys[Math.floor(k / xs.length)]})`;
  expectLength(values, xs.length * ys.length, "values", grid);
  expectFinite(values, "values", place);
  if (contour) {
    expectLength(contour.values, xs.length * ys.length, "contour.values", grid);
    expectFinite(contour.values, "contour.values", place);
    expectFinite(contour.levels, "contour.levels");
  }
  for (const [name, curves] of Object.entries({ geodesics, straightLines }))
    curves.forEach((curve, k) => {
      expectThat(
        curve.length >= 4 && curve.length % 2 === 0,
        () =>
          `${name}[${k}] has ${curve.length} numbers, but a curve needs x and y of two or more points: pass [T * 2].`,
      );
      expectFinite(curve, `${name}[${k}]`);
    });
  endpoints.forEach((point, k) => {
    expectFinite(point, `endpoints[${k}]`);
  });
  codes.forEach((code, k) => {
    expectFinite([code.x, code.y], `codes[${k}]`, (axis) => "xy"[Number(axis)]);
    expectThat(
      code.label === undefined || (Number.isInteger(code.label) && code.label >= 0),
      () => `codes[${k}].label is ${code.label}, but must be a class number 0, 1, ...: number the classes.`,
    );
  });
}

/** The interval that the cells of evenly spaced nodes cover: half a step beyond the outer nodes. */
function cellEdges(coordinates: ArrayLike<number>): [number, number] {
  const last = coordinates.length - 1;
  const half = (coordinates[last] - coordinates[0]) / last / 2;
  return [coordinates[0] - half, coordinates[last] + half];
}

function contourElements(
  xs: ArrayLike<number>,
  ys: ArrayLike<number>,
  contour: { values: ArrayLike<number>; levels: readonly number[] },
  { x, y }: Scales,
): string {
  return contour.levels
    .map((level) => {
      const pieces = contourPieces(xs, ys, contour.values, level);
      const path = pieces.map(([x1, y1, x2, y2]) => `M${short(x(x1))},${short(y(y1))}L${short(x(x2))},${short(y(y2))}`);
      return path.length > 0 ? linePath(path.join(""), CONTOUR, "contour") : "";
    })
    .join("");
}

/** Whether any line of the contour runs through the frame. */
function isDrawn(
  { xs, ys }: LatentMapOptions,
  { values, levels }: { values: ArrayLike<number>; levels: readonly number[] },
): boolean {
  return levels.some((level) => contourPieces(xs, ys, values, level).length > 0);
}

function codeLayer(codes: readonly Code[], scales: Scales): string {
  const radius = codes.length > 3000 ? 1.8 : codes.length > 800 ? 2.3 : 3;
  const outlineWidth = codes.length > 3000 ? 0.4 : 0.7;
  const parts: string[] = [];
  for (let start = 0; start < codes.length; start += BATCH) {
    const byClass = new Map<number, string[]>();
    for (const { x, y, label = 0 } of codes.slice(start, start + BATCH)) {
      const paths = byClass.get(label) ?? [];
      paths.push(shapePath(classLook(label).shape, scales.x(x), scales.y(y), radius));
      byClass.set(label, paths);
    }
    for (const [label, paths] of byClass) parts.push(markerPath(paths, codeStyle(label), "codes", outlineWidth));
  }
  return parts.join("");
}

/** White with a dark rim: seen on the darkest and the lightest ground. */
function geodesicStyle(many: boolean): LineStyle {
  return { stroke: "#ffffff", width: many ? 1.4 : 2, casing: "#111111" };
}

/** Dark dashes on a light line, thinner than the geodesics. */
function straightStyle(many: boolean): LineStyle {
  return { stroke: "#111111", width: many ? 1 : 1.5, dash: "4 4", casing: "#ffffff", casingOpacity: 0.9, rim: 0.45 };
}

function codeStyle(label: number): MarkerStyle {
  const { colour, shape } = classLook(label);
  return { shape, fill: colour, outline: "#ffffff" };
}

function legendOf(options: LatentMapOptions, hasEndpoints: boolean): LegendGroup[] {
  const { codes = [], labelNames, geodesics = [], straightLines = [], contour } = options;
  const counts = new Map<number, number>();
  for (const { label = 0 } of codes) counts.set(label, (counts.get(label) ?? 0) + 1);
  const labels = [...counts.keys()].sort((a, b) => a - b);
  const named = codes.some((code) => code.label !== undefined);
  const curves = [
    { name: `geodesic${plural(geodesics.length)}`, line: geodesicStyle(false), present: geodesics.length > 0 },
    {
      name: `straight line${plural(straightLines.length)}`,
      line: straightStyle(false),
      present: straightLines.length > 0,
    },
    {
      name: geodesics.length + straightLines.length > 0 ? "endpoints" : "marked point",
      marker: ENDPOINT,
      present: hasEndpoints,
    },
    { name: contour?.label ?? "", line: CONTOUR, present: contour !== undefined && isDrawn(options, contour) },
  ];
  const classes = labels.map((label) => ({
    name: named ? (labelNames?.[label] ?? String(label)) : "codes",
    marker: codeStyle(label),
  }));
  const repeats = labels.some((label) => label >= DISTINCT_CLASSES) ? " (looks repeat)" : "";
  return [
    { heading: "curves", entries: curves.filter((entry) => entry.present) },
    { heading: named ? `${options.labelHeading ?? "class"}${repeats}` : "data", entries: classes },
  ];
}

function plural(count: number): string {
  return count === 1 ? "" : `s (${count})`;
}

function endsOf(curve: ArrayLike<number>): [number, number][] {
  const last = curve.length - 2;
  return [
    [curve[0], curve[1]],
    [curve[last], curve[last + 1]],
  ];
}

function curveElement(curve: ArrayLike<number>, scales: Scales, plane: Box, style: LineStyle, name: string): string {
  const points = Array.from({ length: curve.length / 2 }, (_, k): [number, number] => {
    return [scales.x(curve[2 * k]), scales.y(curve[2 * k + 1])];
  });
  const path = cutPath(points, plane);
  return path ? linePath(path, style, name) : "";
}

function within(value: number, [low, high]: readonly [number, number]): boolean {
  return value >= low && value <= high;
}

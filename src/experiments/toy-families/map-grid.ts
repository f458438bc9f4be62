/**
 * Several latent planes side by side on one colour scale: heat maps with codes and curves, small multiples of
 * `latentMap`. One colour bar and one legend for all.
 */
import { type ColourScale, colourBarBlock } from "../../plots/colour-bar.js";
import { classLook, colourTable, hexOf, shapePath, tableColour } from "../../plots/colours.js";
import { type Box, cutPath } from "../../plots/cutting.js";
import { heatPng } from "../../plots/heat-image.js";
import { type LegendEntry, type LineStyle, legendBlock, linePath, markerPath } from "../../plots/legend.js";
import { drawPanel } from "../../plots/panel.js";
import { dataUrl } from "../../plots/png.js";
import { imageElement, layer, type Scales, svgDocument } from "../../plots/render.js";
import { textElement, wrapText } from "../../plots/text.js";

/** How a set of curves is drawn. */
export type CurveLook = "geodesic" | "second" | "straight";

export interface CurveSet {
  readonly look: CurveLook;
  /** Curves, x and y of one point after another. */
  readonly curves: readonly ArrayLike<number>[];
}

/** One latent plane. */
export interface PlaneMap {
  readonly title: string;
  /** Coordinates of the grid's columns and rows. */
  readonly xs: ArrayLike<number>;
  readonly ys: ArrayLike<number>;
  /** The field, row by row. */
  readonly values: ArrayLike<number>;
  /** x and y of one code after another. */
  readonly codes: ArrayLike<number>;
  /** Classes of the codes. */
  readonly labels?: ArrayLike<number>;
  readonly curves: readonly CurveSet[];
}

export interface MapGridOptions {
  readonly maps: readonly PlaneMap[];
  readonly columns: number;
  /** Pixels along a plane's longer side. */
  readonly size: number;
  /** Ends of the colour scale of all maps; values beyond have the end colours. */
  readonly range: readonly [number, number];
  readonly valueLabel: string;
  readonly curveNames: Partial<Record<CurveLook, string>>;
  readonly codesName?: string;
  readonly labelNames?: readonly string[];
  readonly title: string;
  readonly subtitle?: string;
  readonly caption?: string;
}

const LOOKS: Record<CurveLook, LineStyle> = {
  geodesic: { stroke: "#ffffff", width: 1.7, casing: "#111111" },
  second: { stroke: "#ffa90e", width: 1.7, casing: "#111111" },
  straight: { stroke: "#111111", width: 1.1, dash: "4 3", casing: "#ffffff", casingOpacity: 0.9, rim: 0.45 },
};
const ORDER: readonly CurveLook[] = ["straight", "second", "geodesic"];
const PADDING = 14;
const GAP = 10;
const TITLE = 13;

/** Draws the maps; returns an SVG document. */
export async function mapGrid(options: MapGridOptions): Promise<string> {
  const { maps, columns, size, range } = options;
  const all = maps.flatMap(({ values }) => Array.from(values));
  const [dataLow, dataHigh] = all.reduce(([low, high], v) => [Math.min(low, v), Math.max(high, v)], [all[0], all[0]]);
  const scale: ColourScale = {
    table: colourTable("viridis"),
    low: range[0],
    high: range[1],
    dataLow,
    dataHigh,
    clipped: dataLow < range[0] || dataHigh > range[1] ? "beyond the bar the end colours" : "",
  };
  const panels = await Promise.all(maps.map((map) => planePanel(map, size, scale, options)));
  const width = Math.max(...panels.map((panel) => panel.width));
  const height = Math.max(...panels.map((panel) => panel.height)) + TITLE + 8;
  const used = Math.min(columns, maps.length);
  const rows = Math.ceil(maps.length / columns);
  const bar = colourBarBlock(scale, options.valueLabel, Math.min(panels[0].innerHeight * Math.min(rows, 2), 420));
  const legend = legendBlock(legendOf(options), rows * height, hexOf(tableColour(scale.table, 90)));
  const stacked = rows > 1; // the legend below the bar, where there is room
  const beside = stacked ? Math.max(bar.width, legend.width) : bar.width + 18 + legend.width;
  const total = 2 * PADDING + used * (width + GAP) + 18 + beside;
  const parts: string[] = [];
  let y = PADDING;
  const write = (text: string | undefined, textSize: number, bold: boolean, fill: string) => {
    for (const line of text ? wrapText(text, textSize, total - 2 * PADDING, bold) : []) {
      parts.push(textElement(line, PADDING, y + textSize, { size: textSize, bold, fill }));
      y += textSize * 1.35;
    }
    y += text ? 4 : 0;
  };
  write(options.title, 17, true, "#222222");
  write(options.subtitle, 13, false, "#555555");
  y = Math.round(y + 4);
  panels.forEach((panel, k) => {
    const left = PADDING + (k % columns) * (width + GAP);
    const top = y + Math.floor(k / columns) * height;
    const middle = left + panel.left + panel.innerWidth / 2;
    parts.push(textElement(maps[k].title, middle, top + TITLE, { size: TITLE, bold: true, anchor: "middle" }));
    const markup = panel.markup
      .replace(/^<svg[^>]*?( text-anchor="\w+")/, `<g transform="translate(${left} ${top + TITLE})"$1`)
      .replace(/<\/svg>$/, "</g>");
    parts.push(markup);
  });
  const right = PADDING + used * (width + GAP) + 18;
  const top = y + TITLE + panels[0].top;
  parts.push(`<g transform="translate(${right} ${top})">${bar.markup}</g>`);
  const [legendLeft, legendTop] = stacked ? [right, top + bar.height + 30] : [right + bar.width + 18, top];
  parts.push(`<g transform="translate(${legendLeft} ${legendTop})">${legend.markup}</g>`);
  y += Math.max(rows * height, legendTop + legend.height - y + 10);
  write(options.caption, 12, false, "#555555");
  return svgDocument(total, y + PADDING, parts.join(""));
}

function planePanel(map: PlaneMap, size: number, scale: ColourScale, options: MapGridOptions) {
  const [xDomain, yDomain] = [cellEdges(map.xs), cellEdges(map.ys)];
  const perUnit = size / Math.max(xDomain[1] - xDomain[0], yDomain[1] - yDomain[0]);
  const innerWidth = Math.round((xDomain[1] - xDomain[0]) * perUnit);
  const innerHeight = Math.round((yDomain[1] - yDomain[0]) * perUnit);
  const heat = dataUrl(heatPng(map.values, map.xs.length, map.ys.length, scale));
  return drawPanel({
    x: { label: "z₁", domain: xDomain },
    y: { label: "z₂", domain: yDomain },
    innerWidth,
    innerHeight,
    marks: (_plot, plane) => [
      layer(({ x, y }) => imageElement(heat, x(xDomain[0]), y(yDomain[1]), innerWidth, innerHeight)),
      layer((scales) => codeMarks(map, scales, plane)),
      ...ORDER.filter((look) => options.curveNames[look] !== undefined).map((look) =>
        layer((scales) =>
          map.curves
            .filter((set) => set.look === look)
            .flatMap(({ curves }) => curves.map((curve) => curveMark(curve, look, scales, plane)))
            .join(""),
        ),
      ),
    ],
  });
}

function codeMarks({ codes, labels }: PlaneMap, { x, y }: Scales, plane: Box): string {
  const byClass = new Map<number, string[]>();
  const radius = codes.length > 1600 ? 1.5 : 1.8;
  for (let k = 0; k + 1 < codes.length; k += 2) {
    const [px, py] = [x(codes[k]), y(codes[k + 1])];
    if (px < plane.left || px > plane.right || py < plane.top || py > plane.bottom) continue;
    const label = labels ? labels[k / 2] : 0;
    byClass.set(label, [...(byClass.get(label) ?? []), shapePath(lookOf(label, labels).shape, px, py, radius)]);
  }
  return [...byClass]
    .map(([label, paths]) => {
      const { colour, shape } = lookOf(label, labels);
      return markerPath(paths, { shape, fill: colour, outline: "#ffffff" }, "codes", 0.3);
    })
    .join("");
}

function lookOf(label: number, labels: ArrayLike<number> | undefined): ReturnType<typeof classLook> {
  return labels === undefined ? { colour: "#e76300", shape: "circle" } : classLook(label);
}

function curveMark(curve: ArrayLike<number>, look: CurveLook, { x, y }: Scales, plane: Box): string {
  const points = Array.from({ length: curve.length / 2 }, (_, k): [number, number] => [
    x(curve[2 * k]),
    y(curve[2 * k + 1]),
  ]);
  const path = cutPath(points, plane);
  return path ? linePath(path, LOOKS[look], look) : "";
}

function legendOf({ maps, curveNames, codesName, labelNames }: MapGridOptions) {
  const curves: LegendEntry[] = [...ORDER]
    .reverse()
    .flatMap((look) => (curveNames[look] === undefined ? [] : [{ name: curveNames[look], line: LOOKS[look] }]));
  const labels = [...new Set(maps.flatMap((map) => Array.from(map.labels ?? [])))].sort((a, b) => a - b);
  const classes: LegendEntry[] =
    labels.length > 0
      ? labels.map((label) => {
          const { colour, shape } = classLook(label);
          return { name: labelNames?.[label] ?? String(label), marker: { shape, fill: colour, outline: "#ffffff" } };
        })
      : [{ name: codesName ?? "codes", marker: { shape: "circle", fill: "#e76300", outline: "#ffffff" } }];
  return [
    { heading: "curves", entries: curves },
    { heading: labels.length > 0 ? (codesName ?? "class") : "data", entries: classes },
  ];
}

/** The interval that the cells of evenly spaced nodes cover: half a step beyond the outer nodes. */
function cellEdges(coordinates: ArrayLike<number>): [number, number] {
  const last = coordinates.length - 1;
  const half = (coordinates[last] - coordinates[0]) / last / 2;
  return [coordinates[0] - half, coordinates[last] + half];
}

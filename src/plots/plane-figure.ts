/**
 * A small picture of a latent plane with a colour bar of its own and no legend: a field, codes, curves, level lines.
 * For several in one picture, see `figureGrid`; `planeLegend` explains the marks of all.
 */
import { expectFinite, expectLength } from "./checks.js";
import { type ColourScale, colourBarBlock, colourScale } from "./colour-bar.js";
import { type ColourMapName, classLook, colourTable, hexOf, shapePath, short, tableColour } from "./colours.js";
import { contourPieces } from "./contours.js";
import { cutPath, insideBox } from "./cutting.js";
import { type Block, composeFigure, type Words } from "./figure.js";
import { heatPng } from "./heat-image.js";
import { type LegendEntry, type LineStyle, legendBlock, linePath, markerPath } from "./legend.js";
import { drawPanel } from "./panel.js";
import { dataUrl } from "./png.js";
import { imageElement, layer, type Scales } from "./render.js";

export interface PlaneFigureOptions extends Words {
  /** Coordinates of the grid's columns and rows, rising in equal steps. */
  readonly xs: ArrayLike<number>;
  readonly ys: ArrayLike<number>;
  /** The field, one row after another, all finite. */
  readonly values: ArrayLike<number>;
  readonly valueLabel: string;
  /** Percentiles at which colours end; see `colourScale`. */
  readonly clip?: "auto" | "none" | readonly [number, number];
  readonly colourMap?: ColourMapName;
  /** x and y of one code after another, and their classes. */
  readonly codes?: ArrayLike<number>;
  readonly labels?: ArrayLike<number>;
  /** Curves, x and y of one point after another. */
  readonly geodesics?: readonly ArrayLike<number>[];
  readonly straightLines?: readonly ArrayLike<number>[];
  /** Level lines of a second field on the grid. */
  readonly contour?: { readonly values: ArrayLike<number>; readonly level: number };
  readonly xLabel?: string;
  readonly yLabel?: string;
  /** Pixels along the plane's longer side. */
  readonly size?: number;
}

const GEODESIC: LineStyle = { stroke: "#ffffff", width: 1.6, casing: "#111111" };
const STRAIGHT: LineStyle = {
  stroke: "#111111",
  width: 1.1,
  dash: "4 3",
  casing: "#ffffff",
  casingOpacity: 0.9,
  rim: 0.45,
};
const CONTOUR: LineStyle = { stroke: "#e6007e", width: 1.4, casing: "#ffffff", rim: 0.8 };

/** Draws the plane. @returns an SVG document @throws UsageError for sizes that differ or values that are not finite */
export async function planeFigure(options: PlaneFigureOptions): Promise<string> {
  const { xs, ys, values, codes = [], labels, geodesics = [], straightLines = [], contour, size = 300 } = options;
  expectLength(values, xs.length * ys.length, "values", `a grid of ${ys.length} rows and ${xs.length} columns`);
  expectFinite(values, "values");
  const table = colourTable(options.colourMap ?? "viridis");
  const scale: ColourScale = colourScale(values, table, options.clip);
  const [xDomain, yDomain] = [cellEdges(xs), cellEdges(ys)];
  const perUnit = size / Math.max(xDomain[1] - xDomain[0], yDomain[1] - yDomain[0]);
  const [innerWidth, innerHeight] = [xDomain, yDomain].map(([low, high]) => Math.round((high - low) * perUnit));
  const heat = dataUrl(heatPng(values, xs.length, ys.length, scale));
  const panel = await drawPanel({
    x: { label: options.xLabel ?? "z₁", domain: xDomain },
    y: { label: options.yLabel ?? "z₂", domain: yDomain },
    innerWidth,
    innerHeight,
    marks: (_plot, plane) => {
      const curves = (lines: readonly ArrayLike<number>[], style: LineStyle, name: string) =>
        layer((scales) =>
          lines
            .map((line) => {
              const path = cutPath(pointsOf(line, scales), plane);
              return path ? linePath(path, style, name) : "";
            })
            .join(""),
        );
      return [
        layer(({ x, y }) => imageElement(heat, x(xDomain[0]), y(yDomain[1]), innerWidth, innerHeight)),
        layer(({ x, y }) => {
          if (!contour) return "";
          const pieces = contourPieces(xs, ys, contour.values, contour.level);
          const path = pieces.map(
            ([x1, y1, x2, y2]) => `M${short(x(x1))},${short(y(y1))}L${short(x(x2))},${short(y(y2))}`,
          );
          return path.length > 0 ? linePath(path.join(""), CONTOUR, "contour") : "";
        }),
        layer((scales) => {
          const byClass = new Map<number, string[]>();
          pointsOf(codes, scales).forEach((point, i) => {
            if (!insideBox(point, plane)) return;
            const label = labels?.[i] ?? 0;
            byClass.set(label, [
              ...(byClass.get(label) ?? []),
              shapePath(classLook(label).shape, point[0], point[1], 1.7),
            ]);
          });
          return [...byClass].map(([label, paths]) => markerPath(paths, markerOf(label), "codes", 0.3)).join("");
        }),
        curves(straightLines, STRAIGHT, "straight-line"),
        curves(geodesics, GEODESIC, "geodesic"),
      ];
    },
  });
  return composeFigure(panel, [colourBarBlock(scale, options.valueLabel, innerHeight)], options);
}

/** The legend of such pictures: `names` of what occurs. */
export function planeLegend(
  names: {
    readonly geodesics?: string;
    readonly straightLines?: string;
    readonly contour?: string;
    readonly codes?: string;
  },
  labelNames: readonly string[] = [],
  labelHeading = "class",
): Block {
  const curves: LegendEntry[] = [
    ...(names.geodesics ? [{ name: names.geodesics, line: GEODESIC }] : []),
    ...(names.straightLines ? [{ name: names.straightLines, line: STRAIGHT }] : []),
    ...(names.contour ? [{ name: names.contour, line: CONTOUR }] : []),
    ...(names.codes ? [{ name: names.codes, marker: markerOf(0) }] : []),
  ];
  const classes = labelNames.map((name, label) => ({ name, marker: markerOf(label) }));
  return legendBlock(
    [{ entries: curves }, ...(classes.length > 0 ? [{ heading: labelHeading, entries: classes }] : [])],
    600,
    hexOf(tableColour(colourTable("viridis"), 110)),
  );
}

function markerOf(label: number) {
  const { colour, shape } = classLook(label);
  return { shape, fill: colour, outline: "#ffffff" };
}

function pointsOf(numbers: ArrayLike<number>, { x, y }: Scales): [number, number][] {
  return Array.from({ length: numbers.length / 2 }, (_, i) => [x(numbers[2 * i]), y(numbers[2 * i + 1])]);
}

/** The interval that the cells of evenly spaced nodes cover: half a step beyond the outer nodes. */
function cellEdges(coordinates: ArrayLike<number>): [number, number] {
  const last = coordinates.length - 1;
  const half = (coordinates[last] - coordinates[0]) / last / 2;
  return [coordinates[0] - half, coordinates[last] + half];
}

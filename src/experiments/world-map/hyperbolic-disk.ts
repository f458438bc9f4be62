/** A density on the hyperbolic plane, in the Poincare disk: per unit of hyperbolic area, so that a shift of it is a shift. */
import { type NdArray, ndarray } from "../../engine/index.js";
import { composeFigure, type Words } from "../../plots/figure.js";
import { densityBar, densityImage, densityScale } from "./density-bar.js";

const SIZE = 480;

export interface DiskOptions {
  /** c > 0, for -c. */
  readonly curvature: number;
  /** Cells across. */
  readonly resolution: number;
  /** Points of the ball to mark, row-major. [m * 2] */
  readonly points: ArrayLike<number>;
  readonly words: Words;
}

/** Draws it as SVG, with circles at whole distances from the centre. */
export async function hyperbolicDisk(
  logDensity: (points: NdArray) => Promise<ArrayLike<number>>,
  { curvature, resolution, points, words }: DiskOptions,
): Promise<string> {
  const root = Math.sqrt(curvature);
  const cells: number[] = [];
  const places: number[] = [];
  for (let row = 0; row < resolution; row++)
    for (let column = 0; column < resolution; column++) {
      const [x, y] = [(2 * (column + 0.5)) / resolution - 1, 1 - (2 * (row + 0.5)) / resolution];
      if (Math.hypot(x, y) > 0.995) continue; // distance 6 / sqrt(c): nothing is to be seen beyond
      cells.push(row * resolution + column);
      places.push(x / root, y / root);
    }
  const values = await logDensity(ndarray(Float64Array.from(places), [cells.length, 2]));
  const logarithms = Float64Array.from(values, (value) => value / Math.LN10);
  const scale = densityScale(logarithms);
  const [half, edge] = [SIZE / 2, SIZE / 2];
  const circle = (radius: number) =>
    `M${(half - radius).toFixed(1)},${half}a${radius.toFixed(1)},${radius.toFixed(1)} 0 1 0 ${(2 * radius).toFixed(1)},0a${radius.toFixed(1)},${radius.toFixed(1)} 0 1 0 ${(-2 * radius).toFixed(1)},0Z`;
  const rings = Array.from({ length: Math.floor(5 / root) }, (_, k) => circle(Math.tanh((root * (k + 1)) / 2) * edge));
  const marks: string[] = [];
  for (let i = 0; i + 1 < points.length; i += 2)
    marks.push(
      `<circle cx="${(half + points[i] * root * edge).toFixed(1)}" cy="${(half - points[i + 1] * root * edge).toFixed(1)}" r="${points.length > 600 ? 1.4 : 2.2}"/>`,
    );
  const image = densityImage(cells, logarithms, resolution, resolution, scale);
  const markup =
    `<svg width="${SIZE}" height="${SIZE}" text-anchor="middle">` +
    `<image x="0" y="0" width="${SIZE}" height="${SIZE}" preserveAspectRatio="none" href="${image}"/>` +
    `<path d="M-1,-1H${SIZE + 1}V${SIZE + 1}H-1Z${circle(edge)}" fill="#ffffff" fill-rule="evenodd"/>` +
    `<path d="${rings.join("")}" fill="none" stroke="#ffffff" stroke-opacity="0.35" stroke-width="0.7"/>` +
    `<path d="${circle(edge)}" fill="none" stroke="#222222"/>` +
    `<g fill="#ffffff" fill-opacity="0.9" stroke="#000000" stroke-width="0.7">${marks.join("")}</g></svg>`;
  const panel = { markup, width: SIZE, height: SIZE, left: 0, top: 0, innerWidth: SIZE, innerHeight: SIZE };
  return composeFigure(panel, [densityBar(scale, "density per unit of hyperbolic area", 380)], words);
}

/**
 * A density on the sphere as a world map in Mollweide's projection, which keeps areas: equal areas of the picture are
 * equal areas of the globe. A raster of the density, a graticule every 30 degrees, places as points. Coastlines are
 * not drawn (they need a data set of their own).
 *
 * Mollweide: x = (2 sqrt 2 / pi) lambda cos theta, y = sqrt 2 sin theta, 2 theta + sin 2 theta = pi sin phi
 * (Snyder, Map Projections: A Working Manual, USGS 1987, p. 249).
 */
import { type NdArray, ndarray } from "../engine/index.js";
import { colourBarBlock, colourScale } from "../plots/colour-bar.js";
import { colourTable } from "../plots/colours.js";
import { composeFigure, type Words } from "../plots/figure.js";
import { heatPng } from "../plots/heat-image.js";
import { dataUrl } from "../plots/png.js";
import { imageElement } from "../plots/render.js";

const ROOT = Math.SQRT2;
const WIDTH = 720;
const HEIGHT = 360;

/** Longitude and latitude (radians) to the ellipse |x| <= 2 sqrt 2, |y| <= sqrt 2. */
export function mollweide(longitude: number, latitude: number): [number, number] {
  const aim = Math.PI * Math.sin(latitude);
  let theta = latitude;
  if (Math.abs(latitude) > Math.PI / 2 - 1e-9) theta = (Math.sign(latitude) * Math.PI) / 2;
  else
    for (let step = 0; step < 50; step++) {
      const change = (2 * theta + Math.sin(2 * theta) - aim) / (2 + 2 * Math.cos(2 * theta));
      theta -= change;
      if (Math.abs(change) < 1e-12) break;
    }
  return [((2 * ROOT) / Math.PI) * longitude * Math.cos(theta), ROOT * Math.sin(theta)];
}

/** The inverse, or undefined outside of the ellipse. */
export function inverseMollweide(x: number, y: number): [number, number] | undefined {
  if ((x / (2 * ROOT)) ** 2 + (y / ROOT) ** 2 >= 1) return undefined;
  const theta = Math.asin(y / ROOT);
  return [(Math.PI * x) / (2 * ROOT * Math.cos(theta)), Math.asin((2 * theta + Math.sin(2 * theta)) / Math.PI)];
}

/** Pixels of the map that lie on the globe, and the unit vectors under them. */
export interface MapGrid {
  readonly columns: number;
  readonly rows: number;
  /** Index of each point's pixel, bottom row first. */
  readonly pixels: Int32Array;
  /** [N, 3] */
  readonly points: NdArray;
}

/** An equal-area grid of the globe, `columns` x `columns / 2` pixels. */
export function mapGrid(columns = 240): MapGrid {
  const rows = Math.round(columns / 2);
  const pixels: number[] = [];
  const points: number[] = [];
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const place = inverseMollweide(
        2 * ROOT * ((2 * (column + 0.5)) / columns - 1),
        ROOT * ((2 * (row + 0.5)) / rows - 1),
      );
      if (place === undefined) continue;
      const [longitude, latitude] = place;
      pixels.push(row * columns + column);
      points.push(
        Math.cos(latitude) * Math.cos(longitude),
        Math.cos(latitude) * Math.sin(longitude),
        Math.sin(latitude),
      );
    }
  return {
    columns,
    rows,
    pixels: Int32Array.from(pixels),
    points: ndarray(Float64Array.from(points), [pixels.length, 3]),
  };
}

/** The mean density over the equal-area pixels times 4 pi: about 1. */
export function massOnMap(logDensity: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < logDensity.length; i++) total += Math.exp(logDensity[i]);
  return (4 * Math.PI * total) / logDensity.length;
}

/**
 * Draws the map as SVG.
 * @param logDensity at the grid's points, [N], natural logarithm, per steradian
 * @param places unit vectors to mark, row-major [m * 3]
 * @param floor log10 densities below count as this; default -4
 */
export function worldMap(
  grid: MapGrid,
  logDensity: ArrayLike<number>,
  places: ArrayLike<number>,
  words: Words,
  floor = -4,
): string {
  const inside = Float64Array.from(logDensity as ArrayLike<number>, (value) => Math.max(value / Math.LN10, floor));
  const scale = colourScale(inside, colourTable("viridis"), "none");
  const values = new Float64Array(grid.columns * grid.rows).fill(scale.low);
  // Pixels cut by the outline take the value of the nearest one inside, in their row.
  for (let i = 0; i < inside.length; i++) {
    const [pixel, row] = [grid.pixels[i], Math.floor(grid.pixels[i] / grid.columns)];
    const first = i === 0 || Math.floor(grid.pixels[i - 1] / grid.columns) !== row;
    const last = i === inside.length - 1 || Math.floor(grid.pixels[i + 1] / grid.columns) !== row;
    values.fill(inside[i], first ? row * grid.columns : pixel, last ? (row + 1) * grid.columns : pixel + 1);
  }
  const heat = dataUrl(heatPng(values, grid.columns, grid.rows, scale));
  const at = ([x, y]: readonly [number, number]) =>
    `${((x / (2 * ROOT) + 1) * (WIDTH / 2)).toFixed(1)},${((1 - y / ROOT) * (HEIGHT / 2)).toFixed(1)}`;
  const line = (points: readonly [number, number][]) => `M${points.map(at).join("L")}`;
  const steps = Array.from({ length: 61 }, (_, i) => i / 60);
  const lines: string[] = [];
  for (let k = -6; k <= 6; k++) lines.push(line(steps.map((s) => mollweide((k * Math.PI) / 6, Math.PI * (s - 0.5)))));
  for (let k = -2; k <= 2; k++)
    lines.push(line(steps.map((s) => mollweide(2 * Math.PI * (s - 0.5), (k * Math.PI) / 6))));
  const ellipse = `M0,${HEIGHT / 2}A${WIDTH / 2},${HEIGHT / 2} 0 1 1 ${WIDTH},${HEIGHT / 2}A${WIDTH / 2},${HEIGHT / 2} 0 1 1 0,${HEIGHT / 2}Z`;
  const marks: string[] = [];
  for (let i = 0; i + 2 < places.length; i += 3) {
    const spot = mollweide(Math.atan2(places[i + 1], places[i]), Math.asin(Math.max(-1, Math.min(1, places[i + 2]))));
    const [x, y] = at(spot).split(",");
    marks.push(`<circle cx="${x}" cy="${y}" r="1.6"/>`);
  }
  const markup =
    `<svg width="${WIDTH}" height="${HEIGHT}" text-anchor="middle">` +
    imageElement(heat, 0, 0, WIDTH, HEIGHT) +
    `<path d="M-1,-1H${WIDTH + 1}V${HEIGHT + 1}H-1Z${ellipse}" fill="#ffffff" fill-rule="evenodd"/>` +
    `<path d="${lines.join("")}" fill="none" stroke="#ffffff" stroke-opacity="0.3" stroke-width="0.7"/>` +
    `<path d="${ellipse}" fill="none" stroke="#222222"/>` +
    `<g fill="#ff3b30" stroke="#ffffff" stroke-width="0.4">${marks.join("")}</g></svg>`;
  const panel = {
    markup,
    width: WIDTH,
    height: HEIGHT,
    left: 0,
    top: 0,
    innerWidth: WIDTH,
    innerHeight: HEIGHT,
  };
  const bar = colourBarBlock(scale, "log10 density, per steradian", HEIGHT);
  return composeFigure(panel, [bar], words);
}

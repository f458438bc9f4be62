/**
 * Equal-area views of the sphere, by d3-geo: the whole globe in the Equal Earth projection (Savric, Patterson and
 * Jenny, 2018), or a cap around a point in Lambert's azimuthal projection. Equal areas of the picture are equal areas
 * of the sphere, so that a colour means the same mass everywhere. Coastlines: world-atlas (Natural Earth, 1:110m).
 */
import { createRequire } from "node:module";
import { geoAzimuthalEqualArea, geoDistance, geoEqualEarth, geoGraticule, geoPath } from "d3-geo";
import { feature } from "topojson-client";
import { type NdArray, ndarray } from "../../engine/index.js";

const DEGREE = Math.PI / 180;

/** A way to look at the sphere, in pixels of the drawing. */
export interface SphereView {
  readonly width: number;
  readonly height: number;
  /** The pixel of a unit vector, undefined where the view does not show it. */
  toPixel(x: ArrayLike<number>): readonly [number, number] | undefined;
  /** The unit vector under a pixel, undefined outside of the view. */
  toPoint(column: number, row: number): readonly [number, number, number] | undefined;
  /** SVG paths. */
  readonly outline: string;
  readonly graticule: string;
  readonly coastlines: string;
}

/** The whole sphere; longitude 0 in the middle, the third axis up. */
export function globeView(width = 720): SphereView {
  const projection = geoEqualEarth().fitWidth(width, { type: "Sphere" });
  const bounds = geoPath(projection).bounds({ type: "Sphere" });
  return viewOf(projection, width, bounds[1][1], [0, 0], 180);
}

/** The cap of `radius` degrees around `centre` (longitude, latitude in degrees). */
export function capView(centre: readonly [number, number], radius: number, width = 260): SphereView {
  // the outermost circle lies at 2 sin(radius / 2) in the plane
  const scale = width / 2 / (2 * Math.sin((radius * DEGREE) / 2));
  const projection = geoAzimuthalEqualArea()
    .rotate([-centre[0], -centre[1]])
    .clipAngle(radius)
    .scale(scale)
    .translate([width / 2, width / 2]);
  return viewOf(projection, width, width, centre, radius);
}

function viewOf(
  projection: ReturnType<typeof geoEqualEarth>,
  width: number,
  height: number,
  centre: readonly [number, number],
  radius: number,
): SphereView {
  const path = geoPath(projection).digits(1);
  const close = (a: readonly number[], b: readonly number[]) => Math.hypot(a[0] - b[0], a[1] - b[1]) < 1e-3;
  return {
    width,
    height,
    toPixel(x) {
      const place: [number, number] = [
        Math.atan2(x[1], x[0]) / DEGREE,
        Math.asin(Math.max(-1, Math.min(1, x[2]))) / DEGREE,
      ];
      if (geoDistance(place, [...centre]) > radius * DEGREE) return undefined;
      return projection(place) ?? undefined;
    },
    toPoint(column, row) {
      const place = projection.invert?.([column, row]);
      if (!place || !(Math.abs(place[1]) <= 90) || geoDistance(place, [...centre]) > radius * DEGREE) return undefined;
      const again = projection(place);
      // beyond the outline the inverse names a place that lies elsewhere on the map
      if (!again || !close(again, [column, row]) || Math.abs(place[0]) > 180) return undefined;
      const [longitude, latitude] = [place[0] * DEGREE, place[1] * DEGREE];
      return [Math.cos(latitude) * Math.cos(longitude), Math.cos(latitude) * Math.sin(longitude), Math.sin(latitude)];
    },
    outline: path({ type: "Sphere" }) ?? "",
    graticule:
      path(
        geoGraticule()
          .step([30, 30])
          .extentMajor([
            [-180, -89.9],
            [180, 89.9],
          ])(),
      ) ?? "",
    get coastlines() {
      return path(land()) ?? "";
    },
  };
}

let landOfTheEarth: ReturnType<typeof feature> | undefined;

function land(): ReturnType<typeof feature> {
  if (landOfTheEarth === undefined) {
    const topology = createRequire(import.meta.url)("world-atlas/land-110m.json");
    landOfTheEarth = feature(topology, topology.objects.land);
  }
  return landOfTheEarth;
}

/** Cells of a raster over a view whose centres lie on the sphere, and the unit vectors there. */
export interface MapGrid {
  readonly columns: number;
  readonly rows: number;
  /** Index of each point's cell, row by row from the top. */
  readonly cells: Int32Array;
  /** [N, 3] */
  readonly points: NdArray;
}

/** A raster of square cells of equal area, `columns` across the view. */
export function mapGrid(view: SphereView, columns: number): MapGrid {
  const side = view.width / columns;
  const rows = Math.ceil(view.height / side);
  const cells: number[] = [];
  const points: number[] = [];
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const point = view.toPoint((column + 0.5) * side, (row + 0.5) * side);
      if (point === undefined) continue;
      cells.push(row * columns + column);
      points.push(...point);
    }
  return {
    columns,
    rows,
    cells: Int32Array.from(cells),
    points: ndarray(Float64Array.from(points), [cells.length, 3]),
  };
}

/** Mass of a density over a grid of the whole globe: the mean density over cells of equal area times 4 pi. */
export function massOnMap(logDensity: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < logDensity.length; i++) total += Math.exp(logDensity[i]);
  return (4 * Math.PI * total) / logDensity.length;
}

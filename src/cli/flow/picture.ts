/** The density of a run as a picture: a map of the sphere, a torus over one and a half turns, a disk, a plane. */
import { type NdArray, ndarray } from "../../engine/index.js";
import { torusAxis, torusMap } from "../../experiments/torus/map.js";
import { hyperbolicDisk } from "../../experiments/world-map/hyperbolic-disk.js";
import { withPalette } from "../../experiments/world-map/palette-png.js";
import { globeView, mapGrid, worldMap } from "../../experiments/world-map.js";
import type { FlowManifold } from "../../flows/index.js";
import { svgToPng } from "../../plots/index.js";
import type { DensityRun } from "./open.js";

export interface DensityPictureOptions {
  /** Points of the manifold to mark. [M, n] */
  readonly marks?: NdArray;
  /** Cells across. */
  readonly resolution: number;
  readonly coastlines: boolean;
  /** Default: the density of what the run has learned, by name. */
  readonly title?: string;
}

/** S^2, T^2 and H^2 have pictures. */
export function hasPicture({ kind, dimension }: FlowManifold): boolean {
  return dimension === 2 && kind !== "euclidean";
}

/** The picture as a PNG. */
export async function drawDensity(run: DensityRun, options: DensityPictureOptions): Promise<Uint8Array> {
  return withPalette(await svgToPng(await svgOfDensity(run, options), { width: 1000 }));
}

/** "Density of quakes all" for a file quakes_all.csv. */
function defaultTitle(name: string): string {
  return `Density of ${name.replace(/\.(csv|npy|txt)$/i, "").replaceAll("_", " ")}`;
}

async function svgOfDensity(
  run: DensityRun,
  { marks, resolution, coastlines, title = defaultTitle(run.name) }: DensityPictureOptions,
): Promise<string> {
  const { kind, curvature } = run.manifold;
  const points = marks === undefined ? new Float64Array() : Float64Array.from(marks.data as ArrayLike<number>);
  const marked = marks === undefined ? "" : ` ${marks.shape[0]} points marked.`;
  if (kind === "sphere") {
    const view = globeView();
    const grid = mapGrid(view, resolution);
    const logDensity = await run.logDensity(grid.points);
    return worldMap(
      { view, grid, logDensity, places: points, coastlines },
      {
        title,
        subtitle: `Equal-area map (Equal Earth), graticule every 30 degrees.${marked}`,
      },
    );
  }
  if (kind === "torus") {
    const axis = torusAxis(resolution);
    const turn = (degrees: number) => ((degrees - 360 * Math.round(degrees / 360)) * Math.PI) / 180;
    const data = Float64Array.from(axis.flatMap((b) => axis.flatMap((a) => [turn(a), turn(b)])));
    const values = await run.logDensity(ndarray(data, [axis.length ** 2, 2]));
    return torusMap(values, points, {
      title,
      subtitle: `Over one and a half turns; dashed: one turn.${marked}`,
    });
  }
  return hyperbolicDisk((p) => run.logDensity(p), {
    curvature: curvature ?? 1,
    resolution,
    points,
    words: {
      title,
      subtitle: `Poincare disk of curvature -${curvature ?? 1}; circles at distances 1, 2, 3, ... from the centre.${marked}`,
    },
  });
}

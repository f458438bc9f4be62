/** The picture of distances from one point over a run's latent plane: under a metric, and Euclidean ones beside them. */

import type { LatentMetric } from "../metrics/index.js";
import { titleOfMetric } from "./draw-map.js";
import type { OpenRun } from "./open-run.js";
import type { Report } from "./report.js";

export interface DrawDistanceMapOptions {
  /** Cells along each side. */
  readonly resolution: number;
  /** The two latent axes that are drawn; the others stay at the source's coordinates. */
  readonly axes: readonly [number, number];
  readonly report: Report;
}

export interface DrawnDistances {
  readonly svg: string;
  /** The largest distance in the picture under the metric, and the largest Euclidean one. */
  readonly largest: { readonly metric: number; readonly euclidean: number };
  /** The drawn rectangle: [low, high] of both axes. */
  readonly box: readonly [readonly [number, number], readonly [number, number]];
}

/** Level lines in the picture. */
const LEVELS = 12;

/** @param source a latent point; the picture reaches over the codes and over it */
export async function drawDistanceMap(
  run: OpenRun,
  metric: LatentMetric,
  source: readonly number[],
  { resolution: n, axes, report }: DrawDistanceMapOptions,
): Promise<DrawnDistances> {
  const [{ distanceMap }, { figureGrid, latentMap }] = await Promise.all([
    import("../geodesics/index.js"),
    import("../plots/index.js"),
  ]);
  const at = axes.map((axis) => source[axis]) as [number, number];
  const box = [rangeOf(run, axes[0], at[0]), rangeOf(run, axes[1], at[1])] as const;
  const [xs, ys] = box.map(([low, high]) =>
    Float64Array.from({ length: n }, (_, i) => low + ((high - low) * i) / (n - 1)),
  );
  report.progress(0, 1, `distances from one point to ${n * n}`);
  const { values, freeShare } = await distanceMap(metric, source, { xs, ys, axes, precision: "float32" });
  report.progressDone();
  if (freeShare >= 0.005)
    report.say(
      `note: over ${Math.round(100 * freeShare)} % of the picture the metric is nearly zero (a decoder's uncertainty no longer changes there): all places joined by it are as good as one, and distances are those of its edge.`,
    );
  const euclidean = Float64Array.from({ length: n * n }, (_, k) =>
    Math.hypot(xs[k % n] - at[0], ys[Math.floor(k / n)] - at[1]),
  );
  const map = (title: string, field: Float64Array, valueLabel: string) =>
    latentMap({
      xs,
      ys,
      values: field,
      valueLabel,
      clip: "none",
      title,
      contour: { values: field, levels: levelsOf(field), label: `${LEVELS} equal steps` },
      endpoints: [at],
      xLabel: `z${axes[0] + 1}`,
      yLabel: `z${axes[1] + 1}`,
    });
  const slice = run.dimension > 2 ? `; within the slice through it, of ${run.dimension} latent dimensions` : "";
  const svg = figureGrid(
    [
      await map(titleOfMetric(metric.name), values, "distance under the metric"),
      await map("Euclidean", euclidean, "Euclidean latent distance"),
    ],
    { columns: 2, title: `Distances from the marked point, ${run.name}${slice}` },
  );
  const largest = (field: Float64Array) => field.reduce((a, b) => Math.max(a, b), 0);
  return { svg, largest: { metric: largest(values), euclidean: largest(euclidean) }, box };
}

function levelsOf(field: Float64Array): number[] {
  const top = field.reduce((a, b) => Math.max(a, b), 0);
  return Array.from({ length: LEVELS - 1 }, (_, k) => ((k + 1) * top) / LEVELS);
}

/** Where the codes lie along an axis, and the source, with a margin. */
function rangeOf(run: OpenRun, axis: number, value: number): readonly [number, number] {
  const [n, d] = run.codes.shape;
  const sorted = Float64Array.from({ length: n }, (_, i) => run.codes.data[i * d + axis]).sort();
  const [low, high] = n === 0 ? [-3, 3] : [sorted[Math.floor(0.002 * (n - 1))], sorted[Math.ceil(0.998 * (n - 1))]];
  const margin = 0.12 * (high - low) || 1;
  return [Math.min(low - margin, value - margin / 2), Math.max(high + margin, value + margin / 2)];
}

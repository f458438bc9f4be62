/** The picture of a run's latent plane: log magnification factor, codes, geodesics against straight lines. */
import type { NdArray, Tensor } from "../engine/index.js";
import type { GeodesicResult } from "../geodesics/index.js";
import type { LatentMetric } from "../metrics/index.js";
import { permutation, randomKey, split } from "../numerics/random.js";
import type { LatentMapOptions } from "../plots/index.js";
import { gateOf, knownCodes, type OpenRun } from "./open-run.js";
import type { Report } from "./report.js";

export interface DrawMapOptions {
  /** Cells along each side. */
  readonly resolution: number;
  /** The two latent axes that are drawn; the others stay at the mean of the codes. */
  readonly axes?: readonly [number, number];
  /** Geodesics that are already solved. */
  readonly geodesics?: readonly GeodesicResult[];
  /** How many geodesics between random codes to solve and draw, where none are given. */
  readonly pairs?: number;
  readonly seed?: number;
  readonly report: Report;
}

export interface DrawnMap {
  readonly svg: string;
  /** Smallest and largest log magnification factor. */
  readonly range: readonly [number, number];
  /** The drawn rectangle: [low, high] of both axes. */
  readonly box: readonly [readonly [number, number], readonly [number, number]];
}

const DRAWN_CODES = 3000;

export async function drawMap(run: OpenRun, metric: LatentMetric, options: DrawMapOptions): Promise<DrawnMap> {
  const { resolution: n, axes = [0, 1], report } = options;
  const [{ evaluate, logMagnificationFactor }, { latentMap }] = await Promise.all([
    import("../metrics/index.js"),
    import("../plots/index.js"),
  ]);
  const d = run.dimension;
  const results = options.geodesics ?? (await randomGeodesics(run, metric, options));
  const box = [rangeOf(run, axes[0]), rangeOf(run, axes[1])] as const;
  const coordinates = box.map(([low, high]) => Array.from({ length: n }, (_, i) => low + ((high - low) * i) / (n - 1)));
  const centre = meanCode(run);
  const data = new Float64Array(n * n * d);
  for (let row = 0, k = 0; row < n; row++)
    for (let column = 0; column < n; column++, k += d) {
      data.set(centre, k);
      data[k + axes[0]] = coordinates[0][column];
      data[k + axes[1]] = coordinates[1][row];
    }
  report.progress(0, 1, `magnification factor at ${n * n} points`);
  const field = await evaluate(metric, logMagnificationFactor, { data, shape: [n * n, d], dtype: "float64" }, [], {
    precision: "float32",
  });
  report.progressDone();
  const gate = await gateContour(metric, { data, shape: [n * n, d], dtype: "float64" }, field.data);
  const path = (result: GeodesicResult): number[] => {
    const [T] = result.curve.shape;
    return Array.from({ length: T * 2 }, (_, i) => result.curve.data[Math.floor(i / 2) * d + axes[i % 2]]);
  };
  const straight = (result: GeodesicResult): number[] => {
    const curve = path(result);
    return [...curve.slice(0, 2), ...curve.slice(-2)];
  };
  const svg = await latentMap({
    xs: coordinates[0],
    ys: coordinates[1],
    values: field.data,
    valueLabel: "log magnification factor, log √det G",
    codes: drawnCodes(run, axes),
    labelNames: run.labelNames,
    geodesics: results.map(path),
    straightLines: results.map(straight),
    xLabel: `z${axes[0] + 1}`,
    yLabel: `z${axes[1] + 1}`,
    ...gate,
    title: `Latent space of ${run.name}, ${titleOfMetric(metric.name)}`,
  });
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of field.data) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return { svg, range: [low, high], box };
}

/**
 * Where the gate of the metric's calibrated uncertainty is half open, its scale in words, and colours that are not spent
 * on the plateau beyond, where the metric vanishes; nothing without a gate.
 */
async function gateContour(
  metric: LatentMetric,
  points: NdArray,
  field: ArrayLike<number>,
): Promise<Pick<LatentMapOptions, "contour" | "caption" | "clip"> | undefined> {
  const gate = gateOf(metric);
  if (gate === undefined) return undefined;
  const [{ compile }, { gateWeight }] = await Promise.all([
    import("../engine/index.js"),
    import("../metrics/index.js"),
  ]);
  const program = compile((z: Tensor) => gateWeight(gate, z), { precision: "float32" });
  const weights: NdArray = await program({ ...points, data: Float32Array.from(points.data), dtype: "float32" });
  await program.dispose();
  const values = Array.from(field);
  const least = values.reduce((low, value, i) => (weights.data[i] <= 0.5 ? Math.min(low, value) : low), Infinity);
  const below = values.filter((value) => value < least).length / values.length;
  const shown = weights.data.some((w: number) => w > 0.5) && weights.data.some((w: number) => w <= 0.5);
  const [half, begins] = [gate.half, gate.begins].map((squared) => Number(squared.toPrecision(3)));
  return {
    contour: { values: weights.data, levels: [0.5], label: `gate ½ (D = ${half})` },
    ...(below > 0 && below < 1 && { clip: [Math.round(1000 * below) / 10, 100] as const }),
    caption: `Uncertainty gate: D is the smooth squared distance to ${gate.fit.clusters} centres of the codes. Up to D = ${begins}, which ${100 * gate.fit.share} % of the codes keep, the decoder is as trained; at D = ${half} (${shown ? "the line" : "outside of this frame"}), ${gate.fit.reach} radii of the codes, it is half way to its most uncertain law.`,
  };
}

/** A metric in a title: "Fisher-Rao metric, Bernoulli" for "Fisher-Rao of bernoulli". */
export function titleOfMetric(name: string): string {
  const [, family] = /^Fisher-Rao of (.*)$/.exec(name) ?? [];
  return family === undefined ? `${name} metric` : `Fisher-Rao metric, ${family[0].toUpperCase()}${family.slice(1)}`;
}

/** Geodesics between random pairs of codes. */
export async function randomGeodesics(
  run: OpenRun,
  metric: LatentMetric,
  { pairs = 0, seed = 0, report }: Pick<DrawMapOptions, "pairs" | "seed" | "report">,
): Promise<GeodesicResult[]> {
  if (pairs === 0) return [];
  const { connect } = await import("../geodesics/index.js");
  const ends = randomPairs(run, pairs, seed);
  const rows = (which: 0 | 1) =>
    ends.map((pair) =>
      Array.from(run.codes.data.subarray(pair[which] * run.dimension, (pair[which] + 1) * run.dimension)),
    );
  const results = await connect(metric, rows(0), rows(1), {
    ...knownCodes(run),
    onProgress: (done: number, total: number) => report.progress(done, total, `geodesics: ${done} of ${total}`),
  });
  report.progressDone();
  return results;
}

/** Pairs of different codes, by index. */
export function randomPairs(run: OpenRun, pairs: number, seed: number): [number, number][] {
  const order = permutation(split(randomKey(seed), "pairs of codes"), run.codes.shape[0]);
  return Array.from({ length: Math.min(pairs, Math.floor(order.length / 2)) }, (_, i) => [
    order[2 * i],
    order[2 * i + 1],
  ]);
}

/** Codes to draw, at most `most`, drawn at random where there are more. */
export function drawnCodes(run: OpenRun, axes: readonly [number, number], most = DRAWN_CODES) {
  const [n, d] = run.codes.shape;
  const order =
    n > most
      ? permutation(split(randomKey(0), "drawn codes"), n).subarray(0, most)
      : Int32Array.from({ length: n }, (_, i) => i);
  return Array.from(order, (i) => ({
    x: run.codes.data[i * d + axes[0]],
    y: run.codes.data[i * d + axes[1]],
    ...(run.labels && { label: run.labels[i] }),
  }));
}

/** Where the codes lie along an axis, with a margin; [-3, 3] without codes. */
function rangeOf(run: OpenRun, axis: number): readonly [number, number] {
  const [n, d] = run.codes.shape;
  if (n === 0) return [-3, 3];
  const sorted = Float64Array.from({ length: n }, (_, i) => run.codes.data[i * d + axis]).sort();
  const [low, high] = [sorted[Math.floor(0.002 * (n - 1))], sorted[Math.ceil(0.998 * (n - 1))]];
  const margin = 0.12 * (high - low) || 1;
  return [low - margin, high + margin];
}

function meanCode(run: OpenRun): Float64Array {
  const [n, d] = run.codes.shape;
  const mean = new Float64Array(d);
  for (let i = 0; i < n * d; i++) mean[i % d] += run.codes.data[i] / n;
  return mean;
}

/**
 * One cell: a Gaussian VAE with a latent plane on some of the digits, one seed. Its expected metric before calibration
 * (the decoder's constant noise: J_mu^T J_mu) and after (the precision network), geodesics, and clusters and neighbours
 * by geodesic and by Euclidean distances of held-out codes.
 */
import { decoderOf, decoderWithUncertainty } from "../../autoencoders/index.js";
import type { Dataset } from "../../data/index.js";
import type { NdArray } from "../../engine/index.js";
import { connect, distanceMatrix } from "../../geodesics/index.js";
import { evaluate, evaluateOnGrid, expectedPullback, logMagnificationFactor, pullback } from "../../metrics/index.js";
import { randomKey, split } from "../../numerics/random.js";
import { mean, median, quantile } from "../../numerics/statistics.js";
import { trainDigitVae } from "./digit-vae.js";
import { clusterAccuracy, clusters, euclideanDistances, neighbourAccuracy, pairFMeasure } from "./partitions.js";

export interface OdditySettings {
  readonly digits: readonly number[];
  readonly epochs: number;
  /** Rows to train on, at most. */
  readonly rows: number;
  /** Held-out points that are clustered and classified. */
  readonly points: number;
  /** Geodesics. */
  readonly pairs: number;
  /** Cells of the field along each axis. */
  readonly grid: number;
  /** Nodes of the tabulated metric along each axis, for the matrix of distances. */
  readonly table: number;
  readonly drawn: boolean;
  readonly threads?: number;
  readonly report: (line: string) => void;
}

/** Scores by one kind of distance. */
export interface Scores {
  /** Clusters: pairs' F-measure, and accuracy under the best naming. */
  readonly fMeasure: number;
  readonly accuracy: number;
  /** Leave-one-out accuracy of 1 and 5 nearest neighbours. */
  readonly nearest1: number;
  readonly nearest5: number;
}

export interface OddityMap {
  readonly xs: readonly number[];
  readonly ys: readonly number[];
  /** log sqrt det G, row by row. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly codes: readonly number[];
  readonly labels: readonly number[];
  readonly geodesics: readonly (readonly number[])[];
}

export interface OddityResult {
  /** Held-out ELBO, nats an image. */
  readonly elbo: number;
  readonly rows: number;
  /** Median log sqrt det G where there are no codes less that at the codes. */
  readonly barrierBefore: number;
  readonly barrierAfter: number;
  /** Mean latent distance to the nearest training code along the curves, in units of the codes' root mean variance. */
  readonly geodesicToCodes: number;
  readonly straightToCodes: number;
  /** Mean over pairs of geodesic length / straight line's length. */
  readonly lengthRatio: number;
  readonly converged: number;
  readonly pairs: number;
  readonly euclidean?: Scores;
  readonly geodesic?: Scores;
  readonly map?: OddityMap;
}

export async function measureOddity(settings: OdditySettings, seed: number): Promise<OddityResult> {
  const { digits, threads, report } = settings;
  const { data, model, elbo, codes, heldOut } = await trainDigitVae({ ...settings, test: settings.points }, seed);
  const before = pullback(decoderOf(model), 2);
  const after = expectedPullback(decoderWithUncertainty(model), 2);

  const [x, y] = [0, 1].map((axis) => rangeOf(codes, axis));
  const fields = [];
  for (const metric of [before, after])
    fields.push(
      await evaluateOnGrid(metric, { x, y }, settings.grid, settings.grid, logMagnificationFactor, {
        precision: "float32",
      }),
    );
  const away = emptyCells(fields[0].xs, fields[0].ys, codes);
  const barrier = async (metric: typeof before, values: ArrayLike<number>) => {
    const atCodes = await evaluate(metric, logMagnificationFactor, codes, [], { precision: "float32" });
    return median(away.map((cell) => values[cell])) - median(Array.from(atCodes.data));
  };

  const ends = Array.from({ length: settings.pairs }, (_, k) => [2 * k, 2 * k + 1]);
  const at = (i: number) => [heldOut.data[2 * i], heldOut.data[2 * i + 1]];
  const [from, to] = [ends.map(([i]) => at(i)), ends.map(([, j]) => at(j))];
  const geodesics = await connect(after, from, to, { codes, workers: 0, threads: threads ?? 1 });
  report(`${geodesics.filter(({ converged }) => converged).length} of ${geodesics.length} geodesics converged`);
  const curves = geodesics.map(({ curve }) => Array.from(curve.data as Float64Array));
  const lines = from.map((a, k) => straight(a, to[k]));
  const unit = Math.sqrt(mean([0, 1].map((axis) => varianceOf(codes, axis))));

  const scored = digits.length > 1 ? await scoresOf(after, heldOut, codes, data.test, settings, seed) : {};
  return {
    elbo,
    rows: data.train.n,
    barrierBefore: await barrier(before, fields[0].values.data),
    barrierAfter: await barrier(after, fields[1].values.data),
    geodesicToCodes: mean(curves.map((curve) => distanceToCodes(curve, codes))) / unit,
    straightToCodes: mean(lines.map((line) => distanceToCodes(line, codes))) / unit,
    lengthRatio: mean(geodesics.map(({ length, straightLength }) => length / straightLength)),
    converged: geodesics.filter(({ converged }) => converged).length,
    pairs: geodesics.length,
    ...scored,
    ...(settings.drawn && {
      map: {
        xs: Array.from(fields[0].xs, round4),
        ys: Array.from(fields[0].ys, round4),
        before: Array.from(fields[0].values.data, round3),
        after: Array.from(fields[1].values.data, round3),
        codes: Array.from(heldOut.data.slice(0, 1200), round3),
        labels: Array.from(data.test.labels!.slice(0, 600)),
        geodesics: curves.slice(0, 12).map((curve) => curve.map(round4)),
      },
    }),
  };
}

/** Clusters and neighbours of the held-out codes by both kinds of distance. */
async function scoresOf(
  metric: ReturnType<typeof expectedPullback>,
  heldOut: NdArray,
  codes: NdArray,
  test: Dataset,
  { digits, table, threads, report }: OdditySettings,
  seed: number,
): Promise<{ euclidean: Scores; geodesic: Scores }> {
  const n = heldOut.shape[0];
  const begin = performance.now();
  const { distances, failed } = await distanceMatrix(metric, heldOut, {
    method: "graph",
    codes,
    surrogate: table,
    workers: 0,
    threads: threads ?? 1,
  });
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  report(`${(n * (n - 1)) / 2} geodesic distances in ${seconds} s, ${failed.length} failed`);
  const scores = (matrix: ArrayLike<number>): Scores => {
    const assignment = clusters(matrix, n, digits.length, split(randomKey(seed), "clusters"));
    return {
      fMeasure: pairFMeasure(assignment, test.labels!),
      accuracy: clusterAccuracy(assignment, test.labels!),
      nearest1: neighbourAccuracy(matrix, n, test.labels!, 1),
      nearest5: neighbourAccuracy(matrix, n, test.labels!, 5),
    };
  };
  return {
    euclidean: scores(euclideanDistances(heldOut.data, n, 2)),
    // a pair without a path is as far as can be
    geodesic: scores(distances.data.map((x: number) => (Number.isFinite(x) ? x : 1e9))),
  };
}

/** 64 points between two. [64 * 2] */
export function straight(a: readonly number[], b: readonly number[]): number[] {
  return Array.from({ length: 128 }, (_, k) => {
    const t = Math.floor(k / 2) / 63;
    return (1 - t) * a[k % 2] + t * b[k % 2];
  });
}

/** Where the codes lie along an axis, all but the outermost hundredth, with a margin. */
export function rangeOf(codes: NdArray, axis: number): [number, number] {
  const values = Array.from({ length: codes.shape[0] }, (_, i) => codes.data[2 * i + axis]);
  const [low, high] = [quantile(values, 0.005), quantile(values, 0.995)];
  return [low - 0.15 * (high - low), high + 0.15 * (high - low)];
}

function varianceOf(codes: NdArray, axis: number): number {
  const values = Array.from({ length: codes.shape[0] }, (_, i) => codes.data[2 * i + axis]);
  const centre = mean(values);
  return mean(values.map((x) => (x - centre) ** 2));
}

/** Cells of a grid among the quarter that is farthest from any code. */
function emptyCells(xs: ArrayLike<number>, ys: ArrayLike<number>, codes: NdArray): number[] {
  const far = Array.from({ length: xs.length * ys.length }, (_, cell) =>
    nearestCode(xs[cell % xs.length], ys[Math.floor(cell / xs.length)], codes),
  );
  const limit = quantile(far, 0.75);
  return far.flatMap((distance, cell) => (distance >= limit ? [cell] : []));
}

function nearestCode(x: number, y: number, codes: NdArray): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < codes.shape[0]; i++)
    least = Math.min(least, (codes.data[2 * i] - x) ** 2 + (codes.data[2 * i + 1] - y) ** 2);
  return Math.sqrt(least);
}

/** Mean distance to the nearest code along a curve, by latent arc length. */
function distanceToCodes(curve: ArrayLike<number>, codes: NdArray): number {
  let [total, length] = [0, 0];
  for (let k = 0; k + 3 < curve.length; k += 2) {
    const step = Math.hypot(curve[k + 2] - curve[k], curve[k + 3] - curve[k + 1]);
    total += step * nearestCode((curve[k] + curve[k + 2]) / 2, (curve[k + 1] + curve[k + 3]) / 2, codes);
    length += step;
  }
  return length > 0 ? total / length : 0;
}

const round3 = (x: number): number => Number(x.toFixed(3));
const round4 = (x: number): number => Number(x.toFixed(4));

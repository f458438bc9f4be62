/**
 * One cell: a VAE with two latent dimensions, its posterior metric, and everything that the pictures show: the volume
 * over the plane, distances from a point, and four curves between codes with what they decode to.
 */
import { join } from "node:path";
import { decode, encode, trainVae, type Vae } from "../../autoencoders/index.js";
import { type Dataset, loadDataset, splitDataset, takeDataset } from "../../data/index.js";
import { type NdArray, ndarray, type Tensor } from "../../engine/index.js";
import { connect, distanceMap } from "../../geodesics/index.js";
import {
  evaluate,
  type LatentMetric,
  type PosteriorMetric,
  posteriorMetricOf,
  potentialMetric,
} from "../../metrics/index.js";
import { writeNpy } from "../../numerics/npy.js";
import { permutation, randomKey, split } from "../../numerics/random.js";
import type { ExperimentOptions } from "../options.js";

/** Curves between two codes, by what they minimise. */
export const curveKinds = ["affine", "potential", "literal", "metric"] as const;
export type CurveKind = (typeof curveKinds)[number];

export interface CurveFacts {
  /** x and y of one point after another. */
  readonly points: readonly number[];
  /** Whether the grid's path was polished to a geodesic; otherwise it is the grid's path as it is. */
  readonly converged: boolean;
  /** int V^(1/d) |c'| dt and int V |c'| dt, V = (det G)^(-1/2). */
  readonly potentialLength: number;
  readonly literalLength: number;
  /** Length under G itself. */
  readonly metricLength: number;
  /** Mean and least log sqrt det G along the curve, by Euclidean arc length. */
  readonly meanLogVolume: number;
  readonly leastLogVolume: number;
}

export interface PicturesCell {
  readonly data: string;
  readonly rows: number;
  readonly epochs: number;
  readonly elbo: { readonly train: number; readonly test: number };
  readonly centroids: number;
  /** So that neighbouring bumps meet, and by the paper's rule. */
  readonly rho: number;
  readonly paperRho: number;
  readonly lambda: number;
  readonly imageShape: readonly [number, number];
  /**
   * [low, high] of both axes; fields are in NAME-fields.npy, [3, n, n]: log sqrt det G, distance from
   * the source, log sqrt det G with rho by the paper's rule.
   */
  readonly box: readonly [readonly [number, number], readonly [number, number]];
  readonly source: readonly number[];
  /** Codes to draw, and their classes. */
  readonly codes: readonly number[];
  readonly labels: readonly number[];
  /** Decoded images are in NAME-strips.npy, [pairs, 4, IMAGES, D]. */
  readonly pairs: readonly {
    readonly labels: readonly [number, number];
    readonly curves: Readonly<Record<CurveKind, CurveFacts>>;
  }[];
}

/** Images along a curve. */
export const IMAGES = 12;
const PAIRS = 3;

export async function picturesCell(name: string, options: ExperimentOptions): Promise<PicturesCell> {
  const { fast, seed, out, threads, report } = options;
  const epochs = options.epochs ?? (fast ? 3 : 20);
  const whole = await loadDataset(name, fast && name === "strokes" ? { count: 1500 } : {});
  const parts = splitDataset(whole, { seed: 0 });
  const few = (data: Dataset, count: number) =>
    fast && data.n > count
      ? takeDataset(
          data,
          Int32Array.from({ length: count }, (_, i) => i),
        )
      : data;
  const [train, test] = [few(parts.train, 1200), few(parts.test, 200)];
  const { model, elbo } = await trainVae(train, {
    latentDimension: 2,
    likelihood: "bernoulli",
    epochs,
    seed,
    threads,
    test,
    signal: options.signal,
    onProgress: (p) => {
      if (p.epochEnded) report(`${name}: epoch ${p.epoch} of ${p.epochs}, ELBO ${p.elbo.toFixed(1)}`);
    },
  });
  const codes = await encode(model, train.rows, { threads });
  const chosenBy = { centroids: fast ? 30 : 100, seed };
  const byRule = posteriorMetricOf(codes.mean, codes.logVariance, chosenBy);
  const metric = posteriorMetricOf(codes.mean, codes.logVariance, { ...chosenBy, rho: meetingRho(byRule) });
  const n = fast ? 60 : 160;
  const box = [rangeOf(codes.mean, 0), rangeOf(codes.mean, 1)] as const;
  const [xs, ys] = box.map(([low, high]) =>
    Float64Array.from({ length: n }, (_, i) => low + ((high - low) * i) / (n - 1)),
  );
  const grid = new Float64Array(n * n * 2);
  for (let k = 0; k < n * n; k++) grid.set([xs[k % n], ys[Math.floor(k / n)]], 2 * k);
  const volume = await evaluate(metric, logVolume, ndarray(grid, [n * n, 2]), []);
  const volumeByRule = await evaluate(byRule, logVolume, ndarray(grid, [n * n, 2]), []);
  const source = sourceAmong(metric);
  report(`${name}: distances from a point`);
  const { values: distances } = await distanceMap(metric, source, { xs, ys });
  const fields = new Float32Array(3 * n * n);
  [volume.data, distances, volumeByRule.data].forEach((field, k) => {
    fields.set(field as Float64Array, k * n * n);
  });
  const folder = join(out, "cells");
  writeNpy(join(folder, `${name}-fields.npy`), { data: fields, shape: [3, n, n], dtype: "float32" });

  report(`${name}: curves between codes`);
  const chosen = metric.description.chosen!.indices;
  const ends = pairsOf(metric, chosen, train.labels!, seed);
  const curves = await curvesBetween(
    metric,
    ends.map(({ rows }) => rows.map((k) => centroid(metric, k))),
    { xs, ys },
    threads,
  );
  const strips = await decoded(model, curves, threads);
  writeNpy(join(folder, `${name}-strips.npy`), {
    data: strips.data as Float32Array,
    shape: [ends.length, curveKinds.length, IMAGES, train.dimension],
    dtype: "float32",
  });
  const shown = permutation(split(randomKey(seed), "shown"), train.n).subarray(0, 1500);
  return {
    data: name,
    rows: train.n,
    epochs,
    elbo: { train: elbo.train, test: elbo.test! },
    centroids: metric.description.centroids,
    rho: metric.description.rho,
    paperRho: byRule.description.rho,
    lambda: metric.description.lambda,
    imageShape: train.imageShape!,
    box,
    source,
    codes: Array.from(shown).flatMap((i) => [short(codes.mean.data[2 * i]), short(codes.mean.data[2 * i + 1])]),
    labels: Array.from(shown, (i) => train.labels![i]),
    pairs: ends.map(({ labels }, k) => ({ labels, curves: curves[k] })),
  };
}

const logVolume = (metric: LatentMetric, z: Tensor) => (metric as PosteriorMetric).logVolume(z);
const segment = (metric: LatentMetric, a: Tensor, b: Tensor) => metric.segmentEnergy(a, b);

const centroid = (metric: PosteriorMetric, k: number) => Array.from(metric.centroids.data.subarray(2 * k, 2 * k + 2));

/**
 * rho for which the bumps of neighbours meet: the median over centroids of the least Mahalanobis distance to another one,
 * in the centroid's own posterior. By the paper's rule they stay apart where posteriors are narrow.
 */
function meetingRho(metric: PosteriorMetric): number {
  const n = metric.description.centroids;
  const precisions = metric.inverseVariances!.data;
  const nearest = Array.from({ length: n }, (_, i) => {
    let least = Number.POSITIVE_INFINITY;
    for (let j = 0; j < n; j++) {
      if (i === j) continue;
      const [a, b] = [centroid(metric, i), centroid(metric, j)];
      least = Math.min(least, Math.hypot(...[0, 1].map((k) => Math.sqrt(precisions[2 * i + k]) * (a[k] - b[k]))));
    }
    return least;
  });
  return nearest.sort((x, y) => x - y)[Math.floor(n / 2)];
}

/** The centroid that is nearest to the mean of all: distances from within the data. */
function sourceAmong(metric: PosteriorMetric): number[] {
  const all = Array.from({ length: metric.description.centroids }, (_, k) => centroid(metric, k));
  const mean = [0, 1].map((j) => all.reduce((s, c) => s + c[j] / all.length, 0));
  const apart = (c: readonly number[]) => Math.hypot(c[0] - mean[0], c[1] - mean[1]);
  return all.reduce((best, c) => (apart(c) < apart(best) ? c : best));
}

/** Pairs of centroids of different classes, at least as far apart as half of all pairs. */
function pairsOf(metric: PosteriorMetric, rows: readonly number[], labels: Int32Array, seed: number) {
  const apart = (a: number, b: number) => Math.hypot(...centroid(metric, a).map((x, j) => x - centroid(metric, b)[j]));
  const order = Array.from(permutation(split(randomKey(seed), "pairs"), rows.length));
  const all: number[] = [];
  for (let a = 0; a < rows.length; a++) for (let b = 0; b < a; b++) all.push(apart(a, b));
  const median = all.sort((x, y) => x - y)[Math.floor(all.length / 2)];
  const pairs: { rows: [number, number]; labels: [number, number] }[] = [];
  const used = new Set<number>();
  for (const a of order)
    for (const b of order) {
      const [la, lb] = [labels[rows[a]], labels[rows[b]]];
      if (pairs.length >= PAIRS || used.has(a) || used.has(b) || la === lb || apart(a, b) < median) continue;
      pairs.push({ rows: [a, b], labels: [la, lb] });
      used.add(a).add(b);
    }
  return pairs;
}

/** The shortest curves in the plane: found on the grid, then polished. */
async function curvesBetween(
  metric: PosteriorMetric,
  ends: readonly (readonly number[][])[],
  grid: { readonly xs: Float64Array; readonly ys: Float64Array },
  threads: number | undefined,
): Promise<Record<CurveKind, CurveFacts>[]> {
  const [from, to] = [0, 1].map((side) => ends.map((pair) => pair[side]));
  const [potential, literal] = [potentialMetric(metric), potentialMetric(metric, { exponent: 1 })];
  const solved = async (under: LatentMetric) => {
    const found: { points: number[]; converged: boolean }[] = [];
    for (let k = 0; k < ends.length; k++) {
      const path = (await distanceMap(under, from[k], { ...grid, margin: 0.35 })).pathTo(to[k][0], to[k][1]);
      const start = Array.from({ length: path.length / 2 }, (_, i) => Array.from(path.slice(2 * i, 2 * i + 2)));
      const { curve, converged } = await connect(under, from[k], to[k], { start, threads });
      // a solve that did not come to rest may have wandered off: then the grid's own path stands
      found.push({ points: converged ? Array.from(curve.data) : Array.from(path), converged });
    }
    return found;
  };
  const [byPotential, byLiteral, byMetric] = [await solved(potential), await solved(literal), await solved(metric)];
  const result: Record<CurveKind, CurveFacts>[] = [];
  for (let k = 0; k < ends.length; k++) {
    const kinds = {
      affine: { points: [...from[k], ...to[k]], converged: true },
      potential: byPotential[k],
      literal: byLiteral[k],
      metric: byMetric[k],
    };
    const facts = {} as Record<CurveKind, CurveFacts>;
    for (const kind of curveKinds) {
      const { points, converged } = kinds[kind];
      const fine = resampled(points, 400);
      const volumes = Array.from((await evaluate(metric, logVolume, ndarray(fine, [400, 2]), [])).data as Float64Array);
      facts[kind] = {
        points: Array.from(resampled(points, 120), short),
        converged,
        potentialLength: await lengthOf(potential, points),
        literalLength: await lengthOf(literal, points),
        metricLength: await lengthOf(metric, points),
        meanLogVolume: volumes.reduce((a, b) => a + b, 0) / volumes.length,
        leastLogVolume: Math.min(...volumes),
      };
    }
    result.push(facts);
  }
  return result;
}

/** Length of a polygon under a metric, by the midpoint rule on 399 pieces. */
async function lengthOf(under: LatentMetric, points: readonly number[]): Promise<number> {
  const fine = resampled(points, 400);
  const rows = (start: number) => ndarray(fine.slice(2 * start, 2 * (start + 399)), [399, 2]);
  const { data } = await evaluate(under, segment, rows(0), [rows(1)]);
  return Array.from(data as Float64Array).reduce((s, e) => s + Math.sqrt(e), 0);
}

async function decoded(
  model: Vae,
  curves: readonly Record<CurveKind, CurveFacts>[],
  threads: number | undefined,
): Promise<NdArray> {
  const points = curves.flatMap((facts) =>
    curveKinds.flatMap((kind) => Array.from(resampled(facts[kind].points, IMAGES))),
  );
  return decode(model, ndarray(Float64Array.from(points), [points.length / 2, 2]), { threads });
}

/** `count` points of a polygon at equal Euclidean distances along it. [count * 2] */
function resampled(points: readonly number[], count: number): Float64Array {
  const corners = points.length / 2;
  const at = [0];
  for (let i = 1; i < corners; i++)
    at.push(at[i - 1] + Math.hypot(points[2 * i] - points[2 * i - 2], points[2 * i + 1] - points[2 * i - 1]));
  const out = new Float64Array(2 * count);
  for (let k = 0, i = 1; k < count; k++) {
    const s = (at[corners - 1] * k) / (count - 1);
    while (i < corners - 1 && at[i] < s) i++;
    const t = at[i] > at[i - 1] ? Math.min(1, (s - at[i - 1]) / (at[i] - at[i - 1])) : 0;
    for (const j of [0, 1]) out[2 * k + j] = (1 - t) * points[2 * i - 2 + j] + t * points[2 * i + j];
  }
  return out;
}

function rangeOf(codes: NdArray, axis: number): [number, number] {
  const [n, d] = codes.shape;
  const sorted = Float64Array.from({ length: n }, (_, i) => codes.data[i * d + axis]).sort();
  const [low, high] = [sorted[Math.floor(0.002 * (n - 1))], sorted[Math.ceil(0.998 * (n - 1))]];
  return [low - 0.12 * (high - low), high + 0.12 * (high - low)];
}

const short = (x: number) => Number(x.toPrecision(5));

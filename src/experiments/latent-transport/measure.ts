/**
 * One cell: a VAE with a discretised-logistic decoder on one digit (latent plane) or on all (30 dimensions), one seed. Between
 * held-out codes: the geodesic of the 2-Wasserstein metric, that of the paper's 1-Wasserstein energy (latent plane only),
 * the straight latent line, and the mixture of the two decoded laws, whose mean is the interpolation of pixels. How far
 * are the images along each from the data?
 */
import { decode, encode, metricsOf, trainVae, type Vae } from "../../autoencoders/index.js";
import { type NdArray, ndarray } from "../../engine/index.js";
import { nearestRows } from "../../evaluation/index.js";
import { connect, type GeodesicResult } from "../../geodesics/index.js";
import type { LatentMetric } from "../../metrics/index.js";
import { mean } from "../../numerics/statistics.js";
import { atTimes, bytesOf } from "../information-vs-euclidean/measure.js";
import { loadDigits } from "../oddity/digit-data.js";
import { someRows } from "../oddity/digit-vae.js";

export interface TransportSettings {
  readonly digits?: readonly number[];
  readonly dimension: number;
  readonly epochs: number;
  /** Rows to train on, at most. */
  readonly rows: number;
  readonly pairs: number;
  /** Of these, pairs that are solved by the 1-Wasserstein energy too. */
  readonly firstOrderPairs: number;
  /** Grey levels that the 1-Wasserstein energy counts with (the data have 256). */
  readonly levels: number;
  /** Training codes that say where the latent space is inhabited: graphs for first curves go along them. */
  readonly regionCodes: number;
  /** Times in [0, 1] at which curves are decoded, the ends among them. */
  readonly times: number;
  readonly drawn: boolean;
  readonly threads?: number;
  readonly report: (line: string) => void;
}

export const pathNames = ["geodesic", "firstOrder", "straight", "pixels"] as const;
export type PathName = (typeof pathNames)[number];

/** Of the images between the ends of one path; grey values, Euclidean over the 784 pixels. */
export interface PathScore {
  /** Distance to the nearest training image: mean and largest over t. */
  readonly nearest: number;
  readonly farthest: number;
  /** Distance to its own reconstruction (encoded and decoded): how far from what the model makes. Mean over t. */
  readonly reconstruction: number;
}

export interface PairScores {
  readonly scores: Partial<Record<PathName, PathScore>>;
  /** 2-Wasserstein lengths. */
  readonly length: number;
  readonly straightLength: number;
  readonly converged: boolean;
  readonly firstOrderConverged?: boolean;
}

export interface TransportPicture {
  /** By path, the images of each drawn pair; grey values 0 to 255, base64. */
  readonly strips: readonly Partial<Record<PathName, string>>[];
  readonly images: number;
  readonly height: number;
  readonly width: number;
}

export interface TransportResult {
  readonly elbo: number;
  readonly rows: number;
  /** Of held-out images, and of their reconstructions, to the nearest training image. */
  readonly heldOutNearest: number;
  readonly reconstructedNearest: number;
  readonly pairs: readonly PairScores[];
  /** Seconds a pair: 2-Wasserstein, 1-Wasserstein. */
  readonly secondsPerPair: readonly [number, number];
  readonly picture?: TransportPicture;
}

/** Training images among which the nearest is looked for, at most. */
const LOOKED_AMONG = 20_000;
const DRAWN = 3;
/** Lengths to a thousandth: images do not show finer differences. */
const ACCURACY = { accuracy: 1e-3, tolerance: 4e-4, maxPoints: 128 };
/** In many dimensions curves run far along those that cost next to nothing: more nodes and iterations. */
const FAR = { maxPoints: 512, maxIterations: 2000 };

export async function measureTransport(settings: TransportSettings, seed: number): Promise<TransportResult> {
  const { dimension: d, times, report } = settings;
  const threads = settings.threads ?? 1;
  const data = await loadDigits({ digits: settings.digits, train: settings.rows, test: 2 * settings.pairs, seed });
  const { model, elbo, seconds, latents } = await trainVae(data.train, {
    likelihood: "discretised-logistic",
    likelihoodOptions: { bins: 256 },
    latentDimension: d,
    epochs: settings.epochs,
    batchSize: 64,
    learningRate: 4e-3,
    seed,
    test: data.test,
    threads,
  });
  report(`trained: held-out ELBO ${elbo.test!.toFixed(1)} nats, ${seconds.toFixed(0)} s`);
  const metrics = await metricsOf({ model, latents });
  const codes = someRows(latents, settings.regionCodes, seed);
  const { mean: heldOut } = await encode(model, data.test.rows, { threads });
  const at = (i: number) => Array.from(heldOut.data.subarray(i * d, (i + 1) * d) as Float32Array);
  const count = Math.floor(data.test.n / 2);
  const [from, to] = [0, 1].map((k) => Array.from({ length: count }, (_, i) => at(2 * i + k)));
  // In many dimensions paths by way of codes are long: the straight line is the other start, and the better is kept.
  const start = d > 3 ? (["straight", "graph"] as const) : undefined;
  const solver = { codes, workers: 0, threads, ...ACCURACY, ...(start && { start, ...FAR }) };
  const timed = async (metric: LatentMetric, n: number): Promise<[GeodesicResult[], number]> => {
    if (n === 0) return [[], 0];
    const begin = performance.now();
    const results = await connect(metric, from.slice(0, n), to.slice(0, n), solver);
    return [results, (performance.now() - begin) / 1000 / n];
  };
  const [geodesics, seconds2] = await timed(metrics.metric("wasserstein"), count);
  const ends = [...new Set(geodesics.map(({ reason }) => reason))].map(
    (reason) => `${geodesics.filter((geodesic) => geodesic.reason === reason).length} ${reason}`,
  );
  report(`2-Wasserstein: of ${count}, ${ends.join(", ")}`);
  const values = { low: 0, high: 1, count: settings.levels };
  const firstOrderCount = Math.min(settings.firstOrderPairs, count);
  const [firstOrder, seconds1] = await timed(metrics.metric("wasserstein1", { values }), firstOrderCount);
  if (firstOrderCount > 0)
    report(`1-Wasserstein: ${firstOrder.filter(({ converged }) => converged).length} of ${firstOrderCount} converged`);

  const among = ndarray(data.train.rows.subarray(0, Math.min(LOOKED_AMONG, data.train.n) * data.train.dimension), [
    Math.min(LOOKED_AMONG, data.train.n),
    data.train.dimension,
  ]);
  const scorer = scorerOf(model, among, threads);
  const drawnPairs: Partial<Record<PathName, string>>[] = [];
  const pairs: PairScores[] = [];
  for (let k = 0; k < count; k++) {
    const line = Float64Array.from({ length: times * d }, (_, i) => {
      const t = Math.floor(i / d) / (times - 1);
      return (1 - t) * from[k][i % d] + t * to[k][i % d];
    });
    const curveOf = (result: GeodesicResult) => atTimes(result.curve.data as Float64Array, d, times);
    const straight = await images(model, line, d, threads);
    const paths: Partial<Record<PathName, Float32Array>> = {
      geodesic: await images(model, curveOf(geodesics[k]), d, threads),
      ...(k < firstOrder.length && { firstOrder: await images(model, curveOf(firstOrder[k]), d, threads) }),
      straight,
      pixels: blend(straight, times),
    };
    const scores: Partial<Record<PathName, PathScore>> = {};
    for (const name of pathNames) if (paths[name]) scores[name] = await scorer(paths[name], times);
    pairs.push({
      scores,
      length: geodesics[k].length,
      straightLength: geodesics[k].straightLength,
      converged: geodesics[k].converged,
      ...(k < firstOrder.length && { firstOrderConverged: firstOrder[k].converged }),
    });
    if (settings.drawn && k < DRAWN)
      drawnPairs.push(Object.fromEntries(Object.entries(paths).map(([name, values]) => [name, bytesOf(values)])));
  }
  const nearestOf = async (rows: NdArray) => mean((await nearestRows(rows, among, 1, { threads })).distances);
  const [height, width] = data.train.imageShape ?? [28, 28];
  return {
    elbo: elbo.test!,
    rows: data.train.n,
    heldOutNearest: await nearestOf(ndarray(data.test.rows, [data.test.n, data.test.dimension])),
    reconstructedNearest: await nearestOf(await decode(model, heldOut, { threads })),
    pairs,
    secondsPerPair: [seconds2, seconds1],
    ...(settings.drawn && { picture: { strips: drawnPairs, images: times, height, width } }),
  };
}

/** Means of the decoded laws at points [T, d]: [T * D]. */
async function images(model: Vae, points: Float64Array, d: number, threads: number): Promise<Float32Array> {
  const decoded = await decode(model, ndarray(Float32Array.from(points), [points.length / d, d]), { threads });
  return decoded.data as Float32Array;
}

/** The mean of the mixture (1 - t) p_0 + t p_1 of the laws at the ends: the images at the ends, blended. */
export function blend(path: Float32Array, times: number): Float32Array {
  const D = path.length / times;
  return Float32Array.from({ length: path.length }, (_, i) => {
    const t = Math.floor(i / D) / (times - 1);
    return (1 - t) * path[i % D] + t * path[(times - 1) * D + (i % D)];
  });
}

/** Scores the images strictly between the ends. */
function scorerOf(model: Vae, among: NdArray, threads: number) {
  return async (path: Float32Array, times: number): Promise<PathScore> => {
    const D = path.length / times;
    const inner = ndarray(path.slice(D, (times - 1) * D), [times - 2, D]);
    const { distances } = await nearestRows(inner, among, 1, { threads });
    const { mean: codes } = await encode(model, inner, { threads });
    const again = await decode(model, codes, { threads });
    const apart = Array.from({ length: times - 2 }, (_, t) => {
      let total = 0;
      for (let j = t * D; j < (t + 1) * D; j++) total += (again.data[j] - inner.data[j]) ** 2;
      return Math.sqrt(total);
    });
    return { nearest: mean(distances), farthest: Math.max(...distances), reconstruction: mean(apart) };
  };
}

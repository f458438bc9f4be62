/**
 * A trained Poincare VAE and what it does: encode, decode, the ELBO and the importance-weighted bound of rows, and its
 * decoder as a traceable function for metrics. Axes: N rows, D data dimensions, d latent dimensions.
 */
import { compile, type NdArray, ndarray, type Tensor } from "../../engine/index.js";
import { UsageError } from "../../errors.js";
import { checkPoints } from "../../manifolds/index.js";
import type { Decoder } from "../../metrics/metric.js";
import { foldIn, randomKey, split } from "../../numerics/random.js";
import { asRows, mapRows, type Rows } from "../rows.js";
import {
  allocatePvaeNoise,
  decodePvaeMean,
  encodePvae,
  fillPvaeNoise,
  latentSpaceOf,
  type PvaeNoise,
  type PvaeParameters,
  type PvaeShape,
  pvaeDrawnRadii,
  pvaeElboRows,
  pvaeLogWeightSum,
} from "./model.js";

export interface Pvae {
  readonly shape: PvaeShape;
  readonly parameters: PvaeParameters;
}

interface RunOptions {
  readonly threads?: number;
}

/**
 * Mean (points of the ball, [N, d]) and standard deviation ([N, d], or [N, 1] of a Riemannian posterior) of q(z|x) for
 * rows [N, D].
 * @throws UsageError for rows of another width
 */
export async function encodeToBall(
  model: Pvae,
  rows: Rows,
  options: RunOptions = {},
): Promise<{ mean: NdArray; std: NdArray }> {
  const x = asRows("encodeToBall", rows, model.shape.dataDimension);
  const f = compile((parameters: PvaeParameters<Tensor>, part: Tensor) => encodePvae(model.shape, parameters, part), {
    threads: options.threads,
  });
  const codes = await mapRows<"mean" | "std">(f, model.parameters, [x]);
  await f.dispose();
  return codes;
}

/** The mean of p(x|z) for points of the ball [N, d]: `[N, D]`. @throws UsageError for points outside of the ball. */
export async function decodeFromBall(model: Pvae, points: Rows, options: RunOptions = {}): Promise<NdArray> {
  const z = asRows("decodeFromBall", points, model.shape.latentDimension);
  checkPoints(latentSpaceOf(model.shape), "points", z);
  const f = compile(
    (parameters: PvaeParameters<Tensor>, part: Tensor) => ({ mean: decodePvaeMean(model.shape, parameters, part) }),
    { threads: options.threads },
  );
  const { mean } = await mapRows<"mean">(f, model.parameters, [z]);
  await f.dispose();
  return mean;
}

/** The decoder's mean as a traceable function of ball coordinates, `[N, d] -> [N, D]`, weights as constants. */
export function pvaeDecoderOf(model: Pvae): Decoder {
  return (z) => decodePvaeMean(model.shape, model.parameters, z);
}

/** Rows of the decoder that one call of a compiled program holds: what bounds the memory of an evaluation. */
const DECODED_ROWS = 4000;
const ROWS = 200;

export interface PvaeElbo {
  readonly elbo: number;
  readonly reconstruction: number;
  readonly divergence: number;
}

/** Compiled ELBO and importance-weighted bound for changing parameters. */
export function pvaeEvaluator(shape: PvaeShape, options: RunOptions = {}) {
  const { threads } = options;
  const elboRows = compile(
    (parameters: PvaeParameters<Tensor>, x: Tensor, noise: PvaeNoise<Tensor>) =>
      pvaeElboRows(shape, parameters, x, noise),
    { threads },
  );
  const logWeightSum = compile(
    (parameters: PvaeParameters<Tensor>, x: Tensor, noise: PvaeNoise<Tensor>) => ({
      sum: pvaeLogWeightSum(shape, parameters, x, noise),
    }),
    { threads },
  );
  return {
    /** Averages over rows, in nats a row; `samples` draws a row from the key of the seed. */
    async elbo(parameters: PvaeParameters, rows: Rows, { samples = 1, seed = 0 } = {}): Promise<PvaeElbo> {
      const x = asRows("elbo", rows, shape.dataDimension);
      const key = split(randomKey(seed), "elbo");
      const [N, size] = [x.shape[0], Math.min(ROWS, x.shape[0])];
      let [reconstruction, divergence] = [0, 0];
      const noise = allocatePvaeNoise(shape, 1, size);
      for (const { part, count, index } of pieces(x, size))
        for (let s = 0; s < samples; s++) {
          fillPvaeNoise(noise, foldIn(foldIn(key, index), s));
          const terms = await elboRows(parameters, part, noise);
          for (let i = 0; i < count; i++) {
            reconstruction += terms.reconstruction.data[i];
            divergence += terms.divergence.data[i];
          }
        }
      reconstruction /= N * samples;
      divergence /= N * samples;
      return { elbo: reconstruction - divergence, reconstruction, divergence };
    },
    /**
     * The importance-weighted bound of each row, log (1/K) sum_k p(x, z_k)/q(z_k|x) (Burda et al., 2016), [N] float64.
     * Memory does not grow with K; the logarithms are summed in float64.
     */
    async bound(parameters: PvaeParameters, rows: Rows, { samples = 5000, seed = 0 } = {}): Promise<Float64Array> {
      if (!(Number.isInteger(samples) && samples >= 1))
        throw new UsageError(`samples: ${samples} is not a whole number from 1 on; give K, such as 5000.`);
      const x = asRows("bound", rows, shape.dataDimension);
      const key = split(randomKey(seed), "importance");
      const size = Math.min(ROWS, x.shape[0]);
      const most = Math.max(1, Math.min(samples, Math.floor(DECODED_ROWS / size)));
      // All blocks of one size but the last, so that two programs at most are traced.
      const result = new Float64Array(x.shape[0]);
      for (const { part, start, count, index } of pieces(x, size)) {
        const total = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
        let noise: PvaeNoise | undefined;
        for (let done = 0, block = 0; done < samples; block++) {
          const now = Math.min(most, samples - done);
          if (noise?.normal.shape[0] !== now) noise = allocatePvaeNoise(shape, now, size);
          fillPvaeNoise(noise, foldIn(foldIn(key, index), block));
          const { sum } = await logWeightSum(parameters, part, noise);
          for (let i = 0; i < count; i++) total[i] = logAdd(total[i], sum.data[i]);
          done += now;
        }
        for (let i = 0; i < count; i++) result[start + i] = total[i] - Math.log(samples);
      }
      return result;
    },
    dispose: () => Promise.all([elboRows.dispose(), logWeightSum.dispose()]),
  };
}

/** The ELBO averaged over rows [N, D], with `samples` (default 1) draws a row; they depend on the seed alone. */
export async function pvaeElbo(
  model: Pvae,
  rows: Rows,
  options: RunOptions & { readonly samples?: number; readonly seed?: number } = {},
): Promise<PvaeElbo> {
  const evaluator = pvaeEvaluator(model.shape, options);
  try {
    return await evaluator.elbo(model.parameters, rows, options);
  } finally {
    await evaluator.dispose();
  }
}

/** The importance-weighted bound of each row [N, D] with K = `samples` (default 5,000): [N]. */
export async function importanceWeightedBound(
  model: Pvae,
  rows: Rows,
  options: RunOptions & { readonly samples?: number; readonly seed?: number } = {},
): Promise<Float64Array> {
  const evaluator = pvaeEvaluator(model.shape, options);
  try {
    return await evaluator.bound(model.parameters, rows, options);
  } finally {
    await evaluator.dispose();
  }
}

/** Points from here on, as a share of the radius, are those that float32 rounded back inside (the margin is 1e-5). */
const EDGE = 1 - 1.5e-5;

/**
 * The share of posterior draws of rows [N, D] that lie beyond the edge of what float32 coordinates hold, 12.2/sqrt(c)
 * from the origin: the decoder sees such a draw at the edge, while its densities are its own (`radius.ts`), so that ELBO
 * and bound hold for the decoder as it is. 0 for the Euclidean VAE.
 */
export async function drawsAtEdge(
  model: Pvae,
  rows: Rows,
  options: RunOptions & { readonly samples?: number; readonly seed?: number } = {},
): Promise<number> {
  const { shape, parameters } = model;
  if (shape.curvature === 0) return 0;
  const { samples = 10, seed = 0, threads } = options;
  const x = asRows("drawsAtEdge", rows, shape.dataDimension);
  const radii = compile(
    (p: PvaeParameters<Tensor>, part: Tensor, noise: PvaeNoise<Tensor>) => ({
      radii: pvaeDrawnRadii(shape, p, part, noise),
    }),
    { threads },
  );
  const size = Math.min(ROWS, x.shape[0]);
  const noise = allocatePvaeNoise(shape, samples, size);
  let edge = 0;
  for (const { part, count, index } of pieces(x, size)) {
    fillPvaeNoise(noise, foldIn(split(randomKey(seed), "edge"), index));
    const { data } = (await radii(parameters, part, noise)).radii;
    for (let s = 0; s < samples; s++) for (let i = 0; i < count; i++) if (data[s * size + i] >= EDGE) edge++;
  }
  await radii.dispose();
  return edge / (samples * x.shape[0]);
}

function* pieces(x: NdArray, size: number) {
  const [N, D] = x.shape;
  for (let start = 0, index = 0; start < N; start += size, index++) {
    const count = Math.min(size, N - start);
    const data = new Float32Array(size * D);
    data.set(x.data.subarray(start * D, (start + count) * D));
    yield { part: ndarray(data, [size, D]), start, count, index };
  }
}

function logAdd(a: number, b: number): number {
  const [high, low] = a > b ? [a, b] : [b, a];
  return high === Number.NEGATIVE_INFINITY ? high : high + Math.log1p(Math.exp(low - high));
}

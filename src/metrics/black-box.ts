/**
 * Fisher-Rao for a family of which only draws and the log density are known, by Monte Carlo with common random numbers:
 * the same noise at all points, so that estimates are smooth functions of the latent point and can be minimised, and
 * errors of neighbours are alike. With draws x_s ~ p_z made from noise e_s,
 *
 *   G(z) = mean_s (d log p_z(x_s)) (d log p_z(x_s))^T,    the scores differentiated at fixed x;
 *   energy of a step a -> b:  mean_s (q_s - p_s) (log q_s - log p_s),   p, q = p_a(x_s), p_b(x_s) over p_m(x_s),
 *
 * x_s drawn at the middle m of the step: an unbiased estimate of KL(a || b) + KL(b || a) by terms that are all >= 0 and
 * vanish with the step. (The plain mean of log p - log q has noise |dz| against a value |dz|^2 / 2; the published code
 * takes its absolute value, which is biased.) Its relative error does not depend on the step: sqrt(2 / S) or so for
 * short ones. Steps over which the law changes much have heavy tails: refine the curve.
 *
 * Axes: N points, d latent dimensions, S draws, T nodes of a curve.
 */
import type { Parameters } from "../distributions/families/index.js";
import {
  add,
  broadcastTo,
  clip,
  compile,
  div,
  einsum,
  exp,
  expm1,
  jvp,
  mul,
  type NdArray,
  ndarray,
  type Operand,
  reshape,
  sqrt,
  square,
  stack,
  sub,
  sum,
  type Tensor,
  vmap,
} from "../engine/index.js";
import { expectThat, UsageError } from "../errors.js";
import { normalArray, type RandomStream, randomKey, split, stream, uniformArray } from "../numerics/random.js";
import { checkDimension, toPoints } from "./checks.js";
import type { DistributionDecoder } from "./fisher-rao.js";
import { unitRow } from "./linear-algebra.js";
import type { LatentMetric } from "./metric.js";

/** A family by draws that can be traced (for instance by inverse distribution functions) and its log density. */
export interface TraceableBlackBox {
  /**
   * Draws from noise: parameters and `[N, noiseColumns]` to data `[N, D]`. Traceable; differentiable where draws are
   * continuous, since gradients of energies pass through it.
   */
  sample(parameters: Parameters<Operand>, noise: Tensor): Tensor;
  /** log p(x), `[N]`. Traceable. */
  logDensity(parameters: Parameters<Operand>, x: Operand): Tensor;
  readonly noiseColumns: number;
  /** Standard normal (default), or uniform on (0, 1). */
  readonly noise?: "normal" | "uniform";
}

/** A family by draws on the host; every `Family` is one. */
export interface HostBlackBox {
  sample(parameters: Parameters<NdArray>, random: RandomStream): NdArray;
  logDensity(parameters: Parameters<Operand>, x: Operand): Tensor;
}

export interface BlackBoxOptions {
  /** S, draws; default 1000. */
  readonly samples?: number;
  readonly seed?: number;
}

/** A metric by Monte Carlo, with the standard errors of what it says. Traceable. */
export interface EstimatedMetric extends LatentMetric {
  /** Standard error of each entry of the metric tensor, `[N, d, d]`. */
  metricTensorError(z: Tensor): Tensor;
  /** Standard error of `segmentEnergy`, `[N]`. */
  segmentEnergyError(a: Tensor, b: Tensor): Tensor;
}

/**
 * The Fisher-Rao metric from draws and log density alone. Deterministic: the noise is drawn once, by the seed.
 * @param dimension d
 * @throws UsageError for options out of range
 */
export function blackBoxFisherRao(
  decoder: DistributionDecoder,
  family: TraceableBlackBox,
  dimension: number,
  options: BlackBoxOptions = {},
): EstimatedMetric {
  checkDimension("blackBoxFisherRao", dimension);
  const { samples = 1000, seed = 0 } = options;
  checkSamples("blackBoxFisherRao", samples);
  const count = samples * family.noiseColumns;
  const key = split(randomKey(seed), "noise");
  const draws = family.noise === "uniform" ? uniformArray(key, count) : normalArray(key, count);
  const noise = ndarray(draws, [samples, 1, family.noiseColumns]);
  const sampled = (z: Tensor): Tensor => {
    const parameters = decoder(z);
    const one = (e: Tensor) => family.sample(parameters, broadcastTo(e, [z.shape[0], family.noiseColumns]));
    return vmap(one)(noise); // [S, N, D]
  };
  const tensors = (z: Tensor) => moments(scoreProducts(decoder, family.logDensity, z, sampled(z)));
  const energies = (a: Tensor, b: Tensor) =>
    moments(stepTerms(decoder, family.logDensity, a, b, sampled(middle(a, b))));
  return {
    name: `Fisher-Rao by ${samples} draws`,
    dimension,
    metricTensor: (z) => tensors(z).mean,
    metricTensorError: (z) => tensors(z).error,
    segmentEnergy: (a, b) => energies(a, b).mean,
    segmentEnergyError: (a, b) => energies(a, b).error,
  };
}

/** An estimate and its standard error. */
export interface Estimate<T = NdArray> {
  readonly value: T;
  readonly standardError: T;
}

/**
 * The Fisher-Rao metric tensor at points, from draws on the host. The same random numbers at every point.
 * @param points `[N, d]`
 * @returns `[N, d, d]` each, float64
 */
export async function estimateFisherRaoTensor(
  decoder: DistributionDecoder,
  family: HostBlackBox,
  points: NdArray | readonly (readonly number[])[],
  options: BlackBoxOptions = {},
): Promise<Estimate> {
  const z = pointsOf("estimateFisherRaoTensor", points);
  const x = await drawAt(decoder, family, z, options);
  const f = compile((at: Tensor, data: Tensor) => moments(scoreProducts(decoder, family.logDensity, at, data)), {
    precision: "float64",
  });
  const { mean, error } = await f(z, x);
  await f.dispose();
  return { value: mean, standardError: error };
}

/**
 * Energy of a curve on [0, 1] under Fisher-Rao from draws on the host, `(T - 1) sum_i J(c_i, c_(i+1))`, of second order
 * in the step. The standard error is that of the whole sum: common random numbers make its terms depend.
 * @param curve `[T, d]`, T >= 2
 */
export async function estimateFisherRaoEnergy(
  decoder: DistributionDecoder,
  family: HostBlackBox,
  curve: NdArray | readonly (readonly number[])[],
  options: BlackBoxOptions = {},
): Promise<Estimate<number>> {
  const nodes = pointsOf("estimateFisherRaoEnergy", curve);
  const [T, d] = nodes.shape;
  if (T < 2) throw new UsageError(`estimateFisherRaoEnergy: the curve has ${T} point; give two or more.`);
  const starts = ndarray(nodes.data.slice(0, (T - 1) * d) as Float64Array, [T - 1, d]);
  const ends = ndarray(nodes.data.slice(d) as Float64Array, [T - 1, d]);
  const halves = Float64Array.from(starts.data, (x, i) => (x + ends.data[i]) / 2);
  const x = await drawAt(decoder, family, ndarray(halves, starts.shape), options);
  const f = compile(
    (a: Tensor, b: Tensor, data: Tensor) => ({ terms: sum(stepTerms(decoder, family.logDensity, a, b, data), -1) }),
    { precision: "float64" },
  );
  const { terms }: { terms: NdArray } = await f(starts, ends, x); // [S]
  await f.dispose();
  const S = terms.data.length;
  let [mean, squares] = [0, 0];
  for (const value of terms.data) mean += (value * (T - 1)) / S;
  for (const value of terms.data) squares += (value * (T - 1) - mean) ** 2 / (S - 1);
  return { value: mean, standardError: Math.sqrt(squares / S) };
}

/** Products of scores for each draw, `[S, N, d, d]`. */
function scoreProducts(
  decoder: DistributionDecoder,
  logDensity: HostBlackBox["logDensity"],
  z: Tensor,
  x: Tensor,
): Tensor {
  const [n, d] = z.shape;
  const density = (at: Tensor) => {
    const parameters = decoder(at);
    return vmap((draw: Tensor) => logDensity(parameters, draw))(x); // [S, N]
  };
  const scores = Array.from({ length: d }, (_, k) => jvp(density, [z], [broadcastTo(unitRow(d, k), [n, d])])[1]);
  const all = stack(scores, -1); // [S, N, d]
  return einsum("sni,snj->snij", all, all);
}

const middle = (a: Tensor, b: Tensor): Tensor => mul(add(a, b), 0.5);

/** `(q - p) (log q - log p)` for each draw, densities relative to the middle's, `[S, N]`. */
function stepTerms(
  decoder: DistributionDecoder,
  logDensity: HostBlackBox["logDensity"],
  a: Tensor,
  b: Tensor,
  x: Tensor,
): Tensor {
  const [p, q, m] = [decoder(a), decoder(b), decoder(middle(a, b))];
  const logs = (parameters: Parameters) => vmap((draw: Tensor) => logDensity(parameters, draw))(x); // [S, N]
  const [atA, atB, atMiddle] = [logs(p), logs(q), logs(m)];
  const difference = sub(atB, atA);
  // beyond e^30 the estimate is worthless anyway; without the bound it would overflow
  const bounded = (log: Tensor) => clip(log, -700, 30);
  return mul(mul(exp(bounded(sub(atA, atMiddle))), expm1(bounded(difference))), difference);
}

/** Mean over the first axis and its standard error. */
function moments(terms: Tensor): { mean: Tensor; error: Tensor } {
  const S = terms.shape[0];
  const average = mul(sum(terms, 0), 1 / S);
  const variance = mul(sum(square(sub(terms, reshape(average, [1, ...average.shape]))), 0), 1 / (S - 1));
  return { mean: average, error: sqrt(add(div(variance, S), 1e-300)) };
}

/** Draws at points, the same stream for each: `[S, N, D]`. */
async function drawAt(
  decoder: DistributionDecoder,
  family: HostBlackBox,
  z: NdArray,
  { samples = 1000, seed = 0 }: BlackBoxOptions,
): Promise<NdArray> {
  checkSamples("the estimate of Fisher-Rao", samples);
  const f = compile((at: Tensor) => decoder(at) as any, { precision: "float64" });
  const parameters = (await f(z)) as Parameters<NdArray>;
  await f.dispose();
  const n = z.shape[0];
  let data: Float64Array | undefined;
  let width = 0;
  for (let i = 0; i < n; i++) {
    const rows = Object.fromEntries(
      Object.entries(parameters).map(([name, value]) => [name, repeatedRow(value, i, samples)]),
    );
    const draws = family.sample(rows, stream(split(randomKey(seed), "draws")));
    width = draws.data.length / samples;
    data ??= new Float64Array(samples * n * width);
    for (let s = 0; s < samples; s++) data.set(draws.data.subarray(s * width, (s + 1) * width), (s * n + i) * width);
  }
  return ndarray(data!, [samples, n, width]);
}

function repeatedRow(value: NdArray, row: number, count: number): NdArray {
  const width = value.data.length / value.shape[0];
  const data = new Float64Array(count * width);
  for (let s = 0; s < count; s++) data.set(value.data.subarray(row * width, (row + 1) * width), s * width);
  return ndarray(data, [count, ...value.shape.slice(1)]);
}

function pointsOf(caller: string, points: NdArray | readonly (readonly number[])[]): NdArray {
  const d = Array.isArray(points) ? (points[0]?.length ?? 0) : (points as NdArray).shape[1];
  return toPoints(caller, "points", points, d);
}

function checkSamples(caller: string, samples: number): void {
  expectThat(
    Number.isInteger(samples) && samples >= 2,
    () => `${caller}: samples is ${samples}; give a whole number from 2, such as 1000.`,
  );
}

/**
 * Distribution functions of gamma and beta laws, which are not elementary, in a trace: from the masses of bins between
 * the points that are asked for, normalised and summed up. A bin's mass is h/2 (p(x_1) + p(x_2)) with the two Gauss nodes
 * of the bin; in the bin at an end of the support, where p is a power times a smooth function f,
 *
 *   int_0^h x^(a-1) f(x) dx = h^a / a f(h a / (a + 1)),
 *
 * the value of f at the power's own mean: good beside 0 for a < 1 too, where densities are infinite. Errors of F fall with
 * the square of the bins' width or faster (with the power 1 + a for a < 1). Measured: for a, b >= 1 below 5e-3 at bins of
 * half a standard deviation, 1e-3 at a fifth, 1e-4 at a twentieth; for a = 0.3 below 6e-3 at 100 bins on the unit
 * interval (`test/distributions/binned.test.ts`).
 *
 * Bins go on beside the points, as wide as between them: down to the end of the support, and up to its end or, for gamma
 * laws, one step further. Mass beyond that does not count: the law is that within the range.
 *
 * Axes: N rows, D columns, B bins, G points.
 */
import {
  add,
  array,
  concat,
  div,
  exp,
  expandDims,
  lbeta,
  log,
  matmul,
  mul,
  type NdArray,
  softmax,
  sub,
  type Tensor,
} from "../../engine/index.js";
import { UsageError } from "../../errors.js";

/** How many bins may be added beside the points. */
const MOST = 10_000;

/** P(X <= point) of gamma laws of shape a and rate r, [N, D] each -> [N, D, G]. @throws UsageError, see `edgesOf`. */
export function gammaDistribution(a: Tensor, rate: Tensor, points: readonly number[]): Tensor {
  const edges = edgesOf("gamma", points, Infinity);
  const [h, others] = [edges[1], edges.slice(1)];
  const x = gaussNodes(others);
  const first = sub(logPowerMass(a, h), mul(rate, powerMean(a, h)));
  const rest = sub(add(logPower(a, x), logWeights(others)), mul(expandDims(rate, -1), array(x)));
  return distributionAt([expandDims(first, -1), rest], [h, ...twice(others.slice(1))], points);
}

/** P(X <= point) of beta laws, a and b [N, D] each -> [N, D, G]. @throws UsageError, see `edgesOf`. */
export function betaDistribution(a: Tensor, b: Tensor, points: readonly number[]): Tensor {
  const edges = edgesOf("beta", points, 1);
  const others = edges.slice(1, -1);
  const x = gaussNodes(others);
  const end = (p: Tensor, q: Tensor, h: number) =>
    expandDims(add(logPowerMass(p, h), mul(sub(q, 1), log(sub(1, powerMean(p, h))))), -1);
  const middle = add(
    add(
      logPower(a, x),
      logPower(
        b,
        x.map((value) => 1 - value),
      ),
    ),
    logWeights(others),
  );
  const parts = [end(a, b, edges[1]), ...(x.length > 0 ? [middle] : []), end(b, a, 1 - edges[edges.length - 2])];
  return distributionAt(parts, [edges[1], ...twice(others.slice(1)), 1], points);
}

/** The density of beta laws at points, 0 outside of (0, 1). [N, D], [N, D] -> [N, D, G] */
export function betaDensity(a: Tensor, b: Tensor, points: readonly number[]): Tensor {
  const inside = points.map((x) => x > 0 && x < 1);
  const logX = array(points.map((x, k) => (inside[k] ? Math.log(x) : 0)));
  const logRest = array(points.map((x, k) => (inside[k] ? Math.log1p(-x) : 0)));
  const powers = add(mul(expandDims(sub(a, 1), -1), logX), mul(expandDims(sub(b, 1), -1), logRest));
  return mul(array(inside.map(Number)), exp(sub(powers, expandDims(lbeta(a, b), -1))));
}

/**
 * Edges of bins from 0 up, the points among them.
 * @throws UsageError for points that do not rise, or are too close together for their distance from the support's ends
 */
function edgesOf(family: string, points: readonly number[], high: number): number[] {
  const n = points.length;
  if (n < 2 || points.some((x, i) => !(Number.isFinite(x) && (i === 0 || x > points[i - 1]))))
    throw new UsageError(
      `${family}: ${n} points that start with ${points.slice(0, 3).join(", ")} do not rise; give two or more numbers, each above the one before.`,
    );
  const step = (points[n - 1] - points[0]) / (n - 1);
  const inside = points.filter((x) => x > 0 && x < high);
  const start = inside[0] ?? Math.min(step, high);
  const last = inside[inside.length - 1] ?? start;
  const below = Math.ceil(start / step - 1e-9);
  const above = high === Infinity ? 1 : Math.ceil((high - last) / step - 1e-9);
  if (!(below + above <= MOST))
    throw new UsageError(
      `${family}: points ${step} apart, from ${points[0]} to ${points[n - 1]}, need ${below + above} bins beside them; give fewer values or a range nearer to the support.`,
    );
  const end = high === Infinity ? last + step : high;
  return [
    ...Array.from({ length: below }, (_, k) => (start * k) / below),
    ...(inside.length > 0 ? inside : [start]),
    ...Array.from({ length: above }, (_, k) => last + ((end - last) * (k + 1)) / above),
  ];
}

/** Both Gauss nodes of each bin. */
function gaussNodes(edges: readonly number[]): number[] {
  const apart = 1 / Math.sqrt(12);
  return edges.slice(1).flatMap((u, k) => [0.5 - apart, 0.5 + apart].map((share) => edges[k] + share * (u - edges[k])));
}

/** Logarithms of their weights. */
function logWeights(edges: readonly number[]): NdArray {
  return array(twice(edges.slice(1).map((u, k) => Math.log((u - edges[k]) / 2))));
}

const twice = (values: readonly number[]): number[] => values.flatMap((value) => [value, value]);

/** (p - 1) log x, [N, D] -> [N, D, B]. */
function logPower(p: Tensor, x: readonly number[]): Tensor {
  return mul(expandDims(sub(p, 1), -1), array(x.map(Math.log)));
}

/** log of int_0^h x^(p-1) dx. */
const logPowerMass = (p: Tensor, h: number): Tensor => sub(mul(p, Math.log(h)), log(p));

/** The mean of x under x^(p-1) on [0, h]. */
const powerMean = (p: Tensor, h: number): Tensor => mul(h, div(p, add(p, 1)));

/**
 * Masses in proportion to e^logMass, [N, D, B] in parts, summed up to each point.
 * @param uppers upper edges of the bins that they are in
 */
function distributionAt(logMass: Tensor[], uppers: readonly number[], points: readonly number[]): Tensor {
  const below = uppers.map((upper) => points.map((point) => Number(upper <= point)));
  return matmul(softmax(concat(logMass, -1)), array(below)); // [N, D, B] [B, G]
}

/**
 * One-dimensional laws on the host, in float64: distribution and quantile functions, and the 1- and 2-Wasserstein
 * distances between any two of them by their quantiles,
 *
 *   W_r(p, q)^r = int_0^1 |Q_p(u) - Q_q(u)|^r du        (Vallender 1974; Villani 2003, theorem 2.18);
 *
 * on the circle, with arcs as ground distances and quantiles that go on from turn to turn, Q(u + 1) = Q(u) + 2 pi,
 *
 *   W_r(p, q)^r = min_c int_0^1 |Q_p(u) - Q_q(u + c)|^r du,
 *
 * which is convex in c (Delon, Salomon, Sobolevski, "Fast transport optimization for Monge costs on the circle", 2010).
 */
import { expectThat, UsageError } from "../../errors.js";

/** A law on the real line, with a density or with atoms, or on the circle, with a density. */
export type Marginal =
  | (Quantiles & { readonly kind: "continuous" })
  /** Angles in radians: shares along the turn that `quantile` gives; any angle has a place in it. */
  | (Quantiles & { readonly kind: "circle" })
  | {
      readonly kind: "atoms";
      /** Ascending. */
      readonly values: ArrayLike<number>;
      /** Sums to 1. */
      readonly probabilities: ArrayLike<number>;
    };

interface Quantiles {
  /** P(X <= x). */
  distribution(x: number): number;
  /** The x with P(X <= x) = share, for 0 < share < 1. */
  quantile(share: number): number;
}

/** A table [row][column] of marginals for parameters of shape [N, D]; `of` gets the flat index. */
export function marginalTable(shape: readonly number[], of: (index: number) => Marginal): Marginal[][] {
  const [rows, columns] = shape;
  return Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (_, j) => of(i * columns + j)));
}

/**
 * The r-Wasserstein distance of two laws on the line, or of two on the circle, r = 1 or 2. Two laws of atoms: exact.
 * Otherwise by the trapezoid rule in v, u = 1 / (1 + e^-v), with a relative error of about 1e-6: exponentially small for
 * r = 2, of the second order at the kinks of |Q_p - Q_q| for r = 1. On the circle to 2e-4.
 * @throws UsageError for another order, and for an angle and a number
 */
export function wassersteinDistance(order: 1 | 2, p: Marginal, q: Marginal): number {
  expectThat(order === 1 || order === 2, () => `wassersteinDistance: order ${order} is not supported; give 1 or 2.`);
  const cost = (a: number, b: number) => Math.abs(a - b) ** order;
  if (p.kind === "atoms" && q.kind === "atoms") return betweenAtoms(p, q, cost) ** (1 / order);
  expectThat(
    (p.kind === "circle") === (q.kind === "circle"),
    "wassersteinDistance: one law is of angles and the other of numbers; give two on the line or two on the circle.",
  );
  const [qp, qq] = [quantileOf(p), quantileOf(q)];
  const [steps, limit] = [order === 1 ? 6000 : 1200, 34];
  if (p.kind === "circle") return aroundTheCircle(qp, qq, cost) ** (1 / order);
  let total = 0;
  for (let i = 0; i <= steps; i++) {
    const v = limit * ((2 * i) / steps - 1);
    const u = 1 / (1 + Math.exp(-v));
    if (u < 1) total += cost(qp(u), qq(u)) * (1 / (1 + Math.exp(v))) * u;
  }
  return ((total * 2 * limit) / steps) ** (1 / order);
}

/** min_c int_0^1 cost(Q_p(u), Q_q(u + c)) du, by golden sections; p is cut where its quantiles begin. */
function aroundTheCircle(
  qp: (share: number) => number,
  qq: (share: number) => number,
  cost: (a: number, b: number) => number,
): number {
  const [steps, limit] = [1000, 30];
  const nodes = Array.from({ length: steps + 1 }, (_, i) => {
    const v = limit * ((2 * i) / steps - 1);
    const u = 1 / (1 + Math.exp(-v));
    return { u, weight: (u * 2 * limit) / (steps * (1 + Math.exp(v))), from: u < 1 ? qp(u) : NaN };
  }).filter(({ u, weight }) => u < 1 && weight > 1e-14);
  const shifted = (c: number): number =>
    nodes.reduce((total, { u, weight, from }) => {
      const turns = Math.floor(u + c);
      const share = Math.min(Math.max(u + c - turns, 1e-15), 1 - 1e-15);
      return total + weight * cost(from, qq(share) + 2 * Math.PI * turns);
    }, 0);
  const golden = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [-1.5, 1.5]; // one turn either way, and what the cuts may lie apart
  let [a, b] = [high - golden * (high - low), low + golden * (high - low)];
  let [atA, atB] = [shifted(a), shifted(b)];
  while (high - low > 1e-7) {
    if (atA <= atB) {
      [high, b, atB] = [b, a, atA];
      a = high - golden * (high - low);
      atA = shifted(a);
    } else {
      [low, a, atA] = [a, b, atB];
      b = low + golden * (high - low);
      atB = shifted(b);
    }
  }
  return Math.min(atA, atB);
}

/** Walks both staircases at once: each piece of mass goes from one atom to one atom. */
function betweenAtoms(
  p: Extract<Marginal, { kind: "atoms" }>,
  q: Extract<Marginal, { kind: "atoms" }>,
  cost: (a: number, b: number) => number,
): number {
  let [i, j, total] = [0, 0, 0];
  let [left, right] = [p.probabilities[0], q.probabilities[0]];
  while (i < p.values.length && j < q.values.length) {
    const mass = Math.min(left, right);
    total += mass * cost(p.values[i], q.values[j]);
    left -= mass;
    right -= mass;
    if (left <= right) left = p.probabilities[++i] ?? 0;
    else right = q.probabilities[++j] ?? 0;
    // `left <= right` after subtracting the smaller one means left is the exhausted one (it is 0)
  }
  return total;
}

function quantileOf(law: Marginal): (share: number) => number {
  if (law.kind !== "atoms") return law.quantile;
  const sums = new Float64Array(law.probabilities.length);
  let sum = 0;
  for (let k = 0; k < sums.length; k++) sums[k] = sum += law.probabilities[k];
  return (share) => {
    let [low, high] = [0, sums.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle] >= share) high = middle;
      else low = middle + 1;
    }
    return law.values[low];
  };
}

/**
 * The quantile of a continuous distribution function by bisection and secant steps (Illinois), to about 1e-14
 * relative to the bracket.
 * @param bracket an interval that holds it; ends may be the ends of the support.
 */
export function invertDistribution(
  distribution: (x: number) => number,
  share: number,
  bracket: readonly [number, number],
): number {
  let [low, high] = bracket;
  let [below, above] = [distribution(low) - share, distribution(high) - share];
  if (below > 0 || above < 0)
    throw new UsageError(
      `invertDistribution: the share ${share} lies outside of [${low}, ${high}]; give a wider bracket.`,
    );
  for (let step = 0; step < 200; step++) {
    const width = high - low;
    if (width <= 1e-15 * (Math.abs(low) + Math.abs(high)) || width < 1e-300) break;
    // every third step halves, so that the bracket shrinks for sure
    const secant = below === above ? 0.5 : below / (below - above);
    const x = low + width * (step % 3 === 2 ? 0.5 : Math.min(Math.max(secant, 0.001), 0.999));
    const value = distribution(x) - share;
    if (value === 0) return x;
    if (value < 0) [low, below, above] = [x, value, above / 2];
    else [high, above, below] = [x, value, below / 2];
  }
  return (low + high) / 2;
}

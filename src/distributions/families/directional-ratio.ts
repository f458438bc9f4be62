/**
 * The mean resultant length A(k) = I_{v+1}(k) / I_v(k) of the von Mises-Fisher law in R^p, v = p/2 - 1, in the three
 * forms that its geometry needs, each with full relative precision for every k >= 0, float32 included:
 *
 *   w = A / k,   c = 1 - A,   s = A' = 1 - A^2 - (p - 1) A / k  (a formula that cancels for large k).
 *
 * With A_j = I_{j+1} / I_j, the recurrence of the Bessel functions gives, from an order N >= 20 down to v,
 *   w_j = 1 / (2 (j + 1) + k^2 w_{j+1}),   c_j = w_j (2 (j + 1) - k c_{j+1}),   s_j = w_j^2 (2 (j + 1) - k^2 s_{j+1}),
 * in which at most half of a bracket cancels (the relative error grows by (N + 1/2) / (v + 1/2) in all). At N, Debye's
 * uniform expansion (DLMF 10.41.3) is differentiated on paper: with R = sqrt(N^2 + k^2), t = N / R, P = sum D_j / N^j,
 *   w_N = 1 / (N + R) - 1 / (2 R^2) - t P'(t) / R^2,
 *   s_N = N / (R (N + R)) + (1 - 2 t^2) / (2 R^2) + t [(1 - t^2) (t P'' + 3 P') - P'] / R^2.
 */
import { add, div, mul, type Operand, reciprocal, sqrt, square, sub, type Tensor } from "../../engine/index.js";

const smallestExpanded = 20;
const expansionTerms = 11;

export interface DirectionalRatio {
  /** A / k, 1 / p at 0. */
  readonly overKappa: Tensor;
  /** 1 - A. */
  readonly complement: Tensor;
  /** A'. */
  readonly slope: Tensor;
}

/** A(k) of the sphere in R^p in its three forms, element by element, for k >= 0. Traceable. */
export function directionalRatio(p: number, kappa: Operand): DirectionalRatio {
  const v = p / 2 - 1;
  const N = v >= smallestExpanded ? v : v + Math.ceil(smallestExpanded - v);
  const P1 = expansionSlope(N);
  const P2 = derivativeOf(P1);
  const squared = square(kappa);
  const R = sqrt(add(squared, N * N));
  const t = div(N, R);
  const inverse = reciprocal(R);
  const inverse2 = square(inverse);
  const sum = reciprocal(add(R, N)); // 1 / (N + R)
  const [slope, rest] = [polynomial(P1, t), sub(1, square(t))];
  const correction = mul(inverse2, add(0.5, mul(t, slope)));
  let w = sub(sum, correction);
  // 1 - k / (N + R) = (N + R - k) / (N + R) with R - k = N^2 / (R + k)
  let c = add(mul(sum, add(N, div(N * N, add(R, kappa)))), mul(kappa, correction));
  const bracket = sub(mul(rest, add(mul(t, polynomial(P2, t)), mul(3, slope))), slope);
  let s = add(mul(mul(N, inverse), sum), mul(inverse2, add(sub(0.5, square(t)), mul(t, bracket))));
  for (let j = N - 1; j >= v; j--) {
    const twice = 2 * (j + 1);
    const next = reciprocal(add(mul(squared, w), twice));
    c = mul(next, sub(twice, mul(kappa, c)));
    s = mul(square(next), sub(twice, mul(squared, s)));
    w = next;
  }
  return { overKappa: w, complement: c, slope: s };
}

const derivativeOf = (c: readonly number[]): number[] => c.slice(1).map((value, i) => value * (i + 1));

function polynomial(coefficients: readonly number[], x: Tensor): Tensor {
  let sum: Operand = coefficients[coefficients.length - 1];
  for (let i = coefficients.length - 2; i >= 0; i--) {
    sum = mul(sum, x);
    if (coefficients[i] !== 0) sum = add(sum, coefficients[i]);
  }
  return sum as Tensor;
}

let slopes: number[][] | undefined;
const known = new Map<number, number[]>();

/**
 * Coefficients of P'(t) = sum_k D_k'(t) / N^k, where with T = t^2 (1 - t^2)
 *   D_1' = (1 - 5 t^2) / 8,   D_{k+1}' = (T D_k')' / 2 + T / 2 sum_{i+j=k} D_i' D_j'     (from DLMF 10.41.9).
 */
function expansionSlope(N: number): number[] {
  const before = known.get(N);
  if (before) return before;
  if (slopes === undefined) {
    const half = [0, 0, 0.5, 0, -0.5];
    slopes = [[1 / 8, 0, -5 / 8]];
    while (slopes.length < expansionTerms) {
      const k = slopes.length;
      const terms = [derivativeOf(times(half, slopes[k - 1]))];
      for (let i = 0; i < k - 1; i++) terms.push(times(half, times(slopes[i], slopes[k - 2 - i])));
      slopes.push(summed(terms));
    }
  }
  const total = summed(slopes.map((d, k) => d.map((c) => c / N ** (k + 1))));
  while (Math.abs(total[total.length - 1]) < 1e-20) total.pop();
  known.set(N, total);
  return total;
}

function summed(lists: readonly (readonly number[])[]): number[] {
  const length = Math.max(...lists.map((list) => list.length));
  return Array.from({ length }, (_, i) => lists.reduce((total, list) => total + (list[i] ?? 0), 0));
}

function times(a: readonly number[], b: readonly number[]): number[] {
  const product = Array<number>(a.length + b.length - 1).fill(0);
  for (const [i, x] of a.entries()) for (const [j, y] of b.entries()) product[i + j] += x * y;
  return product;
}

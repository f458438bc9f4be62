/**
 * Eigenvalues of small symmetric matrices [B, d, d] by Jacobi's method in parallel order, unrolled: in each round the d/2
 * rotations of disjoint pairs are one orthogonal matrix J, and A becomes J^T A J; d - 1 rounds of a round-robin
 * tournament meet every pair once (a sweep). R. P. Brent and F. T. Luk, SIAM J. Sci. Stat. Comput. 6 (1985).
 */
import type { NdArray } from "../arrays.js";
import type { Tensor } from "../tensor.js";
import { add, div, mul, neg, reciprocal, square, sub } from "./arithmetic.js";
import { equal, less, where } from "./comparisons.js";
import { matmul } from "./contraction.js";
import { sqrt } from "./exponential.js";
import { sum } from "./reductions.js";
import { concat, expandDims, pad, reshape, slice, sort, take } from "./shape.js";
import { mask } from "./triangular-blocks.js";

/** Up to this size the sweeps below suffice whatever the spectrum; beyond, parallel order gets slow on graded ones. */
export const largestJacobi = 8;

/** Ascending eigenvalues [B, d] of symmetric matrices [B, d, d], d <= 8. */
export function eigenvaluesByJacobi(a: Tensor): Tensor {
  const d = a.shape[1];
  if (d === 1) return reshape(a, [a.shape[0], 1]);
  if (d === 2) return pairOfEigenvalues(a);
  const n = d + (d % 2); // a dummy row of zeros takes part in the tournament of an odd number
  const margin: [number, number] = [0, n - d];
  let x = n === d ? a : pad(a, [[0, 0], margin, margin]);
  for (let sweep = 0; sweep < sweepsFor(d); sweep++) for (const partner of tournament(n)) x = rotated(x, partner);
  return sort(slice(diagonalOf(x), [null, [0, d]]), 1);
}

/** One sweep more than the worst of equal, clustered and graded spectra (12 decades) needs for 1e-13. */
function sweepsFor(d: number): number {
  return d <= 4 ? 4 : d <= 6 ? 6 : 7;
}

function pairOfEigenvalues(a: Tensor): Tensor {
  const entry = (i: number, j: number) => slice(a, [null, [i, i + 1], j]); // [B, 1]
  const middle = mul(0.5, add(entry(0, 0), entry(1, 1)));
  const half = mul(0.5, sub(entry(0, 0), entry(1, 1)));
  const radius = sqrt(add(square(half), square(entry(1, 0))));
  return concat([sub(middle, radius), add(middle, radius)], 1);
}

const diagonalOf = (x: Tensor): Tensor =>
  sum(
    mul(
      x,
      mask(x.shape[1], (i, j) => i === j),
    ),
    2,
  );

/** One round: row i is rotated with row partner[i]. All vectors are over rows, so each pair appears twice. */
function rotated(x: Tensor, partner: readonly number[]): Tensor {
  const n = partner.length;
  const identity = mask(n, (i, j) => i === j);
  const pairs = mask(n, (i, j) => partner[i] === j);
  const diagonal = diagonalOf(x);
  const gap = sub(take(diagonal, partner, 1), diagonal); // a_qq - a_pp for p, its negative for q
  // a_pq + a_qp: the same number for both, though rounding leaves x not quite symmetric
  const across = sum(mul(x, pairs), 2);
  const twice = add(across, take(across, partner, 1));
  const hypotenuse = sqrt(add(square(gap), square(twice)));
  // The sign of the gap, and a fixed one for each of the two where the gap is zero.
  const leaning: NdArray = leaningOf(partner);
  const negative = less(add(gap, mul(leaning, hypotenuse)), 0);
  const denominator = add(gap, where(negative, neg(hypotenuse), hypotenuse));
  const tangent = div(twice, where(equal(denominator, 0), 1, denominator));
  const cosine = reciprocal(sqrt(add(square(tangent), 1)));
  const diagonalPart = mul(expandDims(cosine, 2), identity);
  const pairPart = mul(expandDims(mul(cosine, tangent), 2), pairs);
  return matmul(matmul(sub(diagonalPart, pairPart), x), add(diagonalPart, pairPart));
}

const leanings = new Map<string, NdArray>();
function leaningOf(partner: readonly number[]): NdArray {
  const key = `${partner}`;
  let known = leanings.get(key);
  if (known === undefined) {
    const data = Float64Array.from(partner, (q, p) => (p < q ? 1e-6 : -1e-6));
    leanings.set(key, (known = { data, shape: [partner.length], dtype: "float64" }));
  }
  return known;
}

/** The partners in each of the n - 1 rounds of a round-robin tournament (n even). */
function tournament(n: number): number[][] {
  return Array.from({ length: n - 1 }, (_, round) => {
    const seats = [0, ...Array.from({ length: n - 1 }, (_, i) => 1 + ((i + round) % (n - 1)))];
    const partner = Array<number>(n);
    for (let k = 0; k < n / 2; k++) {
      partner[seats[k]] = seats[n - 1 - k];
      partner[seats[n - 1 - k]] = seats[k];
    }
    return partner;
  });
}

/**
 * Eigenvalues of symmetric matrices [B, d, d] by Householder's reduction to tridiagonal form and bisection on Sturm
 * counts, unrolled: the work is fixed, so the precision does not depend on the spectrum. All eigenvalues of all
 * matrices are cut at once, 64 pieces at a time. Error: a few roundings of the largest eigenvalue.
 * G. H. Golub and C. F. Van Loan, Matrix Computations, sections 8.3.1 and 8.4; counts by IEEE arithmetic as J. Demmel,
 * Applied Numerical Linear Algebra, section 5.3.4.
 */
import type { NdArray } from "../arrays.js";
import type { Tensor } from "../tensor.js";
import { abs, add, div, mul, neg, reciprocal, square, sub } from "./arithmetic.js";
import { equal, less, toFloat, where } from "./comparisons.js";
import { matmul } from "./contraction.js";
import { sqrt } from "./exponential.js";
import { max, sum } from "./reductions.js";
import { matrixTranspose, ones, reshape, slice } from "./shape.js";

const pieces = 64;
/** 9 times 6 bits cut the range to below float64's rounding. */
const passes = 9;

/** Ascending eigenvalues [B, d] of symmetric matrices [B, d, d], d >= 2. */
export function eigenvaluesByBisection(a: Tensor): Tensor {
  const d = a.shape[1];
  const largest = max(abs(a), [1, 2], { keepDimensions: true }); // [B, 1, 1]
  const scale = where(equal(largest, 0), 1, largest);
  const { diagonal, offSquares } = tridiagonal(div(a, scale));
  // No eigenvalue of the scaled matrix exceeds d; a reciprocal of zero stays harmless with squares that are not zero.
  const squares = offSquares.map((e) => add(e, 1e-33));
  const ordinals = constants(Array.from({ length: d }, (_, k) => k + 0.5)); // [d]
  const fractions = constants(Array.from({ length: pieces - 1 }, (_, j) => (j + 1) / pieces));
  let width = 2 * d;
  let low = mul(-d, ones([a.shape[0], d, 1]));
  for (let pass = 0; pass < passes; pass++) {
    const cuts = add(low, mulHost(width, fractions)); // [B, d, pieces - 1]
    const counts = eigenvaluesBelow(cuts, diagonal, squares);
    const passed = sum(toFloat(less(counts, asColumn(ordinals))), -1, { keepDimensions: true });
    low = add(low, mul(width / pieces, passed)); // [B, d, 1]
    width /= pieces;
  }
  return reshape(mul(add(low, width / 2), scale), a.shape.slice(0, 2));
}

/** How many eigenvalues are smaller than each cut: the negative pivots of T - cut. */
function eigenvaluesBelow(cuts: Tensor, diagonal: readonly Tensor[], squares: readonly Tensor[]): Tensor {
  let pivot = sub(diagonal[0], cuts);
  let count = toFloat(less(pivot, 0));
  for (let i = 1; i < diagonal.length; i++) {
    pivot = sub(sub(diagonal[i], cuts), div(squares[i - 1], pivot));
    count = add(count, toFloat(less(pivot, 0)));
  }
  return count;
}

/** Diagonal entries and squares of the entries beside it, each [B, 1, 1], of an orthogonally similar matrix. */
function tridiagonal(a: Tensor): { diagonal: Tensor[]; offSquares: Tensor[] } {
  const d = a.shape[1];
  const diagonal: Tensor[] = [];
  const offSquares: Tensor[] = [];
  let rest = a;
  for (let m = d; m >= 1; m--) {
    diagonal.push(slice(rest, [null, [0, 1], [0, 1]]));
    if (m === 1) break;
    const x = slice(rest, [null, [1, m], [0, 1]]); // [B, m - 1, 1]
    const inner = slice(rest, [null, [1, m], [1, m]]);
    const normSquared = sum(square(x), 1, { keepDimensions: true });
    offSquares.push(normSquared);
    rest = m === 2 ? inner : reflected(inner, x, normSquared);
  }
  return { diagonal, offSquares };
}

/** H S H for the reflection H that sends x to a multiple of the first unit vector. */
function reflected(s: Tensor, x: Tensor, normSquared: Tensor): Tensor {
  const first = slice(x, [null, [0, 1], null]); // [B, 1, 1]
  const norm = sqrt(normSquared);
  const signed = where(less(first, 0), neg(norm), norm);
  const unit = constants(Array.from({ length: s.shape[1] }, (_, i) => Number(i === 0)));
  const v = add(x, mul(signed, asColumn(unit)));
  const half = add(normSquared, mul(signed, first)); // v.v / 2
  const factor = reciprocal(where(equal(half, 0), 1, half));
  const p = mul(factor, matmul(s, v));
  const w = sub(p, mul(mul(0.5, mul(factor, sum(mul(v, p), 1, { keepDimensions: true }))), v));
  const outer = mul(v, matrixTranspose(w));
  return sub(s, add(outer, matrixTranspose(outer)));
}

const known = new Map<string, NdArray>();

/** A constant vector; equal ones are one array. */
function constants(values: readonly number[]): NdArray {
  const key = values.join();
  let array = known.get(key);
  if (array === undefined)
    known.set(key, (array = { data: Float64Array.from(values), shape: [values.length], dtype: "float64" }));
  return array;
}

const asColumn = (vector: NdArray): NdArray => ({ ...vector, shape: [vector.shape[0], 1] });
const mulHost = (factor: number, vector: NdArray): NdArray => constants(Array.from(vector.data, (v) => v * factor));

/**
 * Small dense linear algebra in float64 on row-major arrays: products, Cholesky, LU, and batches of small matrices.
 * QR and least squares are in `qr.ts`, eigenvalues in `eigen.ts`. (Golub and Van Loan, Matrix Computations, 4th ed.)
 *
 * A matrix that cannot be factorised is an answer, not an error: such functions return `false`. Sizes that do not
 * match throw `UsageError`.
 */

import { expectThat } from "../errors.js";

/** @throws UsageError unless there are rows x columns entries. */
export function checkSize(name: string, array: ArrayLike<number>, rows: number, columns: number): void {
  if (array.length !== rows * columns) {
    expectThat(false, `${name} got ${array.length} entries for a matrix of ${rows} x ${columns}: pass rows x columns.`);
  }
}

/** A B. [rows, inner] x [inner, columns] -> [rows, columns]; `out` must be another array. */
export function multiply(
  a: Float64Array,
  b: Float64Array,
  rows: number,
  inner: number,
  columns: number,
  out: Float64Array = new Float64Array(rows * columns),
): Float64Array {
  checkSize("multiply", a, rows, inner);
  checkSize("multiply", b, inner, columns);
  out.fill(0, 0, rows * columns);
  for (let i = 0; i < rows; i++) {
    const to = i * columns;
    for (let k = 0; k < inner; k++) {
      const factor = a[i * inner + k];
      const from = k * columns;
      for (let j = 0; j < columns; j++) out[to + j] += factor * b[from + j];
    }
  }
  return out;
}

/** A^T. [rows, columns] -> [columns, rows] */
export function transpose(a: Float64Array, rows: number, columns: number): Float64Array {
  checkSize("transpose", a, rows, columns);
  const out = new Float64Array(a.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = a[i * columns + j];
  return out;
}

/** A^T A. [rows, columns] -> [columns, columns] */
export function gram(
  a: Float64Array,
  rows: number,
  columns: number,
  out: Float64Array = new Float64Array(columns * columns),
): Float64Array {
  checkSize("gram", a, rows, columns);
  out.fill(0, 0, columns * columns);
  for (let r = 0; r < rows; r++) {
    const from = r * columns;
    for (let i = 0; i < columns; i++) {
      const factor = a[from + i];
      const to = i * columns;
      for (let j = 0; j <= i; j++) out[to + j] += factor * a[from + j];
    }
  }
  for (let i = 0; i < columns; i++) for (let j = 0; j < i; j++) out[j * columns + i] = out[i * columns + j];
  return out;
}

/** The unit matrix. [n, n] */
export function identity(n: number): Float64Array {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) out[i * n + i] = 1;
  return out;
}

// --- Cholesky -------------------------------------------------------------------------------------------------------

/**
 * L with A = L L^T of a symmetric positive definite matrix; only A's lower triangle is read.
 *
 * @param out receives L, upper triangle zero; may be `a`. [n, n]
 * @param at where the matrix starts in both arrays (for batches).
 * @returns whether A is positive definite (each pivot above 1e-15 of its diagonal entry); `out` is invalid otherwise.
 */
export function choleskyInto(a: Float64Array, n: number, out: Float64Array, at = 0): boolean {
  for (let r = 0; r < n; r++) {
    const rowR = at + r * n;
    for (let c = 0; c <= r; c++) {
      const rowC = at + c * n;
      const entry = a[rowR + c];
      let sum = entry;
      for (let k = 0; k < c; k++) sum -= out[rowR + k] * out[rowC + k];
      if (c < r) out[rowR + c] = sum / out[rowC + c];
      else {
        if (!(sum > 1e-15 * Math.abs(entry) && sum < Infinity)) return false;
        out[rowR + r] = Math.sqrt(sum);
      }
    }
    for (let c = r + 1; c < n; c++) out[rowR + c] = 0;
  }
  return true;
}

/** L with A = L L^T, or `false` where A is not positive definite. [n, n] */
export function cholesky(a: Float64Array, n: number): Float64Array | false {
  checkSize("cholesky", a, n, n);
  const out = a.slice();
  return choleskyInto(a, n, out) && out;
}

/** Solves L L^T X = B given L. B and X are [n, columns]; `out` may be `b`. */
export function choleskySolve(
  l: Float64Array,
  n: number,
  b: Float64Array,
  columns = 1,
  out: Float64Array = new Float64Array(n * columns),
): Float64Array {
  checkSize("choleskySolve", l, n, n);
  checkSize("choleskySolve", b, n, columns);
  if (out !== b) out.set(b);
  for (let j = 0; j < columns; j++) {
    for (let i = 0; i < n; i++) {
      let sum = out[i * columns + j];
      for (let k = 0; k < i; k++) sum -= l[i * n + k] * out[k * columns + j];
      out[i * columns + j] = sum / l[i * n + i];
    }
    for (let i = n - 1; i >= 0; i--) {
      let sum = out[i * columns + j];
      for (let k = i + 1; k < n; k++) sum -= l[k * n + i] * out[k * columns + j];
      out[i * columns + j] = sum / l[i * n + i];
    }
  }
  return out;
}

// --- LU -------------------------------------------------------------------------------------------------------------

/**
 * LU factorisation with partial pivoting, in place; row r of the result is row `rows[r]` of A.
 * @returns the sign of the row permutation, or 0 where a pivot is zero or not finite (singular).
 */
function luInPlace(a: Float64Array, n: number, rows: Int32Array, at = 0): number {
  let sign = 1;
  for (let r = 0; r < n; r++) rows[r] = r;
  for (let c = 0; c < n; c++) {
    let pivotRow = c;
    let largest = Math.abs(a[at + c * n + c]);
    for (let r = c + 1; r < n; r++) {
      const size = Math.abs(a[at + r * n + c]);
      if (size > largest) {
        largest = size;
        pivotRow = r;
      }
    }
    if (!(largest > 0 && largest < Infinity)) return 0;
    if (pivotRow !== c) {
      for (let k = 0; k < n; k++) {
        const kept = a[at + c * n + k];
        a[at + c * n + k] = a[at + pivotRow * n + k];
        a[at + pivotRow * n + k] = kept;
      }
      const row = rows[c];
      rows[c] = rows[pivotRow];
      rows[pivotRow] = row;
      sign = -sign;
    }
    const pivot = a[at + c * n + c];
    for (let r = c + 1; r < n; r++) {
      const factor = a[at + r * n + c] / pivot;
      a[at + r * n + c] = factor;
      if (factor !== 0) for (let k = c + 1; k < n; k++) a[at + r * n + k] -= factor * a[at + c * n + k];
    }
  }
  return sign;
}

/** Solves with the factors of `luInPlace`; `x` must differ from `b`. Both [n, columns], starting at `at`. */
function luSolve(
  lu: Float64Array,
  n: number,
  rows: Int32Array,
  b: Float64Array,
  columns: number,
  x: Float64Array,
  at = 0,
) {
  for (let r = 0; r < n; r++) {
    for (let j = 0; j < columns; j++) x[at + r * columns + j] = b[at + rows[r] * columns + j];
    for (let k = 0; k < r; k++) {
      const factor = lu[r * n + k];
      for (let j = 0; j < columns; j++) x[at + r * columns + j] -= factor * x[at + k * columns + j];
    }
  }
  for (let r = n - 1; r >= 0; r--) {
    for (let k = r + 1; k < n; k++) {
      const factor = lu[r * n + k];
      for (let j = 0; j < columns; j++) x[at + r * columns + j] -= factor * x[at + k * columns + j];
    }
    for (let j = 0; j < columns; j++) x[at + r * columns + j] /= lu[r * n + r];
  }
}

/** X with A X = B, by LU with partial pivoting; `false` where A is exactly singular or not finite. [n, columns] */
export function solve(a: Float64Array, n: number, b: Float64Array, columns = 1): Float64Array | false {
  checkSize("solve", a, n, n);
  checkSize("solve", b, n, columns);
  const lu = a.slice();
  const rows = new Int32Array(n);
  if (luInPlace(lu, n, rows) === 0) return false;
  const x = new Float64Array(n * columns);
  luSolve(lu, n, rows, b, columns, x);
  return x;
}

/** A^{-1}, or `false` where A is exactly singular. [n, n] */
export function inverse(a: Float64Array, n: number): Float64Array | false {
  return solve(a, n, identity(n), n);
}

/** det A. */
export function determinant(a: Float64Array, n: number): number {
  checkSize("determinant", a, n, n);
  const lu = a.slice();
  let product = luInPlace(lu, n, new Int32Array(n));
  for (let i = 0; i < n && product !== 0; i++) product *= lu[i * n + i];
  return product;
}

/** Sign of det A (0 where singular) and log |det A| (-Infinity where singular), without overflow. */
export function logDeterminant(a: Float64Array, n: number): { sign: number; logAbsolute: number } {
  checkSize("logDeterminant", a, n, n);
  const lu = a.slice();
  let sign = luInPlace(lu, n, new Int32Array(n));
  if (sign === 0) return { sign: 0, logAbsolute: -Infinity };
  let logAbsolute = 0;
  for (let i = 0; i < n; i++) {
    const pivot = lu[i * n + i];
    if (pivot < 0) sign = -sign;
    logAbsolute += Math.log(Math.abs(pivot));
  }
  return { sign, logAbsolute };
}

// --- batches of small matrices --------------------------------------------------------------------------------------

/** Solves A_i x_i = b_i for a batch. [N, n, n], [N, n] -> [N, n]. Singular systems give NaN and are counted. */
export function solveBatch(
  a: Float64Array,
  count: number,
  n: number,
  b: Float64Array,
  out: Float64Array = new Float64Array(count * n),
): { x: Float64Array; singular: number } {
  checkSize("solveBatch", a, count, n * n);
  checkSize("solveBatch", b, count, n);
  const lu = new Float64Array(n * n);
  const rows = new Int32Array(n);
  const rhs = new Float64Array(n);
  const x = new Float64Array(n);
  let singular = 0;
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < n * n; k++) lu[k] = a[i * n * n + k];
    for (let k = 0; k < n; k++) rhs[k] = b[i * n + k];
    if (luInPlace(lu, n, rows) === 0) {
      singular++;
      out.fill(Number.NaN, i * n, (i + 1) * n);
      continue;
    }
    luSolve(lu, n, rows, rhs, 1, x);
    out.set(x, i * n);
  }
  return { x: out, singular };
}

/** Inverses of a batch. [N, n, n] -> [N, n, n]. Singular matrices give NaN and are counted. */
export function inverseBatch(
  a: Float64Array,
  count: number,
  n: number,
  out: Float64Array = new Float64Array(count * n * n),
): { inverses: Float64Array; singular: number } {
  checkSize("inverseBatch", a, count, n * n);
  const lu = new Float64Array(n * n);
  const rows = new Int32Array(n);
  const unit = identity(n);
  const x = new Float64Array(n * n);
  let singular = 0;
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < n * n; k++) lu[k] = a[i * n * n + k];
    if (luInPlace(lu, n, rows) === 0) {
      singular++;
      out.fill(Number.NaN, i * n * n, (i + 1) * n * n);
      continue;
    }
    luSolve(lu, n, rows, unit, n, x);
    out.set(x, i * n * n);
  }
  return { inverses: out, singular };
}

/** Determinants of a batch. [N, n, n] -> [N] */
export function determinantBatch(
  a: Float64Array,
  count: number,
  n: number,
  out: Float64Array = new Float64Array(count),
): Float64Array {
  checkSize("determinantBatch", a, count, n * n);
  const lu = new Float64Array(n * n);
  const rows = new Int32Array(n);
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < n * n; k++) lu[k] = a[i * n * n + k];
    let product = luInPlace(lu, n, rows);
    for (let k = 0; k < n && product !== 0; k++) product *= lu[k * n + k];
    out[i] = product;
  }
  return out;
}

/**
 * Cholesky factors of a batch. [N, n, n] -> [N, n, n], which may be `a`. Returns how many matrices are not positive
 * definite; their factors are NaN.
 */
export function choleskyBatch(a: Float64Array, count: number, n: number, out: Float64Array): number {
  checkSize("choleskyBatch", a, count, n * n);
  checkSize("choleskyBatch", out, count, n * n);
  let indefinite = 0;
  for (let i = 0; i < count; i++) {
    if (choleskyInto(a, n, out, i * n * n)) continue;
    indefinite++;
    out.fill(Number.NaN, i * n * n, (i + 1) * n * n);
  }
  return indefinite;
}

/**
 * QR by Householder reflections, and least squares by it, in float64 on row-major arrays. (Golub and Van Loan, Matrix
 * Computations, 4th ed., section 5.2.) Sizes that do not match throw `UsageError`.
 */
import { expectThat } from "../errors.js";
import { checkSize } from "./dense.js";

/**
 * Householder triangularisation in place: afterwards `a` holds R in its upper triangle and the reflectors' tails below;
 * `scale[c]` is 2 / |v|^2 for v = (`head[c]`, tail).
 */
function householder(a: Float64Array, rows: number, columns: number, head: Float64Array, scale: Float64Array): void {
  for (let c = 0; c < Math.min(rows, columns); c++) {
    let largest = 0;
    for (let r = c; r < rows; r++) largest = Math.max(largest, Math.abs(a[r * columns + c]));
    if (largest === 0) continue;
    let sum = 0;
    for (let r = c; r < rows; r++) sum += (a[r * columns + c] / largest) ** 2;
    const norm = largest * Math.sqrt(sum);
    const diagonal = a[c * columns + c];
    const entry = diagonal > 0 ? -norm : norm;
    // v = column - entry e_1, divided by `norm` against overflow
    const v0 = (diagonal - entry) / norm;
    let length = v0 * v0;
    for (let r = c + 1; r < rows; r++) {
      a[r * columns + c] /= norm;
      length += a[r * columns + c] ** 2;
    }
    head[c] = v0;
    scale[c] = 2 / length;
    a[c * columns + c] = entry;
    for (let j = c + 1; j < columns; j++) {
      let dot = v0 * a[c * columns + j];
      for (let r = c + 1; r < rows; r++) dot += a[r * columns + c] * a[r * columns + j];
      dot *= scale[c];
      a[c * columns + j] -= dot * v0;
      for (let r = c + 1; r < rows; r++) a[r * columns + j] -= dot * a[r * columns + c];
    }
  }
}

/** R of A = Q R with diagonal >= 0. [rows, columns], rows >= columns -> [columns, columns] upper triangular */
export function triangularFactor(a: Float64Array, rows: number, columns: number): Float64Array {
  checkTall("triangularFactor", a, rows, columns);
  const work = a.slice();
  householder(work, rows, columns, new Float64Array(columns), new Float64Array(columns));
  return upperTriangle(work, columns);
}

/**
 * Thin QR by Householder reflections, with R's diagonal >= 0 (so unique at full rank).
 * [rows, columns], rows >= columns -> Q [rows, columns] with orthonormal columns, R [columns, columns].
 */
export function qr(a: Float64Array, rows: number, columns: number): { q: Float64Array; r: Float64Array } {
  checkTall("qr", a, rows, columns);
  const work = a.slice();
  const head = new Float64Array(columns);
  const scale = new Float64Array(columns);
  householder(work, rows, columns, head, scale);
  const q = new Float64Array(rows * columns);
  for (let c = 0; c < columns; c++) q[c * columns + c] = work[c * columns + c] < 0 ? -1 : 1;
  for (let c = columns - 1; c >= 0; c--) {
    for (let j = 0; j < columns; j++) {
      let dot = head[c] * q[c * columns + j];
      for (let r = c + 1; r < rows; r++) dot += work[r * columns + c] * q[r * columns + j];
      dot *= scale[c];
      q[c * columns + j] -= dot * head[c];
      for (let r = c + 1; r < rows; r++) q[r * columns + j] -= dot * work[r * columns + c];
    }
  }
  return { q, r: upperTriangle(work, columns) };
}

function upperTriangle(work: Float64Array, columns: number): Float64Array {
  const r = new Float64Array(columns * columns);
  for (let i = 0; i < columns; i++) {
    const sign = work[i * columns + i] < 0 ? -1 : 1;
    for (let j = i; j < columns; j++) r[i * columns + j] = sign * work[i * columns + j];
  }
  return r;
}

function checkTall(name: string, a: Float64Array, rows: number, columns: number): void {
  checkSize(name, a, rows, columns);
  expectThat(
    rows >= columns && columns >= 1,
    () => `${name} got a matrix of ${rows} x ${columns}: it needs at least as many rows as columns.`,
  );
}

/**
 * The X that minimises |A X - B|, by QR. [rows, columns], [rows, count] -> [columns, count]; `false` where A's columns
 * are linearly dependent to working precision (an R diagonal below 1e-14 of the largest).
 */
export function leastSquares(
  a: Float64Array,
  rows: number,
  columns: number,
  b: Float64Array,
  count = 1,
): Float64Array | false {
  checkTall("leastSquares", a, rows, columns);
  checkSize("leastSquares", b, rows, count);
  const work = a.slice();
  const rhs = b.slice();
  const head = new Float64Array(columns);
  const scale = new Float64Array(columns);
  householder(work, rows, columns, head, scale);
  let largest = 0;
  for (let c = 0; c < columns; c++) largest = Math.max(largest, Math.abs(work[c * columns + c]));
  for (let c = 0; c < columns; c++) if (!(Math.abs(work[c * columns + c]) > 1e-14 * largest)) return false;
  const x = new Float64Array(columns * count);
  for (let j = 0; j < count; j++) {
    for (let c = 0; c < columns; c++) {
      let dot = head[c] * rhs[c * count + j];
      for (let r = c + 1; r < rows; r++) dot += work[r * columns + c] * rhs[r * count + j];
      dot *= scale[c];
      rhs[c * count + j] -= dot * head[c];
      for (let r = c + 1; r < rows; r++) rhs[r * count + j] -= dot * work[r * columns + c];
    }
    for (let i = columns - 1; i >= 0; i--) {
      let sum = rhs[i * count + j];
      for (let k = i + 1; k < columns; k++) sum -= work[i * columns + k] * x[k * count + j];
      x[i * count + j] = sum / work[i * columns + i];
    }
  }
  return x;
}

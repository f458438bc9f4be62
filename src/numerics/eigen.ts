/**
 * Eigenvalues and eigenvectors of symmetric matrices in float64: cyclic Jacobi rotations for small ones (simple and
 * the most accurate; small eigenvalues of graded positive definite matrices keep their digits, Demmel and Veselic
 * 1992), Householder tridiagonalisation with implicit QL above (tred2 and tql2 of EISPACK), and the generalised
 * problem A v = lambda B v.
 */

import { expectThat, RunError } from "../errors.js";
import { cholesky } from "./dense.js";

export interface SymmetricEigen {
  /** In ascending order. [n] */
  readonly values: Float64Array;
  /** Column j belongs to values[j]; row-major. [n, n] */
  readonly vectors: Float64Array;
}

/**
 * Eigendecomposition A = V diag(values) V^T of a symmetric matrix.
 *
 * @param a row-major, the mean of A and A^T is taken. [n, n]
 * @param method `jacobi`, `ql`, or by size (Jacobi up to 32) unless given.
 * Throws `UsageError` for entries that are not finite or sizes that do not match.
 */
export function symmetricEigen(a: Float64Array, n: number, method?: "jacobi" | "ql"): SymmetricEigen {
  expectThat(a.length === n * n, () => `symmetricEigen got ${a.length} entries for n = ${n}: pass [n, n].`);
  expectThat(a.every(Number.isFinite), "symmetricEigen got a matrix with an entry that is not finite.");
  const work = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) work[i * n + j] = (a[i * n + j] + a[j * n + i]) / 2;
  const { values, vectors } = (method ?? (n <= 32 ? "jacobi" : "ql")) === "jacobi" ? jacobi(work, n) : ql(work, n);
  const order = Array.from(values.keys()).sort((x, y) => values[x] - values[y]);
  const sorted = new Float64Array(n * n);
  for (let j = 0; j < n; j++) for (let i = 0; i < n; i++) sorted[i * n + j] = vectors[i * n + order[j]];
  return { values: Float64Array.from(order, (j) => values[j]), vectors: sorted };
}

/**
 * Generalised eigenvalues A v = lambda B v, A symmetric, B symmetric positive definite, by L^{-1} A L^{-T} with
 * B = L L^T. The vectors are B-orthonormal: V^T B V = I. Returns `false` where B is not positive definite.
 */
export function generalisedEigen(a: Float64Array, b: Float64Array, n: number): SymmetricEigen | false {
  const l = cholesky(b, n);
  if (!l) return false;
  expectThat(a.length === n * n, () => `generalisedEigen got ${a.length} entries for n = ${n}: pass [n, n].`);
  const work = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) work[i * n + j] = (a[i * n + j] + a[j * n + i]) / 2;
  for (let pass = 0; pass < 2; pass++) {
    // L^{-1} applied to the columns; then transposed, so that twice gives L^{-1} A L^{-T}
    for (let j = 0; j < n; j++) {
      for (let i = 0; i < n; i++) {
        let sum = work[i * n + j];
        for (let k = 0; k < i; k++) sum -= l[i * n + k] * work[k * n + j];
        work[i * n + j] = sum / l[i * n + i];
      }
    }
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < i; j++) {
        const kept = work[i * n + j];
        work[i * n + j] = work[j * n + i];
        work[j * n + i] = kept;
      }
    }
  }
  const { values, vectors } = symmetricEigen(work, n);
  for (let j = 0; j < n; j++) {
    for (let i = n - 1; i >= 0; i--) {
      let sum = vectors[i * n + j];
      for (let k = i + 1; k < n; k++) sum -= l[k * n + i] * vectors[k * n + j];
      vectors[i * n + j] = sum / l[i * n + i];
    }
  }
  return { values, vectors };
}

/** Eigenvalues of a batch of small symmetric matrices, ascending. [N, n, n] -> [N, n] */
export function symmetricEigenvaluesBatch(a: Float64Array, count: number, n: number): Float64Array {
  expectThat(
    a.length === count * n * n,
    () => `symmetricEigenvaluesBatch got ${a.length} entries for ${count} matrices of ${n} x ${n}: pass [N, n, n].`,
  );
  const out = new Float64Array(count * n);
  if (n === 2) {
    // closed form: mean -+ radius of Mohr's circle; the smaller in size by det / larger, against cancellation
    for (let i = 0; i < count; i++) {
      const p = a[4 * i];
      const q = (a[4 * i + 1] + a[4 * i + 2]) / 2;
      const r = a[4 * i + 3];
      expectThat(
        Number.isFinite(p) && Number.isFinite(q) && Number.isFinite(r),
        () => `symmetricEigenvaluesBatch got a matrix with an entry that is not finite at index ${i}.`,
      );
      const middle = (p + r) / 2;
      const radius = Math.sqrt(((p - r) / 2) ** 2 + q * q);
      const outer = middle < 0 ? middle - radius : middle + radius;
      const inner = outer === 0 ? 0 : (p * r - q * q) / outer;
      out[2 * i] = Math.min(outer, inner);
      out[2 * i + 1] = Math.max(outer, inner);
    }
    return out;
  }
  for (let i = 0; i < count; i++) out.set(symmetricEigen(a.subarray(i * n * n, (i + 1) * n * n), n).values, i * n);
  return out;
}

/** Cyclic Jacobi (Golub and Van Loan, section 8.5). Destroys `a`. */
function jacobi(a: Float64Array, n: number): { values: Float64Array; vectors: Float64Array } {
  const v = new Float64Array(n * n);
  for (let i = 0; i < n; i++) v[i * n + i] = 1;
  let negligible = 0;
  for (let i = 0; i < n * n; i++) negligible = Math.max(negligible, 1e-30 * Math.abs(a[i]));
  for (let sweep = 0; ; sweep++) {
    let rotated = false;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const off = a[p * n + q];
        const app = a[p * n + p];
        const aqq = a[q * n + q];
        // Relative to the two diagonal entries: this keeps the digits of small eigenvalues.
        if (Math.abs(off) <= Math.max(negligible, 1e-16 * Math.sqrt(Math.abs(app)) * Math.sqrt(Math.abs(aqq))))
          continue;
        const theta = (aqq - app) / (2 * off);
        const t =
          Math.abs(theta) > 1e150 ? 0.5 / theta : Math.sign(theta || 1) / (Math.abs(theta) + Math.hypot(theta, 1));
        rotated = true;
        const c = 1 / Math.sqrt(1 + t * t);
        const s = t * c;
        a[p * n + p] = app - t * off;
        a[q * n + q] = aqq + t * off;
        a[p * n + q] = a[q * n + p] = 0;
        for (let k = 0; k < n; k++) {
          if (k !== p && k !== q) {
            const akp = a[k * n + p];
            const akq = a[k * n + q];
            a[k * n + p] = a[p * n + k] = c * akp - s * akq;
            a[k * n + q] = a[q * n + k] = s * akp + c * akq;
          }
          const vkp = v[k * n + p];
          const vkq = v[k * n + q];
          v[k * n + p] = c * vkp - s * vkq;
          v[k * n + q] = s * vkp + c * vkq;
        }
      }
    }
    if (!rotated) break;
    if (sweep === 60) throw new RunError("symmetricEigen did not converge within 60 Jacobi sweeps (10 are usual).");
  }
  return { values: Float64Array.from({ length: n }, (_, i) => a[i * n + i]), vectors: v };
}

/**
 * Householder tridiagonalisation and implicit QL (EISPACK tred2, tql2, in the form of JAMA). Overwrites `v`, which
 * holds the transpose of JAMA's V all along, so that the inner loops run over contiguous rows.
 */
function ql(v: Float64Array, n: number): { values: Float64Array; vectors: Float64Array } {
  const d = new Float64Array(n);
  const e = new Float64Array(n);
  for (let j = 0; j < n; j++) d[j] = v[j * n + n - 1];
  for (let i = n - 1; i > 0; i--) {
    let scale = 0;
    let h = 0;
    for (let k = 0; k < i; k++) scale += Math.abs(d[k]);
    if (scale === 0) {
      e[i] = d[i - 1];
      for (let j = 0; j < i; j++) {
        d[j] = v[j * n + i - 1];
        v[j * n + i] = 0;
        v[i * n + j] = 0;
      }
    } else {
      for (let k = 0; k < i; k++) {
        d[k] /= scale;
        h += d[k] * d[k];
      }
      let f = d[i - 1];
      let g = f > 0 ? -Math.sqrt(h) : Math.sqrt(h);
      e[i] = scale * g;
      h -= f * g;
      d[i - 1] = f - g;
      e.fill(0, 0, i);
      for (let j = 0; j < i; j++) {
        f = d[j];
        v[i * n + j] = f;
        g = e[j] + v[j * n + j] * f;
        for (let k = j + 1; k < i; k++) {
          g += v[j * n + k] * d[k];
          e[k] += v[j * n + k] * f;
        }
        e[j] = g;
      }
      f = 0;
      for (let j = 0; j < i; j++) {
        e[j] /= h;
        f += e[j] * d[j];
      }
      const hh = f / (h + h);
      for (let j = 0; j < i; j++) e[j] -= hh * d[j];
      for (let j = 0; j < i; j++) {
        f = d[j];
        g = e[j];
        for (let k = j; k < i; k++) v[j * n + k] -= f * e[k] + g * d[k];
        d[j] = v[j * n + i - 1];
        v[j * n + i] = 0;
      }
    }
    d[i] = h;
  }
  for (let i = 0; i < n - 1; i++) {
    v[i * n + n - 1] = v[i * n + i];
    v[i * n + i] = 1;
    const h = d[i + 1];
    if (h !== 0) {
      for (let k = 0; k <= i; k++) d[k] = v[(i + 1) * n + k] / h;
      for (let j = 0; j <= i; j++) {
        let g = 0;
        for (let k = 0; k <= i; k++) g += v[(i + 1) * n + k] * v[j * n + k];
        for (let k = 0; k <= i; k++) v[j * n + k] -= g * d[k];
      }
    }
    for (let k = 0; k <= i; k++) v[(i + 1) * n + k] = 0;
  }
  for (let j = 0; j < n; j++) {
    d[j] = v[j * n + n - 1];
    v[j * n + n - 1] = 0;
  }
  v[n * n - 1] = 1;
  e.copyWithin(0, 1);
  e[n - 1] = 0;
  let shift = 0;
  let largest = 0;
  for (let l = 0; l < n; l++) {
    largest = Math.max(largest, Math.abs(d[l]) + Math.abs(e[l]));
    let m = l;
    while (m < n - 1 && Math.abs(e[m]) > Number.EPSILON * largest) m++;
    for (let iteration = 0; m > l; iteration++) {
      if (iteration === 60) throw new RunError("symmetricEigen did not converge within 60 QL steps for an eigenvalue.");
      let g = d[l];
      let p = (d[l + 1] - g) / (2 * e[l]);
      let r = p < 0 ? -Math.hypot(p, 1) : Math.hypot(p, 1);
      d[l] = e[l] / (p + r);
      d[l + 1] = e[l] * (p + r);
      const next = d[l + 1];
      let h = g - d[l];
      for (let i = l + 2; i < n; i++) d[i] -= h;
      shift += h;
      p = d[m];
      let c = 1;
      let c2 = 1;
      let c3 = 1;
      const el1 = e[l + 1];
      let s = 0;
      let s2 = 0;
      for (let i = m - 1; i >= l; i--) {
        c3 = c2;
        c2 = c;
        s2 = s;
        g = c * e[i];
        h = c * p;
        r = Math.hypot(p, e[i]);
        e[i + 1] = s * r;
        s = e[i] / r;
        c = p / r;
        p = c * d[i] - s * g;
        d[i + 1] = h + s * (c * g + s * d[i]);
        const low = i * n;
        const high = low + n;
        for (let k = 0; k < n; k++) {
          const b = v[high + k];
          const a = v[low + k];
          v[high + k] = s * a + c * b;
          v[low + k] = c * a - s * b;
        }
      }
      p = (-s * s2 * c3 * el1 * e[l]) / next;
      e[l] = s * p;
      d[l] = c * p;
      if (!(Math.abs(e[l]) > Number.EPSILON * largest)) break;
    }
    d[l] += shift;
    e[l] = 0;
  }
  transposeSquare(v, n);
  return { values: d, vectors: v };
}

function transposeSquare(v: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      const kept = v[i * n + j];
      v[i * n + j] = v[j * n + i];
      v[j * n + i] = kept;
    }
  }
}

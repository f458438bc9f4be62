/**
 * Symmetric positive definite block-tridiagonal systems H x = b, by block Cholesky in float64: the Newton step of a
 * discretised curve, where node i meets only its neighbours. With H_ii = D_i and H_{i+1,i} = O_i:
 *
 *   L_i L_i^T = D_i - M_{i-1} M_{i-1}^T,   M_i = O_i L_i^{-T},
 *   L_i y_i = b_i - M_{i-1} y_{i-1},       L_i^T x_i = y_i - M_i^T x_{i+1},       b^T H^{-1} b = |y|^2.
 *
 * Cost n (7/3) d^3 multiply-adds. Blocks of size 1 and 2 have their own loops. (Golub and Van Loan, Matrix
 * Computations, 4th ed., section 4.5.)
 */

import { expectThat } from "../errors.js";

/** Room for the factor of up to `blocks` blocks of size `size`; made once, used for any number of solves. */
export interface BlockTridiagonalWorkspace {
  readonly blocks: number;
  readonly size: number;
  /** L_i, lower triangles of the factor's diagonal blocks, row-major. [blocks, size, size] */
  readonly factor: Float64Array;
  /** M_i, the factor's blocks below the diagonal, row-major. [blocks, size, size] (the last is unused) */
  readonly coupling: Float64Array;
  /** y, the forward-substituted right-hand side. [blocks, size] */
  readonly forward: Float64Array;
}

/**
 * A pivot must exceed this share of the diagonal entry that it came from; below it, the sign of the pivot is rounding
 * noise and the matrix counts as not positive definite.
 */
const PIVOT_TOLERANCE = 1e-14;

/** Allocates a workspace for at most `blocks` blocks of size `size`. Throws `UsageError` unless both are positive. */
export function blockTridiagonalWorkspace(blocks: number, size: number): BlockTridiagonalWorkspace {
  expectThat(
    Number.isInteger(blocks) && blocks >= 1 && Number.isInteger(size) && size >= 1,
    () => `blockTridiagonalWorkspace got ${blocks} blocks of size ${size}: pass two positive integers.`,
  );
  return {
    blocks,
    size,
    factor: new Float64Array(blocks * size * size),
    coupling: new Float64Array(blocks * size * size),
    forward: new Float64Array(blocks * size),
  };
}

/**
 * Factorises H and solves H x = b.
 *
 * @param workspace room for at least `blocks` blocks; afterwards it holds the factor (see `solveFactored`).
 * @param diagonal D_i, row-major, lower triangles read. [blocks, d, d]
 * @param lower O_i = H_{i+1,i}, row-major. [blocks - 1, d, d]
 * @param rhs b. [blocks, d]
 * @param out x; may be `rhs` itself. [blocks, d]
 * @param blocks how many blocks this system has; the workspace's number unless given.
 * @returns b^T H^{-1} b, or `false` where H is not (numerically) positive definite or not finite; `out` is untouched
 *   then. Zero is a legal quadratic form: compare with `=== false`.
 */
export function factorAndSolve(
  workspace: BlockTridiagonalWorkspace,
  diagonal: Float64Array,
  lower: Float64Array,
  rhs: Float64Array,
  out: Float64Array,
  blocks: number = workspace.blocks,
): number | false {
  if (!factorise(workspace, diagonal, lower, blocks)) return false;
  return solveFactored(workspace, rhs, out, blocks);
}

/**
 * Factorises H into the workspace. Returns whether H is positive definite; where it is not, the workspace's factor is
 * invalid. Arguments as in `factorAndSolve`. Throws `UsageError` where an array is too short.
 */
export function factorise(
  workspace: BlockTridiagonalWorkspace,
  diagonal: Float64Array,
  lower: Float64Array,
  blocks: number = workspace.blocks,
): boolean {
  const size = workspace.size;
  if (
    blocks > workspace.blocks ||
    diagonal.length < blocks * size * size ||
    lower.length < (blocks - 1) * size * size
  ) {
    expectThat(
      false,
      `factorise got ${diagonal.length} diagonal and ${lower.length} lower entries for ${blocks} blocks of size ` +
        `${size} in a workspace of ${workspace.blocks}: pass n*d*d, (n-1)*d*d, and a workspace of n blocks or more.`,
    );
  }
  if (size === 1) return factoriseScalar(workspace, diagonal, lower, blocks);
  if (size === 2) return factorisePairs(workspace, diagonal, lower, blocks);
  return factoriseGeneral(workspace, diagonal, lower, blocks);
}

/**
 * Solves H x = b with the factor that the workspace holds. Returns b^T H^{-1} b. `out` may be `rhs`.
 * Throws `UsageError` where an array is too short.
 */
export function solveFactored(
  workspace: BlockTridiagonalWorkspace,
  rhs: Float64Array,
  out: Float64Array,
  blocks: number = workspace.blocks,
): number {
  const size = workspace.size;
  if (blocks > workspace.blocks || rhs.length < blocks * size || out.length < blocks * size) {
    expectThat(
      false,
      `solveFactored got arrays of ${rhs.length} and ${out.length} entries for ${blocks} blocks of size ${size} in a ` +
        `workspace of ${workspace.blocks}: pass arrays of n*d entries.`,
    );
  }
  if (size === 1) return solveScalar(workspace, rhs, out, blocks);
  if (size === 2) return solvePairs(workspace, rhs, out, blocks);
  return solveGeneral(workspace, rhs, out, blocks);
}

// --- size 1 ---------------------------------------------------------------------------------------------------------

function factoriseScalar(
  { factor, coupling }: BlockTridiagonalWorkspace,
  diagonal: Float64Array,
  lower: Float64Array,
  blocks: number,
): boolean {
  let schur = 0;
  for (let i = 0; i < blocks; i++) {
    const entry = diagonal[i];
    const pivot = entry - schur;
    if (!(pivot > PIVOT_TOLERANCE * Math.abs(entry) && pivot < Infinity)) return false;
    const root = Math.sqrt(pivot);
    factor[i] = root;
    if (i + 1 < blocks) {
      const m = lower[i] / root;
      coupling[i] = m;
      schur = m * m;
    }
  }
  return true;
}

function solveScalar(
  { factor, coupling, forward }: BlockTridiagonalWorkspace,
  rhs: Float64Array,
  out: Float64Array,
  blocks: number,
): number {
  let quadratic = 0;
  let carried = 0;
  for (let i = 0; i < blocks; i++) {
    const y = (rhs[i] - carried) / factor[i];
    forward[i] = y;
    quadratic += y * y;
    carried = coupling[i] * y;
  }
  let x = forward[blocks - 1] / factor[blocks - 1];
  out[blocks - 1] = x;
  for (let i = blocks - 2; i >= 0; i--) {
    x = (forward[i] - coupling[i] * x) / factor[i];
    out[i] = x;
  }
  return quadratic;
}

// --- size 2 ---------------------------------------------------------------------------------------------------------

function factorisePairs(
  { factor, coupling }: BlockTridiagonalWorkspace,
  diagonal: Float64Array,
  lower: Float64Array,
  blocks: number,
): boolean {
  let schur00 = 0;
  let schur10 = 0;
  let schur11 = 0;
  for (let i = 0; i < blocks; i++) {
    const at = 4 * i;
    const d00 = diagonal[at];
    const d11 = diagonal[at + 3];
    const first = d00 - schur00;
    if (!(first > PIVOT_TOLERANCE * Math.abs(d00) && first < Infinity)) return false;
    const l00 = Math.sqrt(first);
    const l10 = (diagonal[at + 2] - schur10) / l00;
    const second = d11 - schur11 - l10 * l10;
    if (!(second > PIVOT_TOLERANCE * Math.abs(d11) && second < Infinity)) return false;
    const l11 = Math.sqrt(second);
    factor[at] = l00;
    factor[at + 2] = l10;
    factor[at + 3] = l11;
    if (i + 1 < blocks) {
      const m00 = lower[at] / l00;
      const m01 = (lower[at + 1] - m00 * l10) / l11;
      const m10 = lower[at + 2] / l00;
      const m11 = (lower[at + 3] - m10 * l10) / l11;
      coupling[at] = m00;
      coupling[at + 1] = m01;
      coupling[at + 2] = m10;
      coupling[at + 3] = m11;
      schur00 = m00 * m00 + m01 * m01;
      schur10 = m00 * m10 + m01 * m11;
      schur11 = m10 * m10 + m11 * m11;
    }
  }
  return true;
}

function solvePairs(
  { factor, coupling, forward }: BlockTridiagonalWorkspace,
  rhs: Float64Array,
  out: Float64Array,
  blocks: number,
): number {
  let quadratic = 0;
  let carried0 = 0;
  let carried1 = 0;
  for (let i = 0; i < blocks; i++) {
    const at = 4 * i;
    const y0 = (rhs[2 * i] - carried0) / factor[at];
    const y1 = (rhs[2 * i + 1] - carried1 - factor[at + 2] * y0) / factor[at + 3];
    forward[2 * i] = y0;
    forward[2 * i + 1] = y1;
    quadratic += y0 * y0 + y1 * y1;
    carried0 = coupling[at] * y0 + coupling[at + 1] * y1;
    carried1 = coupling[at + 2] * y0 + coupling[at + 3] * y1;
  }
  let x0 = 0;
  let x1 = 0;
  for (let i = blocks - 1; i >= 0; i--) {
    const at = 4 * i;
    let y0 = forward[2 * i];
    let y1 = forward[2 * i + 1];
    if (i + 1 < blocks) {
      y0 -= coupling[at] * x0 + coupling[at + 2] * x1;
      y1 -= coupling[at + 1] * x0 + coupling[at + 3] * x1;
    }
    x1 = y1 / factor[at + 3];
    x0 = (y0 - factor[at + 2] * x1) / factor[at];
    out[2 * i] = x0;
    out[2 * i + 1] = x1;
  }
  return quadratic;
}

// --- any size -------------------------------------------------------------------------------------------------------

function factoriseGeneral(
  { factor, coupling, size }: BlockTridiagonalWorkspace,
  diagonal: Float64Array,
  lower: Float64Array,
  blocks: number,
): boolean {
  const area = size * size;
  for (let i = 0; i < blocks; i++) {
    const block = i * area;
    const before = block - area;
    // L_i: row r of the Cholesky factor of D_i - M M^T, all products over contiguous rows.
    for (let r = 0; r < size; r++) {
      const rowR = block + r * size;
      for (let c = 0; c <= r; c++) {
        const rowC = block + c * size;
        const entry = diagonal[rowR + c];
        let sum = entry;
        if (i > 0) {
          const mR = before + r * size;
          const mC = before + c * size;
          for (let k = 0; k < size; k++) sum -= coupling[mR + k] * coupling[mC + k];
        }
        for (let k = 0; k < c; k++) sum -= factor[rowR + k] * factor[rowC + k];
        if (c < r) {
          factor[rowR + c] = sum / factor[rowC + c];
        } else {
          if (!(sum > PIVOT_TOLERANCE * Math.abs(entry) && sum < Infinity)) return false;
          factor[rowR + r] = Math.sqrt(sum);
        }
      }
    }
    if (i + 1 === blocks) break;
    // M_i = O_i L_i^{-T}: each row of M_i solves L_i m = o.
    for (let r = 0; r < size; r++) {
      const row = block + r * size;
      for (let c = 0; c < size; c++) {
        const rowC = block + c * size;
        let sum = lower[row + c];
        for (let k = 0; k < c; k++) sum -= coupling[row + k] * factor[rowC + k];
        coupling[row + c] = sum / factor[rowC + c];
      }
    }
  }
  return true;
}

function solveGeneral(
  { factor, coupling, forward, size }: BlockTridiagonalWorkspace,
  rhs: Float64Array,
  out: Float64Array,
  blocks: number,
): number {
  const area = size * size;
  let quadratic = 0;
  for (let i = 0; i < blocks; i++) {
    const at = i * size;
    for (let r = 0; r < size; r++) {
      const row = i * area + r * size;
      let sum = rhs[at + r];
      if (i > 0) for (let k = 0; k < size; k++) sum -= coupling[row - area + k] * forward[at - size + k];
      for (let k = 0; k < r; k++) sum -= factor[row + k] * forward[at + k];
      const y = sum / factor[row + r];
      forward[at + r] = y;
      quadratic += y * y;
    }
  }
  for (let i = blocks - 1; i >= 0; i--) {
    const at = i * size;
    for (let r = 0; r < size; r++) out[at + r] = forward[at + r];
    if (i + 1 < blocks) {
      // y_i - M_i^T x_{i+1}, row by row of M_i
      for (let k = 0; k < size; k++) {
        const x = out[at + size + k];
        const row = i * area + k * size;
        for (let r = 0; r < size; r++) out[at + r] -= coupling[row + r] * x;
      }
    }
    for (let r = size - 1; r >= 0; r--) {
      const row = i * area + r * size;
      const x = out[at + r] / factor[row + r];
      out[at + r] = x;
      for (let k = 0; k < r; k++) out[at + k] -= factor[row + k] * x;
    }
  }
  return quadratic;
}

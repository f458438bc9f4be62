/**
 * Linear algebra of batches of small matrices inside a trace, for any d: elimination for symmetric positive definite
 * matrices and Gram-Schmidt for Jacobians. Both are unrolled over the d columns and differentiable.
 *
 * Axes: N points, d latent dimensions, D ambient dimensions, m right-hand sides.
 */
import {
  add,
  array,
  broadcastTo,
  concat,
  div,
  jvp,
  log,
  matrixTranspose,
  mul,
  type NdArray,
  reshape,
  rowJacobian,
  slice,
  sqrt,
  sub,
  sum,
  type Tensor,
  zeros,
} from "../engine/index.js";

/**
 * `G^-1 B` for symmetric positive definite G `[N, d, d]` and B `[N, d, m]`, by Gauss-Jordan elimination without
 * pivoting (stable for positive definite matrices), with the pivots `[N, d]`, whose product is det G.
 */
export function eliminate(g: Tensor, b: Tensor | NdArray): { solution: Tensor; pivots: Tensor } {
  const [n, d] = g.shape;
  const m = b.shape[2];
  let table = concat([g, b], 2); // [N, d, d + m]
  const pivots: Tensor[] = [];
  for (let k = 0; k < d; k++) {
    const pivot = slice(table, [null, [k, k + 1], [k, k + 1]]); // [N, 1, 1]
    const row = div(slice(table, [null, [k, k + 1], null]), pivot); // [N, 1, d + m]
    const column = slice(table, [null, null, [k, k + 1]]); // [N, d, 1]
    // Row k is put in by itself: as `row k - (pivot - 1) row` it would be lost to rounding for large pivots.
    const unit = unitColumn(d, k);
    table = add(mul(sub(1, unit), sub(table, mul(column, row))), mul(unit, row));
    pivots.push(reshape(pivot, [n, 1]));
  }
  return { solution: slice(table, [null, null, [d, d + m]]), pivots: concat(pivots, 1) };
}

/** `G^-1 b` for symmetric positive definite G `[N, d, d]` and b `[N, d]`. */
export function solvePositive(g: Tensor, b: Tensor): Tensor {
  return reshape(eliminate(g, reshape(b, [...b.shape, 1])).solution, b.shape);
}

/** `G^-1` for symmetric positive definite G `[N, d, d]`, made exactly symmetric. */
export function invertPositive(g: Tensor): Tensor {
  const inverse = eliminate(g, broadcastTo(identityMatrix(g.shape[1]), g.shape)).solution;
  return mul(add(inverse, matrixTranspose(inverse)), 0.5);
}

/** `log det G / 2` for symmetric positive definite G `[N, d, d]`, shape `[N]`. */
export function halfLogDeterminant(g: Tensor): Tensor {
  const nothing = zeros([...g.shape.slice(0, 2), 1]);
  return mul(sum(log(eliminate(g, nothing).pivots), 1), 0.5);
}

/** Whether the Jacobian is better taken column by column: for few latent dimensions. */
export const separateColumns = (d: number): boolean => d <= 8;

/**
 * The columns of the Jacobian of a row-wise map f: `[N, d] -> [N, D]`, as d tensors `[N, D]`: one forward derivative
 * each, which share the work of the value.
 */
export function jacobianColumns(f: (z: Tensor) => Tensor, z: Tensor): Tensor[] {
  const [n, d] = z.shape;
  const indices = Array.from({ length: d }, (_, k) => k);
  if (separateColumns(d)) return indices.map((k) => jvp(f, [z], [broadcastTo(unitRow(d, k), z.shape)])[1]);
  const { jacobian } = rowJacobian(f, z);
  return indices.map((k) => reshape(slice(jacobian, [null, null, [k, k + 1]]), [n, jacobian.shape[1]]));
}

/**
 * Modified Gram-Schmidt on the columns of a Jacobian J, each `[N, D]`: orthonormal columns, and the diagonal of R in
 * J = Q R, `[N, d]`, positive. Squares nothing, so it works where J^T J is ill-conditioned.
 */
export function gramSchmidt(columns: readonly Tensor[]): { basis: Tensor[]; diagonal: Tensor } {
  const basis: Tensor[] = [];
  const lengths: Tensor[] = [];
  for (const column of columns) {
    const rest = removeComponents(column, basis);
    const length = sqrt(rowDot(rest, rest)); // [N, 1]
    basis.push(div(rest, length));
    lengths.push(length);
  }
  return { basis, diagonal: concat(lengths, 1) };
}

/** What is left of x `[N, D]` orthogonal to orthonormal vectors, each `[N, D]`. */
export function removeComponents(x: Tensor, basis: readonly Tensor[]): Tensor {
  return basis.reduce((rest, q) => sub(rest, mul(q, rowDot(q, rest))), x);
}

/** Products row by row, `[N, 1]`. */
export function rowDot(a: Tensor, b: Tensor): Tensor {
  return sum(mul(a, b), 1, { keepDimensions: true });
}

/** The identity matrix, `[d, d]`. */
export function identityMatrix(d: number): NdArray {
  return array(Array.from({ length: d }, (_, i) => Array.from({ length: d }, (_, j) => Number(i === j))));
}

/** Row k of the identity, `[1, d]`. */
export function unitRow(d: number, k: number): NdArray {
  return array([Array.from({ length: d }, (_, i) => Number(i === k))]);
}

function unitColumn(d: number, k: number): NdArray {
  return array(Array.from({ length: d }, (_, i) => [Number(i === k)]));
}

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
  contractLast,
  div,
  log,
  matrixTranspose,
  mul,
  type NdArray,
  reshape,
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
    const column = sub(slice(table, [null, null, [k, k + 1]]), unitColumn(d, k)); // [N, d, 1]
    table = sub(table, mul(column, row));
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

/**
 * Modified Gram-Schmidt on the columns of J `[N, D, d]`: orthonormal columns, as a list of d tensors `[N, D]`, and the
 * diagonal of R in J = Q R, `[N, d]`, positive. Squares nothing, so it works on Jacobians whose J^T J is ill-conditioned.
 */
export function gramSchmidt(jacobian: Tensor): { basis: Tensor[]; diagonal: Tensor } {
  const [n, size, d] = jacobian.shape;
  const basis: Tensor[] = [];
  const lengths: Tensor[] = [];
  for (let k = 0; k < d; k++) {
    const column = removeComponents(reshape(slice(jacobian, [null, null, [k, k + 1]]), [n, size]), basis);
    const length = sqrt(rowDot(column, column)); // [N, 1]
    basis.push(div(column, length));
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
  return reshape(contractLast(a, b), [a.shape[0], 1]);
}

/** The identity matrix, `[d, d]`. */
export function identityMatrix(d: number): NdArray {
  return array(Array.from({ length: d }, (_, i) => Array.from({ length: d }, (_, j) => Number(i === j))));
}

function unitColumn(d: number, k: number): NdArray {
  return array(Array.from({ length: d }, (_, i) => [Number(i === k)]));
}

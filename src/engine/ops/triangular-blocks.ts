/**
 * Values of the Cholesky factor and of the inverse of triangular matrices for batches [B, d, d], unrolled: d columns
 * in small diagonal blocks, matrix products between blocks. Not meant to be differentiated (`small-matrices.ts` gives
 * the derivatives in closed form).
 */
import type { NdArray } from "../arrays.js";
import type { Tensor } from "../tensor.js";
import { mul, neg, reciprocal, sub } from "./arithmetic.js";
import { matmul } from "./contraction.js";
import { sqrt } from "./exponential.js";
import { sum } from "./reductions.js";
import { concat, expandDims, matrixTranspose, pad, slice, zeros } from "./shape.js";

/** Blocks up to this size are factored column by column. */
const smallBlock = 8;

/** The lower factor L of A = L L^T and its inverse. Only the lower triangle of A is read. NaN where A is not definite. */
export function choleskyWithInverse(a: Tensor): { factor: Tensor; inverse: Tensor } {
  const [batch, d] = a.shape;
  if (d <= smallBlock) {
    const factor = choleskyByColumns(a);
    return { factor, inverse: triangularInverse(factor) };
  }
  const h = Math.ceil(d / 2 / smallBlock) * smallBlock;
  const first = choleskyWithInverse(slice(a, [null, [0, h], [0, h]]));
  const below = matmul(slice(a, [null, [h, d], [0, h]]), matrixTranspose(first.inverse)); // [B, d - h, h]
  const rest = sub(slice(a, [null, [h, d], [h, d]]), matmul(below, matrixTranspose(below)));
  const second = choleskyWithInverse(rest);
  const corner = zeros([batch, h, d - h]);
  const assemble = (topLeft: Tensor, bottomLeft: Tensor, bottomRight: Tensor) =>
    concat([concat([topLeft, corner], 2), concat([bottomLeft, bottomRight], 2)], 1);
  return {
    factor: assemble(first.factor, below, second.factor),
    inverse: assemble(first.inverse, neg(matmul(second.inverse, matmul(below, first.inverse))), second.inverse),
  };
}

/** Right-looking: each column is scaled by its pivot and its outer product taken from the shrinking rest. */
function choleskyByColumns(a: Tensor): Tensor {
  const d = a.shape[1];
  const columns: Tensor[] = [];
  let rest = a;
  for (let j = 0; j < d; j++) {
    const pivot = slice(rest, [null, [0, 1], [0, 1]]);
    const column = mul(slice(rest, [null, null, [0, 1]]), reciprocal(sqrt(pivot))); // [B, d - j, 1]
    columns.push(
      pad(column, [
        [0, 0],
        [j, 0],
        [0, 0],
      ]),
    );
    if (j === d - 1) break;
    const below = slice(column, [null, [1, d - j], null]);
    rest = sub(slice(rest, [null, [1, d - j], [1, d - j]]), mul(below, matrixTranspose(below)));
  }
  return concat(columns, 2);
}

/**
 * The inverse of lower triangular matrices: the inverse of the diagonal, then of diagonal blocks of size 2, 4, 8, ...,
 * all blocks of one size at once by X <- X - X (L restricted to the new blocks) X.
 */
export function triangularInverse(l: Tensor): Tensor {
  const d = l.shape[1];
  const diagonal = sum(
    mul(
      l,
      mask(d, (i, j) => i === j),
    ),
    2,
  ); // [B, d]
  let x = mul(
    expandDims(reciprocal(diagonal), 2),
    mask(d, (i, j) => i === j),
  );
  for (let size = 1; size < d; size *= 2) {
    const blockOf = (i: number) => Math.floor(i / size);
    const joined = mask(d, (i, j) => blockOf(i) % 2 === 1 && blockOf(j) === blockOf(i) - 1);
    x = size === 1 ? sub(x, pairProduct(x, l, joined)) : sub(x, matmul(x, matmul(mul(l, joined), x)));
  }
  return x;
}

/** X (L o mask) X for a diagonal X, without a product of matrices. */
function pairProduct(x: Tensor, l: Tensor, joined: NdArray): Tensor {
  const diagonal = sum(x, 2); // [B, d]
  return mul(mul(expandDims(diagonal, 2), expandDims(diagonal, 1)), mul(l, joined));
}

const masks = new Map<string, NdArray>();

/** A constant [d, d] of zeros and numbers; equal masks are one array, so that programs share them. */
export function mask(d: number, value: (i: number, j: number) => boolean | number): NdArray {
  const data = new Float64Array(d * d);
  for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) data[i * d + j] = Number(value(i, j));
  const key = `${d}:${data}`;
  let known = masks.get(key);
  if (known === undefined) masks.set(key, (known = { data, shape: [d, d], dtype: "float64" }));
  return known;
}

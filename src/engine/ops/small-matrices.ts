/**
 * Linear algebra for batches of small symmetric positive definite matrices, [..., d, d] with d <= 64: what the metric
 * tensors of latent spaces need. ONNX has no such operations, so they are unrolled; native, and differentiable.
 *
 * Sizes 1 to 3 have closed forms. Above, values come from a blocked Cholesky factorisation of A0 = stopGradient(A),
 * and derivatives from exact expansions in A - A0, which is zero in value: (A0 + D)^-1 = A0^-1 (1 + D A0^-1)^-1 and its
 * like. So the gradient of an inverse costs two matrix products, and nothing is differentiated through the
 * factorisation. The expansions are exact for derivatives up to the order stated with each function.
 *
 * A matrix that is not positive definite gives NaN: a trace cannot throw; callers on the host look at the result.
 */
import { UsageError } from "../../errors.js";
import { sizeOf } from "../arrays.js";
import { lift, type Operand, type Tensor } from "../tensor.js";
import { add, mul, sub } from "./arithmetic.js";
import {
  closedCholesky,
  closedInverse,
  closedLogDeterminant,
  closedProduct,
  largestClosed,
} from "./closed-matrices.js";
import { asTensor, broadcastShapes, stopGradient } from "./common.js";
import { matmul } from "./contraction.js";
import { log } from "./exponential.js";
import { eigenvaluesByJacobi, largestJacobi } from "./jacobi.js";
import { sum } from "./reductions.js";
import { broadcastTo, matrixTranspose, reshape } from "./shape.js";
import { choleskyWithInverse, mask, triangularInverse } from "./triangular-blocks.js";
import { eigenvaluesByBisection } from "./tridiagonal.js";

const largestSize = 64;
/** Terms of the expansion of a solution: exact for derivatives up to this order. */
const solveOrder = 6;

/**
 * Lower triangular L with `L L^T = a`, shape [..., d, d]. Exact for derivatives up to the fifth.
 * @param a symmetric positive definite (its symmetric part is used); NaN where it is not definite.
 * @throws UsageError if `a` is not a batch of square matrices with d <= 64.
 */
export function cholesky(a: Operand): Tensor {
  const { flat, shape, d } = symmetric("cholesky", a);
  if (d <= largestClosed) return reshape(closedCholesky(flat), shape);
  const { factor, inverse, change } = factored(flat);
  // L = L0 (1 + Y), Y lower with Y + Y^T + Y Y^T = S = L0^-1 D L0^-T: each step gains one order.
  const s = matmul(matmul(inverse, change), matrixTranspose(inverse));
  const halves = mask(d, (i, j) => (i > j ? 1 : i === j ? 0.5 : 0));
  let y = mul(s, halves);
  for (let order = 2; order <= 5; order++) y = mul(sub(s, matmul(y, matrixTranspose(y))), halves);
  return reshape(add(factor, matmul(factor, y)), shape);
}

/**
 * `log det a`, shape [...]. Exact for derivatives up to the sixth; the first costs one inverse.
 * @param a symmetric positive definite [..., d, d] (its symmetric part is used); NaN where it is not definite.
 * @throws UsageError if `a` is not a batch of square matrices with d <= 64.
 */
export function logDeterminant(a: Operand): Tensor {
  const { flat, shape, d } = symmetric("logDeterminant", a);
  const batch = shape.slice(0, -2);
  if (d <= largestClosed) return reshape(closedLogDeterminant(flat), batch);
  const { factor, inverse, change } = factored(flat);
  const value = mul(
    2,
    sum(
      log(
        sum(
          mul(
            factor,
            mask(d, (i, j) => i === j),
          ),
          2,
        ),
      ),
      1,
    ),
  ); // [B]
  // log det(1 + E) = tr E - tr E^2 / 2 + tr E^3 / 3 - ...
  const x = matmul(matrixTranspose(inverse), inverse);
  const traceOfProduct = (p: Tensor, q: Tensor) => sum(mul(p, matrixTranspose(q)), [1, 2]);
  const e = matmul(change, x);
  const e2 = matmul(e, e);
  const e3 = matmul(e2, e);
  let result = add(value, traceOfProduct(change, x));
  [
    traceOfProduct(e, e),
    traceOfProduct(e2, e),
    traceOfProduct(e2, e2),
    traceOfProduct(e3, e2),
    traceOfProduct(e3, e3),
  ].forEach((trace, i) => {
    result = add(result, mul((i % 2 === 0 ? -1 : 1) / (i + 2), trace));
  });
  return reshape(result, batch);
}

/**
 * The inverse, shape [..., d, d]. Exact for derivatives up to the seventh.
 * @param a symmetric positive definite (its symmetric part is used); NaN where it is not definite.
 * @throws UsageError if `a` is not a batch of square matrices with d <= 64.
 */
export function inverse(a: Operand): Tensor {
  const { flat, shape, d } = symmetric("inverse", a);
  if (d <= largestClosed) return reshape(closedInverse(flat), shape);
  const { inverse: l, change } = factored(flat);
  // X0 (1 + E)^-1 = X0 (1 - E) (1 + E^2) (1 + E^4)
  let x = matmul(matrixTranspose(l), l);
  let power = matmul(change, x);
  x = sub(x, matmul(x, power));
  for (let factor = 0; factor < 2; factor++) {
    power = matmul(power, power);
    x = add(x, matmul(x, power));
  }
  return reshape(x, shape);
}

/**
 * `a^-1 b`, of the shape of `b` (with leading axes broadcast). Exact for derivatives up to the sixth.
 * @param a symmetric positive definite [..., d, d] (its symmetric part is used); NaN where it is not definite.
 * @param b right-hand sides: vectors [..., d] if `b` has one axis less than `a`, otherwise matrices [..., d, k].
 * @throws UsageError if the shapes do not fit or d > 64.
 */
export function solve(a: Operand, b: Operand): Tensor {
  const { flat, shape, d } = symmetric("solve", a);
  const sides = rightHandSides("solve", flat, shape, b);
  if (d <= largestClosed) return sides.restore(closedProduct(closedInverse(sides.matrices), sides.columns));
  const { inverse: l, change } = factored(sides.matrices);
  const apply = (y: Tensor) => matmul(matrixTranspose(l), matmul(l, y));
  return sides.restore(expandedSolution(apply, change, sides.columns));
}

export interface TriangularOptions {
  /** Solve with the transposed (upper triangular) matrix; default false. */
  transpose?: boolean;
}

/**
 * `l^-1 b` or `l^-T b` for lower triangular `l` [..., d, d] (what is above the diagonal is not read), of the shape of
 * `b` (with leading axes broadcast). Exact for derivatives up to the sixth.
 * @param b vectors [..., d] if `b` has one axis less than `l`, otherwise matrices [..., d, k].
 * @throws UsageError if the shapes do not fit or d > 64.
 */
export function solveTriangular(l: Operand, b: Operand, options: TriangularOptions = {}): Tensor {
  const { flat, shape, d } = square("solveTriangular", l);
  const sides = rightHandSides("solveTriangular", flat, shape, b);
  const lower = mul(
    sides.matrices,
    mask(d, (i, j) => i >= j),
  );
  const fixed = stopGradient(lower);
  const turned = (x: Tensor) => (options.transpose ? matrixTranspose(x) : x);
  const x = turned(triangularInverse(fixed));
  return sides.restore(expandedSolution((y) => matmul(x, y), turned(sub(lower, fixed)), sides.columns));
}

/**
 * Eigenvalues in ascending order, shape [..., d], by Jacobi's rotations (d <= 8) or
 * bisection. Values only: their derivative is zero.
 * @param a symmetric [..., d, d] (its symmetric part is used), definite or not.
 * @throws UsageError if `a` is not a batch of square matrices with d <= 64.
 */
export function eigenvalues(a: Operand): Tensor {
  const { flat, shape, d } = symmetric("eigenvalues", stopGradient(a));
  return reshape(d <= largestJacobi ? eigenvaluesByJacobi(flat) : eigenvaluesByBisection(flat), shape.slice(0, -1));
}

/** (M^-1 + change)^-1 b, for the inverse matrix M: y = M (b - change y), as often as derivatives may be taken. */
function expandedSolution(apply: (y: Tensor) => Tensor, change: Tensor, b: Tensor): Tensor {
  const start = apply(b);
  let y = start;
  for (let order = 1; order <= solveOrder; order++) y = sub(start, apply(matmul(change, y)));
  return y;
}

/** Factor of A0 = stopGradient(A) and inverse of the factor, and A - A0. */
function factored(a: Tensor): { factor: Tensor; inverse: Tensor; change: Tensor } {
  const fixed = stopGradient(a);
  return { ...choleskyWithInverse(fixed), change: sub(a, fixed) };
}

interface Batch {
  /** [B, d, d] */
  readonly flat: Tensor;
  readonly shape: readonly number[];
  readonly d: number;
}

function square(operation: string, a: Operand): Batch {
  const t = asTensor(lift(a));
  const shape = t.shape;
  const d = shape[shape.length - 1];
  if (shape.length < 2 || shape[shape.length - 2] !== d)
    throw new UsageError(`${operation}: shape [${shape}] is no batch of square matrices; give [..., d, d].`);
  if (d < 1 || d > largestSize)
    throw new UsageError(
      `${operation}: matrices of size ${d} in shape [${shape}] are outside 1 to ${largestSize}; solve larger ones on the host.`,
    );
  return { flat: reshape(t, [sizeOf(shape.slice(0, -2)), d, d]), shape, d };
}

function symmetric(operation: string, a: Operand): Batch {
  const batch = square(operation, a);
  if (batch.d === 1) return batch;
  return { ...batch, flat: mul(0.5, add(batch.flat, matrixTranspose(batch.flat))) };
}

/** Matrices [B, d, d] and right-hand sides [B, d, k] over common leading axes, and the way back to the shape of `b`. */
function rightHandSides(operation: string, flat: Tensor, shape: readonly number[], b: Operand) {
  const t = asTensor(lift(b));
  const d = shape[shape.length - 1];
  const vectors = t.shape.length === shape.length - 1;
  const core = vectors ? t.shape.slice(-1) : t.shape.slice(-2);
  if (core[0] !== d || (!vectors && t.shape.length < 2))
    throw new UsageError(
      `${operation}: right-hand sides of shape [${t.shape}] do not fit matrices of shape [${shape}]; give [..., ${d}] or [..., ${d}, k].`,
    );
  const [ofMatrices, ofSides] = [shape.slice(0, -2), t.shape.slice(0, t.shape.length - core.length)];
  const leading = broadcastShapes(operation, ofMatrices, ofSides);
  const count = sizeOf(leading);
  const matrices =
    sizeOf(ofMatrices) === count ? flat : reshape(broadcastTo(reshape(flat, shape), [...leading, d, d]), [count, d, d]);
  const columns = reshape(broadcastTo(t, [...leading, ...core]), [count, d, vectors ? 1 : core[1]]);
  return { matrices, columns, restore: (x: Tensor) => reshape(x, [...leading, ...core]) };
}

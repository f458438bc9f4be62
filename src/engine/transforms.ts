/**
 * Derivatives and vectorisation of functions on trees of tensors. All of them nest. jax-js does the work; here its
 * reference counts are hidden and host arrays among the arguments become constants.
 */
import * as jax from "@jax-js/jax";
import { UsageError } from "../errors.js";
import { isNdArray, sizeOf } from "./arrays.js";
import { asTensor } from "./ops/common.js";
import { reshape } from "./ops/shape.js";
import { isTensor, lift, np, type Operand, type Tensor, type Tracer, type Tree } from "./tensor.js";
import { mapTree } from "./trees.js";

export { stopGradient } from "./ops/common.js";

type AnyFunction = (...args: any[]) => any;

/** Takes a reference for every leaf, so that jax-js may consume the tree. */
function taken(tree: any): Tracer {
  return mapTree(tree, (leaf) => (isTensor(leaf) || isNdArray(leaf) || typeof leaf === "number" ? lift(leaf) : leaf));
}

/** `f` as jax-js wants to call it: its results may be consumed. */
const guarded =
  (f: AnyFunction): AnyFunction =>
  (...args) =>
    taken(f(...args));

function rebuilt(tree: any): any {
  return mapTree(tree, asTensor);
}

export interface GradOptions {
  /** Which positional argument is differentiated (default 0). */
  argument?: number;
}

/**
 * The value of a scalar function and its gradient with respect to one argument (a tree).
 * @throws UsageError if the function does not return a scalar.
 */
export function valueAndGrad<A extends any[]>(
  f: (...args: A) => Tensor,
  options: GradOptions = {},
): (...args: A) => [Tensor, any] {
  return (...args) => {
    const argument = options.argument ?? 0;
    const checked = (...inner: any[]) => {
      const value = f(...(inner as A));
      if (!isTensor(value) || value.shape.length !== 0)
        throw new UsageError(
          `valueAndGrad: the function must return a scalar tensor, it returned ${isTensor(value) ? `shape [${value.shape}]` : typeof value}; sum it first.`,
        );
      return value;
    };
    // Only the wanted argument is handed to the differentiation, the others are closed over.
    const partial = (x: any) => checked(...args.map((a, i) => (i === argument ? x : a)));
    const [value, gradient] = (jax as any).valueAndGrad(guarded(partial))(taken(args[argument]));
    return [asTensor(value), rebuilt(gradient)];
  };
}

/** The gradient of a scalar function with respect to one argument (a tree of tensors like it). */
export function grad<A extends any[]>(f: (...args: A) => Tensor, options: GradOptions = {}): (...args: A) => any {
  const both = valueAndGrad(f, options);
  return (...args) => both(...args)[1];
}

/**
 * Forward derivative: `[f(x), df(x)[v]]` for a list of arguments and a list of tangents of the same structure.
 */
export function jvp(f: AnyFunction, primals: readonly any[], tangents: readonly any[]): [any, any] {
  const [value, tangent] = (jax as any).jvp(guarded(f), primals.map(taken), tangents.map(taken));
  return [rebuilt(value), rebuilt(tangent)];
}

/**
 * Reverse derivative: `[f(x), pullback]`, where the pullback takes a cotangent like the result and gives a list of
 * cotangents like the arguments. It may be called any number of times within the trace.
 */
export function vjp(f: AnyFunction, primals: readonly any[]): [any, (cotangent: any) => any[]] {
  const [value, pullback] = (jax as any).vjp(guarded(f), primals.map(taken));
  return [rebuilt(value), (cotangent) => rebuilt(pullback(taken(cotangent)))];
}

/**
 * `f` over a new leading axis of its arguments (all, or those with `true` in `mapped`), results stacked in front.
 */
export function vmap(f: AnyFunction, mapped?: readonly boolean[]): AnyFunction {
  return (...args) => {
    const axes = args.map((_, i) => ((mapped?.[i] ?? true) ? 0 : null));
    return rebuilt((jax as any).vmap(guarded(f), axes)(...args.map(taken)));
  };
}

/**
 * Jacobian of a tensor-valued function of one tensor: shape `[...output, ...input]`. Forward mode (one tangent for
 * each input element) or reverse (one cotangent for each output element), whichever is fewer.
 */
export function jacobian(
  f: (x: Tensor) => Tensor,
  options: { mode?: "forward" | "reverse" } = {},
): (x: Operand) => Tensor {
  return (x) => {
    const input = asTensor(lift(x));
    const [value, pullback] = vjp(f, [input]);
    if (!isTensor(value)) throw new UsageError("jacobian: the function must return one tensor.");
    const [n, m] = [sizeOf(input.shape), sizeOf(value.shape)];
    const mode = options.mode ?? (n <= m ? "forward" : "reverse");
    if (mode === "forward") {
      const columns = vmap((direction: Tensor) => jvp(f, [input], [reshape(direction, input.shape)])[1])(identity(n)); // [n, ...out]
      const order = value.shape.map((_, i) => i + 1);
      const moved = np.transpose(lift(columns), [...order, 0]);
      return reshape(asTensor(moved), [...value.shape, ...input.shape]);
    }
    const rows = vmap((direction: Tensor) => pullback(reshape(direction, value.shape))[0])(identity(m)); // [m, ...in]
    return reshape(rows, [...value.shape, ...input.shape]);
  };
}

/**
 * Jacobians of a function that works row by row, `f: [N, d] -> [N, ...]`: value and `J [N, ..., d]`, by d tangents
 * that share the work of the value. The rows must not depend on each other.
 */
export function rowJacobian(f: (x: Tensor) => Tensor, x: Operand): { value: Tensor; jacobian: Tensor } {
  const input = asTensor(lift(x));
  if (input.shape.length !== 2) throw new UsageError(`rowJacobian: points have shape [${input.shape}]; give [N, d].`);
  const [n, d] = input.shape;
  const along = (direction: Tensor) => jvp(f, [input], [asTensor(np.broadcastTo(lift(direction), [n, d]))]);
  const columns: Tensor = vmap((direction: Tensor) => along(direction)[1])(identity(d)); // [d, N, ...]
  const rank = columns.shape.length;
  const moved = np.transpose(lift(columns), [...Array.from({ length: rank - 1 }, (_, i) => i + 1), 0]);
  return { value: f(input), jacobian: asTensor(moved) };
}

function identity(n: number): Tensor {
  return asTensor(lift(identityArray(n)));
}

const identities = new Map<number, any>();
function identityArray(n: number) {
  let known = identities.get(n);
  if (!known) {
    const data = new Float64Array(n * n);
    for (let i = 0; i < n; i++) data[i * n + i] = 1;
    known = { data, shape: [n, n], dtype: "float64" };
    identities.set(n, known);
  }
  return known;
}

export type { Tree };

/**
 * Two independent executions of one trace must agree: the compiled program in ONNX Runtime, in float32 and in
 * float64, and jax-js itself. (Its float64 exponentials and logarithms are good to about 1e-5 only, so functions
 * made of them are compared with a wider tolerance, and elsewhere with closed forms.)
 */
import fc from "fast-check";
import { expect } from "vitest";
import {
  array,
  compile,
  flattenTree,
  grad,
  jvp,
  mul,
  type NdArray,
  ndarray,
  type Precision,
  sum,
  type Tensor,
} from "../../src/engine/index.js";
import { evaluateByJax } from "../../src/engine/reference.js";
import { randomKey, uniformArray } from "../../src/numerics/random.js";

export interface Tolerance {
  /** Of the largest absolute value in the array compared, in float64; default 1e-10. */
  float64?: number;
  /** The same in float32; default 2e-5. */
  float32?: number;
}

/** Values of `f(...args)` in both precisions, expected to agree with jax-js and returned in float64. */
export async function expectAgreement(
  f: (...args: any[]) => any,
  args: readonly any[],
  tolerance: Tolerance = {},
): Promise<NdArray[]> {
  const expected = flattenTree(await evaluateByJax(f, args)).leaves as NdArray[];
  const exact = await run(f, args, "float64");
  expectClose(exact, expected, tolerance.float64 ?? 1e-10, "float64 against jax-js");
  expectClose(await run(f, args, "float32"), expected, tolerance.float32 ?? 2e-5, "float32 against jax-js");
  return exact;
}

/** The leaves of `f(...args)` by the compiled program. */
export async function run(
  f: (...args: any[]) => any,
  args: readonly any[],
  precision: Precision = "float64",
): Promise<NdArray[]> {
  const program = compile(f, { precision, threads: 1 });
  try {
    return flattenTree(await program(...args)).leaves;
  } finally {
    await program.dispose();
  }
}

export function expectClose(got: readonly NdArray[], expected: readonly NdArray[], tolerance: number, what = ""): void {
  expect(got.length).toBe(expected.length);
  expected.forEach((wanted, i) => {
    expect(got[i].shape, `shape of result ${i}, ${what}`).toEqual(wanted.shape);
    const scale = Array.from(wanted.data).reduce((m, v) => (Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m), 1);
    for (let k = 0; k < wanted.data.length; k++) {
      const [a, b] = [got[i].data[k], wanted.data[k]];
      if (Object.is(a, b) || a === b || Math.abs(a - b) <= tolerance * scale) continue;
      throw new Error(`${what}: result ${i} of shape [${wanted.shape}] differs at ${k}: ${a} instead of ${b}.`);
    }
  });
}

/** A float64 array of numbers uniform in [low, high), the same for the same seed. */
export function randomArray(shape: readonly number[], seed: number, low = -2, high = 2): NdArray {
  const size = shape.reduce((n, k) => n * k, 1);
  return ndarray(
    uniformArray(randomKey(seed), size).map((u) => low + (high - low) * u),
    shape,
  );
}

/** Whole numbers in [0, below) as int32. */
export function randomIndices(shape: readonly number[], seed: number, below: number): NdArray {
  return array({ ...randomArray(shape, seed, 0, below), dtype: "float64" }, "int32");
}

/** Shapes with axes of size 0, 1 and more. */
export const shapes = (options: { rank?: [number, number]; least?: number; most?: number } = {}) => {
  const { rank = [0, 3], least = 0, most = 4 } = options;
  return fc.array(fc.integer({ min: least, max: most }), { minLength: rank[0], maxLength: rank[1] });
};

/**
 * Shapes that broadcast together: axes of a common shape, some dropped in front or of size 1. Axes of size 0 are in
 * all of them: jax-js throws when it differentiates the repetition of one element zero times.
 */
export const broadcastable = (count: number) =>
  shapes().chain((full) =>
    fc.tuple(
      ...Array.from({ length: count }, () =>
        fc
          .tuple(
            fc.integer({ min: 0, max: full.length }),
            fc.array(fc.boolean(), { minLength: full.length, maxLength: full.length }),
          )
          .map(([drop, ones]) =>
            full.map((n, i) => (ones[i] && n > 0 ? 1 : n)).slice(Math.min(drop, firstEmpty(full))),
          ),
      ),
    ),
  );

const firstEmpty = (shape: readonly number[]) => (shape.includes(0) ? shape.indexOf(0) : shape.length);

/** `f`'s value, tangent along fixed directions, and gradients of a fixed linear form of its value. */
export function derivatives(f: (...args: any[]) => Tensor, args: readonly NdArray[]): (...args: any[]) => any {
  const directions = args.map((a, i) => randomArray(a.shape, 1000 + i));
  const form = (...inputs: Tensor[]) => {
    const y = f(...inputs);
    return sum(mul(y, randomArray(y.shape, 2000)));
  };
  return (...inputs: Tensor[]) => {
    const [value, tangent] = jvp(f, inputs, directions);
    return { value, tangent, gradients: args.map((_, i) => grad(form, { argument: i })(...inputs)) };
  };
}

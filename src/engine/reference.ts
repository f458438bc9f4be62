/**
 * Execution of a function by jax-js itself, in float64: slow, and independent of the lowering and of ONNX Runtime.
 * Tests compare the two.
 */
import { type NdArray, ndarray } from "./arrays.js";
import { initialize, lift, realArray, type Tracer, withRealConstants } from "./tensor.js";
import { flattenTree, mapTree, unflattenTree } from "./trees.js";

/** `f(...args)` by jax-js: the same trees as `compile(f)(...args)` gives, with floats in float64. */
export async function evaluateByJax(f: (...args: any[]) => any, args: readonly any[]): Promise<any> {
  await initialize();
  const inputs = mapTree(args, (leaf) => (typeof leaf === "number" ? lift(leaf) : realArray(leaf)));
  const result = withRealConstants(() => mapTree(f(...inputs), (leaf) => lift(leaf)));
  const { leaves } = flattenTree(result);
  return unflattenTree(result, leaves.map(toHost));
}

function toHost(x: Tracer): NdArray {
  const shape = [...x.shape];
  const raw = x.dataSync();
  if (x.dtype === "bool")
    return ndarray(
      Uint8Array.from(raw, (v: any) => Number(Boolean(v))),
      shape,
    );
  if (x.dtype === "int32" || x.dtype === "uint32") return ndarray(Int32Array.from(raw), shape);
  return ndarray(Float64Array.from(raw), shape);
}

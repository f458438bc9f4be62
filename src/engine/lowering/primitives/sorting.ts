/** Sorting along the last axis: the runtime's TopK with all elements, which keeps the order of equals. */
import { sizeOf } from "../../arrays.js";
import type { Builder, Value } from "../graph.js";
import { converted } from "./arithmetic.js";
import type { Lowering } from "./registry.js";

export const sorting: Record<string, Lowering> = {
  sort: ([x], _params, _outputs, build) => [sorted(x, build)[0]],
  argsort: ([x], _params, _outputs, build) => sorted(x, build),
};

/** The sorted values and the positions (int32) they come from. */
function sorted(x: Value, build: Builder): [Value, Value] {
  const n = x.shape[x.shape.length - 1];
  if (sizeOf(x.shape) === 0 || n === 1) return [x, build.expand(build.scalar(0, "int32"), x.shape)];
  const numbers = x.dtype === "bool" ? converted(x, "int32", build) : x;
  const attributes = { axis: x.shape.length - 1, largest: 0, k: n };
  const [values, positions] = build.makeMany("TopK", [numbers], attributes, [
    { shape: x.shape, dtype: numbers.dtype },
    { shape: x.shape, dtype: "int64" },
  ]);
  return [converted(values, x.dtype, build), converted(positions, "int32", build)];
}

/** The table of operators that can be imported. */
import type { Operator } from "../node.js";
import { activations } from "./activations.js";
import { arithmetic } from "./arithmetic.js";
import { contraction } from "./contraction.js";
import { movement } from "./movement.js";
import { normalizations } from "./normalization.js";
import { reductions } from "./reduction.js";
import { resizing } from "./resize.js";
import { windows } from "./windows.js";

export { stepwise } from "./arithmetic.js";

/** Operators by their ONNX names. */
export const operators: ReadonlyMap<string, Operator> = new Map(
  Object.entries({
    ...arithmetic,
    ...activations,
    ...contraction,
    ...movement,
    ...normalizations,
    ...reductions,
    ...resizing,
    ...windows,
  }),
);

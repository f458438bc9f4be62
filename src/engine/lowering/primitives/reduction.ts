/** Reductions and the contraction of two arrays. */
import { sizeOf } from "../../arrays.js";
import { lowerDot } from "../contractions.js";
import { converted } from "./arithmetic.js";
import type { Lowering } from "./registry.js";

const kernels: Record<string, string> = { Add: "ReduceSum", Max: "ReduceMax", Min: "ReduceMin", Mul: "ReduceProd" };

export const reduction: Record<string, Lowering> = {
  reduce: ([x], { op, axis }, [out], build) => {
    const kernel = kernels[op];
    if (kernel === undefined) throw new Error(`reduce: no lowering for the reduction "${op}".`);
    const axes = axis as number[];
    if (axes.length === 0) return [x];
    if (out.dtype !== "bool") return [build.make(kernel, [x], { axes }, out.shape, out.dtype)];
    const counted = converted(x, "int32", build);
    const any = op === "Add" || op === "Max";
    if (sizeOf(x.shape) === 0) return [build.expand(build.scalar(any ? 0 : 1, "bool"), out.shape)];
    const extreme = any ? "ReduceMax" : "ReduceMin";
    return [converted(build.make(extreme, [counted], { axes }, out.shape, "int32"), "bool", build)];
  },
  dot: ([a, b], _params, [out], build) => [
    lowerDot(converted(a, out.dtype, build), converted(b, out.dtype, build), build),
  ],
};

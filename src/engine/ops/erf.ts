/** The error function. The runtime has it in float32; in float64 `lowering/passes/float64.ts` composes it. */
import * as jax from "@jax-js/jax";
import { lift, type Operand, type Tensor } from "../tensor.js";
import { asTensor } from "./common.js";

/** The error function `2/sqrt(pi) int_0^x e^-t^2 dt`. */
export function erf(x: Operand): Tensor {
  return asTensor((jax as any).scipySpecial.erf(lift(x)));
}

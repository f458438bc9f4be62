/** How a trained flow is integrated, as options of `sample` and `density`. */
import type { EvaluateFlowOptions } from "../../flows/index.js";
import { finiteNumber, oneOf, wholeNumber } from "../options.js";

export interface EvaluationOptions {
  integrator?: string;
  tolerance?: string;
  threads?: string;
}

/** @throws UsageError naming the option */
export function evaluationOptions({ integrator, tolerance, threads }: EvaluationOptions): EvaluateFlowOptions {
  return {
    ...(integrator !== undefined && { integrator: oneOf("--integrator", integrator, ["fixed", "adaptive"] as const) }),
    ...(tolerance !== undefined && { tolerance: finiteNumber("--tolerance", tolerance, 0) }),
    ...(threads !== undefined && { threads: wholeNumber("--threads", threads, 1, 256) }),
  };
}

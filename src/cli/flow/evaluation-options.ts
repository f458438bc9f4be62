/** How a trained flow is integrated, as options of `sample` and `density`. */

import { UsageError } from "../../errors.js";
import type { EvaluateFlowOptions } from "../../flows/index.js";
import { finiteNumber, oneOf, wholeNumber } from "../options.js";

export interface EvaluationOptions {
  integrator?: string;
  tolerance?: string;
  threads?: string;
}

/** @throws UsageError naming the option */
export function evaluationOptions({ integrator, tolerance, threads }: EvaluationOptions): EvaluateFlowOptions {
  if (tolerance !== undefined && integrator !== "adaptive")
    throw new UsageError(
      "--tolerance: the fixed steps of the training have none; add --integrator adaptive, or leave it out.",
    );
  return {
    ...(integrator !== undefined && { integrator: oneOf("--integrator", integrator, ["fixed", "adaptive"] as const) }),
    ...(tolerance !== undefined && { tolerance: finiteNumber("--tolerance", tolerance, 0) }),
    ...(threads !== undefined && { threads: wholeNumber("--threads", threads, 1, 256) }),
  };
}

/**
 * Learning rates, and other weights, as functions of the progress of training. A schedule is plain data, so that a
 * checkpoint can hold it; `scheduled` evaluates it at a step.
 */
import { UsageError } from "../errors.js";

export type Schedule =
  /** The same rate throughout. */
  | { readonly kind: "constant" }
  /** From the rate down to `final` times the rate, along half a cosine (Loshchilov and Hutter, 2017). */
  | { readonly kind: "cosine"; readonly final?: number }
  /** Multiplied by `final` over the whole run, by equal factors a step. */
  | { readonly kind: "exponential"; readonly final?: number };

export type ScheduleName = Schedule["kind"];

export const scheduleNames: readonly ScheduleName[] = ["constant", "cosine", "exponential"];

/**
 * The factor on the learning rate at `step` (from 0) of `steps`.
 * @param warmUp share of the steps, [0, 1), over which the factor rises linearly from nearly 0; the schedule proper
 *   runs over the rest.
 */
export function scheduled(schedule: Schedule, step: number, steps: number, warmUp = 0): number {
  if (!(warmUp >= 0 && warmUp < 1))
    throw new UsageError(`warmUp: ${warmUp} is not a share of the steps from 0 up to (not including) 1.`);
  const rising = warmUp * steps;
  if (step < rising) return (step + 1) / (rising + 1);
  const progress = steps - rising > 1 ? Math.min((step - rising) / (steps - rising - 1), 1) : 0;
  switch (schedule.kind) {
    case "constant":
      return 1;
    case "cosine": {
      const final = schedule.final ?? 0.01;
      return final + (1 - final) * 0.5 * (1 + Math.cos(Math.PI * progress));
    }
    case "exponential":
      return (schedule.final ?? 0.01) ** progress;
    default:
      throw new UsageError(
        `schedule: "${(schedule as { kind: string }).kind}" is not known; use one of ${scheduleNames.join(", ")}.`,
      );
  }
}

/**
 * The weight of the KL term: linear from 0 to 1 over the first `warmUp` share of the steps, then 1 (Bowman et al.,
 * 2016; Sonderby et al., 2016). Without it, a code that carries little early on may be switched off for good.
 */
export function warmUpWeight(step: number, steps: number, warmUp: number): number {
  if (!(warmUp >= 0 && warmUp <= 1)) throw new UsageError(`klWarmUp: ${warmUp} is not a share of the steps, 0 to 1.`);
  return warmUp === 0 ? 1 : Math.min(1, (step + 1) / (warmUp * steps));
}

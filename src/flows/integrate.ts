/**
 * The classical Runge-Kutta method of order 4 on a manifold, unrolled into the trace, so that gradients are those of
 * the discretised flow, exactly. The field is asked at stages projected to the manifold (its extension is constant
 * along the projection), and each step ends with a projection; both keep the order. The integral of the divergence is
 * one more component of the same system.
 *
 * Axes: N points, n coordinates.
 */
import { add, mul, square, sub, type Tensor } from "../engine/index.js";
import type { FieldValue } from "./field-value.js";

/** The field and its divergence at a point and a time in [0, 1]. */
export type TimedField = (x: Tensor, t: number) => FieldValue;

/** The end of a flow, and the integrals of div f and of its square along it. */
export interface FlowEnd {
  readonly end: Tensor; // [N, n]
  readonly divergence: Tensor; // [N]
  readonly squaredDivergence: Tensor; // [N]
  /**
   * int (div f_2 - div f_3)^2 dt, [N]: of the two stages at the middle of each step, which the method's order rests on
   * being close; where they are not, its result is not the flow's.
   */
  readonly disagreement: Tensor;
}

/**
 * From `start` at time 0 to time 1, or ("backward") from time 1 to 0. Either way `divergence` is
 * int_0^1 div f dt along the path.
 */
export function rungeKutta(
  field: TimedField,
  project: (x: Tensor) => Tensor,
  start: Tensor,
  steps: number,
  direction: "forward" | "backward",
): FlowEnd {
  const sign = direction === "forward" ? 1 : -1;
  const h = 1 / steps;
  let x = start;
  let divergence: Tensor | undefined;
  let squared: Tensor | undefined;
  let disagreement: Tensor | undefined;
  for (let step = 0; step < steps; step++) {
    const t = direction === "forward" ? step * h : 1 - step * h;
    const stage = (offset: number, slope?: Tensor) =>
      field(slope === undefined ? x : project(add(x, mul(sign * offset * h, slope))), t + sign * offset * h);
    const first = stage(0);
    const second = stage(0.5, first.velocity);
    const third = stage(0.5, second.velocity);
    const fourth = stage(1, third.velocity);
    const stages = [first, second, third, fourth];
    const weighted = (of: (value: FieldValue) => Tensor) => {
      const [a, b, c, d] = stages.map(of);
      return add(add(a, d), mul(2, add(b, c)));
    };
    x = project(
      add(
        x,
        mul(
          (sign * h) / 6,
          weighted((value) => value.velocity),
        ),
      ),
    );
    const gain = mul(
      h / 6,
      weighted((value) => value.divergence),
    );
    divergence = divergence === undefined ? gain : add(divergence, gain);
    const effort = mul(
      h / 6,
      weighted((value) => square(value.divergence)),
    );
    squared = squared === undefined ? effort : add(squared, effort);
    const apart = mul(h, square(sub(second.divergence, third.divergence)));
    disagreement = disagreement === undefined ? apart : add(disagreement, apart);
  }
  return { end: x, divergence: divergence!, squaredDivergence: squared!, disagreement: disagreement! };
}

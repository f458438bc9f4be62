/** What a vector field gives, however it is made: its velocity and its divergence. */
import type { Tensor } from "../engine/index.js";

/** Velocity, and where asked for its divergence, at points x [N, n] and time t (a number, or [N, 1]). */
export interface FieldValue {
  readonly velocity: Tensor; // [N, n]
  readonly divergence: Tensor; // [N]
}

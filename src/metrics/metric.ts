/**
 * A latent metric: what every way of giving a latent space a Riemannian metric comes down to. Everything downstream
 * (geodesics, distances, means, volumes, curvature, pictures) is written against this interface.
 *
 * Axes: N points, d latent dimensions, D ambient dimensions.
 */
import type { Tensor } from "../engine/index.js";

export interface LatentMetric {
  /** What it is called in pictures and reports, for example "expected pullback". */
  readonly name: string;
  /** d, the number of latent dimensions. */
  readonly dimension: number;
  /** The metric tensor at points: `[N, d] -> [N, d, d]`, symmetric positive (semi-)definite. */
  metricTensor(z: Tensor): Tensor;
  /** Squared length of the short steps a -> b: `[N, d], [N, d] -> [N]`; second order in the step. */
  segmentEnergy(a: Tensor, b: Tensor): Tensor;
  /**
   * Where the metric is the pullback of a flat one: the map `[N, d] -> [N, D]` it is pulled back by. Rows must not
   * depend on each other. It lets solvers use Gauss-Newton steps.
   */
  embedding?(z: Tensor): Tensor;
  /**
   * Set where steps have lengths that no inner product gives (1-Wasserstein): then `metricTensor` is only a quadratic
   * bound that solvers precondition with, and what needs a metric tensor refuses it.
   */
  readonly finsler?: true;
}

/**
 * A decoder: any traceable function of points `[N, d]`, giving `[N, D]` or `{ mean, std }` of that shape (standard
 * deviations, positive).
 */
export type Decoder = (z: Tensor) => Tensor | { readonly mean: Tensor; readonly std: Tensor };

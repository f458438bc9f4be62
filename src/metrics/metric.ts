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
   * Where `segmentEnergy` needs nothing but some values at the two ends of a step (parameters of the decoded laws, say):
   * those values, and the squared length from them. Solvers then decode each node of a curve once.
   */
  readonly ends?: StepEnds;
  /**
   * Set where steps have lengths that no inner product gives (1-Wasserstein): then `metricTensor` is only a quadratic
   * form near them that solvers precondition with, and what needs a metric tensor refuses it.
   */
  readonly finsler?: true;
}

/** Squared lengths of steps from values at their ends. Traceable. */
export interface StepEnds {
  /** `[N, d]` to named values with the points first. */
  at(z: Tensor): EndValues;
  /** Values at starts and ends to squared lengths, `[N]`. */
  energy(a: EndValues, b: EndValues): Tensor;
}

export type EndValues = { readonly [name: string]: Tensor };

/** The `segmentEnergy` that belongs to `ends`. */
export function energyOfEnds({ at, energy }: StepEnds): (a: Tensor, b: Tensor) => Tensor {
  return (a, b) => energy(at(a), at(b));
}

/**
 * A decoder: any traceable function of points `[N, d]`, giving `[N, D]` or `{ mean, std }` of that shape (standard
 * deviations, positive).
 */
export type Decoder = (z: Tensor) => Tensor | { readonly mean: Tensor; readonly std: Tensor };

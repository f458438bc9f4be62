/**
 * Leapfrog steps for Hamiltonian VAEs, unrolled in the trace, with the textbook order: half a momentum step, a position
 * step with that half-step momentum, half a momentum step. (A popular code moves the position by the old momentum: then
 * the map is neither reversible nor of second order.)
 *
 * Plain: H(z, r) = U(z) + |r|^2 / 2. Riemannian: H(z, r) = U(z) + 1/2 log det G(z) + 1/2 r^T G(z)^{-1} r, by the
 * generalised leapfrog, whose implicit steps are solved by fixed-point iteration (Girolami and Calderhead, 2011):
 *
 *   r' = r - e/2 d_z H(z, r'),   z' = z + e/2 (d_r H(z, r') + d_r H(z', r')),   r'' = r' - e/2 d_z H(z', r').
 *
 * Both keep the volume in (z, r) and are undone by the same steps with the momentum reversed; the second up to what the
 * fixed point is off. Rows may depend on each other (batch normalisation): then this holds for the batch as a whole.
 */
import { add, grad, logDeterminant, matmul, mul, neg, reshape, sub, sum, type Tensor } from "../../engine/index.js";

export interface PhasePoint {
  /** [N, d] */
  readonly z: Tensor;
  /** [N, d] */
  readonly momentum: Tensor;
}

/** Gradient of a potential of each row, `[N, d] -> [N]`, by differentiating it. [N, d] -> [N, d] */
export function slopeOf(potential: (z: Tensor) => Tensor): (z: Tensor) => Tensor {
  return grad((at: Tensor) => sum(potential(at)));
}

/** One leapfrog step. @param slope of U, `[N, d] -> [N, d]` */
export function leapfrog(slope: (z: Tensor) => Tensor, { z, momentum }: PhasePoint, stepSize: number): PhasePoint {
  const half = sub(momentum, mul(stepSize / 2, slope(z)));
  const moved = add(z, mul(stepSize, half));
  return { z: moved, momentum: sub(half, mul(stepSize / 2, slope(moved))) };
}

/** -1/2 log det P(z) + 1/2 r^T P(z) r of each row, P = G^{-1} [N, d, d]: what the metric adds to H. */
export function kineticEnergy(inverseMetric: Tensor, momentum: Tensor): Tensor {
  return mul(0.5, sub(sum(mul(momentum, applied(inverseMetric, momentum)), -1), logDeterminant(inverseMetric)));
}

/**
 * One generalised leapfrog step.
 * @param potentialSlope of U, `[N, d] -> [N, d]`
 * @param inverseMetric P = G^{-1}, `[N, d] -> [N, d, d]`
 * @param iterations of each fixed point
 */
export function generalizedLeapfrog(
  potentialSlope: (z: Tensor) => Tensor,
  inverseMetric: (z: Tensor) => Tensor,
  { z, momentum }: PhasePoint,
  stepSize: number,
  iterations: number,
): PhasePoint {
  const slope = (at: Tensor, r: Tensor) =>
    add(potentialSlope(at), grad((place: Tensor) => sum(kineticEnergy(inverseMetric(place), r)))(at));
  let half = momentum;
  for (let i = 0; i < iterations; i++) half = sub(momentum, mul(stepSize / 2, slope(z, half)));
  const before = applied(inverseMetric(z), half);
  let moved = z;
  for (let i = 0; i < iterations; i++)
    moved = add(z, mul(stepSize / 2, add(before, applied(inverseMetric(moved), half))));
  return { z: moved, momentum: sub(half, mul(stepSize / 2, slope(moved, half))) };
}

/** A_n x_n. [N, d, d], [N, d] -> [N, d] */
export function applied(matrices: Tensor, vectors: Tensor): Tensor {
  const [N, d] = vectors.shape;
  return reshape(matmul(matrices, reshape(vectors, [N, d, 1])), [N, d]);
}

/**
 * The factors on the momentum after each of K steps, with quadratic tempering (Caterini, Doucet and Sejdinovic, 2018,
 * section 3.3): 1 / sqrt(beta_k) falls from 1 / sqrt(beta_0) to 1 with k^2 / K^2, and the factor is
 * sqrt(beta_{k-1} / beta_k); their product is sqrt(beta_0).
 */
export function temperingFactors(steps: number, initialInverseTemperature: number): number[] {
  const first = 1 / Math.sqrt(initialInverseTemperature);
  const root = (k: number) => (1 - first) * (k / steps) ** 2 + first; // 1 / sqrt(beta_k)
  return Array.from({ length: steps }, (_, i) => root(i + 1) / root(i));
}

/** The reverse of a point: the same place, the momentum turned round. */
export function reversed({ z, momentum }: PhasePoint): PhasePoint {
  return { z, momentum: neg(momentum) };
}

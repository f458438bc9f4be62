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
import {
  add,
  expandDims,
  grad,
  logDeterminant,
  matmul,
  mul,
  neg,
  reshape,
  sub,
  sum,
  type Tensor,
  vjp,
} from "../../engine/index.js";

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

/** One leapfrog step. @param slope of U, `[N, d] -> [N, d]`; asked at the end of a step and at the start of the next */
export function leapfrog(slope: (z: Tensor) => Tensor, { z, momentum }: PhasePoint, stepSize: number): PhasePoint {
  const half = sub(momentum, mul(stepSize / 2, slope(z)));
  const moved = add(z, mul(stepSize, half));
  return { z: moved, momentum: sub(half, mul(stepSize / 2, slope(moved))) };
}

/** `f`, which keeps its last result for the same tensor: a step ends where the next one begins. */
export function remembering<T>(f: (z: Tensor) => T): (z: Tensor) => T {
  let last: { readonly z: Tensor; readonly value: T } | undefined;
  return (z) => {
    if (last?.z !== z) last = { z, value: f(z) };
    return last.value;
  };
}

/** -1/2 log det P(z) + 1/2 r^T P(z) r of each row, P = G^{-1} [N, d, d]: what the metric adds to H. */
export function kineticEnergy(inverseMetric: Tensor, momentum: Tensor): Tensor {
  return mul(0.5, sub(sum(mul(momentum, applied(inverseMetric, momentum)), -1), logDeterminant(inverseMetric)));
}

/** The Hamiltonian at one place, for any momentum. */
export interface Place {
  /** P = G^{-1}. [N, d, d] */
  readonly inverseMetric: Tensor;
  /** d_z H(z, r). [N, d] -> [N, d] */
  slope(momentum: Tensor): Tensor;
}

/**
 * The Riemannian Hamiltonian, place by place: what does not depend on the momentum is traced once for each.
 * @param potentialSlope of U, `[N, d] -> [N, d]`
 * @param inverseMetric P = G^{-1}, `[N, d] -> [N, d, d]`
 */
export function riemannianHamiltonian(
  potentialSlope: (z: Tensor) => Tensor,
  inverseMetric: (z: Tensor) => Tensor,
): (z: Tensor) => Place {
  return remembering((z) => {
    const [P, back] = vjp(inverseMetric, [z]);
    const outer = potentialSlope(z);
    const ofDeterminant = grad((matrix: Tensor) => mul(-0.5, sum(logDeterminant(matrix))))(P);
    return {
      inverseMetric: P,
      // the derivative of 1/2 r^T P r in P is 1/2 r r^T
      slope: (r) => add(outer, back(add(ofDeterminant, mul(0.5, mul(expandDims(r, 2), expandDims(r, 1)))))[0]),
    };
  });
}

/**
 * One generalised leapfrog step.
 * @param at the Hamiltonian, `riemannianHamiltonian`
 * @param iterations of each fixed point
 */
export function generalizedLeapfrog(
  at: (z: Tensor) => Place,
  inverseMetric: (z: Tensor) => Tensor,
  { z, momentum }: PhasePoint,
  stepSize: number,
  iterations: number,
): PhasePoint {
  const start = at(z);
  let half = momentum;
  for (let i = 0; i < iterations; i++) half = sub(momentum, mul(stepSize / 2, start.slope(half)));
  const before = applied(start.inverseMetric, half);
  let moved = add(z, mul(stepSize, before)); // the first iteration begins at z
  for (let i = 1; i < iterations; i++)
    moved = add(z, mul(stepSize / 2, add(before, applied(inverseMetric(moved), half))));
  return { z: moved, momentum: sub(half, mul(stepSize / 2, at(moved).slope(half))) };
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

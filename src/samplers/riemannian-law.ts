/**
 * The uniform law of a posterior metric, of density sqrt(det G) with respect to dz, made proper.
 *
 * It has a finite mass only if the floor of G decays (tau > 0): with tau = 0, the official code's value, the mass of the
 * floor is infinite and a long chain wanders off. Two remedies:
 *   - decay (default): tau is raised to 10 lambda / rho^2 where it is less. The floor's mass is about
 *     (lambda / (tau rho^2))^(d/2) / n of that of all bumps, so at most 10^(-d/2) / n. The metric keeps its own tau;
 *     only the law that is sampled changes, and only where the floor rules.
 *   - ball: the law keeps tau and is restricted to a ball around the mean of the centroids. The floor then has mass
 *     lambda^(d/2) times the ball's volume, which for large lambda and d (CelebA: 1, 64) can be nearly everything.
 */
import { less, ndarray, square, sub, sum, type Tensor, where } from "../engine/index.js";
import { expectThat } from "../errors.js";
import type { PosteriorMetric } from "../metrics/index.js";
import type { TargetDensity } from "./hamiltonian.js";

/** How the law is made proper: a decay of the floor, or a ball of this radius around the mean of the centroids. */
export type Proper = "decay" | { readonly ball: number };

export interface RiemannianLaw {
  /** log sqrt(det G) and its gradient; about -1e30 outside the ball. */
  readonly target: TargetDensity;
  /** The metric with the tau of the law. */
  readonly metric: PosteriorMetric;
  readonly notes: readonly string[];
  /** Moves points that lie outside the ball just inside, in place. [C, d] */
  confine(points: Float64Array): void;
}

const outside = -1e30;

/** @throws UsageError for a ball that leaves a centroid out. */
export function riemannianLaw(given: PosteriorMetric, proper: Proper = "decay"): RiemannianLaw {
  const { lambda, rho, tau } = given.description;
  const density = (metric: PosteriorMetric) => (z: Tensor) => {
    const { logVolume, gradient } = metric.logVolumeWithGradient(z);
    return { logDensity: logVolume, gradient };
  };
  const { dimension } = given;
  if (proper === "decay") {
    const least = (10 * lambda) / rho ** 2;
    const metric = tau >= least ? given : given.withTau(least);
    const short = (x: number) => Number(x.toPrecision(3));
    return {
      target: { dimension, logDensityWithGradient: density(metric) },
      metric,
      notes:
        metric === given
          ? []
          : [
              `the law has tau = ${short(least)} (10 lambda / rho^2) in place of ${short(tau)}, which has too heavy a tail`,
            ],
      confine: () => {},
    };
  }
  const radius = proper.ball;
  const middle = meanOf(given);
  const farthest = Math.max(...distancesFrom(middle, given.centroids.data as Float64Array));
  expectThat(
    Number.isFinite(radius) && radius > farthest,
    () =>
      `ball: radius ${radius}; give a number above ${farthest.toPrecision(4)}, the distance of the farthest centroid.`,
  );
  const inside = (z: Tensor) => less(sum(square(sub(z, ndarray(middle))), 1), radius ** 2);
  return {
    target: {
      dimension,
      logDensityWithGradient(z) {
        const { logDensity, gradient } = density(given)(z);
        return { logDensity: where(inside(z), logDensity, outside), gradient };
      },
    },
    metric: given,
    notes: [`the law is restricted to the ball of radius ${radius} around the mean of the centroids`],
    confine(points) {
      distancesFrom(middle, points).forEach((distance, row) => {
        if (distance < radius) return;
        for (let k = 0; k < dimension; k++) {
          const at = row * dimension + k;
          points[at] = middle[k] + ((points[at] - middle[k]) * 0.99 * radius) / distance;
        }
      });
    },
  };
}

/**
 * Whether float32 is good enough: the exponents are expanded squares, whose rounding errors are near 2^-24 times their
 * largest term; d/2 times that is the error of the log density, wanted below 0.005.
 */
export function precisionFor(metric: PosteriorMetric): "float32" | "float64" {
  const { dimension: d, centroids, description } = metric;
  const middle = meanOf(metric);
  let largest = 0;
  for (let i = 0; i < centroids.shape[0]; i++) {
    let term = 0;
    for (let k = 0; k < d; k++) {
      const precision = metric.inverseVariances
        ? metric.inverseVariances.data[i * d + k]
        : metric.inverseCovariances!.data[(i * d + k) * d + k];
      term += precision * (centroids.data[i * d + k] - middle[k]) ** 2;
    }
    largest = Math.max(largest, term / description.rho ** 2);
  }
  return (d / 2) * largest * 2 ** -24 < 0.005 ? "float32" : "float64";
}

function meanOf({ centroids, dimension: d }: PosteriorMetric): Float64Array {
  const n = centroids.shape[0];
  const middle = new Float64Array(d);
  centroids.data.forEach((x: number, i: number) => {
    middle[i % d] += x / n;
  });
  return middle;
}

function distancesFrom(middle: Float64Array, points: Float64Array): Float64Array {
  const d = middle.length;
  return Float64Array.from({ length: points.length / d }, (_, row) => {
    let squared = 0;
    for (let k = 0; k < d; k++) squared += (points[row * d + k] - middle[k]) ** 2;
    return Math.sqrt(squared);
  });
}

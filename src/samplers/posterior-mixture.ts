/**
 * The mixture that the uniform law of the posterior metric nearly is. As lambda -> 0 an isolated centroid contributes
 * to sqrt(det G) the function sqrt(det Sigma_i^-1) exp(-(d/2) q_i / rho^2), of mass (2 pi rho^2 / d)^(d/2) whatever
 * Sigma_i is. So the law is near the equal-weight mixture of N(c_i, (rho^2 / d) Sigma_i): start of chains, proposal of
 * independence moves, and reference for tests.
 *
 * Axes: N points, n centroids, d latent dimensions.
 */
import { add, logSumExp, mul, ndarray, type Tensor } from "../engine/index.js";
import type { PosteriorMetric } from "../metrics/index.js";
import { cholesky } from "../numerics/dense.js";
import type { RandomStream } from "../numerics/random.js";

export interface PosteriorMixture {
  /** Normalised log density: `[N, d] -> [N]`. Traceable. */
  logDensity(z: Tensor): Tensor;
  /** `count` draws, [count, d] row-major. */
  draw(count: number, random: RandomStream): Float64Array;
  /** The least standard deviation of any component along any axis of its covariance: the scale that steps must resolve. */
  readonly leastScale: number;
}

export function posteriorMixture(metric: PosteriorMetric): PosteriorMixture {
  const { dimension: d, description, centroids } = metric;
  const n = centroids.shape[0];
  const { rho } = description;
  const spread = rho / Math.sqrt(d);
  const factors = metric.inverseVariances
    ? diagonalFactors(metric.inverseVariances.data as Float64Array, n, d)
    : choleskyFactors(metric.inverseCovariances!.data as Float64Array, n, d);
  // log of each component's normalising constant, and of its weight 1/n
  const constants = factors.map(
    ({ halfLogDeterminant }) =>
      halfLogDeterminant - d * Math.log(spread) - (d / 2) * Math.log(2 * Math.PI) - Math.log(n),
  );
  return {
    logDensity: (z) => logSumExp(add(mul(metric.logWeights(z), d / 2), ndarray(Float64Array.from(constants))), 1),
    draw(count, random) {
      const out = new Float64Array(count * d);
      const noise = new Float64Array(d);
      for (let row = 0; row < count; row++) {
        const i = random.integer(n);
        for (let k = 0; k < d; k++) noise[k] = random.normal();
        factors[i].colour(noise);
        for (let k = 0; k < d; k++) out[row * d + k] = centroids.data[i * d + k] + spread * noise[k];
      }
      return out;
    },
    leastScale: spread / Math.sqrt(Math.max(...factors.map((factor) => factor.largestPrecision))),
  };
}

interface Factor {
  /** log sqrt(det P) */
  readonly halfLogDeterminant: number;
  /** At least the largest eigenvalue of P; equal to it where P is diagonal. */
  readonly largestPrecision: number;
  /** Turns x ~ N(0, I) into N(0, P^-1), in place. */
  colour(x: Float64Array): void;
}

function diagonalFactors(m: Float64Array, n: number, d: number): Factor[] {
  return Array.from({ length: n }, (_, i) => {
    const row = m.subarray(i * d, (i + 1) * d);
    return {
      halfLogDeterminant: row.reduce((sum, x) => sum + 0.5 * Math.log(x), 0),
      largestPrecision: Math.max(...row),
      colour: (x) => {
        for (let k = 0; k < d; k++) x[k] /= Math.sqrt(row[k]);
      },
    };
  });
}

function choleskyFactors(p: Float64Array, n: number, d: number): Factor[] {
  return Array.from({ length: n }, (_, i) => {
    const matrix = p.slice(i * d * d, (i + 1) * d * d);
    const l = cholesky(matrix, d) as Float64Array; // the metric has checked that there is one
    let [halfLogDeterminant, trace] = [0, 0];
    for (let k = 0; k < d; k++) {
      halfLogDeterminant += Math.log(l[k * d + k]);
      trace += matrix[k * d + k];
    }
    return {
      halfLogDeterminant,
      largestPrecision: trace,
      // P = L L^T, so L^-T x has covariance P^-1.
      colour: (x) => {
        for (let k = d - 1; k >= 0; k--) {
          for (let j = k + 1; j < d; j++) x[k] -= l[j * d + k] * x[j];
          x[k] /= l[k * d + k];
        }
      },
    };
  });
}

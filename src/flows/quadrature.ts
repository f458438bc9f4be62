/**
 * Points and weights that integrate functions over a manifold: for masses of densities, and for densities on grids.
 *
 * S^2: Gauss-Legendre in the height z, equal steps in longitude (exact for polynomials up to degree 2 rows - 1).
 * T^1, T^2: equal steps (spectral for smooth functions). Poincare ball of dimension 2: Gauss-Legendre in the geodesic
 * radius, equal steps in angle, with the area sinh(sqrt(c) r)/sqrt(c). R^1, R^2: equal steps in a box.
 */
import { type NdArray, ndarray } from "../engine/index.js";
import { UsageError } from "../errors.js";
import { gaussLegendre, type Manifold } from "../manifolds/index.js";
import { flowReach } from "./reach.js";

export interface ManifoldQuadrature {
  /** [N, n] */
  readonly points: NdArray;
  /** Volume that each point stands for. [N] */
  readonly weights: Float64Array;
}

/**
 * @param size points along the shorter direction (sphere, ball: rows; twice as many around)
 * @param extent of the unbounded spaces only: the largest distance from the origin, or half the side; default 8, on the
 *   Poincare ball at most 12.2/sqrt(c), up to where flows compute
 * @throws UsageError for manifolds of dimension above 2, and on the line of negative curvature
 */
export function manifoldQuadrature(
  manifold: Manifold,
  size: number,
  extent = Math.min(8, flowReach(manifold)),
): ManifoldQuadrature {
  const { kind, dimension, curvature } = manifold;
  if (kind === "sphere" && dimension === 2) {
    const { nodes, weights } = gaussLegendre(size);
    return around(nodes, weights, 2 * size, (z, phi) => {
      const s = Math.sqrt((1 - z) * (1 + z));
      return [s * Math.cos(phi), s * Math.sin(phi), z];
    });
  }
  if (kind === "poincare-ball" && dimension === 2) {
    const root = Math.sqrt(-curvature!);
    const { nodes, weights } = gaussLegendre(size);
    const radii = nodes.map((u) => ((u + 1) / 2) * extent);
    const areas = weights.map((w, i) => ((w * extent) / 2) * (Math.sinh(root * radii[i]) / root));
    return around(radii, areas, 2 * size, (r, phi) => {
      const rho = Math.tanh((root * r) / 2) / root;
      return [rho * Math.cos(phi), rho * Math.sin(phi)];
    });
  }
  if ((kind === "torus" || kind === "euclidean") && dimension <= 2) {
    const half = kind === "torus" ? Math.PI : extent;
    const step = (2 * half) / size;
    const at = (i: number) => -half + (i + 0.5) * step;
    const count = size ** dimension;
    const data = new Float64Array(count * dimension);
    for (let k = 0; k < count; k++) {
      data[k * dimension] = at(k % size);
      if (dimension === 2) data[2 * k + 1] = at(Math.floor(k / size));
    }
    return { points: ndarray(data, [count, dimension]), weights: new Float64Array(count).fill(step ** dimension) };
  }
  throw new UsageError(
    `manifoldQuadrature: there is no grid for the ${manifold.name}; grids exist for S^2, for tori and Euclidean spaces of dimension 1 and 2, and for the Poincare ball of dimension 2.`,
  );
}

function around(
  radial: ArrayLike<number>,
  radialWeights: ArrayLike<number>,
  turns: number,
  point: (radius: number, angle: number) => readonly number[],
): ManifoldQuadrature {
  const rows: number[] = [];
  const weights = new Float64Array(radial.length * turns);
  for (let i = 0; i < radial.length; i++)
    for (let j = 0; j < turns; j++) {
      rows.push(...point(radial[i], (2 * Math.PI * (j + 0.5)) / turns - Math.PI));
      weights[i * turns + j] = (radialWeights[i] * 2 * Math.PI) / turns;
    }
  return { points: ndarray(Float64Array.from(rows), [weights.length, rows.length / weights.length]), weights };
}

/** sum_i weights_i exp(logDensity_i): 1 for a density. */
export function massOf(logDensity: ArrayLike<number>, weights: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < weights.length; i++) total += weights[i] * Math.exp(logDensity[i]);
  return total;
}

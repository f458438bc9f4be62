/**
 * The manifolds on which the laws are tried: a manifold joins by one row. Points come from the base distribution
 * (spread out), tangent vectors are normal in the orthonormal frame.
 */
import { type RandomStream, randomKey, stream } from "../../src/engine/index.js";
import {
  euclidean,
  hyperboloid,
  type Manifold,
  poincareBall,
  productManifold,
  sphere,
  torus,
} from "../../src/manifolds/index.js";

export const cases: readonly Manifold[] = [
  euclidean(1),
  euclidean(3),
  sphere(1),
  sphere(2),
  sphere(5),
  torus(2),
  poincareBall({ dimension: 1 }),
  poincareBall({ dimension: 2, curvature: 0.1 }),
  poincareBall({ dimension: 2, curvature: 1.4 }),
  poincareBall({ dimension: 10, curvature: 0.7 }),
  hyperboloid({ dimension: 1 }),
  hyperboloid({ dimension: 2, curvature: 1.4 }),
  hyperboloid({ dimension: 6, curvature: 0.3 }),
  productManifold([sphere(2), poincareBall({ dimension: 2, curvature: 0.7 }), euclidean(1), torus(1)]),
];

export interface Draw {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly z: Float64Array;
  /** Tangent at x; `u` below the injectivity radius. */
  readonly u: Float64Array;
  readonly v: Float64Array;
}

export function tangentAt(m: Manifold, x: Float64Array, random: RandomStream, length?: number): Float64Array {
  const e = Float64Array.from({ length: m.dimension }, () => random.normal());
  const scale = length === undefined ? 1 : length / Math.hypot(...e);
  return m.fromFrame(
    x,
    e.map((value) => scale * value),
  );
}

export function draws(m: Manifold, count: number, seed = 1): Draw[] {
  const random = stream(randomKey(seed));
  return Array.from({ length: count }, () => {
    const [x, y, z] = [m.drawBase(random), m.drawBase(random), m.drawBase(random)];
    const longest = Math.min(m.injectivityRadius, 4);
    return { x, y, z, u: tangentAt(m, x, random, 0.99 * longest * random.uniform()), v: tangentAt(m, x, random) };
  });
}

export const largest = (a: ArrayLike<number>) => Array.from(a).reduce((m, value) => Math.max(m, Math.abs(value)), 0);

/** |a - b| at the largest coordinate, relative to 1 + |b|. */
export function gapBetween(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    const off = Math.abs(a[i] - b[i]);
    if (!(off <= worst)) worst = off;
  }
  return worst / (1 + largest(b));
}

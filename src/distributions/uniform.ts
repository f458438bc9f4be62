/** The uniform distribution on a manifold of finite volume: density 1/volume with respect to the Riemannian volume. */
import type { NdArray, RandomKey, Tensor } from "../engine/index.js";
import { expectThat } from "../errors.js";
import type { Coordinates, Manifold } from "../manifolds/index.js";

export interface Uniform {
  readonly manifold: Manifold;
  /** log of the total volume: the entropy, and minus the log density at every point. */
  readonly entropy: number;
  logDensity(z: Coordinates): number;
  /** `count` draws, `[count, n]`. */
  sample(key: RandomKey, count: number): NdArray;
  readonly traced: { logDensity(z: Tensor): Tensor };
}

/** @throws UsageError where the manifold has infinite volume */
export function uniform(manifold: Manifold): Uniform {
  expectThat(
    Number.isFinite(manifold.logTotalVolume),
    () =>
      `uniform: the ${manifold.name} has no finite volume; give a sphere, a torus or a product of them, or use a wrapped normal.`,
  );
  return {
    manifold,
    entropy: manifold.logTotalVolume,
    logDensity: (z) => manifold.baseLogDensity(z),
    sample: (key, count) => manifold.sampleBase(key, count),
    traced: { logDensity: (z) => manifold.traced.baseLogDensity(z) },
  };
}

/**
 * Samplers of a Poincare VAE (Mathieu et al., 2019): its prior, a wrapped or Riemannian normal at the origin, and the
 * Gaussian mixture of its codes, which is fitted in the tangent space at the origin (log_0) and carried back by exp_0,
 * so that no draw leaves the ball. Axes: N codes, d latent dimensions.
 */
import { latentSpaceOf, type PvaeShape } from "../autoencoders/pvae/index.js";
import { riemannianNormal, wrappedNormal } from "../distributions/index.js";
import { type NdArray, ndarray } from "../engine/index.js";
import { randomKey, split } from "../numerics/random.js";
import { gaussianMixtureSampler, independentSampler, type MixtureSamplerOptions } from "./latent-laws.js";
import { checkCount, type Sampler } from "./sampler.js";

/** The sampler "prior": the law that the model was trained towards. */
export function pvaePriorSampler(shape: PvaeShape): Sampler {
  const { curvature: c, latentDimension: d, priorScale, prior } = shape;
  if (c === 0)
    return independentSampler("prior", `the model's prior N(0, ${priorScale}^2 I)`, d, (row, random) => {
      for (let k = 0; k < d; k++) row[k] = priorScale * random.normal();
    });
  const space = latentSpaceOf(shape);
  return {
    name: "prior",
    description: `the model's prior, the ${prior} normal of scale ${priorScale} at the origin of the ball`,
    dimension: d,
    async draw(count, seed) {
      checkCount("prior", count);
      const key = split(randomKey(seed), "prior of the ball");
      const origin = space.origin;
      const latents =
        prior === "wrapped"
          ? wrappedNormal(space).sample(origin, new Float64Array(d).fill(priorScale), key, count)
          : riemannianNormal(space).sample(origin, priorScale, key, count);
      return { latents, diagnostics: { notes: [], warnings: [] } };
    },
  };
}

/** The sampler "gaussian-mixture" of codes in the ball. @throws UsageError as `gaussianMixtureSampler`. */
export function ballMixtureSampler(shape: PvaeShape, codes: NdArray, options: MixtureSamplerOptions = {}): Sampler {
  const space = latentSpaceOf(shape);
  const d = shape.latentDimension;
  const carried = (rows: NdArray, f: (x: Float64Array) => Float64Array): NdArray => {
    const out = new Float64Array(rows.data.length);
    for (let i = 0; i < rows.shape[0]; i++)
      out.set(f(Float64Array.from(rows.data.subarray(i * d, (i + 1) * d))), i * d);
    return ndarray(out, rows.shape);
  };
  const flat = gaussianMixtureSampler(
    carried(codes, (x) => space.logarithmicMap(space.origin, x)),
    options,
  );
  return {
    ...flat,
    description: `${flat.description}, in the tangent space at the origin of the ball`,
    async draw(count, seed) {
      const { latents, diagnostics } = await flat.draw(count, seed);
      return { latents: carried(latents, (v) => space.exponentialMap(space.origin, v)), diagnostics };
    },
  };
}

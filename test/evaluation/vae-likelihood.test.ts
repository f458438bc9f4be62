/** The densities of a VAE, whatever its likelihood, are those of its ELBO. */
import { describe, expect, it } from "vitest";
import { trainVae, type VaeOptions } from "../../src/autoencoders/index.js";
import { elboRows } from "../../src/autoencoders/vae-model.js";
import { compile, ndarray, type Tensor } from "../../src/engine/index.js";
import { importanceLogLikelihood, likelihoodModelOfVae } from "../../src/evaluation/index.js";
import { randomKey, uniformArray } from "../../src/numerics/random.js";

const n = 60;
const u = uniformArray(randomKey(4), 3 * n);

describe("likelihoodModelOfVae", () => {
  it.each<[string, Float32Array]>([
    ["gaussian", Float32Array.from(u, (x) => 3 * x - 1)],
    ["bernoulli", Float32Array.from(u)],
    ["poisson", Float32Array.from(u, (x) => Math.floor(6 * x))],
    ["gamma", Float32Array.from(u, (x) => 0.2 + 2 * x)],
  ])(
    "%s: at the posterior mean log p(x|z) is the term of the ELBO, and the estimate is not far below",
    async (likelihood, rows) => {
      const data = { name: "table", rows, n, dimension: 3 };
      const settings = {
        latentDimension: 2,
        encoderHidden: [8],
        decoderHidden: [8],
        epochs: 3,
        batchSize: 20,
        threads: 1,
      };
      const { model } = await trainVae(data, { ...settings, likelihood: likelihood as VaeOptions["likelihood"] });
      const densities = likelihoodModelOfVae(model);
      const f = compile(
        (x: Tensor, noise: Tensor) => {
          const q = densities.posterior(x);
          return {
            ours: densities.logLikelihood(x, q.mean),
            prior: densities.logPrior(q.mean),
            mean: q.mean,
            ...elboRows(model.shape, model.parameters, x, noise),
          };
        },
        { precision: "float64", threads: 1 },
      );
      const x = ndarray(rows, [n, 3]);
      const { ours, prior, mean, reconstruction, divergence } = await f(x, ndarray(new Float32Array(2 * n), [n, 2]));
      await f.dispose();
      for (let i = 0; i < n; i++) {
        expect(ours.data[i]).toBeCloseTo(reconstruction.data[i], 6);
        const squares = mean.data[2 * i] ** 2 + mean.data[2 * i + 1] ** 2;
        expect(prior.data[i]).toBeCloseTo(-0.5 * squares - Math.log(2 * Math.PI), 6);
      }
      // log p(x) >= ELBO for each row up to the noise of one draw: compare means with a wide margin
      const average = (a: ArrayLike<number>) => Array.from(a).reduce((s, v) => s + v, 0) / n;
      const { score } = await importanceLogLikelihood(densities, x, { samples: 200, threads: 1 });
      expect(score.value).toBeGreaterThan(average(reconstruction.data) - average(divergence.data) - 2);
    },
  );
});

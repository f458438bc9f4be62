/** A VAE of `trainVae` seen as a member of the family. */
import { describe, expect, it } from "vitest";
import {
  decodeFamily,
  encodeFamily,
  familyFromVae,
  latentVariableModelOf,
} from "../../../src/autoencoders/family/index.js";
import { decode, encode, heldOutElbo, trainVae } from "../../../src/autoencoders/index.js";
import { ndarray } from "../../../src/engine/index.js";
import { importanceLogLikelihood } from "../../../src/evaluation/index.js";
import { linearGaussian } from "../data.js";

describe("familyFromVae", () => {
  it("encodes and decodes as before, and its log-likelihood is above the ELBO, in the data's own units", async () => {
    const data = linearGaussian(
      200,
      [
        [3, 0],
        [0, 2],
        [1, -1],
      ],
      [5, -3, 0],
      0.5,
    );
    const { model } = await trainVae(data, {
      encoderHidden: [],
      decoderHidden: [],
      epochs: 80,
      batchSize: 50,
      learningRate: 2e-2,
      threads: 1,
    });
    const member = familyFromVae(model);
    const [a, b] = [await encode(model, data.rows), await encodeFamily(member, data.rows)];
    a.mean.data.forEach((v: number, i: number) => expect(b.mean.data[i]).toBeCloseTo(v, 5));
    const [x, y] = [await decode(model, a.mean), await decodeFamily(member, a.mean)];
    x.data.forEach((v: number, i: number) => expect(y.data[i]).toBeCloseTo(v, 5));
    const { elbo } = await heldOutElbo(model, data.rows, { samples: 20, threads: 1 });
    const likelihood = await importanceLogLikelihood(latentVariableModelOf(member), ndarray(data.rows, [200, 3]), {
      samples: 500,
      threads: 1,
    });
    expect(likelihood.score.value).toBeGreaterThan(elbo - 0.02);
    // linear decoder: the gap is only what a diagonal posterior misses
    expect(likelihood.score.value).toBeLessThan(elbo + 1);
  });
});

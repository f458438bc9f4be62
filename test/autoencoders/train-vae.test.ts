import { describe, expect, it } from "vitest";
import { decode, encode, heldOutElbo, trainVae, type VaeProgress } from "../../src/autoencoders/index.js";
import { RunError, UsageError } from "../../src/errors.js";
import { circle, dataset, eigenvalues, linearGaussian } from "./data.js";

describe("a linear Gaussian VAE", () => {
  it("reaches the maximum likelihood of probabilistic PCA", async () => {
    // Tipping and Bishop (1999): the largest log likelihood of x ~ N(b, W W^T + s^2 I) with d columns in W is
    // -1/2 (D log 2 pi + sum_{i <= d} log l_i + (D - d) log s^2 + D), l_i the eigenvalues of the sample covariance in
    // descending order and s^2 the mean of the last D - d. There the posterior is Gaussian with a covariance that is
    // diagonal in the principal axes, so a linear VAE attains it, and its ELBO equals the log likelihood.
    const matrix = [
      [2, 0.3],
      [-1, 1],
      [0.5, -1.2],
      [0.2, 0.4],
      [1.1, 0.9],
    ];
    const offset = [10, -20, 30, 0, 5];
    const data = linearGaussian(1000, matrix, offset, 0.5);
    const D = 5;
    const mean = Array.from({ length: D }, (_, j) => average(data.n, (i) => data.rows[i * D + j]));
    const covariance = mean.map((a, j) =>
      mean.map((b, k) => average(data.n, (i) => (data.rows[i * D + j] - a) * (data.rows[i * D + k] - b))),
    );
    const l = eigenvalues(covariance);
    const variance = (l[2] + l[3] + l[4]) / 3;
    const optimum = -0.5 * (D * Math.log(2 * Math.PI) + Math.log(l[0]) + Math.log(l[1]) + 3 * Math.log(variance) + D);

    const { model, elbo } = await trainVae(data, {
      latentDimension: 2,
      encoderHidden: [],
      decoderHidden: [],
      epochs: 150,
      batchSize: 100,
      learningRate: 0.02,
      klWarmUp: 0,
      seed: 3,
    });
    const exact = await heldOutElbo(model, data.rows, { samples: 200 });
    expect(exact.elbo).toBeLessThan(optimum + 0.01); // 200 x 1000 samples: standard error about 0.003
    expect(exact.elbo).toBeGreaterThan(optimum - 0.02);
    expect(Math.abs(elbo.train - exact.elbo)).toBeLessThan(0.3);
    expect(Math.exp(model.parameters.noise!.logVariance.data[0]) / variance).toBeCloseTo(1, 1);
    expect(model.parameters.decoder[0].bias.data[1]).toBeCloseTo(mean[1], 0);
  });
});

describe("trainVae", () => {
  const options = {
    likelihood: "bernoulli",
    encoderHidden: [16],
    decoderHidden: [16],
    epochs: 3,
    batchSize: 32,
    learningRate: 0.01,
  } as const;

  it("learns a circle: it is drawn again from the codes, and the ELBO rises", async () => {
    const data = circle(600);
    const test = circle(200, 77);
    const { model, history, elbo, latents } = await trainVae(data, {
      ...options,
      likelihood: "gaussian",
      encoderHidden: [32],
      decoderHidden: [32],
      epochs: 60,
      test,
    });
    expect(history.length).toBe(60);
    expect(history[59].score!).toBeGreaterThan(history[5].score! + 1);
    expect(elbo.test).toBeCloseTo(history[59].score!, 5);
    const back = await decode(model, latents);
    const error = average(data.rows.length, (i) => (back.data[i] - data.rows[i]) ** 2);
    const spread = average(data.rows.length, (i) => (data.rows[i] - 0.5) ** 2);
    expect(error / spread).toBeLessThan(0.05);
    const { mean, logVariance } = await encode(model, data.rows);
    expect(mean).toEqual(latents);
    expect(logVariance.shape).toEqual([600, 2]);
  });

  it("gives the same model for the same seed, another for another", async () => {
    const data = circle(200);
    const a = await trainVae(data, options);
    const b = await trainVae(data, options);
    const c = await trainVae(data, { ...options, seed: 1 });
    expect(b.model).toEqual(a.model);
    expect(b.latents).toEqual(a.latents);
    expect(b.elbo).toEqual(a.elbo);
    expect(c.latents.data).not.toEqual(a.latents.data);
  });

  it("tells its progress in nats, and stops when asked", async () => {
    const told: VaeProgress[] = [];
    const stop = new AbortController();
    const result = await trainVae(circle(200), {
      ...options,
      test: circle(50, 5),
      signal: stop.signal,
      onProgress: (p) => {
        told.push(p);
        if (p.epoch === 2 && p.epochEnded) stop.abort();
      },
    });
    expect(result.reason).toBe("stopped");
    const ends = told.filter((p) => p.epochEnded);
    expect(ends.map((p) => p.epoch)).toEqual([1, 2]);
    for (const p of ends) {
      expect(p.elbo).toBeCloseTo(p.reconstruction - p.kl, 10);
      expect(p.heldOutElbo).toBeLessThan(0);
      expect(p.secondsLeft).toBeGreaterThan(0);
    }
  });

  it("stops early with the best model", async () => {
    // 20 rows to train on and a large network: it overfits, and the held-out ELBO falls again
    const { reason, history, elbo } = await trainVae(circle(20), {
      ...options,
      likelihood: "gaussian",
      encoderHidden: [64],
      decoderHidden: [64],
      epochs: 3000,
      patience: 40,
      schedule: "constant",
      klWarmUp: 0,
      test: circle(60, 9),
    });
    expect(reason).toBe("early");
    const best = Math.max(...history.map((r) => r.score!));
    expect(elbo.test).toBeCloseTo(best, 5);
    expect(history.at(-1)!.score!).toBeLessThan(best);
  });

  it("stops with advice when it diverges", async () => {
    const error = await trainVae(circle(200), {
      ...options,
      likelihood: "gaussian",
      activation: "relu",
      learningRate: 1e6,
      epochs: 50,
    }).catch((e) => e);
    expect(error).toBeInstanceOf(RunError);
    expect(error.message).toMatch(/^training diverged in epoch \d+ .* smaller learning rate/);
  });

  it("clips gradients, decays weights, and follows its schedules", async () => {
    const { history } = await trainVae(circle(200), {
      ...options,
      epochs: 4,
      optimizer: "adamw",
      clipNorm: 1,
      schedule: "exponential",
      finalRate: 0.1,
      warmUp: 0.25,
    });
    expect(history.at(-1)!.learningRate).toBeCloseTo(0.001, 6);
    expect(history[3].terms[0]).toBeGreaterThan(history[0].terms[0]);
  });

  it("refuses what cannot be, in a sentence", async () => {
    const data = circle(20);
    await expect(trainVae(data, { ...options, epochs: 0 })).rejects.toThrow(/training option epochs: /);
    await expect(trainVae(data, { ...options, epoch: 3 } as any)).rejects.toThrow(
      'training option "epoch" is not known',
    );
    await expect(trainVae(data, { ...options, patience: 2 })).rejects.toThrow(
      /patience: early stopping needs held-out data/,
    );
    await expect(trainVae(dataset([[0, 2]]), options)).rejects.toThrow(/"bernoulli" needs data from 0 to 1, but row 0/);
    await expect(
      trainVae(
        dataset([
          [0, 1],
          [Number.NaN, 1],
        ]),
        options,
      ),
    ).rejects.toThrow(/row 1 holds NaN/);
    await expect(trainVae(data, { ...options, test: dataset([[1, 2]]) })).rejects.toThrow(UsageError);
    const { model } = await trainVae(data, options);
    await expect(encode(model, new Float32Array(7))).rejects.toThrow(/encode: 7 numbers are no whole rows of 5/);
    await expect(decode(model, Float32Array.of(1, Number.NaN))).rejects.toThrow(/decode: row 0 holds NaN/);
  });
});

function average(n: number, f: (i: number) => number): number {
  let total = 0;
  for (let i = 0; i < n; i++) total += f(i);
  return total / n;
}

/**
 * What the models of the family descend, against sums in plain numbers over what the model's own parts give: codes, decoded
 * means, and what a discriminator says. Freshly initialised models; every sign and every weight counts.
 */
import { describe, expect, it } from "vitest";
import { decodeCode, encodeLaw, encodePoint } from "../../../src/autoencoders/family/common.js";
import { applyEncoder } from "../../../src/autoencoders/family/networks.js";
import { familyModel } from "../../../src/autoencoders/family/registry.js";
import { squaredMeanDiscrepancy } from "../../../src/autoencoders/family/wae-mmd.js";
import { compile, concat, type NdArray, ndarray, type Tensor } from "../../../src/engine/index.js";
import { mlp } from "../../../src/networks/index.js";
import { normalArray, randomKey } from "../../../src/numerics/random.js";
import { circle } from "../data.js";

const exact = { precision: "float64", threads: 1 } as const;
const [N, D, d] = [6, 5, 2];
const variance = 0.3;
const x = ndarray(circle(N).rows, [N, D]);
const rows = { data: circle(20).rows, n: 20 };

function normal(seed: number, ...shape: number[]): NdArray {
  const count = shape.reduce((a, b) => a * b, 1);
  return ndarray(normalArray(randomKey(seed), count), shape);
}

/** A fresh model, with what a step and a function of its parts give. */
async function evaluated<T>(
  name: string,
  options: Record<string, number>,
  noise: Record<string, NdArray>,
  parts: (given: any, shape: any) => T,
  data: NdArray = x,
): Promise<{ losses: Record<string, number>; terms: Record<string, number>; bounds?: number[]; parts: any }> {
  const model = familyModel(name);
  const shape: any = {
    dataDimension: D,
    latentDimension: d,
    network: { kind: "mlp", encoderHidden: [7], decoderHidden: [6], activation: "tanh" },
    likelihood: "gaussian",
    variance,
    bounded: false,
    options: {
      ...Object.fromEntries(Object.entries(model.options).map(([key, option]) => [key, option.default])),
      ...options,
    },
  };
  const { parameters, buffers } = model.initialize(randomKey(3), shape, rows);
  const f = compile((p: any, b: any, at: Tensor, draws: any) => {
    const given = { shape, parameters: p, buffers: b, x: at, noise: draws, training: true };
    const { losses, terms } = model.losses(given);
    return { losses, terms, parts: parts(given, shape) };
  }, exact);
  const found: any = await f(parameters, buffers, data, noise);
  await f.dispose();
  const numbers = (of: any) => Object.fromEntries(Object.entries(of).map(([key, a]: any) => [key, a.data[0]]));
  return { losses: numbers(found.losses), terms: numbers(found.terms), parts: found.parts };
}

const rowsOf = (a: NdArray, width: number) =>
  Array.from({ length: a.data.length / width }, (_, i) => Array.from(a.data.slice(i * width, (i + 1) * width)));
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const squares = (a: readonly number[], b: readonly number[]) => a.reduce((t, v, j) => t + (v - b[j]) ** 2, 0);
const softplus = (v: number) => Math.log1p(Math.exp(v));
const logNormal = (z: readonly number[], m: readonly number[], s: readonly number[]) =>
  z.reduce((t, v, j) => t - 0.5 * ((v - m[j]) ** 2 / Math.exp(s[j]) + s[j] + Math.log(2 * Math.PI)), 0);
const logLikelihood = (row: readonly number[], decoded: readonly number[]) =>
  logNormal(row, decoded, new Array(D).fill(Math.log(variance)));

/** Means, log variances and draws of a stochastic encoder, as lists of rows. */
function drawn(law: { mean: NdArray; logVariance: NdArray }, noise: NdArray) {
  const [m, s, e] = [rowsOf(law.mean, d), rowsOf(law.logVariance, d), rowsOf(noise, d)];
  return { m, s, z: m.map((row, i) => row.map((v, j) => v + Math.exp(s[i][j] / 2) * e[i][j])) };
}

const data = rowsOf(x, D);
const lawOf = (given: any, at: any = given.x) => {
  const { mean: centre, logVariance } = encodeLaw(given, at);
  return { mean: centre, logVariance };
};
/** The decoder at codes that are worked out outside. */
async function decodedAt(
  name: string,
  options: Record<string, number>,
  noise: any,
  z: number[][],
  more: NdArray[] = [],
) {
  const codes = ndarray(Float64Array.from([...z.flat(), ...more.flatMap((a) => Array.from(a.data))]), [
    z.length + more.reduce((t, a) => t + a.shape[0], 0),
    d,
  ]);
  const { parts } = await evaluated(name, options, { ...noise, codes }, (given) => ({
    mean: decodeCode(given, given.noise.codes).mean,
  }));
  return parts.mean as NdArray;
}

describe("losses", () => {
  it("wae-mmd: squared errors plus the weighted discrepancy of the codes from the prior", async () => {
    const noise = { prior: normal(1, N, d) };
    const { losses, parts } = await evaluated("wae-mmd", { weight: 3 }, noise, (given) => {
      const { code } = encodePoint(given, given.x);
      return {
        decoded: decodeCode(given, code).mean,
        discrepancy: squaredMeanDiscrepancy(code, given.noise.prior),
      };
    });
    const discrepancy = parts.discrepancy.data[0];
    expect(Math.abs(discrepancy)).toBeGreaterThan(0.01);
    const error = mean(rowsOf(parts.decoded, D).map((row, i) => squares(row, data[i])));
    expect(losses.autoencoder).toBeCloseTo(error + 3 * discrepancy, 10);
  });

  it("vamp: -log p(x|z) + log q(z|x) - log of the mixture", async () => {
    const noise = { z: normal(1, N, d) };
    const options = { components: 4 };
    const { losses, parts } = await evaluated("vamp", options, noise, (given) => ({
      law: lawOf(given),
      prior: lawOf(given, given.parameters.pseudoInputs),
    }));
    const { m, s, z } = drawn(parts.law, noise.z);
    const [pm, ps] = [rowsOf(parts.prior.mean, d), rowsOf(parts.prior.logVariance, d)];
    const decoded = rowsOf(await decodedAt("vamp", options, noise, z), D);
    const expected = mean(
      z.map((at, i) => {
        const mixture = Math.log(mean(pm.map((centre, k) => Math.exp(logNormal(at, centre, ps[k])))));
        return -logLikelihood(data[i], decoded[i]) + logNormal(at, m[i], s[i]) - mixture;
      }),
    );
    expect(losses.autoencoder).toBeCloseTo(expected, 9);
  });

  it("iwae: minus the log of the mean weight", async () => {
    const K = 3;
    const noise = { z: normal(1, N * K, d) };
    const { losses, parts } = await evaluated("iwae", { samples: K }, noise, (given) => ({ law: lawOf(given) }));
    // rows and samples in the order of the noise, either way round: the model's own is told by the shapes of its draws
    const [m, s, e] = [rowsOf(parts.law.mean, d), rowsOf(parts.law.logVariance, d), rowsOf(noise.z, d)];
    const bound = async (index: (i: number, k: number) => number) => {
      const z = Array.from({ length: N * K }, (_, n) => {
        const [i, k] = [Math.floor(n / K), n % K];
        return m[i].map((v, j) => v + Math.exp(s[i][j] / 2) * e[index(i, k)][j]);
      });
      const decoded = rowsOf(await decodedAt("iwae", { samples: K }, noise, z), D);
      const weights = z.map((at, n) => {
        const i = Math.floor(n / K);
        const zeros = [0, 0];
        return Math.exp(logLikelihood(data[i], decoded[n]) + logNormal(at, zeros, zeros) - logNormal(at, m[i], s[i]));
      });
      return -mean(data.map((_, i) => Math.log(mean(weights.slice(i * K, (i + 1) * K)))));
    };
    const found = [await bound((i, k) => i * K + k), await bound((i, k) => k * N + i)];
    expect(Math.min(...found.map((value) => Math.abs(value - losses.autoencoder)))).toBeLessThan(1e-9);
  });

  it("aae: squared errors against fooling the discriminator, which tells draws of the prior from codes", async () => {
    const noise = { z: normal(1, N, d), prior: normal(2, N, d) };
    const options = { weight: 2, discriminatorUnits: 6 };
    const { losses, parts } = await evaluated("aae", options, noise, (given) => ({
      law: lawOf(given),
      real: mlp(given.parameters.discriminator, given.noise.prior, "relu"),
    }));
    const { z } = drawn(parts.law, noise.z);
    const decoded = rowsOf(await decodedAt("aae", options, noise, z), D);
    const codes = ndarray(Float64Array.from(z.flat()), [N, d]);
    const { parts: seen } = await evaluated("aae", options, { ...noise, codes }, (given) => ({
      made: mlp(given.parameters.discriminator, given.noise.codes, "relu"),
    }));
    const [real, made] = [Array.from(parts.real.data as Float64Array), Array.from(seen.made.data as Float64Array)];
    const error = mean(decoded.map((row, i) => squares(row, data[i])));
    expect(losses.autoencoder).toBeCloseTo(error + 2 * mean(made.map((v) => softplus(-v))), 9);
    expect(losses.discriminator).toBeCloseTo(
      mean(real.map((v) => softplus(-v))) + mean(made.map((v) => softplus(v))),
      9,
    );
  });

  it("vaegan: each of the three parts descends its own", async () => {
    const noise = { z: normal(1, N, d), prior: normal(2, N, d) };
    const options = { balance: 0.3, featureWeight: 4 };
    const { losses, terms, parts } = await evaluated("vaegan", options, noise, (given) => ({ law: lawOf(given) }));
    const { m, s, z } = drawn(parts.law, noise.z);
    const pictures = await decodedAt("vaegan", options, noise, z, [noise.prior]);
    const { parts: seen } = await evaluated("vaegan", options, { ...noise, pictures }, (given, shape) => {
      const network = { parameters: given.parameters.discriminator, buffers: given.buffers.discriminator };
      const { hidden, output } = applyEncoder(shape.network, network, concat([given.x, given.noise.pictures], 0), true);
      return { hidden, output };
    });
    const hidden = rowsOf(seen.hidden, 7);
    const logits = Array.from(seen.output.data as Float64Array);
    const feature = mean(data.map((_, i) => 2 * squares(hidden[i], hidden[N + i])));
    const divergence = mean(
      m.map((row, i) => row.reduce((t, v, j) => t + 0.5 * (Math.exp(s[i][j]) + v * v - 1 - s[i][j]), 0)),
    );
    const minusLog = (from: number, sign: number) => mean(logits.slice(from, from + N).map((v) => softplus(sign * v)));
    const cost = minusLog(0, -1) + 0.5 * (minusLog(N, 1) + minusLog(2 * N, 1));
    expect(losses.encoder).toBeCloseTo(divergence + feature, 9);
    expect(losses.decoder).toBeCloseTo(0.7 * feature - 0.3 * cost, 9);
    expect(losses.discriminator).toBeCloseTo(cost, 9);
    expect(terms["feature error"]).toBeCloseTo(feature, 9);
  });
});

describe("bounds of Hamiltonian models", () => {
  it.each([
    ["hvae", { stepSize: 0.1, steps: 2, inverseTemperature: 0.6 }],
    ["rhvae", { stepSize: 0.02, steps: 2, inverseTemperature: 0.6, iterations: 4, metricUnits: 5 }],
  ])(
    "%s: exp(bound) is p(x) on average",
    async (name, options: any) => {
      // One row many times over. The metric of the RHVAE is made of the batch, so that a batch stays small: it depends on the
      // rows, not on the draws.
      const [copies, calls] = [50, 60];
      const model = familyModel(name);
      const shape: any = {
        dataDimension: D,
        latentDimension: d,
        network: { kind: "mlp", encoderHidden: [7], decoderHidden: [6], activation: "tanh" },
        likelihood: "gaussian",
        variance: 2,
        bounded: false,
        options: {
          ...Object.fromEntries(Object.entries(model.options).map(([key, option]) => [key, option.default])),
          ...options,
        },
      };
      const { parameters, buffers } = model.initialize(randomKey(3), shape, rows);
      const same = ndarray(
        Float64Array.from({ length: copies * D }, (_, i) => data[1][i % D]),
        [copies, D],
      );
      const f = compile(
        (p: any, b: any, at: Tensor, noise: any) =>
          model.losses({ shape, parameters: p, buffers: b, x: at, noise, training: true }).bounds as Tensor,
        exact,
      );
      const weights: number[] = [];
      for (let call = 0; call < calls; call++) {
        const noise = { z: normal(2 * call, copies, d), momentum: normal(2 * call + 1, copies, d) };
        for (const bound of (await f(parameters, buffers, same, noise)).data) weights.push(Math.exp(bound));
      }
      await f.dispose();
      // p(x) by a sum over a grid of codes: spectrally accurate for what decays like a Gaussian
      const [side, reach] = [81, 8];
      const step = (2 * reach) / (side - 1);
      const grid = ndarray(
        Float64Array.from({ length: side * side * d }, (_, n) => {
          const [i, j] = [Math.floor(n / 2 / side), Math.floor(n / 2) % side];
          return -reach + step * (n % 2 === 0 ? i : j);
        }),
        [side * side, d],
      );
      const decoder = compile(
        (p: any, b: any, z: Tensor) => decodeCode({ shape, parameters: p, buffers: b, training: true }, z).mean,
        exact,
      );
      const decoded = rowsOf(await decoder(parameters, buffers, grid), D);
      await decoder.dispose();
      const spread = new Array(D).fill(Math.log(2));
      const evidence = rowsOf(grid, d).reduce(
        (t, z, n) => t + step * step * Math.exp(logNormal(data[1], decoded[n], spread) + logNormal(z, [0, 0], [0, 0])),
        0,
      );
      const average = mean(weights);
      const error = Math.sqrt(mean(weights.map((w) => (w - average) ** 2)) / weights.length);
      expect(error / evidence).toBeLessThan(0.03); // sharp enough to mean something
      // five standard errors of 3000 draws: a false alarm in about 1 of a million seeds
      expect(Math.abs(average - evidence)).toBeLessThan(5 * error);
    },
    300_000,
  ); // compiling the steps takes its time on a busy machine
});

import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  decodeFromBall,
  importanceWeightedBound,
  loadPvae,
  type PvaeParameters,
  type PvaeShape,
  pvaeElboRows,
  pvaeLogPrior,
  resumePvae,
  trainPvae,
} from "../../src/autoencoders/pvae/index.js";
import { allocatePvaeNoise, fillPvaeNoise, initializePvae } from "../../src/autoencoders/pvae/model.js";
import { pvaeDecoderOf, pvaeEvaluator } from "../../src/autoencoders/pvae/pvae.js";
import type { Dataset } from "../../src/data/types.js";
import { riemannianNormal, wrappedNormal } from "../../src/distributions/index.js";
import {
  compile,
  flattenTree,
  grad,
  type NdArray,
  ndarray,
  rowJacobian,
  sum,
  type Tensor,
} from "../../src/engine/index.js";
import { poincareBall } from "../../src/manifolds/index.js";
import { randomKey, stream } from "../../src/numerics/random.js";

const base: PvaeShape = {
  dataDimension: 5,
  latentDimension: 2,
  encoderHidden: [8],
  decoderHidden: [7],
  activation: "tanh",
  likelihood: "gaussian",
  curvature: 1,
  posterior: "wrapped",
  prior: "wrapped",
  priorScale: 1.3,
  decoder: "gyroplane",
  encoder: "wrapped",
  gyroplaneForm: "paper",
};
const normals = (n: number, D: number, scale = 1, seed = 1): NdArray => {
  const random = stream(randomKey(seed));
  return ndarray(
    Float32Array.from({ length: n * D }, () => scale * random.normal()),
    [n, D],
  );
};
const dataset = (n: number, D: number): Dataset => ({
  name: "noise",
  rows: normals(n, D).data as Float32Array,
  n,
  dimension: D,
  labels: Int32Array.from({ length: n }, (_, i) => i % 3),
});

describe("the model", () => {
  it("tends to the Euclidean VAE as c -> 0, for all encoders and decoders", async () => {
    const x = normals(4, 5);
    for (const decoder of ["wrapped", "gyroplane", "mobius"] as const)
      for (const encoder of ["wrapped", "mobius"] as const) {
        const at = async (curvature: number) => {
          const shape = { ...base, decoder, encoder, curvature };
          const parameters = initializePvae(randomKey(2), shape);
          const noise = fillPvaeNoise(allocatePvaeNoise(shape, 3, 4), randomKey(9));
          const f = compile((p: any, x: Tensor, noise: any) => pvaeElboRows(shape, p, x, noise), {
            precision: "float64",
          });
          const { reconstruction, divergence } = await f(parameters, x, noise);
          await f.dispose();
          return [...reconstruction.data, ...divergence.data] as number[];
        };
        const [flat, near, nearer] = [await at(0), await at(1e-3), await at(1e-5)];
        const error = (a: number[]) => Math.max(...a.map((value, i) => Math.abs(value - flat[i])));
        expect(error(nearer)).toBeLessThan(1e-3);
        expect(error(near) / error(nearer)).toBeGreaterThan(70); // proportional to c
        expect(error(near) / error(nearer)).toBeLessThan(140);
      }
  }, 60_000);

  it("has the priors of the distributions", async () => {
    const space = poincareBall({ dimension: 3, curvature: 0.7 });
    const z = [0.3, -0.2, 0.6];
    for (const [prior, exact] of [
      ["wrapped", wrappedNormal(space).logDensity(z, [0, 0, 0], 1.3)],
      ["riemannian", riemannianNormal(space).logDensity(z, [0, 0, 0], 1.3)],
    ] as const) {
      const shape = { ...base, latentDimension: 3, curvature: 0.7, prior };
      const f = compile((z: Tensor) => pvaeLogPrior(shape, z), { precision: "float64" });
      expect((await f(ndarray(Float64Array.from(z), [1, 3]))).data[0]).toBeCloseTo(exact, 10);
      await f.dispose();
    }
  });

  it("has finite gradients for every choice of laws and layers, also at the edge of the ball", async () => {
    for (const posterior of ["wrapped", "riemannian"] as const)
      for (const decoder of ["wrapped", "gyroplane", "mobius"] as const) {
        const encoder = decoder === "mobius" ? ("mobius" as const) : ("wrapped" as const);
        const shape = { ...base, posterior, prior: posterior, decoder, encoder };
        const parameters = initializePvae(randomKey(4), shape);
        const noise = fillPvaeNoise(allocatePvaeNoise(shape, 2, 4), randomKey(1));
        const f = compile((p: any, x: Tensor, noise: any) =>
          grad((p: any) => {
            const terms = pvaeElboRows(shape, p, x, noise);
            return sum(terms.reconstruction) as Tensor;
          })(p),
        );
        const g = compile((p: any, x: Tensor, noise: any) =>
          grad((p: any) => sum(pvaeElboRows(shape, p, x, noise).divergence) as Tensor)(p),
        );
        for (const scale of [1e-3, 1, 300])
          for (const of of [f, g])
            for (const leaf of flattenTree(await of(parameters, normals(4, 5, scale), noise)).leaves as NdArray[])
              for (const value of leaf.data) expect(Number.isFinite(value)).toBe(true);
        await f.dispose();
        await g.dispose();
      }
  }, 120_000);
});

describe("the importance-weighted bound", () => {
  // x = W z + b + noise with orthogonal columns of W: the evidence and the posterior are known.
  const [D, d, s0] = [4, 2, 1.5];
  const W = [
    [1, 1, 0.5, 0.5],
    [0.5, -0.5, 0.5, -0.5],
  ];
  const b = [0.3, -0.2, 0.1, 0];
  const squares = W.map((w) => w.reduce((total, v) => total + v * v, 0)); // the columns are orthogonal
  const shape: PvaeShape = {
    ...base,
    dataDimension: D,
    encoderHidden: [],
    decoderHidden: [],
    curvature: 0,
    priorScale: s0,
    decoder: "wrapped",
  };
  const dense = (weight: number[][], bias: number[]) => ({
    weight: ndarray(Float32Array.from(weight.flat()), [weight.length, bias.length]),
    bias: ndarray(Float32Array.from(bias), [bias.length]),
  });
  const inverseSoftplus = (v: number) => Math.log(Math.expm1(v));
  const modelWith = (widen: number, shift: number): { shape: PvaeShape; parameters: PvaeParameters } => {
    const variances = squares.map((w2) => 1 / (w2 + 1 / s0 ** 2));
    const mean = b.map((_, j) => W.map((w, i) => variances[i] * w[j])); // [D, d]
    const bias = W.map((w, i) => shift - variances[i] * w.reduce((total, v, j) => total + v * b[j], 0));
    return {
      shape,
      parameters: {
        encoder: {
          hidden: [],
          mean: dense(mean, bias),
          scale: dense(
            b.map(() => [0, 0]),
            variances.map((v) => inverseSoftplus(widen * Math.sqrt(v) - 1e-5)),
          ),
        },
        decoder: { first: dense(W, b), rest: [] },
      },
    };
  };
  const x = normals(3, D, 1.5);
  const exact = Array.from({ length: 3 }, (_, r) => {
    // N(b, I + s0^2 W W^T) in the frame of the columns
    const y = b.map((bj, j) => x.data[r * D + j] - bj);
    let quadratic = y.reduce((total, v) => total + v * v, 0);
    let logDeterminant = 0;
    W.forEach((w, i) => {
      const along = w.reduce((total, v, j) => total + v * y[j], 0) / Math.sqrt(squares[i]);
      const variance = 1 + s0 ** 2 * squares[i];
      quadratic -= along ** 2 * (1 - 1 / variance);
      logDeterminant += Math.log(variance);
    });
    return -0.5 * (quadratic + logDeterminant + D * Math.log(2 * Math.PI));
  });

  it("is the exact log-likelihood for any K under the exact posterior", async () => {
    expect(d).toBe(2);
    for (const samples of [1, 7, 5000]) {
      const bound = await importanceWeightedBound(modelWith(1, 0), x, { samples });
      bound.forEach((value, i) => expect(value).toBeCloseTo(exact[i], 4));
    }
  }, 30_000);

  it("rises with K towards it under another posterior", async () => {
    const model = modelWith(1.4, 0.5);
    const evaluator = pvaeEvaluator(shape, { threads: 1 });
    const average = async (samples: number, repeats: number) => {
      const gaps = [0, 0, 0];
      for (let seed = 0; seed < repeats; seed++) {
        const bound = await evaluator.bound(model.parameters, x, { samples, seed });
        bound.forEach((value, i) => {
          gaps[i] += (exact[i] - value) / repeats;
        });
      }
      return gaps;
    };
    // Gaps shrink by far more than their standard errors (below 0.1 for K = 1, 0.02 for K = 8): false alarms < 1e-6.
    const [one, eight, many] = [await average(1, 60), await average(8, 60), await average(20_000, 1)];
    await evaluator.dispose();
    for (let i = 0; i < 3; i++) {
      expect(one[i]).toBeGreaterThan(eight[i]);
      expect(eight[i]).toBeGreaterThan(0);
      expect(Math.abs(many[i])).toBeLessThan(0.05);
    }
  }, 60_000);
});

describe("training", () => {
  const train = dataset(60, 5);
  const options = { encoderHidden: [6], decoderHidden: [6], batchSize: 16, threads: 1, epochs: 3, seed: 5 };

  it("continues a stopped run bit for bit, and stores what it made", async () => {
    for (const [posterior, decoder] of [
      ["wrapped", "mobius"],
      ["riemannian", "gyroplane"],
    ] as const) {
      const out = join(mkdtempSync(join(tmpdir(), "pvae-")), "run");
      const whole = await trainPvae(train, { ...options, posterior, decoder });
      await trainPvae(train, {
        ...options,
        posterior,
        decoder,
        epochs: 1,
        out,
      });
      const resumed = await resumePvae(out, train, { epochs: 3, threads: 1 });
      const [a, b] = [flattenTree(whole.model.parameters), flattenTree(resumed.model.parameters)];
      a.leaves.forEach((leaf: NdArray, i) => {
        expect(Array.from((b.leaves[i] as NdArray).data)).toEqual(Array.from(leaf.data));
      });
      const saved = loadPvae(out);
      expect(saved.latents!.shape).toEqual([60, 2]);
      expect(Array.from(saved.latents!.data)).toEqual(Array.from(whole.latents.data));
      expect(Array.from(saved.labels!)).toEqual(Array.from(train.labels!));
      expect(saved.config.progress.state).toBe("finished");
      expect(readFileSync(join(out, "training.csv"), "utf8").trim().split("\n")).toHaveLength(4);
      for (const file of ["encoder.onnx", "decoder.onnx"])
        expect(readFileSync(join(out, file)).length).toBeGreaterThan(100);
      await expect(trainPvae(train, { ...options, out })).rejects.toThrow(/holds a run already/);
    }
  }, 120_000);

  it("gives a decoder that metrics can differentiate, equal to decodeFromBall", async () => {
    const { model } = await trainPvae(train, { ...options, activation: "tanh", epochs: 1 });
    const points = ndarray(Float32Array.of(0.1, 0.2, -0.5, 0.6), [2, 2]);
    const f = compile((z: Tensor) => rowJacobian(pvaeDecoderOf(model) as (z: Tensor) => Tensor, z));
    const { value, jacobian } = await f(points);
    expect(jacobian.shape).toEqual([2, 5, 2]);
    const decoded = await decodeFromBall(model, points);
    decoded.data.forEach((v, i) => expect(v).toBeCloseTo(value.data[i], 5));
    await f.dispose();
  }, 60_000);

  it("refuses what cannot be in one sentence", async () => {
    await expect(trainPvae(train, { curvature: -1 })).rejects.toThrow(/curvature: -1 is not c > 0/);
    await expect(trainPvae(train, { priorScale: 0 })).rejects.toThrow(/prior scale: 0 is no standard deviation/);
    await expect(trainPvae(train, { decoder: "flat" as any })).rejects.toThrow(/decoder: "flat" is not known/);
    const { model } = await trainPvae(train, { ...options, epochs: 1 });
    await expect(decodeFromBall(model, Float32Array.of(0.9, 0.9))).rejects.toThrow(/beyond the edge of the ball/);
  }, 60_000);
});

import { describe, expect, it } from "vitest";
import {
  decoderWithUncertainty,
  fitUncertainty,
  trainVae,
  type Uncertainty,
  type Vae,
} from "../../src/autoencoders/index.js";
import { precisionStd } from "../../src/autoencoders/precision-network.js";
import { array, compile, type NdArray, ndarray } from "../../src/engine/index.js";
import { UsageError } from "../../src/errors.js";
import { normalArray, randomKey, uniformArray } from "../../src/numerics/random.js";
import { circle } from "./data.js";

/** A VAE that codes the plane by the identity and decodes z to (z, z0, z1, 0): residuals are what is added to data. */
function identityVae(): Vae {
  const f = (rows: number[][]) => array(rows, "float32");
  return {
    shape: {
      dataDimension: 5,
      latentDimension: 2,
      encoderHidden: [],
      decoderHidden: [],
      activation: "tanh",
      likelihood: "gaussian",
    },
    parameters: {
      encoder: [
        {
          weight: f([
            [1, 0, 0, 0],
            [0, 1, 0, 0],
            [0, 0, 0, 0],
            [0, 0, 0, 0],
            [0, 0, 0, 0],
          ]),
          bias: ndarray(new Float32Array(4)),
        },
      ],
      decoder: [
        {
          weight: f([
            [1, 0, 1, 0, 0],
            [0, 1, 0, 1, 0],
          ]),
          bias: ndarray(new Float32Array(5)),
        },
      ],
      noise: { logVariance: ndarray(Float32Array.of(0)) },
    },
  };
}

/** Rows whose first two numbers are the code, with noise of the given size in the others. */
function noisyRows(n: number, noise: (x: number, y: number) => number): Float32Array {
  const u = uniformArray(randomKey(1), 2 * n);
  const e = normalArray(randomKey(2), 3 * n);
  const rows = new Float32Array(5 * n);
  for (let i = 0; i < n; i++) {
    const [x, y] = [4 * u[2 * i] - 2, 4 * u[2 * i + 1] - 2];
    const s = noise(x, y);
    rows.set([x, y, x + s * e[3 * i], y + s * e[3 * i + 1], s * e[3 * i + 2]], 5 * i);
  }
  return rows;
}

async function stdAt(model: Vae, points: number[][]): Promise<number[][]> {
  const f = compile((z: any) => decoderWithUncertainty(model)(z), { precision: "float64" });
  const { std } = (await f(array(points))) as { std: NdArray };
  await f.dispose();
  return points.map((_, i) => Array.from(std.data.slice(5 * i, 5 * i + 5)));
}

describe("fitUncertainty", () => {
  it("finds the standard deviation of the residuals, and how it varies", async () => {
    const truth = (x: number) => 0.1 + 0.1 * (x + 2); // 0.1 at the left, 0.5 at the right
    const model = await fitUncertainty(identityVae(), noisyRows(8000, truth), { clusters: 40, rows: 8000 });
    const points = [-1.5, -0.75, 0, 0.75, 1.5].flatMap((x) => [-1, 0, 1].map((y) => [x, y]));
    const found = await stdAt(model, points);
    // 8000 rows over 40 clusters: about 200 residuals a cluster, 5 % standard error, and ripples between the centres
    points.forEach(([x], i) => {
      for (const j of [2, 3, 4]) expect(Math.abs(found[i][j] / truth(x) - 1)).toBeLessThan(0.25);
      for (const j of [0, 1]) expect(found[i][j]).toBeLessThan(2 * model.uncertainty!.fit.floor); // no residual at all
    });
    const typical = found.map((s, i) => s[2] / truth(points[i][0]) - 1);
    expect(Math.abs(typical.reduce((a, b) => a + b, 0) / typical.length)).toBeLessThan(0.05);
  });

  it("never lowers the likelihood, and nears the true one", async () => {
    const model = await fitUncertainty(
      identityVae(),
      noisyRows(3000, () => 0.3),
      { clusters: 20, iterations: 60, rows: 3000 },
    );
    const { logLikelihoods, floor } = model.uncertainty!.fit;
    for (let i = 1; i < logLikelihoods.length; i++)
      expect(logLikelihoods[i]).toBeGreaterThan(logLikelihoods[i - 1] - 1e-3);
    // three noisy outputs, two without residuals at the floor (each quadratic term is 1/2 at the optimum)
    const ideal = -2.5 * (1 + Math.log(2 * Math.PI)) - 3 * Math.log(Math.hypot(0.3, floor)) - 2 * Math.log(floor);
    expect(logLikelihoods.at(-1)!).toBeGreaterThan(ideal - 0.15);
    expect(logLikelihoods.at(-1)!).toBeLessThan(ideal + 0.15);
  });

  it("without growth rises away from the codes to its ceiling and not beyond", async () => {
    const model = await fitUncertainty(
      identityVae(),
      noisyRows(2000, () => 0.2),
      { clusters: 30, growth: 0 },
    );
    const ceiling = model.uncertainty!.fit.ceiling;
    for (const direction of [
      [1, 0],
      [0, 1],
      [-0.7, 0.7],
    ]) {
      const path = Array.from({ length: 40 }, (_, i) => direction.map((v) => v * (2.2 + 0.2 * i)));
      const std = (await stdAt(model, path)).map((row) => row[2]);
      for (let i = 1; i < std.length; i++) expect(std[i]).toBeGreaterThanOrEqual(std[i - 1] * (1 - 1e-9));
      expect(std[39] / ceiling).toBeGreaterThan(0.999);
      expect(std[39] / ceiling).toBeLessThanOrEqual(1 + 1e-6);
      expect(std[0]).toBeLessThan(0.5 * ceiling);
    }
  });

  it("with growth goes on rising in proportion to the distance, and leaves the codes as they are", async () => {
    const rows = noisyRows(2000, () => 0.2);
    const paper = await fitUncertainty(identityVae(), rows, { clusters: 30, growth: 0 });
    const growing = await fitUncertainty(identityVae(), rows, { clusters: 30 });
    const inside = [-1.2, 0, 1.2].flatMap((x) => [-1.2, 0, 1.2].map((y) => [x, y]));
    const [a, b] = [await stdAt(paper, inside), await stdAt(growing, inside)];
    a.forEach((row, i) => expect(b[i][2] / row[2]).toBeLessThan(1.03));
    const far = (
      await stdAt(
        growing,
        [50, 100, 150].map((x) => [x, 0]),
      )
    ).map((row) => row[2]);
    expect((far[2] - far[1]) / (far[1] - far[0])).toBeCloseTo(1, 1);
    expect(far[1] - far[0]).toBeGreaterThan(5 * growing.uncertainty!.fit.ceiling);
  });

  it("depends on the seed alone", async () => {
    const rows = noisyRows(500, () => 0.2);
    const a = await fitUncertainty(identityVae(), rows, { clusters: 10, rows: 400, seed: 3 });
    expect(await fitUncertainty(identityVae(), rows, { clusters: 10, rows: 400, seed: 3 })).toEqual(a);
    const b = await fitUncertainty(identityVae(), rows, { clusters: 10, rows: 400, seed: 4 });
    expect(b.uncertainty!.centres).not.toEqual(a.uncertainty!.centres);
  });

  it("survives clusters of one point", async () => {
    const model = await fitUncertainty(
      identityVae(),
      noisyRows(30, () => 0.2),
      { clusters: 25 },
    );
    const { bandwidths, weights } = model.uncertainty!;
    for (const list of [bandwidths.data, weights.data])
      for (const value of list) expect(Number.isFinite(value) && value >= 0).toBe(true);
    for (const row of await stdAt(model, [
      [0, 0],
      [9, 9],
    ]))
      for (const s of row) expect(s).toBeGreaterThan(0);
  });

  it("works for a Bernoulli decoder: the residuals are those of the mean", async () => {
    const data = circle(400);
    const { model } = await trainVae(data, {
      likelihood: "bernoulli",
      encoderHidden: [16],
      decoderHidden: [16],
      epochs: 5,
    });
    const fitted = await fitUncertainty(model, data.rows);
    expect(fitted.uncertainty!.fit.clusters).toBe(40);
    const [near, far] = await stdAt(fitted, [Array.from(fitted.uncertainty!.centres.data.slice(0, 2)), [50, 50]]);
    for (let j = 0; j < 5; j++) expect(far[j]).toBeGreaterThan(2 * near[j]);
  });

  it("refuses impossible options", async () => {
    const rows = noisyRows(20, () => 0.2);
    await expect(fitUncertainty(identityVae(), rows, { clusters: 30 })).rejects.toThrow(/30 clusters for 20 points/);
    await expect(fitUncertainty(identityVae(), rows, { ceiling: 0 })).rejects.toThrow("ceiling: 0 is not a positive");
    await expect(fitUncertainty(identityVae(), rows, { floor: 20 })).rejects.toThrow(
      /floor: 20 is not below the ceiling 10/,
    );
    await expect(
      fitUncertainty(
        identityVae(),
        noisyRows(20, () => 0),
      ),
    ).rejects.toThrow(UsageError);
    expect(() => decoderWithUncertainty(identityVae())).toThrow(/call fitUncertainty\(model, rows\) first/);
  });
});

describe("precisionStd", () => {
  it("agrees with its formula on plain numbers, in one and in many dimensions", async () => {
    for (const [d, K, D] of [
      [1, 1, 2],
      [2, 5, 3],
      [8, 4, 6],
    ]) {
      const abs = (key: number, n: number, scale: number) =>
        normalArray(randomKey(key), n).map((v) => scale * Math.abs(v));
      const network: Omit<Uncertainty, "fit"> = {
        centres: ndarray(normalArray(randomKey(1), K * d), [K, d]),
        bandwidths: ndarray(abs(2, K, 1)),
        weights: ndarray(abs(3, K * D, 5), [K, D]),
        zeta: ndarray(Float64Array.of(0.01)),
        growth: ndarray(Float64Array.of(0)),
      };
      const z = ndarray(normalArray(randomKey(4), 3 * d), [3, d]);
      const f = compile((point: any) => precisionStd(network, point), { precision: "float64" });
      const found = await f(z);
      for (let n = 0; n < 3; n++)
        for (let j = 0; j < D; j++) {
          let gamma = 0.01;
          for (let k = 0; k < K; k++) {
            let square = 0;
            for (let i = 0; i < d; i++) square += (z.data[n * d + i] - network.centres.data[k * d + i]) ** 2;
            gamma += network.weights.data[k * D + j] * Math.exp(-network.bandwidths.data[k] * square);
          }
          expect(found.data[n * D + j]).toBeCloseTo(1 / Math.sqrt(gamma), 10);
        }
      await f.dispose();
    }
  });
});

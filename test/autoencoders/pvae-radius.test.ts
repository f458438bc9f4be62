import { describe, expect, it } from "vitest";
import { drawsAtEdge, type PvaeShape, pvaeElboRows, trainPvae } from "../../src/autoencoders/pvae/index.js";
import { allocatePvaeNoise, fillPvaeNoise, initializePvae } from "../../src/autoencoders/pvae/model.js";
import { squaredDistanceFromOrigin } from "../../src/autoencoders/pvae/radius.js";
import { riemannianNormal } from "../../src/distributions/index.js";
import { compile, grad, ndarray, sum, type Tensor } from "../../src/engine/index.js";
import { poincareBall } from "../../src/manifolds/index.js";
import { randomKey, stream } from "../../src/numerics/random.js";

async function distances(c: number, m: number[][], e: number[][], precision: "float32" | "float64" = "float64") {
  const f = compile((m: Tensor, e: Tensor) => squaredDistanceFromOrigin(c, m, e), { precision });
  const d = m[0].length;
  const array = (rows: number[][]) => ndarray(Float64Array.from(rows.flat()), [rows.length, d]);
  const { data } = await f(array(m), array(e));
  await f.dispose();
  return Array.from(data as Float64Array, Math.sqrt);
}

describe("the distance of a draw from the origin", () => {
  it("is that of the ball's exponential map, where coordinates hold it", async () => {
    const random = stream(randomKey(3));
    for (const [c, d] of [
      [1, 2],
      [0.7, 5],
      [3, 3],
    ]) {
      const space = poincareBall({ dimension: d, curvature: c });
      const m = Array.from({ length: 20 }, (_, i) => {
        const v = Array.from({ length: d }, () => random.normal());
        const scale = (i === 0 ? 0 : 0.9 * random.uniform()) / (Math.hypot(...v) * Math.sqrt(c));
        return v.map((x) => scale * x);
      });
      const e = m.map((_, i) => Array.from({ length: d }, () => (i === 1 ? 0 : 2 * random.normal())));
      const exact = m.map((x, i) => space.distance(space.origin, space.exponentialMap(x, space.fromFrame(x, e[i]))));
      (await distances(c, m, e)).forEach((value, i) => expect(Math.abs(value - exact[i])).toBeLessThan(1e-9));
      (await distances(c, m, e, "float32")).forEach((value, i) =>
        expect(Math.abs(value - exact[i])).toBeLessThan(2e-4),
      );
    }
  });

  it("adds up outwards and takes away inwards, however far", async () => {
    const c = 0.7;
    for (const precision of ["float64", "float32"] as const)
      for (const far of [0.01, 3, 19 / Math.sqrt(c), 21 / Math.sqrt(c), 90, 1000]) {
        const m = [0.9 / Math.sqrt(c), 0];
        const rho = (2 / Math.sqrt(c)) * Math.atanh(0.9);
        const [out, back, aside] = await distances(
          c,
          [m, m, m],
          [
            [far, 0],
            [-far, 0],
            [0, far],
          ],
          precision,
        );
        expect(out / (rho + far)).toBeCloseTo(1, 5);
        expect(Math.abs(back - Math.abs(rho - far)) / (rho + far)).toBeLessThan(precision === "float32" ? 1e-5 : 1e-9);
        // right angle: cosh X = cosh x cosh y, by logarithms
        const logCosh = (v: number) => v + Math.log1p(Math.exp(-2 * v)) - Math.LN2;
        const [x, y] = [rho * Math.sqrt(c), far * Math.sqrt(c)];
        const sumOfLogs = logCosh(x) + logCosh(y);
        expect(logCosh(aside * Math.sqrt(c)) / sumOfLogs).toBeCloseTo(1, 5);
      }
  });

  it("has finite gradients from coincidence to far beyond the edge", async () => {
    const f = compile((m: Tensor, e: Tensor) =>
      grad((both: [Tensor, Tensor]) => sum(squaredDistanceFromOrigin(1.4, both[0], both[1])) as Tensor)([m, e]),
    );
    for (const size of [0, 1e-8, 1, 30, 1e4])
      for (const at of [0, 1e-9, 0.5, 0.845]) {
        const [gm, ge] = (await f(
          ndarray(Float32Array.of(at, 0), [1, 2]),
          ndarray(Float32Array.of(0, size), [1, 2]),
        )) as any;
        for (const value of [...gm.data, ...ge.data]) expect(Number.isFinite(value), `${size} ${at}`).toBe(true);
      }
    await f.dispose();
  });
});

describe("divergences beyond what coordinates hold", () => {
  // A posterior around the origin with std s: KL(q | p) = E_q[r^2] (1/2S^2 - 1/2s^2) - log Z(s) + log Z(S), where
  // E_q[r^2] = s^3 d log Z / ds, by a central difference.
  const [d, c, S] = [20, 0.7, 1];
  const law = riemannianNormal(poincareBall({ dimension: d, curvature: c }));
  const exact = (s: number) => {
    const h = 1e-5 * s;
    const square = (s ** 3 * (law.logNormalizer(s + h) - law.logNormalizer(s - h))) / (2 * h);
    return square * (0.5 / S ** 2 - 0.5 / s ** 2) - law.logNormalizer(s) + law.logNormalizer(S);
  };

  it("are those of Riemannian normals in twenty dimensions, whose mass lies out there, and never negative", async () => {
    const shape: PvaeShape = {
      dataDimension: 3,
      latentDimension: d,
      encoderHidden: [],
      decoderHidden: [4],
      activation: "relu",
      likelihood: "gaussian",
      curvature: c,
      posterior: "riemannian",
      prior: "riemannian",
      priorScale: S,
      decoder: "gyroplane",
      encoder: "wrapped",
      gyroplaneForm: "paper",
    };
    const parameters = initializePvae(randomKey(1), shape);
    for (const layer of [parameters.encoder.mean, parameters.encoder.scale]) {
      layer.weight.data.fill(0);
      layer.bias.data.fill(0);
    }
    const f = compile((p: any, x: Tensor, noise: any) => pvaeElboRows(shape, p, x, noise).divergence as Tensor);
    const noise = fillPvaeNoise(allocatePvaeNoise(shape, 2000, 1), randomKey(5));
    for (const s of [0.3, 0.7, 1.5, 2.5]) {
      parameters.encoder.scale.bias.data.fill(Math.log(Math.expm1(s - 1e-5)));
      const { data } = (await f(parameters, ndarray(Float32Array.of(1, 2, 3), [1, 3]), noise)) as any;
      const expected = exact(s);
      expect(expected).toBeGreaterThan(0);
      // The standard error of 2000 draws is below 2.5 % in these cases; six of them.
      expect(Math.abs(data[0] / expected - 1), `std ${s}`).toBeLessThan(0.15);
    }
    await f.dispose();
  }, 60_000);

  it("do not run away in training", async () => {
    const random = stream(randomKey(7));
    const rows = Float32Array.from({ length: 400 * 8 }, () => random.normal());
    const { model, history } = await trainPvae(
      { name: "noise", rows, n: 400, dimension: 8 },
      {
        latentDimension: d,
        curvature: 1.4,
        posterior: "riemannian",
        prior: "riemannian",
        encoderHidden: [16],
        decoderHidden: [16],
        epochs: 15,
        batchSize: 50,
        learningRate: 5e-3,
        threads: 1,
      },
    );
    for (const { terms } of history as any) for (const term of terms) expect(Number.isFinite(term)).toBe(true);
    const share = await drawsAtEdge(model, rows, { threads: 1 });
    expect(share).toBeGreaterThanOrEqual(0);
    expect(share).toBeLessThanOrEqual(1);
  }, 60_000);
});

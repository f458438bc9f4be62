import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { vonMisesFisher } from "../../src/distributions/von-mises-fisher.js";
import { compile, ndarray, type Tensor } from "../../src/engine/index.js";
import {
  evaluateFlow,
  flowLogDensityAndEffort,
  flowShape,
  formOf,
  initializeFlow,
  loadFlow,
  manifoldOf,
  manifoldQuadrature,
  massOf,
  resumeFlow,
  type TrainFlowOptions,
  trainFlow,
  velocity,
} from "../../src/flows/index.js";
import { sphere } from "../../src/manifolds/index.js";
import { randomKey } from "../../src/numerics/random.js";

const S2 = { kind: "sphere", dimension: 2 } as const;
const T2 = { kind: "torus", dimension: 2 } as const;

describe("bumps around centres", () => {
  it("see a point as a function of its distance to each centre: at a centre, its own bump is 1", () => {
    for (const manifold of [S2, T2]) {
      const shape = flowShape({ manifold, centres: 5, hidden: [4] });
      const points = manifoldOf(manifold).sampleBase(randomKey(3), 1);
      const [{ weight, bias }] = initializeFlow(randomKey(0), shape, points);
      const c = Array.from(points.data as Float64Array);
      const encoded = manifold.kind === "torus" ? [...c.map(Math.cos), ...c.map(Math.sin)] : c;
      for (let k = 0; k < 5; k++) {
        const a = encoded.reduce((t, v, i) => t + v * (weight.data[i * 5 + k] as number), bias.data[k] as number);
        expect(Math.abs(a)).toBeLessThan(1e-4); // exp(a) = 1: all five centres are the one point
      }
    }
  });

  it.each([S2, T2])("have densities of mass one, and continuous fields across the seam: $kind", async (manifold) => {
    const shape = flowShape({ manifold, centres: 6, hidden: [8], steps: 8 });
    const parameters = initializeFlow(randomKey(1), shape).map((layer, i) =>
      i < 2
        ? layer
        : {
            ...layer,
            weight: ndarray(
              Float64Array.from(layer.weight.data as Float32Array, (w) => 6 * w),
              layer.weight.shape,
            ),
          },
    );
    const flow = { shape, parameters };
    const evaluator = evaluateFlow(flow, { precision: "float64" });
    const grid = manifoldQuadrature(manifoldOf(manifold), 60);
    const values = await evaluator.logDensity(grid.points);
    expect(Math.max(...values) - Math.min(...values)).toBeGreaterThan(0.2);
    expect(Math.abs(massOf(values, grid.weights) - 1)).toBeLessThan(1e-3);
    await evaluator.dispose();
    if (manifold.kind === "torus") {
      const field = compile((x: Tensor) => velocity(formOf(shape), shape, parameters, x, 0.3), {
        precision: "float64",
      });
      const f = (await field(ndarray(Float64Array.of(Math.PI, 1, -Math.PI, 1), [2, 2]))).data;
      expect(f[0]).toBeCloseTo(f[2], 10);
      await field.dispose();
    }
  });

  it("are refused where there are none", () => {
    expect(() => flowShape({ manifold: { kind: "poincare-ball", dimension: 2 }, centres: 4 })).toThrow(/centres is 4/);
    expect(() => flowShape({ manifold: S2, method: "stereographic", centres: 4 })).toThrow(/leave it out/);
  });
});

describe("the smoothness term", () => {
  const points = vonMisesFisher(sphere(2)).sample([0, 0, 1], 20, randomKey(5), 400);
  const effortOf = async (smoothness: number) => {
    const { flow, history } = await trainFlow(
      { points },
      {
        flow: { manifold: S2, hidden: [12], steps: 4 },
        smoothness,
        epochs: 2,
        stepsPerEpoch: 30,
        batchSize: 64,
        learningRate: 1e-2,
        threads: 1,
      },
    );
    const program = compile((x: Tensor) => flowLogDensityAndEffort(flow.shape, flow.parameters, x) as any);
    const { logDensity, effort } = await program(points);
    await program.dispose();
    const mean = (a: any) => (a.data as Float32Array).reduce((t, v) => t + v, 0) / a.data.length;
    return { effort: mean(effort), nll: -mean(logDensity), loss: history.at(-1)!.terms[0] };
  };

  it("lowers the squared divergence, and stands in the reported loss", async () => {
    const [free, smooth] = [await effortOf(0), await effortOf(0.3)];
    expect(smooth.effort).toBeLessThan(0.8 * free.effort);
    expect(free.nll).toBeLessThan(smooth.nll);
    expect(smooth.loss).toBeGreaterThan(smooth.nll + 0.1 * 0.3 * smooth.effort);
  });

  it("is at least the square of the log density's change along each path (Cauchy-Schwarz)", async () => {
    const shape = flowShape({ manifold: S2, hidden: [8], steps: 8 });
    const parameters = initializeFlow(randomKey(2), shape);
    const program = compile((x: Tensor) => flowLogDensityAndEffort(shape, parameters, x) as any, {
      precision: "float64",
    });
    const { logDensity, effort } = await program(points);
    for (let i = 0; i < 400; i++)
      expect(effort.data[i]).toBeGreaterThanOrEqual((logDensity.data[i] + Math.log(4 * Math.PI)) ** 2 - 1e-9);
    await program.dispose();
  });

  it("refuses a negative weight", async () => {
    await expect(trainFlow({ points }, { flow: { manifold: S2 }, smoothness: -1 })).rejects.toThrow(/smoothness: -1/);
    await expect(trainFlow({ points }, { flow: { manifold: S2 }, agreement: -1 })).rejects.toThrow(/agreement: -1/);
  });
});

describe("training that profits from the integration's errors, or explodes", () => {
  const folder = mkdtempSync(join(tmpdir(), "flows-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const out = join(folder, "run");
  const points = vonMisesFisher(sphere(2)).sample([0, 0, 1], 20, randomKey(5), 200);
  const exploding = { learningRate: 1e6, clipNorm: 1e9 };
  const options: TrainFlowOptions = {
    flow: { manifold: S2, hidden: [8], steps: 2, activation: "swish" },
    epochs: 2,
    stepsPerEpoch: 20,
    threads: 1,
  };

  it("stops with a sentence, which says that nothing was saved where nothing was", async () => {
    await expect(trainFlow({ points }, { ...options, ...exploding })).rejects.toThrow(
      /training diverged: .*no checkpoint was asked for.*more integration steps/,
    );
    await expect(trainFlow({ points }, { ...options, ...exploding, out })).rejects.toThrow(
      /blew up in epoch 1 .*; this run had saved nothing: train again .*more integration steps/,
    );
    expect(existsSync(out)).toBe(false);
  });

  it("keeps what was saved before, and says so", async () => {
    const { flow } = await trainFlow({ points }, { ...options, epochs: 1, out });
    const path = join(out, "config.json");
    const config = JSON.parse(readFileSync(path, "utf8"));
    writeFileSync(path, JSON.stringify({ ...config, training: { ...config.training, ...exploding } }));
    await expect(resumeFlow(out, { points }, { epochs: 2, threads: 1 })).rejects.toThrow(
      /blew up in epoch 2 .*; what was saved before is kept: train again .*more integration steps/,
    );
    expect(loadFlow(out).flow.parameters).toEqual(flow.parameters);
  });
});

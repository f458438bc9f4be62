/** Fields that are gradients of bumps, against their potential summed on the host. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { vonMisesFisher } from "../../src/distributions/von-mises-fisher.js";
import { compile, type NdArray, ndarray, type Tensor } from "../../src/engine/index.js";
import {
  evaluateFlow,
  type Flow,
  flowShape,
  formOf,
  initializeFlow,
  loadFlow,
  manifoldQuadrature,
  massOf,
  trainFlow,
  velocityAndDivergence,
  velocityAndEstimate,
} from "../../src/flows/index.js";
import { sphere } from "../../src/manifolds/index.js";
import { normalArray, randomKey } from "../../src/numerics/random.js";
import { rowsOf } from "./helpers.js";

/** A flow with weights of about `size`. */
function bentFlow(dimension: number, size: number): Flow {
  const shape = flowShape({ manifold: { kind: "sphere", dimension }, field: "potential", centres: 7, hidden: [4] });
  const [bumps] = initializeFlow(randomKey(4), shape);
  const weights = normalArray(randomKey(5), 5 * 7).map((w) => 0.2 * size * w);
  const ofTime = { weight: ndarray(weights.slice(0, 28), [4, 7]), bias: ndarray(weights.slice(28), [7]) };
  return { shape, parameters: [bumps, ofTime] };
}

/** phi(x, t) by its definition; x need not be a unit vector: it counts as its direction. */
function potential({ parameters: [bumps, ofTime] }: Flow, x: readonly number[], t: number): number {
  const K = bumps.bias.shape[0];
  const at = ({ data }: NdArray, i: number) => data[i] as number;
  const s = 2 * t - 1;
  const legendre = [s, (3 * s ** 2 - 1) / 2, (5 * s ** 3 - 3 * s) / 2, (35 * s ** 4 - 30 * s ** 2 + 3) / 8];
  const length = Math.hypot(...x);
  let total = 0;
  for (let k = 0; k < K; k++) {
    const a = legendre.reduce((sum, p, j) => sum + p * at(ofTime.weight, j * K + k), at(ofTime.bias, k));
    const w = x.map((_, i) => at(bumps.weight, i * K + k));
    const u = w.reduce((sum, c, i) => sum + (c * x[i]) / length, 0);
    total += (a * Math.exp(u + at(bumps.bias, k))) / Math.sqrt(1 + w.reduce((sum, c) => sum + c * c, 0));
  }
  return total;
}

it.each([1, 2, 4])("S^%d: velocity and divergence are the potential's gradient and Laplacian", async (d) => {
  const flow = bentFlow(d, 5);
  const { shape, parameters } = flow;
  const space = sphere(d);
  const x = space.sampleBase(randomKey(2), 6);
  const f = compile((y: Tensor) => velocityAndDivergence(formOf(shape), shape, parameters, y, 0.37) as any, {
    precision: "float64",
  });
  const { velocity, divergence } = await f(x);
  // phi does not change along the radius, so its derivatives in R^(d+1) at unit vectors are those on the sphere
  const [h, H] = [1e-5, 2e-4];
  rowsOf(x).forEach((row, r) => {
    const moved = (i: number, by: number) =>
      potential(
        flow,
        row.map((c, j) => (i === j ? c + by : c)),
        0.37,
      ); // prettier-ignore
    let laplacian = 0;
    for (let i = 0; i <= d; i++) {
      expect(velocity.data[r * (d + 1) + i]).toBeCloseTo((moved(i, h) - moved(i, -h)) / (2 * h), 7);
      laplacian += (moved(i, H) - 2 * moved(i, 0) + moved(i, -H)) / H ** 2;
    }
    expect(Math.abs(divergence.data[r] - laplacian)).toBeLessThan(1e-5 * (1 + Math.abs(laplacian)));
    expect(Math.abs(laplacian)).toBeGreaterThan(1e-3);
  });
  await f.dispose();
});

it("times may differ from point to point, and the estimate of the divergence is exact", async () => {
  const { shape, parameters } = bentFlow(2, 5);
  const form = formOf(shape);
  const x = sphere(2).sampleBase(randomKey(2), 6);
  const f = compile(
    (y: Tensor, t: Tensor, noise: Tensor) => [
      velocityAndDivergence(form, shape, parameters, y, t) as any,
      velocityAndDivergence(form, shape, parameters, y, 0.25) as any,
      velocityAndEstimate(form, shape, parameters, y, 0.25, noise) as any,
    ],
    { precision: "float64" },
  );
  const [each, shared, estimate] = await f(
    x,
    ndarray(Float64Array.of(0.25, 0.25, 0.25, 0.9, 0.25, 0.25), [6, 1]),
    ndarray(
      Float64Array.from({ length: 12 }, (_, i) => (i % 3 === 0 ? 1 : -1)),
      [6, 2],
    ),
  );
  for (const name of ["velocity", "divergence"] as const) {
    const width = each[name].data.length / 6;
    shared[name].data.forEach((value: number, i: number) => {
      if (Math.floor(i / width) !== 3) expect(each[name].data[i]).toBeCloseTo(value, 11);
    });
    expect(Math.abs(each[name].data[3 * width] - shared[name].data[3 * width])).toBeGreaterThan(1e-3);
    expect(estimate[name].data).toEqual(shared[name].data);
  }
  await f.dispose();
});

it("densities integrate to one, by fixed steps and by the adaptive integrator", async () => {
  const flow = bentFlow(2, 4);
  const grid = manifoldQuadrature(sphere(2), 80); // resolves bumps of concentration 800
  for (const integrator of ["fixed", "adaptive"] as const) {
    const evaluator = evaluateFlow(flow, { precision: "float64", integrator });
    const values = await evaluator.logDensity(grid.points);
    expect(Math.max(...values) - Math.min(...values)).toBeGreaterThan(0.3);
    expect(Math.abs(massOf(values, grid.weights) - 1)).toBeLessThan(1e-3);
    await evaluator.dispose();
  }
});

it("learns a density, from a start close to uniform, and is read back as it was written", async () => {
  const folder = mkdtempSync(join(tmpdir(), "potential-"));
  const vmf = vonMisesFisher(sphere(2));
  const { flow, history } = await trainFlow(
    { points: vmf.sample([0, 0.6, 0.8], 10, randomKey(5), 500) },
    {
      flow: { manifold: { kind: "sphere", dimension: 2 }, field: "potential", centres: 24, steps: 4 },
      epochs: 8,
      stepsPerEpoch: 20,
      batchSize: 64,
      learningRate: 3e-2,
      smoothness: 0.03,
      threads: 1,
      out: join(folder, "run"),
    },
  );
  expect(Math.abs(history[0].terms[0] - Math.log(4 * Math.PI))).toBeLessThan(1);
  const test = vmf.sample([0, 0.6, 0.8], 10, randomKey(6), 1000);
  const evaluator = evaluateFlow(flow, { integrator: "adaptive", tolerance: 1e-5 });
  const values = await evaluator.logDensity(test);
  await evaluator.dispose();
  const nll = -values.reduce((total, v) => total + v, 0) / values.length;
  expect(nll).toBeLessThan(vmf.entropy(10) + 0.5); // uniform: 2 nats above
  expect(nll).toBeGreaterThan(vmf.entropy(10) - 0.15); // 4.7 standard errors
  expect(loadFlow(join(folder, "run")).flow).toEqual(flow);
  rmSync(folder, { recursive: true });
});

it("is refused where there are no bumps or no sphere", () => {
  const S2 = { kind: "sphere", dimension: 2 } as const;
  expect(() => flowShape({ manifold: S2, field: "potential" })).toThrow(/potential.*0 centres.*give centres/);
  expect(() => flowShape({ manifold: S2, field: "potential", centres: 4, hidden: [3, 3] })).toThrow(/degree in time/);
  expect(() => flowShape({ manifold: { kind: "torus", dimension: 2 }, field: "potential", centres: 4 })).toThrow(
    /potential.*torus/,
  );
});

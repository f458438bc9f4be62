import { describe, expect, it } from "vitest";
import { ndarray } from "../../src/engine/index.js";
import { evaluateFlow, type FlowOptions, manifoldOf, manifoldQuadrature, massOf } from "../../src/flows/index.js";
import { randomFlow } from "./helpers.js";

const cases: [string, FlowOptions, { size: number; extent?: number; off: number }][] = [
  ["S^2, generators", { manifold: { kind: "sphere", dimension: 2 } }, { size: 30, off: 1e-4 }],
  ["S^2, ambient", { manifold: { kind: "sphere", dimension: 2 }, field: "ambient" }, { size: 30, off: 1e-4 }],
  ["T^2", { manifold: { kind: "torus", dimension: 2 } }, { size: 40, off: 1e-4 }],
  ["T^1, wrapped", { manifold: { kind: "torus", dimension: 1 }, method: "wrapped" }, { size: 200, off: 2e-3 }],
  ["H^2", { manifold: { kind: "poincare-ball", dimension: 2, curvature: 1.3 } }, { size: 40, off: 2e-4 }],
  [
    "H^2, ambient",
    { manifold: { kind: "poincare-ball", dimension: 2 }, field: "ambient", baseStd: 0.7 },
    { size: 40, off: 2e-4 },
  ],
  ["R^2", { manifold: { kind: "euclidean", dimension: 2 } }, { size: 80, off: 1e-4 }],
  [
    "S^2, stereographic",
    { manifold: { kind: "sphere", dimension: 2 }, method: "stereographic" },
    { size: 60, off: 2e-2 },
  ],
  [
    "S^2, wrapped",
    { manifold: { kind: "sphere", dimension: 2 }, method: "wrapped", baseStd: 0.6 },
    { size: 60, off: 5e-3 },
  ],
  [
    "S^2, wrapped normal base",
    { manifold: { kind: "sphere", dimension: 2 }, base: "wrapped-normal", baseStd: 0.5 },
    { size: 40, off: 1e-3 },
  ],
];

describe("densities integrate to one", () => {
  it.each(cases)("%s", async (_, options, { size, extent, off }) => {
    const flow = randomFlow(options, 3, 0.7);
    const evaluator = evaluateFlow(flow, { precision: "float64" });
    const grid = manifoldQuadrature(manifoldOf(options.manifold), size, extent);
    const values = await evaluator.logDensity(grid.points);
    const spread = Math.max(...values) - Math.min(...values);
    expect(spread).toBeGreaterThan(0.3); // far from where it began
    expect(Math.abs(massOf(values, grid.weights) - 1)).toBeLessThan(off);
    await evaluator.dispose();
  });
});

it.each(["float32", "float64"] as const)(
  "a wrapped flow on S^2 is smooth at the origin of its chart, in %s",
  async (precision) => {
    const options: FlowOptions = { manifold: { kind: "sphere", dimension: 2 }, method: "wrapped", baseStd: 0.5 };
    const evaluator = evaluateFlow(randomFlow(options, 3, 0.3), { precision });
    const [ox, oy, oz] = manifoldOf(options.manifold).origin;
    const off = [0, 1e-7, 1e-6, 1e-5, 1e-3];
    const axis = Math.abs(ox) > 0.5 ? [0, 1, 0] : [1, 0, 0];
    const points = off.flatMap((r) => [ox, oy, oz].map((o, i) => o * Math.cos(r) + axis[i] * Math.sin(r)));
    const values = await evaluator.logDensity(ndarray(Float64Array.from(points), [off.length, 3]));
    for (const value of values) expect(Math.abs(value - values[4])).toBeLessThan(0.02);
    await evaluator.dispose();
  },
);

import { describe, expect, it } from "vitest";
import { ndarray } from "../../src/engine/index.js";
import {
  evaluateFlow,
  flowReach,
  initializeFlow,
  manifoldOf,
  manifoldQuadrature,
  massOf,
  trainFlow,
} from "../../src/flows/index.js";
import { flowShape } from "../../src/flows/shape.js";
import { randomKey } from "../../src/numerics/random.js";

const ball = (curvature: number) => ({ kind: "poincare-ball", dimension: 2, curvature }) as const;

describe("how far out flows on the Poincare ball go", () => {
  it("12.2/sqrt(c), and everywhere elsewhere", () => {
    expect(flowReach(manifoldOf(ball(4)))).toBeCloseTo(12.206 / 2, 3);
    expect(flowReach(manifoldOf({ kind: "sphere", dimension: 2 }))).toBe(Infinity);
  });

  it.each([1, 10, 60])("the grid ends there, and the mass is right, at c = %d", async (curvature) => {
    const manifold = ball(curvature);
    const shape = flowShape({ manifold, hidden: [8], baseStd: 1.2 / Math.sqrt(curvature) });
    const evaluator = evaluateFlow({ shape, parameters: initializeFlow(randomKey(0), shape) });
    const grid = manifoldQuadrature(manifoldOf(manifold), 50);
    expect(Math.abs(massOf(await evaluator.logDensity(grid.points), grid.weights) - 1)).toBeLessThan(5e-3);
    await evaluator.dispose();
  });

  it("refuses points beyond, which it would take for nearer ones", async () => {
    const flow = { manifold: ball(1), hidden: [4], steps: 1 };
    const points = ndarray(Float64Array.of(0.1, 0.2, Math.tanh(10), 0), [2, 2]);
    const why = /points, row 1, lies at distance 20\.0\d* from the origin .* flows compute up to 12\.21/;
    await expect(trainFlow({ points }, { flow, epochs: 1, stepsPerEpoch: 1 })).rejects.toThrow(why);
    const evaluator = evaluateFlow({
      shape: flowShape(flow),
      parameters: initializeFlow(randomKey(0), flowShape(flow)),
    });
    await expect(evaluator.logDensity(points)).rejects.toThrow(why);
    const inside = ndarray(Float64Array.of(Math.tanh(6.1), 0), [1, 2]);
    expect(Number.isFinite((await evaluator.logDensity(inside))[0])).toBe(true);
    await evaluator.dispose();
  });

  it("refuses a base distribution that reaches beyond", async () => {
    const flow = { manifold: ball(25), hidden: [4], steps: 1 };
    const points = ndarray(Float64Array.of(0.1, 0.05), [1, 2]);
    await expect(trainFlow({ points }, { flow, epochs: 1, stepsPerEpoch: 1 })).rejects.toThrow(
      /baseStd: 1 spreads .* give at most 0\.55/,
    );
  });
});

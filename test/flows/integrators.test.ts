import { describe, expect, it } from "vitest";
import type { NdArray } from "../../src/engine/index.js";
import { evaluateFlow, type FlowOptions, flowSpace, manifoldOf } from "../../src/flows/index.js";
import { randomKey } from "../../src/numerics/random.js";
import { randomFlow, rowsOf } from "./helpers.js";

const cases: [string, FlowOptions][] = [
  ["S^2", { manifold: { kind: "sphere", dimension: 2 } }],
  ["T^2", { manifold: { kind: "torus", dimension: 2 } }],
  ["H^2", { manifold: { kind: "poincare-ball", dimension: 2 } }],
];

function worst(a: NdArray | Float64Array, b: NdArray | Float64Array): number {
  const [x, y] = [a, b].map((v) => ("data" in v ? v.data : v) as Float64Array);
  // angles of a torus may differ by a turn
  return Math.max(...Array.from(x, (value, i) => Math.abs(Math.sin((value - y[i]) / 2) * 2)));
}

describe("integrators", () => {
  it.each(cases)("%s: halving the steps of the fixed one divides the error by 16", async (_, options) => {
    const exact = evaluateFlow(randomFlow(options, 4, 1), { integrator: "adaptive", tolerance: 1e-11 });
    const z = flowSpace(randomFlow(options).shape).sampleBase(randomKey(3), 6);
    const truth = await exact.carry(z, "forward");
    const errors: number[] = [];
    for (const steps of [4, 8, 16]) {
      const fixed = evaluateFlow(randomFlow({ ...options, steps }, 4, 1), { precision: "float64" });
      const { end, divergence } = await fixed.carry(z, "forward");
      errors.push(Math.max(worst(end, truth.end), worst(divergence, truth.divergence)));
      await fixed.dispose();
    }
    const order = Math.log2(errors[0] / errors[2]) / 2;
    expect(order).toBeGreaterThan(3.5);
    expect(order).toBeLessThan(5.2);
    await exact.dispose();
  });

  it.each(cases)(
    "%s: adaptive errors follow the tolerance; forth and back returns; paths stay on the manifold",
    async (_, options) => {
      const flow = randomFlow(options, 6, 1);
      const manifold = manifoldOf(options.manifold);
      const z = manifold.sampleBase(randomKey(5), 6);
      const ends: NdArray[] = [];
      for (const tolerance of [1e-4, 1e-7, 1e-11]) {
        const evaluator = evaluateFlow(flow, { integrator: "adaptive", tolerance });
        const there = await evaluator.carry(z, "forward");
        const back = await evaluator.carry(there.end, "backward");
        const allowed = 100 * tolerance;
        expect(worst(back.end, z)).toBeLessThan(allowed);
        expect(worst(back.divergence, there.divergence)).toBeLessThan(allowed);
        for (const row of rowsOf(there.end)) expect(manifold.whyNotAPoint(row)).toBeUndefined();
        if (manifold.kind === "sphere")
          for (const row of rowsOf(there.end)) expect(Math.hypot(...row)).toBeCloseTo(1, 14);
        ends.push(there.end);
        await evaluator.dispose();
      }
      expect(worst(ends[0], ends[2])).toBeLessThan(1e-2);
      expect(worst(ends[1], ends[2])).toBeLessThan(1e-5);
    },
  );

  it("agree on log densities, and draws carry the log density that evaluation gives them", async () => {
    for (const options of [
      cases[0][1],
      { manifold: { kind: "sphere", dimension: 2 }, method: "wrapped", baseStd: 0.5 } as const,
      { manifold: { kind: "sphere", dimension: 2 }, method: "stereographic" } as const,
      cases[2][1],
    ]) {
      const flow = randomFlow({ ...options, steps: 16 }, 4, 0.7);
      const [fixed, adaptive] = [
        evaluateFlow(flow, { precision: "float64" }),
        evaluateFlow(flow, { integrator: "adaptive", tolerance: 1e-9 }),
      ];
      const drawn = await adaptive.sample(randomKey(9), 5);
      const again = await adaptive.logDensity(drawn.points);
      expect(worst(drawn.logDensity, again)).toBeLessThan(1e-6);
      expect(worst(await fixed.logDensity(drawn.points), again)).toBeLessThan(2e-3);
      const others = await fixed.sample(randomKey(9), 5);
      expect(worst(others.points, drawn.points)).toBeLessThan(2e-3);
      await Promise.all([fixed.dispose(), adaptive.dispose()]);
    }
  });

  it("stop with a sentence where the field blows up", async () => {
    const flow = randomFlow(cases[0][1], 4, 1);
    const hopeless = evaluateFlow(flow, { integrator: "adaptive", tolerance: 1e-12, maxSteps: 3 });
    const x = manifoldOf(cases[0][1].manifold).sampleBase(randomKey(1), 2);
    await expect(hopeless.logDensity(x)).rejects.toThrow(
      /point 0: the flow could not be integrated beyond time 0\.\d+/,
    );
    await hopeless.dispose();
  });
});

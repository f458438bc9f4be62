/** Divergences against definitions that share nothing with them: finite differences of metric and field. */
import { describe, expect, it } from "vitest";
import { compile, type NdArray, ndarray, type Tensor } from "../../src/engine/index.js";
import {
  type FlowOptions,
  fieldForm,
  flowSpace,
  formOf,
  velocity,
  velocityAndDivergence,
  velocityAndEstimate,
} from "../../src/flows/index.js";
import { type Manifold, sphere } from "../../src/manifolds/index.js";
import { randomKey } from "../../src/numerics/random.js";
import { randomFlow, rowsOf } from "./helpers.js";

const TIME = 0.3;

const cases: [string, FlowOptions][] = [
  ["S^2, generators", { manifold: { kind: "sphere", dimension: 2 } }],
  ["S^2, ambient", { manifold: { kind: "sphere", dimension: 2 }, field: "ambient" }],
  ["S^2, chart", { manifold: { kind: "sphere", dimension: 2 }, field: "chart" }],
  ["S^1, generators", { manifold: { kind: "sphere", dimension: 1 } }],
  ["S^4, generators", { manifold: { kind: "sphere", dimension: 4 } }],
  ["S^4, ambient", { manifold: { kind: "sphere", dimension: 4 }, field: "ambient" }],
  ["T^3", { manifold: { kind: "torus", dimension: 3 } }],
  ["H^3, generators", { manifold: { kind: "poincare-ball", dimension: 3, curvature: 0.7 } }],
  ["H^2, ambient", { manifold: { kind: "poincare-ball", dimension: 2, curvature: 1.6 }, field: "ambient" }],
  ["H^2, chart", { manifold: { kind: "poincare-ball", dimension: 2 }, field: "chart" }],
  ["R^2", { manifold: { kind: "euclidean", dimension: 2 } }],
];

/**
 * div f at x by central differences in exponential coordinates: at their origin sqrt det G has no first-order term,
 * so div f = sum_a d/ds <f(exp_x(s e_a)), transported e_a>, with e_a orthonormal at x.
 */
async function numericalDivergence(
  manifold: Manifold,
  field: (x: NdArray) => Promise<NdArray>,
  x: Float64Array,
  h: number,
): Promise<number> {
  const [d, n] = [manifold.dimension, manifold.coordinates];
  const ends: number[][] = [];
  const frames: Float64Array[] = [];
  for (let a = 0; a < d; a++) {
    const unit = manifold.fromFrame(
      x,
      Float64Array.from({ length: d }, (_, i) => (i === a ? 1 : 0)),
    );
    for (const sign of [1, -1]) {
      const y = manifold.exponentialMap(
        x,
        unit.map((u) => sign * h * u),
      );
      ends.push(Array.from(y));
      frames.push(manifold.parallelTransport(x, y, unit));
    }
  }
  const f = await field(ndarray(Float64Array.from(ends.flat()), [2 * d, n]));
  let total = 0;
  ends.forEach((y, k) => {
    const value = Float64Array.from(f.data.subarray(k * n, (k + 1) * n) as Float64Array);
    total += (k % 2 === 0 ? 1 : -1) * manifold.innerProduct(y, value, frames[k]);
  });
  return total / (2 * h);
}

describe("the divergence of a field", () => {
  it.each(cases)("%s: equals finite differences, and the field is tangent", async (_, options) => {
    const { shape, parameters } = randomFlow(options, 5, 1);
    const manifold = flowSpace(shape);
    const form = formOf(shape);
    const exact = compile((x: Tensor) => velocityAndDivergence(form, shape, parameters, x, TIME) as any, {
      precision: "float64",
    });
    const only = compile((x: Tensor) => velocity(form, shape, parameters, x, TIME), { precision: "float64" });
    const points = manifold.sampleBase(randomKey(8), 4);
    const value: { velocity: NdArray; divergence: NdArray } = await exact(points);
    expect(Array.from((await only(points)).data)).toEqual(Array.from(value.velocity.data));
    for (const [i, row] of rowsOf(points).entries()) {
      const x = Float64Array.from(row);
      const numerical = await numericalDivergence(manifold, only as any, x, 1e-4);
      expect(Math.abs((value.divergence.data[i] as number) - numerical)).toBeLessThan(2e-5 * (1 + Math.abs(numerical)));
      if (manifold.kind === "sphere") {
        const v = rowsOf(value.velocity)[i];
        expect(Math.abs(v.reduce((sum, c, j) => sum + c * x[j], 0))).toBeLessThan(1e-12);
      }
    }
    await Promise.all([exact.dispose(), only.dispose()]);
  });

  it("of generators with constant coefficients is zero", async () => {
    for (const [, options] of cases.filter(([name]) => name.includes("generators"))) {
      const flow = randomFlow(options, 2, 1);
      const parameters = flow.parameters.map((layer, i, all) =>
        i < all.length - 1
          ? layer
          : { ...layer, weight: ndarray(new Float64Array(layer.weight.data.length), layer.weight.shape) },
      );
      const space = flowSpace(flow.shape);
      const f = compile(
        (x: Tensor) => velocityAndDivergence(formOf(flow.shape), flow.shape, parameters, x, TIME) as any,
        { precision: "float64" },
      );
      const { velocity: v, divergence } = await f(space.sampleBase(randomKey(1), 5));
      expect(Math.max(...Array.from(v.data as Float64Array, Math.abs))).toBeGreaterThan(0.05);
      for (const value of divergence.data) expect(Math.abs(value as number)).toBeLessThan(1e-12);
      await f.dispose();
    }
  });

  it("of the ambient form is tr(P Dv) - d v.x: for v constant, -d v.x", async () => {
    const form = fieldForm(sphere(3), "ambient");
    const f = compile((v: Tensor, x: Tensor) => form.sourceTerm!(v, x), { precision: "float64" });
    const x = sphere(3).sampleBase(randomKey(2), 3);
    const v = ndarray(
      Float64Array.from({ length: 12 }, (_, i) => Math.sin(i)),
      [3, 4],
    );
    const out: NdArray = await f(v, x);
    rowsOf(x).forEach((row, i) => {
      const along = row.reduce((sum, c, j) => sum + c * (v.data[4 * i + j] as number), 0);
      expect(out.data[i]).toBeCloseTo(-3 * along, 12);
    });
    await f.dispose();
  });

  it("is what Hutchinson's estimate gives on average over all signs", async () => {
    for (const [, options] of [cases[0], cases[1], cases[7]]) {
      const { shape, parameters } = randomFlow(options, 5, 1);
      const [space, form] = [flowSpace(shape), formOf(shape)];
      const d = space.dimension;
      const x = space.sampleBase(randomKey(8), 1);
      const count = 2 ** d; // every choice of signs once: the mean is exact
      const copies = ndarray(
        Float64Array.from({ length: count * space.coordinates }, (_, i) => x.data[i % space.coordinates] as number),
        [count, space.coordinates],
      );
      const noise = ndarray(
        Float64Array.from({ length: count * d }, (_, i) => ((Math.floor(i / d) >> (i % d)) & 1 ? 1 : -1)),
        [count, d],
      );
      const f = compile(
        (y: Tensor, e: Tensor) => [
          velocityAndDivergence(form, shape, parameters, y, TIME).divergence,
          velocityAndEstimate(form, shape, parameters, y, TIME, e).divergence,
        ],
        { precision: "float64" },
      );
      const [exact, estimate]: NdArray[] = await f(copies, noise);
      const mean = (estimate.data as Float64Array).reduce((a, b) => a + b, 0) / count;
      expect(mean).toBeCloseTo(exact.data[0] as number, 10);
      expect(Math.abs((estimate.data[0] as number) - (exact.data[0] as number))).toBeGreaterThan(1e-6);
      await f.dispose();
    }
  });
});

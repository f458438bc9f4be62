import { describe, expect, it } from "vitest";
import { ndarray } from "../../src/engine/index.js";
import { evaluateFlow, type Flow, type FlowOptions } from "../../src/flows/index.js";
import { sphere } from "../../src/manifolds/index.js";
import { randomKey } from "../../src/numerics/random.js";
import { randomFlow, rowsOf } from "./helpers.js";

/** A rotation by the angles a, b, c about three axes, row by row. */
function rotation(a: number, b: number, c: number): number[][] {
  const about = (i: number, j: number, angle: number) =>
    Array.from({ length: 3 }, (_, r) =>
      Array.from({ length: 3 }, (_, s) => {
        if (r === s) return r === i || r === j ? Math.cos(angle) : 1;
        return r === i && s === j ? -Math.sin(angle) : r === j && s === i ? Math.sin(angle) : 0;
      }),
    );
  return product(product(about(0, 1, a), about(1, 2, b)), about(0, 2, c));
}

function product(A: number[][], B: number[][]): number[][] {
  return A.map((row) => B[0].map((_, j) => row.reduce((sum, value, k) => sum + value * B[k][j], 0)));
}

const transposed = (A: number[][]) => A[0].map((_, j) => A.map((row) => row[j]));

/** The flow whose field is the old one conjugated by R: f'(x) = R f(R^T x). */
function rotated(flow: Flow, R: number[][]): Flow {
  const layers = flow.parameters.map((layer) => ({ ...layer }));
  const first = rowsOf(layers[0].weight as any);
  // inputs are row vectors: x R replaces x, so W' = R W on the three rows of x; the row of time stays
  const turned = [...product(R, first.slice(0, 3)), first[3]];
  layers[0].weight = ndarray(Float64Array.from(turned.flat()), layers[0].weight.shape);
  const last = layers.length - 1;
  const [W, b] = [rowsOf(layers[last].weight as any), [Array.from(layers[last].bias.data as Float64Array)]];
  layers[last].weight = ndarray(Float64Array.from(product(W, transposed(R)).flat()), layers[last].weight.shape);
  layers[last].bias = ndarray(Float64Array.from(product(b, transposed(R))[0]), [3]);
  return { ...flow, parameters: layers };
}

describe("a rotation of the data rotates the density", () => {
  it.each(["generators", "ambient"] as const)("%s", async (field) => {
    const options: FlowOptions = { manifold: { kind: "sphere", dimension: 2 }, field };
    const flow = randomFlow(options, 11, 1);
    const R = rotation(0.7, -1.9, 2.6);
    const x = sphere(2).sampleBase(randomKey(12), 40);
    const Rx = ndarray(Float64Array.from(product(rowsOf(x), transposed(R)).flat()), [40, 3]);
    const [before, after] = [flow, rotated(flow, R)].map((f) => evaluateFlow(f, { precision: "float64" }));
    const [p, q, unturned] = [await before.logDensity(x), await after.logDensity(Rx), await before.logDensity(Rx)];
    p.forEach((value, i) => {
      expect(q[i]).toBeCloseTo(value, 11);
    });
    // and the density does change from place to place, so that the agreement says something
    expect(Math.max(...p.map((value, i) => Math.abs(value - unturned[i])))).toBeGreaterThan(0.1);
    await Promise.all([before.dispose(), after.dispose()]);
  });
});

/** Parallel transport against closed forms, its invariants, its order, and the pole ladder. */
import { describe, expect, it } from "vitest";
import { einsum, type NdArray, ndarray } from "../../src/engine/index.js";
import { curveVelocities } from "../../src/geodesics/differences.js";
import { logarithmicMap } from "../../src/geodesics/logarithm.js";
import { exponentialMap, shoot } from "../../src/geodesics/shoot.js";
import { parallelTransport } from "../../src/geodesics/transport.js";
import { christoffelSymbols, connectionMatrix, evaluate, innerProduct } from "../../src/metrics/index.js";
import { cases, exactCases, pointsOf, rowOf, torus, vectorsOf } from "../metrics/cases.js";
import { largestDifference, slope } from "../numerics/helpers.js";

const grid = (count: number) => Array.from({ length: count }, (_, i) => i / (count - 1));

/** Points of the geodesic through x with velocity v, `[T, d]`. */
async function geodesic(metric: (typeof torus)["metric"], x: number[], v: number[], count: number): Promise<NdArray> {
  return (await shoot(metric, x, v, { times: grid(count), tolerance: 1e-12 })).path;
}

describe.each(exactCases)("$name", (test) => {
  it("carries vectors as the closed form does", async () => {
    const x = pointsOf(test, 1, 51);
    const v = vectorsOf(test, 1, 52, 0.4);
    const curve = await geodesic(test.metric, rowOf(x, 0), rowOf(v, 0), 65);
    const w = vectorsOf(test, 3, 53);
    const carried = await parallelTransport(test.metric, curve, w);
    expect(carried.shape).toEqual([3, 65, test.dimension]);
    for (let m = 0; m < 3; m++) {
      const exact = test.exact.transport(rowOf(x, 0), rowOf(curve, 64), rowOf(w, m));
      const at = (m * 65 + 64) * test.dimension;
      expect(largestDifference(carried.data.subarray(at, at + test.dimension), exact)).toBeLessThan(2e-7);
    }
  });
});

describe.each(cases)("$name", (test) => {
  const d = test.dimension;

  it("keeps lengths and angles, and the velocity of a geodesic", async () => {
    const x = pointsOf(test, 1, 61);
    const v = vectorsOf(test, 1, 62, 0.3);
    const curve = await geodesic(test.metric, rowOf(x, 0), rowOf(v, 0), 65);
    const w = vectorsOf(test, 2, 63);
    const three = ndarray(Float64Array.from([...w.data, ...v.data]), [3, d]);
    const carried = await parallelTransport(test.metric, curve, three);
    const at = (m: number, t: number) => ndarray(carried.data.slice((m * 65 + t) * d, (m * 65 + t + 1) * d), [1, d]);
    const here = (t: number) => ndarray(curve.data.slice(t * d, (t + 1) * d) as Float64Array, [1, d]);
    const products = async (t: number) =>
      Promise.all(
        [
          [0, 0],
          [0, 1],
          [1, 1],
        ].map(async ([a, b]) => (await evaluate(test.metric, innerProduct, here(t), [at(a, t), at(b, t)])).data[0]),
      );
    const [before, after] = [await products(0), await products(64)];
    expect(largestDifference(before, after)).toBeLessThan(1e-6 * Math.max(...before.map(Math.abs)));
    const end = (await shoot(test.metric, rowOf(x, 0), rowOf(v, 0))).endVelocity;
    expect(largestDifference(at(2, 64).data, end.data)).toBeLessThan(1e-6);
  });

  it("has the matrix of its connection, by either formula", async () => {
    const z = pointsOf(test, 4, 64);
    const u = vectorsOf(test, 4, 65);
    const direct = await evaluate(test.metric, connectionMatrix, z, [u]);
    const symbols = await evaluate(test.metric, (m, x, a) => einsum("nkij,ni->nkj", christoffelSymbols(m, x), a), z, [
      u,
    ]);
    expect(largestDifference(direct.data, symbols.data)).toBeLessThan(1e-9 * (1 + Math.max(...symbols.data)));
  });
});

describe("a circle of latitude", () => {
  it("turns vectors by the solid angle it encloses (holonomy), in order 4 of the spacing", async () => {
    // Gauss-Bonnet: on the unit sphere in stereographic coordinates the circle |z| = r encloses the area
    // 4 pi r^2 / (1 + r^2) around the south pole.
    const sphere = exactCases.find((test) => test.name === "S^2, stereographic")!;
    const r = 0.6;
    const area = (4 * Math.PI * r * r) / (1 + r * r);
    const counts = [17, 25, 33, 49, 65];
    const errors: number[] = [];
    for (const count of counts) {
      const circle = grid(count).map((t) => [r * Math.cos(2 * Math.PI * t), r * Math.sin(2 * Math.PI * t)]);
      const carried = await parallelTransport(sphere.metric, circle, [1, 0]);
      const [a, b] = rowOf(carried, count - 1);
      expect(carried.shape).toEqual([count, 2]);
      // Conformal coordinates keep angles; the turn is counter-clockwise by the enclosed curvature.
      const turn = Math.atan2(b, a);
      const difference = Math.abs(turn - area);
      errors.push(Math.min(difference % (2 * Math.PI), 2 * Math.PI - (difference % (2 * Math.PI))));
    }
    expect(errors[4]).toBeLessThan(1e-4);
    expect(
      slope(
        counts.map((n) => 1 / (n - 1)),
        errors,
      ),
    ).toBeGreaterThan(3.5);
  });
});

describe("the pole ladder, built of exponential and logarithmic maps only", () => {
  const metric = torus.metric;
  const x = [0.4, 0.1];
  const v = [0.9, 0.5];
  const w = [0.3, -0.8];

  async function poleLadder(rungs: number, w0: number[]): Promise<number[]> {
    const curve = await geodesic(metric, x, v, 2 * rungs + 1);
    const size = 1 / rungs; // short side rails: the error is of second order in rungs and rails
    let carried = w0.map((a) => a * size);
    const log = async (a: number[], b: number[]) => {
      const initial = b.map((bi, i) => bi - a[i]);
      const result = await logarithmicMap(metric, a, b, { initial, tolerance: 1e-11 });
      expect(result.converged).toEqual([true]);
      return Array.from(result.vector.data);
    };
    for (let rung = 0; rung < rungs; rung++) {
      const [a, middle, b] = [rowOf(curve, 2 * rung), rowOf(curve, 2 * rung + 1), rowOf(curve, 2 * rung + 2)];
      const pole = Array.from((await exponentialMap(metric, a, carried, { tolerance: 1e-12 })).data);
      const diagonal = await log(middle, pole);
      const opposite = await exponentialMap(
        metric,
        middle,
        diagonal.map((c) => -c),
        { tolerance: 1e-12 },
      );
      carried = (await log(b, Array.from(opposite.data))).map((c) => -c);
    }
    return carried.map((c) => c / size);
  }

  it("converges to the same vector, in second order", async () => {
    const curve = await geodesic(metric, x, v, 129);
    const exact = rowOf(await parallelTransport(metric, curve, w), 128);
    const rungs = [2, 4, 8];
    const errors: number[] = [];
    for (const n of rungs) errors.push(largestDifference(await poleLadder(n, w), exact));
    expect(errors[2]).toBeLessThan(1e-3);
    expect(
      slope(
        rungs.map((n) => 1 / n),
        errors,
      ),
    ).toBeGreaterThan(1.6);
  });
});

describe("curve derivatives", () => {
  it("are exact for polynomials of degree below the width, and of order 6 otherwise", () => {
    const cubic = grid(9).flatMap((t) => [t ** 3 - t, 2 * t]);
    const velocities = curveVelocities(cubic, 2, 5);
    grid(9).forEach((t, i) => {
      expect(velocities[2 * i]).toBeCloseTo(3 * t * t - 1, 12);
      expect(velocities[2 * i + 1]).toBeCloseTo(2, 12);
    });
    const counts = [11, 17, 25, 33];
    const errors = counts.map((n) => {
      const approximated = curveVelocities(grid(n).map(Math.exp), 1);
      return largestDifference(approximated, grid(n).map(Math.exp));
    });
    const order = slope(
      counts.map((n) => 1 / (n - 1)),
      errors,
    );
    expect(order).toBeGreaterThan(5.6);
    expect(Array.from(curveVelocities([0, 1], 1))).toEqual([1, 1]);
  });
});

describe("edges", () => {
  it("refuses bad input in one sentence", async () => {
    const m = torus.metric;
    await expect(parallelTransport(m, [[0, 0]], [1, 0])).rejects.toThrow("the curve has 1 point");
    await expect(parallelTransport(m, [[0], [1]], [1, 0])).rejects.toThrow("curve has shape [2,1]; give [N, 2]");
    await expect(
      parallelTransport(
        m,
        [
          [0, 0],
          [1, 0],
        ],
        [1],
      ),
    ).rejects.toThrow("vector has shape [1]; give [2]");
  });
});

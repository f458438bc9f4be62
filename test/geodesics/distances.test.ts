/** Distance matrices: closed forms, graph against exact, streaming, aborts. */
import { describe, expect, it } from "vitest";
import { add, matmul, mul, ndarray, type Tensor, tanh } from "../../src/engine/index.js";
import { distanceMatrix } from "../../src/geodesics/index.js";
import { metricFrom } from "../../src/metrics/index.js";
import { cases, exactCases, pointsOf, rowOf } from "../metrics/cases.js";
import { testRandom } from "../numerics/helpers.js";

const sphere = exactCases.find((test) => test.name === "S^2, stereographic")!;
const sphere8 = exactCases.find((test) => test.name.startsWith("S^8"))!;

describe("distanceMatrix", () => {
  it("exact: the sphere", async () => {
    const points = pointsOf(sphere, 5, 1);
    const rows: number[] = [];
    const { distances, converged, failed } = await distanceMatrix(sphere.metric, points, {
      onRow: (row) => rows.push(row),
    });
    expect(distances.shape).toEqual([5, 5]);
    expect(converged).toBe(10);
    expect(failed).toEqual([]);
    expect(rows).toEqual([0, 1, 2, 3]);
    for (let i = 0; i < 5; i++) {
      for (let j = 0; j < 5; j++) {
        const distance = i === j ? 0 : sphere.exact.distance(rowOf(points, i), rowOf(points, j));
        expect(Math.abs(distances.data[5 * i + j] - distance)).toBeLessThanOrEqual(1e-4 * distance);
        expect(distances.data[5 * i + j]).toBe(distances.data[5 * j + i]);
      }
    }
  });

  it.each([
    ["a plane, by the tabulated metric", sphere, 40, 5e-3],
    ["eight dimensions, by a neighbour graph", sphere8, 12, 5e-3],
  ] as const)("graph, refined: %s", async (_name, test, n, tolerance) => {
    const points = pointsOf(test, n, 2);
    const codes = pointsOf(test, 100, 3);
    const progress: number[] = [];
    const { distances, converged } = await distanceMatrix(test.metric, points, {
      method: "graph",
      codes,
      onProgress: (done, total) => {
        expect(total).toBe((n * (n - 1)) / 2);
        progress.push(done);
      },
    });
    expect(converged).toBe((n * (n - 1)) / 2);
    expect(progress[progress.length - 1]).toBe((n * (n - 1)) / 2);
    for (let i = 0; i < n; i++) {
      for (let j = i + 1; j < n; j++) {
        const distance = test.exact.distance(rowOf(points, i), rowOf(points, j));
        expect(Math.abs(distances.data[n * i + j] / distance - 1)).toBeLessThan(tolerance);
      }
    }
  });

  it("graph, not refined: hardly ever too short, and never far", async () => {
    const points = pointsOf(sphere8, 12, 2);
    const codes = pointsOf(sphere8, 100, 3);
    const { distances } = await distanceMatrix(sphere8.metric, points, { method: "graph", codes, refine: false });
    for (let i = 0; i < 12; i++) {
      for (let j = i + 1; j < 12; j++) {
        const distance = sphere8.exact.distance(rowOf(points, i), rowOf(points, j));
        expect(distances.data[12 * i + j]).toBeGreaterThan(distance * (1 - 1e-3));
        expect(distances.data[12 * i + j]).toBeLessThan(distance * 1.8);
      }
    }
  });

  it("graph agrees with exact on a decoder, to the two per cent it promises", async () => {
    const random = testRandom(4);
    const matrix = (n: number, m: number, scale: number) =>
      ndarray(
        Float64Array.from({ length: n * m }, () => scale * random.normal()),
        [n, m],
      );
    const [w1, b1, w2] = [matrix(2, 40, 1.5), matrix(1, 40, 0.5), matrix(40, 60, 0.2)];
    const metric = metricFrom((z: Tensor) => matmul(tanh(add(matmul(z, w1), b1)), w2), { dimension: 2 });
    const points = matrix(14, 2, 1);
    const codes = matrix(60, 2, 1);
    const exact = await distanceMatrix(metric, points, { codes });
    const quick = await distanceMatrix(metric, points, { method: "graph", codes });
    for (let k = 0; k < 14 * 14; k++) {
      expect(Math.abs(quick.distances.data[k] - exact.distances.data[k])).toBeLessThanOrEqual(
        0.02 * exact.distances.data[k],
      );
    }
  });

  it.each([2, 3, 6])("graph: %i points on a line parallel to an axis, without codes", async (n) => {
    const metric = metricFrom((z) => mul(z, 2), { dimension: 2 });
    const points = Array.from({ length: n }, (_, i) => [i, 0.5]);
    const { distances, failed } = await distanceMatrix(metric, points, { method: "graph" });
    expect(failed).toEqual([]);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) expect(distances.data[n * i + j]).toBeCloseTo(2 * Math.abs(i - j), 3);
  });

  it("points that coincide are at distance zero", async () => {
    const metric = metricFrom((z) => mul(z, 2), { dimension: 2 });
    const { distances } = await distanceMatrix(metric, [
      [0, 0],
      [0, 0],
      [3, 4],
    ]);
    expect(distances.data[1]).toBe(0);
    expect(distances.data[2]).toBeCloseTo(10, 4);
  });

  it("stops at an abort", async () => {
    const controller = new AbortController();
    const points = pointsOf(sphere, 6, 1);
    const work = distanceMatrix(sphere.metric, points, {
      signal: controller.signal,
      onRow: () => controller.abort(new Error("enough")),
    });
    await expect(work).rejects.toThrow("enough");
  });

  it.each([
    [() => distanceMatrix(sphere.metric, [[0, 0]]), /one point/],
    [() => distanceMatrix(sphere.metric, [[0, 0, 0]]), /points has shape/],
    [() => distanceMatrix(cases[0].metric, [[0, 0]], { method: "fast" as any }), /method is "fast"/],
  ])("bad input %#", async (call, message) => {
    await expect(call()).rejects.toThrow(message);
  });
});

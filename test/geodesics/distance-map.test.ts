/** Distances from a point on a grid against closed forms, their order of convergence, and single geodesics. */
import { describe, expect, it } from "vitest";
import {
  add,
  array,
  broadcastTo,
  concat,
  cos,
  exp,
  maximum,
  mul,
  reciprocal,
  reshape,
  sin,
  slice,
  square,
  sub,
  sum,
  type Tensor,
} from "../../src/engine/index.js";
import { connect, distanceMap } from "../../src/geodesics/index.js";
import { euclideanMetric, metricFromTensor, posteriorMetric } from "../../src/metrics/index.js";

const even = (low: number, high: number, n: number) =>
  Float64Array.from({ length: n }, (_, i) => low + ((high - low) * i) / (n - 1));

/** Largest relative error over the nodes that are farther than `near` from the source. */
function worst(
  values: Float64Array,
  xs: Float64Array,
  ys: Float64Array,
  exact: (x: number, y: number) => number,
  near = 0.2,
): number {
  let error = 0;
  values.forEach((value, node) => {
    const truth = exact(xs[node % xs.length], ys[Math.floor(node / xs.length)]);
    if (truth > near) error = Math.max(error, Math.abs(value - truth) / truth);
  });
  return error;
}

const identity = array([
  [1, 0],
  [0, 1],
]);

/** y^-2 (dx^2 + dy^2): the hyperbolic plane. */
const halfPlane = metricFromTensor(
  (z: Tensor) => mul(reshape(reciprocal(square(slice(z, [null, [1, 2]]))), [z.shape[0], 1, 1]), identity),
  { dimension: 2, name: "half-plane" },
);

const hyperbolic = (a: number, b: number) => (x: number, y: number) =>
  Math.acosh(1 + ((x - a) ** 2 + (y - b) ** 2) / (2 * b * y));

describe("distanceMap", () => {
  it("flat: straight lines, from a source between the nodes", async () => {
    const [xs, ys] = [even(-1, 1, 41), even(-1, 1.5, 51)];
    const { values } = await distanceMap(euclideanMetric(2), [0.113, -0.271], { xs, ys });
    expect(worst(values, xs, ys, (x, y) => Math.hypot(x - 0.113, y + 0.271))).toBeLessThan(1e-9);
  });

  it("flat and stretched ten times along a tilted axis", async () => {
    // G = R diag(100, 1) R^T, R a turn by 0.5
    const [c, s] = [Math.cos(0.5), Math.sin(0.5)];
    const g = [
      [100 * c * c + s * s, 99 * c * s],
      [99 * c * s, 100 * s * s + c * c],
    ];
    const metric = metricFromTensor((z) => broadcastTo(array([g]), [z.shape[0], 2, 2]), {
      dimension: 2,
      name: "stretched",
    });
    const xs = even(-1, 1, 61);
    const { values } = await distanceMap(metric, [0.1, 0.2], { xs, ys: xs });
    const exact = (x: number, y: number) => {
      const [u, v] = [x - 0.1, y - 0.2];
      return Math.sqrt(g[0][0] * u * u + 2 * g[0][1] * u * v + g[1][1] * v * v);
    };
    expect(worst(values, xs, xs, exact, 1)).toBeLessThan(1e-6);
  });

  it("hyperbolic plane: geodesics are half circles; errors shrink with the step", async () => {
    const errors: number[] = [];
    for (const n of [25, 49]) {
      const [xs, ys] = [even(-1.5, 1.5, n), even(0.5, 3.5, n)];
      const { values } = await distanceMap(halfPlane, [-0.7, 0.9], { xs, ys, margin: 0.1 });
      errors.push(worst(values, xs, ys, hyperbolic(-0.7, 0.9)));
    }
    expect(errors[1]).toBeLessThan(0.012);
    expect(errors[0] / errors[1]).toBeGreaterThan(1.8);
  });

  it("agrees with single geodesics of a posterior metric, which go round its centroids", async () => {
    const metric = posteriorMetric({
      centroids: [
        [0, 0],
        [1.2, 0.5],
      ],
      inverseVariances: [
        [30, 10],
        [8, 20],
      ],
      rho: 0.8,
      lambda: 0.5,
    });
    const xs = even(-1.5, 2.5, 81);
    const ys = even(-2, 2, 81);
    const source = [-1, -0.2];
    const { values, pathTo } = await distanceMap(metric, source, { xs, ys });
    const places = [
      [20, 60],
      [70, 44],
      [44, 70],
    ];
    for (const [column, row] of places) {
      const result = await connect(metric, source, [xs[column], ys[row]], {
        codes: metric.centroids,
        start: ["graph", "straight"],
      });
      expect(result.converged).toBe(true);
      const path = pathTo(xs[column], ys[row]);
      expect(Array.from(path.slice(0, 2))).toEqual(source.map((v) => expect.closeTo(v, 9)));
      expect(Array.from(path.slice(-2))).toEqual([xs[column], ys[row]].map((v) => expect.closeTo(v, 9)));
      const corners = Array.from({ length: path.length / 2 }, (_, i) => Array.from(path.slice(2 * i, 2 * i + 2)));
      const polished = await connect(metric, source, [xs[column], ys[row]], { start: corners });
      // the path is a start that leads to the shortest curve there is
      expect(polished.converged).toBe(true);
      expect(polished.length).toBeLessThan(result.length * (1 + 1e-3));
      // the map has the shortest curve, a single solve may rest at a longer one
      expect(values[row * 81 + column] / result.length).toBeLessThan(1.01);
      expect(values[row * 81 + column] / result.length).toBeGreaterThan(0.97);
    }
  });

  it("holds the other axes of a larger space", async () => {
    const xs = even(-1, 1, 21);
    const { values } = await distanceMap(euclideanMetric(4), [9, 0, 5, 0.3], { xs, ys: xs, axes: [3, 1] });
    expect(worst(values, xs, xs, (x, y) => Math.hypot(x - 0.3, y))).toBeLessThan(1e-9);
  });

  it("settles where the metric is nearly singular in directions that change from node to node", async () => {
    // There an update from two nodes can give less than either, and rings of nodes lowered themselves without end.
    const metric = metricFromTensor(
      (z: Tensor) => {
        const [x, y] = [slice(z, [null, [0, 1]]), slice(z, [null, [1, 2]])];
        const turn = mul(40, sin(add(mul(37, x), mul(94, y))));
        const size = (a: Tensor) => exp(mul(-14, add(1, sin(a))));
        const [l, m] = [size(sub(mul(94, x), mul(29, y))), size(add(mul(53, x), mul(94, y)))];
        const [c, s] = [cos(turn), sin(turn)];
        const off = mul(mul(c, s), sub(l, m));
        const [cc, ss] = [square(c), square(s)];
        const rows = [add(mul(l, cc), mul(m, ss)), off, off, add(mul(l, ss), mul(m, cc))];
        return reshape(concat(rows, 1), [z.shape[0], 2, 2]);
      },
      { dimension: 2, name: "rugged" },
    );
    const xs = even(-1, 1, 31);
    const { values, rounds } = await distanceMap(metric, [0.1, 0.2], { xs, ys: xs, margin: 0 });
    expect(rounds).toBeLessThan(80);
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    expect(values.reduce((a, b) => Math.max(a, b))).toBeGreaterThan(0.05);
  });

  it("takes a metric that is zero behind a gate, and says how much of the picture that is", async () => {
    // (1 - r^2)^2 within the unit circle, 0 outside: all places outside are 2/3 from the middle
    const metric = metricFromTensor(
      (z: Tensor) => mul(reshape(square(maximum(sub(1, sum(square(z), 1)), 0)), [z.shape[0], 1, 1]), identity),
      { dimension: 2, name: "gated" },
    );
    const xs = even(-2, 2, 81);
    const { values, freeShare } = await distanceMap(metric, [0, 0], { xs, ys: xs });
    const exact = (x: number, y: number) => {
      const r = Math.min(1, Math.hypot(x, y));
      return r - r ** 3 / 3;
    };
    expect(worst(values, xs, xs, exact)).toBeLessThan(0.01);
    expect(Math.abs(freeShare - (1 - Math.PI / 16))).toBeLessThan(0.02);
    expect((await distanceMap(halfPlane, [0, 2], { xs, ys: even(1, 3, 81) })).freeShare).toBe(0);
  });

  it("refuses what it cannot do", async () => {
    const xs = even(-1, 1, 21);
    const plane = euclideanMetric(2);
    await expect(distanceMap(plane, [5, 0], { xs, ys: xs })).rejects.toThrow(/outside of the grid/);
    await expect(distanceMap(plane, [0], { xs, ys: xs })).rejects.toThrow(/source has 1 coordinates/);
    await expect(distanceMap(plane, [0, 0], { xs: [0, 1], ys: xs })).rejects.toThrow(/xs has 2 coordinates/);
    await expect(distanceMap(plane, [0, 0], { xs, ys: xs, axes: [1, 1] })).rejects.toThrow(/axes are 1,1/);
    const flat = metricFromTensor(
      (z) =>
        mul(
          0,
          broadcastTo(
            array([
              [
                [1, 0],
                [0, 1],
              ],
            ]),
            [z.shape[0], 2, 2],
          ),
        ),
      {
        dimension: 2,
      },
    );
    await expect(distanceMap(flat, [0, 0], { xs, ys: xs })).rejects.toThrow(/not positive definite/);
  });
});

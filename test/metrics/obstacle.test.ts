import { describe, expect, it } from "vitest";
import { array, compile, concat, cos, mul, sin, slice, type Tensor } from "../../src/engine/index.js";
import { connect } from "../../src/geodesics/index.js";
import {
  embeddedMetric,
  euclideanMetric,
  evaluate,
  type LatentMetric,
  obstacleArrays,
  obstacleFactor,
  withObstacles,
} from "../../src/metrics/index.js";

const metricTensor = (metric: LatentMetric, z: number[][]) => evaluate(metric, (m, at) => m.metricTensor(at), z);
const position = (z: Tensor) => z;
const wall = { centre: [0, 0.05], radius: 0.3, strength: 50 };

describe("obstacles", () => {
  it("multiply the metric tensor by one plus the sum of the bumps, at the decoded position", async () => {
    // positions on a circle: p(z) = (cos z_1, sin z_1)
    const circle = (z: Tensor) => {
      const angle = slice(z, [null, [0, 1]]);
      return concat([cos(angle), sin(angle)], 1);
    };
    const around = withObstacles(euclideanMetric(2), circle, [
      { centre: [0, 1], radius: 0.5, strength: 3 },
      { centre: [1, 0], radius: 2 },
    ]);
    const G = await metricTensor(around, [[0.4, 7]]);
    const [x, y] = [Math.cos(0.4), Math.sin(0.4)];
    const bump = (dx: number, dy: number, r: number) => Math.exp(-(dx * dx + dy * dy) / (2 * r * r));
    const wanted = 1 + 3 * bump(x, y - 1, 0.5) + 100 * bump(x - 1, y, 2);
    expect(G.data[0]).toBeCloseTo(wanted, 3);
    expect(G.data[1]).toBeCloseTo(0, 6);
    expect(G.data[3]).toBeCloseTo(wanted, 3);
  });

  it("bend geodesics around them, to the side that is shorter, and make them longer than the free line", async () => {
    const free = euclideanMetric(2);
    const around = withObstacles(free, position, [wall]);
    const result = await connect(around, [-1, 0], [1, 0], {
      start: [
        [-1, 0],
        [0, -0.5],
        [1, 0],
      ],
    });
    expect(result.converged).toBe(true);
    const heights = Array.from({ length: 64 }, (_, t) => result.curve.data[2 * t + 1]);
    expect(Math.min(...heights)).toBeLessThan(-0.3);
    expect(Math.max(...heights)).toBeLessThan(1e-3);
    expect(result.length).toBeGreaterThan(2);
    expect(result.length).toBeLessThan(result.straightLength);
    // Clairaut for a factor that is a function of the distance to its centre: rho n sin(angle) is the same everywhere.
    const momentum: number[] = [];
    for (let t = 4; t < 59; t += 6) {
      const [x0, y0, x1, y1] = Array.from(result.curve.data.subarray(2 * t, 2 * t + 4));
      const [x, y] = [(x0 + x1) / 2 - wall.centre[0], (y0 + y1) / 2 - wall.centre[1]];
      const n = Math.sqrt(1 + wall.strength * Math.exp(-(x * x + y * y) / (2 * wall.radius ** 2)));
      momentum.push((n * (x * (y1 - y0) - y * (x1 - x0))) / Math.hypot(x1 - x0, y1 - y0));
    }
    for (const each of momentum) expect(each).toBeCloseTo(momentum[0], 2);
  });

  it("leave a metric alone far away, and vanish with it: a scaled position scales the obstacle", async () => {
    const base = embeddedMetric((z) => concat([z, sin(z)], 1), { dimension: 2, name: "waves" });
    const far = withObstacles(base, position, [{ centre: [50, 50], radius: 1 }]);
    const z = [[0.3, -0.2]];
    const [a, b] = [await metricTensor(base, z), await metricTensor(far, z)];
    a.data.forEach((x, k) => {
      expect(b.data[k]).toBeCloseTo(x, 6);
    });
    const one = withObstacles(base, position, [wall]);
    const two = withObstacles(base, (w) => mul(w, 10), [{ ...wall, centre: [0, 0.5], radius: 3 }]);
    const [c, d] = [await metricTensor(one, z), await metricTensor(two, z)];
    c.data.forEach((x, k) => {
      expect(d.data[k]).toBeCloseTo(x, 4);
    });
  });

  it("can be inputs of a compiled program, and move without compiling again", async () => {
    const factor = compile((p: Tensor, obstacles: any) => obstacleFactor(p, obstacles), { precision: "float64" });
    const p = array([
      [0, 0],
      [1, 1],
    ]);
    for (const centre of [
      [0, 0],
      [1, 1],
    ]) {
      const values = await factor(p, obstacleArrays([{ centre, radius: 0.1, strength: 7 }]));
      expect(values.data[centre[0]]).toBeCloseTo(8, 12);
      expect(values.data[1 - centre[0]]).toBeCloseTo(1, 12);
    }
    await factor.dispose();
  });

  it.each([
    [[], "the list of obstacles is empty"],
    [[{ centre: [0, 0], radius: 0 }], "the radius of obstacle 0 is 0"],
    [
      [
        { centre: [0, 0], radius: 1 },
        { centre: [0], radius: 1 },
      ],
      "the centre of obstacle 1 is [0]; give 2",
    ],
    [[{ centre: [0, 0], radius: 1, strength: -1 }], "the strength of obstacle 0 is -1"],
  ])("refuses what is none: %#", (obstacles, message) => {
    expect(() => withObstacles(euclideanMetric(2), position, obstacles)).toThrow(message);
  });

  it("refuses centres of another dimension than positions", async () => {
    const wrong = withObstacles(euclideanMetric(2), position, [{ centre: [0, 0, 0], radius: 1 }]);
    await expect(metricTensor(wrong, [[0, 0]])).rejects.toThrow("centres have 3 coordinates, and positions 2");
  });
});

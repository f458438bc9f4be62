/** `connect` against closed forms, invariances, itself by other ways, and bad input. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  add,
  array,
  concat,
  cos,
  div,
  matmul,
  mul,
  type NdArray,
  ndarray,
  reshape,
  sin,
  slice,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  tanh,
} from "../../src/engine/index.js";
import { connect, prepareConnect, reasons, requireConverged } from "../../src/geodesics/index.js";
import { euclideanMetric, metricFrom, metricFromTensor } from "../../src/metrics/index.js";
import { bend } from "../metrics/bend.js";
import { cases, exactCases, pointsOf, rowOf, torus } from "../metrics/cases.js";
import { testRandom } from "../numerics/helpers.js";

const PAIRS = 3;

/** A random smooth decoder d -> 40, tanh. */
function randomDecoder(d: number, seed: number, width = 60, spread = 1.5) {
  const random = testRandom(seed);
  const matrix = (n: number, m: number, scale: number) =>
    ndarray(
      Float64Array.from({ length: n * m }, () => scale * random.normal()),
      [n, m],
    );
  const [w1, b1, w2] = [
    matrix(d, width, spread / Math.sqrt(d)),
    matrix(1, width, 0.5),
    matrix(width, 40, 1 / Math.sqrt(width)),
  ];
  return (z: Tensor) => matmul(tanh(add(matmul(z, w1), b1)), w2);
}

const curveRow = (curve: NdArray, i: number) => rowOf(curve, i);

describe.each([
  ["float64", 1e-8],
  ["float32", 1e-4],
] as const)("closed forms in %s", (precision, tolerance) => {
  it.each(exactCases.map((test) => [test.name, test] as const))("%s", async (_name, test) => {
    const x = pointsOf(test, PAIRS, 1);
    const y = pointsOf(test, PAIRS, 2);
    const results = await connect(test.metric, x, y, { precision, points: 33 });
    results.forEach((result, i) => {
      const [a, b] = [rowOf(x, i), rowOf(y, i)];
      const distance = test.exact.distance(a, b);
      expect(result.reason).toBe("converged");
      expect(Math.abs(result.length / distance - 1)).toBeLessThan(tolerance);
      expect(Math.abs(result.energy / distance ** 2 - 1)).toBeLessThan(2 * tolerance);
      expect(result.energy).toBeGreaterThanOrEqual(result.length ** 2 * (1 - 1e-12));
      expect(result.straightLength).toBeGreaterThan(result.length * (1 - 1e-4));
      expect(curveRow(result.curve, 0)).toEqual(a);
      expect(curveRow(result.curve, 32)).toEqual(b);
      // The middle of the curve is the middle of the geodesic: right place and constant speed at once.
      const middle = test.exact.exponential(
        a,
        test.exact.logarithm(a, b).map((v) => v / 2),
      );
      const off = test.exact.distance(curveRow(result.curve, 16), middle);
      expect(off / distance).toBeLessThan(precision === "float64" ? 1e-4 : 5e-3);
    });
  });
});

it("float64 in the half-plane, down to near its border, converges with the defaults", async () => {
  const halfPlane = exactCases.find((test) => test.name === "H^2, half-space")!;
  const [a, b] = [
    [0, 1],
    [3, 0.1],
  ];
  const result = await connect(halfPlane.metric, a, b, { precision: "float64" });
  expect(result.reason).toBe("converged");
  expect(Math.abs(result.length / halfPlane.exact.distance(a, b) - 1)).toBeLessThan(1e-8);
});

describe("what has no closed form", () => {
  it("paraboloid: the known length", async () => {
    const test = cases.find((c) => c.name === "paraboloid")!;
    const { length } = await connect(test.metric, [1, 0], [-0.8, 0.7], { precision: "float64" });
    expect(length).toBeCloseTo(2.375625, 5);
  });

  it("Swiss roll, from far inside to far outside", async () => {
    const test = cases.find((c) => c.name === "Swiss roll")!;
    const { length, converged } = await connect(test.metric, [4, 0], [12, 8], { precision: "float64", accuracy: 1e-8 });
    expect(converged).toBe(true);
    expect(Math.abs(length / 65.0397744 - 1)).toBeLessThan(1e-7);
  });

  it("torus: the embedding and the tensor alone give the same distances", async () => {
    const x = pointsOf(torus, PAIRS, 3);
    const y = pointsOf(torus, PAIRS, 4);
    const byTensor = metricFromTensor((z) => torus.metric.metricTensor(z), { dimension: 2 });
    const one = await connect(torus.metric, x, y, { precision: "float64" });
    const other = await connect(byTensor, x, y, { precision: "float64" });
    one.forEach(({ length }, i) => {
      expect(other[i].converged).toBe(true);
      expect(Math.abs(other[i].length / length - 1)).toBeLessThan(1e-7);
    });
  });

  it("a tensor that is no pullback of ours, (1 + |z|^2) I: its own shooting agrees in the end point", async () => {
    const metric = metricFromTensor(
      (z) => {
        const factor = add(sum(square(z), 1), 1);
        return mul(
          reshape(factor, [z.shape[0], 1, 1]),
          array([
            [1, 0],
            [0, 1],
          ]),
        );
      },
      { dimension: 2 },
    );
    const { length, curve, reason } = await connect(metric, [-1, 0.3], [1, 0.5], { precision: "float64", points: 257 });
    expect(reason).toBe("converged");
    // by another way: the length of the returned curve with the metric in plain arithmetic
    let measured = 0;
    for (let i = 0; i + 1 < 257; i++) {
      const [a, b] = [curveRow(curve, i), curveRow(curve, i + 1)];
      const middle = a.map((v, k) => (v + b[k]) / 2);
      measured += Math.sqrt((1 + middle[0] ** 2 + middle[1] ** 2) * ((b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2));
    }
    expect(Math.abs(measured / length - 1)).toBeLessThan(2e-5);
  });
});

describe.each([2, 8, 32])("a random decoder in %i dimensions", (d) => {
  const decoder = randomDecoder(d, 11 + d);
  const metric = metricFrom(decoder, { dimension: d });
  const random = testRandom(5);
  const point = () => Array.from({ length: d }, () => (1.2 * random.normal()) / Math.sqrt(d / 2));
  const [x, y] = [0, 1].map(() => Array.from({ length: 3 }, point));

  it("converges, below the straight line, at constant speed", async () => {
    const results = await connect(metric, x, y, { precision: "float64", accuracy: 1e-6, tolerance: 1e-10, points: 65 });
    for (const result of results) {
      expect(result.reason).toBe("converged");
      expect(result.length).toBeLessThan(result.straightLength);
      const lengths = await chordLengths(decoder, result.curve);
      expect(Math.max(...lengths) / Math.min(...lengths)).toBeLessThan(1.01);
    }
  });

  it("float32 agrees with float64 to 1e-4", async () => {
    const precise = await connect(metric, x, y, { precision: "float64", accuracy: 1e-6, tolerance: 1e-10, points: 65 });
    const single = await connect(metric, x, y);
    single.forEach(({ length, converged }, i) => {
      expect(converged).toBe(true);
      expect(Math.abs(length / precise[i].length - 1)).toBeLessThan(1e-4);
    });
  });

  it("the other way round is the same curve", async () => {
    const options = { precision: "float64", accuracy: 1e-6, tolerance: 1e-10, points: 9 } as const;
    const there = await connect(metric, x, y, options);
    const back = await connect(metric, y, x, options);
    there.forEach((result, i) => {
      expect(Math.abs(back[i].length / result.length - 1)).toBeLessThan(1e-7);
      for (let k = 0; k < 9; k++) {
        const [p, q] = [curveRow(result.curve, k), curveRow(back[i].curve, 8 - k)];
        expect(Math.hypot(...p.map((v, axis) => v - q[axis]))).toBeLessThan(2e-3);
      }
    });
  });

  it("does not change when the latent space is bent", async () => {
    // metric'(u) = pullback of metric by z = bend(u): distances between bent points must agree.
    const bent = metricFrom((u) => decoder(bend(u)), { dimension: d });
    const straight = { precision: "float64", accuracy: 1e-6, tolerance: 1e-10 } as const;
    const ends = await bentPoints(array(x), array(y));
    const expected = await connect(metric, ends[0], ends[1], straight);
    const results = await connect(bent, x, y, straight);
    results.forEach((result, i) => {
      expect(Math.abs(result.length / expected[i].length - 1)).toBeLessThan(1e-6);
    });
  });

  it("a batch gives what single calls give", async () => {
    const batch = await connect(metric, x, y);
    for (let i = 0; i < x.length; i++) {
      const one = await connect(metric, x[i], y[i]);
      expect(one.length).toBe(batch[i].length);
      expect(Array.from(one.curve.data)).toEqual(Array.from(batch[i].curve.data));
    }
  });
});

async function chordLengths(decoder: (z: Tensor) => Tensor, curve: NdArray): Promise<number[]> {
  const { compile } = await import("../../src/engine/index.js");
  const chords = compile(
    (z: Tensor) => {
      const x = decoder(z);
      const T = x.shape[0];
      return sqrt(sum(square(sub(slice(x, [[1, T]]), slice(x, [[0, T - 1]]))), 1));
    },
    { precision: "float64" },
  );
  return Array.from((await chords(curve)).data);
}

async function bentPoints(x: NdArray, y: NdArray): Promise<[NdArray, NdArray]> {
  const { compile } = await import("../../src/engine/index.js");
  const program = compile(bend, { precision: "float64" });
  return [await program(x), await program(y)];
}

describe("starts, tables, threads", () => {
  const decoder = randomDecoder(2, 3, 40, 2.5);
  const metric = metricFrom(decoder, { dimension: 2 });
  const random = testRandom(8);
  const codes = ndarray(
    Float64Array.from({ length: 400 }, () => random.normal()),
    [200, 2],
  );
  const rows = (first: number, count: number) =>
    Array.from({ length: count }, (_, i) => [codes.data[2 * (first + i)], codes.data[2 * (first + i) + 1]]);

  it("the tabulated metric changes the time, not the answer", async () => {
    const [from, to] = [rows(0, 12), rows(50, 12)];
    const table = await connect(metric, from, to, { codes, surrogate: 128, start: ["graph", "straight"] });
    const plain = await connect(metric, from, to, {
      codes,
      surrogate: false,
      start: ["graph", "straight"],
      accuracy: 1e-5,
    });
    table.forEach((result, i) => {
      expect(result.converged).toBe(true);
      // a shorter one is no failure: the graphs differ
      expect(result.length).toBeLessThan(plain[i].length * (1 + 1e-4));
      expect(Math.abs(result.straightLength / plain[i].straightLength - 1)).toBeLessThan(1e-3);
    });
  });

  it("worker threads give what the calling thread gives", async () => {
    const [from, to] = [rows(0, 26), rows(60, 26)];
    const done: number[] = [];
    const options = { codes, surrogate: 96 } as const;
    const threaded = await prepareConnect(metric, { ...options, workers: 2 });
    const alone = await prepareConnect(metric, { ...options, workers: 0 });
    const [a, b] = [
      await threaded.connect(from, to, { onProgress: (n) => done.push(n) }),
      await alone.connect(from, to),
    ];
    a.forEach((result, i) => {
      expect(result.length).toBe(b[i].length);
      expect(Array.from(result.curve.data)).toEqual(Array.from(b[i].curve.data));
    });
    expect(done[done.length - 1]).toBe(26);
    await threaded.dispose();
    await alone.dispose();
  });

  it("several starts keep the lowest energy", async () => {
    const [from, to] = [rows(3, 4), rows(90, 4)];
    const lengths = await Promise.all(
      (["straight", "graph", ["straight", "graph"]] as const).map(async (start) =>
        (await connect(metric, from, to, { codes, start, surrogate: false })).map((r) => r.length),
      ),
    );
    for (let i = 0; i < 4; i++) {
      expect(lengths[2][i]).toBeLessThanOrEqual(Math.min(lengths[0][i], lengths[1][i]) * (1 + 1e-5));
    }
  });

  it("a neighbour graph starts curves in 5 dimensions", async () => {
    const d = 5;
    const wide = metricFrom(randomDecoder(d, 21), { dimension: d });
    const cloud = ndarray(
      Float64Array.from({ length: 100 * d }, () => random.normal()),
      [100, d],
    );
    const [a, b] = [rowOf(cloud, 0), rowOf(cloud, 1)];
    const graph = await connect(wide, a, b, { codes: cloud, start: "graph" });
    const straight = await connect(wide, a, b);
    const better = await connect(wide, a, b, { codes: cloud });
    expect(better.length).toBeLessThan(Math.min(graph.length, straight.length) * 1.001);
    expect(graph.start).toBe("graph");
    expect(graph.converged).toBe(true);
    expect(graph.length).toBeLessThan(straight.length * 1.001);
  });

  it("a given curve decides the side of a hill", async () => {
    // a cone-like bump: both sides are geodesics
    const bump = metricFrom(
      (z) => concat([z, mul(3, div(1, add(1, mul(4, sum(square(z), 1, { keepDimensions: true })))))], 1),
      { dimension: 2 },
    );
    const over = [
      [-1, 0.02],
      [0, 1],
      [1, 0],
    ];
    const under = over.map(([x, y]) => [x, -y]);
    const [up, down] = await Promise.all(
      [over, under].map((start) => connect(bump, [-1, 0.02], [1, 0], { start, points: 65 })),
    );
    expect(up.start).toBe("given");
    expect(curveRow(up.curve, 32)[1]).toBeGreaterThan(0.2);
    expect(curveRow(down.curve, 32)[1]).toBeLessThan(-0.2);
  });

  it.each(["float32", "float64"] as const)("names a saddle: the equator beyond half a turn, %s", async (precision) => {
    const sphere = metricFrom(
      (z) => {
        const [lon, lat] = [slice(z, [null, [0, 1]]), slice(z, [null, [1, 2]])];
        return concat([mul(cos(lat), cos(lon)), mul(cos(lat), sin(lon)), sin(lat)], 1);
      },
      { dimension: 2 },
    );
    const long = await connect(sphere, [0, 0], [4, 0], { precision });
    expect(long.length).toBeCloseTo(4, 3);
    expect(long.warnings.join(" ")).toMatch(/saddle/);
    const short = await connect(sphere, [0, 0], [2.5, 0], { precision });
    expect(short.warnings).toEqual([]);
    const bent = await connect(sphere, [0, 0], [4, 0], {
      precision,
      start: [
        [0, 0],
        [2, 1.2],
        [4, 0],
      ],
    });
    expect(bent.length).toBeLessThan(3.9);
    expect(bent.warnings.join(" ")).not.toMatch(/saddle/);
  });

  it("says when a curve leaves the region of the codes", async () => {
    // Codes on the lower half of a ring, a hill within: the shortest way round goes outside their box.
    const hill = metricFrom(
      (z) => concat([z, mul(40, div(1, add(1, mul(4, sum(square(z), 1, { keepDimensions: true })))))], 1),
      { dimension: 2 },
    );
    const ring = Array.from({ length: 9 }, (_, i) => [Math.cos((Math.PI * i) / 8), 0.05 * Math.sin((Math.PI * i) / 8)]);
    const result = await connect(hill, ring[0], ring[8], { codes: ring, surrogate: false });
    expect(result.warnings.join(" ")).toMatch(/leaves the region of the codes by \d+ %/);
  });
});

describe("failures are reported", () => {
  it("a metric that is not finite", async () => {
    const broken = metricFrom((z) => concat([z, sqrt(sub(slice(z, [null, [0, 1]]), 0.5))], 1), { dimension: 2 });
    const result = await connect(broken, [0, 0], [1, 1]);
    expect(result.converged).toBe(false);
    expect(result.reason).toBe("notFinite");
    expect(result.message).toBe(reasons.notFinite);
    expect(() => requireConverged(result)).toThrow(/notFinite/);
  });

  it("the iterations ran out", async () => {
    const test = cases.find((c) => c.name === "Swiss roll")!;
    const result = await connect(test.metric, [4, 0], [12, 8], { maxIterations: 2 });
    expect(result.reason).toBe("iterationLimit");
    expect(result.converged).toBe(false);
    expect(Number.isFinite(result.length)).toBe(true);
  });

  it("too few points for the detail asked for", async () => {
    const ripples = metricFrom((z) => concat([z, mul(0.3, sin(mul(z, 40)))], 1), { dimension: 2 });
    const result = await connect(ripples, [0, 0], [2, 1], { maxPoints: 64, accuracy: 1e-6 });
    expect(result.reason).toBe("pointLimit");
    expect(result.discretisationError).toBeGreaterThan(1e-6);
  });

  it("a metric that vanishes", async () => {
    const result = await connect(
      metricFrom((z) => mul(z, 0), { dimension: 2 }),
      [0, 0],
      [1, 1],
    );
    expect(result.reason).toBe("zeroMetric");
    expect(result.converged).toBe(false);
  });

  it("a latent direction that the decoder ignores is no failure", async () => {
    // posterior collapse: the third coordinate does nothing
    const decoder = randomDecoder(2, 41);
    const metric = metricFrom((z) => decoder(slice(z, [null, [0, 2]])), { dimension: 3 });
    const plane = metricFrom(decoder, { dimension: 2 });
    const [solid, flat] = [
      await connect(metric, [-0.5, 0.2, 0], [0.7, -0.6, 1]),
      await connect(plane, [-0.5, 0.2], [0.7, -0.6]),
    ];
    expect(solid.reason).toBe("converged");
    expect(Math.abs(solid.length / flat.length - 1)).toBeLessThan(1e-4);
  });

  it("a metric that is indefinite", async () => {
    const lorentz = metricFromTensor(
      (z) =>
        mul(
          reshape(add(mul(sum(z, 1), 0), 1), [z.shape[0], 1, 1]),
          array([
            [1, 0],
            [0, -1],
          ]),
        ),
      {
        dimension: 2,
      },
    );
    const result = await connect(lorentz, [0, 0], [0.2, 1]);
    expect(result.converged).toBe(false);
    expect(["notFinite", "notPositive"]).toContain(result.reason);
  });

  it.each([
    [[1, -0.5], "notPositive"],
    [[1, 0.5], "converged"],
    [[1, 0], "converged"],
  ] as const)("diag(%j) between points that a positive length connects: %s", async ([p, q], reason) => {
    const metric = metricFromTensor(
      (z) =>
        mul(
          reshape(add(mul(sum(z, 1), 0), 1), [z.shape[0], 1, 1]),
          array([
            [p, 0],
            [0, q],
          ]),
        ),
      { dimension: 2 },
    );
    const result = await connect(metric, [0, 0], [1, 0.2]);
    expect(result.reason).toBe(reason);
    expect(result.converged).toBe(reason === "converged");
  });

  it("the same point twice", async () => {
    const result = await connect(euclideanMetric(2), [1, 2], [1, 2]);
    expect(result.reason).toBe("coincident");
    expect(result.converged).toBe(true);
    expect(result.length).toBe(0);
  });

  it("an abort marks what was not done", async () => {
    const controller = new AbortController();
    controller.abort();
    const [result] = await connect(euclideanMetric(2), [[1, 2]], [[3, 4]], { signal: controller.signal });
    expect(result.reason).toBe("aborted");
    expect(result.converged).toBe(false);
  });

  it.each([
    [() => connect(euclideanMetric(2), [1, 2, 3], [1, 2]), /from has shape \[3\]/],
    [() => connect(euclideanMetric(2), [1, Number.NaN], [1, 2]), /NaN/],
    [() => connect(euclideanMetric(2), [[1, 2]], [1, 2] as any), /from is a batch and to is one point/],
    [() => connect(euclideanMetric(2), [1, 2], [3, 4], { points: 1 }), /points is 1/],
    [() => connect(euclideanMetric(2), [1, 2], [3, 4], { tolerance: 0 }), /tolerance is 0/],
    [() => connect(euclideanMetric(2), [1, 2], [3, 4], { start: "graph" }), /needs codes/],
    [() => connect(euclideanMetric(2), [1, 2], [3, 4], { start: "magic" as any }), /start is "magic"/],
    [() => connect(euclideanMetric(3), [1, 2, 3], [3, 4, 5], { surrogate: true }), /latent plane/],
    [() => connect(euclideanMetric(2), [1, 2], [3, 4], { workers: -1 }), /workers is -1/],
    [() => connect(euclideanMetric(2), [1, 2], [3, 4], { threads: 0 }), /threads is 0/],
    [() => connect(euclideanMetric(2), [1, 2], [3, 4], { surrogate: 1 }), /surrogate is 1;/],
    [() => connect(euclideanMetric(2), [1, 2], [3, 4], { surrogate: Number.NaN }), /surrogate is NaN/],
    [() => connect(euclideanMetric(2), [1, 2], [3, 4], { surrogate: "yes" as any }), /surrogate is "yes"/],
  ])("bad input %#", async (call, message) => {
    await expect(call()).rejects.toThrow(message);
  });
});

describe("properties", () => {
  it("a flat metric of any shape: the distance is the norm, however far the points", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 4, maxLength: 4 }),
        fc.double({ min: 1e-3, max: 1e3, noNaN: true }),
        async ([a, b, c, d], scale) => {
          const metric = metricFrom((z) => mul(z, scale), { dimension: 2 });
          const { length, converged } = await connect(metric, [a, b], [c, d], { precision: "float64" });
          const distance = scale * Math.hypot(c - a, d - b);
          // Closer points than 1e-6 of their coordinates lose the digits that 1e-9 asks for: such solves say so.
          fc.pre(Math.hypot(c - a, d - b) > 1e-3);
          expect(converged).toBe(true);
          expect(Math.abs(length - distance)).toBeLessThanOrEqual(1e-9 * (distance + scale));
        },
      ),
      { numRuns: 15 },
    );
  });

  it("lengths scale as the root of the metric, and obey the triangle inequality", async () => {
    const decoder = randomDecoder(3, 31);
    const one = metricFrom(decoder, { dimension: 3 });
    const nine = metricFrom((z) => mul(decoder(z), 3), { dimension: 3 });
    const random = testRandom(77);
    const [x, y, z] = [0, 1, 2].map(() =>
      Array.from({ length: 4 }, () => [random.normal(), random.normal(), random.normal()]),
    );
    const options = { precision: "float64", accuracy: 1e-6 } as const;
    const [xy, yz, xz, tripled] = await Promise.all([
      connect(one, x, y, options),
      connect(one, y, z, options),
      connect(one, x, z, options),
      connect(nine, x, y, options),
    ]);
    for (let i = 0; i < 4; i++) {
      expect(Math.abs(tripled[i].length / xy[i].length - 3)).toBeLessThan(1e-6);
      // each is a local minimum only, so this could fail where one is not the shortest; it does not here
      expect(xz[i].length).toBeLessThanOrEqual((xy[i].length + yz[i].length) * (1 + 1e-6));
    }
  });
});

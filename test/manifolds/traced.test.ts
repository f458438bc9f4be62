/**
 * The formulas inside traced programs: equal to the host in both precisions, with gradients that agree with
 * differences and stay finite over 15 orders of magnitude and up to the edge of the ball.
 */
import { describe, expect, it } from "vitest";
import { add, array, compile, type NdArray, ndarray, sum, type Tensor, valueAndGrad } from "../../src/engine/index.js";
import { type Manifold, mobiusAdd, poincareBall, traced } from "../../src/manifolds/index.js";
import { cases, type Draw, draws, gapBetween, largest } from "./cases.js";

const rows = (vectors: readonly Float64Array[]): NdArray =>
  ndarray(Float64Array.from(vectors.flatMap((v) => Array.from(v))), [vectors.length, vectors[0].length]);
const rowsOf = (a: NdArray) =>
  Array.from({ length: a.shape[0] }, (_, i) => {
    const width = a.data.length / a.shape[0];
    return Float64Array.from(a.data.subarray(i * width, (i + 1) * width));
  });

/** Every method of the contract at once, as one program. */
const everything = (m: Manifold) => (x: Tensor, y: Tensor, u: Tensor, v: Tensor) => {
  const g = m.traced;
  return {
    exponentialMap: g.exponentialMap(x, u),
    logarithmicMap: g.logarithmicMap(x, y),
    distance: g.distance(x, y),
    squaredDistance: g.squaredDistance(x, y),
    geodesic: g.geodesic(x, y, 0.3),
    parallelTransport: g.parallelTransport(x, y, v),
    projectPoint: g.projectPoint(x),
    projectVector: g.projectVector(x, v),
    metricDiagonal: g.metricDiagonal(x),
    innerProduct: g.innerProduct(x, u, v),
    norm: g.norm(x, v),
    logVolumeElement: g.logVolumeElement(x),
    logExponentialVolume: g.logExponentialVolume(x, u),
    toFrame: g.toFrame(x, v),
    roundTrip: g.fromFrame(x, g.toFrame(x, v)),
    baseLogDensity: g.baseLogDensity(x),
  };
};

const onHost = (m: Manifold, { x, y, u, v }: Draw): Record<string, ArrayLike<number>> => ({
  exponentialMap: m.exponentialMap(x, u),
  logarithmicMap: m.logarithmicMap(x, y),
  distance: [m.distance(x, y)],
  squaredDistance: [m.squaredDistance(x, y)],
  geodesic: m.geodesic(x, y, 0.3),
  parallelTransport: m.parallelTransport(x, y, v),
  projectPoint: m.projectPoint(x),
  projectVector: m.projectVector(x, v),
  metricDiagonal: m.metricDiagonal(x),
  innerProduct: [m.innerProduct(x, u, v)],
  norm: [m.norm(x, v)],
  logVolumeElement: [m.logVolumeElement(x)],
  logExponentialVolume: [m.logExponentialVolume(x, u)],
  toFrame: m.toFrame(x, v),
  roundTrip: v,
  baseLogDensity: [m.baseLogDensity(x)],
});

describe.each(cases.map((m) => [m.name, m] as const))("%s", (_name, m) => {
  const samples = draws(m, 8, 21);
  const inputs = [rows(samples.map((s) => s.x)), rows(samples.map((s) => s.y))];
  const vectors = [rows(samples.map((s) => s.u)), rows(samples.map((s) => s.v))];

  it.each([
    ["float64", 1e-9],
    ["float32", 1e-2],
  ] as const)("agrees with the host in %s", async (precision, tolerance) => {
    const program = compile(everything(m), { precision, threads: 1 });
    const results = await program(...inputs, ...vectors);
    await program.dispose();
    for (const name of Object.keys(results)) {
      const perRow = rowsOf(results[name]);
      expect(results[name].shape[0], name).toBe(samples.length);
      samples.forEach((sample, i) => {
        const expected = onHost(m, sample)[name];
        expect(perRow[i].length, name).toBe(expected.length);
        expect(gapBetween(perRow[i], expected), `${name}, row ${i}`).toBeLessThan(tolerance);
      });
    }
  });

  it("gradients agree with central differences", async () => {
    const value = (x: Tensor, v: Tensor, y: Tensor) => {
      const g = m.traced;
      const end = g.exponentialMap(g.projectPoint(x), g.projectVector(g.projectPoint(x), v));
      return sum(
        add(
          add(g.squaredDistance(end, y), g.baseLogDensity(end)),
          sum(g.parallelTransport(end, y, g.logarithmicMap(end, y)), -1),
        ),
      );
    };
    const f = compile(
      (x: Tensor, v: Tensor, y: Tensor) => [
        valueAndGrad(value)(x, v, y),
        valueAndGrad(value, { argument: 1 })(x, v, y)[1],
      ],
      { precision: "float64", threads: 1 },
    );
    const n = m.coordinates;
    for (const { x, y, u } of samples.slice(0, 3)) {
      const short = u.map((value_) => 0.3 * value_);
      const at = async (p: Float64Array, v: Float64Array) =>
        (await f(ndarray(p, [1, n]), ndarray(v, [1, n]), ndarray(y, [1, n]))) as [[NdArray, NdArray], NdArray];
      const [[, dx], dv] = await at(x, short);
      const h = 1e-5;
      for (const [argument, gradient] of [
        [0, dx],
        [1, dv],
      ] as const)
        for (let i = 0; i < n; i++) {
          const moved = (sign: number) => {
            const [p, v] = [x.slice(), short.slice()];
            (argument === 0 ? p : v)[i] += sign * h * Math.max(1 - largest(x), 1e-3);
            return at(p, v);
          };
          const [[[up]], [[down]]] = await Promise.all([moved(1), moved(-1)]);
          const difference = (up.data[0] - down.data[0]) / (2 * h * Math.max(1 - largest(x), 1e-3));
          expect(Math.abs(difference - gradient.data[i]) / (1 + Math.abs(difference))).toBeLessThan(2e-5);
        }
    }
    await f.dispose();
  });

  it("gradients are finite over 15 orders of magnitude, in both precisions", async () => {
    const objective = (input: { x: Tensor; y: Tensor; v: Tensor }) => {
      const g = m.traced;
      const [x, y] = [g.projectPoint(input.x), g.projectPoint(input.y)];
      const v = g.projectVector(x, input.v);
      const outputs = [
        sum(g.exponentialMap(x, v), -1),
        sum(g.logarithmicMap(x, y), -1),
        g.distance(x, y),
        g.squaredDistance(x, y),
        sum(g.parallelTransport(x, y, v), -1),
        g.norm(x, v),
        g.logVolumeElement(x),
        g.logExponentialVolume(x, v),
        g.baseLogDensity(y),
      ];
      return sum(outputs.reduce((a, b) => add(a, b)));
    };
    const scales = [1e-15, 1e-10, 1e-5, 1e-2, 1, 1e3];
    const [{ u, v }] = samples;
    const directions = [m.origin, ...samples.slice(0, 2).map((s) => s.x)];
    const [xs, ys, vs]: Float64Array[][] = [[], [], []];
    for (const direction of directions)
      for (const scale of scales) {
        const embedded = m.coordinates > m.dimension || m.kind === "product";
        const x = embedded ? direction : direction.map((value) => scale * value);
        xs.push(x, x, x);
        ys.push(
          x,
          x.map((value, i) => value + scale * u[i]),
          x.map((value, i) => (scale < 1 ? value : -v[i])),
        );
        vs.push(
          u.map((value) => scale * value),
          v.map(() => 0),
          v,
        );
      }
    for (const precision of ["float64", "float32"] as const) {
      const f = compile((x: Tensor, y: Tensor, w: Tensor) => valueAndGrad(objective)({ x, y, v: w }), {
        precision,
        threads: 1,
      });
      const [value, gradient] = await f(rows(xs), rows(ys), rows(vs));
      expect(Number.isFinite(value.data[0])).toBe(true);
      for (const name of ["x", "y", "v"])
        rowsOf(gradient[name]).forEach((row, i) =>
          expect(row.every(Number.isFinite), `${precision} d${name} at x=[${xs[i]}] y=[${ys[i]}] v=[${vs[i]}]`).toBe(
            true,
          ),
        );
      await f.dispose();
    }
  });
});

describe("the edge of the ball", () => {
  const ball = poincareBall({ dimension: 2, curvature: 0.7 });
  const radius = 1 / Math.sqrt(0.7);
  const near = [1e-1, 1e-2, 1e-4, 1e-6, 1e-12, 0, -0.5].map((gap) => [
    (1 - gap) * radius * 0.6,
    (1 - gap) * radius * 0.8,
  ]);

  it.each(["float64", "float32"] as const)(
    "keeps values and gradients finite in %s, even for points beyond",
    async (precision) => {
      const f = compile(
        (x: Tensor, y: Tensor) => {
          const g = ball.traced;
          return valueAndGrad((z: Tensor) =>
            sum(
              add(add(g.squaredDistance(z, y), g.distance(y, z)), sum(g.exponentialMap(z, g.logarithmicMap(z, y)), -1)),
            ),
          )(x);
        },
        { precision, threads: 1 },
      );
      for (const other of [[0, 0], [0.3, -0.2], near[3], [-near[3][0], -near[3][1]]]) {
        const [value, gradient] = await f(array(near), array(near.map(() => other)));
        expect(Number.isFinite(value.data[0])).toBe(true);
        expect(gradient.data.every(Number.isFinite)).toBe(true);
      }
      await f.dispose();
    },
  );

  it("has distances right in float32 up to the margin: radius 12 to a few per cent of a unit", async () => {
    const f = compile((x: Tensor, y: Tensor) => ball.traced.distance(x, y), { threads: 1 });
    const lengths = [1, 3, 6, 8, 10];
    const points = lengths.map((r) => Array.from(ball.exponentialMap([0, 0], [(r / 2) * 0.6, (r / 2) * 0.8])));
    const found = (await f(array(points), array(points.map(() => [0, 0])))).data;
    lengths.forEach((r, i) => expect(Math.abs(found[i] - r)).toBeLessThan([1e-5, 1e-5, 1e-4, 1e-3, 2e-2][i]));
    await f.dispose();
  });
});

describe("curvature as a value of the program", () => {
  it("is differentiable", async () => {
    const f = compile(
      (c: Tensor, x: Tensor, y: Tensor) => valueAndGrad((k: Tensor) => sum(mobiusAdd(traced, k, x, y)))(c),
      { precision: "float64", threads: 1 },
    );
    const at = async (c: number) => (await f(c, array([[0.3, -0.2]]), array([[-0.5, 0.4]]))) as [NdArray, NdArray];
    const [, slope] = await at(0.7);
    const [[up], [down]] = [await at(0.7 + 1e-5), await at(0.7 - 1e-5)];
    expect(slope.data[0]).toBeCloseTo((up.data[0] - down.data[0]) / 2e-5, 8);
    await f.dispose();
  });
});

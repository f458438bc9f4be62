/** Hyperbolic space: reference values, the textbook's forms, the isometry of the models, far points, Mobius laws. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { array, compile, randomKey, stream, type Tensor } from "../../src/engine/index.js";
import {
  gyroplaneDistance,
  host,
  hyperbolicIsometry,
  hyperboloid,
  mobiusAdd,
  mobiusScale,
  poincareBall,
} from "../../src/manifolds/index.js";
import { draws, gapBetween, tangentAt } from "./cases.js";

type Vector = Float64Array;
const dot = host.dot;
const vec = (...values: number[]) => Float64Array.from(values);

describe("reference values", () => {
  // 50-digit arithmetic; x = (.3, -.2), y = (-.5, .4).
  it.each([
    [1, 2.27104379646],
    [0.5, 2.11659395829],
    [1.3, 2.39444286101],
  ])("distance at c = %d", (curvature, expected) => {
    expect(poincareBall({ dimension: 2, curvature }).distance([0.3, -0.2], [-0.5, 0.4])).toBeCloseTo(expected, 10);
  });

  it("a coordinate vector v at the origin reaches distance 2 |v|; a frame vector e reaches |e|", () => {
    const ball = poincareBall({ dimension: 3, curvature: 1.3 });
    const v = [0.3, -0.4, 0.1];
    const length = Math.hypot(...v);
    expect(ball.distance(ball.origin, ball.exponentialMap(ball.origin, v))).toBeCloseTo(2 * length, 12);
    expect(ball.distance(ball.origin, ball.exponentialMap(ball.origin, ball.fromFrame(ball.origin, v)))).toBeCloseTo(
      length,
      12,
    );
  });
});

/** The textbook's forms (Ganea et al. 2018), plainly. */
function textbook(c: number) {
  const root = Math.sqrt(c);
  const lambda = (x: Vector) => 2 / (1 - c * dot(x, x));
  const negative = (x: Vector) => x.map((value) => -value);
  const plus = (x: Vector, y: Vector) => mobiusAdd(host, c, x, y);
  const gyration = (u: Vector, v: Vector, w: Vector) => plus(negative(plus(u, v)), plus(u, plus(v, w)));
  return {
    distance(x: Vector, y: Vector) {
      const w = plus(negative(x), y);
      return (2 / root) * Math.atanh(root * Math.sqrt(dot(w, w)));
    },
    exponentialMap(x: Vector, v: Vector) {
      const length = Math.sqrt(dot(v, v));
      const factor = Math.tanh((root * lambda(x) * length) / 2) / (root * length);
      return plus(
        x,
        v.map((value) => factor * value),
      );
    },
    logarithmicMap(x: Vector, y: Vector) {
      const w = plus(negative(x), y);
      const length = Math.sqrt(dot(w, w));
      const factor = ((2 / (root * lambda(x))) * Math.atanh(root * length)) / length;
      return w.map((value) => factor * value);
    },
    parallelTransport: (x: Vector, y: Vector, v: Vector) =>
      gyration(y, negative(x), v).map((value) => (value * lambda(x)) / lambda(y)),
  };
}

describe.each([0.1, 1, 1.4])("the textbook's forms at c = %d", (curvature) => {
  const ball = poincareBall({ dimension: 3, curvature });
  const plain = textbook(curvature);
  it("agree with ours", () => {
    for (const { x, y, u, v } of draws(ball, 30, 5)) {
      expect(ball.distance(x, y)).toBeCloseTo(plain.distance(x, y), 8);
      expect(gapBetween(ball.exponentialMap(x, u), plain.exponentialMap(x, u))).toBeLessThan(1e-9);
      expect(gapBetween(ball.logarithmicMap(x, y), plain.logarithmicMap(x, y))).toBeLessThan(1e-8);
      expect(gapBetween(ball.parallelTransport(x, y, v), plain.parallelTransport(x, y, v))).toBeLessThan(1e-8);
    }
  });
});

describe.each([0.3, 1, 2.5])("the isometry of ball and hyperboloid at c = %d", (curvature) => {
  const [ball, sheet] = [poincareBall({ dimension: 3, curvature }), hyperboloid({ dimension: 3, curvature })];
  const map = hyperbolicIsometry(curvature);
  it("carries points, vectors, distances, exp, log, transport, volumes and densities over", () => {
    for (const { x, y, u, v } of draws(ball, 30, 6)) {
      const [X, Y] = [map.toHyperboloid(x), map.toHyperboloid(y)];
      const [U, W] = [map.pushVector(x, u), map.pushVector(x, v)];
      expect(sheet.whyNotAPoint(X)).toBeUndefined();
      expect(gapBetween(map.toBall(X), x)).toBeLessThan(1e-12);
      expect(gapBetween(map.pullVector(X, U), u)).toBeLessThan(1e-10);
      expect(sheet.distance(X, Y)).toBeCloseTo(ball.distance(x, y), 8);
      const inner = ball.innerProduct(x, u, v);
      expect(Math.abs(sheet.innerProduct(X, U, W) - inner) / (1 + Math.abs(inner))).toBeLessThan(1e-8);
      expect(ball.distance(map.toBall(sheet.exponentialMap(X, U)), ball.exponentialMap(x, u))).toBeLessThan(1e-7);
      expect(gapBetween(map.pullVector(X, sheet.logarithmicMap(X, Y)), ball.logarithmicMap(x, y))).toBeLessThan(1e-7);
      const carried = ball.parallelTransport(x, y, v);
      expect(gapBetween(map.pullVector(Y, sheet.parallelTransport(X, Y, W)), carried)).toBeLessThan(1e-7);
      expect(sheet.logExponentialVolume(X, U)).toBeCloseTo(ball.logExponentialVolume(x, u), 7);
      expect(sheet.baseLogDensity(X)).toBeCloseTo(ball.baseLogDensity(x), 8);
      expect(gapBetween(sheet.toFrame(X, W), ball.toFrame(x, v))).toBeLessThan(1e-8); // one frame in both models
    }
  });

  it("works in traced programs too", async () => {
    const samples = draws(ball, 5, 8);
    const flat = (vectors: Vector[]) => array(vectors.map((a) => Array.from(a)));
    const f = compile(
      (x: Tensor, v: Tensor) => {
        const X = map.traced.toHyperboloid(x);
        return { X, back: map.traced.toBall(X), v: map.traced.pullVector(X, map.traced.pushVector(x, v)) };
      },
      { precision: "float64", threads: 1 },
    );
    const [x, v] = [flat(samples.map((s) => s.x)), flat(samples.map((s) => s.v))];
    const out = await f(x, v);
    expect(gapBetween(out.back.data, x.data)).toBeLessThan(1e-12);
    expect(gapBetween(out.v.data, v.data)).toBeLessThan(1e-9);
    samples.forEach((s, i) =>
      expect(gapBetween(out.X.data.subarray(4 * i, 4 * i + 4), map.toHyperboloid(s.x))).toBeLessThan(1e-11),
    );
    await f.dispose();
  });
});

describe("far from the origin the hyperboloid keeps distances", () => {
  const sheet = hyperboloid({ dimension: 2 });
  const at = (r: number, angle: number) =>
    vec(Math.cosh(r), Math.sinh(r) * Math.cos(angle), Math.sinh(r) * Math.sin(angle));
  it.each([1, 10, 30, 100, 300])(
    "radially at distance %d, to 12 digits (along an axis, where rounding cannot turn the direction)",
    (r) => {
      expect(sheet.distance(at(r, 0), at(r + 0.5, 0)) / 0.5).toBeCloseTo(1, 12);
    },
  );
  it("across: the law of cosines in half angles", () => {
    for (const r of [15, 50, 200]) {
      // r + r - 2 log(1/sin(angle/2)), up to e^-2r
      expect(sheet.distance(at(r, 0), at(r, 1))).toBeCloseTo(2 * r + 2 * Math.log(Math.sin(0.5)), 4);
    }
  });
  it("in float32 up to 40, where the ball saturates at 12", async () => {
    const f = compile((x: Tensor, y: Tensor) => sheet.traced.distance(x, y), { threads: 1 });
    for (const r of [5, 15, 38]) {
      const points = array([Array.from(at(r, 0)), Array.from(at(r, 0))]);
      const others = array([Array.from(at(r - 1, 0)), [1, 0, 0]]);
      const [near, far] = (await f(points, others)).data;
      expect(Math.abs(near - 1)).toBeLessThan(2e-6);
      expect(Math.abs(far - r) / r).toBeLessThan(1e-5);
    }
    await f.dispose();
  });
});

describe("close points", () => {
  it("are told apart at relative precision, where arccosh forms give zero", () => {
    const ball = poincareBall({ dimension: 2 });
    for (const step of [1e-6, 1e-10, 1e-15]) {
      const x = vec(0.3, 0.2);
      const y = vec(0.3, 0.2 + step);
      const exact = (2 / (1 - 0.13)) * (y[1] - x[1]); // the stored step, which differs from `step` by rounding
      expect(ball.distance(x, y) / exact).toBeCloseTo(1, 5);
    }
  });
});

describe("Mobius operations and gyroplanes", () => {
  const point = fc.tuple(fc.double({ min: 0, max: 0.98, noNaN: true }), fc.double({ min: 0, max: 6.3, noNaN: true }));
  const at =
    (c: number) =>
    ([r, angle]: [number, number]) =>
      vec((r / Math.sqrt(c)) * Math.cos(angle), (r / Math.sqrt(c)) * Math.sin(angle));

  it("obey the left cancellation law; t (x) x lies at t times the distance", () => {
    fc.assert(
      fc.property(point, point, fc.double({ min: 0.2, max: 2, noNaN: true }), (p, q, c) => {
        const [x, y] = [at(c)(p), at(c)(q)];
        const back = mobiusAdd(
          host,
          c,
          x.map((value) => -value),
          mobiusAdd(host, c, x, y),
        );
        expect(gapBetween(back, y)).toBeLessThan(1e-9);
        const ball = poincareBall({ dimension: 2, curvature: c });
        const scaled = mobiusScale(host, c, 0.37, x);
        expect(ball.distance(ball.origin, scaled)).toBeCloseTo(0.37 * ball.distance(ball.origin, x), 8);
      }),
      { numRuns: 100, seed: 11 },
    );
  });

  it("the distance to a gyroplane is the least distance to its points", () => {
    const random = stream(randomKey(2));
    for (const c of [0.5, 1.3]) {
      const ball = poincareBall({ dimension: 2, curvature: c });
      const [x, p] = [ball.drawBase(random), ball.drawBase(random)];
      const normal = tangentAt(ball, p, random);
      const along = vec(-normal[1], normal[0]);
      const distanceTo = (t: number) =>
        ball.distance(
          x,
          ball.exponentialMap(
            p,
            along.map((value) => t * value),
          ),
        );
      let [low, high] = [-40, 40];
      for (let i = 0; i < 200; i++) {
        const [a, b] = [low + (high - low) / 3, high - (high - low) / 3];
        if (distanceTo(a) < distanceTo(b)) high = b;
        else low = a;
      }
      const signed = gyroplaneDistance(host, c, x, p, normal);
      expect(Math.abs(signed)).toBeCloseTo(distanceTo(low), 6);
      const side = dot(ball.logarithmicMap(p, x), normal);
      expect(Math.sign(signed)).toBe(Math.sign(side));
    }
  });
});

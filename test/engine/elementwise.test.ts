/** Elementwise operations: against closed forms in float64, against jax-js, with broadcasting and derivatives. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { NdArray, Operand, Tensor } from "../../src/engine/index.js";
import * as e from "../../src/engine/index.js";
import { broadcastable, derivatives, expectAgreement, expectClose, randomArray, run, shapes } from "./agreement.js";

interface Unary {
  f: (x: Operand) => Tensor;
  value: (x: number) => number;
  slope: (x: number) => number;
  domain?: [number, number];
  /** Relative to the largest value; default 1e-12. */
  tolerance?: number;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const phi = (x: number) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
/** erf by its power series (|x| < 3). */
const erf = (x: number) => {
  let [term, total] = [x, x];
  for (let n = 1; n < 100; n++) {
    term *= (-x * x) / n;
    total += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * total;
};
const cdf = (x: number) => 0.5 * (1 + erf(x * Math.SQRT1_2));

const unary: Record<string, Unary> = {
  neg: { f: e.neg, value: (x) => -x, slope: () => -1 },
  reciprocal: { f: e.reciprocal, value: (x) => 1 / x, slope: (x) => -1 / (x * x), domain: [0.3, 3] },
  square: { f: e.square, value: (x) => x * x, slope: (x) => 2 * x },
  abs: { f: e.abs, value: Math.abs, slope: (x) => Math.sign(x) },
  sign: { f: e.sign, value: Math.sign, slope: () => 0 },
  floor: { f: e.floor, value: Math.floor, slope: () => 0 },
  ceil: { f: e.ceil, value: Math.ceil, slope: () => 0 },
  clip: {
    f: (x) => e.clip(x, -1, 0.5),
    value: (x) => Math.min(0.5, Math.max(-1, x)),
    slope: (x) => Number(x > -1 && x < 0.5),
  },
  exp: { f: e.exp, value: Math.exp, slope: Math.exp },
  log: { f: e.log, value: Math.log, slope: (x) => 1 / x, domain: [0.1, 5] },
  log1p: { f: e.log1p, value: Math.log1p, slope: (x) => 1 / (1 + x), domain: [-0.9, 3] },
  expm1: { f: e.expm1, value: Math.expm1, slope: Math.exp },
  sqrt: { f: e.sqrt, value: Math.sqrt, slope: (x) => 0.5 / Math.sqrt(x), domain: [0.1, 4] },
  rsqrt: { f: e.rsqrt, value: (x) => 1 / Math.sqrt(x), slope: (x) => -0.5 * x ** -1.5, domain: [0.3, 4] },
  cube: { f: (x) => e.pow(x, 3), value: (x) => x ** 3, slope: (x) => 3 * x * x },
  inverseSquare: { f: (x) => e.pow(x, -2), value: (x) => x ** -2, slope: (x) => -2 * x ** -3, domain: [0.5, 2] },
  power: { f: (x) => e.pow(x, 1.7), value: (x) => x ** 1.7, slope: (x) => 1.7 * x ** 0.7, domain: [0.1, 3] },
  sin: { f: e.sin, value: Math.sin, slope: Math.cos },
  cos: { f: e.cos, value: Math.cos, slope: (x) => -Math.sin(x) },
  tan: { f: e.tan, value: Math.tan, slope: (x) => 1 + Math.tan(x) ** 2, domain: [-1.2, 1.2] },
  asin: { f: e.asin, value: Math.asin, slope: (x) => 1 / Math.sqrt(1 - x * x), domain: [-0.95, 0.95] },
  acos: { f: e.acos, value: Math.acos, slope: (x) => -1 / Math.sqrt(1 - x * x), domain: [-0.95, 0.95] },
  atan: { f: e.atan, value: Math.atan, slope: (x) => 1 / (1 + x * x), domain: [-5, 5] },
  sinh: { f: e.sinh, value: Math.sinh, slope: Math.cosh },
  cosh: { f: e.cosh, value: Math.cosh, slope: Math.sinh },
  asinh: { f: e.asinh, value: Math.asinh, slope: (x) => 1 / Math.hypot(1, x), domain: [-4, 4] },
  acosh: { f: e.acosh, value: Math.acosh, slope: (x) => 1 / Math.sqrt(x * x - 1), domain: [1.1, 5] },
  atanh: { f: e.atanh, value: Math.atanh, slope: (x) => 1 / (1 - x * x), domain: [-0.9, 0.9] },
  tanh: { f: e.tanh, value: Math.tanh, slope: (x) => 1 - Math.tanh(x) ** 2, domain: [-4, 4] },
  sigmoid: { f: e.sigmoid, value: sigmoid, slope: (x) => sigmoid(x) * sigmoid(-x), domain: [-6, 6] },
  softplus: { f: e.softplus, value: (x) => Math.log1p(Math.exp(x)), slope: sigmoid, domain: [-6, 6] },
  logSigmoid: { f: e.logSigmoid, value: (x) => -Math.log1p(Math.exp(-x)), slope: (x) => sigmoid(-x), domain: [-6, 6] },
  relu: { f: e.relu, value: (x) => Math.max(x, 0), slope: (x) => Number(x > 0) },
  leakyRelu: { f: e.leakyRelu, value: (x) => (x > 0 ? x : 0.01 * x), slope: (x) => (x > 0 ? 1 : 0.01) },
  elu: { f: e.elu, value: (x) => (x > 0 ? x : Math.expm1(x)), slope: (x) => (x > 0 ? 1 : Math.exp(x)) },
  erf: { f: e.erf, value: erf, slope: (x) => 2 * Math.SQRT2 * phi(x * Math.SQRT2), tolerance: 1e-9 },
  gelu: { f: e.gelu, value: (x) => x * cdf(x), slope: (x) => cdf(x) + x * phi(x), tolerance: 1e-9 },
  swish: { f: e.swish, value: (x) => x * sigmoid(x), slope: (x) => sigmoid(x) + x * sigmoid(x) * sigmoid(-x) },
};

const mapped = (x: NdArray, f: (v: number) => number): NdArray => e.ndarray(Float64Array.from(x.data, f), x.shape);

describe("elementwise functions of one argument", () => {
  for (const [name, { f, value, slope, domain = [-2, 2], tolerance = 1e-12 }] of Object.entries(unary))
    it(`${name}: value, tangent and gradient by closed form, any shape`, async () => {
      await fc.assert(
        fc.asyncProperty(shapes(), fc.nat(1e6), async (shape, seed) => {
          const x = randomArray(shape, seed, ...domain);
          const v = randomArray(shape, seed + 1);
          const all = (x: Tensor, v: Tensor) => {
            const [y, dy] = e.jvp(f, [x], [v]);
            return [y, dy, e.grad((z: Tensor) => e.sum(e.mul(f(z), v)))(x)];
          };
          const tangent = mapped(v, (t) => t);
          tangent.data.forEach((t, i) => (tangent.data[i] = t * slope(x.data[i])));
          const expected = [mapped(x, value), tangent, tangent];
          expectClose(await run(all, [x, v], "float64"), expected, tolerance, `${name} in float64`);
          expectClose(await run(all, [x, v], "float32"), expected, 5e-6, `${name} in float32`);
        }),
        { numRuns: 4 },
      );
    });

  it("second derivatives agree with differences of first ones", async () => {
    for (const [name, { f, slope, domain = [-2, 2] }] of Object.entries(unary)) {
      if (["abs", "sign", "floor", "ceil", "clip", "relu", "leakyRelu"].includes(name)) continue;
      const x = randomArray([7], 3, domain[0] * 0.9, domain[1] * 0.9);
      const usable = mapped(x, (v) => (Math.abs(v) < 1e-2 ? 0.1 : v));
      const second = (x: Tensor) => e.jvp((z: Tensor) => e.grad((w: Tensor) => e.sum(f(w)))(z), [x], [e.ones([7])])[1];
      const h = 1e-5;
      const expected = mapped(usable, (v) => (slope(v + h) - slope(v - h)) / (2 * h));
      expectClose(await run(second, [usable]), [expected], 1e-7, name);
    }
  });

  it("is finite with the right slope where the textbook formula overflows", async () => {
    const x = e.array([-800, -90, -30, 0, 30, 90, 800]);
    for (const f of [e.tanh, e.sigmoid, e.softplus, e.logSigmoid, e.swish, e.gelu, e.elu])
      for (const precision of ["float32", "float64"] as const) {
        const twice = (z: Tensor) => e.grad((y: Tensor) => e.sum(e.grad((w: Tensor) => e.sum(f(w)))(y)))(z);
        const results = await run(
          (z: Tensor) => [f(z), e.grad((w: Tensor) => e.sum(f(w)))(z), twice(z)],
          [x],
          precision,
        );
        for (const result of results) expect([...result.data].every(Number.isFinite), f.name).toBe(true);
      }
  });

  it("keeps relative precision near zero", async () => {
    const x = e.array([-1e-9, 3e-12, 1e-5]);
    for (const [f, exact] of [
      [e.log1p, Math.log1p],
      [e.expm1, Math.expm1],
      [e.sinh, Math.sinh],
      [e.asinh, Math.asinh],
      [e.atanh, Math.atanh],
      [e.tanh, Math.tanh],
    ] as const) {
      const [y] = await run(f, [x]);
      y.data.forEach((v, i) =>
        expect(Math.abs(v / exact(x.data[i]) - 1), f.name).toBeLessThan(f === e.tanh ? 1e-4 : 1e-14),
      );
    }
  });
});

const binary: Record<string, { f: (a: Operand, b: Operand) => Tensor; domain?: [number, number]; wide?: boolean }> = {
  add: { f: e.add },
  sub: { f: e.sub },
  mul: { f: e.mul },
  div: { f: e.div, domain: [0.3, 2] },
  maximum: { f: e.maximum },
  minimum: { f: e.minimum },
  pow: { f: e.pow, domain: [0.3, 2], wide: true },
  atan2: { f: e.atan2, wide: true },
  logAddExp: { f: e.logAddExp, wide: true },
};

describe("elementwise functions of two arguments", () => {
  for (const [name, { f, domain = [-2, 2], wide }] of Object.entries(binary))
    it(`${name}: values and derivatives as jax-js has them, with broadcasting`, async () => {
      await fc.assert(
        fc.asyncProperty(broadcastable(2), fc.nat(1e6), async ([sa, sb], seed) => {
          const args = [randomArray(sa, seed, ...domain), randomArray(sb, seed + 1, ...domain)];
          await expectAgreement(derivatives(f, args), args, wide ? { float64: 1e-4, float32: 1e-4 } : {});
        }),
        { numRuns: 6 },
      );
    });

  it("atan2 has the angle of the point in all quadrants and on the axes", async () => {
    const y = e.array([1, 1, -1, -1, 0, 0, 2, -2, 0, 1e-9]);
    const x = e.array([1, -1, 1, -1, 3, -3, 0, 0, 0, -1]);
    const [angle] = await run(e.atan2, [y, x]);
    angle.data.forEach((v, i) => expect(v).toBeCloseTo(Math.atan2(y.data[i], x.data[i]), 12));
  });
});

describe("comparisons, choice, logic, conversion", () => {
  const compare = {
    less: e.less,
    lessEqual: e.lessEqual,
    greater: e.greater,
    greaterEqual: e.greaterEqual,
    equal: e.equal,
    notEqual: e.notEqual,
  }; // prettier-ignore
  for (const [name, f] of Object.entries(compare))
    it(`${name} on numbers, whole numbers and with ties`, async () => {
      await fc.assert(
        fc.asyncProperty(broadcastable(2), fc.nat(1e6), async ([sa, sb], seed) => {
          const [a, b] = [randomArray(sa, seed), randomArray(sb, seed + 1)].map((x) => mapped(x, Math.round));
          await expectAgreement(f, [a, b]);
          await expectAgreement(f, [e.array(a, "int32"), e.array(b, "int32")]);
        }),
        { numRuns: 4 },
      );
    });

  it("where, logic and conversions agree with jax-js", async () => {
    await fc.assert(
      fc.asyncProperty(broadcastable(3), fc.nat(1e6), async ([sa, sb, sc], seed) => {
        const [a, b, c] = [sa, sb, sc].map((s, i) => randomArray(s, seed + i));
        const f = (a: Tensor, b: Tensor, c: Tensor) => e.where(e.less(a, 0), b, e.mul(c, 2));
        await expectAgreement(derivatives(f, [a, b, c]), [a, b, c]);
        await expectAgreement(
          (a: Tensor, b: Tensor) => {
            const [p, q] = [e.less(a, 0), e.less(b, 1)];
            return [
              e.logicalAnd(p, q),
              e.logicalOr(p, q),
              e.logicalNot(p),
              e.toFloat(p),
              e.toInt(a),
              e.toInt(q),
              e.toFloat(e.toInt(b)),
              e.sum(p),
              e.where(p, q, p),
              e.where(p, e.toInt(b), 1),
            ];
          },
          [a, b],
        );
      }),
      { numRuns: 8 },
    );
  });

  it("the gradient of the branch not taken is zero", async () => {
    const f = e.grad((x: Tensor) => e.sum(e.where(e.greater(x, 0), e.log(e.maximum(x, 1e-3)), 0)));
    const [g] = await run(f, [e.array([-1, 2])]);
    expect([...g.data]).toEqual([0, 0.5]);
  });
});

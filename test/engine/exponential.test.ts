import { describe, expect, it } from "vitest";
import * as engine from "../../src/engine/index.js";
import { array, compile, grad, logAddExp, pow, sum, type Tensor } from "../../src/engine/index.js";
import { derivative, expectDerivatives, precisions } from "./derivatives.js";

describe.each(precisions)("exponentials and powers in $precision", (where) => {
  it.each(["exp", "expm1", "log", "log1p", "sqrt", "erf"])("%s and three derivatives, |x| from 1e-15 to 1000", (name) =>
    expectDerivatives(name, (x) => (engine as any)[name](x), where),
  );
  it("x^2.5 and three derivatives", () => expectDerivatives("pow", (x) => pow(x, 2.5), where));

  it("ends of the range: log1p(-1), log1p of large numbers, expm1 far below zero", async () => {
    const f = compile((x: Tensor) => [engine.log1p(x), engine.expm1(engine.neg(x))], {
      precision: where.precision,
      threads: 1,
    });
    const largest = where.precision === "float32" ? 1e38 : 1e307;
    const [log, exp] = await f(array([-1, largest, 800]));
    expect(log.data[0]).toBe(Number.NEGATIVE_INFINITY);
    expect(log.data[1] / Math.log(largest)).toBeCloseTo(1, 6);
    expect(exp.data[2]).toBe(-1);
    await f.dispose();
  });

  it("powers: whole ones of negative numbers, negative ones, of zero, by a tensor", async () => {
    const f = compile(
      (x: Tensor) => [
        pow(x, 3),
        pow(x, 12),
        pow(x, -2),
        pow(x, 0),
        derivative((t) => pow(t, 12))(x),
        pow(engine.abs(x), engine.abs(x)),
      ],
      { precision: where.precision, threads: 1 },
    );
    const [cube, twelfth, inverse, one, slope, general] = await f(array([-1.5, 2]));
    const close = (got: number, expected: number) => expect(Math.abs(got / expected - 1)).toBeLessThan(30 * where.unit);
    [-1.5, 2].forEach((x, i) => {
      close(cube.data[i], x ** 3);
      close(twelfth.data[i], x ** 12);
      close(inverse.data[i], x ** -2);
      close(slope.data[i], 12 * x ** 11);
      close(general.data[i], Math.abs(x) ** Math.abs(x));
      expect(one.data[i]).toBe(1);
    });
    const zero = compile(
      (x: Tensor) => [pow(x, 2.5), pow(x, 1.3), derivative((t) => pow(t, 2.5))(x), derivative((t) => pow(t, 1.3))(x)],
      {
        precision: where.precision,
        threads: 1,
      },
    );
    for (const result of await zero(array([0]))) expect(result.data[0]).toBe(0);
    await f.dispose();
    await zero.dispose();
  });

  it("logAddExp: symmetric, without overflow, with the right derivatives where both are equal", async () => {
    const f = compile(
      (a: Tensor, b: Tensor) => [
        logAddExp(a, b),
        grad((x: Tensor) => sum(logAddExp(x, b)))(a),
        grad((y: Tensor) => sum(logAddExp(a, y)))(b),
        derivative(derivative((x) => logAddExp(x, b)))(a),
      ],
      { precision: where.precision, threads: 1 },
    );
    const pairs = [
      [0, 0],
      [1000, 1000],
      [-1000, -1001],
      [3, -900],
      [-0.25, 0.5],
      [Number.NEGATIVE_INFINITY, 2],
    ];
    const [value, inA, inB, second] = await f(array(pairs.map((p) => p[0])), array(pairs.map((p) => p[1])));
    pairs.forEach(([a, b], i) => {
      const m = Math.max(a, b);
      const expected = m + Math.log1p(Math.exp(-Math.abs(a - b)));
      const p = 1 / (1 + Math.exp(b - a));
      const tolerance = 6 * where.unit;
      expect(Math.abs(value.data[i] - expected)).toBeLessThan(tolerance * Math.max(1, Math.abs(expected)));
      expect(Math.abs(inA.data[i] - p)).toBeLessThan(tolerance);
      expect(Math.abs(inB.data[i] - (1 - p))).toBeLessThan(tolerance);
      expect(Math.abs(second.data[i] - p * (1 - p))).toBeLessThan(tolerance);
    });
    await f.dispose();
  });
});

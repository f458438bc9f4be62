import { describe, expect, it } from "vitest";
import * as engine from "../../src/engine/index.js";
import { array, atan2, compile, grad, sum, type Tensor } from "../../src/engine/index.js";
import { derivative, expectDerivatives, precisions } from "./derivatives.js";

describe.each(precisions)("trigonometric and hyperbolic functions in $precision", (where) => {
  it.each(["tan", "asin", "atan", "sinh", "cosh", "asinh", "acosh", "atanh"])("%s and three derivatives", (name) =>
    expectDerivatives(name, (x) => (engine as any)[name](x), where, { ulps: 12 }),
  );
  // Near their zeros these are right absolutely, not relatively.
  it.each(["sin", "cos", "acos"])("%s and three derivatives", (name) =>
    expectDerivatives(name, (x) => (engine as any)[name](x), where, { relative: false }),
  );

  it("sinh and cosh overflow to infinities, not to NaN, and keep their sign", async () => {
    const f = compile((x: Tensor) => [engine.sinh(x), engine.cosh(x), derivative(engine.sinh)(x)], {
      precision: where.precision,
      threads: 1,
    });
    const [sinh, cosh] = await f(array([2000, -2000, -40]));
    const { POSITIVE_INFINITY: up, NEGATIVE_INFINITY: down } = Number;
    expect([...sinh.data].slice(0, 2)).toEqual([up, down]);
    expect([...cosh.data].slice(0, 2)).toEqual([up, up]);
    expect(sinh.data[2] / Math.sinh(-40)).toBeCloseTo(1, 5);
    await f.dispose();
  });

  it("the hyperbolic functions and their inverses at zero: value and three derivatives", async () => {
    for (const [name, expected] of [
      ["sinh", [0, 1, 0, 1]],
      ["cosh", [1, 0, 1, 0]],
      ["tanh", [0, 1, 0, -2]],
      ["asinh", [0, 1, 0, -1]],
      ["atanh", [0, 1, 0, 2]],
      ["atan", [0, 1, 0, -2]],
      ["asin", [0, 1, 0, 1]],
    ] as const) {
      const f = (x: Tensor) => (engine as any)[name](x);
      const d = derivative;
      const program = compile((x: Tensor) => [f(x), d(f)(x), d(d(f))(x), d(d(d(f)))(x)], {
        precision: where.precision,
        threads: 1,
      });
      (await program(array([0]))).forEach((result: any, k: number) => {
        expect(Math.abs(result.data[0] - expected[k])).toBeLessThan(4 * where.unit);
      });
      await program.dispose();
    }
  });

  it("atan2: angles and gradients in all quadrants and on the axes; zero at the origin", async () => {
    const f = compile(
      (y: Tensor, x: Tensor) => [
        atan2(y, x),
        grad((t: Tensor) => sum(atan2(t, x)))(y),
        grad((t: Tensor) => sum(atan2(y, t)))(x),
      ],
      { precision: where.precision, threads: 1 },
    );
    const points = [0, 1, -1, 2 ** -20, -(2 ** -20), 64].flatMap((y) => [0, 1, -1, 2 ** -20, -64].map((x) => [y, x]));
    const [angle, inY, inX] = await f(array(points.map((p) => p[0])), array(points.map((p) => p[1])));
    points.forEach(([y, x], i) => {
      const expected = x === 0 && y === 0 ? 0 : Math.atan2(y, x);
      expect(Math.abs(angle.data[i] - expected)).toBeLessThanOrEqual(4 * where.unit * Math.abs(expected));
      const r2 = x * x + y * y;
      const [slopeY, slopeX] = r2 === 0 ? [0, 0] : [x / r2, -y / r2];
      if (r2 === 0) expect([inY.data[i], inX.data[i]].every(Number.isFinite)).toBe(true);
      else {
        expect(Math.abs(inY.data[i] - slopeY)).toBeLessThanOrEqual(8 * where.unit * Math.hypot(slopeX, slopeY));
        expect(Math.abs(inX.data[i] - slopeX)).toBeLessThanOrEqual(8 * where.unit * Math.hypot(slopeX, slopeY));
      }
    });
    await f.dispose();
  });
});

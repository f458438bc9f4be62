import { describe, expect, it } from "vitest";
import * as engine from "../../src/engine/index.js";
import { array, compile, type Tensor } from "../../src/engine/index.js";

// What the runtime has no float64 kernel for, or a bad one, is composed (lowering/passes/float64.ts). Here every
// function of one variable is compared with JavaScript's own Math over 19 orders of magnitude and both signs.
const magnitudes: number[] = [];
for (let e = -15; e <= 3; e += 0.0625) magnitudes.push(10 ** e);
const both = [0, ...magnitudes, ...magnitudes.map((x) => -x), 744.4, -744.4, 7.1, -0.65999, 0.66001, 2.414, -2.4143];

const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const cases: [string, (x: number) => number, ((x: number) => boolean)?, number?][] = [
  ["exp", Math.exp],
  ["expm1", Math.expm1],
  ["log", Math.log, (x) => x > 0],
  ["log1p", Math.log1p, (x) => x > -1],
  ["sqrt", Math.sqrt, (x) => x >= 0],
  ["atan", Math.atan],
  ["asin", Math.asin, (x) => Math.abs(x) <= 1],
  ["acos", Math.acos, (x) => Math.abs(x) <= 1],
  ["sinh", Math.sinh, (x) => Math.abs(x) < 709],
  ["cosh", Math.cosh, (x) => Math.abs(x) < 709],
  ["tanh", Math.tanh],
  ["asinh", Math.asinh],
  ["acosh", (x) => Math.acosh(x), (x) => x >= 1.001],
  ["atanh", Math.atanh, (x) => Math.abs(x) < 1],
  ["sigmoid", (x) => 1 / (1 + Math.exp(-x)), (x) => x > -700],
  ["softplus", softplus],
  ["logSigmoid", (x) => -softplus(-x)],
  ["reciprocal", (x) => 1 / x],
  ["square", (x) => x * x],
  ["abs", Math.abs],
  ["sign", Math.sign],
  ["floor", Math.floor],
  ["ceil", Math.ceil],
];

describe("float64 programs", () => {
  it.each(cases)("%s is right to a few units in the last place", async (name, reference, inDomain = () => true) => {
    const f = compile((x: Tensor) => (engine as any)[name](x), { precision: "float64", threads: 1 });
    const points = both.filter(inDomain);
    const { data } = await f(array(points));
    const misses = points.flatMap((x, i) => {
      const expected = reference(x);
      if (Object.is(data[i], expected) || data[i] === expected) return [];
      const error = Math.abs(data[i] - expected) / Math.abs(expected);
      return error <= 6 * 2 ** -52 ? [] : [`${name}(${x}) = ${data[i]}, not ${expected}`];
    });
    expect(misses).toEqual([]);
    await f.dispose();
  });

  it("sin and cos are right to 1e-15 up to 1000, tan to its own scale", async () => {
    const f = compile((x: Tensor) => [engine.sin(x), engine.cos(x), engine.tan(x)], {
      precision: "float64",
      threads: 1,
    });
    const [s, c, t] = await f(array(both));
    both.forEach((x, i) => {
      expect(Math.abs(s.data[i] - Math.sin(x))).toBeLessThan(1e-15 * Math.max(1, Math.abs(x) / 20));
      expect(Math.abs(c.data[i] - Math.cos(x))).toBeLessThan(1e-15 * Math.max(1, Math.abs(x) / 20));
      const scale = 1 + Math.tan(x) ** 2;
      expect(Math.abs(t.data[i] - Math.tan(x))).toBeLessThan(2e-15 * scale * Math.max(1, Math.abs(x) / 20));
    });
    await f.dispose();
  });

  it("ends: infinities and the limits of range", async () => {
    const f = compile(
      (x: Tensor) => [engine.atan(x), engine.erf(x), engine.softplus(x), engine.sigmoid(x), engine.tanh(x)],
      {
        precision: "float64",
        threads: 1,
      },
    );
    const [atan, erf, softplus, sigmoid, tanh] = await f(
      array([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e308, -1e308]),
    );
    expect([...atan.data]).toEqual([Math.PI / 2, -Math.PI / 2, Math.PI / 2, -Math.PI / 2]);
    expect([...erf.data]).toEqual([1, -1, 1, -1]);
    expect([...softplus.data].slice(2)).toEqual([1e308, 0]);
    expect([...sigmoid.data]).toEqual([1, 0, 1, 0]);
    expect([...tanh.data]).toEqual([1, -1, 1, -1]);
    await f.dispose();
  });

  it("atan2 in all quadrants and on the axes", async () => {
    const f = compile((y: Tensor, x: Tensor) => engine.atan2(y, x), { precision: "float64", threads: 1 });
    const values = [0, 1, -1, 1e-9, -1e-9, 3, -2, 1e9];
    const pairs = values.flatMap((y) => values.map((x) => [y, x]));
    const { data } = await f(array(pairs.map((p) => p[0])), array(pairs.map((p) => p[1])));
    pairs.forEach(([y, x], i) => {
      expect(Math.abs(data[i] - Math.atan2(y, x))).toBeLessThan(6e-16 * Math.max(1e-9, Math.abs(Math.atan2(y, x))));
    });
    await f.dispose();
  });

  it("recognised activations stay short: tanh is one node, softplus eleven at most", async () => {
    const x = array([0.5, -1]);
    const tanh = compile((t: Tensor) => engine.tanh(t), { precision: "float64", threads: 1 });
    expect((await tanh.operations(x)).Tanh).toBe(1);
    const soft = compile((t: Tensor) => engine.softplus(t), { precision: "float64", threads: 1 });
    const count = Object.values(await soft.operations(x)).reduce((a, b) => a + b, 0);
    expect(count).toBeLessThanOrEqual(12);
    await tanh.dispose();
    await soft.dispose();
  });
});

import { describe, expect, it } from "vitest";
import { bicubicSpline, evaluateBicubic } from "../../src/numerics/bicubic-spline.js";
import { evaluateNaturalSpline, intervalOf, naturalSpline } from "../../src/numerics/splines.js";
import { largestDifference, plainSolve, slope, testRandom } from "./helpers.js";

const at = (spline: ReturnType<typeof naturalSpline>, t: number, derivative: 0 | 1 | 2 = 0) => {
  const out = new Float64Array(spline.size);
  evaluateNaturalSpline(spline, t, out, 0, derivative);
  return out;
};

describe("natural cubic splines", () => {
  it("interpolate, are C2, and have no second derivative at the ends; the second derivatives solve the dense system", () => {
    const random = testRandom(2);
    const n = 9;
    const t = Float64Array.from({ length: n }, (_, i) => i + 0.6 * random.uniform());
    const y = Float64Array.from({ length: 3 * n }, () => random.normal());
    const spline = naturalSpline(t, y, 3);
    for (let i = 0; i < n; i++)
      expect(largestDifference(at(spline, t[i]), y.slice(3 * i, 3 * i + 3))).toBeLessThan(1e-14);
    for (let i = 1; i + 1 < n; i++)
      for (const order of [0, 1, 2] as const)
        expect(largestDifference(at(spline, t[i] - 1e-9, order), at(spline, t[i] + 1e-9, order))).toBeLessThan(1e-6);
    expect(largestDifference(at(spline, t[0], 2), [0, 0, 0])).toBe(0);
    const system = Array.from({ length: n }, () => new Array<number>(n).fill(0));
    const rhs = new Array<number>(n).fill(0);
    system[0][0] = system[n - 1][n - 1] = 1;
    for (let i = 1; i + 1 < n; i++) {
      const [a, b] = [t[i] - t[i - 1], t[i + 1] - t[i]];
      system[i][i - 1] = a / 6;
      system[i][i] = (a + b) / 3;
      system[i][i + 1] = b / 6;
      rhs[i] = (y[3 * i + 3] - y[3 * i]) / b - (y[3 * i] - y[3 * i - 3]) / a;
    }
    const expected = plainSolve(system, rhs);
    for (let i = 0; i < n; i++) expect(spline.curvatures[3 * i]).toBeCloseTo(expected[i], 11);
  });

  it("converge with order 4 where the second derivative vanishes at the ends; derivatives by finite differences", () => {
    const steps: number[] = [];
    const errors: number[] = [];
    for (const n of [9, 17, 33, 65]) {
      const t = Float64Array.from({ length: n }, (_, i) => (Math.PI * i) / (n - 1));
      const spline = naturalSpline(t, t.map(Math.sin));
      let worst = 0;
      for (let q = 0; q <= 500; q++)
        worst = Math.max(worst, Math.abs(at(spline, (Math.PI * q) / 500)[0] - Math.sin((Math.PI * q) / 500)));
      steps.push(Math.PI / (n - 1));
      errors.push(worst);
    }
    expect(slope(steps, errors)).toBeGreaterThan(3.9);
    const spline = naturalSpline([0, 0.5, 1.7, 2, 3], [1, -1, 2, 0, 4]);
    for (const t of [-0.4, 0.2, 1, 1.9, 2.5, 3.3]) {
      const h = 1e-5;
      expect((at(spline, t + h)[0] - at(spline, t - h)[0]) / (2 * h)).toBeCloseTo(at(spline, t, 1)[0], 6);
      expect((at(spline, t + h, 1)[0] - at(spline, t - h, 1)[0]) / (2 * h)).toBeCloseTo(at(spline, t, 2)[0], 6);
    }
  });

  it("two points are a straight line; bad parameters are refused; intervals by bisection", () => {
    expect(at(naturalSpline([1, 3], [2, 6]), 2)[0]).toBe(4);
    expect(() => naturalSpline([0, 1, 1], [0, 1, 2])).toThrow(/strictly increase/);
    expect(() => naturalSpline([0, Number.NaN, 1], [0, 1, 2])).toThrow(/strictly increase/);
    expect(() => naturalSpline([0, 1], [0, 1, 2])).toThrow(/\[parameters, size\]/);
    const sorted = Float64Array.from([0, 1, 1, 2, 5]);
    expect([-1, 0, 0.5, 1, 1.5, 2, 5, 9].map((v) => intervalOf(sorted, v))).toEqual([0, 0, 0, 2, 2, 3, 3, 3]);
  });
});

/** Values of fields on a grid, [nx, ny, m]. */
function sample(
  fields: ((x: number, y: number) => number)[],
  shape: [number, number],
  lower: number[],
  upper: number[],
) {
  const [nx, ny] = shape;
  const m = fields.length;
  const values = new Float64Array(nx * ny * m);
  for (let i = 0; i < nx; i++)
    for (let j = 0; j < ny; j++) {
      const x = lower[0] + ((upper[0] - lower[0]) * i) / (nx - 1);
      const y = lower[1] + ((upper[1] - lower[1]) * j) / (ny - 1);
      fields.forEach((f, k) => {
        values[(i * ny + j) * m + k] = f(x, y);
      });
    }
  return values;
}

describe("bicubic splines", () => {
  it.each([
    [4, 4],
    [5, 4],
    [6, 9],
    [12, 7],
  ])("on %i x %i nodes reproduce bicubic polynomials with all derivatives, also beyond the border", (nx, ny) => {
    const powers = Array.from({ length: 16 }, (_, q) => [q >> 2, q & 3]);
    const [lower, upper] = [[-1, 0.5] as [number, number], [2, 1.5] as [number, number]];
    const values = sample(
      powers.map(
        ([p, q]) =>
          (x, y) =>
            x ** p * y ** q,
      ),
      [nx, ny],
      lower,
      upper,
    );
    const spline = bicubicSpline(values, [nx, ny], 16, lower, upper);
    const power = (x: number, p: number, d: number) =>
      d === 0 ? x ** p : d === 1 ? (p ? p * x ** (p - 1) : 0) : p > 1 ? p * (p - 1) * x ** (p - 2) : 0;
    const out = new Float64Array(6 * 16);
    for (const [x, y, inside] of [
      [-1, 0.5, true],
      [2, 1.5, true],
      [0.123, 1.01, true],
      [1.99, 0.51, true],
      [-0.999, 1.4, true],
      [2.1, 1, false],
      [0, 0.45, false],
    ] as const) {
      expect(evaluateBicubic(spline, x, y, out)).toBe(inside);
      const derivatives = [
        [0, 0],
        [1, 0],
        [0, 1],
        [2, 0],
        [1, 1],
        [0, 2],
      ];
      const expected = derivatives.flatMap(([dx, dy]) => powers.map(([p, q]) => power(x, p, dx) * power(y, q, dy)));
      expect(largestDifference(out, expected)).toBeLessThan(1e-9);
    }
  });

  it("interpolate random data, are C2 across cell borders, and lower orders agree with the full evaluation", () => {
    const random = testRandom(5);
    const [nx, ny, m] = [7, 8, 5];
    const values = Float64Array.from({ length: nx * ny * m }, () => random.normal());
    const spline = bicubicSpline(values, [nx, ny], m, [0, 0], [nx - 1, ny - 1]);
    const out = new Float64Array(6 * m + 3);
    const other = new Float64Array(6 * m + 3);
    for (let i = 0; i < nx; i++)
      for (let j = 0; j < ny; j++) {
        evaluateBicubic(spline, i, j, out, 3, 0);
        expect(
          largestDifference(out.slice(3, 3 + m), values.slice((i * ny + j) * m, (i * ny + j + 1) * m)),
        ).toBeLessThan(1e-12);
      }
    for (let q = 0; q < 40; q++) {
      const [x, y] = [1 + random.integer(nx - 2), random.uniform() * (ny - 1)];
      evaluateBicubic(spline, x - 1e-10, y, out, 3);
      evaluateBicubic(spline, x + 1e-10, y, other, 3);
      expect(largestDifference(out, other)).toBeLessThan(1e-7);
      evaluateBicubic(spline, x, y, out, 3, 2);
      for (const order of [0, 1] as const) {
        other.fill(0);
        evaluateBicubic(spline, x, y, other, 3, order);
        const length = 3 + m * (order === 0 ? 1 : 3);
        expect(largestDifference(out.slice(0, length), other.slice(0, length))).toBeLessThan(1e-12);
      }
    }
  });

  it("converge with order 4 in the value, 3 in the gradient, 2 in the Hessian, up to the border", () => {
    const f = (x: number, y: number) => Math.sin(2 * x + 0.3) * Math.exp(0.7 * y);
    const exact = (x: number, y: number) => {
      const [s, c, e] = [Math.sin(2 * x + 0.3), Math.cos(2 * x + 0.3), Math.exp(0.7 * y)];
      return [s * e, 2 * c * e, 0.7 * s * e, -4 * s * e, 1.4 * c * e, 0.49 * s * e];
    };
    const steps: number[] = [];
    const errors: number[][] = [[], [], []];
    for (const n of [12, 24, 48, 96]) {
      const spline = bicubicSpline(sample([f], [n, n], [0, -1], [2, 1]), [n, n], 1, [0, -1], [2, 1]);
      const out = new Float64Array(6);
      const worst = [0, 0, 0];
      for (let i = 0; i <= 60; i++)
        for (let j = 0; j <= 60; j++) {
          const [x, y] = [i / 30, j / 30 - 1];
          evaluateBicubic(spline, x, y, out);
          exact(x, y).forEach((value, q) => {
            const order = q === 0 ? 0 : q < 3 ? 1 : 2;
            worst[order] = Math.max(worst[order], Math.abs(value - out[q]));
          });
        }
      steps.push(1 / (n - 1));
      worst.forEach((w, order) => {
        errors[order].push(w);
      });
    }
    errors.forEach((e, order) => {
      expect(slope(steps, e)).toBeGreaterThan(4 - order - 0.25);
      expect(slope(steps, e)).toBeLessThan(4 - order + 0.5);
    });
  });

  it("refuse small grids, wrong sizes, empty boxes, values that are not finite", () => {
    expect(() => bicubicSpline(new Float64Array(12), [3, 4], 1, [0, 0], [1, 1])).toThrow(/at least 4/);
    expect(() => bicubicSpline(new Float64Array(15), [4, 4], 1, [0, 0], [1, 1])).toThrow(/\[nx, ny, m\]/);
    expect(() => bicubicSpline(new Float64Array(16), [4, 4], 1, [0, 1], [1, 1])).toThrow(/lower corner/);
    expect(() => bicubicSpline(new Float64Array(16).fill(Number.NaN), [4, 4], 1, [0, 0], [1, 1])).toThrow(/finite/);
  });
});

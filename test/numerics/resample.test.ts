import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  constantSpeed,
  cumulativeLengths,
  evenly,
  type Interpolation,
  pchip,
  polylineLength,
  resampleAt,
  resampleEvenly,
  smoothCurve,
} from "../../src/numerics/resample.js";
import { largestDifference, plainSolve, slope, testRandom } from "./helpers.js";

const circle = (n: number, angle = (t: number) => t) =>
  Float64Array.from({ length: 2 * n }, (_, q) => {
    const a = 2 * angle((q >> 1) / (n - 1));
    return q % 2 === 0 ? Math.cos(a) : Math.sin(a);
  });
const segments = (curve: Float64Array, d: number) => {
  const s = cumulativeLengths(curve, d);
  return s.slice(1).map((v, i) => v - s[i]);
};

describe("resampling", () => {
  it("lengths of a polyline", () => {
    expect([...cumulativeLengths(Float64Array.from([0, 0, 3, 4, 3, 4, 3, 5]), 2)]).toEqual([0, 5, 5, 6]);
    expect(polylineLength(Float64Array.from([1, 4, 2]), 1)).toBe(5);
  });

  it.each(["linear", "natural", "catmullRom"] as const)(
    "%s passes through its points and keeps straight lines",
    (kind: Interpolation) => {
      const random = testRandom(3);
      const t = Float64Array.from({ length: 8 }, (_, i) => i + 0.7 * random.uniform());
      const curve = Float64Array.from({ length: 24 }, () => random.normal());
      expect(largestDifference(resampleAt(curve, 3, t, t, kind), curve)).toBeLessThan(1e-14);
      const line = Float64Array.from({ length: 16 }, (_, q) => (q % 2 ? 2 - 3 * t[q >> 1] : t[q >> 1]));
      const at = Float64Array.from({ length: 50 }, () => t[0] + random.uniform() * (t[7] - t[0]));
      const expected = Float64Array.from({ length: 100 }, (_, q) => (q % 2 ? 2 - 3 * at[q >> 1] : at[q >> 1]));
      expect(largestDifference(resampleAt(line, 2, t, at, kind), expected)).toBeLessThan(1e-13);
      // beyond the ends: the end points
      expect(
        largestDifference(resampleAt(curve, 3, t, Float64Array.from([-9, 99]), kind), [
          ...curve.slice(0, 3),
          ...curve.slice(21),
        ]),
      ).toBeLessThan(1e-14);
    },
  );

  it("catmullRom reproduces parabolas on uneven parameters", () => {
    const t = Float64Array.from([0, 0.3, 1, 1.2, 2]);
    const at = evenly(2, 41);
    const f = (x: number) => 1 - x + 2 * x * x;
    expect(largestDifference(resampleAt(t.map(f), 1, t, at, "catmullRom"), at.map(f))).toBeLessThan(1e-14);
  });

  it.each([
    ["linear", 1.9],
    ["natural", 1.9], // a circle is bent at its ends, a natural spline is not: order 2 there
    ["catmullRom", 2.8],
  ] as const)("%s: even points on a circle, at equal steps, order of convergence %d or more", (kind, order) => {
    const steps: number[] = [];
    const errors: number[] = [];
    for (const n of [10, 20, 40, 80]) {
      const even = resampleEvenly(
        circle(n, (t) => t ** 1.3),
        2,
        23,
        kind,
      );
      steps.push(1 / n);
      errors.push(largestDifference(even, circle(23)));
      const lengths = segments(even, 2);
      if (n === 80) expect(Math.max(...lengths) / Math.min(...lengths)).toBeLessThan(1.001);
    }
    expect(slope(steps, errors)).toBeGreaterThan(order);
  });

  it("keeps the end points exactly, survives repeated points and two-point curves", () => {
    const curve = Float64Array.from([0.1, 0.2, 0.1, 0.2, 1, 1, 1, 1, 3, 0.3, 3, 0.3]);
    for (const kind of ["linear", "natural", "catmullRom"] as const) {
      const even = resampleEvenly(curve, 2, 9, kind);
      expect([...even.slice(0, 2), ...even.slice(16)]).toEqual([0.1, 0.2, 3, 0.3]);
      expect(even.every(Number.isFinite)).toBe(true);
      expect([...resampleEvenly(Float64Array.from([0, 0, 2, 4]), 2, 3, kind)]).toEqual([0, 0, 1, 2, 2, 4]);
      expect([...resampleEvenly(Float64Array.from([1, 1, 1, 1]), 2, 3, kind)]).toEqual([1, 1, 1, 1, 1, 1]);
    }
  });
});

describe("constant speed", () => {
  it("with Euclidean lengths is even resampling; with any lengths equal shares of them", () => {
    const curve = circle(30, (t) => t * t);
    expect(
      largestDifference(constantSpeed(curve, 2, segments(curve, 2), 12), resampleEvenly(curve, 2, 12)),
    ).toBeLessThan(1e-14);
    const line = Float64Array.from([0, 1, 2, 3, 4]);
    expect([...constantSpeed(line, 1, [4, 0, 2, 2], 5)]).toEqual([0, 0.5, 2, 3, 4]);
  });

  it("smooth: a reparametrised circle is recovered with order 3 or better, and the ends exactly", () => {
    const steps: number[] = [];
    const errors: number[] = [];
    for (const n of [16, 32, 64, 128]) {
      const angle = (t: number) => t + 0.1 * Math.sin(2 * Math.PI * t);
      const curve = circle(n, angle);
      const exact = Float64Array.from({ length: n - 1 }, (_, i) => 2 * (angle((i + 1) / (n - 1)) - angle(i / (n - 1))));
      const even = constantSpeed(curve, 2, exact, 21, true);
      // away from the ends, where the natural spline is of second order only
      errors.push(largestDifference(even.slice(8, 34), circle(21).slice(8, 34)));
      steps.push(1 / n);
      expect([...even.slice(0, 2), ...even.slice(40)]).toEqual([...curve.slice(0, 2), ...curve.slice(2 * n - 2)]);
    }
    expect(slope(steps, errors)).toBeGreaterThan(2.8);
  });

  it("never runs backwards", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 10, noNaN: true }), { minLength: 2, maxLength: 12 }),
        fc.boolean(),
        (lengths, smooth) => {
          fc.pre(lengths.some((v) => v > 1e-6));
          const line = evenly(1, lengths.length + 1);
          const even = constantSpeed(line, 1, lengths, 40, smooth);
          return even.every((v, i) => i === 0 || v >= even[i - 1] - 1e-12);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("refuses wrong counts, negative lengths and zero length", () => {
    const line = evenly(1, 3);
    expect(() => constantSpeed(line, 1, [1], 3)).toThrow(/T - 1/);
    expect(() => constantSpeed(line, 1, [1, -1], 3)).toThrow(/-1/);
    expect(() => constantSpeed(line, 1, [0, 0], 3)).toThrow(/length zero/);
    expect(() => constantSpeed(line, 2, [1, 1], 3)).toThrow(/\[T, d\]/);
  });
});

it("pchip: interpolates, is monotone where the data are, third order on smooth data", () => {
  const x = Float64Array.from([0, 1, 1.5, 3, 7]);
  const y = Float64Array.from([0, 0, 5, 5.1, 9]);
  expect(largestDifference(pchip(x, y, x), y)).toBe(0);
  const fine = pchip(x, y, evenly(7, 701));
  for (let i = 1; i < fine.length; i++) expect(fine[i]).toBeGreaterThanOrEqual(fine[i - 1]);
  const errors = [10, 20, 40, 80].map((n) => {
    const t = evenly(1, n);
    const at = evenly(1, 333);
    return largestDifference(pchip(t, t.map(Math.exp), at), at.map(Math.exp));
  });
  expect(slope([1 / 9, 1 / 19, 1 / 39, 1 / 79], errors)).toBeGreaterThan(2.8);
});

describe("smoothing", () => {
  it("is the minimiser of its functional (dense solve) with fixed ends", () => {
    const random = testRandom(8);
    for (const points of [3, 4, 5, 6, 11]) {
      const curve = Float64Array.from({ length: 2 * points }, () => random.normal());
      const strength = 2.5;
      const smooth = smoothCurve(curve, 2, strength);
      for (const k of [0, 1]) {
        // normal equations over all points, the ends pinned by a huge weight
        const a = Array.from({ length: points }, (_, i) =>
          Array.from({ length: points }, (_, j) => (i === j ? (i === 0 || i === points - 1 ? 1e12 : 1) : 0)),
        );
        for (let i = 1; i + 1 < points; i++) {
          const row = [1, -2, 1];
          for (let p = 0; p < 3; p++) for (let q = 0; q < 3; q++) a[i - 1 + p][i - 1 + q] += strength * row[p] * row[q];
        }
        const weights = Array.from({ length: points }, (_, i) => (i === 0 || i === points - 1 ? 1e12 : 1));
        const expected = plainSolve(
          a,
          weights.map((w, i) => w * curve[2 * i + k]),
        );
        for (let i = 0; i < points; i++) expect(smooth[2 * i + k]).toBeCloseTo(expected[i], 8);
      }
    }
  });

  it("keeps straight lines and strength zero keeps everything; a staircase becomes shorter", () => {
    const line = Float64Array.from({ length: 20 }, (_, q) => (q % 2 ? q >> 1 : 3 - (q >> 1)));
    expect(largestDifference(smoothCurve(line, 2, 100), line)).toBeLessThan(1e-10);
    const stairs = Float64Array.from({ length: 40 }, (_, q) => Math.ceil((q >> 1) / 2 - (q % 2) * 0.5));
    expect(largestDifference(smoothCurve(stairs, 2, 0), stairs)).toBe(0);
    const smooth = smoothCurve(stairs, 2, 10);
    const straight = Math.hypot(stairs[38] - stairs[0], stairs[39] - stairs[1]);
    expect(polylineLength(smooth, 2) / straight).toBeLessThan(1.02);
    expect(polylineLength(stairs, 2) / straight).toBeGreaterThan(1.3);
    expect(() => smoothCurve(line, 2, -1)).toThrow(/strength/);
  });
});

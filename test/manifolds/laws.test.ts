/** Laws of Riemannian geometry on every manifold, on the host in float64. */
import { describe, expect, it } from "vitest";
import { randomKey, stream } from "../../src/engine/index.js";
import { slope } from "../numerics/helpers.js";
import { cases, draws, gapBetween, largest, tangentAt } from "./cases.js";

describe.each(cases.map((m) => [m.name, m] as const))("%s", (_name, m) => {
  const samples = draws(m, 25);

  it("draws points of its own, and projects to itself", () => {
    for (const { x, v } of samples) {
      expect(m.whyNotAPoint(x)).toBeUndefined();
      expect(gapBetween(m.projectPoint(x), x)).toBeLessThan(1e-14);
      expect(gapBetween(m.projectVector(x, v), v)).toBeLessThan(1e-12);
    }
  });

  it("log inverts exp, and exp inverts log", () => {
    for (const { x, y, u } of samples) {
      const end = m.exponentialMap(x, u);
      expect(m.whyNotAPoint(end)).toBeUndefined();
      expect(m.norm(x, m.projectVector(x, minus(m.logarithmicMap(x, end), u)))).toBeLessThan(1e-9);
      expect(m.distance(m.exponentialMap(x, m.logarithmicMap(x, y)), y)).toBeLessThan(1e-9);
    }
  });

  it("distance is the norm of log, symmetric, zero at coincidence, and obeys the triangle inequality", () => {
    for (const { x, y, z } of samples) {
      const d = m.distance(x, y);
      expect(m.norm(x, m.logarithmicMap(x, y))).toBeCloseTo(d, 10);
      expect(m.distance(y, x)).toBeCloseTo(d, 12);
      expect(m.distance(x, x)).toBe(0);
      expect(m.squaredDistance(x, y)).toBeCloseTo(d * d, 10);
      expect(m.distance(x, z)).toBeLessThanOrEqual(d + m.distance(y, z) + 1e-12);
    }
  });

  it("transport keeps inner products, carries the velocity along, and returns", () => {
    for (const { x, y, u, v } of samples) {
      const [tu, tv] = [m.parallelTransport(x, y, u), m.parallelTransport(x, y, v)];
      expect(gapBetween(m.projectVector(y, tu), tu)).toBeLessThan(1e-11);
      const inner = m.innerProduct(x, u, v);
      expect(Math.abs(m.innerProduct(y, tu, tv) - inner) / (1 + Math.abs(inner))).toBeLessThan(1e-10);
      const carried = m.parallelTransport(x, y, m.logarithmicMap(x, y));
      expect(gapBetween(carried, negative(m.logarithmicMap(y, x)))).toBeLessThan(1e-9);
      expect(gapBetween(m.parallelTransport(y, x, tu), u)).toBeLessThan(1e-9);
    }
  });

  it("geodesics have constant speed and are their own pieces", () => {
    for (const { x, y } of samples) {
      const d = m.distance(x, y);
      for (const t of [0, 0.25, 0.5, 1]) expect(m.distance(x, m.geodesic(x, y, t))).toBeCloseTo(t * d, 8);
      const middle = m.geodesic(x, y, 0.5);
      expect(m.distance(m.geodesic(middle, y, 0.5), m.geodesic(x, y, 0.75))).toBeLessThan(1e-8);
    }
  });

  it("the frame is orthonormal and inverts", () => {
    const random = stream(randomKey(3));
    for (const { x } of samples.slice(0, 10)) {
      const [e, f] = [0, 1].map(() => Float64Array.from({ length: m.dimension }, () => random.normal()));
      const [u, v] = [m.fromFrame(x, e), m.fromFrame(x, f)];
      const flat = e.reduce((s, value, i) => s + value * f[i], 0);
      expect(m.innerProduct(x, u, v)).toBeCloseTo(flat, 9);
      expect(gapBetween(m.toFrame(x, u), e)).toBeLessThan(1e-9);
    }
  });

  it("the metric is what infinitesimal distances say: the error falls with the square of the step", () => {
    const random = stream(randomKey(4));
    const [x, origin] = [m.drawBase(random), m.origin];
    for (const point of [x, origin]) {
      const v = tangentAt(m, point, random, 1);
      const steps = [0.1, 0.05, 0.025, 0.0125];
      const errors = steps.map((h) => {
        const moved = m.projectPoint(v.map((value, i) => point[i] + h * value));
        return Math.abs(m.distance(point, moved) / h - 1);
      });
      if (largest(errors) > 1e-12) expect(slope(steps, errors)).toBeGreaterThan(0.9);
      expect(errors[3]).toBeLessThan(0.1);
    }
  });

  it("the volume of exp is the determinant of its differential, by central differences", () => {
    for (const { x, u } of samples.slice(0, 6)) {
      const y = m.exponentialMap(x, u);
      const h = 1e-4;
      const rows = Array.from({ length: m.dimension }, (_, i) => {
        const unit = m.fromFrame(
          x,
          new Float64Array(m.dimension).map((_z, j) => (i === j ? 1 : 0)),
        );
        const at = (step: number) =>
          m.exponentialMap(
            x,
            u.map((value, k) => value + step * unit[k]),
          );
        // The differential along a frame vector, in the frame at the end point.
        const [forward, backward] = [m.logarithmicMap(y, at(h)), m.logarithmicMap(y, at(-h))];
        return Array.from(
          m.toFrame(
            y,
            minus(forward, backward).map((value) => value / (2 * h)),
          ),
        );
      });
      expect(m.logExponentialVolume(x, u)).toBeCloseTo(Math.log(Math.abs(determinant(rows))), 5);
    }
  });

  it("sectional curvature: the defect of small geodesic triangles", () => {
    if (m.curvature === undefined || m.dimension < 2) return;
    const random = stream(randomKey(5));
    const x = m.drawBase(random);
    // Law of cosines to fourth order: c^2 = a^2 + b^2 - 2ab cos - K/3 a^2 b^2 sin^2.
    const [e, f] = [0, 1].map((k) => new Float64Array(m.dimension).map((_z, j) => (k === j ? 1 : 0)));
    const t = 0.02;
    const [y, z] = [e, f].map((axis) =>
      m.exponentialMap(
        x,
        m.fromFrame(x, axis).map((value) => t * value),
      ),
    );
    const defect = (2 * t * t - m.squaredDistance(y, z)) / t ** 4;
    expect(defect).toBeCloseTo(m.curvature / 3, 2);
  });
});

const minus = (a: Float64Array, b: Float64Array) => a.map((value, i) => value - b[i]);
const negative = (a: Float64Array) => a.map((value) => -value);

function determinant(rows: number[][]): number {
  const a = rows.map((row) => [...row]);
  let value = 1;
  for (let c = 0; c < a.length; c++) {
    let p = c;
    for (let r = c + 1; r < a.length; r++) if (Math.abs(a[r][c]) > Math.abs(a[p][c])) p = r;
    if (p !== c) [a[c], a[p], value] = [a[p], a[c], -value];
    value *= a[c][c];
    for (let r = c + 1; r < a.length; r++) {
      const factor = a[r][c] / a[c][c];
      for (let k = c; k < a.length; k++) a[r][k] -= factor * a[c][k];
    }
  }
  return value;
}

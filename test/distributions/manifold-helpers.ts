/** What the tests of distributions on manifolds share: a Kolmogorov-Smirnov bound and integrals over two surfaces. */
import { gaussLegendre, type Manifold } from "../../src/manifolds/index.js";

/**
 * The largest gap between the empirical distribution function and `cumulative`, over the value that it exceeds with
 * probability 1e-6 (Dvoretzky-Kiefer-Wolfowitz-Massart): a test that it is below 1 raises a false alarm once in a
 * million seeds.
 */
export function kolmogorovRatio(samples: ArrayLike<number>, cumulative: (x: number) => number): number {
  const sorted = Float64Array.from(samples as ArrayLike<number>).sort();
  const n = sorted.length;
  let gap = 0;
  for (let i = 0; i < n; i++) {
    const f = cumulative(sorted[i]);
    gap = Math.max(gap, Math.abs(f - i / n), Math.abs(f - (i + 1) / n));
  }
  return gap / Math.sqrt(Math.log(2 / 1e-6) / (2 * n));
}

/** The standard normal distribution function, by a series or a continued fraction; 1e-12. */
export function normalCumulative(x: number): number {
  if (x < 0) return 1 - normalCumulative(-x);
  const density = Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
  if (x < 3) {
    let [term, total] = [x, x];
    for (let k = 1; k < 100; k++) total += term *= (x * x) / (2 * k + 1);
    return 0.5 + density * total;
  }
  let tail = x;
  for (let k = 60; k >= 1; k--) tail = x + k / tail;
  return 1 - density / tail;
}

/** int exp(logDensity) over the hyperbolic plane of curvature -c, out to radius `reach`, by polar quadrature. */
export function massOfPlane(m: Manifold, logDensity: (z: Float64Array) => number, reach: number): number {
  const [radial, angles] = [gaussLegendre(100), 120];
  const root = Math.sqrt(-m.curvature!);
  let total = 0;
  radial.nodes.forEach((node, i) => {
    const r = (reach * (node + 1)) / 2;
    const ring = (Math.sinh(root * r) / root) * radial.weights[i] * (reach / 2) * ((2 * Math.PI) / angles);
    for (let j = 0; j < angles; j++) {
      const angle = (2 * Math.PI * (j + 0.5)) / angles;
      const e = [r * Math.cos(angle), r * Math.sin(angle)];
      total += ring * Math.exp(logDensity(m.exponentialMap(m.origin, m.fromFrame(m.origin, e))));
    }
  });
  return total;
}

/** int exp(logDensity) over S^2 in polar coordinates around `pole`. */
export function massOfSphere(m: Manifold, logDensity: (z: Float64Array) => number, pole: Float64Array): number {
  const [radial, angles] = [gaussLegendre(80), 80];
  let total = 0;
  radial.nodes.forEach((node, i) => {
    const r = (Math.PI * (node + 1)) / 2;
    const ring = Math.sin(r) * radial.weights[i] * (Math.PI / 2) * ((2 * Math.PI) / angles);
    for (let j = 0; j < angles; j++) {
      const angle = (2 * Math.PI * (j + 0.5)) / angles;
      const v = m.fromFrame(pole, [r * Math.cos(angle), r * Math.sin(angle)]);
      total += ring * Math.exp(logDensity(m.exponentialMap(pole, v)));
    }
  });
  return total;
}

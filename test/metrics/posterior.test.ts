/** The posterior-covariance metric against a plain double loop, finite differences, and integrals known in closed form. */
import { describe, expect, it } from "vitest";
import { compile, grad, type NdArray, ndarray, sum, type Tensor } from "../../src/engine/index.js";
import { UsageError } from "../../src/errors.js";
import {
  evaluate,
  type LatentMetric,
  logMagnificationFactor,
  type PosteriorMetric,
  paperRho,
  posteriorMetric,
  posteriorMetricOf,
  potentialMetric,
  validateMetric,
} from "../../src/metrics/index.js";
import { testRandom } from "../numerics/helpers.js";

const metricTensor = (m: LatentMetric, z: Tensor) => m.metricTensor(z);
const segmentEnergy = (m: LatentMetric, a: Tensor, b: Tensor) => m.segmentEnergy(a, b);
const logVolume = (m: LatentMetric, z: Tensor) => (m as PosteriorMetric).logVolume(z);

const random = testRandom(5);
const normals = (n: number, scale = 1) => Float64Array.from({ length: n }, () => scale * random.normal());

/** Random centroids with diagonal or full precisions. */
function example(n: number, d: number, diagonal: boolean, tau: number) {
  const centroids = ndarray(normals(n * d), [n, d]);
  const common = { centroids, lambda: 0.02, tau, rho: 1.3 };
  if (diagonal) {
    const m = Float64Array.from({ length: n * d }, () => 0.5 + 6 * random.uniform());
    const full = new Float64Array(n * d * d);
    m.forEach((x, i) => {
      full[Math.floor(i / d) * d * d + (i % d) * (d + 1)] = x;
    });
    return { options: { ...common, inverseVariances: ndarray(m, [n, d]) }, full };
  }
  const full = new Float64Array(n * d * d);
  for (let i = 0; i < n; i++) {
    const a = normals(d * d);
    for (let r = 0; r < d; r++)
      for (let c = 0; c < d; c++) {
        let entry = r === c ? 0.3 : 0;
        for (let k = 0; k < d; k++) entry += a[r * d + k] * a[c * d + k];
        full[(i * d + r) * d + c] = entry;
      }
  }
  return { options: { ...common, inverseCovariances: ndarray(full, [n, d, d]) }, full };
}

/** Equation 4 as it stands, one entry after another. */
function plainMetric(
  z: ArrayLike<number>,
  o: { centroids: NdArray; rho: number; lambda: number; tau: number },
  p: Float64Array,
) {
  const [n, d] = o.centroids.shape;
  const g: number[][] = Array.from({ length: d }, () => new Array(d).fill(0));
  for (let i = 0; i < n; i++) {
    let q = 0;
    for (let r = 0; r < d; r++)
      for (let c = 0; c < d; c++)
        q += (z[r] - o.centroids.data[i * d + r]) * p[(i * d + r) * d + c] * (z[c] - o.centroids.data[i * d + c]);
    const w = Math.exp(-q / o.rho ** 2);
    for (let r = 0; r < d; r++) for (let c = 0; c < d; c++) g[r][c] += w * p[(i * d + r) * d + c];
  }
  let squared = 0;
  for (let r = 0; r < d; r++) squared += z[r] ** 2;
  for (let r = 0; r < d; r++) g[r][r] += o.lambda * Math.exp(-o.tau * squared);
  return g;
}

function plainHalfLogDeterminant(g: number[][]): number {
  const a = g.map((row) => [...row]);
  let total = 0;
  for (let k = 0; k < a.length; k++) {
    total += 0.5 * Math.log(a[k][k]);
    for (let r = k + 1; r < a.length; r++)
      for (let c = a.length - 1; c >= k; c--) a[r][c] -= (a[r][k] / a[k][k]) * a[k][c];
  }
  return total;
}

describe.each([
  ["diagonal", 5, 2, true, 0],
  ["diagonal, decaying floor", 7, 5, true, 0.3],
  ["full", 4, 2, false, 0],
  ["full, decaying floor", 6, 4, false, 0.2],
] as const)("posteriorMetric, %s", (_name, n, d, diagonal, tau) => {
  const { options, full } = example(n, d, diagonal, tau);
  const metric = posteriorMetric(options);
  const points = ndarray(normals(9 * d, 1.5), [9, d]);
  const row = (a: NdArray, i: number) => Array.from(a.data.subarray(i * d, (i + 1) * d));

  it("equals the double loop, tensor, volume and steps", async () => {
    const tensor = await evaluate(metric, metricTensor, points);
    const volume = await evaluate(metric, logVolume, points);
    const ends = ndarray(
      points.data.map((x) => x + 0.2),
      [9, d],
    );
    const steps = await evaluate(metric, segmentEnergy, points, [ends]);
    for (let i = 0; i < 9; i++) {
      const g = plainMetric(row(points, i), options, full);
      g.flat().forEach((x, k) => {
        expect(tensor.data[i * d * d + k]).toBeCloseTo(x, 10);
      });
      expect(volume.data[i]).toBeCloseTo(plainHalfLogDeterminant(g), 9);
      const middle = row(points, i).map((x) => x + 0.1);
      const energy = plainMetric(middle, options, full)
        .flat()
        .reduce((s, x) => s + 0.04 * x, 0);
      expect(steps.data[i]).toBeCloseTo(energy, 10);
    }
    await validateMetric(metric, points);
    const generic = await evaluate(metric, logMagnificationFactor, points);
    generic.data.forEach((x, i) => {
      expect(x).toBeCloseTo(volume.data[i], 8);
    });
  });

  it("has the exact gradient of its log volume: by differentiation, and by finite differences with an error of h^2", async () => {
    const exact = compile((z: Tensor) => metric.logVolumeWithGradient(z), { precision: "float64" });
    const automatic = compile(
      grad((z: Tensor) => sum(metric.logVolume(z))),
      { precision: "float64" },
    );
    const { logVolume: value, gradient } = await exact(points);
    const other = await automatic(points);
    gradient.data.forEach((x: number, i: number) => {
      expect(Math.abs(x - other.data[i])).toBeLessThan(1e-8 * (1 + Math.abs(x)));
    });
    const direction = normals(9 * d);
    const differences = (h: number) => {
      let worst = 0;
      for (let i = 0; i < 9; i++) {
        const at = (s: number) =>
          plainHalfLogDeterminant(
            plainMetric(
              row(points, i).map((x, k) => x + s * direction[i * d + k]),
              options,
              full,
            ),
          );
        let slope = 0;
        for (let k = 0; k < d; k++) slope += gradient.data[i * d + k] * direction[i * d + k];
        worst = Math.max(worst, Math.abs((at(h) - at(-h)) / (2 * h) - slope));
      }
      return worst;
    };
    const order = Math.log(differences(0.02) / differences(0.01)) / Math.log(2);
    expect(order).toBeGreaterThan(1.8);
    expect(order).toBeLessThan(2.2);
    expect(value.shape).toEqual([9]);
    await exact.dispose();
    await automatic.dispose();
  });

  it("comes down to its floor far away, and its log volume stays finite", async () => {
    const far = ndarray(new Float64Array(d).fill(40), [1, d]);
    const floor = Math.log(options.lambda) - tau * 1600 * d;
    const volume = await evaluate(metric, logVolume, far);
    expect(volume.data[0]).toBeCloseTo((d / 2) * floor, 6);
    if (tau > 0) return;
    const tensor = await evaluate(metric, metricTensor, far);
    tensor.data.forEach((x: number, k: number) => {
      expect(x).toBeCloseTo(k % (d + 1) === 0 ? options.lambda : 0, 12);
    });
  });
});

describe("an isolated centroid", () => {
  // The volume of one bump tends to (2 pi rho^2 / d)^(d/2) and its shape to N(c, (rho^2 / d) Sigma) as lambda -> 0.
  it("has mass 2 pi rho^2 / 2 and covariance (rho^2 / 2) Sigma in the plane", async () => {
    const metric = posteriorMetric({
      centroids: [[0.3, -0.2]],
      inverseVariances: [[25, 4]],
      rho: 1.1,
      lambda: 1e-9,
    });
    const n = 120;
    const [hx, hy] = [2.6 / n, 6 / n];
    const points = new Float64Array(n * n * 2);
    for (let i = 0; i < n * n; i++) {
      points[2 * i] = 0.3 - 1.3 + ((i % n) + 0.5) * hx;
      points[2 * i + 1] = -0.2 - 3 + (Math.floor(i / n) + 0.5) * hy;
    }
    const volume = await evaluate(metric, logVolume, ndarray(points, [n * n, 2]));
    let [mass, xx, yy, xy] = [0, 0, 0, 0];
    volume.data.forEach((l: number, i: number) => {
      const w = Math.exp(l) * hx * hy;
      const [x, y] = [points[2 * i] - 0.3, points[2 * i + 1] + 0.2];
      mass += w;
      xx += w * x * x;
      yy += w * y * y;
      xy += w * x * y;
    });
    expect(mass).toBeCloseTo(3.80133, 4);
    expect(xx / mass).toBeCloseTo(0.0242, 6);
    expect(yy / mass).toBeCloseTo(0.15125, 5);
    expect(xy / mass).toBeCloseTo(0, 8);
  });
});

describe("posteriorMetricOf", () => {
  const n = 120;
  const codes = ndarray(normals(n * 3), [n, 3]);
  const logs = ndarray(normals(n * 3, 0.5), [n, 3]);

  it("takes centroids among the codes, with their variances, and rho by the paper's rule; the seed decides", () => {
    const metric = posteriorMetricOf(codes, logs, { centroids: 9, seed: 4 });
    const { chosen, rho, centroids, lambda, tau } = metric.description;
    expect(centroids).toBe(9);
    expect([lambda, tau]).toEqual([0.01, 0]);
    chosen!.indices.forEach((row, i) => {
      for (let k = 0; k < 3; k++) {
        expect(metric.centroids.data[i * 3 + k]).toBe(codes.data[row * 3 + k]);
        expect(metric.inverseVariances!.data[i * 3 + k]).toBeCloseTo(Math.exp(-logs.data[row * 3 + k]), 12);
      }
    });
    let largest = 0;
    for (let i = 0; i < 9; i++) {
      const distances = Array.from({ length: 9 }, (_, j) =>
        i === j
          ? Infinity
          : Math.hypot(...[0, 1, 2].map((k) => metric.centroids.data[i * 3 + k] - metric.centroids.data[j * 3 + k])),
      );
      largest = Math.max(largest, Math.min(...distances));
    }
    expect(rho).toBeCloseTo(largest, 12);
    expect(posteriorMetricOf(codes, logs, { centroids: 9, seed: 4 }).description).toEqual(metric.description);
    expect(metric.withTau(0.5).description).toEqual({ ...metric.description, tau: 0.5 });
  });

  it("refuses what it cannot use, in one sentence", () => {
    expect(() => posteriorMetricOf(codes, logs, { centroids: 121 })).toThrow(/121 centroids of 120 codes/);
    const one = { centroids: [[0, 0]], rho: 1 };
    expect(() => posteriorMetric({ centroids: [[0, 0]], inverseVariances: [[1, 1]] })).toThrow(/give rho/);
    expect(() => posteriorMetric({ ...one, inverseVariances: [[1, 0]] })).toThrow(/above zero/);
    expect(() => posteriorMetric({ ...one, inverseVariances: [[1, Number.NaN]] })).toThrow(UsageError);
    expect(() => posteriorMetric({ ...one })).toThrow(/either inverseVariances/);
    expect(() => posteriorMetric({ ...one, inverseVariances: [[1, 1]], lambda: 0 })).toThrow(/lambda is 0/);
    expect(() => posteriorMetric({ ...one, inverseVariances: [[1, 1]], tau: -1 })).toThrow(/tau is -1/);
    const singular = ndarray(Float64Array.of(1, 1, 1, 1), [1, 2, 2]);
    expect(() => posteriorMetric({ ...one, inverseCovariances: singular })).toThrow(/not positive definite/);
    const skew = ndarray(Float64Array.of(1, 0.5, 0, 1), [1, 2, 2]);
    expect(() => posteriorMetric({ ...one, inverseCovariances: skew })).toThrow(/symmetric/);
    expect(() => paperRho(ndarray(new Float64Array(4), [2, 2]))).toThrow(/coinciding/);
  });
});

describe("potentialMetric", () => {
  it("is (det G)^(-a) I, with its exponent in its name", async () => {
    const { options, full } = example(5, 3, true, 0);
    const metric = posteriorMetric(options);
    const z = normals(3);
    for (const exponent of [1, 1 / 3]) {
      const conformal = potentialMetric(metric, { exponent });
      const tensor = await evaluate(conformal, metricTensor, ndarray(z, [1, 3]));
      const factor = Math.exp(-2 * exponent * plainHalfLogDeterminant(plainMetric(z, options, full)));
      tensor.data.forEach((x: number, k: number) => {
        expect(x / factor).toBeCloseTo(k % 4 === 0 ? 1 : 0, 9);
      });
      expect(conformal.name).toContain(exponent === 1 ? "a = 1" : "a = 0.3333");
    }
  });
});

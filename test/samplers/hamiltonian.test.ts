/** The leapfrog is reversible, keeps volume and has order 2; chains leave their law as it is. */
import { describe, expect, it } from "vitest";
import { compile, concat, jacobian, ndarray, reshape, slice, type Tensor } from "../../src/engine/index.js";
import { type PosteriorMetric, posteriorMetric } from "../../src/metrics/index.js";
import { determinant } from "../../src/numerics/dense.js";
import { randomKey, stream } from "../../src/numerics/random.js";
import { kolmogorovSmirnovTest, normalDistribution } from "../../src/numerics/statistics.js";
import { dualAveraging, hamiltonian, leapfrog, posteriorMixture, riemannianLaw } from "../../src/samplers/index.js";
import { slope } from "../numerics/helpers.js";
import { fitOfPoints, integrate, overlapping } from "./law.js";

const law = riemannianLaw(overlapping);
const target = law.target;
const starts = ndarray(Float64Array.of(0.2, -0.1, 1.1, 0.4, 2.3, -1), [3, 2]);
const momenta = ndarray(Float64Array.of(0.9, -1.3, -0.2, 0.8, 1.5, 0.4), [3, 2]);
const stepOf = (size: number) => ndarray(new Float64Array(3).fill(size), [3, 1]);

async function run(steps: number, size: number, z = starts, p = momenta) {
  const at = compile((x: Tensor) => target.logDensityWithGradient(x), { precision: "float64" });
  const go = compile(leapfrog(target, steps), { precision: "float64" });
  const first = await at(z);
  const end = await go(z, p, first.gradient, stepOf(size));
  await at.dispose();
  await go.dispose();
  const kinetic = (q: ArrayLike<number>, i: number) => 0.5 * (q[2 * i] ** 2 + q[2 * i + 1] ** 2);
  const change = [0, 1, 2].map(
    (i) => kinetic(end.momentum.data, i) - end.logDensity.data[i] - kinetic(p.data, i) + first.logDensity.data[i],
  );
  return { end, change };
}

describe("leapfrog", () => {
  it("comes back to its start when the momentum is turned round", async () => {
    const { end } = await run(12, 0.15);
    const back = await run(
      12,
      0.15,
      end.position,
      ndarray(
        end.momentum.data.map((x: number) => -x),
        [3, 2],
      ),
    );
    starts.data.forEach((x: number, i: number) => {
      expect(back.end.position.data[i]).toBeCloseTo(x, 11);
      expect(back.end.momentum.data[i]).toBeCloseTo(-momenta.data[i], 11);
    });
    expect(Math.abs(end.position.data[0] - starts.data[0])).toBeGreaterThan(0.1); // it went somewhere
  });

  it("keeps volume in phase space", async () => {
    const flow = (state: Tensor) => {
      const [z, p] = [reshape(slice(state, [[0, 2]]), [1, 2]), reshape(slice(state, [[2, 4]]), [1, 2])];
      const { gradient } = target.logDensityWithGradient(z);
      const one = ndarray(Float64Array.of(0.15), [1, 1]);
      const go = leapfrog(target, 4) as (...args: any[]) => { position: Tensor; momentum: Tensor };
      const end = go(z, p, gradient, one);
      return reshape(concat([end.position, end.momentum], 1), [4]);
    };
    const derivative = compile((s: Tensor) => jacobian(flow)(s), { precision: "float64" });
    const j = await derivative(ndarray(Float64Array.of(0.2, -0.1, 0.9, -1.3)));
    expect(determinant(j.data as Float64Array, 4)).toBeCloseTo(1, 10);
    expect(Math.abs(j.data[0] - 1)).toBeGreaterThan(0.05);
    await derivative.dispose();
  });

  it("changes the Hamiltonian by O(epsilon^2) over a fixed time", async () => {
    const counts = [10, 20, 40, 80];
    const errors: number[] = [];
    for (const n of counts) errors.push(Math.max(...(await run(n, 1 / n)).change.map(Math.abs)));
    const order = slope(
      counts.map((n) => 1 / n),
      errors,
    );
    expect(order).toBeGreaterThan(1.8);
    expect(order).toBeLessThan(2.2);
  });
});

describe("chains", () => {
  /** Ends of 4,000 chains after 40 Hamiltonian transitions from the mixture: independent points. */
  async function ends(momentumScale: number) {
    const programs = hamiltonian(target, { leapfrogSteps: 10, precision: "float64", momentumScale });
    const chains = await programs.start(
      posteriorMixture(law.metric).draw(4000, stream(randomKey(7))),
      stream(randomKey(8)),
    );
    for (let i = 0; i < 40; i++) await chains.transition(0.25);
    await programs.dispose();
    return chains.positions();
  }

  it("follow sqrt(det G), and with wrong momenta do not", async () => {
    // A right sampler fails this once in a million seeds.
    const exact = await integrate(law.metric);
    expect(fitOfPoints(await ends(1), exact)).toBeGreaterThan(1e-6);
    expect(fitOfPoints(await ends(0.5), exact)).toBeLessThan(1e-12);
  });

  it("leave the mixture invariant where it is the law (isolated bumps, no floor to speak of)", async () => {
    const metric = posteriorMetric({
      centroids: [
        [0, 0, 0],
        [40, 0, 0],
        [0, 40, 0],
      ],
      inverseVariances: [
        [1, 4, 9],
        [2, 2, 2],
        [6, 1, 0.5],
      ],
      rho: 1.5,
      lambda: 1e-12,
    });
    const mixture = posteriorMixture(metric);
    const programs = hamiltonian(riemannianLaw(metric).target, { leapfrogSteps: 7, precision: "float64" });
    const n = 3000;
    const chains = await programs.start(mixture.draw(n, stream(randomKey(1))), stream(randomKey(2)));
    let acceptance = 0;
    for (let i = 0; i < 30; i++) acceptance += (await chains.transition(0.33)) / 30;
    await programs.dispose();
    expect(acceptance).toBeGreaterThan(0.5);
    expect(acceptance).toBeLessThan(0.97); // steps so long that the decisions matter
    const z = chains.positions();
    // Each coordinate in units of its bump is standard normal: 9 tests that fail together once in 100,000 seeds.
    const spread = 1.5 / Math.sqrt(3);
    for (let component = 0; component < 3; component++)
      for (let k = 0; k < 3; k++) {
        const values: number[] = [];
        for (let i = 0; i < n; i++) {
          const own = z[3 * i] > 20 ? 1 : z[3 * i + 1] > 20 ? 2 : 0;
          if (own !== component) continue;
          const at = 3 * component + k;
          values.push(
            ((z[3 * i + k] - metric.centroids.data[at]) * Math.sqrt(metric.inverseVariances!.data[at])) / spread,
          );
        }
        expect(values.length).toBeGreaterThan(800);
        expect(kolmogorovSmirnovTest(values, normalDistribution).pValue).toBeGreaterThan(1e-6);
      }
  });

  it("independence moves alone sample the law too", async () => {
    // Two bumps of different shape on top of each other: sqrt(det G) is 26 there, its parts are 5 and 5.
    const metric = posteriorMetric({
      centroids: [
        [0, 0],
        [0.2, 0.1],
        [2, -0.8],
      ],
      inverseVariances: [
        [1, 25],
        [25, 1],
        [4, 4],
      ],
      rho: 1,
      lambda: 1e-5,
    });
    const close = riemannianLaw(metric);
    const programs = hamiltonian(close.target, { precision: "float64" });
    const mixture = posteriorMixture(close.metric);
    const at = compile((z: Tensor) => mixture.logDensity(z), { precision: "float64" });
    const random = stream(randomKey(4));
    const n = 6000;
    const chains = await programs.start(mixture.draw(n, random), stream(randomKey(5)));
    const exact = await integrate(close.metric, undefined, 1);
    expect(fitOfPoints(chains.positions(), exact)).toBeLessThan(1e-6);
    let accepted = 0;
    for (let i = 0; i < 40; i++)
      accepted += await chains.propose(mixture.draw(n, random), async (z) => (await at(ndarray(z, [n, 2]))).data);
    expect(accepted / 40).toBeGreaterThan(0.5);
    expect(fitOfPoints(chains.positions(), exact)).toBeGreaterThan(1e-6);
    await programs.dispose();
    await at.dispose();
  });

  it("do not depend on how they are cut into blocks", async () => {
    const positions: Float64Array[] = [];
    for (const block of [512, 7]) {
      const programs = hamiltonian(target, { precision: "float64", block });
      const chains = await programs.start(
        posteriorMixture(law.metric).draw(20, stream(randomKey(1))),
        stream(randomKey(2)),
      );
      for (let i = 0; i < 5; i++) await chains.transition(0.2);
      positions.push(chains.positions());
      await programs.dispose();
    }
    positions[0].forEach((x, i) => {
      expect(positions[1][i]).toBeCloseTo(x, 9);
    });
  });
});

describe("posteriorMixture", () => {
  it("has mass 1 and the covariance (rho^2 / d) Sigma, also for full covariances", async () => {
    const inverseCovariances = ndarray(Float64Array.of(3, 1, 1, 2), [1, 2, 2]);
    const metric: PosteriorMetric = posteriorMetric({ centroids: [[1, -1]], inverseCovariances, rho: 0.8 });
    const mixture = posteriorMixture(metric);
    const at = compile((z: Tensor) => mixture.logDensity(z), { precision: "float64" });
    const n = 160;
    const points = new Float64Array(2 * n * n);
    for (let i = 0; i < n * n; i++) points.set([-1.5 + (i % n) / 32, -3.5 + Math.floor(i / n) / 32], 2 * i);
    const density = (await at(ndarray(points, [n * n, 2]))).data.map(Math.exp) as Float64Array;
    const moment = (f: (x: number, y: number) => number) =>
      density.reduce((s, p, i) => s + (p * f(points[2 * i] - 1, points[2 * i + 1] + 1)) / 1024, 0);
    expect(moment(() => 1)).toBeCloseTo(1, 5);
    const drawn = mixture.draw(20000, stream(randomKey(3)));
    const sample = (f: (x: number, y: number) => number) => {
      let s = 0;
      for (let i = 0; i < 20000; i++) s += f(drawn[2 * i] - 1, drawn[2 * i + 1] + 1) / 20000;
      return s;
    };
    // Sigma = [[2, -1], [-1, 3]] / 5, rho^2 / d = 0.32
    for (const [f, wanted] of [
      [(x: number, _y: number) => x * x, 0.128],
      [(x: number, y: number) => x * y, -0.064],
      [(_x: number, y: number) => y * y, 0.192],
    ] as const) {
      expect(moment(f)).toBeCloseTo(wanted, 5);
      expect(Math.abs(sample(f) - wanted)).toBeLessThan(5.2 * 0.0025); // 5.2 standard errors and more
    }
    await at.dispose();
  });
});

describe("dualAveraging", () => {
  it("finds the step size that gives the wanted rate", () => {
    const steps = dualAveraging(0.01, 0.8);
    for (let i = 0; i < 400; i++) steps.update(Math.exp(-((steps.current / 2) ** 2))); // 0.8 at 2 sqrt(-log 0.8)
    expect(Math.abs(steps.averaged - 2 * Math.sqrt(-Math.log(0.8)))).toBeLessThan(0.02);
  });
});

/**
 * Distribution functions by bins (gamma, beta, Dirichlet shares) and by counts (Poisson) against incomplete gamma and beta
 * functions; their errors against the bins' width; 1-Wasserstein metrics from them against transport by quantiles.
 */
import { describe, expect, it } from "vitest";
import {
  beta,
  dirichlet,
  type Family,
  gamma,
  type Parameters,
  poisson,
  wassersteinDistance,
} from "../../src/distributions/families/index.js";
import { add, array, compile, type NdArray, type Nested, slice, type Tensor } from "../../src/engine/index.js";
import { type DistributionDecoder, evaluate, wasserstein1, wasserstein2 } from "../../src/metrics/index.js";
import { run } from "../engine/agreement.js";

const { log, sqrt } = Math;
const members = (values: { [name: string]: Nested }): Parameters<NdArray> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, array(value)]));
const gammas = (...laws: [shape: number, mean: number][]) =>
  members({ logShape: laws.map(([a]) => [log(a)]), logMean: laws.map(([, m]) => [log(m)]) });
const betas = (...laws: [a: number, b: number][]) =>
  members({ logA: laws.map(([a]) => [log(a)]), logB: laws.map(([, b]) => [log(b)]) });
const evenly = (low: number, high: number, count: number) =>
  Array.from({ length: count }, (_, k) => low + ((high - low) * k) / (count - 1));

/** Largest error of F at the points, of each member. */
async function errors(family: Family, laws: Parameters<NdArray>, points: number[]): Promise<number[]> {
  const [F] = await run((p) => family.distributionFunction!(p, points), [laws]);
  return family.marginals!(laws).map(([law], i) =>
    Math.max(
      ...points.map((x, g) => {
        const exact =
          law.kind !== "atoms"
            ? law.distribution(x)
            : Array.from(law.values).reduce((total, v, k) => total + (v <= x ? law.probabilities[k] : 0), 0);
        return Math.abs(F.data[i * points.length + g] - exact);
      }),
    ),
  );
}

describe("distribution functions by bins", () => {
  it("fall about with the square of the bins' width, or faster", async () => {
    const widths = [0.1, 0.05, 0.025, 0.0125];
    for (const [family, laws, high] of [
      [gamma(), gammas([2.5, 1], [7, 2], [1, 0.8]), 24],
      [beta(), betas([2.5, 3], [1.5, 6], [8, 4]), 1],
    ] as const) {
      const found: number[][] = [];
      for (const width of widths)
        found.push(await errors(family, laws, evenly(width / 2, high - width / 2, Math.round(high / width))));
      for (let i = 0; i < 3; i++) {
        const of = found.map((each) => each[i]);
        expect(of[0], `${family.name} ${i}: ${of}`).toBeLessThan(3e-3);
        expect(of[0] / of[3], `${family.name} ${i}: ${of}`).toBeGreaterThan(25); // widths fall by 8
      }
    }
  });

  it("as documented at half, a fifth and a twentieth of the standard deviation", async () => {
    for (const [share, most] of [
      [0.5, 5e-3],
      [0.2, 1e-3],
      [0.05, 1e-4],
    ]) {
      const worst: number[] = [];
      for (const [a, m] of [
        [1, 1],
        [3, 2],
        [40, 5],
      ] as [number, number][]) {
        const width = (share * m) / sqrt(a);
        worst.push((await errors(gamma(), gammas([a, m]), evenly(width / 2, 24 * m, Math.round((24 * m) / width))))[0]);
      }
      for (const [a, b] of [
        [1, 1],
        [2, 5],
        [30, 20],
      ] as [number, number][]) {
        const width = share * sqrt((a * b) / ((a + b) ** 2 * (a + b + 1)));
        worst.push((await errors(beta(), betas([a, b]), evenly(width / 2, 1 - width / 2, Math.round(1 / width))))[0]);
      }
      expect(Math.max(...worst), `at ${share}: ${worst}`).toBeLessThan(most);
    }
  });

  it("hold beside infinite densities, for any points, and in float32", async () => {
    const points = evenly(0.005, 0.995, 100);
    expect(Math.max(...(await errors(beta(), betas([0.3, 0.4], [1e-3, 2], [1, 1], [0.2, 5]), points)))).toBeLessThan(
      3e-3,
    );
    expect(
      Math.max(...(await errors(gamma(), gammas([0.3, 0.5], [0.05, 1], [1, 1]), evenly(0.01, 30, 1500)))),
    ).toBeLessThan(6e-3);
    // points outside of the support, and a range that begins inside of it
    expect(Math.max(...(await errors(beta(), betas([2, 3]), [-1, 0, 0.5, 0.51, 0.52, 1, 3])))).toBeLessThan(0.2);
    expect(Math.max(...(await errors(beta(), betas([2, 3]), evenly(0.4, 0.6, 41))))).toBeLessThan(1e-3);
    expect(Math.max(...(await errors(gamma(), gammas([9, 3]), evenly(2, 12, 401))))).toBeLessThan(1e-3);
    const extremes = betas([1e-4, 1e4], [1e4, 1e4], [1e4, 1e-4], [1e-4, 1e-4]);
    for (const [family, laws] of [
      [beta(), extremes],
      [gamma(), gammas([1e-4, 1e-4], [1e4, 0.5], [1e-4, 1e4])],
    ] as const) {
      const [F] = await run((p) => family.distributionFunction!(p, points), [laws], "float32");
      for (let k = 0; k < F.data.length; k++) {
        expect(F.data[k]).toBeGreaterThanOrEqual(0);
        expect(F.data[k]).toBeLessThanOrEqual(1 + 1e-5);
        if (k % points.length > 0) expect(F.data[k]).toBeGreaterThanOrEqual(F.data[k - 1] - 1e-6);
      }
    }
  });

  it("shares of a Dirichlet law are beta laws", async () => {
    const alpha = [0.7, 2, 4];
    const points = evenly(0.05, 0.95, 10);
    const [shares] = await run(
      (p) => dirichlet({ classes: 3 }).distributionFunction!(p, points),
      [members({ logConcentration: [[alpha.map(log)]] })],
    );
    const [laws] = await run(
      (p) => beta().distributionFunction!(p, points),
      [members({ logA: [alpha.map(log)], logB: [alpha.map((a) => log(6.7 - a))] })],
    );
    expect(shares.shape).toEqual([1, 3, 10]);
    shares.data.forEach((value: number, k: number) => {
      expect(value).toBeCloseTo(laws.data[k], 12);
    });
  });

  it("of Poisson laws are exact, in float32 to 1e-5", async () => {
    const laws = members({ logRate: [[-3], [0.4], [log(30)], [log(900)]] });
    const points = [-1, 0, 0.5, 1, 3, 20, 29.5, 40, 880, 905, 1000];
    expect(Math.max(...(await errors(poisson(), laws, points)))).toBeLessThan(1e-10);
    const at = (precision: "float64" | "float32") =>
      run((p) => poisson().distributionFunction!(p, points), [laws], precision);
    const [[exact], [single]] = [await at("float64"), await at("float32")];
    exact.data.forEach((value: number, k: number) => {
      expect(Math.abs(single.data[k] - value)).toBeLessThan(1e-5);
    });
  });
});

describe("Wasserstein metrics from them", () => {
  const column = (z: Tensor, k: number): Tensor => slice(z, [null, [k, k + 1]]);
  const gammaDecoder: DistributionDecoder = (z) => ({ logShape: add(column(z, 0), 1), logMean: column(z, 1) });
  const betaDecoder: DistributionDecoder = (z) => ({ logA: add(column(z, 0), 1), logB: add(column(z, 1), 0.5) });
  const [a, b] = [
    [0.2, -0.1],
    [0.8, 0.5],
  ];
  const decoded = async (decoder: DistributionDecoder, z: number[][]) => {
    const f = compile((x: Tensor) => decoder(x) as any, { precision: "float64" });
    const result = (await f(array(z))) as Parameters<NdArray>;
    await f.dispose();
    return result;
  };
  const cases = [
    { family: gamma(), decoder: gammaDecoder, low: 0, high: 16 },
    { family: beta(), decoder: betaDecoder, low: 0, high: 1 },
  ];

  it("1-Wasserstein: what transport by quantiles costs, errors of the second order in the bins' width", async () => {
    for (const { family, decoder, low, high } of cases) {
      const [[p], [q]] = family.marginals!(await decoded(decoder, [a, b]));
      const exact = wassersteinDistance(1, p, q);
      const counts = [17, 33, 65, 129];
      const gaps: number[] = [];
      for (const count of counts) {
        const metric = wasserstein1(decoder, family, 2, { values: { low, high, count } });
        const f = compile((x: Tensor, y: Tensor) => metric.segmentEnergy(x, y), { precision: "float64" });
        gaps.push(Math.abs(sqrt((await f(array([a]), array([b]))).data[0]) / exact - 1));
        await f.dispose();
      }
      expect(gaps[3], `${family.name}: ${gaps}`).toBeLessThan(2e-3);
      expect(gaps[0], `${family.name}: ${gaps}`).toBeGreaterThan(4 * gaps[2]);
    }
  });

  it("1-Wasserstein of Poisson laws is the difference of their rates, whatever the ground distance does to the scale", async () => {
    const decoder: DistributionDecoder = (z) => ({ logRate: z });
    const values = { low: 0, high: 60, count: 61 };
    for (const scale of [1, 3]) {
      const metric = wasserstein1(decoder, poisson(), 1, { values, place: (x) => scale * x });
      const f = compile((x: Tensor, y: Tensor) => metric.segmentEnergy(x, y), { precision: "float64" });
      const energy = (await f(array([[1]]), array([[2.5]]))).data[0];
      await f.dispose();
      expect(sqrt(energy)).toBeCloseTo(scale * (Math.exp(2.5) - Math.E), 9);
    }
  });

  it("2-Wasserstein tensors are the limit of squared distances", async () => {
    for (const { family, decoder, low, high } of cases) {
      const metric = wasserstein2(decoder, family, 2, { values: { low, high, count: 1001 } });
      const g = (await evaluate(metric, (m, z) => m.metricTensor(z), [a])).data;
      const [v, h] = [[1, 0.4], 0.02];
      const form = v[0] * v[0] * g[0] + 2 * v[0] * v[1] * g[1] + v[1] * v[1] * g[3];
      const [[p], [q]] = family.marginals!(
        await decoded(decoder, [a.map((x, i) => x - (h * v[i]) / 2), a.map((x, i) => x + (h * v[i]) / 2)]),
      );
      expect((wassersteinDistance(2, p, q) / h) ** 2 / form, family.name).toBeCloseTo(1, 2);
    }
  });
});

describe("bad points", () => {
  it("are named", async () => {
    const at = (family: Family, laws: Parameters<NdArray>, points: number[]) =>
      run((p) => family.distributionFunction!(p, points), [laws]);
    await expect(at(gamma(), gammas([1, 1]), [1, 1])).rejects.toThrow(
      /gamma: 2 points that start with 1, 1 do not rise/,
    );
    await expect(at(beta(), betas([1, 1]), [0.5])).rejects.toThrow(/beta: 1 points/);
    await expect(at(gamma(), gammas([1, 1]), [1e6, 1e6 + 1])).rejects.toThrow(/need 1000001 bins beside them/);
    await expect(at(poisson(), members({ logRate: [[0]] }), [0, 1e9])).rejects.toThrow(/give points up to 10000/);
  });
});

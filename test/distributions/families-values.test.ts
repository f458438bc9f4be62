/**
 * The families against published values (50-digit arithmetic), against second implementations, and at the far ends of
 * their parameters; Wasserstein distances in closed form against quantiles.
 */
import { describe, expect, it } from "vitest";
import {
  curvatureRatio,
  excessBregman,
  excessDigamma,
  excessLogGamma,
  excessTrigamma,
} from "../../src/distributions/families/gamma-excess.js";
import {
  bernoulli,
  beta,
  categorical,
  directionalRatio,
  dirichlet,
  discretisedLogistic,
  exponential,
  type Family,
  fisherQuadratic,
  fullNormal,
  gamma,
  type Marginal,
  normal,
  type Parameters,
  poisson,
  vonMises,
  vonMisesFisher,
  wassersteinDistance,
} from "../../src/distributions/families/index.js";
import { vonMisesFisherConstants } from "../../src/distributions/von-mises-fisher-normalizer.js";
import { array, jvp, mul, type NdArray, type Nested, slice, square, sub, sum } from "../../src/engine/index.js";
import { run } from "../engine/agreement.js";

const members = (values: { [name: string]: Nested }): Parameters<NdArray> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, array(value)]));

async function kl(family: Family, p: { [name: string]: Nested }, q: { [name: string]: Nested }): Promise<number> {
  const [result] = await run((a, b) => family.klDivergence(a, b), [members(p), members(q)]);
  return result.data[0];
}

const { log, sqrt } = Math;

describe("published values", () => {
  it("KL divergences", async () => {
    const n = (m: number, s: number) => ({ mean: [[m]], logDeviation: [[log(s)]] });
    expect(await kl(normal(), n(0, 1), n(1, 2))).toBeCloseTo(0.44314718056, 11);
    const b = (a: number, b: number) => ({ logA: [[log(a)]], logB: [[log(b)]] });
    expect(await kl(beta(), b(2, 3), b(1.5, 4))).toBeCloseTo(0.239736580429, 11);
    const d = (...a: number[]) => ({ logConcentration: [[a.map(log)]] });
    expect(await kl(dirichlet({ classes: 3 }), d(1, 2, 3), d(2, 2, 2))).toBeCloseTo(0.80685281944, 11);
    const g = (shape: number, rate: number) => ({ logShape: [[log(shape)]], logMean: [[log(shape / rate)]] });
    expect(await kl(gamma(), g(2, 1), g(3, 2))).toBeCloseTo(0.190921303782, 11);
    const r = (rate: number) => ({ logRate: [[log(rate)]] });
    expect(await kl(poisson(), r(3), r(5))).toBeCloseTo(0.467523128702, 11);
    expect(await kl(exponential(), r(2), r(3))).toBeCloseTo(0.0945348918918, 12);
    for (const [p, value] of [
      [2, 0.392486088124],
      [3, 0.415648161827],
      [4, 0.4282061419],
    ]) {
      const theta = (k: number, angle: number) => ({
        theta: [[[k * Math.cos(angle), k * Math.sin(angle), 0, 0].slice(0, p)]],
      });
      expect(await kl(vonMisesFisher({ dimension: p }), theta(5, 0.4), theta(8, 0.7))).toBeCloseTo(value, 11);
    }
    // a full covariance against the general formula
    const full = (m: number[], t: number[], u: number) => ({ mean: [m], logDiagonal: [t], lower: [[u]] });
    const covariance = (t: number[], u: number) => {
      const L = [
        [Math.exp(t[0]), 0],
        [Math.exp(t[1]) * u, Math.exp(t[1])],
      ];
      return [0, 1].map((i) => [0, 1].map((j) => L[i][0] * L[j][0] + L[i][1] * L[j][1]));
    };
    const [S1, S2] = [covariance([0.1, -0.4], 0.7), covariance([-0.2, 0.3], -1.1)];
    const det = (S: number[][]) => S[0][0] * S[1][1] - S[0][1] * S[1][0];
    const inverse = [
      [S2[1][1], -S2[0][1]],
      [-S2[1][0], S2[0][0]],
    ].map((line) => line.map((x) => x / det(S2)));
    const [dx, dy] = [0.5 - -0.3, 1 - 0.2];
    const quadratic = dx * (inverse[0][0] * dx + inverse[0][1] * dy) + dy * (inverse[1][0] * dx + inverse[1][1] * dy);
    const trace = [0, 1].reduce((t, i) => t + inverse[i][0] * S1[0][i] + inverse[i][1] * S1[1][i], 0);
    expect(await kl(fullNormal(), full([0.5, 1], [0.1, -0.4], 0.7), full([-0.3, 0.2], [-0.2, 0.3], -1.1))).toBeCloseTo(
      0.5 * (trace - 2 + log(det(S2) / det(S1)) + quadratic),
      11,
    );
  });

  it("discretised logistic, far tails included, and the sum over all bins", async () => {
    const family = discretisedLogistic({ bins: 256, low: 0, high: 255 });
    const at = async (mu: number, s: number, x: number[]) =>
      (
        await run(
          (p, v) => family.logDensity(p, v),
          [members({ mean: [[mu]], logScale: [[log(s)]] }), array(x.map((v) => [v]))],
        )
      )[0].data;
    const values = await at(100.3, 7.7, [0, 10, 100, 255]);
    [-12.9610413112, -13.7678065698, -3.42824505078, -20.025974028].forEach((wanted, i) =>
      expect(values[i]).toBeCloseTo(wanted, 9),
    );
    expect((await at(900, 7.7, [10]))[0]).toBeCloseTo(-117.6249332515802, 10);
    const all = await at(
      100.3,
      7.7,
      Array.from({ length: 256 }, (_, k) => k),
    );
    expect(Array.from(all).reduce((a, b) => a + Math.exp(b), 0)).toBeCloseTo(1, 12);
  });

  it("the binned logistic's information tends to the continuous one's as bins narrow, errors of second order", async () => {
    const p = members({ mean: [[0.45]], logScale: [[log(0.02)]] });
    const w = members({ mean: [[0.01]], logScale: [[0.3]] });
    const at = async (options: object) =>
      (await run((a, b) => fisherQuadratic(discretisedLogistic(options), a, b), [p, w]))[0].data[0];
    const limit = await at({ information: "continuous" });
    expect(limit).toBeCloseTo(0.01 ** 2 / (3 * 0.02 ** 2) + (0.3 ** 2 * (3 + Math.PI ** 2)) / 9, 12);
    const errors = [(await at({ bins: 128 })) - limit, (await at({ bins: 255 })) - limit];
    expect(errors[0] / errors[1]).toBeCloseTo(4, 0);
    expect(() => discretisedLogistic({ information: "continuous", components: 2 })).toThrow(
      /not known for 2 components/,
    );
  });

  it("the length of the curve mu = sin 2t, sigma = 0.5 + 0.8 t^2 in the normal family", async () => {
    const family = normal();
    const n = 4000;
    const t = array(Array.from({ length: n }, (_, i) => [(i + 0.5) / n]));
    const at = (i: number) => (i + 0.5) / n;
    const sigma = (x: number) => 0.5 + 0.8 * x * x;
    const column = (f: (x: number) => number) => array(Array.from({ length: n }, (_, i) => [f(at(i))]));
    const [squared] = await run(
      (p, w) => fisherQuadratic(family, p, w),
      [
        { mean: mulHost(t, 2, Math.sin), logDeviation: column((x) => log(sigma(x))) },
        { mean: column((x) => 2 * Math.cos(2 * x)), logDeviation: column((x) => (1.6 * x) / sigma(x)) },
      ],
    );
    expect(Array.from(squared.data).reduce((a, b) => a + b / n, 0)).toBeCloseTo(7.2860637, 5);
    expect(Array.from(squared.data).reduce((a, b) => a + sqrt(b) / n, 0)).toBeCloseTo(2.57518237668, 6);
  });

  it("distances in embeddings: Bernoulli 0.1-0.7, Poisson 2-5; arcs of categorical laws", async () => {
    const distance = async (family: Family, p: Parameters<NdArray>, q: Parameters<NdArray>) =>
      sqrt((await run((a, b) => sum(square(sub(family.embedding!(a), family.embedding!(b)))), [p, q]))[0].data[0]);
    const b = (p: number) => members({ logits: [[log(p / (1 - p))]] });
    expect(await distance(bernoulli(), b(0.1), b(0.7))).toBeCloseTo(1.3388120641, 9);
    const r = (rate: number) => members({ logRate: [[log(rate)]] });
    expect(await distance(poisson(), r(2), r(5))).toBeCloseTo(1.6437088303, 9);
    expect(await distance(exponential(), r(2), r(5))).toBeCloseTo(log(2.5), 12);
    // the chord of the sphere of radius 2 belongs to the arc 2 arccos sum sqrt(p q)
    const [p, q] = [
      [0.2, 0.3, 0.5],
      [0.6, 0.1, 0.3],
    ];
    const c = (v: number[]) => members({ logits: [[v.map(log)]] });
    const arc = 2 * Math.acos(p.reduce((total, x, i) => total + sqrt(x * q[i]), 0));
    expect(await distance(categorical({ classes: 3 }), c(p), c(q))).toBeCloseTo(4 * Math.sin(arc / 4), 12);
  });
});

function mulHost(t: NdArray, factor: number, f: (x: number) => number): NdArray {
  return array(Array.from(t.data, (x) => [f(factor * x)]));
}

describe("mean resultant length in three forms", () => {
  const kappas = [0, 1e-6, 1e-4, 0.1, 1, 3, 10, 30, 100, 1e3, 1e4, 1e5];
  it.each([2, 3, 4, 5, 8, 16, 50, 128, 301])("p = %i agrees with the series on the host, in float32 too", async (p) => {
    const wanted = kappas.map((k) => vonMisesFisherConstants(p, k));
    for (const precision of ["float64", "float32"] as const) {
      const f = (k: any) => {
        const { overKappa, complement, slope } = directionalRatio(p, k);
        return [overKappa, complement, slope];
      };
      const [w, c, s] = await run(f, [array(kappas)], precision);
      // the host's slope loses digits where its power series ends; see the next test
      const tolerance = precision === "float64" ? 5e-11 : 5e-5;
      kappas.forEach((k, i) => {
        const { resultantLength, complement, slope } = wanted[i];
        const close = (got: number, value: number, what: string) =>
          expect(Math.abs(got / value - 1), `${what} at ${k} in ${precision}: ${got}, ${value}`).toBeLessThan(
            tolerance,
          );
        close(w.data[i], k === 0 ? 1 / p : resultantLength / k, "A / k");
        close(c.data[i], complement, "1 - A");
        close(s.data[i], slope, "A'");
      });
    }
  });

  it("agrees with 40-digit values of A / k, 1 - A, A' (mpmath)", async () => {
    for (const [p, k, w, c, slope] of [
      [2, 0.0001, 0.499999999375, 0.9999500000000625, 0.499999998125],
      [2, 1.0, 0.4463899658965345, 0.5536100341034655, 0.3543460324503563],
      [2, 30.0, 0.03277298517884454, 0.01681044463466391, 0.0005653130416681777],
      [3, 10000.0, 9.999e-5, 0.0001, 1.0e-8],
      [4, 30.0, 0.03168104002403633, 0.04956879927891005, 0.001637412623758234],
      [16, 100.0, 0.009274591621097228, 0.07254083789027724, 0.000700628302272584],
      [50, 1000.0, 0.0009757881217173643, 0.02421187828263574, 2.392355114745769e-5],
      [128, 1000.0, 0.000938484389510941, 0.06151561048905903, 5.953317638692354e-5],
      [301, 20.0, 0.003307813916080617, 0.9338437216783877, 0.003279172014448253],
    ]) {
      const f = (x: any) => Object.values(directionalRatio(p, x));
      const values = (await run(f, [array([k])])).map((v) => v.data[0]);
      [w, c, slope].forEach((wanted, i) =>
        expect(Math.abs(values[i] / wanted - 1), `form ${i}, p = ${p}, k = ${k}`).toBeLessThan(1e-13),
      );
    }
  });

  it("von Mises-Fisher keeps its digits from kappa 1e-4 to 1e4 in float32", async () => {
    for (const p of [2, 3, 4, 10]) {
      const family = vonMisesFisher({ dimension: p });
      for (const kappa of [1e-4, 1e-2, 1, 100, 1e4]) {
        const mu = Array.from({ length: p }, (_, i) =>
          Math.fround((kappa * (i + 1)) / sqrt((p * (p + 1) * (2 * p + 1)) / 6)),
        );
        const step = mu.map((x, i) => Math.fround(x * (1 + 0.02 * (i % 2 ? 1 : -0.3))));
        const f = (a: any, b: any) => [
          family.klDivergence(a, b),
          fisherQuadratic(family, a, { theta: sub(b.theta, a.theta) }),
          family.entropy(a),
        ];
        const inputs = [members({ theta: [[mu]] }), members({ theta: [[step]] })];
        const [exact, single] = [await run(f, inputs), await run(f, inputs, "float32")];
        const relative = (k: number) => Math.abs(single[k].data[0] / exact[k].data[0] - 1);
        expect(relative(0), `KL, p = ${p}, kappa = ${kappa}`).toBeLessThan(1e-3);
        expect(relative(1), `Fisher, p = ${p}, kappa = ${kappa}`).toBeLessThan(1e-3);
        expect(Math.abs(single[2].data[0] - exact[2].data[0]), `entropy, ${p}, ${kappa}`).toBeLessThan(2e-5);
        expect(exact[0].data[0] / (0.5 * exact[1].data[0]), `KL against Fisher, ${p}, ${kappa}`).toBeCloseTo(1, 1);
      }
    }
  });
});

describe("the excess of log Gamma", () => {
  it("the fitted ratio is 1 / (x^2 r'') to 2e-11, in float32 to its rounding, with limits 1 and 2", async () => {
    const x = Array.from({ length: 240 }, (_, i) => 10 ** (-6 + i / 20));
    const exact = (await run((v) => excessTrigamma(v), [array(x)]))[0].data;
    for (const precision of ["float64", "float32"] as const) {
      const [got] = await run((v) => curvatureRatio(v), [array(x)], precision);
      const tolerance = precision === "float64" ? 2e-11 : 1e-6;
      x.forEach((v, i) => {
        expect(Math.abs(got.data[i] * v * v * exact[i] - 1), `at ${v} in ${precision}`).toBeLessThan(tolerance);
      });
    }
    const [ends] = await run((v) => curvatureRatio(v), [array([1e-12, 1e12])]);
    expect(ends.data[0]).toBeCloseTo(1, 10);
    expect(ends.data[1]).toBeCloseTo(2, 10);
  });

  it("published values at 2.5, and the recurrences from 1e-4 to 1e6", async () => {
    const at = (x: number[]) => run((v) => [excessLogGamma(v), excessDigamma(v), excessTrigamma(v)], [array(x)]);
    const [r, r1, r2] = await at([2.5]);
    expect(r.data[0] + 2.5 * log(2.5) - 2.5).toBeCloseTo(0.284682870473, 11);
    expect(r1.data[0] + log(2.5)).toBeCloseTo(0.703156640645, 11);
    expect(r2.data[0] + 1 / 2.5).toBeCloseTo(0.4903577561, 11);
    const x = [1e-4, 0.01, 0.3, 1, 4.5, 20, 1e3, 1e6];
    const [here, next] = [await at(x), await at(x.map((v) => v + 1))];
    x.forEach((v, i) => {
      // log Gamma(x + 1) = log Gamma(x) + log x, and its derivatives
      const full = (k: NdArray[], y: number) => [
        k[0].data[i] + y * log(y) - y,
        k[1].data[i] + log(y),
        k[2].data[i] + 1 / y,
      ];
      const [a, b] = [full(here, v), full(next, v + 1)];
      const close = (got: number, wanted: number) =>
        expect(Math.abs(got - wanted)).toBeLessThan(1e-12 * Math.max(1, Math.abs(wanted), Math.abs(a[0])));
      close(b[0], a[0] + log(v));
      close(b[1], a[1] + 1 / v);
      expect(Math.abs(b[2] - (a[2] - 1 / v ** 2)) / a[2]).toBeLessThan(1e-14);
      // r'' to full relative precision: 1 / (2 x^2) + 1 / (6 x^3) - 1 / (30 x^5) far out
      if (v >= 1e3) expect(here[2].data[i] / (0.5 / v ** 2 + 1 / (6 * v ** 3) - 1 / (30 * v ** 5))).toBeCloseTo(1, 12);
    });
  });

  it("its Bregman divergence is continuous where quadrature takes over, and keeps float32 digits", async () => {
    const f = (a: any, b: any) => excessBregman(a, b);
    for (const shape of [1e-3, 0.7, 30, 1e4]) {
      const a = array([log(shape), log(shape)]);
      const b = array([log(shape) + 0.4999999, log(shape) + 0.5000001]);
      const [values] = await run(f, [a, b]);
      expect(values.data[1] / values.data[0], `at ${shape}`).toBeCloseTo(1, 5);
      const close = array([Math.fround(log(shape))]);
      const other = array([Math.fround(log(shape) + 0.004)]);
      const [[exact], [single]] = [await run(f, [close, other]), await run(f, [close, other], "float32")];
      expect(Math.abs(single.data[0] / exact.data[0] - 1), `float32 at ${shape}`).toBeLessThan(1e-4);
    }
  });
});

describe("Wasserstein distances of columns", () => {
  const table: readonly (readonly [string, Family, Parameters<NdArray>])[] = [
    ["normal", normal(), members({ mean: [[0], [0.3], [-2], [-2]], logDeviation: [[0], [0.5], [-1], [-1.00001]] })],
    ["normal, fixed", normal({ standardDeviation: 2 }), members({ mean: [[0], [0.3], [-2], [5]] })],
    ["Bernoulli", bernoulli(), members({ logits: [[0], [1], [-3], [5]] })],
    ["Poisson", poisson(), members({ logRate: [[0], [1], [3], [-2]] })],
    ["exponential", exponential(), members({ logRate: [[0], [1], [-1], [0.1]] })],
    [
      "logistic",
      discretisedLogistic(),
      members({ mean: [[0.2], [0.5], [0.9], [0.9]], logScale: [[-2], [-1], [-3], [-2]] }),
    ],
    [
      "mixture",
      discretisedLogistic({ bins: 401, low: -20, high: 20, components: 2 }),
      members({
        logits: [[[0, 1]], [[1, 0]], [[0, 0]], [[2, 0]]],
        mean: [[[-2, 2]], [[-3, 1]], [[0, 5]], [[1, 1]]],
        logScale: [[[-1, 0]], [[0, -0.5]], [[-1, -1]], [[-0.5, 0]]],
      }),
    ],
  ];
  it.each(table)("%s: closed forms are the integrals over quantiles", async (name, family, p) => {
    const q = Object.fromEntries(
      Object.entries(p).map(([key, { data, shape }]) => {
        const width = data.length / shape[0];
        return [
          key,
          array({ data: Float64Array.from([...data.slice(width), ...data.slice(0, width)]), shape, dtype: "float64" }),
        ];
      }),
    );
    const laws = (of: Parameters<NdArray>): Marginal[][] => (family.continuousMarginals ?? family.marginals)!(of);
    const [from, to] = [laws(p), laws(q)];
    const tolerance = name === "mixture" ? 2e-3 : 1e-6; // the mixture's is a sum over edges 0.1 apart
    const [first] = await run((a, b) => family.wasserstein1!(a, b), [p, q]);
    for (let i = 0; i < 4; i++)
      expect(Math.abs(first.data[i] - wassersteinDistance(1, from[i][0], to[i][0])), `W1 ${i}`).toBeLessThan(tolerance);
    if (family.wasserstein2Squared) {
      const [second] = await run((a, b) => family.wasserstein2Squared!(a, b), [p, q]);
      for (let i = 0; i < 4; i++)
        expect(Math.abs(sqrt(second.data[i]) - wassersteinDistance(2, from[i][0], to[i][0])), `W2 ${i}`).toBeLessThan(
          1e-6,
        );
      if (family.wasserstein2Embedding) {
        const distance = (a: any, b: any) =>
          sum(square(sub(family.wasserstein2Embedding!(a), family.wasserstein2Embedding!(b))), -1);
        const [embedded] = await run(distance, [p, q]);
        for (let i = 0; i < 4; i++) expect(embedded.data[i]).toBeCloseTo(second.data[i], 12);
      }
    }
    if (family.distributionFunction) {
      const points = [-1, 0, 0.3, 1, 2.5];
      const [cdf] = await run((a) => family.distributionFunction!(a, points), [p]);
      expect(cdf.shape).toEqual([4, 1, points.length]);
      for (let i = 0; i < 4; i++) {
        const law = from[i][0];
        points.forEach((x, g) => {
          const wanted =
            law.kind !== "atoms"
              ? law.distribution(x)
              : Array.from(law.values).reduce((t, v, k) => t + (v <= x ? law.probabilities[k] : 0), 0);
          expect(cdf.data[i * points.length + g], `P(X <= ${x})`).toBeCloseTo(wanted, 6);
        });
      }
    }
    const { locationScale } = family;
    if (locationScale) {
      const [location, scale] = await run((a) => Object.values(locationScale.at(a)), [p]);
      const rs = [-3, -0.4, 0, 0.2, 1.5, 40];
      const [balance, reach] = await run((r) => [locationScale.balance(r), locationScale.reach(r)], [array(rs)]);
      const law = from[0][0];
      if (law.kind !== "continuous") throw new Error("a location-scale law is continuous");
      const standard = (x: number) => law.distribution(location.data[0] + scale.data[0] * x);
      rs.forEach((r, k) => {
        expect(balance.data[k], `balance(${r})`).toBeCloseTo(2 * standard(r) - 1, 10);
        expect(balance.data[k]).toBeCloseTo(1 - 2 * standard(-r), 10); // symmetric
        // E[xi sgn(xi + r)] = 2 E[xi; xi > -r] = 2 int_-r^oo (1 - F) dx - 2 r (1 - F(-r)), by Simpson's rule
        const [low, high, n] = [-Math.min(r, 20), 20, 4000];
        let tail = 0;
        for (let j = 0; j <= n; j++)
          tail += (j % n === 0 ? 1 : j % 2 === 1 ? 4 : 2) * (1 - standard(low + ((high - low) * j) / n));
        tail *= (high - low) / (3 * n);
        expect(reach.data[k], `reach(${r})`).toBeCloseTo(2 * (tail + low * (1 - standard(low))), 8);
      });
    }
    if (family.marginalDensity) {
      // the density is the slope of the distribution function
      const points = [0.2, 0.7, 1.9];
      const h = 1e-5;
      const both = points.flatMap((x) => [x - h, x + h]);
      const [density, cdf] = await run(
        (a) => [family.marginalDensity!(a, points), family.distributionFunction!(a, both)],
        [p],
      );
      for (let k = 0; k < density.data.length; k++)
        expect(density.data[k]).toBeCloseTo((cdf.data[2 * k + 1] - cdf.data[2 * k]) / (2 * h), 5);
    }
  });

  it("the published shift of a logistic: W2^2 = 0.09 + pi^2/3 0.04", async () => {
    const family = discretisedLogistic();
    const at = (m: number, s: number) => members({ mean: [[m]], logScale: [[log(s)]] });
    const [squared] = await run((a, b) => family.wasserstein2Squared!(a, b), [at(1, 0.5), at(1.3, 0.7)]);
    expect(squared.data[0]).toBeCloseTo(0.221594725348, 11);
  });

  it("beta and gamma by their quantiles: laws scaled or mirrored have known distances", () => {
    const g = (shape: number, mean: number) =>
      gamma().marginals!(members({ logShape: [[log(shape)]], logMean: [[log(mean)]] }))[0][0];
    // X and 2 X: W2^2 = E X^2 = m^2 (1 + 1/a), W1 = m
    expect(wassersteinDistance(2, g(2.5, 1.4), g(2.5, 2.8))).toBeCloseTo(1.4 * sqrt(1 + 1 / 2.5), 6);
    expect(wassersteinDistance(1, g(0.6, 1.4), g(0.6, 2.8))).toBeCloseTo(1.4, 6);
    const b = (a: number, c: number) => beta().marginals!(members({ logA: [[log(a)]], logB: [[log(c)]] }))[0][0];
    // beta(2, 1) and beta(1, 1): quantiles sqrt u and u: W1 = 2/3 - 1/2
    expect(wassersteinDistance(1, b(2, 1), b(1, 1))).toBeCloseTo(1 / 6, 6);
    expect(wassersteinDistance(2, b(2, 1), b(1, 1))).toBeCloseTo(sqrt(1 / 2 + 1 / 3 - 4 / 5), 6);
    expect(() => wassersteinDistance(3 as 1, b(2, 1), b(1, 1))).toThrow(/order 3/);
  });
});

describe("what a network gives and what a caller gives", () => {
  it("are the same member: nothing hangs on where a logarithm came from", async () => {
    // `fromNetwork` remembers the positive numbers behind its logarithms; a plain tensor has nothing behind it
    const outputs = array([[-3, 0.4, 2, 7, -0.1, 1.5, 30, -8]]);
    const tangent = array([[0.3, -0.2, 0.5, 1, -1, 0.7, 0.1, 2]]);
    for (const family of [gamma(), beta(), poisson(), exponential(), dirichlet({ classes: 4 })]) {
      const speed = (eta: Parameters, change: Parameters) => [
        fisherQuadratic(family, eta, change),
        family.mean(eta),
        ...(family.embedding ? [sum(square(jvp(family.embedding, [eta], [change])[1]), -1)] : []),
        ...(family.wasserstein2Embedding
          ? [sum(square(jvp(family.wasserstein2Embedding, [eta], [change])[1]), -1)]
          : []),
      ];
      const fresh = (eta: Parameters): Parameters =>
        Object.fromEntries(Object.entries(eta).map(([name, value]) => [name, sub(value, 0.25)]));
      const results = await run(
        (o, v) => {
          const [eta, change] = jvp((q: any) => family.fromNetwork(q), [o], [v]) as [Parameters, Parameters];
          const moved = fresh(eta); // another tensor with other values, back again by adding
          const again = Object.fromEntries(Object.entries(moved).map(([name, value]) => [name, sub(value, -0.25)]));
          return [...speed(family.fromNetwork(o), change), ...speed(again, change)];
        },
        [outputs, tangent],
      );
      const half = results.length / 2;
      for (let k = 0; k < half; k++)
        results[k].data.forEach((value: number, i: number) => {
          expect(results[k + half].data[i] / value, `${family.name}, result ${k}`).toBeCloseTo(1, 11);
        });
    }
  });

  it("the Fisher information of a full normal of 1 to 4 columns is that of its log density", async () => {
    for (const D of [1, 2, 3, 4]) {
      const family = fullNormal();
      const P = family.parameterCount(D);
      const outputs = array([Array.from({ length: P }, (_, i) => Math.sin(3 * i + 1))]);
      const tangent = array([Array.from({ length: P }, (_, i) => Math.cos(5 * i))]);
      const [quadratic, divergence] = await run(
        (o, v) => {
          const [eta, change] = jvp((q: any) => family.fromNetwork(q), [o], [v]) as [Parameters, Parameters];
          const step = (t: number) =>
            Object.fromEntries(Object.entries(eta).map(([name, value]) => [name, sub(value, mul(-t, change[name]))]));
          const both = sub(family.klDivergence(eta, step(1e-3)), mul(-1, family.klDivergence(eta, step(-1e-3))));
          return [fisherQuadratic(family, eta, change), mul(1e6, both)];
        },
        [outputs, tangent],
      );
      expect(divergence.data[0] / quadratic.data[0], `${D} columns`).toBeCloseTo(1, 4);
    }
  });
});

describe("geometry does not depend on coordinates", () => {
  it("von Mises by its own formula in (mu, kappa): ds^2 = kappa A dmu^2 + A' dkappa^2", async () => {
    const [mu, kappa, dmu, dkappa] = [0.8, 3.2, 0.3, -0.7];
    const { resultantLength: A, slope } = vonMisesFisherConstants(2, kappa);
    const theta = [[[kappa * Math.cos(mu), kappa * Math.sin(mu)]]];
    const tangent = [
      [[dkappa * Math.cos(mu) - kappa * dmu * Math.sin(mu), dkappa * Math.sin(mu) + kappa * dmu * Math.cos(mu)]],
    ];
    const [squared] = await run(
      (p, w) => fisherQuadratic(vonMises(), p, w),
      [members({ theta }), members({ theta: tangent })],
    );
    expect(squared.data[0]).toBeCloseTo(kappa * A * dmu ** 2 + slope * dkappa ** 2, 12);
  });

  it("pulled back by (mu, sigma) = (z1, exp z2): the hyperbolic plane", async () => {
    const family = normal();
    const length = (z: any, v: any) => {
      const decode = (at: any) => ({ mean: slice(at, [null, [0, 1]]), logDeviation: slice(at, [null, [1, 2]]) });
      const [eta, change] = jvp(decode, [z], [v]);
      return fisherQuadratic(family, eta, change);
    };
    const [squared] = await run(length, [array([[0.4, -0.6]]), array([[0.5, 0.2]])]);
    expect(squared.data[0]).toBeCloseTo(0.25 / Math.exp(-1.2) + 2 * 0.04, 12);
  });
});

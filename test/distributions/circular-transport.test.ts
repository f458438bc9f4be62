/** Transport of von Mises laws on the circle: its metric against integrals and distances of quantile functions. */
import { describe, expect, it } from "vitest";
import {
  circularTransport,
  concentrating,
  turning,
  vonMisesMarginal,
} from "../../src/distributions/families/circular-transport.js";
import { normal, vonMises, wassersteinDistance } from "../../src/distributions/families/index.js";
import { array, compile, jvp, square, sum, type Tensor } from "../../src/engine/index.js";

/** min_c int (dF - c)^2 / p on n points of the circle, for the change of a density by the step of a parameter. */
function byTheCircle(density: (x: number) => number, change: (x: number) => number, n = 40000): number {
  const h = (2 * Math.PI) / n;
  let [F, mass, one, two, inverse] = [0, 0, 0, 0, 0];
  const places = Array.from({ length: n }, (_, i) => -Math.PI + (i + 0.5) * h);
  for (const x of places) mass += density(x) * h;
  for (const x of places) {
    const [p, dp] = [density(x) / mass, change(x) / mass];
    F += (dp * h) / 2;
    one += (F / p) * h;
    two += ((F * F) / p) * h;
    inverse += h / p;
    F += (dp * h) / 2;
  }
  return two - (one * one) / inverse;
}

describe("the metric of von Mises laws", () => {
  it.each([0.01, 0.5, 2, 6])("kappa = %f: turns and concentrations against the integral over the circle", (k) => {
    const density = (x: number) => Math.exp(k * (Math.cos(x) - 1));
    const turn = byTheCircle(density, (x) => k * Math.sin(x) * density(x));
    expect(turning(k) / turn).toBeCloseTo(1, 5);
    const places = Array.from({ length: 4000 }, (_, i) => (2 * Math.PI * i) / 4000);
    const total = places.reduce((t, x) => t + density(x), 0);
    const A = places.reduce((t, x) => t + Math.cos(x) * density(x), 0) / total;
    const narrow = byTheCircle(density, (x) => (Math.cos(x) - A) * density(x));
    expect(concentrating(k) / narrow).toBeCloseTo(1, 4);
  });
  it("is flat near the uniform law, and that of the normal law of deviation k^(-1/2) far out", () => {
    expect(turning(1e-3) / 1e-6).toBeCloseTo(0.5, 6);
    expect(concentrating(0)).toBeCloseTo(0.5, 12);
    for (const k of [1e3, 1e6]) {
      expect(turning(k)).toBeCloseTo(1, 12);
      expect(Math.abs(concentrating(k) * 4 * k ** 3 - 1)).toBeLessThan(2 / k);
    }
  });
  it.each(["float32", "float64"] as const)(
    "the polynomials follow to 1e-5, and to 3e-5 in float32: %s",
    async (precision) => {
      const kappas = Array.from({ length: 61 }, (_, i) => (i === 0 ? 0 : 10 ** (-4 + (i * 9) / 60)));
      const f = compile((k: Tensor) => circularTransport(square(k)), { precision });
      const tolerance = precision === "float64" ? 1e-5 : 3e-5;
      const { across, along } = await f(array(kappas));
      await f.dispose();
      kappas.forEach((k, i) => {
        const a = k < 1e-3 ? 0.5 : turning(k) / (k * k);
        expect(Math.abs(across.data[i] / a - 1), `across at ${k}`).toBeLessThan(tolerance);
        expect(Math.abs(along.data[i] / concentrating(k) - 1), `along at ${k}`).toBeLessThan(tolerance);
      });
    },
  );
  it.each([
    [
      [0.7, 0.2],
      [0.3, -0.4],
    ],
    [
      [-2, 1.5],
      [1, 1],
    ],
    [
      [8, -3],
      [-2, 5],
    ],
  ])("theta = %j: short steps are as long as transport by quantiles makes them", async (theta, direction) => {
    const family = vonMises();
    const length = (t: Tensor, v: Tensor): Tensor => {
      const [, change] = jvp((x: Tensor) => ({ theta: x }), [t], [v]) as [unknown, { theta: Tensor }];
      return sum(square(family.wasserstein2Root!({ theta: t })(change)), -1);
    };
    const f = compile(length, { precision: "float64" });
    const { data } = await f(array([[theta]]), array([[direction]]));
    await f.dispose();
    const h = 0.02;
    const law = (sign: number) => {
      const [x, y] = theta.map((t, i) => t + sign * (h / 2) * direction[i]);
      return vonMisesMarginal(Math.atan2(y, x), Math.hypot(x, y));
    };
    const measured = wassersteinDistance(2, law(-1), law(1)) / h;
    expect(measured / Math.sqrt(data[0])).toBeCloseTo(1, 2);
  });
});

describe("distances on the circle", () => {
  it("of narrow laws are the arcs between them, the short way round", () => {
    for (const order of [1, 2] as const) {
      expect(wassersteinDistance(order, vonMisesMarginal(0.3, 200), vonMisesMarginal(1, 200))).toBeCloseTo(0.7, 3);
      expect(wassersteinDistance(order, vonMisesMarginal(3, 200), vonMisesMarginal(-3, 200))).toBeCloseTo(
        2 * Math.PI - 6,
        3,
      );
    }
  });
  it("from a point to the uniform law: pi / 2 on average, pi / sqrt 3 in the root mean square", () => {
    const [point, uniform] = [vonMisesMarginal(1, 1e8), vonMisesMarginal(0, 0)];
    expect(wassersteinDistance(1, point, uniform)).toBeCloseTo(Math.PI / 2, 3);
    expect(wassersteinDistance(2, point, uniform)).toBeCloseTo(Math.PI / Math.sqrt(3), 3);
  });
  it("are those of the integral of |F - G - c| at its median, order 1", () => {
    const [p, q] = [vonMisesMarginal(-2.5, 1.3), vonMisesMarginal(1.7, 0.4)];
    const n = 20000;
    const differences = Float64Array.from({ length: n }, (_, i) => {
      const x = -Math.PI + ((i + 0.5) * 2 * Math.PI) / n;
      const from = (law: typeof p, mu: number) =>
        // P(-pi < X <= x), the law being cut at mu - pi
        law.kind === "circle"
          ? law.distribution(x) - law.distribution(-Math.PI + 1e-12) + Number(cutBetween(mu, x))
          : Number.NaN;
      return from(p, -2.5) - from(q, 1.7);
    }).sort();
    const median = differences[n / 2];
    const wanted = differences.reduce((t, d) => t + (Math.abs(d - median) * 2 * Math.PI) / n, 0);
    expect(wassersteinDistance(1, p, q)).toBeCloseTo(wanted, 3);
  });
  it("between an angle and a number there are none", () => {
    const line = normal().marginals!({ mean: array([[0]]), logDeviation: array([[0]]) })[0][0];
    expect(() => wassersteinDistance(1, vonMisesMarginal(0, 1), line)).toThrow(
      "one law is of angles and the other of numbers",
    );
  });
});

/** Whether the place opposite of mu lies between -pi and x. */
const cutBetween = (mu: number, x: number): boolean => {
  const cut = mu > 0 ? mu - Math.PI : mu + Math.PI;
  return cut < x;
};

import { describe, expect, it } from "vitest";
import {
  add,
  array,
  besselRatio,
  besselRatioComplement,
  compile,
  digamma,
  erf,
  grad,
  jvp,
  lbeta,
  lgamma,
  logBesselI,
  logVonMisesFisherNormalizer,
  type NdArray,
  neg,
  ones,
  sum,
  type Tensor,
  trigamma,
} from "../../src/engine/index.js";
import { besselValues, betaValues, erfValues, gammaValues } from "./special-values.js";

type Unary = (x: Tensor) => Tensor;
const derivative =
  (f: Unary): Unary =>
  (x) =>
    jvp(f, [x], [ones(x.shape)])[1];
const column = (rows: readonly number[][], i: number) => array(rows.map((row) => row[i]));

/** |got - expected| / max(|expected|, floor) is at most `tolerance` everywhere, and nothing is NaN. */
function expectClose(name: string, got: NdArray, expected: readonly number[], tolerance: number, floor = 0) {
  const misses = expected.flatMap((value, i) => {
    const error = Math.abs(got.data[i] - value) / Math.max(Math.abs(value), floor);
    return error <= tolerance || got.data[i] === value ? [] : [`${name}[${i}]: ${got.data[i]} for ${value}`];
  });
  expect(misses).toEqual([]);
}

// Relative tolerances. Values near a zero of the function are measured against 1 (`floor`).
const precisions = [
  { precision: "float64" as const, unit: 2e-15 },
  { precision: "float32" as const, unit: 4e-7 },
];

describe.each(precisions)("gamma and beta functions in $precision", ({ precision, unit }) => {
  it("lgamma, digamma, trigamma and the derivatives of lgamma", async () => {
    // Third derivatives overflow float32 for the smallest argument.
    const rows = precision === "float32" ? gammaValues.filter((row) => row[0] > 1e-10) : gammaValues;
    const f = compile(
      (x: Tensor) =>
        [lgamma(x), digamma(x), trigamma(x)].concat([
          derivative(lgamma)(x),
          derivative(derivative(lgamma))(x),
          derivative(digamma)(x),
          derivative(trigamma)(x),
        ]),
      { precision, threads: 1 },
    );
    const [l, d, t, l1, l2, d1, t1] = await f(column(rows, 0));
    const values = (i: number) => rows.map((row) => row[i]);
    expectClose("lgamma", l, values(1), unit);
    expectClose("digamma", d, values(2), unit, 0.1);
    expectClose("trigamma", t, values(3), unit, 0.5);
    expectClose("lgamma'", l1, values(2), unit, 0.1);
    expectClose("lgamma''", l2, values(3), unit, 1);
    expectClose("digamma'", d1, values(3), unit, 0.5);
    expectClose("trigamma'", t1, values(4), 2 * unit, 1);
    await f.dispose();
  });

  it("lgamma is infinite at 0 and NaN below, and finite up to the largest numbers", async () => {
    const f = compile((x: Tensor) => lgamma(x), { precision, threads: 1 });
    const [zero, below, farBelow, large] = (await f(array([0, -0.25, -3.5, 1e30]))).data;
    expect(zero).toBe(Number.POSITIVE_INFINITY);
    expect(below).toBeNaN();
    expect(farBelow).toBeNaN();
    expect(large / (1e30 * (Math.log(1e30) - 1))).toBeCloseTo(1, 6);
    await f.dispose();
  });

  it("lbeta and its derivatives, where one, both or no argument is large", async () => {
    const f = compile(
      (a: Tensor, b: Tensor) => [
        lbeta(a, b),
        grad((a: Tensor) => sum(lbeta(a, b)))(a),
        grad((b: Tensor) => sum(lbeta(a, b)))(b),
        derivative(derivative((a) => lbeta(a, b)))(a),
      ],
      { precision, threads: 1 },
    );
    const [value, inA, , second] = await f(column(betaValues, 0), column(betaValues, 1));
    const values = (i: number) => betaValues.map((row) => row[i]);
    expectClose("lbeta", value, values(2), unit, 1);
    expectClose("lbeta'", inA, values(3), 2 * unit, 0.1);
    expectClose("lbeta''", second, values(4), 2 * unit, 0.1);
    const [swapped, , inB] = await f(column(betaValues, 1), column(betaValues, 0));
    expectClose("lbeta swapped", swapped, values(2), unit, 1);
    expectClose("lbeta swapped'", inB, values(3), 2 * unit, 0.1);
    await f.dispose();
  });
});

describe.each(precisions)("Bessel functions in $precision", ({ precision, unit }) => {
  const orders = [...new Set(besselValues.map((row) => row[0]))];
  it.each(orders)("order %d: logarithm, ratio, complement and derivatives from 1e-6 to 1e8", async (nu) => {
    const rows = besselValues.filter((row) => row[0] === nu);
    const values = (i: number) => rows.map((row) => row[i]);
    const f = compile(
      (x: Tensor) => [
        logBesselI(nu, x, { scaled: true }),
        derivative((t) => logBesselI(nu, t, { scaled: true }))(x),
        besselRatio(nu, x),
        derivative((t) => besselRatio(nu, t))(x),
        besselRatioComplement(nu, x),
        neg(derivative((t) => besselRatioComplement(nu, t))(x)),
        logBesselI(nu, x),
      ],
      { precision, threads: 1 },
    );
    const [log, slope, ratio, ratioSlope, complement, complementSlope, unscaled] = await f(column(rows, 1));
    expectClose("log I - x", log, values(2), 4 * unit, Math.max(1, nu / 20));
    // The derivative is the difference of nu / x and 1 - A: its error is measured against these.
    rows.forEach(([order, x, , , q], i) => {
      expect(Math.abs(slope.data[i] - (order / x - q))).toBeLessThan(15 * unit * Math.max(order / x, q));
    });
    expectClose("A", ratio, values(3), unit);
    expectClose("1 - A", complement, values(4), 15 * unit);
    // The second derivative of the logarithm is a difference of terms up to 20 times larger at order 0.
    expectClose("A'", ratioSlope, values(5), nu < 20 ? 250 * unit : 3 * unit);
    expectClose("(1 - A)'", complementSlope, values(5), nu < 20 ? 250 * unit : 3 * unit);
    expectClose(
      "log I",
      unscaled,
      rows.map(([, x, scaled]) => scaled + x),
      4 * unit,
      1,
    );
    await f.dispose();
  });

  it("von Mises-Fisher: the normaliser and its derivative, at zero as well", async () => {
    const kappa = [0, 1e-6, 1, 10, 100, 1e5];
    for (const [p, expected] of [
      [
        2,
        [
          Math.log(2 * Math.PI),
          1.8378760664096,
          1.0737914249165,
          -0.21915085047196,
          -1.3823902436481,
          -4.8375229492742,
        ],
      ],
      [3, [Math.log(4 * Math.PI), 2.5310232469695, 1.6924636085405, -0.46470802864585, undefined, -9.6750483985609]],
    ] as const) {
      const f = compile(
        (k: Tensor) => [
          logVonMisesFisherNormalizer(p, k, { scaled: true }),
          logVonMisesFisherNormalizer(p, k),
          derivative((t) => logVonMisesFisherNormalizer(p, t))(k),
          derivative((t) => besselRatio(p / 2 - 1, t))(k),
        ],
        { precision, threads: 1 },
      );
      const [scaled, plain, slope, second] = await f(array(kappa));
      expected.forEach((value, i) => {
        if (value === undefined) return;
        expect(Math.abs(scaled.data[i] - value)).toBeLessThan(Math.max(3 * unit, 1e-13) * 10);
        expect(Math.abs(plain.data[i] - value - kappa[i])).toBeLessThan(4 * unit * Math.max(10, kappa[i]));
      });
      expect(slope.data[0]).toBe(0);
      expect(second.data[0]).toBeCloseTo(1 / p, 6);
      await f.dispose();
    }
  });
});

it.each(precisions)("erf in $precision is odd and relatively precise", async ({ precision, unit }) => {
  const f = compile((x: Tensor) => [erf(x), add(erf(neg(x)), erf(x)), erf(array([40, -40]))], {
    precision,
    threads: 1,
  });
  const [value, odd, ends] = await f(column(erfValues, 0));
  expectClose(
    "erf",
    value,
    erfValues.map((row) => row[1]),
    unit,
  );
  expect([...odd.data].every((x) => x === 0)).toBe(true);
  expect([...ends.data]).toEqual([1, -1]);
  await f.dispose();
});

it("orders and dimensions that make no sense are told in a sentence", async () => {
  await expect(compile((x: Tensor) => logBesselI(-1, x))(array([1]))).rejects.toThrow("logBesselI: order -1");
  await expect(compile((x: Tensor) => besselRatio(Number.NaN, x))(array([1]))).rejects.toThrow(
    "besselRatio: order NaN",
  );
  await expect(compile((x: Tensor) => logVonMisesFisherNormalizer(1, x))(array([1]))).rejects.toThrow("dimension 1");
});

/**
 * The Fisher information of discretised logistics: the window's formula against the sum over all bins, on the host and in
 * either precision, its derivatives, and what becomes of geodesics; mixtures where their masses are tiny.
 */
import { describe, expect, it } from "vitest";
import {
  discretisedLogistic,
  type Family,
  fisherQuadratic,
  type Parameters,
} from "../../src/distributions/families/index.js";
import {
  add,
  array,
  exp,
  grad,
  jvp,
  matmul,
  mul,
  type NdArray,
  ndarray,
  sum,
  type Tensor,
  tanh,
} from "../../src/engine/index.js";
import { connect } from "../../src/geodesics/index.js";
import { type DistributionDecoder, fisherRao } from "../../src/metrics/index.js";
import { run } from "../engine/agreement.js";
import { testRandom } from "../numerics/helpers.js";

const sigmoid = (t: number): number => (t > 0 ? 1 / (1 + Math.exp(-t)) : Math.exp(t) / (1 + Math.exp(t)));

/** Entries (m m, m s, s s) in (dm / s, dlog s), bins one wide, centred at 0 ... K - 1: the sum over the bins. */
function entriesOf(m: number, s: number, K: number): number[] {
  const totals = [0, 0, 0];
  const w = 1 / s;
  for (let k = 0; k < K; k++) {
    const [a, b] = [(k - 0.5 - m) * w, (k + 0.5 - m) * w];
    const [open, shut] = [k === 0, k === K - 1];
    const mass = open ? sigmoid(b) : shut ? sigmoid(-a) : sigmoid(b) * sigmoid(-a) * -Math.expm1(-w);
    const u = (open ? 0 : sigmoid(a)) - (shut ? 0 : sigmoid(-b));
    const v = (open ? 0 : a * sigmoid(a)) - (shut ? 0 : b * sigmoid(-b)) - (open || shut ? 0 : w / Math.expm1(w));
    [u * u, u * v, v * v].forEach((term, i) => {
      totals[i] += mass * term;
    });
  }
  return totals;
}

/** Means in the middle, around both ends and outside of them, for scales from far below a bin to far above the range. */
function manyLaws(K: number, seed: number): { m: number; s: number }[] {
  const random = testRandom(seed);
  const laws: { m: number; s: number }[] = [];
  for (let i = 0; i < 3000; i++) {
    const s = 10 ** (-4 + (i % 100) * 0.1);
    const place = i % 5;
    const off = (2 * random.uniform() - 1) * (place === 4 ? 40 : 12) * s;
    const m =
      place === 0
        ? random.uniform() * (K - 1)
        : place === 1
          ? K / 2 + 3 * (random.uniform() - 0.5)
          : place === 2
            ? K - 1.5 + off
            : 0.5 + off;
    laws.push({ m: Math.fround(m), s: Math.exp(Math.fround(Math.log(s))) });
  }
  return laws;
}

const column = (values: number[]): NdArray => ndarray(Float64Array.from(values), [values.length, 1]);
const parametersOf = (laws: readonly { m: number; s: number }[]) => ({
  mean: column(laws.map(({ m }) => m)),
  logScale: column(laws.map(({ s }) => Math.fround(Math.log(s)))),
});

/** Entries of every law, three [N, 1], by the family's root. Traceable. */
function entries(family: Family, p: Parameters): Tensor[] {
  const root = family.fisherRoot(p);
  const nothing = mul(p.mean, 0);
  const [a, b] = [
    root({ mean: exp(p.logScale), logScale: nothing }),
    root({ mean: nothing, logScale: add(nothing, 1) }),
  ];
  return [
    [a, a],
    [a, b],
    [b, b],
  ].map(([x, y]) => sum(mul(x, y), -1, { keepDimensions: true }));
}

describe.each([9, 16, 256])("one logistic over %i bins", (K) => {
  const family = discretisedLogistic({ bins: K, low: 0, high: K - 1, information: "windowed" });
  const precisions = ["float64", "float32"] as const;

  it("has the information of the sum over the bins to 1e-3 of its size, where bins are wide to 2e-4", async () => {
    const laws = manyLaws(K, 7);
    const bound = [1 / 3, 0.3, 1.43].map((size) => 1e-3 * size);
    for (const precision of precisions) {
      const got = await run((p: Parameters) => entries(family, p), [parametersOf(laws)], precision);
      laws.forEach(({ m, s }, i) => {
        entriesOf(m, s, K).forEach((wanted, k) => {
          const error = Math.abs(got[k].data[i] - wanted);
          expect(error, `entry ${k}, m ${m}, s ${s}, ${precision}`).toBeLessThan(s < 1 / 1.2 ? 2e-4 : bound[k]);
        });
      });
    }
  });

  it("has its derivatives too: 1e-3 in the root mean square, 1e-2 at worst", async () => {
    const laws = manyLaws(K, 8).filter(({ s }) => s < 1e5);
    const step = 1e-5;
    const wanted = laws.map(({ m, s }) => {
      const [right, left] = [entriesOf(m + step * s, s, K), entriesOf(m - step * s, s, K)];
      const [wide, narrow] = [entriesOf(m, s * Math.exp(step), K), entriesOf(m, s * Math.exp(-step), K)];
      return [...right.map((x, k) => x - left[k]), ...wide.map((x, k) => x - narrow[k])].map((x) => x / (2 * step));
    });
    for (const precision of precisions) {
      const got = await run(
        (p: Parameters) => {
          const nothing = mul(p.mean, 0);
          const along = (v: Parameters) => jvp((q: Parameters) => entries(family, q), [p], [v])[1] as Tensor[];
          return [
            ...along({ mean: exp(p.logScale), logScale: nothing }),
            ...along({ mean: nothing, logScale: add(nothing, 1) }),
          ];
        },
        [parametersOf(laws)],
        precision,
      );
      for (let k = 0; k < 6; k++) {
        const errors = wanted.map((values, i) => Math.abs(got[k].data[i] - values[k]));
        expect(Math.max(...errors), `derivative ${k}, ${precision}`).toBeLessThan(1e-2);
        expect(Math.hypot(...errors) / Math.sqrt(errors.length), `${k}, ${precision}`).toBeLessThan(1e-3);
      }
    }
  });

  it("is the sum over the bins by default", async () => {
    const laws = manyLaws(K, 9).filter(({ s }) => s > 1e-2 && s < 1e3);
    const exact = discretisedLogistic({ bins: K, low: 0, high: K - 1, information: "binned" });
    const got = await run((p: Parameters) => entries(exact, p), [parametersOf(laws)]);
    laws.forEach(({ m, s }, i) => {
      entriesOf(m, s, K).forEach((wanted, k) => {
        expect(Math.abs(got[k].data[i] - wanted), `entry ${k}, m ${m}, s ${s}`).toBeLessThan(1e-9);
      });
    });
  });
});

it("up to 8 bins the information is the sum itself", async () => {
  const laws = manyLaws(8, 3).filter(({ s }) => s > 1e-2 && s < 1e3);
  const got = await run(
    (p: Parameters) => entries(discretisedLogistic({ bins: 8, low: 0, high: 7, information: "windowed" }), p),
    [parametersOf(laws)],
  );
  laws.forEach(({ m, s }, i) => {
    entriesOf(m, s, 8).forEach((wanted, k) => {
      expect(Math.abs(got[k].data[i] - wanted)).toBeLessThan(1e-9);
    });
  });
});

it("geodesics end where those of the sum over the bins do, and are as long", async () => {
  const random = testRandom(4);
  const matrix = (rows: number, columns: number) =>
    array(Array.from({ length: rows }, () => Array.from({ length: columns }, () => 0.8 * random.normal())));
  const [first, second] = [matrix(2, 8), matrix(8, 12)];
  const along = (information: "binned" | "windowed", precision: "float64" | "float32") => {
    const family = discretisedLogistic({ bins: 32, information });
    const decoder: DistributionDecoder = (z) => {
      const p = family.fromNetwork(matmul(tanh(matmul(z, first)), second));
      return { mean: p.mean, logScale: add(p.logScale, -2.5) }; // scales of a bin or two
    };
    const metric = fisherRao(decoder, family, 2);
    return connect(metric, [-0.8, -0.5], [0.9, 0.7], { precision, accuracy: 1e-3 });
  };
  const exact = await along("binned", "float64");
  expect(exact.converged, exact.message).toBe(true);
  for (const precision of ["float64", "float32"] as const) {
    const result = await along("windowed", precision);
    // it need not meet the tolerance: the formula has jumps
    expect(Math.abs(result.length / exact.length - 1), precision).toBeLessThan(1e-3);
  }
});

describe("mixtures", () => {
  const K = 16;
  const family = discretisedLogistic({ bins: K, low: 0, high: K - 1, components: 3 });

  it("keep their digits in float32 and have finite derivatives, far out and for any scale", async () => {
    const random = testRandom(11);
    const N = 400;
    const draw = (f: () => number) =>
      ndarray(
        Float64Array.from({ length: 3 * N }, () => Math.fround(f())),
        [N, 1, 3],
      );
    const p = {
      logits: draw(() => 2 * random.normal()),
      mean: draw(() => 7.5 + 10 * random.normal()),
      logScale: draw(() => -3 + 7 * random.uniform()),
    };
    const w = {
      logits: draw(() => random.normal()),
      mean: draw(() => random.normal()),
      logScale: draw(() => random.normal()),
    };
    const f = (q: Parameters, v: Parameters) => [
      fisherQuadratic(family, q, v),
      ...Object.values(grad((x: Parameters) => sum(fisherQuadratic(family, x, v)))(q) as Parameters),
    ];
    const [exact, single] = [await run(f, [p, w]), await run(f, [p, w], "float32")];
    for (const part of single) expect(part.data.every(Number.isFinite)).toBe(true);
    // the sum over the bins of (dP)^2 / P, on the host
    for (let i = 0; i < N; i++) {
      const at = (a: NdArray) => [0, 1, 2].map((j) => a.data[3 * i + j]);
      const [l, m, t] = [at(p.logits), at(p.mean), at(p.logScale)];
      const [dl, dm, dt] = [at(w.logits), at(w.mean), at(w.logScale)];
      const total = l.reduce((sum, x) => sum + Math.exp(x), 0);
      const weights = l.map((x) => Math.exp(x) / total);
      const average = weights.reduce((sum, x, j) => sum + x * dl[j], 0);
      let wanted = 0;
      for (let k = 0; k < K; k++) {
        let [mass, change] = [0, 0];
        for (let j = 0; j < 3; j++) {
          const s = Math.exp(t[j]);
          const [a, b] = [(k - 0.5 - m[j]) / s, (k + 0.5 - m[j]) / s];
          const [left, right] = [k === 0 ? 0 : sigmoid(a), k === K - 1 ? 0 : sigmoid(-b)];
          const part =
            (k === 0 ? 1 : sigmoid(-a)) *
            (k === K - 1 ? 1 : sigmoid(b)) *
            (k > 0 && k < K - 1 ? -Math.expm1(-1 / s) : 1);
          const open = k === 0 || k === K - 1;
          const v = (k === 0 ? 0 : a * left) - (k === K - 1 ? 0 : b * right) - (open ? 0 : 1 / s / Math.expm1(1 / s));
          mass += weights[j] * part;
          change += weights[j] * part * (dl[j] - average + ((left - right) * dm[j]) / s + v * dt[j]);
        }
        if (mass > 0) wanted += change ** 2 / mass;
      }
      expect(Math.abs(exact[0].data[i] - wanted) / (1e-6 + wanted), `${i}`).toBeLessThan(1e-7);
      expect(Math.abs(single[0].data[i] - wanted) / (1e-2 + wanted), `${i} in float32`).toBeLessThan(1e-3);
    }
  });

  it("of equal components are one logistic, whatever their weights", async () => {
    const p = { mean: array([[3.3], [-1], [14.2]]), logScale: array([[-1], [0.4], [1.7]]) };
    const three = (x: NdArray) =>
      ndarray(
        Float64Array.from({ length: 9 }, (_, i) => x.data[Math.floor(i / 3)]),
        [3, 1, 3],
      );
    const w = { mean: array([[0.3], [-0.2], [0.7]]), logScale: array([[0.1], [0.5], [-0.6]]) };
    const logits = ndarray(Float64Array.of(0, 1, 2, 2, -1, 0, 0.3, 0.3, 0.1), [3, 1, 3]);
    const single = discretisedLogistic({ bins: K, low: 0, high: K - 1, information: "binned" });
    const [one] = await run((q: Parameters, v: Parameters) => fisherQuadratic(single, q, v), [p, w]);
    const [mixed] = await run(
      (q: Parameters, v: Parameters) => fisherQuadratic(family, q, v),
      [
        { logits, mean: three(p.mean), logScale: three(p.logScale) },
        { logits: ndarray(new Float64Array(9), [3, 1, 3]), mean: three(w.mean), logScale: three(w.logScale) },
      ],
    );
    one.data.forEach((value, i) => {
      expect(mixed.data[i]).toBeCloseTo(value, 11);
    });
  });
});

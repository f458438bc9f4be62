/**
 * Every likelihood family against every law: what is written in closed form must agree with integrals over the data
 * space, with each other, and with derivatives. Statistical tests are seeded; on correct code each would fail for one
 * seed in 10,000 or fewer.
 */
import { describe, expect, it } from "vitest";
import { type Family, fisherQuadratic, interpolate, type Parameters } from "../../src/distributions/families/index.js";
import {
  compile,
  concat,
  jvp,
  mul,
  type NdArray,
  ndarray,
  normalArray,
  randomKey,
  reshape,
  sizeOf,
  square,
  stream,
  sum,
  type Tensor,
  takeRows,
  valueAndGrad,
} from "../../src/engine/index.js";
import { chiSquareTest, kolmogorovSmirnovTest } from "../../src/numerics/statistics.js";
import { slope } from "../numerics/helpers.js";
import { cases, type FamilyCase } from "./cases.js";

const rowsOf = (members: Parameters<NdArray>) => Object.values(members)[0].shape[0];

function row(members: Parameters<NdArray>, i: number): Parameters<NdArray> {
  return Object.fromEntries(Object.entries(members).map(([name, value]) => [name, takeRows(value, [i])]));
}

/** Random changes of the parameters; of unit vectors: across them. */
function tangents(test: FamilyCase, members: Parameters<NdArray>, seed: number, size = 1): Parameters<NdArray> {
  const free = Object.fromEntries(
    Object.entries(members).map(([name, value], k) => [
      name,
      ndarray(
        normalArray(randomKey(seed + k), value.data.length).map((x) => x * size),
        value.shape,
      ),
    ]),
  );
  return test.constrained ? mapVectors(members, free, (mu, v) => combine(1, v, -dot(mu, v), mu)) : free;
}

const dot = (a: number[], b: number[]) => a.reduce((total, x, i) => total + x * b[i], 0);
const combine = (s: number, a: number[], t: number, b: number[]) => a.map((x, i) => s * x + t * b[i]);

/** `f` of each pair of vectors (the last axis). */
function mapVectors(
  first: Parameters<NdArray>,
  second: Parameters<NdArray>,
  f: (a: number[], b: number[]) => number[],
): Parameters<NdArray> {
  return Object.fromEntries(
    Object.entries(first).map(([name, { data, shape }]) => {
      const size = shape[shape.length - 1];
      const out: number[] = [];
      for (let k = 0; k < data.length; k += size)
        out.push(...f(Array.from(data.slice(k, k + size)), Array.from(second[name].data.slice(k, k + size))));
      return [name, ndarray(Float64Array.from(out), shape)];
    }),
  );
}

/** eta + t w, or along the great circle. */
function moved(
  test: FamilyCase,
  members: Parameters<NdArray>,
  by: Parameters<NdArray>,
  t: number,
): Parameters<NdArray> {
  if (test.constrained)
    return mapVectors(members, by, (mu, v) => {
      const speed = Math.hypot(...v);
      return combine(Math.cos(t * speed), mu, Math.sin(t * speed) / speed, v);
    });
  return Object.fromEntries(
    Object.entries(members).map(([name, value]) => [
      name,
      ndarray(
        Float64Array.from(value.data, (x, i) => x + t * by[name].data[i]),
        value.shape,
      ),
    ]),
  );
}

function expectNear(got: number, wanted: number, tolerance: number, what: string): void {
  expect(Math.abs(got - wanted), `${what}: ${got} instead of ${wanted}`).toBeLessThan(
    tolerance * Math.max(1, Math.abs(wanted)),
  );
}

const data = (test: FamilyCase) => ndarray(Float64Array.from(test.data.flat()), [test.data.length, test.columns]);

/** Registers a test of a part that not every family has. */
const when = (has: unknown) => (title: string, body: () => void | Promise<void>) => {
  if (has) it(title, body);
};

describe.each(cases)("$name", (test) => {
  const { family, members } = test;
  const count = rowsOf(members);

  it("integrates to one; mean, entropy, KL and Fisher information are the integrals that define them", async () => {
    const { points, weights } = test.grid();
    const program = compile(
      (p, q, w, x) => {
        const [density, score] = jvp((eta) => family.logDensity(eta, x), [p], [w]);
        return {
          density,
          score,
          other: family.logDensity(q, x),
          mean: family.mean(p),
          entropy: family.entropy(p),
          divergence: family.klDivergence(p, q),
          fisher: fisherQuadratic(family, p, w),
        };
      },
      { precision: "float64", threads: 1 },
    );
    const tolerance = test.tolerance ?? 1e-9;
    for (let i = 0; i < count; i++) {
      const [p, q] = [row(members, i), row(members, (i + 1) % count)];
      const r = await program(p, q, tangents(test, p, 17 + i), points);
      const total = (f: (k: number) => number) => {
        let result = 0;
        for (let k = 0; k < weights.length; k++) {
          const share = weights[k] * Math.exp(r.density.data[k]);
          if (share > 0) result += share * f(k);
        }
        return result;
      };
      expectNear(
        total(() => 1),
        1,
        tolerance,
        `mass of member ${i}`,
      );
      expectNear(
        r.entropy.data[0],
        total((k) => -r.density.data[k]),
        tolerance,
        `entropy of member ${i}`,
      );
      expectNear(
        r.divergence.data[0],
        total((k) => r.density.data[k] - r.other.data[k]),
        tolerance,
        `KL of member ${i}`,
      );
      expectNear(
        r.fisher.data[0],
        total((k) => r.score.data[k] ** 2),
        tolerance,
        `Fisher information of member ${i}`,
      );
      expect(r.mean.shape).toEqual([1, test.columns]);
      if (test.linearMean === false) continue;
      for (let j = 0; j < test.columns; j++)
        expectNear(
          r.mean.data[j],
          total((k) => points.data[k * test.columns + j]),
          tolerance,
          `mean of member ${i}`,
        );
    }
    await program.dispose();
  });

  it("KL(eta || eta + t w) = t^2/2 w' I w + O(t^3), and KL to itself is 0", async () => {
    const w = tangents(test, members, 5, 0.5);
    const program = compile((p, q, v) => [family.klDivergence(p, q), fisherQuadratic(family, p, v)], {
      precision: "float64",
      threads: 1,
    });
    expect(Math.max(...(await program(members, members, w))[0].data.map(Math.abs))).toBe(0);
    const steps = [0.04, 0.02, 0.01];
    const errors: number[][] = [];
    for (const t of steps) {
      const [divergence, quadratic] = await program(members, moved(test, members, w, t), w);
      errors.push(Array.from(divergence.data as Float64Array, (d, i) => Math.abs(d - (t * t * quadratic.data[i]) / 2)));
    }
    for (let i = 0; i < count; i++) {
      const of = errors.map((e) => e[i]);
      if (Math.max(...of) > 1e-13) expect(slope(steps, of), `member ${i}: ${of}`).toBeGreaterThan(2.8);
    }
    await program.dispose();
  });

  it("KL of neighbours keeps its digits in float32", async () => {
    const w = tangents(test, members, 6, 0.5);
    const single = (values: Parameters<NdArray>) =>
      Object.fromEntries(
        Object.entries(values).map(([name, v]) => [name, ndarray(Float32Array.from(v.data), v.shape)]),
      );
    const [p, q] = [single(members), single(moved(test, members, w, 1e-2))];
    const at = async (precision: "float32" | "float64") => {
      const program = compile((a, b) => family.klDivergence(a, b), { precision, threads: 1 });
      const result = (await program(p, q)).data;
      await program.dispose();
      return result;
    };
    const [low, high] = [await at("float32"), await at("float64")];
    for (let i = 0; i < count; i++) {
      expect(low[i]).toBeGreaterThanOrEqual(0);
      expect(Math.abs(low[i] - high[i]) / high[i], `member ${i}: ${low[i]}, ${high[i]}`).toBeLessThan(
        test.float32 ?? 2e-3,
      );
    }
  });

  when(family.embedding)("the embedding is isometric: |J w|^2 = w' I w", async () => {
    const w = tangents(test, members, 8);
    const program = compile(
      (p, v) => [sum(square(jvp(family.embedding!, [p], [v])[1] as Tensor), -1), fisherQuadratic(family, p, v)],
      { precision: "float64", threads: 1 },
    );
    const [embedded, quadratic] = await program(members, w);
    for (let i = 0; i < count; i++) expectNear(embedded.data[i], quadratic.data[i], 1e-11, `member ${i}`);
    await program.dispose();
  });

  it("samples have the moments of the density (z below 4.5: false alarm 7e-6 each)", async () => {
    const { points, weights } = test.grid();
    const draws = 2000;
    const D = test.columns;
    const program = compile((p, x) => family.logDensity(p, x), { precision: "float64", threads: 1 });
    for (let i = 0; i < count; i++) {
      const p = row(members, i);
      const many = Object.fromEntries(
        Object.entries(p).map(([name, value]) => [name, takeRows(value, new Int32Array(draws))]),
      );
      const x = family.sample(many, stream(randomKey(100 + i)));
      expect(x.shape).toEqual([draws, D]);
      family.checkData(x);
      const densities = (await program(p, points)).data;
      const statistics: ((x: ArrayLike<number>, start: number, logDensity: number) => number)[] = [(_, __, l) => l];
      for (let j = 0; j < D; j++) {
        statistics.push((v, start) => v[start + j]);
        statistics.push((v, start) => v[start + j] * v[start + ((j + 1) % D)]);
      }
      const own = (await program(p, x)).data;
      for (const [k, f] of statistics.entries()) {
        let [first, second] = [0, 0];
        for (let n = 0; n < weights.length; n++) {
          const share = weights[n] * Math.exp(densities[n]);
          if (!(share > 0)) continue;
          const value = f(points.data, n * D, densities[n]);
          first += share * value;
          second += share * value * value;
        }
        let average = 0;
        for (let n = 0; n < draws; n++) average += f(x.data, n * D, own[n]) / draws;
        const deviation = Math.sqrt(Math.max(second - first * first, 0) / draws) + 1e-7 * (1 + Math.abs(first));
        expect(Math.abs(average - first) / deviation, `member ${i}, statistic ${k}`).toBeLessThan(4.5);
      }
    }
    await program.dispose();
  });

  when(family.marginals)("samples follow the marginal laws (p-value above 1e-4)", () => {
    const draws = 3000;
    for (let i = 0; i < count; i++) {
      const p = row(members, i);
      const many = Object.fromEntries(
        Object.entries(p).map(([name, value]) => [name, takeRows(value, new Int32Array(draws))]),
      );
      const x = family.sample(many, stream(randomKey(200 + i)));
      family.marginals!(p)[0].forEach((law, j) => {
        const column = Array.from({ length: draws }, (_, n) => x.data[n * test.columns + j]);
        if (law.kind !== "atoms") {
          const shares = column.map(law.distribution); // angles are sorted along the turn of the law
          expect(kolmogorovSmirnovTest(shares, (u) => u).pValue, `member ${i}`).toBeGreaterThan(1e-4);
          for (const share of [1e-6, 0.01, 0.3, 0.5, 0.9, 0.9999])
            expectNear(law.distribution(law.quantile(share)), share, 1e-9, `quantile of member ${i} at ${share}`);
          return;
        }
        // atoms: neighbours with few expected draws go together
        const [observed, expected] = [[0], [0]];
        for (let k = 0; k < law.values.length; k++) {
          if (expected[expected.length - 1] >= 8) {
            observed.push(0);
            expected.push(0);
          }
          observed[observed.length - 1] += column.filter((v) => v === law.values[k]).length;
          expected[expected.length - 1] += draws * law.probabilities[k];
        }
        if (expected.length > 2 && expected[expected.length - 1] < 8) {
          const [o, e] = [observed.pop()!, expected.pop()!];
          observed[observed.length - 1] += o;
          expected[expected.length - 1] += e;
        }
        expect(observed.reduce((a, b) => a + b, 0)).toBe(draws);
        expect(chiSquareTest(observed, expected).pValue, `member ${i}`).toBeGreaterThan(1e-4);
      });
    }
  });

  it("everything stays finite, and its gradient too, at extreme outputs of a network in float32", async () => {
    const P = family.parameterCount(test.columns);
    expect(family.dataDimension(P)).toBe(test.columns);
    const levels = [-1e4, -100, -10, -1, 0, 1, 10, 100, 1e4];
    const x = data(test);
    const N = 40;
    const random = stream(randomKey(3));
    const pick = (n: number) => Float32Array.from({ length: n }, () => levels[random.integer(levels.length)]);
    const outputs = ndarray(pick(N * P), [N, P]);
    const others = ndarray(pick(N * P), [N, P]);
    const rows = takeRows(
      x,
      Array.from({ length: N }, (_, i) => i % x.shape[0]),
    );
    const program = compile(
      (o, other, given) => {
        const parts: { [name: string]: (o: Tensor) => Tensor } = {
          logDensity: (o) => family.logDensity(family.fromNetwork(o), given),
          mean: (o) => family.mean(family.fromNetwork(o)),
          entropy: (o) => family.entropy(family.fromNetwork(o)),
          forward: (o) => family.klDivergence(family.fromNetwork(o), family.fromNetwork(other)),
          backward: (o) => family.klDivergence(family.fromNetwork(other), family.fromNetwork(o)),
          fisher: (o) => {
            const [eta, change] = jvp((q: Tensor) => family.fromNetwork(q), [o], [mul(other, 1e-4)]);
            return family.fisherRoot(eta)(change);
          },
          blended: (o) => {
            const eta = family.fromNetwork(o);
            return family.entropy(interpolate(eta, family.uncertain(eta), 0.5));
          },
          ...(family.embedding && { embedding: (o) => family.embedding!(family.fromNetwork(o)) }),
          ...(family.wasserstein2Embedding && {
            wasserstein2Embedding: (o) => family.wasserstein2Embedding!(family.fromNetwork(o)),
          }),
          ...(family.wasserstein1 && {
            wasserstein1: (o) => family.wasserstein1!(family.fromNetwork(o), family.fromNetwork(other)),
          }),
        };
        return Object.fromEntries(
          Object.entries(parts).map(([name, f]) => [name, valueAndGrad((q: Tensor) => sum(f(q)))(o)]),
        );
      },
      { precision: "float32", threads: 1 },
    );
    const results = await program(outputs, others, rows);
    for (const [name, [value, gradient]] of Object.entries<NdArray[]>(results)) {
      expect(Number.isFinite(value.data[0]), `${name} = ${value.data[0]}`).toBe(true);
      const bad = gradient.data.findIndex((g) => !Number.isFinite(g));
      expect(bad, `gradient of ${name} at outputs ${outputs.data.slice(Math.floor(bad / P) * P).slice(0, P)}`).toBe(-1);
    }
    await program.dispose();
  });

  it("blends into the uncertain member", async () => {
    const program = compile(
      (p, weight) => {
        const far = family.uncertain(p, { scale: 100 });
        const keys = Object.keys(p);
        const flat = (values: Parameters) =>
          concat(
            keys.map((key) => reshape(values[key], [count, sizeOf(values[key].shape) / count])),
            1,
          );
        return [flat(interpolate(p, far, weight)), flat(p), flat(far), family.entropy(p), family.entropy(far)];
      },
      { precision: "float64", threads: 1 },
    );
    const at = (w: number) => program(members, ndarray(new Float64Array(count).fill(w)));
    const [start, own] = await at(0);
    const [end, , far, entropy, farEntropy] = await at(1);
    const [middle] = await at(0.25);
    for (let k = 0; k < own.data.length; k++) {
      expect(start.data[k]).toBe(own.data[k]);
      expectNear(end.data[k], far.data[k], 1e-14, "end");
      expectNear(middle.data[k], 0.75 * own.data[k] + 0.25 * far.data[k], 1e-14, "middle");
    }
    for (let i = 0; i < count; i++) expect(farEntropy.data[i]).toBeGreaterThanOrEqual(entropy.data[i] - 1e-12);
    await program.dispose();
  });

  it("refuses data outside of its support by a sentence", () => {
    family.checkData(data(test));
    for (const [bad, sentence] of test.refuses) {
      const table = [...test.data.slice(0, 2), bad];
      const values = ndarray(Float64Array.from(table.flat()), [table.length, test.columns]);
      expect(() => family.checkData(values, { name: "table.npy" })).toThrow(sentence);
      expect(() => family.checkData(values, { name: "table.npy" })).toThrow(/^table.npy: row 2, column/);
      const columns = bad.map((_, j) => 10 + j);
      expect(() => family.checkData(values, { columns })).toThrow(/^data: row 2, columns? 1\d/);
    }
  });

  when(test.additive !== false)("adds up over columns", async () => {
    // two copies of the columns: log density, entropy, KL and Fisher information double
    const twice = (values: Parameters<any>) =>
      Object.fromEntries(Object.entries(values).map(([name, value]) => [name, concat([value, value], 1)]));
    const parts = (f: Family, p: any, q: any, w: any, x: any) => [
      f.logDensity(p, x),
      f.entropy(p),
      f.klDivergence(p, q),
      fisherQuadratic(f, p, w),
    ];
    const x = takeRows(data(test), new Int32Array(count));
    const program = compile(
      (p, q, w) => [...parts(family, p, q, w, x), ...parts(family, twice(p), twice(q), twice(w), concat([x, x], 1))],
      { precision: "float64", threads: 1 },
    );
    const w = tangents(test, members, 9);
    const results: NdArray[] = await program(members, moved(test, members, w, 0.3), w);
    for (let k = 0; k < 4; k++)
      for (let i = 0; i < count; i++)
        expectNear(results[k + 4].data[i], 2 * results[k].data[i], 1e-12, `part ${k} of member ${i}`);
    await program.dispose();
  });
});

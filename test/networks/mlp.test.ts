import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compile, type NdArray, ndarray } from "../../src/engine/index.js";
import { UsageError } from "../../src/errors.js";
import {
  type ActivationName,
  activationNamed,
  activationNames,
  initializeMlp,
  initializerFor,
  initialWeight,
  type Mlp,
  mlp,
} from "../../src/networks/index.js";
import { normalArray, randomKey } from "../../src/numerics/random.js";

/** The same functions from their textbook definitions, in float64. */
const reference: Record<ActivationName, (x: number) => number> = {
  tanh: Math.tanh,
  relu: (x) => Math.max(x, 0),
  // Phi by the series of erf, accurate to 1e-15 for |x| < 4
  gelu: (x) => 0.5 * x * (1 + erfSeries(x / Math.SQRT2)),
  elu: (x) => (x > 0 ? x : Math.expm1(x)),
  softplus: (x) => Math.log1p(Math.exp(-Math.abs(x))) + Math.max(x, 0),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  swish: (x) => x / (1 + Math.exp(-x)),
  leakyRelu: (x) => (x > 0 ? x : 0.01 * x),
};

function erfSeries(x: number): number {
  let term = x;
  let total = x;
  for (let n = 1; n < 80; n++) {
    term *= (-x * x) / n;
    total += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * total;
}

/** A second implementation: loops over numbers. */
function byHand(layers: Mlp, x: NdArray, activate: (v: number) => number): number[] {
  const out: number[] = [];
  for (let n = 0; n < x.shape[0]; n++) {
    let row = Array.from(x.data.subarray(n * x.shape[1], (n + 1) * x.shape[1]));
    layers.forEach(({ weight, bias }, l) => {
      const [, outputs] = weight.shape;
      row = Array.from({ length: outputs }, (_, j) => {
        const sum = row.reduce((s, v, i) => s + v * weight.data[i * outputs + j], bias.data[j]);
        return l === layers.length - 1 ? sum : activate(sum);
      });
    });
    out.push(...row);
  }
  return out;
}

describe("mlp", () => {
  it.each(activationNames)("agrees with loops over numbers, activation %s", async (activation) => {
    const layers = initializeMlp(randomKey(3), [3, 5, 4, 2], { activation }).map((layer, i) => ({
      weight: layer.weight,
      bias: { ...layer.bias, data: Float32Array.from(normalArray(randomKey(i), layer.bias.data.length)) },
    }));
    const x = ndarray(Float32Array.from(normalArray(randomKey(9), 18)), [6, 3]);
    const f = compile((p: any, input: any) => mlp(p, input, activation), { precision: "float64" });
    const found = await f(layers, x);
    const expected = byHand(layers, x, reference[activation]);
    expect(found.shape).toEqual([6, 2]);
    expected.forEach((value, i) => expect(found.data[i]).toBeCloseTo(value, 6));
    await f.dispose();
  });

  it("runs for any sizes, an empty list of hidden layers among them", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 2, maxLength: 5 }), async (sizes) => {
        const layers = initializeMlp(randomKey(1), sizes);
        const x = ndarray(Float32Array.from(normalArray(randomKey(2), 2 * sizes[0])), [2, sizes[0]]);
        const f = compile((p: any, input: any) => mlp(p, input));
        const found = await f(layers, x);
        const expected = byHand(layers, x, Math.tanh);
        expected.forEach((value, i) => expect(Math.abs(found.data[i] - value)).toBeLessThan(1e-5));
        await f.dispose();
      }),
      { numRuns: 8 },
    );
  });

  it("refuses what is no network", () => {
    expect(() => initializeMlp(randomKey(0), [3])).toThrow(UsageError);
    expect(() => initializeMlp(randomKey(0), [3, 0, 2])).toThrow(/layer size: 0/);
    expect(() => activationNamed("tanhh")).toThrow(/activation: "tanhh" is not known; use one of tanh/);
    expect(() => activationNamed("toString")).toThrow(UsageError);
  });
});

describe("initial weights", () => {
  it("have the variance of their rule", () => {
    // 40,000 draws: the sample variance is within 5 standard errors (false alarms below 1e-6).
    const moments = (a: NdArray) => {
      const values = Array.from(a.data);
      const n = values.length;
      const mean = values.reduce((s, v) => s + v, 0) / n;
      return { mean, variance: values.reduce((s, v) => s + (v - mean) ** 2, 0) / n, n };
    };
    const glorot = moments(initialWeight(randomKey(5), 100, 400, "glorot"));
    const limit = Math.sqrt(6 / 500);
    // a uniform on [-a, a] has variance a^2 / 3 and fourth moment a^4 / 5
    const errorOfUniform = Math.sqrt((limit ** 4 / 5 - limit ** 4 / 9) / glorot.n);
    expect(Math.abs(glorot.variance - limit ** 2 / 3)).toBeLessThan(5 * errorOfUniform);
    const he = moments(initialWeight(randomKey(5), 100, 400, "he"));
    expect(Math.abs(he.variance - 0.02)).toBeLessThan(5 * 0.02 * Math.sqrt(2 / he.n));
    expect(Math.abs(he.mean)).toBeLessThan(5 * Math.sqrt(0.02 / he.n));
  });

  it("depend on the key alone, and layers differ", () => {
    const a = initializeMlp(randomKey(1), [4, 4, 4]);
    expect(initializeMlp(randomKey(1), [4, 4, 4])).toEqual(a);
    expect(initializeMlp(randomKey(2), [4, 4, 4])).not.toEqual(a);
    expect(a[0].weight.data).not.toEqual(a[1].weight.data);
    expect(initializerFor("relu")).toBe("he");
    expect(initializerFor("tanh")).toBe("glorot");
  });
});

import { describe, expect, it } from "vitest";
import { initializeVae, type VaeParameters, type VaeShape } from "../../src/autoencoders/index.js";
import { standardizationOf, toDataUnits } from "../../src/autoencoders/standardization.js";
import { checkShape, elboRows, elboTerms, encodeRows } from "../../src/autoencoders/vae-model.js";
import { compile, flattenTree, mapTree, type NdArray, ndarray, sub, valueAndGrad } from "../../src/engine/index.js";
import { UsageError } from "../../src/errors.js";
import { normalArray, randomKey, uniformArray } from "../../src/numerics/random.js";

const shape = (changes: Partial<VaeShape> = {}): VaeShape => ({
  dataDimension: 3,
  latentDimension: 2,
  encoderHidden: [4],
  decoderHidden: [3],
  activation: "tanh",
  likelihood: "gaussian",
  ...changes,
});

/** Float64 parameters with biases that are not zero. */
function parametersFor(s: VaeShape): VaeParameters {
  let seed = 10;
  return mapTree(initializeVae(randomKey(1), s), (a: NdArray) => ({
    ...a,
    dtype: "float64",
    data: normalArray(randomKey(seed++), a.data.length).map((v) => 0.6 * v),
  }));
}

/** log p(x|z) and KL of one row from the definitions, on plain numbers. */
function byHand(s: VaeShape, p: VaeParameters, x: number[], noise: number[]) {
  const layers = (list: VaeParameters["encoder"], input: number[]) =>
    list.reduce((row, { weight, bias }, l) => {
      const outputs = weight.shape[1];
      const next = Array.from({ length: outputs }, (_, j) =>
        row.reduce((sum, v, i) => sum + v * weight.data[i * outputs + j], bias.data[j]),
      );
      return l === list.length - 1 ? next : next.map(Math.tanh);
    }, input);
  const d = s.latentDimension;
  const code = layers(p.encoder, x);
  const [m, v] = [code.slice(0, d), code.slice(d).map(Math.exp)];
  const z = m.map((mean, i) => mean + Math.sqrt(v[i]) * noise[i]);
  const out = layers(p.decoder, z);
  const reconstruction = x.reduce((sum, xj, j) => {
    if (s.likelihood === "bernoulli") {
      const f = 1 / (1 + Math.exp(-out[j]));
      return sum + xj * Math.log(f) + (1 - xj) * Math.log(1 - f);
    }
    const variance = Math.exp(p.noise!.logVariance.data[0]);
    return sum - 0.5 * Math.log(2 * Math.PI * variance) - (xj - out[j]) ** 2 / (2 * variance);
  }, 0);
  // KL(N(m, v) || N(0, 1)) = E_q [log q - log p], by quadrature of its definition
  const divergence = m.reduce((sum, mean, i) => sum + klByQuadrature(mean, v[i]), 0);
  return { reconstruction, divergence };
}

function klByQuadrature(mean: number, variance: number): number {
  const sd = Math.sqrt(variance);
  const steps = 4000;
  let total = 0;
  for (let k = 0; k <= steps; k++) {
    const u = -10 + (20 * k) / steps;
    const z = mean + sd * u;
    const logRatio = -0.5 * u * u - Math.log(sd) + 0.5 * z * z;
    total += Math.exp(-0.5 * u * u) * logRatio * (20 / steps);
  }
  return total / Math.sqrt(2 * Math.PI);
}

describe.each(["gaussian", "bernoulli"] as const)("the ELBO, %s", (likelihood) => {
  const s = shape({ likelihood });
  const p = parametersFor(s);
  const x = ndarray(uniformArray(randomKey(2), 12), [4, 3]);
  const noise = ndarray(normalArray(randomKey(3), 8), [4, 2]);

  it("agrees with its definition, row by row", async () => {
    const f = compile((q: any, a: any, b: any) => ({ rows: elboRows(s, q, a, b), terms: elboTerms(s, q, a, b) }), {
      precision: "float64",
    });
    const { rows, terms } = await f(p, x, noise);
    const expected = [0, 1, 2, 3].map((i) =>
      byHand(s, p, Array.from(x.data.slice(3 * i, 3 * i + 3)), Array.from(noise.data.slice(2 * i, 2 * i + 2))),
    );
    expected.forEach(({ reconstruction, divergence }, i) => {
      expect(rows.reconstruction.data[i]).toBeCloseTo(reconstruction, 10);
      expect(rows.divergence.data[i]).toBeCloseTo(divergence, 10);
    });
    const average = (name: "reconstruction" | "divergence") => expected.reduce((t, e) => t + e[name] / 4, 0);
    expect(terms.reconstruction.data[0]).toBeCloseTo(average("reconstruction"), 10);
    expect(terms.divergence.data[0]).toBeCloseTo(average("divergence"), 10);
    await f.dispose();
    // Weights of mean 1: a row of weight 2 counts as two rows.
    const weighted = compile((q: any, a: any, b: any, w: any) => elboTerms(s, q, a, b, w), { precision: "float64" });
    const counted = await weighted(p, x, noise, ndarray(Float64Array.of(2, 0, 1, 1), [4]));
    for (const name of ["reconstruction", "divergence"] as const)
      expect(counted[name].data[0]).toBeCloseTo(
        (2 * expected[0][name] + expected[2][name] + expected[3][name]) / 4,
        10,
      );
    await weighted.dispose();
  });

  it("has the gradient of its differences: the error falls with the square of the step", async () => {
    const loss = (q: any) => {
      const terms = elboTerms(s, q, x, noise);
      return sub(terms.divergence, terms.reconstruction);
    };
    const f = compile((q: any) => valueAndGrad(loss)(q), { precision: "float64" });
    const [, gradient] = await f(p);
    let seed = 50;
    const direction: VaeParameters = mapTree(p, (a: NdArray) => ({
      ...a,
      data: normalArray(randomKey(seed++), a.data.length),
    }));
    const along = flattenTree(gradient).leaves.reduce(
      (total: number, g: NdArray, i: number) =>
        total + Array.from(g.data).reduce((t, v, j) => t + v * flattenTree(direction).leaves[i].data[j], 0),
      0,
    );
    const at = async (h: number) => {
      const directions = flattenTree(direction).leaves;
      let i = 0;
      const moved = mapTree(p, (a: NdArray) => {
        const v = directions[i++];
        return { ...a, data: (a.data as Float64Array).map((w, j) => w + h * v.data[j]) };
      });
      return (await f(moved))[0].data[0];
    };
    const errors = [];
    for (const h of [4e-2, 2e-2, 1e-2, 5e-3]) errors.push(Math.abs(((await at(h)) - (await at(-h))) / (2 * h) - along));
    for (let i = 1; i < errors.length; i++) expect(Math.log2(errors[i - 1] / errors[i])).toBeCloseTo(2, 0.5);
    await f.dispose();
  });
});

describe("data units", () => {
  it("give the model on data that the trained parameters are on standardised data", async () => {
    const s = shape({ encoderHidden: [], decoderHidden: [3] });
    const p: VaeParameters = mapTree(parametersFor(s), (a: NdArray) => ({
      ...a,
      dtype: "float32",
      data: Float32Array.from(a.data),
    }));
    const rows = Float32Array.from(uniformArray(randomKey(2), 12), (u, i) => 50 + 20 * u + (i % 3));
    const { shift, scale } = standardizationOf(rows, 3, "gaussian");
    const standard = rows.map((v, i) => (v - shift[i % 3]) / scale);
    const noise = ndarray(normalArray(randomKey(3), 8), [4, 2]);
    const f = compile((q: any, x: any) => ({ ...elboRows(s, q, x, noise), ...encodeRows(s, q, x) }), {
      precision: "float64",
    });
    const inside = await f(p, ndarray(standard, [4, 3]));
    const outside = await f(toDataUnits(p, { shift, scale }), ndarray(rows, [4, 3]));
    for (let i = 0; i < 4; i++)
      expect(outside.reconstruction.data[i]).toBeCloseTo(inside.reconstruction.data[i] - 3 * Math.log(scale), 3);
    for (let i = 0; i < 8; i++) expect(outside.mean.data[i]).toBeCloseTo(inside.mean.data[i], 4);
    // mean zero and mean square one
    expect(standard.reduce((t, v) => t + v, 0)).toBeCloseTo(0, 4);
    expect(standard.reduce((t, v) => t + v * v, 0) / 12).toBeCloseTo(1, 5);
    await f.dispose();
  });

  it("refuse rows that do not vary", () => {
    expect(() => standardizationOf(new Float32Array(6), 3, "gaussian")).toThrow(UsageError);
  });
});

describe("shapes", () => {
  it("that cannot be are refused", () => {
    expect(() => checkShape(shape({ latentDimension: 0 }))).toThrow(
      "latentDimension: 0 is not a whole number from 1 on",
    );
    expect(() => checkShape(shape({ decoderHidden: [3, 1.5] }))).toThrow(/decoderHidden: 1.5/);
    expect(() => checkShape(shape({ likelihood: "poisson" as any }))).toThrow(
      /"poisson" is not known; use one of gaussian/,
    );
    expect(() => checkShape(shape({ activation: "cube" as any }))).toThrow(UsageError);
  });
});

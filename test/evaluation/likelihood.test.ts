/** Importance and annealed importance sampling on linear-Gaussian models, whose log p(x) is known. */
import { describe, expect, it } from "vitest";
import type { LatentVariableModel } from "../../src/autoencoders/family/index.js";
import {
  add,
  array,
  matmul,
  mul,
  type NdArray,
  ndarray,
  type Operand,
  square,
  sub,
  sum,
  type Tensor,
} from "../../src/engine/index.js";
import { schedule } from "../../src/evaluation/annealed-importance-sampling.js";
import { annealedLogLikelihood, importanceLogLikelihood } from "../../src/evaluation/index.js";
import { cholesky, choleskySolve } from "../../src/numerics/dense.js";
import { normalArray, randomKey } from "../../src/numerics/random.js";

// x = W z + b + s e
const weights = [
  [1.2, 0.3, -0.5],
  [0.4, -1.1, 0.8],
];
const offset = [0.5, -1, 0.2];
const noise = 0.4;

/** The model; the posterior is the prior widened by `spread`, or the best diagonal one. */
function linearGaussian(posterior: "best" | "wide"): LatentVariableModel {
  const precision = [0, 1].map((i) => 1 + weights[i].reduce((t, w) => t + w * w, 0) / noise ** 2);
  return {
    dimension: 2,
    dataDimension: 3,
    logPrior: (z) => mul(-0.5, sum(add(square(z), Math.log(2 * Math.PI)), -1)),
    logLikelihood: (x: Operand, z: Tensor) => {
      const error = sub(x, add(matmul(z, array(weights)), array(offset)));
      return mul(-0.5, sum(add(mul(square(error), 1 / noise ** 2), Math.log(2 * Math.PI * noise ** 2)), -1));
    },
    posterior: (x: Operand) => {
      if (posterior === "wide") {
        const flat = mul(
          0,
          matmul(
            x,
            array([
              [1, 0],
              [0, 1],
              [0, 0],
            ]),
          ),
        );
        return { mean: flat, logVariance: add(flat, 0.3) };
      }
      // exact mean M^{-1} W^T (x - b) / s^2, variances 1 / diag(M)
      const m = [
        [precision[0], weights[0].reduce((t, w, j) => t + w * weights[1][j], 0) / noise ** 2],
        [weights[0].reduce((t, w, j) => t + w * weights[1][j], 0) / noise ** 2, precision[1]],
      ];
      const determinant = m[0][0] * m[1][1] - m[0][1] ** 2;
      const inverse = [
        [m[1][1] / determinant, -m[0][1] / determinant],
        [-m[0][1] / determinant, m[0][0] / determinant],
      ];
      const gain = [0, 1, 2].map((j) =>
        [0, 1].map((i) => [0, 1].reduce((t, k) => t + inverse[i][k] * weights[k][j], 0) / noise ** 2),
      );
      const mean = matmul(sub(x, array(offset)), array(gain));
      return {
        mean,
        logVariance: add(mul(0, mean), array([Math.log(1.5 * inverse[0][0]), Math.log(1.5 * inverse[1][1])])),
      };
    },
  };
}

/** z ~ N(0, 1), x|z ~ N(z, 1), with the exact posterior N(x / 2, 1 / 2); x ~ N(0, 2). */
const normalMean: LatentVariableModel = {
  dimension: 1,
  dataDimension: 1,
  logPrior: (z) => mul(-0.5, sum(add(square(z), Math.log(2 * Math.PI)), -1)),
  logLikelihood: (x, z) => mul(-0.5, sum(add(square(sub(x, z)), Math.log(2 * Math.PI)), -1)),
  posterior: (x) => ({ mean: mul(0.5, x), logVariance: add(mul(0, x), Math.log(0.5)) }),
};

const rows: NdArray = (() => {
  const u = normalArray(randomKey(1), 12);
  const e = normalArray(randomKey(2), 18);
  return ndarray(
    Float64Array.from({ length: 18 }, (_, k) => {
      const [i, j] = [Math.floor(k / 3), k % 3];
      return offset[j] + u[2 * i] * weights[0][j] + u[2 * i + 1] * weights[1][j] + noise * e[k];
    }),
    [6, 3],
  );
})();

/** log N(x; b, W^T W + s^2 I) */
const exact = (() => {
  const c = new Float64Array(9);
  for (let j = 0; j < 3; j++)
    for (let k = 0; k < 3; k++)
      c[3 * j + k] = weights[0][j] * weights[0][k] + weights[1][j] * weights[1][k] + (j === k ? noise ** 2 : 0);
  const l = cholesky(c, 3) as Float64Array;
  return Array.from({ length: 6 }, (_, i) => {
    const r = Float64Array.from({ length: 3 }, (_, j) => rows.data[3 * i + j] - offset[j]);
    const solved = choleskySolve(l, 3, r.slice());
    const quadratic = r.reduce((t, v, j) => t + v * solved[j], 0);
    return -0.5 * (quadratic + 3 * Math.log(2 * Math.PI)) - Math.log(l[0] * l[4] * l[8]);
  });
})();

describe("importance sampling", () => {
  it("finds log p(x) within its own error, in chunks as at once", async () => {
    const options = { precision: "float64", threads: 1, seed: 3 } as const;
    const found = await importanceLogLikelihood(linearGaussian("best"), rows, { ...options, samples: 5000 });
    // five standard errors, six rows: a false alarm in about 1 of 300,000 seeds
    found.values.forEach((v, i) => expect(Math.abs(v - exact[i])).toBeLessThan(5 * found.drawErrors[i] + 1e-9));
    expect(Math.max(...found.drawErrors)).toBeLessThan(0.05);
    expect(found.score.images).toBe(6);
    const chunked = await importanceLogLikelihood(linearGaussian("best"), rows, {
      ...options,
      samples: 5000,
      chunk: 700,
    });
    chunked.values.forEach((v, i) => expect(Math.abs(v - exact[i])).toBeLessThan(5 * chunked.drawErrors[i] + 1e-9));
  });

  it("is exact with the exact posterior in one dimension, whatever the draws", async () => {
    const { values, effectiveSamples } = await importanceLogLikelihood(normalMean, array([[0.7], [-2]]), {
      samples: 3,
      precision: "float64",
      threads: 1,
    });
    [0.7, -2].forEach((x, i) => expect(values[i]).toBeCloseTo(-0.25 * x * x - 0.5 * Math.log(4 * Math.PI), 10));
    expect(effectiveSamples[0]).toBeCloseTo(3, 6);
  });

  it("refuses rows of another width", async () => {
    await expect(importanceLogLikelihood(linearGaussian("best"), array([[1, 2]]))).rejects.toThrow(
      /rows of 2 numbers, the model has 3/,
    );
    await expect(importanceLogLikelihood(linearGaussian("best"), rows, { samples: 0 })).rejects.toThrow(/samples: 0/);
  });
});

describe("annealed importance sampling", () => {
  it.each(["prior", "posterior"] as const)("from the %s finds log p(x) within its own error", async (start) => {
    const found = await annealedLogLikelihood(linearGaussian("wide"), rows, {
      chains: 48,
      temperatures: 120,
      leapfrogSteps: 5,
      start,
      precision: "float64",
      threads: 1,
      seed: 5,
    });
    // as above
    found.values.forEach((v, i) => expect(Math.abs(v - exact[i])).toBeLessThan(5 * found.drawErrors[i] + 1e-9));
    expect(Math.max(...found.drawErrors)).toBeLessThan(0.2);
    expect(found.acceptance).toBeGreaterThan(0.5);
    expect(found.acceptance).toBeLessThan(0.9);
  });

  it("from the exact posterior is exact, whatever the chains do", async () => {
    // log p(x, z) - log q_0(z) = log p(x) at every z, and the temperature's steps add up to 1
    const { values } = await annealedLogLikelihood(normalMean, array([[0.7], [-2]]), {
      chains: 3,
      temperatures: 6,
      leapfrogSteps: 2,
      start: "posterior",
      precision: "float64",
      threads: 1,
    });
    [0.7, -2].forEach((x, i) => expect(values[i]).toBeCloseTo(-0.25 * x * x - 0.5 * Math.log(4 * Math.PI), 9));
  });

  it("its temperatures rise from 0 to 1", () => {
    const levels = schedule(7);
    expect(levels[0]).toBe(0);
    expect(levels[6]).toBe(1);
    expect(levels[3]).toBeCloseTo(0.5, 12);
    for (let t = 1; t < 7; t++) expect(levels[t]).toBeGreaterThan(levels[t - 1]);
  });
});

/** What makes each model of the family itself. */
import { describe, expect, it } from "vitest";
import {
  costOfMade,
  costOfReal,
  decodeCode,
  decodeWithPullback,
  logLikelihood,
  logStandardNormal,
  potentialSlope,
} from "../../../src/autoencoders/family/common.js";
import {
  generalizedLeapfrog,
  kineticEnergy,
  leapfrog,
  type PhasePoint,
  reversed,
  riemannianHamiltonian,
  slopeOf,
  temperingFactors,
} from "../../../src/autoencoders/family/hamiltonian.js";
import { latentVariableModelOf, trainFamily, vampComponentsOf } from "../../../src/autoencoders/family/index.js";
import { applyDecoder, initializeDecoder, weightsOf } from "../../../src/autoencoders/family/networks.js";
import { jacobianNorm } from "../../../src/autoencoders/family/rae-gp.js";
import { squaredNorm } from "../../../src/autoencoders/family/rae-l2.js";
import { familyModel } from "../../../src/autoencoders/family/registry.js";
import { metricMatrices, rhvaeInverseMetric } from "../../../src/autoencoders/family/rhvae.js";
import { equilibriumGates } from "../../../src/autoencoders/family/vaegan.js";
import { logMixture } from "../../../src/autoencoders/family/vamp.js";
import { squaredMeanDiscrepancy } from "../../../src/autoencoders/family/wae-mmd.js";
import { elboRows } from "../../../src/autoencoders/index.js";
import {
  add,
  array,
  compile,
  concat,
  cos,
  flattenTree,
  grad,
  jacobian,
  mul,
  type NdArray,
  ndarray,
  neg,
  reshape,
  slice,
  square,
  sum,
  type Tensor,
  vjp,
} from "../../../src/engine/index.js";
import { initializeMlp, mlp, spectralNormalization } from "../../../src/networks/index.js";
import { symmetricEigen } from "../../../src/numerics/eigen.js";
import { normalArray, randomKey } from "../../../src/numerics/random.js";
import { circle } from "../data.js";

const exact = { precision: "float64", threads: 1 } as const;

function normal(seed: number, ...shape: number[]): NdArray {
  return ndarray(
    normalArray(
      randomKey(seed),
      shape.reduce((a, b) => a * b, 1),
    ),
    shape,
  );
}

function shapeOf(name: string, options: Record<string, number> = {}): any {
  const model = familyModel(name);
  const defaults = Object.fromEntries(Object.entries(model.options).map(([key, option]) => [key, option.default]));
  return {
    dataDimension: 5,
    latentDimension: 2,
    network: { kind: "mlp", encoderHidden: [7], decoderHidden: [6], activation: "tanh" },
    likelihood: "gaussian",
    variance: 0.3,
    bounded: false,
    options: { ...defaults, ...options },
  };
}

const rows = { data: circle(20).rows, n: 20 };

/** Score (minus the objective) of a freshly initialised model. */
async function score(name: string, options: Record<string, number>, x: NdArray, noise: Record<string, NdArray>) {
  const shape = shapeOf(name, options);
  const model = familyModel(name);
  const { parameters, buffers } = model.initialize(randomKey(3), shape, rows);
  const f = compile(
    (p: any, b: any, data: Tensor, draws: any) =>
      model.losses({ shape, parameters: p, buffers: b, x: data, noise: draws, training: true }).losses.autoencoder,
    exact,
  );
  const loss = (await f(parameters, buffers, x, noise)).data[0];
  await f.dispose();
  return -loss;
}

const x = ndarray(circle(6).rows, [6, 5]);

describe("VAE and beta-VAE", () => {
  it("agrees with the other VAE of this project, term by term", async () => {
    const shape = shapeOf("vae");
    const { parameters, buffers } = familyModel("vae").initialize(randomKey(3), shape, rows);
    const noise = normal(1, 6, 2);
    const f = compile((p: any, b: any, data: Tensor, z: Tensor) => {
      const { terms } = familyModel("vae").losses({
        shape,
        parameters: p,
        buffers: b,
        x: data,
        noise: { z },
        training: true,
      });
      const other = elboRows(
        { ...shape, encoderHidden: [7], decoderHidden: [6], activation: "tanh" },
        {
          encoder: p.encoder.dense,
          decoder: p.decoder.dense,
          noise: { logVariance: array([Math.log(0.3)]) as any },
        },
        data,
        z,
      );
      return [terms.reconstruction, terms["KL divergence"], sum(other.reconstruction), sum(other.divergence)];
    }, exact);
    const [reconstruction, divergence, otherReconstruction, otherDivergence] = (
      await f(parameters, buffers, x, noise)
    ).map((a: NdArray) => a.data[0]);
    expect(reconstruction).toBeCloseTo(-otherReconstruction / 6, 10);
    expect(divergence).toBeCloseTo(otherDivergence / 6, 10);
  });

  it("beta weighs the divergence", async () => {
    const noise = { z: normal(1, 6, 2) };
    const [none, one, three] = await Promise.all([0, 1, 3].map((beta) => score("beta-vae", { beta }, x, noise)));
    expect(three - none).toBeCloseTo(3 * (one - none), 9);
    expect(one).toBeLessThan(none);
    expect(await score("vae", {}, x, noise)).toBeCloseTo(one, 12);
  });
});

describe("IWAE", () => {
  it("with one sample is the ELBO with log q - log p instead of the closed form, and tightens with K", async () => {
    // Many rows of the same distribution average the noise: the means over 2000 draws differ by far more than their
    // standard error (about 0.05), so a false alarm is below 1e-6.
    const many = ndarray(
      Float32Array.from({ length: 2000 * 5 }, (_, i) => x.data[i % 30]),
      [2000, 5],
    );
    const bounds = [];
    for (const samples of [1, 2, 8, 40])
      bounds.push(await score("iwae", { samples }, many, { z: normal(samples, 2000 * samples, 2) }));
    for (let i = 1; i < bounds.length; i++) expect(bounds[i]).toBeGreaterThan(bounds[i - 1] + 0.1);
    const elbo = await score("vae", {}, many, { z: normal(1, 2000, 2) });
    expect(Math.abs(bounds[0] - elbo)).toBeLessThan(0.3);
  });
});

describe("WAE", () => {
  it("its discrepancy is zero on average for equal laws and positive otherwise", async () => {
    const f = compile((a: Tensor, b: Tensor) => squaredMeanDiscrepancy(a, b), exact);
    const of = async (shift: number, scale: number) => {
      const values: number[] = [];
      for (let s = 0; s < 60; s++) {
        const b = normal(500 + s, 40, 3);
        for (let i = 0; i < b.data.length; i++) b.data[i] = scale * b.data[i] + shift;
        values.push((await f(normal(s, 30, 3), b)).data[0]);
      }
      const mean = values.reduce((a, b) => a + b) / 60;
      const spread = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / 59 / 60);
      return mean / spread;
    };
    // in standard errors: a false alarm in about 1 of 15,000 seeds
    expect(Math.abs(await of(0, 1))).toBeLessThan(4);
    expect(await of(0.5, 1)).toBeGreaterThan(10);
    expect(await of(0, 2)).toBeGreaterThan(10);
  });

  it("agrees with the definition, pair by pair", async () => {
    const [a, b] = [normal(1, 4, 2), normal(2, 3, 2)];
    const k = (p: NdArray, i: number, q: NdArray, j: number) => {
      const squares = (p.data[2 * i] - q.data[2 * j]) ** 2 + (p.data[2 * i + 1] - q.data[2 * j + 1]) ** 2;
      return [0.1, 0.2, 0.5, 1, 2, 5, 10].reduce((t, s) => t + (4 * s) / (4 * s + squares), 0);
    };
    let expected = 0;
    for (let i = 0; i < 4; i++) for (let j = 0; j < 4; j++) if (i !== j) expected += k(a, i, a, j) / 12;
    for (let i = 0; i < 3; i++) for (let j = 0; j < 3; j++) if (i !== j) expected += k(b, i, b, j) / 6;
    for (let i = 0; i < 4; i++) for (let j = 0; j < 3; j++) expected -= (2 * k(a, i, b, j)) / 12;
    const f = compile((p: Tensor, q: Tensor) => squaredMeanDiscrepancy(p, q), exact);
    expect((await f(a, b)).data[0]).toBeCloseTo(expected, 11);
  });
});

describe("VAMP", () => {
  it("its prior is the mixture of the posteriors of its pseudo-inputs", async () => {
    const { model } = await trainFamily("vamp", circle(40), {
      encoderHidden: [8],
      decoderHidden: [8],
      epochs: 1,
      batchSize: 20,
      modelOptions: { components: 4 },
      threads: 1,
    });
    const { mean, logVariance } = await vampComponentsOf(model, { threads: 1 });
    expect(mean.shape).toEqual([4, 2]);
    const z = normal(5, 3, 2);
    const density = await compile((at: Tensor) => latentVariableModelOf(model).logPrior(at), exact)(z);
    for (let n = 0; n < 3; n++) {
      let total = 0;
      for (let k = 0; k < 4; k++) {
        let log = 0;
        for (let j = 0; j < 2; j++) {
          const s = logVariance.data[2 * k + j];
          log -= 0.5 * ((z.data[2 * n + j] - mean.data[2 * k + j]) ** 2 / Math.exp(s) + s + Math.log(2 * Math.PI));
        }
        total += Math.exp(log) / 4;
      }
      expect(density.data[n]).toBeCloseTo(Math.log(total), 4);
    }
    // with one component N(0, I) it is the standard normal
    const one = await compile(
      (at: Tensor) =>
        logMixture(at, { mean: slice(mul(at, 0), [[0, 1], null]), logVariance: slice(mul(at, 0), [[0, 1], null]) }),
      exact,
    )(z);
    expect(one.data[0]).toBeCloseTo(-0.5 * (z.data[0] ** 2 + z.data[1] ** 2) - Math.log(2 * Math.PI), 10);
  });
});

describe("Hamiltonian integrators", () => {
  // a potential without symmetry; rows do not depend on each other
  const potential = (z: Tensor) => sum(add(mul(0.5, square(z)), cos(add(mul(2, z), array([[0.3, 1]])))), -1);
  const metric = {
    centroids: array([
      [0.2, -0.4],
      [1, 0.5],
    ]),
    matrices: array([
      [
        [1, 0.4],
        [0.4, 0.8],
      ],
      [
        [0.5, -0.2],
        [-0.2, 1.5],
      ],
    ]),
  };
  const inverseMetric = (z: Tensor) => rhvaeInverseMetric(metric as any, z, { temperature: 1.5, regularization: 0.1 });
  const steps = {
    leapfrog: (at: PhasePoint, stepSize: number) => leapfrog(slopeOf(potential), at, stepSize),
    "generalised leapfrog": (at: PhasePoint, stepSize: number) =>
      generalizedLeapfrog(riemannianHamiltonian(slopeOf(potential), inverseMetric), inverseMetric, at, stepSize, 25),
  };
  const [z, momentum] = [normal(1, 4, 2), normal(2, 4, 2)];

  it("the slope of the Hamiltonian at a place is its gradient, for every momentum", async () => {
    const f = compile((a: Tensor, r: Tensor) => {
      const at = riemannianHamiltonian(slopeOf(potential), inverseMetric);
      const whole = (momentum: Tensor) =>
        grad((place: Tensor) => sum(add(potential(place), kineticEnergy(inverseMetric(place), momentum))))(a);
      const twice = mul(r, 2);
      return [at(a).slope(r), whole(r), at(a).slope(twice), whole(twice), at(a).inverseMetric, inverseMetric(a)];
    }, exact);
    const [one, expected, two, expectedTwo, P, expectedP] = await f(z, momentum);
    for (const [got, wanted] of [
      [one, expected],
      [two, expectedTwo],
      [P, expectedP],
    ]) // prettier-ignore
      got.data.forEach((v: number, i: number) => expect(v).toBeCloseTo(wanted.data[i], 11));
    expect(one.data[0]).not.toBeCloseTo(two.data[0], 3);
  });

  it.each(Object.entries(steps))("%s is reversible", async (_, step) => {
    const there = (at: PhasePoint) => step(step(at, 0.1), 0.1);
    const f = compile(
      (a: Tensor, b: Tensor) => ({ ...reversed(there(reversed(there({ z: a, momentum: b })))) }),
      exact,
    );
    const back = await f(z, momentum);
    for (let i = 0; i < 8; i++) {
      expect(back.z.data[i]).toBeCloseTo(z.data[i], 10);
      expect(back.momentum.data[i]).toBeCloseTo(momentum.data[i], 10);
    }
  });

  it.each(Object.entries(steps))("%s keeps the volume", async (_, step) => {
    const map = (both: Tensor) => {
      const at = step(
        { z: reshape(slice(both, [[0, 2]]), [1, 2]), momentum: reshape(slice(both, [[2, 4]]), [1, 2]) },
        0.15,
      );
      return concat([reshape(at.z, [2]), reshape(at.momentum, [2])], 0);
    };
    const f = compile((both: Tensor) => jacobian(map)(both), exact);
    const { data } = await f(array([0.3, -0.2, 0.8, 0.5]));
    const j = Float64Array.from(data);
    const { determinant } = await import("../../../src/numerics/dense.js");
    expect(determinant(j, 4)).toBeCloseTo(1, 9);
  });

  it("leapfrog is of second order: the error of the energy falls with the square of the step", async () => {
    const drift = async (stepSize: number) => {
      const count = Math.round(0.8 / stepSize);
      const f = compile((a: Tensor, b: Tensor) => {
        const energy = (at: PhasePoint) => add(potential(at.z), mul(0.5, sum(square(at.momentum), -1)));
        let at: PhasePoint = { z: a, momentum: b };
        const before = energy(at);
        for (let i = 0; i < count; i++) at = leapfrog(slopeOf(potential), at, stepSize);
        return add(energy(at), neg(before));
      }, exact);
      const { data } = await f(z, momentum);
      return Math.hypot(...(data as Float64Array));
    };
    const [coarse, fine] = [await drift(0.1), await drift(0.05)];
    expect(Math.log2(coarse / fine)).toBeGreaterThan(1.8);
    expect(Math.log2(coarse / fine)).toBeLessThan(2.2);
  });

  it("tempering cools to the temperature 1: the factors multiply to sqrt(beta_0)", () => {
    for (const beta of [0.1, 0.3, 1])
      expect(temperingFactors(5, beta).reduce((a, b) => a * b)).toBeCloseTo(Math.sqrt(beta), 12);
    // beta_0 = 1/4, K = 3: 1 / sqrt(beta_k) = 2, 17/9, 14/9, 1
    temperingFactors(3, 0.25).forEach((factor, i) => {
      expect(factor).toBeCloseTo([17 / 18, 14 / 17, 9 / 14][i], 12);
    });
  });
});

describe("HVAE and RHVAE", () => {
  it.each(["hvae", "rhvae"])("%s: with vanishing steps the bound is the ELBO with that draw", async (name) => {
    const noise = { z: normal(1, 6, 2), momentum: normal(2, 6, 2) };
    const bound = await score(name, { stepSize: 1e-9, inverseTemperature: 0.4 }, x, noise);
    const one = await score("iwae", { samples: 1 }, x, { z: noise.z });
    expect(bound).toBeCloseTo(one, 6);
  });

  it("rhvae: however large its network's outputs, the metric stays within its bound", async () => {
    const d = 3;
    const layers = initializeMlp(randomKey(1), [5, 8, (d * (d + 1)) / 2], { activation: "relu" });
    const f = compile((p: any, data: Tensor) => metricMatrices(p, data, d), exact);
    const far = ndarray(
      normal(2, 40, 5).data.map((v) => 1e6 * v),
      [40, 5],
    );
    const { data } = await f(layers, far);
    const largest = Math.max(...data.map(Math.abs));
    expect(largest).toBeGreaterThan(Math.E); // it is in use
    expect(largest).toBeLessThan(d * (Math.E ** 2 + (d - 1) / 2));
  });
});

describe("derivatives of the decoder that are spelt out", () => {
  const cases = (["tanh", "relu", "softplus"] as const).flatMap((activation) =>
    (["gaussian", "bounded", "bernoulli"] as const).map((kind) => ({ activation, kind })),
  );
  it.each(cases)(
    "$activation, $kind: equal to those by differentiation, and so are theirs",
    async ({ activation, kind }) => {
      const shape = {
        ...shapeOf("hvae"),
        network: { kind: "mlp", encoderHidden: [7], decoderHidden: [6, 4], activation },
        likelihood: kind === "bernoulli" ? "bernoulli" : "gaussian",
        bounded: kind === "bounded",
        variance: kind === "bounded" ? "learned" : 0.3,
      };
      const { parameters, buffers } = familyModel("hvae").initialize(randomKey(5), shape, rows);
      const [x, z, c] = [normal(1, 3, 5), normal(2, 3, 2), normal(4, 3, 5)];
      const both = (p: any, data: Tensor, at: Tensor, cotangent: Tensor) => {
        const given = { shape, parameters: p, buffers, training: true };
        const potential = (place: Tensor) =>
          neg(add(logLikelihood(given, data, decodeCode(given, place)), logStandardNormal(place)));
        return {
          slope: [potentialSlope(given, data)(at), slopeOf(potential)(at)],
          pullback: [
            decodeWithPullback(given, at).pullback(cotangent),
            vjp((place: Tensor) => decodeCode(given, place).mean, [at])[1](cotangent)[0],
          ],
        };
      };
      const total = (name: "slope" | "pullback", i: number) =>
        grad((p: any, data: Tensor, at: Tensor, e: Tensor) => sum(square(both(p, data, at, e)[name][i])));
      const f = compile(
        (p: any, data: Tensor, at: Tensor, e: Tensor) => [
          both(p, data, at, e),
          total("slope", 0)(p, data, at, e).decoder,
          total("slope", 1)(p, data, at, e).decoder,
          total("pullback", 0)(p, data, at, e).decoder,
          total("pullback", 1)(p, data, at, e).decoder,
        ],
        exact,
      );
      const [values, ...derivatives] = await f(parameters, x, z, c);
      const same = (a: any, b: any) => {
        const [left, right] = [flattenTree(a).leaves, flattenTree(b).leaves];
        left.forEach((leaf: any, i: number) => {
          leaf.data.forEach((v: number, j: number) => {
            expect(v).toBeCloseTo((right[i] as NdArray).data[j], 9);
          });
        });
      };
      for (const [spelt, differentiated] of [values.slope, values.pullback]) same(spelt, differentiated);
      same(derivatives[0], derivatives[1]);
      same(derivatives[2], derivatives[3]);
    },
  );
});

describe("regularised autoencoders", () => {
  it("RAE-GP: the penalty is the squared norm of the decoder's Jacobian, exactly so over all directions", async () => {
    const layers = initializeMlp(randomKey(1), [2, 6, 5]);
    const decoder = (z: Tensor) => mlp(layers, z);
    const z = normal(3, 1, 2);
    // over the directions sqrt(5) e_i the average of |J^T e|^2 is exactly |J|_F^2
    const f = compile((at: Tensor, e: Tensor) => jacobianNorm((c) => vjp(decoder, [at])[1](c)[0], e), exact);
    let estimate = 0;
    for (let i = 0; i < 5; i++)
      estimate +=
        (
          await f(
            z,
            ndarray(
              Float64Array.from({ length: 5 }, (_, j) => (i === j ? Math.sqrt(5) : 0)),
              [1, 5],
            ),
          )
        ).data[0] / 5;
    const j = await compile(
      (at: Tensor) => jacobian((a: Tensor) => reshape(decoder(reshape(a, [1, 2])), [5]))(reshape(at, [2])),
      exact,
    )(z);
    const norm = Array.from(j.data as Float64Array).reduce((t, v) => t + v * v, 0);
    expect(estimate).toBeCloseTo(norm, 10);
    // and it is part of the loss with its weight: twice the weight, twice the difference
    const noise = { directions: normal(4, 6, 5) };
    const [none, one, two] = await Promise.all(
      [0, 1, 2].map((decoderWeight) => score("rae-gp", { decoderWeight }, x, noise)),
    );
    expect(two - none).toBeCloseTo(2 * (one - none), 9);
    expect(one).toBeLessThan(none);
    expect(none).toBeCloseTo(await score("rae", {}, x, {}), 12);
  });

  it("RAE-L2: the penalty is the sum of squares of all the decoder's parameters", async () => {
    const { parameters } = familyModel("rae-l2").initialize(randomKey(3), shapeOf("rae-l2"), rows);
    let expected = 0;
    for (const { weight, bias } of parameters.decoder.dense)
      for (const value of [...weight.data, ...bias.data]) expected += value * value;
    const found = await compile((tree: any) => squaredNorm(tree), exact)(parameters.decoder);
    expect(found.data[0]).toBeCloseTo(expected, 9);
    const [plain, with2] = await Promise.all([0, 2].map((decoderWeight) => score("rae-l2", { decoderWeight }, x, {})));
    expect(plain - with2).toBeCloseTo(2 * expected, 8);
  });

  it("RAE: the codes' weight is a / 2 on |z|^2", async () => {
    const [none, one, two] = await Promise.all([0, 1, 2].map((codeWeight) => score("rae", { codeWeight }, x, {})));
    expect(two - none).toBeCloseTo(2 * (one - none), 9);
    expect(none).toBeCloseTo(await score("ae", {}, x, {}), 12);
  });

  it("RAE-SN: after training every layer of the decoder has spectral norm 1, by another method", async () => {
    const { model } = await trainFamily("rae-sn", circle(40), {
      encoderHidden: [8],
      decoderHidden: [8, 7],
      epochs: 3,
      batchSize: 20,
      threads: 1,
    });
    const weights = weightsOf<NdArray>(model.parameters.decoder);
    const f = compile((w: Tensor, u: Tensor) => ({ weight: spectralNormalization(w, u).weight }), exact);
    for (let i = 0; i < weights.length; i++) {
      const { weight } = await f(weights[i], model.buffers.decoder.directions[i]);
      const [r, c] = weight.shape;
      const gram = new Float64Array(c * c);
      for (let a = 0; a < c; a++)
        for (let b = 0; b < c; b++)
          for (let k = 0; k < r; k++) gram[a * c + b] += weight.data[k * c + a] * weight.data[k * c + b];
      const { values } = symmetricEigen(gram, c);
      expect(Math.sqrt(values[c - 1])).toBeCloseTo(1, 4);
    }
  });

  it("spectral normalisation differentiates like the largest singular value", async () => {
    const w = normal(1, 4, 3);
    const u = normal(2, 3);
    const scale = Math.hypot(...(u.data as Float64Array));
    for (let i = 0; i < 3; i++) u.data[i] /= scale;
    const sigma = (a: Tensor) => spectralNormalization(a, u, 200).sigma;
    const slope = await compile((a: Tensor) => grad(sigma)(a), exact)(w);
    const value = compile(sigma, exact);
    const h = 1e-6;
    for (const i of [0, 5, 11]) {
      const at = async (change: number) => {
        const data = Float64Array.from(w.data);
        data[i] += change;
        return (await value(ndarray(data, [4, 3]))).data[0];
      };
      expect(slope.data[i]).toBeCloseTo(((await at(h)) - (await at(-h))) / (2 * h), 6);
    }
  });

  it("a decoder with directions applies its weights divided by their norms", async () => {
    const network = { kind: "mlp", encoderHidden: [], decoderHidden: [], activation: "tanh" } as const;
    const decoder = initializeDecoder(randomKey(1), network, 2, 3, { spectral: true });
    const f = compile(
      (p: any, b: any, z: Tensor) => applyDecoder(network, { parameters: p, buffers: b }, z, true).output,
      exact,
    );
    // twice the weights: the same outputs
    const twice = {
      dense: [
        {
          ...decoder.parameters.dense[0],
          weight: ndarray(
            decoder.parameters.dense[0].weight.data.map((v: number) => 2 * v),
            [2, 3],
          ),
        },
      ],
    };
    const z = normal(1, 4, 2);
    const [a, b] = [await f(decoder.parameters, decoder.buffers, z), await f(twice, decoder.buffers, z)];
    a.data.forEach((v: number, i: number) => expect(b.data[i]).toBeCloseTo(v, 10));
  });
});

describe("AAE", () => {
  it("a discriminator is at balance on equal laws: at D = 1/2 its cost is 2 log 2 and its mean gradient 0", async () => {
    const layers = initializeMlp(randomKey(1), [2, 8, 1], { activation: "relu" });
    // a last layer of zeros: logits 0, D = 1/2
    layers[1].weight.data.fill(0);
    const cost = (p: any, real: Tensor, made: Tensor) =>
      add(costOfReal(mlp(p, real, "relu")), costOfMade(mlp(p, made, "relu")));
    const f = compile(
      (p: any, real: Tensor, made: Tensor) => ({ cost: cost(p, real, made), slope: grad(cost as any)(p, real, made) }),
      exact,
    );
    const at = await f(layers, normal(1, 4000, 2), normal(2, 4000, 2));
    expect(at.cost.data[0]).toBeCloseTo(2 * Math.LN2, 12);
    // standard error of a mean over 4000 draws: about 0.02; bound at five of them
    for (const value of at.slope[1].weight.data) expect(Math.abs(value)).toBeLessThan(0.1);
    const apart = await f(
      layers,
      normal(1, 4000, 2),
      ndarray(
        (normal(2, 4000, 2).data as Float64Array).map((v) => v + 2),
        [4000, 2],
      ),
    );
    expect(Math.max(...apart.slope[1].weight.data.map(Math.abs))).toBeGreaterThan(0.2);
  });

  it("pulls the codes towards the prior: their spread comes nearer to 1 than without it", async () => {
    const spread = async (weight: number) => {
      const { latents } = await trainFamily("aae", circle(200), {
        encoderHidden: [16],
        decoderHidden: [16],
        epochs: 60,
        batchSize: 50,
        learningRate: 3e-3,
        modelOptions: { weight, discriminatorUnits: 16 },
        threads: 1,
      });
      let squares = 0;
      for (const value of latents.data) squares += value * value;
      return Math.abs(Math.log(squares / latents.data.length));
    };
    expect(await spread(3)).toBeLessThan(await spread(0));
  });
});

describe("VAE/GAN", () => {
  it.each([
    ["both move near the equilibrium", 0.7, 0.6, 1, 1],
    ["a discriminator that is too good on data stands still", 0.2, 0.7, 1, 0],
    ["a discriminator that is too good on what is made stands still", 0.7, 0.2, 1, 0],
    ["the decoder waits for a discriminator that is too bad", 0.7, 1.2, 0, 1],
    ["both move where both would stand still", 0.2, 1.2, 1, 1],
  ])("%s", async (_, real, made, decoder, discriminator) => {
    const f = compile((a: Tensor, b: Tensor) => equilibriumGates(a, b, 0.68, 0.4), exact);
    const gates = await f(real, made);
    expect([gates.decoder.data[0], gates.discriminator.data[0]]).toEqual([decoder, discriminator]);
  });

  it("a group that stands still keeps parameters, moments and count", async () => {
    const { familyStep, initialState } = await import("../../../src/autoencoders/family/step.js");
    const { adam } = await import("../../../src/training/index.js");
    const model = familyModel("vaegan");
    // an equilibrium far above any cost: the discriminator counts as too good
    const shape = shapeOf("vaegan", { equilibrium: 1000, margin: 1 });
    const state = initialState(model, model.initialize(randomKey(1), shape, rows), adam());
    const step = compile(familyStep(model, shape, adam()), { threads: 1 });
    const [after] = await step(state, x, { z: normal(1, 6, 2), prior: normal(2, 6, 2) }, 1e-3);
    expect(after.parameters.discriminator).toEqual(state.parameters.discriminator);
    expect(after.updates.discriminator.data[0]).toBe(0);
    expect(after.updates.decoder.data[0]).toBe(1);
    expect(after.parameters.decoder).not.toEqual(state.parameters.decoder);
  });
});

/** The Poincare VAE: a training step against the Euclidean VAE with the same layers; the bound against the FLOP limit. */
import { allocatePvaeNoise, fillPvaeNoise, initializePvae, type PvaeShape } from "../src/autoencoders/pvae/model.js";
import { pvaeEvaluator } from "../src/autoencoders/pvae/pvae.js";
import { pvaeTrainingStep } from "../src/autoencoders/pvae/step.js";
import { compile, sigmoid } from "../src/engine/index.js";
import { foldIn, permutation, randomKey } from "../src/numerics/random.js";
import { adam } from "../src/training/index.js";
import { fixedNumbers, limitGflops, median } from "./measure.js";

export interface PvaeStepFigure {
  readonly work: string;
  readonly milliseconds: number;
  /** Over the Euclidean step of the same layers, medians of one run. */
  readonly ratio: number;
  readonly asked: number;
}

/** The paper's MNIST setting, 784-600-d-600-784 ReLU. */
export function pvaeShapeOf(latent: number): PvaeShape {
  return {
    dataDimension: 784,
    latentDimension: latent,
    encoderHidden: [600],
    decoderHidden: [600],
    activation: "relu",
    likelihood: "bernoulli",
    curvature: 0.7,
    posterior: "wrapped",
    prior: "wrapped",
    priorScale: 1,
    decoder: "gyroplane",
    encoder: "wrapped",
    gyroplaneForm: "paper",
  };
}

export interface PvaeBoundFigure {
  readonly work: string;
  readonly rows: number;
  /** K */
  readonly samples: number;
  /** GFLOP/s of a large matrix product just before. */
  readonly limit: number;
  readonly samplesPerSecond: number;
  /** Time over that of the decoder's FLOPs at the limit. */
  readonly ratio: number;
  readonly asked: number;
}

/** The importance-weighted bound of a few rows with many draws each, noise and all; the median of three runs. */
export async function pvaeBoundFigures(
  options: { readonly rows?: number; readonly samples?: number; readonly threads?: number } = {},
): Promise<PvaeBoundFigure[]> {
  const { rows = 20, samples = 5000, threads } = options;
  const riemannian = { posterior: "riemannian", prior: "riemannian" } as const;
  const figures: PvaeBoundFigure[] = [];
  for (const [work, shape] of [
    ["Euclidean", { ...pvaeShapeOf(2), curvature: 0 }],
    ["wrapped, gyroplane decoder", pvaeShapeOf(2)],
    ["Riemannian, gyroplane decoder", { ...pvaeShapeOf(2), ...riemannian }],
  ] as const) {
    const parameters = initializePvae(randomKey(1), shape);
    const evaluator = pvaeEvaluator(shape, { threads });
    const x = new Float32Array(rows * 784).fill(0.3);
    await evaluator.bound(parameters, x, { samples: 2 * Math.floor(4000 / rows) }); // traced before the clock runs
    const runs: { seconds: number; limit: number }[] = [];
    for (let run = 0; run < 3; run++) {
      const limit = await limitGflops(threads);
      const start = performance.now();
      await evaluator.bound(parameters, x, { samples });
      runs.push({ seconds: (performance.now() - start) / 1000, limit });
    }
    await evaluator.dispose();
    const flops = 2 * (2 * 600 + 600 * 784) * rows * samples;
    const ratios = runs.map(({ seconds, limit }) => seconds / (flops / (limit * 1e9)));
    figures.push({
      work,
      rows,
      samples,
      limit: median(runs.map(({ limit }) => limit)),
      samplesPerSecond: (rows * samples) / median(runs.map(({ seconds }) => seconds)),
      ratio: median(ratios),
      asked: 3,
    });
  }
  return figures;
}

/**
 * Milliseconds of a step at the paper's MNIST setting (784-600-d-600-784 ReLU, batch 128, Bernoulli), without drawing
 * the noise; candidates take turns, in an order drawn anew each round, so that all see the same load. @param rounds steps of each
 */
export async function pvaeStepFigures(
  options: { readonly latent?: number; readonly rounds?: number; readonly threads?: number } = {},
): Promise<{ euclideanMilliseconds: number; figures: PvaeStepFigure[] }> {
  const { latent = 2, rounds = 60, threads } = options;
  const shape = pvaeShapeOf(latent);
  const squash = compile((x: any) => sigmoid(x));
  const x = await squash(fixedNumbers([128, 784], 3));
  await squash.dispose();
  const optimizer = adam();
  const prepare = async (name: string, one: PvaeShape, asked: number) => {
    const step = compile(pvaeTrainingStep(one, optimizer), { donate: [0], threads });
    const parameters = initializePvae(randomKey(1), one);
    let state: any = { parameters, optimizer: optimizer.initialize(parameters) };
    const noise = fillPvaeNoise(allocatePvaeNoise(one, 1, 128), randomKey(2));
    const times: number[] = [];
    const run = async (measured: boolean) => {
      const start = performance.now();
      [state] = await step(state, x, noise, { optimizer: optimizer.scalars(1, 1e-4), klWeight: 1 });
      if (measured) times.push(performance.now() - start);
    };
    for (let i = 0; i < 4; i++) await run(false);
    return { name, asked, times, run, dispose: () => step.dispose() };
  };
  const riemannian = { posterior: "riemannian", prior: "riemannian" } as const;
  const candidates = [
    await prepare("Euclidean", { ...shape, curvature: 0 }, Number.NaN),
    await prepare("wrapped, gyroplane decoder", shape, 1.4),
    await prepare("Riemannian, gyroplane decoder", { ...shape, ...riemannian }, 1.8),
    await prepare("Euclidean, dense layers", { ...shape, curvature: 0, decoder: "wrapped" }, Number.NaN),
    await prepare("wrapped, dense layers", { ...shape, decoder: "wrapped" }, 1.4),
    await prepare("Riemannian, dense layers", { ...shape, ...riemannian, decoder: "wrapped" }, 1.8),
  ];
  // a new order each round: what ran just before leaves caches and memory in its own state
  for (let i = 0; i < rounds; i++)
    for (const at of permutation(foldIn(randomKey(0), i), candidates.length)) await candidates[at].run(true);
  const medians = candidates.map(({ times }) => median(times));
  await Promise.all(candidates.map((candidate) => candidate.dispose()));
  const figures = [1, 2, 4, 5].map((i) => ({
    work: candidates[i].name,
    milliseconds: medians[i],
    ratio: medians[i] / medians[i < 3 ? 0 : 3],
    asked: candidates[i].asked,
  }));
  return { euclideanMilliseconds: medians[0], figures };
}

/** The engine against the FLOP limit: a training step, an energy with gradient, a grid of metric tensors. */
import { initializeVae, vaeTrainingStep } from "../src/autoencoders/index.js";
import {
  add,
  compile,
  einsum,
  matmul,
  mul,
  ndarray,
  randomKey,
  reshape,
  rowJacobian,
  sigmoid,
  slice,
  square,
  sub,
  sum,
  type Tensor,
  tanh,
  valueAndGrad,
  zerosArray,
} from "../src/engine/index.js";
import { adam } from "../src/training/index.js";
import { fixedNumbers, limitGflops, machine, medianSeconds } from "./measure.js";

export interface Figure {
  work: string;
  milliseconds: number;
  limitMilliseconds: number;
  ratio: number;
  asked: number;
}

const dense = (inputs: number, outputs: number, seed: number) => ({
  weight: fixedNumbers([inputs, outputs], Math.sqrt(3 / inputs), seed),
  bias: zerosArray([outputs], "float32"),
});
const layer = (p: any, x: Tensor) => add(matmul(x, p.weight), p.bias);

/** The library's own training step: VAE 784-400-2-400-784, batch 128, Bernoulli likelihood, Adam, as one program. */
export async function trainingStep(limit: number): Promise<Figure> {
  const [D, H, Z, B] = [784, 400, 2, 128];
  const shape = {
    dataDimension: D,
    latentDimension: Z,
    encoderHidden: [H],
    decoderHidden: [H],
    activation: "tanh",
    likelihood: "bernoulli",
  } as const;
  const optimizer = adam();
  const parameters = initializeVae(randomKey(1), shape);
  let state: any = { parameters, optimizer: optimizer.initialize(parameters) };
  const x = ndarray(
    (fixedNumbers([B, D], 0.5, 9).data as Float32Array).map((v) => v + 0.5),
    [B, D],
  );
  const noise = fixedNumbers([B, Z], 1, 10);
  const program = compile(vaeTrainingStep(shape, optimizer), { donate: [0] });
  let count = 0;
  const seconds = await medianSeconds(async () => {
    count++;
    [state] = await program(state, x, noise, { optimizer: optimizer.scalars(count, 1e-3), klWeight: 1 });
  });
  await program.dispose();
  const flops = 3 * 2 * B * (D * H + H * 2 * Z + Z * H + H * D) - 2 * B * D * H; // no gradient for the data
  return figure("training step, VAE 784-400-2-400-784, batch 128, Adam", seconds, flops, limit, 3);
}

const [Z, H, D] = [2, 100, 784];
const decoderWeights = { d1: dense(Z, H, 1), d2: dense(H, H, 2), d3: dense(H, D, 3) };
const decoder = (z: Tensor) =>
  sigmoid(layer(decoderWeights.d3, tanh(layer(decoderWeights.d2, tanh(layer(decoderWeights.d1, z))))));

/** Energy of 16 curves of 64 points, with gradient. */
export async function energyAndGradient(limit: number): Promise<Figure> {
  const [C, T] = [16, 64];
  const energy = (c: Tensor) => {
    const x = reshape(decoder(reshape(c, [C * T, Z])), [C, T, D]);
    return mul(sum(square(sub(slice(x, [null, [1, T]]), slice(x, [null, [0, T - 1]])))), T - 1);
  };
  const curves = fixedNumbers([C, T, Z], 2, 7);
  const program = compile((c: Tensor) => valueAndGrad(energy)(c));
  const seconds = await medianSeconds(() => program(curves));
  if (process.env.OPERATIONS) console.log(await program.operations(curves));
  await program.dispose();
  const flops = 2 * 2 * C * T * (Z * H + H * H + H * D);
  return figure("energy and gradient, 16 curves x 64 points, decoder 2-100-100-784", seconds, flops, limit, 2.2);
}

/** Metric tensors on a 128 x 128 grid by automatic differentiation, in chunks of 256 points. */
export async function metricGrid(limit: number): Promise<Figure> {
  const [points, chunk] = [128 * 128, Number(process.env.CHUNK ?? 256)];
  const tensor = (z: Tensor) => {
    const { jacobian } = rowJacobian(decoder, z); // [N, D, d]
    return einsum("npi,npj->nij", jacobian, jacobian);
  };
  const grid = fixedNumbers([chunk, Z], 2, 8);
  const program = compile(tensor);
  const seconds = await medianSeconds(async () => {
    for (let i = 0; i < points / chunk; i++) await program(grid);
  });
  if (process.env.OPERATIONS) console.log(await program.operations(grid));
  await program.dispose();
  const flops = points * (2 * (1 + Z) * (H * H + H * D) + 2 * Z * H + 3 * 2 * D);
  return figure("metric tensor on a 128 x 128 grid, same decoder", seconds, flops, limit, 2);
}

function figure(work: string, seconds: number, flops: number, limit: number, asked: number): Figure {
  const limitMilliseconds = flops / limit / 1e6;
  return { work, milliseconds: seconds * 1000, limitMilliseconds, ratio: (seconds * 1000) / limitMilliseconds, asked };
}

/** All figures, each beside a limit measured just before it. */
export async function engineFigures(): Promise<{ limit: number; figures: Figure[] }> {
  const figures: Figure[] = [];
  const limits: number[] = [];
  for (const measure of [trainingStep, energyAndGradient, metricGrid]) {
    const limit = await limitGflops();
    limits.push(limit);
    figures.push(await measure(limit));
  }
  return { limit: Math.max(...limits), figures };
}

if (process.argv[1]?.endsWith("engine.js")) {
  console.log(machine());
  const { limit, figures } = await engineFigures();
  console.log(`limit ${limit.toFixed(0)} GFLOP/s`);
  console.table(figures);
}

/** The engine against the FLOP limit: a training step, an energy with gradient, a grid of metric tensors. */
import {
  add,
  compile,
  div,
  einsum,
  exp,
  matmul,
  mul,
  type NdArray,
  reshape,
  rowJacobian,
  sigmoid,
  slice,
  softplus,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  tanh,
  valueAndGrad,
  zerosArray,
  zipTrees,
} from "../src/engine/index.js";
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

/** VAE 784-400-2-400-784, batch 128, Bernoulli likelihood, Adam, as one program. */
export async function trainingStep(limit: number): Promise<Figure> {
  const [D, H, Z, B] = [784, 400, 2, 128];
  const parameters = {
    e1: dense(D, H, 1),
    em: dense(H, Z, 2),
    ev: dense(H, Z, 3),
    d1: dense(Z, H, 4),
    d2: dense(H, D, 5),
  };
  const loss = (p: any, x: Tensor, eps: Tensor) => {
    const h = tanh(layer(p.e1, x));
    const [mu, logVariance] = [layer(p.em, h), layer(p.ev, h)];
    const z = add(mu, mul(exp(mul(logVariance, 0.5)), eps));
    const logits = layer(p.d2, tanh(layer(p.d1, z)));
    const reconstruction = sum(sub(softplus(logits), mul(logits, x)));
    const kl = mul(0.5, sum(sub(sub(add(exp(logVariance), square(mu)), 1), logVariance)));
    return div(add(reconstruction, kl), B);
  };
  const step = (state: any, x: Tensor, eps: Tensor) => {
    const [value, gradient] = valueAndGrad(loss)(state.p, x, eps);
    const m = zipTrees((a: Tensor, g: Tensor) => add(mul(a, 0.9), mul(g, 0.1)), state.m, gradient);
    const v = zipTrees((a: Tensor, g: Tensor) => add(mul(a, 0.999), mul(square(g), 0.001)), state.v, gradient);
    const p = zipTrees(
      (w: Tensor, a: Tensor, b: Tensor) => sub(w, mul(div(a, add(sqrt(b), 1e-8)), 1e-3)),
      state.p,
      m,
      v,
    );
    return { state: { p, m, v }, value };
  };
  const zerosLike = (tree: any) => zipTrees((a: NdArray) => zerosArray(a.shape, "float32"), tree);
  let state: any = { p: parameters, m: zerosLike(parameters), v: zerosLike(parameters) };
  const x = fixedNumbers([B, D], 0.5, 9);
  const eps = fixedNumbers([B, Z], 1, 10);
  const program = compile(step, { donate: [0] });
  const seconds = await medianSeconds(async () => {
    ({ state } = await program(state, x, eps));
  });
  if (process.env.OPERATIONS) console.log(await program.operations(state, x, eps));
  await program.dispose();
  const flops = 3 * 2 * B * (D * H + 2 * H * Z + Z * H + H * D) - 2 * B * D * H; // no gradient for the data
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

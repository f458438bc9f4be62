/**
 * The decoder that the geodesic benchmarks run on: 2-100-100-784, tanh, sigmoid means, from a VAE trained on MNIST for
 * 25 epochs (batch 128, Adam 1e-3, seeded), with the codes of some training images. Trained once, then read from
 * `.cache/`. The only code here that is not benchmark is the training loop, kept apart from the library's training
 * room so that the weights stay the same when that room changes.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readIdx } from "../src/data/idx.js";
import {
  add,
  compile,
  div,
  exp,
  matmul,
  mul,
  type NdArray,
  ndarray,
  normalArray,
  permutation,
  randomKey,
  sigmoid,
  slice,
  softplus,
  splitKey,
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

const SIZES = { e1: [784, 100], e2: [100, 100], e3: [100, 4], d1: [2, 100], d2: [100, 100], d3: [100, 784] } as const;
const IMAGES = 60_000;
const BATCH = 128;
const CODES = 2000;

export interface BenchDecoder {
  /** z [N, 2] -> means [N, 784]. */
  decode: (z: Tensor) => Tensor;
  /** Weights of the decoder's three layers. */
  weights: readonly { weight: NdArray; bias: NdArray }[];
  /** Encoder means of the first 2,000 training images. [2000, 2] float64 */
  codes: NdArray;
  /** Digits of those images. */
  labels: Uint8Array;
}

/** The trained decoder; trains it (about a minute or two) where the cache has none. */
export async function benchDecoder(epochs = 25, log: (line: string) => void = console.log): Promise<BenchDecoder> {
  const folder = join(packageRoot(), ".cache");
  const file = join(folder, `geodesic-decoder-${epochs}.bin`);
  const data = process.env.ATLAS_DATA;
  if (!existsSync(file)) {
    if (!data) throw new Error("Set ATLAS_DATA to a folder that holds mnist/ to train the decoder of this benchmark.");
    const numbers = await train(join(data, "mnist"), epochs, log);
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, new Uint8Array(numbers.buffer));
  }
  const bytes = readFileSync(file);
  const numbers = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4).slice();
  let at = 0;
  const next = (shape: readonly number[]) => {
    const size = shape.reduce((p, n) => p * n, 1);
    at += size;
    return ndarray(numbers.slice(at - size, at), shape);
  };
  const weights = [SIZES.d1, SIZES.d2, SIZES.d3].map((shape) => ({ weight: next(shape), bias: next([shape[1]]) }));
  const codes = ndarray(Float64Array.from(next([CODES, 2]).data), [CODES, 2]);
  const labels = Uint8Array.from(next([CODES]).data);
  const layer = (x: Tensor, i: number) => add(matmul(x, weights[i].weight), weights[i].bias);
  return { decode: (z) => sigmoid(layer(tanh(layer(tanh(layer(z, 0)), 1)), 2)), weights, codes, labels };
}

/** The folder of package.json: this file runs from bench/ or, translated, from dist/bench/. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json")) && folder !== dirname(folder)) folder = dirname(folder);
  return folder;
}

async function train(folder: string, epochs: number, log: (line: string) => void): Promise<Float32Array> {
  const images = Float32Array.from(readIdx(join(folder, "train-images-idx3-ubyte.gz"), 3).data, (byte) => byte / 255);
  const labels = readIdx(join(folder, "train-labels-idx1-ubyte.gz"), 1).data;
  const key = randomKey(25);
  const [weightKey, noiseKey, orderKey] = splitKey(key, 3);
  const weightKeys = splitKey(weightKey, 6);
  const parameters = Object.fromEntries(
    Object.entries(SIZES).map(([name, [inputs, outputs]], i) => {
      const values = normalArray(weightKeys[i], inputs * outputs);
      const data = Float32Array.from(values, (v) => v * Math.sqrt(2 / (inputs + outputs)));
      return [name, { weight: ndarray(data, [inputs, outputs]), bias: zerosArray([outputs], "float32") }];
    }),
  );
  const layer = (p: any, x: Tensor) => add(matmul(x, p.weight), p.bias);
  const encode = (p: any, x: Tensor) => layer(p.e3, tanh(layer(p.e2, tanh(layer(p.e1, x)))));
  const loss = (p: any, x: Tensor, noise: Tensor) => {
    const code = encode(p, x);
    const mean = slice(code, [null, [0, 2]]);
    const logVariance = slice(code, [null, [2, 4]]);
    const z = add(mean, mul(exp(mul(logVariance, 0.5)), noise));
    const logits = layer(p.d3, tanh(layer(p.d2, tanh(layer(p.d1, z)))));
    const reconstruction = sum(sub(softplus(logits), mul(logits, x)));
    const kl = mul(0.5, sum(sub(sub(add(exp(logVariance), square(mean)), 1), logVariance)));
    return div(add(reconstruction, kl), BATCH);
  };
  const step = compile(
    (state: any, x: Tensor, noise: Tensor, rate: Tensor) => {
      const [value, gradient] = valueAndGrad(loss)(state.p, x, noise);
      const m = zipTrees((a: Tensor, g: Tensor) => add(mul(a, 0.9), mul(g, 0.1)), state.m, gradient);
      const v = zipTrees((a: Tensor, g: Tensor) => add(mul(a, 0.999), mul(square(g), 0.001)), state.v, gradient);
      const p = zipTrees(
        (w: Tensor, a: Tensor, b: Tensor) => sub(w, mul(div(a, add(sqrt(b), 1e-8)), rate)),
        state.p,
        m,
        v,
      );
      return { state: { p, m, v }, value };
    },
    { donate: [0] },
  );
  const zerosLike = (tree: any) => zipTrees((a: NdArray) => zerosArray(a.shape, "float32"), tree);
  let state: any = { p: parameters, m: zerosLike(parameters), v: zerosLike(parameters) };
  const batch = new Float32Array(BATCH * 784);
  const batches = Math.floor(IMAGES / BATCH);
  let count = 0;
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = permutation(splitKey(orderKey, `epoch ${epoch}`), IMAGES);
    const noise = normalArray(splitKey(noiseKey, `epoch ${epoch}`), batches * BATCH * 2);
    let total = 0;
    for (let b = 0; b < batches; b++) {
      for (let i = 0; i < BATCH; i++) {
        const from = order[b * BATCH + i] * 784;
        batch.set(images.subarray(from, from + 784), i * 784);
      }
      const eps = ndarray(Float32Array.from(noise.subarray(b * BATCH * 2, (b + 1) * BATCH * 2)), [BATCH, 2]);
      count++;
      const rate = (1e-3 * Math.sqrt(1 - 0.999 ** count)) / (1 - 0.9 ** count);
      const result = await step(state, ndarray(batch.slice(), [BATCH, 784]), eps, rate);
      state = result.state;
      total += result.value.data[0];
    }
    log(`epoch ${epoch + 1} of ${epochs}: -ELBO ${(total / batches).toFixed(2)}`);
  }
  const p = state.p;
  const encoder = compile((parameters: any, x: Tensor) => slice(encode(parameters, x), [null, [0, 2]]));
  const first = ndarray(images.slice(0, CODES * 784), [CODES, 784]);
  const codes = await encoder(p, first);
  await step.dispose();
  await encoder.dispose();
  const parts = [p.d1, p.d2, p.d3].flatMap((l: any) => [l.weight.data, l.bias.data]);
  parts.push(codes.data, Float32Array.from(labels.subarray(0, CODES)));
  const out = new Float32Array(parts.reduce((n, a) => n + a.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/**
 * A training step of the convolutional VAE (32 x 32 colour images, batch 100, channels 32-64-128, batch normalisation, Adam)
 * against the time of its FLOPs at the limit. Step and limit take turns.
 */
import { familyStep } from "../src/autoencoders/family/index.js";
import type { FamilyShape } from "../src/autoencoders/family/model.js";
import { familyModel } from "../src/autoencoders/family/registry.js";
import { initialState } from "../src/autoencoders/family/step.js";
import { compile } from "../src/engine/index.js";
import { randomKey } from "../src/numerics/random.js";
import { adam } from "../src/training/index.js";
import { fixedNumbers, limitGflops, median } from "./measure.js";

const [batch, d] = [100, 16];
const [C, H, W] = [3, 32, 32];
const channels = [32, 64, 128];

export interface ConvolutionFigures {
  readonly threads: number | undefined;
  readonly milliseconds: number;
  readonly limitGflops: number;
  readonly flops: number;
  readonly ratio: number;
}

/** Multiplications and additions of products and convolutions, forward and backward. */
function flopsOfStep(): number {
  const sizes = [H, H / 2, H / 4, H / 8];
  const kernel = 16;
  let total = 0;
  // forward, gradient of the kernel, gradient of the images (not of the data): 2 each for a product and a sum
  for (let i = 0; i < channels.length; i++) {
    const products = sizes[i + 1] ** 2 * channels[i] * (i === 0 ? C : channels[i - 1]) * kernel;
    total += 2 * products * ((i === 0 ? 2 : 3) + 3); // the decoder's mirror image has all three
  }
  const hidden = channels[2] * sizes[3] ** 2;
  return batch * (total + 2 * 3 * (hidden * 2 * d + d * hidden));
}

/** The step with these threads (all cores if not said). */
export async function convolutionFigures(threads?: number): Promise<ConvolutionFigures> {
  const model = familyModel("vae");
  const shape: FamilyShape = {
    dataDimension: C * H * W,
    latentDimension: d,
    network: { kind: "convolutional", image: [C, H, W], channels, activation: "relu", batchNormalization: true },
    likelihood: "gaussian",
    variance: 0.005,
    bounded: true,
    options: {},
  };
  const x = fixedNumbers([batch, C * H * W], 0.5);
  for (let i = 0; i < x.data.length; i++) x.data[i] += 0.5;
  const optimizer = adam();
  const start = model.initialize(randomKey(1), shape, { data: x.data as Float32Array, n: batch });
  const step = compile(familyStep(model, shape, optimizer), { threads, donate: [0] });
  const noise = { z: fixedNumbers([batch, d], 2, 3) };
  let state = initialState(model, start, optimizer);
  const once = async () => {
    [state] = await step(state, x, noise, 1e-3);
  };
  for (let i = 0; i < 5; i++) await once();
  const flops = flopsOfStep();
  const [times, ratios] = [[] as number[], [] as number[]];
  const limits = [await limitGflops(threads, 0.5)];
  for (let round = 0; round < 8; round++) {
    const slice: number[] = [];
    for (let i = 0; i < 8; i++) {
      const begun = performance.now();
      await once();
      slice.push(performance.now() - begun);
    }
    limits.push(await limitGflops(threads, 0.5));
    const limit = 0.5 * (limits[round] + limits[round + 1]) * 1e9;
    times.push(median(slice));
    ratios.push(median(slice) / 1000 / (flops / limit));
  }
  await step.dispose();
  return {
    threads,
    milliseconds: median(times),
    limitGflops: median(limits),
    flops,
    ratio: median(ratios),
  };
}

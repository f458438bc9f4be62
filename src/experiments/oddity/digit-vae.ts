/** A Gaussian VAE with a latent plane on some of the digits, and its decoder's uncertainty: what several experiments measure. */
import { encode, fitUncertainty, trainVae, type Vae } from "../../autoencoders/index.js";
import { type NdArray, ndarray } from "../../engine/index.js";
import { permutation, randomKey, split } from "../../numerics/random.js";
import { type Digits, loadDigits } from "./digit-data.js";

export interface DigitVae {
  readonly data: Digits;
  /** With its uncertainty. */
  readonly model: Vae;
  /** Held-out ELBO, nats an image. */
  readonly elbo: number;
  /** Codes of the training data. [N, 2] */
  readonly latents: NdArray;
  /** Some of them, which say where the latent plane is inhabited. */
  readonly codes: NdArray;
  /** Codes of the held-out data. */
  readonly heldOut: NdArray;
}

/** Training codes that say where the latent plane is inhabited. */
const REGION_CODES = 2000;

/** Trains the VAE on at most `rows` images of `digits`, with `test` held out, and fits its uncertainty. */
export async function trainDigitVae(
  settings: {
    readonly digits: readonly number[];
    readonly rows: number;
    readonly test: number;
    readonly epochs: number;
    readonly threads?: number;
    readonly report: (line: string) => void;
  },
  seed: number,
): Promise<DigitVae> {
  const { digits, rows, test, epochs, threads, report } = settings;
  const data = await loadDigits({ digits, train: rows, test, seed });
  const trained = await trainVae(data.train, { epochs, seed, test: data.test, threads });
  const elbo = trained.elbo.test!;
  report(`trained: held-out ELBO ${elbo.toFixed(1)} nats, ${trained.seconds.toFixed(0)} s`);
  const model = await fitUncertainty(trained.model, data.train.rows, { seed, threads });
  const codes = someRows(trained.latents, REGION_CODES, seed);
  const { mean: heldOut } = await encode(model, data.test.rows, { threads });
  return { data, model, elbo, latents: trained.latents, codes, heldOut };
}

/** Up to `count` rows of codes, chosen by the seed. [count, d] */
export function someRows(codes: NdArray, count: number, seed: number): NdArray {
  const [n, d] = codes.shape;
  const order = permutation(split(randomKey(seed), "codes of the region"), n).slice(0, count);
  const data = new Float64Array(order.length * d);
  order.forEach((row, i) => {
    data.set(codes.data.subarray(row * d, (row + 1) * d), i * d);
  });
  return ndarray(data, [order.length, d]);
}

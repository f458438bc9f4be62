/**
 * A VAE of poses or motions: perceptrons, a two-dimensional latent plane, heads of several families side by side (see
 * `heads.ts`), trained on the evidence lower bound for a fixed number of epochs.
 *
 * Axes: N rows, D data columns, d latent dimensions.
 */
import type { DistributionModel } from "../../autoencoders/index.js";
import { type Family, product } from "../../distributions/families/index.js";
import {
  add,
  compile,
  concat,
  exp,
  mean,
  mul,
  type NdArray,
  ndarray,
  type Operand,
  slice,
  square,
  sub,
  sum,
  type Tensor,
  take,
  takeRows,
  valueAndGrad,
} from "../../engine/index.js";
import { initializeMlp, type Mlp, mlp } from "../../networks/index.js";
import { fillNormal, normalArray, randomKey, split, stream } from "../../numerics/random.js";
import { adam, newRun, scheduled, trainingLoop, warmUpWeight } from "../../training/index.js";
import type { Head } from "./heads.js";

export interface PoseVaeOptions {
  /** Units of each hidden layer, of encoder and decoder; default [64, 64]. */
  readonly hidden?: readonly number[];
  readonly epochs: number;
  /** Default 32. */
  readonly batchSize?: number;
  /** Default 3e-3, falling along a cosine. */
  readonly learningRate?: number;
  /** Share of the steps over which the weight of the KL term rises to 1; default 0.3. */
  readonly klWarmUp?: number;
  readonly seed: number;
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

interface Networks<T = NdArray> {
  readonly encoder: Mlp<T>;
  readonly decoder: Mlp<T>;
}

export interface PoseVae {
  readonly model: DistributionModel & { readonly codes: NdArray };
  /** Codes (posterior means) of rows, `[N, D] -> [N, d]`. */
  encode(rows: NdArray): Promise<NdArray>;
  /** In nats a row. */
  readonly elbo: { readonly train: number; readonly heldOut: number };
  readonly seconds: number;
}

const LATENT = 2;

/**
 * Trains on `train`, and measures the bound on `heldOut`.
 * @param train [N, D] @param heldOut [M, D]
 */
export async function trainPoseVae(
  heads: readonly Head[],
  train: NdArray,
  heldOut: NdArray,
  options: PoseVaeOptions,
): Promise<PoseVae> {
  const { hidden = [64, 64], epochs, learningRate = 3e-3, klWarmUp = 0.3, seed, threads, signal } = options;
  const begun = performance.now();
  const N = train.shape[0];
  const batchSize = Math.min(options.batchSize ?? 32, N);
  const key = split(randomKey(seed), "pose VAE");
  const family: Family = product(heads);
  const pick = (x: Operand, { columns }: Head): Tensor => take(x, columns, 1);
  const features = (x: Operand): Tensor =>
    concat(
      heads.map((head) => head.features(pick(x, head))),
      1,
    );
  const featureCount = (await run(features, takeRows(train, Int32Array.of(0)))).shape[1];
  const outputs = heads.reduce((total, head) => total + head.outputs, 0);
  const start: Networks = {
    encoder: initializeMlp(split(key, "encoder"), [featureCount, ...hidden, 2 * LATENT]),
    decoder: initializeMlp(split(key, "decoder"), [LATENT, ...hidden, outputs]),
  };

  const decodeWith = (networks: Networks<Operand>, z: Operand): Record<string, Tensor> => {
    const linear = mlp(networks.decoder, z);
    let from = 0;
    return Object.fromEntries(
      heads.flatMap((head) => {
        const own = slice(linear, [null, [from, from + head.outputs]]);
        from += head.outputs;
        return Object.entries(head.parameters(own)).map(([name, value]) => [`${head.name}.${name}`, value]);
      }),
    );
  };
  const encodeWith = (networks: Networks<Operand>, x: Operand): [Tensor, Tensor] => {
    const both = mlp(networks.encoder, features(x));
    return [slice(both, [null, [0, LATENT]]), slice(both, [null, [LATENT, 2 * LATENT]])];
  };
  const terms = (networks: Networks<Operand>, x: Operand, noise: Operand): [Tensor, Tensor] => {
    const [m, s] = encodeWith(networks, x);
    const z = add(m, mul(exp(mul(0.5, s)), noise));
    const fit = mean(family.logDensity(decodeWith(networks, z), x));
    const divergence = mul(0.5, mean(sum(sub(add(exp(s), square(m)), add(s, 1)), -1)));
    return [fit, divergence];
  };

  const optimizer = adam();
  const step = compile(
    (state: any, x: Tensor, noise: Tensor, scalars: any) => {
      const objective = (networks: any) => {
        const [fit, divergence] = terms(networks, x, noise);
        return sub(mul(scalars.klWeight, divergence), fit);
      };
      const [loss, gradient] = valueAndGrad(objective)(state.networks);
      const [networks, moments] = optimizer.update(state.networks, gradient as any, state.optimizer, scalars.optimizer);
      return [{ networks, optimizer: moments }, loss];
    },
    { threads, donate: [0] },
  );
  const bound = compile(
    (networks: any, x: Tensor, noise: Tensor) => {
      const [fit, divergence] = terms(networks, x, noise);
      return sub(fit, divergence);
    },
    { threads },
  );
  const boundOf = async (networks: Networks, rows: NdArray): Promise<number> => {
    const draws = normalArray(split(key, "bound"), rows.shape[0] * LATENT);
    return (await bound(networks, rows, ndarray(draws, [rows.shape[0], LATENT]))).data[0];
  };
  const rate = (done: number, steps: number) =>
    learningRate * scheduled({ kind: "cosine", final: 0.01 }, done, steps, 0.02);
  const noise = ndarray(new Float32Array(batchSize * LATENT), [batchSize, LATENT]);
  try {
    const result = await trainingLoop<any>({
      rows: N,
      batchSize,
      epochs,
      key: split(key, "training"),
      start: newRun({ networks: start, optimizer: optimizer.initialize(start as any) }),
      termNames: ["loss"],
      learningRate: rate,
      signal,
      step: async (state, indices, { step: done, steps, key: own }) => {
        fillNormal(stream(own), noise.data as Float32Array);
        const [next, loss] = await step(state, takeRows(train, indices), noise, {
          optimizer: optimizer.scalars(done + 1, rate(done, steps)),
          klWeight: warmUpWeight(done, steps, klWarmUp),
        });
        return [next, [loss.data[0]]];
      },
    });
    const networks: Networks = result.state.networks;
    const elbo = { train: await boundOf(networks, train), heldOut: await boundOf(networks, heldOut) };
    const encode = (rows: NdArray) => run((x: Tensor) => encodeWith(networks, x)[0], rows);
    const codes = await encode(train);
    return {
      model: {
        dimension: LATENT,
        family,
        blocks: heads.map(({ name, family: own }) => ({ name, family: own })),
        decoder: (z) => decodeWith(networks, z),
        codes,
      },
      encode,
      elbo,
      seconds: (performance.now() - begun) / 1000,
    };
  } finally {
    await Promise.all([step.dispose(), bound.dispose()]);
  }

  /** One run of a function of rows. */
  async function run(f: (x: Tensor) => Tensor, rows: NdArray): Promise<NdArray> {
    const program = compile(f, { threads });
    try {
      return await program(rows);
    } finally {
      await program.dispose();
    }
  }
}

/**
 * Batch normalisation (Ioffe and Szegedy, 2015): each channel is shifted and scaled to mean 0 and variance 1, then by
 * two learned numbers. In training mean and variance are those of the batch (over rows and positions), and running
 * averages of them are kept; afterwards the running ones are used, so that rows no longer depend on each other.
 */
import {
  add,
  mean,
  mul,
  type NdArray,
  type Operand,
  reshape,
  rsqrt,
  stopGradient,
  sub,
  type Tensor,
  variance,
  zerosArray,
} from "../engine/index.js";

/** Learned scale and shift of each channel. [C] */
export interface BatchNormalization<T = NdArray> {
  readonly scale: T;
  readonly shift: T;
}

/** Running mean and (unbiased) variance of each channel. [C] */
export interface RunningStatistics<T = NdArray> {
  readonly mean: T;
  readonly variance: T;
}

export interface BatchNormalizationOptions {
  /** Whether to use, and to average in, the statistics of the batch. */
  readonly training: boolean;
  /** Weight of the new batch in the running averages; default 0.1. */
  readonly momentum?: number;
  /** Added to the variance; default 1e-5. */
  readonly epsilon?: number;
  /** Where the axis of the channels is: "first", right after the batch (the default), or "last". */
  readonly channels?: "first" | "last";
}

/** Scale 1, shift 0; running mean 0, running variance 1. */
export function initializeBatchNormalization(channels: number): {
  parameters: BatchNormalization;
  running: RunningStatistics;
} {
  const ones = (): NdArray => ({ data: new Float32Array(channels).fill(1), shape: [channels], dtype: "float32" });
  const none = () => zerosArray([channels], "float32");
  return { parameters: { scale: ones(), shift: none() }, running: { mean: none(), variance: ones() } };
}

/**
 * Normalises `x`, `[N, C]` or `[N, C, H, W]` (with channels last `[N, H, W, C]`).
 * @returns the result, of the shape of `x`, and the running statistics after it. Traceable.
 */
export function batchNormalization(
  parameters: BatchNormalization<Operand>,
  running: RunningStatistics<Operand>,
  x: Tensor,
  options: BatchNormalizationOptions,
): { output: Tensor; running: RunningStatistics<Operand> } {
  const { training, momentum = 0.1, epsilon = 1e-5, channels = "first" } = options;
  const axis = channels === "first" ? 1 : x.shape.length - 1;
  const across = (a: Operand) =>
    reshape(
      a,
      x.shape.map((n, i) => (i === axis ? n : 1)),
    );
  const axes = x.shape.flatMap((_, i) => (i === axis ? [] : [i]));
  const centre = training ? mean(x, axes) : running.mean;
  const spread = training ? variance(x, axes) : running.variance;
  const factor = mul(parameters.scale, rsqrt(add(spread, epsilon)));
  const output = add(mul(sub(x, across(centre)), across(factor)), across(parameters.shift));
  if (!training) return { output, running };
  const count = axes.reduce((product, i) => product * x.shape[i], 1);
  const towards = (old: Operand, now: Operand) => stopGradient(add(mul(1 - momentum, old), mul(momentum, now)));
  return {
    output,
    running: {
      mean: towards(running.mean, centre),
      variance: towards(running.variance, mul(spread, count / Math.max(1, count - 1))),
    },
  };
}

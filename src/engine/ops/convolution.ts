/**
 * Convolutions of images and pooling. Images are `[N, C, H, W]` (batch, channels, rows, columns). As everywhere in
 * deep learning, "convolution" is the correlation `y[n, o, i, j] = sum_{c, a, b} x[n, c, s i + r a - p, s j + r b - p]
 * kernel[o, c, a, b]` with stride s, dilation r and padding p.
 */
import * as jax from "@jax-js/jax";
import { UsageError } from "../../errors.js";
import { lift, np, type Operand, shapeOf, type Tensor } from "../tensor.js";
import { asTensor } from "./common.js";
import { max, mean } from "./reductions.js";
import { pad, reshape, slice, take, transpose } from "./shape.js";
import { type Padding, type Pair, paddingOf, pairOf } from "./window-options.js";

export interface ConvolutionOptions {
  /** Step between windows, for both axes or each; default 1. */
  stride?: number | Pair;
  /**
   * Zeros around the image: one number for all sides, `[[top, bottom], [left, right]]`, "valid" (none, the default)
   * or "same" (so many that the result has ceil(size / stride) rows and columns).
   */
  padding?: Padding;
  /** Distance between the elements of the kernel, for both axes or each; default 1. */
  dilation?: number | Pair;
  /** Channels are split in so many groups that do not see each other; default 1. */
  groups?: number;
}

/**
 * Convolution in two dimensions.
 * @param x images [N, C, H, W]
 * @param kernel [O, C / groups, kh, kw]
 * @returns [N, O, H', W'] with `H' = floor((H + padding - dilation (kh - 1) - 1) / stride) + 1`
 * @throws UsageError naming both shapes if they do not fit.
 */
export function conv2d(x: Operand, kernel: Operand, options: ConvolutionOptions = {}): Tensor {
  const [sx, sk] = [shapeOf(x), shapeOf(kernel)];
  const groups = options.groups ?? 1;
  checkImages("conv2d", sx, sk);
  checkGroups("conv2d", groups, sk[0], "output channels (axis 0)", sk);
  if (sx[1] !== sk[1] * groups)
    throw new UsageError(
      `conv2d: images of shape [${sx}] have ${sx[1]} channels, the kernel of shape [${sk}] in ${groups} group(s) needs ${sk[1] * groups}.`,
    );
  const stride = pairOf("conv2d", "stride", options.stride ?? 1);
  const dilation = pairOf("conv2d", "dilation", options.dilation ?? 1);
  const window = [0, 1].map((i) => (sk[2 + i] - 1) * dilation[i] + 1);
  const padding = paddingOf("conv2d", options.padding ?? "valid", [sx[2], sx[3]], window, stride);
  for (const i of [0, 1])
    if (window[i] > sx[2 + i] + padding[i][0] + padding[i][1])
      throw new UsageError(
        `conv2d: the kernel of shape [${sk}] reaches over ${window[i]} elements, images of shape [${sx}] have ${sx[2 + i] + padding[i][0] + padding[i][1]} along axis ${2 + i} with padding.`,
      );
  // jax-js refuses to transpose a padding that reaches beyond the kernel: that part is added before.
  const inside = padding.map(([before, after], i): [number, number] => [
    Math.min(before, window[i] - 1),
    Math.min(after, window[i] - 1),
  ]);
  const outside = padding.map(([before, after], i): [number, number] => [before - inside[i][0], after - inside[i][1]]);
  const wider = outside.flat().some((n) => n > 0) ? pad(x, [[0, 0], [0, 0], ...outside]) : x;
  return correlate(wider, kernel, { stride, padding: inside, dilation, groups, inputDilation: [1, 1] });
}

export interface TransposedConvolutionOptions {
  /** Step of the convolution that this transposes: the result is about so many times larger; default 1. */
  stride?: number | Pair;
  /** Padding of the convolution that this transposes: so much is cut off the result; default 0. */
  padding?: number | readonly [Pair, Pair];
  /** Rows and columns added at the end, to choose among the sizes that convolve to the same one; default 0. */
  outputPadding?: number | Pair;
  dilation?: number | Pair;
  groups?: number;
}

/**
 * Transposed convolution ("deconvolution") in two dimensions, with the conventions of PyTorch: the adjoint of
 * `conv2d` with the same kernel, stride, padding, dilation and groups.
 * @param x images [N, C, H, W]
 * @param kernel [C, O / groups, kh, kw]
 * @returns [N, O, H', W'] with `H' = (H - 1) stride - 2 padding + dilation (kh - 1) + outputPadding + 1`
 * @throws UsageError naming both shapes if they do not fit.
 */
export function convTranspose2d(x: Operand, kernel: Operand, options: TransposedConvolutionOptions = {}): Tensor {
  const [sx, sk] = [shapeOf(x), shapeOf(kernel)];
  const groups = options.groups ?? 1;
  checkImages("convTranspose2d", sx, sk);
  checkGroups("convTranspose2d", groups, sk[0], "input channels (axis 0)", sk);
  if (sx[1] !== sk[0])
    throw new UsageError(
      `convTranspose2d: images of shape [${sx}] have ${sx[1]} channels, the kernel of shape [${sk}] needs ${sk[0]}.`,
    );
  const stride = pairOf("convTranspose2d", "stride", options.stride ?? 1);
  const dilation = pairOf("convTranspose2d", "dilation", options.dilation ?? 1);
  const extra = pairOf("convTranspose2d", "outputPadding", options.outputPadding ?? 0, 0);
  const cut = paddingOf("convTranspose2d", options.padding ?? 0, [sx[2], sx[3]], [1, 1], [1, 1]);
  const outside: [number, number][] = [];
  const padding = [0, 1].map((i): [number, number] => {
    if (extra[i] >= Math.max(stride[i], dilation[i]))
      throw new UsageError(
        `convTranspose2d: outputPadding ${extra[i]} must be less than stride ${stride[i]} or dilation ${dilation[i]}.`,
      );
    const reach = (sk[2 + i] - 1) * dilation[i];
    const size = (sx[2 + i] - 1) * stride[i] + 1 + reach - cut[i][0] - cut[i][1] + extra[i];
    if (size < 1)
      throw new UsageError(
        `convTranspose2d: images of shape [${sx}] with a kernel of shape [${sk}] would leave ${size} elements along axis ${2 + i}; use less padding.`,
      );
    // A cut that reaches beyond the kernel is made afterwards.
    const inside = [Math.min(reach, cut[i][0]), Math.min(reach + extra[i], cut[i][1])];
    outside.push([cut[i][0] - inside[0], cut[i][1] - inside[1]]);
    return [reach - inside[0], reach - inside[1] + extra[i]];
  });
  const [C, O, kh, kw] = sk;
  const swapped = transpose(reshape(kernel, [groups, C / groups, O, kh, kw]), [0, 2, 1, 3, 4]);
  const filter = np.flip(lift(reshape(swapped, [groups * O, C / groups, kh, kw])), [2, 3]);
  const y = correlate(x, asTensor(filter), { stride: [1, 1], padding, dilation, groups, inputDilation: stride });
  const range = (i: number) => [outside[i][0], y.shape[2 + i] - outside[i][1]] as const;
  return outside.flat().some((n) => n > 0) ? slice(y, [null, null, range(0), range(1)]) : y;
}

export interface PoolingOptions {
  /** Rows and columns of a window. */
  window: number | Pair;
  /** Step between windows; default: the window. */
  stride?: number | Pair;
}

/** Largest element of each window: [N, C, H, W] to [N, C, H', W']; the gradient is shared among equals. */
export function maxPool2d(x: Operand, options: PoolingOptions): Tensor {
  return max(windows("maxPool2d", x, options), -1);
}

/** Mean of each window: [N, C, H, W] to [N, C, H', W']. Rows and columns that fill no window are left out. */
export function averagePool2d(x: Operand, options: PoolingOptions): Tensor {
  return mean(windows("averagePool2d", x, options), -1);
}

/** All windows, their elements along a new last axis: [N, C, H', W', kh kw]. */
function windows(operation: string, x: Operand, options: PoolingOptions): Tensor {
  const shape = shapeOf(x);
  if (shape.length !== 4)
    throw new UsageError(`${operation}: images have shape [${shape}]; give [batch, channels, rows, columns].`);
  const size = pairOf(operation, "window", options.window);
  const stride = pairOf(operation, "stride", options.stride ?? size);
  const [N, C, H, W] = shape;
  const [h, w] = [H, W].map((n, i) => Math.floor((n - size[i]) / stride[i]) + 1);
  if (size[0] > H || size[1] > W)
    throw new UsageError(`${operation}: a window of [${size}] does not fit into images of shape [${shape}].`);
  if (H === h * size[0] && W === w * size[1] && stride[0] === size[0] && stride[1] === size[1]) {
    const cut = reshape(x, [N, C, h, size[0], w, size[1]]);
    return reshape(transpose(cut, [0, 1, 2, 4, 3, 5]), [N, C, h, w, size[0] * size[1]]);
  }
  const positions: number[] = [];
  for (let i = 0; i < h; i++)
    for (let j = 0; j < w; j++)
      for (let a = 0; a < size[0]; a++)
        for (let b = 0; b < size[1]; b++) positions.push((i * stride[0] + a) * W + j * stride[1] + b);
  return reshape(take(reshape(x, [N, C, H * W]), positions, 2), [N, C, h, w, size[0] * size[1]]);
}

interface Geometry {
  readonly stride: Pair;
  readonly padding: readonly Pair[];
  readonly dilation: Pair;
  readonly inputDilation: Pair;
  readonly groups: number;
}

function correlate(x: Operand, kernel: Operand, geometry: Geometry): Tensor {
  const { stride, padding, dilation, inputDilation, groups } = geometry;
  const result = (jax.lax as any).convGeneralDilated(
    lift(x),
    lift(kernel),
    [...stride],
    padding.map((p) => [...p]),
    { lhsDilation: [...inputDilation], rhsDilation: [...dilation], featureGroupCount: groups },
  );
  return asTensor(result);
}

function checkImages(operation: string, x: readonly number[], kernel: readonly number[]): void {
  if (x.length !== 4 || kernel.length !== 4)
    throw new UsageError(
      `${operation}: images of shape [${x}] and kernel of shape [${kernel}]; give both four axes ([batch, channels, rows, columns] and [channels, channels, rows, columns]).`,
    );
  if (kernel.some((n) => n < 1))
    throw new UsageError(`${operation}: the kernel of shape [${kernel}] has an axis of size 0 (images [${x}]).`);
}

function checkGroups(operation: string, groups: number, channels: number, name: string, kernel: readonly number[]) {
  if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0)
    throw new UsageError(
      `${operation}: ${groups} groups do not divide the ${name} of the kernel of shape [${kernel}].`,
    );
}

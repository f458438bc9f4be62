/**
 * Windows of images whose channels come last, and the adjoint: what a convolution is made of beside a matrix product.
 * With windows as rows, a convolution, a transposed convolution, and all their derivatives of any order are products of
 * large matrices, which the runtime does at full speed on any number of threads; its own convolutions go through a batch
 * image by image. With the channels last, whole pixels are copied, neighbours of a row of a window together.
 *
 * Axes: N images, H rows, W columns, C channels; h x w windows of kh x kw.
 */
import { UsageError } from "../../errors.js";
import { zerosArray } from "../arrays.js";
import { type Operand, shapeOf, type Tensor } from "../tensor.js";
import { vjp } from "../transforms.js";
import { pad, reshape, take } from "./shape.js";
import { type Padding, type Pair, paddingOf, pairOf } from "./window-options.js";

export interface ImageWindowOptions {
  /** Rows and columns of a window. */
  window: number | Pair;
  /** Step between windows, for both axes or each; default 1. */
  stride?: number | Pair;
  /** Zeros around the image; default "valid". */
  padding?: Padding;
}

/**
 * All windows of images: [N, H, W, C] to [N, h, w, kh kw C], h = floor((H + padding - kh) / stride) + 1.
 * @throws UsageError for images without four axes, and windows larger than the padded image.
 */
export function imageWindows(x: Operand, options: ImageWindowOptions): Tensor {
  const shape = shapeOf(x);
  if (shape.length !== 4)
    throw new UsageError(`imageWindows: images have shape [${shape}]; give [batch, rows, columns, channels].`);
  const [N, H, W, C] = shape;
  const { window, stride, padding, count } = layoutOf("imageWindows", [H, W], options);
  // Pixels are taken in runs of `run`: no window begins or ends within one.
  const run = greatestDivisor(stride[1], window[1]);
  const beyond = (run - ((W + padding[1][0] + padding[1][1]) % run)) % run;
  const wide = [padding[0], [padding[1][0], padding[1][1] + beyond]] as const;
  const padded = wide.flat().some((n) => n > 0) ? pad(x, [[0, 0], ...wide, [0, 0]]) : x;
  const [rows, columns] = [H + wide[0][0] + wide[0][1], (W + wide[1][0] + wide[1][1]) / run];
  const positions: number[] = [];
  for (let i = 0; i < count[0]; i++)
    for (let j = 0; j < count[1]; j++)
      for (let a = 0; a < window[0]; a++)
        for (let b = 0; b < window[1] / run; b++)
          positions.push((i * stride[0] + a) * columns + (j * stride[1]) / run + b);
  const taken = take(reshape(padded, [N, rows * columns, run * C]), positions, 1);
  return reshape(taken, [N, ...count, window[0] * window[1] * C]);
}

/**
 * Images from windows, values that fall on one pixel added: [N, h, w, kh kw C] to [N, H, W, C], the adjoint of
 * `imageWindows` with the same options.
 * @param size H and W
 * @throws UsageError for windows that images of this size do not have.
 */
export function sumImageWindows(windows: Operand, size: Pair, options: ImageWindowOptions): Tensor {
  const shape = shapeOf(windows);
  const { window, count } = layoutOf("sumImageWindows", size, options);
  const pixels = window[0] * window[1];
  if (shape.length !== 4 || shape[1] !== count[0] || shape[2] !== count[1] || shape[3] % pixels !== 0)
    throw new UsageError(
      `sumImageWindows: windows have shape [${shape}]; images of ${size[0]} x ${size[1]} need [batch, ${count}, ${pixels} x channels].`,
    );
  const image = zerosArray([shape[0], ...size, shape[3] / pixels], "float64");
  // Linear, so that the place at which it is differentiated does not matter.
  const [, back] = vjp((x: Tensor) => imageWindows(x, options), [image]);
  return back(windows)[0];
}

function layoutOf(operation: string, size: Pair, options: ImageWindowOptions) {
  const window = pairOf(operation, "window", options.window);
  const stride = pairOf(operation, "stride", options.stride ?? 1);
  const padding = paddingOf(operation, options.padding ?? "valid", size, window, stride);
  const count = [0, 1].map((i) => {
    const room = size[i] + padding[i][0] + padding[i][1] - window[i];
    if (room < 0)
      throw new UsageError(
        `${operation}: a window of [${window}] does not fit into images of ${size[0]} x ${size[1]} with padding.`,
      );
    return Math.floor(room / stride[i]) + 1;
  });
  return { window, stride, padding, count };
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

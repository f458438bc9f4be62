/**
 * The runtime has no convolution in float64. There it becomes a matrix product over all windows of the input, which
 * one `Gather` with a constant index collects; a transposed convolution becomes one over the input with zeros
 * between its elements.
 */
import { sizeOf } from "../../arrays.js";
import type { Rule } from "../graph.js";
import { gatherWindows, insertZeros, type Pair, padOrCrop, reverseLast } from "../spatial.js";

type List = readonly number[];
const pairs = (pads: List): Pair[] => pads.slice(0, pads.length / 2).map((p, i) => [p, pads[pads.length / 2 + i]]);

export const convolutionAsProduct: Rule = ({ op, inputs, attributes, shape }, build) => {
  if (op !== "Conv") return undefined;
  const [x, kernel] = inputs;
  const [filters, C, ...size] = kernel.shape;
  const group = attributes.group as number;
  const padded = padOrCrop(x, pairs(attributes.pads as List), build);
  const [N, , ...input] = padded.shape;
  const count = shape.slice(2);
  const [K, L] = [sizeOf(size), sizeOf(count)];
  const windows = gatherWindows(
    build.reshape(padded, [N, group, C, ...input]),
    { input, count, size, strides: attributes.strides as List, dilations: attributes.dilations as List },
    build,
  ); // [N, G, C, K, L]
  const columns = build.reshape(windows, [N, group, C * K, L]);
  const rows = build.reshape(kernel, [group, filters / group, C * K]);
  const product = build.make("MatMul", [rows, columns], {}, [N, group, filters / group, L]);
  return build.reshape(product, shape);
};

export const transposedConvolutionAsConvolution: Rule = ({ op, inputs, attributes, shape }, build) => {
  if (op !== "ConvTranspose") return undefined;
  const [x, weights] = inputs;
  const [all, O, ...size] = weights.shape;
  const group = attributes.group as number;
  const dilations = attributes.dilations as List;
  const spread = insertZeros(x, attributes.strides as List, build);
  const full = pairs(attributes.pads as List).map(([before, after], i): Pair => {
    const reach = (size[i] - 1) * dilations[i];
    return [reach - before, reach - after];
  });
  const swapped = build.transpose(build.reshape(weights, [group, all / group, O, ...size]), [
    0,
    2,
    1,
    ...size.map((_, i) => 3 + i),
  ]);
  const kernel = reverseLast(build.reshape(swapped, [group * O, all / group, ...size]), size.length, build);
  const fitted = padOrCrop(spread, full, build);
  const pads = size.flatMap(() => [0, 0]);
  return build.make("Conv", [fitted, kernel], { strides: size.map(() => 1), dilations, pads, group }, shape);
};

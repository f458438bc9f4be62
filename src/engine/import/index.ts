/**
 * Decoders from elsewhere: an ONNX file as a traceable function, differentiated like our own. Each node becomes
 * operations of the engine; what is translated is listed in `operators/`.
 *
 * `@jax-js/onnx` (0.1.2) does a part of this. It is not used: it lacks operators that image decoders are made of
 * (ConvTranspose, BatchNormalization, InstanceNormalization, AveragePool, Upsample), refuses other numbers of rows than
 * the file's own, fails while tracing where a graph computes shapes, and names an unsupported operator without its node.
 */
import { UsageError } from "../../errors.js";
import { type NdArray, ndarray } from "../arrays.js";
import { broadcastTo, pad, reshape, slice } from "../ops/shape.js";
import { constant, initialize, type Operand, shapeOf, type Tensor } from "../tensor.js";
import { vmap } from "../transforms.js";
import { checkImport, type ImportCheck } from "./check.js";
import { type FilePort, type OnnxFile, readOnnx } from "./file.js";
import type { Batch } from "./node.js";
import { checkOperators, neededNodes, translate } from "./translate.js";
import { isHost } from "./values.js";

export type { ImportCheck };

/** An input or output of an imported model; null stands for the number of rows. */
export interface ImportedPort {
  readonly name: string;
  readonly shape: readonly (number | null)[];
  readonly dtype: "float32" | "float64";
}

export interface ImportedModel {
  /** What the file was called. */
  readonly name: string;
  readonly inputs: readonly [ImportedPort];
  readonly outputs: readonly ImportedPort[];
  /** The number of rows that the file was written for, where it fixes one; `apply` takes any number. */
  readonly fixedRows?: number;
  /** Whether `apply` works on blocks of `fixedRows` points (correct, but slower), as the file resisted more at once. */
  readonly inBlocks: boolean;
  /** Numbers in the weights that the outputs need, and their bytes. */
  readonly parameters: number;
  readonly parameterBytes: number;
  /** How many nodes of each kind the outputs need. */
  readonly operators: Readonly<Record<string, number>>;
  readonly check: ImportCheck;
  /** The outputs by name. `z: [N, ...]` for any N, rows on their own. Traceable. */
  apply(z: Operand): Record<string, Tensor>;
}

export interface ImportOptions {
  /** Which outputs are wanted (default: all), given the names of all. What only others need is not looked at. */
  readonly outputs?: (names: readonly string[]) => readonly string[];
}

/**
 * Reads an ONNX file with one float input `[N, ...]`, N free or fixed.
 *
 * The import is checked by numbers: ONNX Runtime runs the file at standard normal points, and the translation, run for
 * another number of rows, has to agree (to 1e-3 of the largest value).
 *
 * @param bytes the whole file
 * @param name what to call it in messages, such as its path
 * @throws UsageError, in one sentence, for a file that is truncated or not ONNX, that keeps weights in a second file,
 *   has several inputs or one that is not float, sizes that only the run would tell, operators that are not supported
 *   (each with a node), outputs that change by steps only, or rows that depend on each other.
 */
export async function importOnnx(bytes: Uint8Array, name: string, options: ImportOptions = {}): Promise<ImportedModel> {
  const file = readOnnx(bytes, name);
  const input = onlyInput(file);
  const all = file.outputs.map((output) => output.name);
  const wanted = options.outputs?.(all) ?? all;
  const unknown = wanted.find((output) => !all.includes(output));
  if (unknown !== undefined || wanted.length === 0)
    throw new UsageError(`${name} has no output "${unknown ?? ""}"; its outputs are ${quoted(all)}.`);
  const integer = file.outputs.find((o) => wanted.includes(o.name) && o.dtype !== "float32" && o.dtype !== "float64");
  if (integer)
    throw new UsageError(
      `${name}: output "${integer.name}" holds ${integer.dtype === "bool" ? "truth values" : "whole numbers"}, which cannot be differentiated; export one of float numbers.`,
    );
  const nodes = neededNodes(file, wanted);
  checkOperators(file, nodes);

  const rest = input.shape!.slice(1) as number[];
  const fixedRows = input.shape![0] ?? undefined;
  const trace = (value: Tensor): Record<string, Tensor> => {
    const batch: Batch = { fixed: fixedRows, actual: value.shape[0] };
    const values = translate(file, nodes, { name: input.name, value }, wanted, batch);
    return Object.fromEntries(
      [...values].map(([output, result]) => [output, isHost(result) ? everyRow(result, batch) : result]),
    );
  };
  const checked =
    (f: (value: Tensor) => Record<string, Tensor>) =>
    (z: Operand): Record<string, Tensor> => {
      const shape = shapeOf(z);
      if (shape.length !== rest.length + 1 || rest.some((n, i) => shape[i + 1] !== n))
        throw new UsageError(`${name}: points have shape [${shape}]; give [${["N", ...rest].join(", ")}].`);
      return f(typeof z === "number" || isHost(z) ? constant(z) : z);
    };

  await initialize();
  const check = (f: (z: Operand) => Record<string, Tensor>): Promise<ImportCheck> =>
    checkImport(bytes, file, input, fixedRows, wanted, f);
  let apply = checked(trace);
  let result: ImportCheck;
  let inBlocks = false;
  try {
    result = await check(apply);
  } catch (error) {
    // Where the file's own number of rows is written into it too deeply to be replaced, it is done in such blocks.
    if (!(error instanceof UsageError) || fixedRows === undefined) throw error;
    apply = checked((z) => overBlocks(trace, z, fixedRows));
    inBlocks = true;
    result = await check(apply).catch(() => {
      throw error;
    });
  }
  const weights = new Set(nodes.flatMap((node) => node.inputs).flatMap((input) => file.constants.get(input) ?? []));
  const dtype = input.dtype as "float32" | "float64";
  return {
    name,
    inputs: [{ name: input.name, shape: [null, ...rest], dtype }],
    outputs: wanted.map((output) => ({ name: output, shape: [null, ...result.values[output].shape.slice(1)], dtype })),
    ...(fixedRows !== undefined && { fixedRows }),
    parameters: [...weights].reduce((sum, { data }) => sum + data.length, 0),
    parameterBytes: [...weights].reduce((sum, { data }) => sum + data.byteLength, 0),
    operators: countOf(nodes.map((node) => node.operator)),
    inBlocks,
    check: result,
    apply,
  };
}

function onlyInput(file: OnnxFile): FilePort {
  if (file.inputs.length !== 1)
    throw new UsageError(
      `${file.name} has ${file.inputs.length === 0 ? "no input" : `${file.inputs.length} inputs (${quoted(file.inputs.map((i) => i.name))})`}; give a decoder with one input, the latent points [N, d].`,
    );
  const [input] = file.inputs;
  const shown = input.shape?.map((n) => n ?? "?").join(", ");
  if (input.dtype !== "float32" && input.dtype !== "float64")
    throw new UsageError(
      `${file.name}: input "${input.name}" is of type ${input.dtype}; export it in float32 or float64.`,
    );
  if (input.shape === undefined || input.shape.length === 0)
    throw new UsageError(`${file.name}: input "${input.name}" has no rows; export it with the shape [N, d].`);
  if (input.shape.slice(1).includes(null))
    throw new UsageError(
      `${file.name}: the size of input "${input.name}" [${shown}] is free in an axis other than the first; export it with all axes but the first fixed.`,
    );
  return input;
}

/** `f` on blocks of `rows` points, the last one filled up with zeros. */
function overBlocks(f: (z: Tensor) => Record<string, Tensor>, z: Tensor, rows: number): Record<string, Tensor> {
  const [n, ...rest] = z.shape;
  const blocks = Math.ceil(n / rows);
  const none = rest.map((): [number, number] => [0, 0]);
  const filled = blocks * rows === n ? z : pad(z, [[0, blocks * rows - n], ...none]);
  const results: Record<string, Tensor> = vmap(f)(reshape(filled, [blocks, rows, ...rest]));
  return Object.fromEntries(
    Object.entries(results).map(([name, y]) => [
      name,
      slice(reshape(y, [blocks * rows, ...y.shape.slice(2)]), [[0, n]]),
    ]),
  );
}

/**
 * An output that does not depend on the input (a constant standard deviation), for each row: written down once, for
 * the file's own number of rows, or made by the graph for the rows at hand.
 */
function everyRow(value: NdArray, { fixed, actual }: Batch): Tensor {
  const { shape } = value;
  if (shape.length >= 2 && shape[0] === actual) return constant(value);
  const row = shape.length >= 2 && (shape[0] === 1 || (shape[0] === fixed && equalRows(value)));
  return broadcastTo(row ? firstRow(value) : value, [actual, ...(row ? shape.slice(1) : shape)]);
}

function equalRows({ data, shape }: NdArray): boolean {
  const width = data.length / shape[0];
  return data.every((v: number, i: number) => v === data[i % width]);
}

function firstRow({ data, shape }: NdArray): NdArray {
  return ndarray(data.slice(0, data.length / shape[0]), shape.slice(1));
}

function countOf(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

const quoted = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(", ");

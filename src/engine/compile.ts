/**
 * `compile(f)`: from a function on trees of tensors to an asynchronous function on trees of host arrays that runs as
 * one native program. The function is traced once for each combination of input shapes and types.
 */
import { UsageError } from "../errors.js";
import { allocate, astype, isNdArray, type NdArray, sizeOf } from "./arrays.js";
import type { Precision } from "./lowering/emit.js";
import { type LeafType, lowerFunction, type Program } from "./lowering/index.js";
import { loadRuntime } from "./runtime/index.js";
import type { Device, Session } from "./runtime/session.js";
import { initialize } from "./tensor.js";
import { flattenTree, unflattenTree } from "./trees.js";

export interface CompileOptions {
  /** Number format of the program; default "float32". Arguments are converted to it. */
  precision?: Precision;
  /** Default "cpu"; "webgpu" where the runtime finds a graphics adapter (the first call throws a UsageError where not). */
  device?: Device;
  /** Threads inside one operation; default: all cores. Use 1 in worker threads. */
  threads?: number;
  /**
   * Positions of arguments that the caller gives up: their memory is reused for results of later calls, so that a
   * loop `state = await step(state)` allocates nothing. Do not read such an argument after the call.
   */
  donate?: readonly number[];
}

export interface Compiled<A extends any[] = any[], R = any> {
  (...args: A): Promise<R>;
  /** Numbers of ONNX nodes by kind for these arguments: what the program costs, for tests and the curious. */
  operations(...args: A): Promise<Readonly<Record<string, number>>>;
  /** The device that runs it, known after the first call. */
  device(): Device | undefined;
  /** Frees the sessions. The function cannot be called afterwards. */
  dispose(): Promise<void>;
}

interface Variant {
  readonly program: Program;
  readonly session: Session;
  /** Arrays that may be overwritten, by type and size. */
  readonly free: Map<string, NdArray[]>;
}

/**
 * Compiles `f`, a function on trees of tensors.
 *
 * @param f takes and returns trees (nested plain objects and arrays) of `Tensor`s; host arrays that it closes over
 *   become constants of the program.
 * @returns an asynchronous function on trees of `NdArray`s and numbers (numbers are scalar inputs), which returns
 *   a tree of `NdArray`s. Results can be passed to the next call as they are, without a copy.
 * @throws UsageError for leaves that are no arrays, and for shape errors in `f` (they name operation and shapes).
 * @example
 *   const f = compile((x: Tensor) => sum(square(x)));
 *   (await f(array([3, 4]))).data[0] // 25
 */
export function compile<F extends (...args: any[]) => any>(f: F, options: CompileOptions = {}): Compiled {
  checkOptions(options);
  const precision = options.precision ?? "float32";
  const variants = new Map<string, Promise<Variant>>();
  let device: Device | undefined;
  let disposed = false;

  async function variantFor(args: readonly any[], leaves: readonly NdArray[]): Promise<Variant> {
    if (disposed) throw new UsageError("compile: this program was disposed of; compile it again.");
    const key = `${JSON.stringify(
      unflattenTree(
        args,
        leaves.map(() => 0),
      ),
    )}|${leaves.map(kind)}`;
    let variant = variants.get(key);
    if (variant === undefined) {
      variant = build(args, leaves);
      variants.set(key, variant);
      variant.catch(() => variants.delete(key));
    }
    return variant;
  }

  async function build(args: readonly any[], leaves: readonly LeafType[]): Promise<Variant> {
    await initialize();
    const runtime = await loadRuntime();
    const program = lowerFunction(f, args, leaves, precision);
    const session = await runtime.createSession(program, { threads: options.threads, device: options.device });
    device = session.device;
    return { program, session, free: new Map() };
  }

  function leavesOf(args: readonly any[]): NdArray[] {
    const { leaves, paths } = flattenTree(args);
    return leaves.map((leaf, i) => {
      if (typeof leaf === "number") return scalarArray(leaf, precision);
      if (givenUp.has(leaf))
        throw new UsageError(
          `compile: argument ${paths[i]} of shape [${leaf.shape}] was donated to an earlier call, its numbers may be overwritten; pass that call's result, or do not donate it.`,
        );
      if (!isNdArray(leaf))
        throw new UsageError(
          `compile: argument ${paths[i]} is ${leaf === null ? "null" : typeof leaf}; give an NdArray or a number.`,
        );
      return leaf.dtype === "float32" || leaf.dtype === "float64" ? astype(leaf, precision) : leaf;
    });
  }

  const call = async (...args: any[]): Promise<any> => {
    const leaves = leavesOf(args);
    const { program, session, free } = await variantFor(args, leaves);
    const into = options.donate === undefined ? undefined : program.outputs.map((type) => takeFree(free, type));
    const results = await session.run(leaves, into);
    if (options.donate !== undefined) giveBack(free, args, leaves, options.donate, results);
    return unflattenTree(program.outputTree, results);
  };
  call.operations = async (...args: any[]) => (await variantFor(args, leavesOf(args))).program.operations;
  call.device = () => device;
  call.dispose = async () => {
    disposed = true;
    for (const variant of variants.values()) await (await variant).session.release();
    variants.clear();
  };
  return call as Compiled;
}

function scalarArray(value: number, dtype: Precision): NdArray {
  const data = allocate(dtype, 1);
  data[0] = value;
  return { data, shape: [], dtype };
}

// Arrays that were donated and not handed out again since.
const givenUp = new WeakSet<NdArray>();

const kinds = new WeakMap<LeafType, string>();

/** Type and shape as a word; arrays that come again and again are asked once. */
function kind(a: LeafType): string {
  let word = kinds.get(a);
  if (word === undefined) kinds.set(a, (word = `${a.dtype}[${a.shape}]`));
  return word;
}

function takeFree(free: Map<string, NdArray[]>, type: LeafType): NdArray {
  const array = free.get(kind(type))?.pop();
  if (array === undefined)
    return { data: allocate(type.dtype, sizeOf(type.shape)), shape: type.shape, dtype: type.dtype };
  givenUp.delete(array);
  return array;
}

/** The donated arguments become free, except those that are results of this very call. */
function giveBack(
  free: Map<string, NdArray[]>,
  args: readonly any[],
  leaves: readonly NdArray[],
  donated: readonly number[],
  results: readonly NdArray[],
): void {
  const kept = new Set(results);
  const needed = new Map<string, number>();
  for (const result of results) needed.set(kind(result), (needed.get(kind(result)) ?? 0) + 1);
  let position = 0;
  args.forEach((arg, i) => {
    const count = flattenTree(arg).leaves.length;
    if (donated.includes(i))
      for (const leaf of leaves.slice(position, position + count)) {
        if (kept.has(leaf)) continue;
        const list = free.get(kind(leaf)) ?? [];
        // Never more than the results of one call need, or a program that shrinks its arguments would hoard them.
        if (list.length >= (needed.get(kind(leaf)) ?? 0) || list.includes(leaf)) continue;
        list.push(leaf);
        givenUp.add(leaf);
        free.set(kind(leaf), list);
      }
    position += count;
  });
}

function checkOptions({ precision, device, threads, donate }: CompileOptions): void {
  if (precision !== undefined && precision !== "float32" && precision !== "float64")
    throw new UsageError(`compile: precision "${precision}" is not known; use "float32" or "float64".`);
  if (device !== undefined && device !== "cpu" && device !== "webgpu")
    throw new UsageError(`compile: device "${device}" is not known; use "cpu" or "webgpu".`);
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1))
    throw new UsageError(`compile: threads is ${threads}; give a whole number from 1.`);
  if (donate?.some((position) => !(Number.isInteger(position) && position >= 0)))
    throw new UsageError(`compile: donate is [${donate}]; give positions of arguments, counted from 0.`);
}

export interface OnnxOptions {
  readonly precision?: Precision;
  readonly inputNames?: readonly string[];
  readonly outputNames?: readonly string[];
  /**
   * Leave the first axis of every argument and result free (called "N" in the file), so that any number of rows can be
   * passed. The function must work row by row, without writing the number of rows into a shape.
   */
  readonly freeBatch?: boolean;
}

/**
 * The function as the bytes of a standard ONNX file.
 * @param examples arguments of the wanted shapes, like those of `compile(f)`; their numbers do not matter
 * @throws UsageError for names that are empty or used twice, and with `freeBatch` for a function whose program depends
 *   on the number of rows
 */
export async function toOnnx(
  f: (...args: any[]) => any,
  examples: readonly any[],
  options: OnnxOptions = {},
): Promise<Uint8Array> {
  await initialize();
  const precision = options.precision ?? "float32";
  const { leaves } = flattenTree(examples);
  const types: LeafType[] = leaves.map((leaf) => (typeof leaf === "number" ? scalarArray(leaf, precision) : leaf));
  const lowered = (rows?: number) => {
    const sized = types.map((t) => (rows === undefined ? t : { dtype: t.dtype, shape: [rows, ...t.shape.slice(1)] }));
    return lowerFunction(
      f,
      examples,
      sized,
      precision,
      { inputs: options.inputNames, outputs: options.outputNames },
      rows,
    );
  };
  const { bytes, inputNames, outputNames } = lowered(options.freeBatch ? 5 : undefined);
  const all = [...inputNames, ...outputNames];
  const twice = all.find((name, i) => all.indexOf(name) !== i || name === "");
  if (twice !== undefined)
    throw new UsageError(`toOnnx: the name "${twice}" is used twice or empty; give every input and output its own.`);
  // A program that is the same for two numbers of rows is the same for all.
  if (options.freeBatch && !sameBytes(bytes, lowered(7).bytes))
    throw new UsageError("toOnnx: freeBatch: the program depends on the number of rows; export it for a fixed number.");
  return bytes;
}

/** A lowered program as plain data: it can be sent to a worker thread and loaded there. */
export type { Program };

/** Traces and lowers `f` for arguments like `examples` (trees of `NdArray`s and numbers), without a session. */
export async function lowerProgram(
  f: (...args: any[]) => any,
  examples: readonly any[],
  options: { precision?: Precision } = {},
): Promise<Program> {
  await initialize();
  const precision = options.precision ?? "float32";
  const types = flattenTree(examples).leaves.map((leaf) =>
    typeof leaf === "number" ? scalarArray(leaf, precision) : leaf,
  );
  return lowerFunction(f, examples, types, precision);
}

/** A loaded program: flat lists of arrays in and out; arrays must already have the program's types and shapes. */
export interface LoadedProgram {
  run(inputs: readonly NdArray[], into?: readonly (NdArray | undefined)[]): Promise<NdArray[]>;
  release(): Promise<void>;
}

/** Makes a session for a lowered program, in this thread. */
export async function loadProgram(
  program: Program,
  options: { threads?: number; device?: Device } = {},
): Promise<LoadedProgram> {
  return (await loadRuntime()).createSession(program, options);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/**
 * Whether an imported file was understood: ONNX Runtime runs the file itself, and the translation has to give the same
 * numbers. The translation is run for one row more than the file, so that the check also shows that rows do not depend
 * on each other and that a fixed number of rows was replaced rightly.
 */
import { UsageError } from "../../errors.js";
import { allocate, type NdArray, ndarray, sizeOf } from "../arrays.js";
import { compile } from "../compile.js";
import { normalArray, randomKey } from "../random.js";
import { loadRuntime } from "../runtime/index.js";
import type { Tensor } from "../tensor.js";
import type { FilePort, OnnxFile } from "./file.js";

export interface ImportCheck {
  /** "the file": it was run by ONNX Runtime, beside; "itself": the runtime cannot run it (float64 convolutions). */
  readonly against: "the file" | "itself";
  /** Largest difference of any output, over the largest absolute value of that output. */
  readonly difference: number;
  /** Values of the outputs at standard normal points, for the caller to look at. [rows, ...] each */
  readonly values: Readonly<Record<string, NdArray>>;
}

/** Relative differences up to here are rounding: float32 through some tens of layers. */
const TOLERANCE = 1e-3;

export async function checkImport(
  bytes: Uint8Array,
  file: OnnxFile,
  input: FilePort,
  fixedRows: number | undefined,
  outputs: readonly string[],
  apply: (z: Tensor) => Record<string, Tensor>,
): Promise<ImportCheck> {
  const precision = input.dtype === "float64" ? "float64" : "float32";
  const rest = input.shape!.slice(1) as number[];
  const width = sizeOf(rest);
  const rows = fixedRows ?? 2;
  const draws = normalArray(randomKey(0), (rows + 1) * width);
  const points = (from: number, count: number): NdArray => {
    const data = allocate(precision, count * width);
    data.set(draws.subarray(from * width, (from + count) * width));
    return ndarray(data, [count, ...rest]);
  };
  const f = compile(apply, { precision, threads: 1 });
  try {
    const values: Record<string, NdArray> = await f(points(0, rows + 1));
    const original = await runFile(bytes, file, input.name, points(1, rows), outputs, precision);
    const expected = original ?? Object.values(await f(points(1, rows)));
    const differences = outputs.map((name, i) => differenceOf(file, name, values[name], expected[i], rows));
    const bad = differences.findIndex((difference) => !(difference <= TOLERANCE));
    if (bad >= 0) {
      const same: Record<string, NdArray> = original === undefined ? values : await f(points(1, rows));
      const understood =
        original === undefined ||
        differenceOf(file, outputs[bad], same[outputs[bad]], expected[bad], rows) <= TOLERANCE;
      throw new UsageError(
        understood
          ? `${file.name}: output "${outputs[bad]}" of a point changes with the other rows of the batch; export the decoder in evaluation mode and with a free number of rows (dynamic axes).`
          : `${file.name}: output "${outputs[bad]}" as imported is not that of ONNX Runtime (relative difference ${differences[bad].toPrecision(2)}); this is an error of the import, please report it with the file.`,
      );
    }
    const difference = Math.max(...differences);
    return { against: original === undefined ? "itself" : "the file", difference, values };
  } finally {
    await f.dispose();
  }
}

/** The file's outputs by ONNX Runtime, or undefined where that lacks kernels for float64. */
async function runFile(
  bytes: Uint8Array,
  file: OnnxFile,
  inputName: string,
  input: NdArray,
  outputNames: readonly string[],
  precision: string,
): Promise<NdArray[] | undefined> {
  const runtime = await loadRuntime();
  try {
    const session = await runtime.createSession({ bytes, inputNames: [inputName], outputNames }, { threads: 1 });
    try {
      return await session.run([input]);
    } finally {
      await session.release();
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (precision === "float64" && /NOT_IMPLEMENTED|Could not find an implementation/i.test(reason)) return undefined;
    throw new UsageError(`${file.name} cannot be run by ONNX Runtime (${plainly(reason)}); export it again.`);
  }
}

/** What the runtime says, without its own source files and the names of its functions, on one line. */
function plainly(reason: string): string {
  const said = reason
    .split(" : FAIL : ")
    .pop()!
    .replace(/^\S+\.(?:h|cc):\d+ (?:\S+ )?/, "");
  return said
    .split("\n")
    .map((line) => line.trim().replace(/^\* /, ""))
    .filter((line) => line !== "")
    .join(" ");
}

/**
 * Largest difference between the last `rows` rows of `got` and `expected`, over the largest value expected; infinite
 * for shapes that do not fit. @throws UsageError for outputs without any finite value.
 */
function differenceOf(file: OnnxFile, name: string, got: NdArray, expected: NdArray, rows: number): number {
  // Some decoders are not defined everywhere; one that is nowhere cannot be checked, or used.
  if (!expected.data.some((value: number) => Number.isFinite(value)))
    throw new UsageError(`${file.name}: output "${name}" is not finite at standard normal points; repair the decoder.`);
  const perRow = got.data.length / got.shape[0];
  const skipped = (got.shape[0] - rows) * perRow;
  // An output that does not depend on the input may have no rows in the file; then each of ours has to be it.
  const sameRows = expected.shape[0] === rows && expected.data.length === perRow * rows;
  if (!sameRows && expected.data.length !== perRow) return Number.POSITIVE_INFINITY;
  let [largest, scale] = [0, Number.MIN_VALUE];
  for (let i = 0; i < perRow * rows; i++) {
    const wanted = expected.data[i % expected.data.length];
    if (Number.isFinite(wanted)) scale = Math.max(scale, Math.abs(wanted));
    if (Object.is(got.data[i + skipped], wanted)) continue; // infinite or NaN in both, too
    largest = Math.max(largest, Math.abs(got.data[i + skipped] - wanted));
  }
  return largest / scale;
}

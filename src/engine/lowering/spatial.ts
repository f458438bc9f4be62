/** What convolutions and pooling do to the last axes of an array: cutting, padding, spreading, windows. */
import { sizeOf } from "../arrays.js";
import type { Builder, Value } from "./graph.js";

export type Pair = readonly [number, number];

/** Zeros before and after the last axes; negative numbers cut instead. */
export function padOrCrop(x: Value, padding: readonly Pair[], build: Builder): Value {
  const lead = x.shape.length - padding.length;
  const at = (i: number): Pair => (i < lead ? [0, 0] : padding[i - lead]);
  const starts = x.shape.map((_, i) => Math.max(0, -at(i)[0]));
  const ends = x.shape.map((n, i) => n - Math.max(0, -at(i)[1]));
  const cut = build.make(
    "Slice",
    [x],
    { starts, ends },
    starts.map((start, i) => ends[i] - start),
  );
  const before = x.shape.map((_, i) => Math.max(0, at(i)[0]));
  const after = x.shape.map((_, i) => Math.max(0, at(i)[1]));
  return build.make(
    "Pad",
    [cut],
    { before, after },
    cut.shape.map((n, i) => before[i] + n + after[i]),
  );
}

/** `steps[i] - 1` zeros between neighbours along the last axes. */
export function insertZeros(x: Value, steps: readonly number[], build: Builder): Value {
  const lead = x.shape.slice(0, x.shape.length - steps.length);
  const sizes = x.shape.slice(lead.length);
  const apart = build.reshape(x, [...lead, ...sizes.flatMap((n) => [n, 1])]);
  const padded = padOrCrop(
    apart,
    steps.flatMap((step): Pair[] => [
      [0, 0],
      [0, step - 1],
    ]),
    build,
  );
  const joined = build.reshape(padded, [...lead, ...sizes.map((n, i) => n * steps[i])]);
  return padOrCrop(
    joined,
    steps.map((step) => [0, 1 - step]),
    build,
  );
}

/** Reversed along the last `count` axes. */
export function reverseLast(x: Value, count: number, build: Builder): Value {
  const axes = Array.from({ length: count }, (_, i) => x.shape.length - count + i);
  return build.make("Reverse", [x], { axes }, x.shape);
}

/** Positions of windows: their number along each axis, their size, step and dilation. */
export interface Windows {
  readonly input: readonly number[];
  readonly count: readonly number[];
  readonly size: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
}

/** For each element of each window its row-major position in the input: [window elements, windows]. */
export function windowPositions({ input, count, size, strides, dilations }: Windows): Int32Array {
  let table: number[][] = [[0]]; // [elements so far][windows so far]
  input.forEach((n, axis) => {
    const next: number[][] = [];
    for (const row of table)
      for (let k = 0; k < size[axis]; k++) {
        const line: number[] = [];
        for (const position of row)
          for (let o = 0; o < count[axis]; o++) line.push(position * n + o * strides[axis] + k * dilations[axis]);
        next.push(line);
      }
    table = next;
  });
  return Int32Array.from(table.flat());
}

/** All elements of all windows over the last axes: `[..., elements of a window, windows]`. */
export function gatherWindows(x: Value, windows: Windows, build: Builder): Value {
  const lead = x.shape.slice(0, x.shape.length - windows.input.length);
  const shape = [sizeOf(windows.size), sizeOf(windows.count)];
  const flat = build.reshape(x, [...lead, sizeOf(windows.input)]);
  const index = sharedIndex(build, JSON.stringify(windows), shape, () => windowPositions(windows));
  return build.make("Gather", [flat, index], { axis: lead.length }, [...lead, ...shape], x.dtype);
}

const indices = new WeakMap<Builder, Map<string, Value>>();

/** A constant index array, made once for each key in a program. */
export function sharedIndex(build: Builder, key: string, shape: readonly number[], make: () => Int32Array): Value {
  let known = indices.get(build);
  if (known === undefined) indices.set(build, (known = new Map()));
  let value = known.get(key);
  if (value === undefined) {
    value = build.constant({ data: make(), shape, dtype: "int32" });
    known.set(key, value);
  }
  return value;
}

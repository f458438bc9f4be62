/**
 * Adding rows at positions that are known while lowering (the derivative of reading there): each position gathers the
 * rows that go to it. The runtime's own way, `ScatterElements`, goes through all elements one after another, on one
 * thread.
 */
import { sizeOf } from "../arrays.js";
import type { Builder, Value } from "./graph.js";
import { padOrCrop, sharedIndex } from "./spatial.js";

/** Above so many rows at one position the gathered copies would cost more than they save. */
const MOST = 8;

/**
 * `y[a, p, b] = sum of x[a, i, b] over i with positions[i] = p`: [pre, count, post] to [pre, size, post], or undefined
 * where this would not be faster.
 */
export function sumAtPositions(
  x: Value,
  positions: ArrayLike<number>,
  size: number,
  build: Builder,
): Value | undefined {
  const [pre, count, post] = x.shape;
  // Positions counted from the end are left to the runtime.
  for (let i = 0; i < count; i++) if (!(positions[i] >= 0 && positions[i] < size)) return undefined;
  const goers: number[][] = Array.from({ length: size }, () => []);
  for (let i = 0; i < count; i++) goers[positions[i]].push(i);
  const most = goers.reduce((n, list) => Math.max(n, list.length), 0);
  if (sizeOf(x.shape) === 0 || most > MOST || most * size > 4 * (count + size)) return undefined;
  const withZero = padOrCrop(
    x,
    [
      [0, 1],
      [0, 0],
    ],
    build,
  ); // prettier-ignore
  let sum: Value | undefined;
  for (let k = 0; k < most; k++) {
    const source = goers.every((list) => list.length > k) ? x : withZero;
    const rows = goers.map((list) => list[k] ?? count);
    const index = sharedIndex(build, `rows${rows}`, [size], () => Int32Array.from(rows));
    const taken = build.make("Gather", [source, index], { axis: 1 }, [pre, size, post], x.dtype);
    sum = sum === undefined ? taken : build.elementwise("Add", [sum, taken], x.dtype);
  }
  return sum;
}

/** One point or a batch of points, as callers give them, and results in the same form. */
import { array, astype, isNdArray, type NdArray, reshapeArray } from "../engine/index.js";
import { expectThat } from "../errors.js";

/** `[N, d]` or `[d]`, as an NdArray or as lists. */
export type Points = NdArray | readonly number[] | readonly (readonly number[])[];

export interface Batch {
  /** `[N, d]` float64 */
  readonly array: NdArray;
  readonly count: number;
  /** Whether one point `[d]` was given. */
  readonly single: boolean;
  /** A result `[N, ...]` in the form of the input: without the axis N if one point was given. */
  like(result: NdArray): NdArray;
}

/**
 * @param count where given, the number of points that is expected
 * @throws UsageError for other shapes, no points, or numbers that are not finite
 */
export function batchOf(caller: string, name: string, points: Points, dimension: number, count?: number): Batch {
  const given = isNdArray(points) ? astype(points, "float64") : array(points as number[][], "float64");
  const single = given.shape.length === 1;
  const expected = single || count === 1 ? `[${dimension}]` : `[${count ?? "N"}, ${dimension}]`;
  const shaped = single ? reshapeArray(given, [1, given.shape[0]]) : given;
  expectThat(
    shaped.shape.length === 2 &&
      shaped.shape[1] === dimension &&
      shaped.shape[0] > 0 &&
      (count === undefined || shaped.shape[0] === count),
    () => `${caller}: ${name} has shape [${given.shape}]; give ${expected}.`,
  );
  const bad = shaped.data.findIndex((x: number) => !Number.isFinite(x));
  expectThat(
    bad < 0,
    () => `${caller}: ${name} has ${shaped.data[bad]} in row ${Math.floor(bad / dimension)}; give finite numbers.`,
  );
  const like = (result: NdArray) => (single ? reshapeArray(result, result.shape.slice(1)) : result);
  return { array: shaped, count: shaped.shape[0], single, like };
}

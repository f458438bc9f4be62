/** Points that lie at exactly the same place: how many, one of each, and splits that keep them together. */
import { type NdArray, takeRows } from "../../engine/index.js";
import { UsageError } from "../../errors.js";
import { permutation, type RandomKey } from "../../numerics/random.js";

export interface Places {
  /** Number of each row's place. [N] */
  readonly of: Int32Array;
  readonly count: number;
}

export function placesOf(points: NdArray): Places {
  const [N, n] = points.shape;
  const numbers = new Map<string, number>();
  const of = Int32Array.from({ length: N }, (_, i) => {
    const key = points.data.subarray(i * n, (i + 1) * n).join(",");
    const number = numbers.get(key) ?? numbers.size;
    numbers.set(key, number);
    return number;
  });
  return { of, count: numbers.size };
}

/** The first row of each place. */
export function onePerPlace(points: NdArray, { of }: Places): NdArray {
  const seen = new Set<number>();
  const rows = Array.from(of.keys()).filter((i) => {
    if (seen.has(of[i])) return false;
    seen.add(of[i]);
    return true;
  });
  return takeRows(points, rows);
}

/**
 * A seeded split. By place: all rows of a place on one side; by row: copies may fall on both.
 * @throws UsageError where a side would be empty
 */
export function splitPoints(
  points: NdArray,
  places: Places,
  fraction: number,
  by: "place" | "row",
  key: RandomKey,
): { train: NdArray; heldOut?: NdArray } {
  if (fraction === 0) return { train: points };
  const N = points.shape[0];
  const units = by === "row" ? N : places.count;
  const held = Math.round(fraction * units);
  if (held < 1 || held >= units)
    throw new UsageError(
      `--test-fraction: ${fraction} of ${units} ${by}s leaves ${held} held out and ${units - held} to learn from; give another share, or 0.`,
    );
  const chosen = new Set(permutation(key, units).subarray(0, held));
  const rows = Array.from({ length: N }, (_, i) => i);
  const isHeld = (i: number) => chosen.has(by === "row" ? i : places.of[i]);
  return {
    train: takeRows(
      points,
      rows.filter((i) => !isHeld(i)),
    ),
    heldOut: takeRows(points, rows.filter(isHeld)),
  };
}

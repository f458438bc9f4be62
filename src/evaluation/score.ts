/** A score with all that one needs to judge it: how uncertain, of how many images, from which seed. */
import { UsageError } from "../errors.js";
import { foldIn, randomKey, stream } from "../numerics/random.js";
import { standardDeviation } from "../numerics/statistics.js";

export interface Score {
  /** What it is called, with the features it was made on: "digit-feature Frechet distance". */
  readonly name: string;
  readonly value: number;
  readonly standardError: number;
  /** Where the standard error comes from. */
  readonly uncertainty: string;
  /** How many images (rows) of each kind went in. */
  readonly images: number;
  readonly seed: number;
}

/** The score, checked. @throws UsageError where value or standard error are not finite. */
export function score(given: Score): Score {
  for (const [what, value] of [
    ["it", given.value],
    ["its standard error", given.standardError],
  ] as const)
    if (!Number.isFinite(value))
      throw new UsageError(
        `${given.name}: ${what} is ${value}, not finite; check the images (all equal? too few?) that it is made of.`,
      );
  return given;
}

/** Row numbers drawn with replacement. [n] */
export function resample(n: number, seed: number, draw: number, label: number): Int32Array {
  const from = stream(foldIn(foldIn(randomKey(seed), draw), label));
  return Int32Array.from({ length: n }, () => Math.min(n - 1, Math.floor(from.uniform() * n)));
}

/**
 * The bootstrap standard error (Efron, 1979): the standard deviation of a statistic over `draws` resamples of the rows,
 * each of several samples resampled on its own.
 * @param sizes rows of each sample
 * @param statistic of the rows with these numbers, one list a sample
 */
export function bootstrapError(
  sizes: readonly number[],
  statistic: (indices: Int32Array[]) => number,
  options: { readonly draws: number; readonly seed: number },
): number {
  const values = Array.from({ length: options.draws }, (_, draw) =>
    statistic(sizes.map((n, label) => resample(n, options.seed, draw, label))),
  );
  return standardDeviation(values);
}

/** Rows as the functions of this room take them: [N, width], finite. @throws UsageError otherwise. */
export function checkRows(
  name: string,
  rows: { readonly data: ArrayLike<number>; readonly shape: readonly number[] },
  least = 2,
): { n: number; width: number } {
  const [n, width] = rows.shape;
  if (rows.shape.length !== 2 || n < least)
    throw new UsageError(`${name}: shape [${rows.shape}] is not [N, width] with N >= ${least}; give more rows.`);
  for (let i = 0; i < rows.data.length; i++)
    if (!Number.isFinite(rows.data[i]))
      throw new UsageError(`${name}: row ${Math.floor(i / width)} holds ${rows.data[i]}; give finite numbers.`);
  return { n, width };
}

/** @throws UsageError unless both have the same width. */
export function checkSameWidth(name: string, a: number, b: number): void {
  if (a !== b)
    throw new UsageError(`${name}: rows of ${a} numbers against rows of ${b}; give features of one network.`);
}

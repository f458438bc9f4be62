/** Checks that the ways of making a metric share. */
import { array, astype, isNdArray, type NdArray, reshape, type Tensor } from "../engine/index.js";
import { expectThat } from "../errors.js";

/** @throws UsageError unless `dimension` is a whole number from 1. */
export function checkDimension(caller: string, dimension: number): void {
  expectThat(
    Number.isInteger(dimension) && dimension >= 1,
    () => `${caller}: dimension is ${dimension}; give the number of latent dimensions, a whole number from 1.`,
  );
}

/** @throws UsageError unless `value` is a finite number above zero. */
export function checkPositive(caller: string, name: string, value: number): void {
  expectThat(
    Number.isFinite(value) && value > 0,
    () => `${caller}: ${name} is ${value}; give a finite number above zero.`,
  );
}

/** A tensor `[N, ...]` as `[N, D]`. @throws UsageError for a scalar. */
export function flattenRows(x: Tensor): Tensor {
  if (x.shape.length === 2) return x;
  expectThat(x.shape.length > 0, "a metric's map returned a scalar; return one row for each point, of shape [N, D].");
  return reshape(x, [x.shape[0], x.shape.slice(1).reduce((product, n) => product * n, 1)]);
}

/**
 * Points or vectors on the host as `[N, d]` float64.
 * @throws UsageError for another shape, naming it, or numbers that are not finite
 */
export function toPoints(
  caller: string,
  name: string,
  points: NdArray | readonly (readonly number[])[],
  dimension: number,
  count?: number,
): NdArray {
  const list = isNdArray(points) ? astype(points, "float64") : array(points as number[][]);
  expectThat(
    list.shape.length === 2 && list.shape[1] === dimension && (count === undefined || list.shape[0] === count),
    () => `${caller}: ${name} has shape [${list.shape}]; give [${count ?? "N"}, ${dimension}].`,
  );
  const bad = list.data.findIndex((x: number) => !Number.isFinite(x));
  expectThat(
    bad < 0,
    () => `${caller}: ${name} has ${list.data[bad]} in row ${Math.floor(bad / dimension)}; give finite numbers.`,
  );
  return list;
}

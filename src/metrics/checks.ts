/** Checks that the ways of making a metric share. */
import { reshape, type Tensor } from "../engine/index.js";
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

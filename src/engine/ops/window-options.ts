/** How windows lie on images: numbers or pairs for both axes, paddings by number, by side or by name. */
import { UsageError } from "../../errors.js";

export type Pair = readonly [number, number];

/** Zeros around an image: one number for all sides, `[[top, bottom], [left, right]]`, "same" or "valid" (none). */
export type Padding = number | readonly [Pair, Pair] | "same" | "valid";

/** @throws UsageError for what is not a whole number of at least `least`, or two. */
export function pairOf(operation: string, name: string, value: number | Pair, least = 1): [number, number] {
  const pair: readonly number[] = typeof value === "number" ? [value, value] : value;
  if (pair.length !== 2 || pair.some((n) => !Number.isInteger(n) || n < least))
    throw new UsageError(
      `${operation}: ${name} is ${JSON.stringify(value)}; give a whole number of at least ${least}, or two.`,
    );
  return [pair[0], pair[1]];
}

/** `[[top, bottom], [left, right]]`. @throws UsageError for negative numbers and other forms. */
export function paddingOf(
  operation: string,
  padding: Padding,
  sizes: readonly number[],
  window: readonly number[],
  stride: readonly number[],
): [number, number][] {
  if (padding === "valid") return sizes.map(() => [0, 0]);
  if (padding === "same")
    return sizes.map((n, i) => {
      const total = Math.max(0, (Math.ceil(n / stride[i]) - 1) * stride[i] + window[i] - n);
      return [Math.floor(total / 2), Math.ceil(total / 2)];
    });
  const pairs = typeof padding === "number" ? sizes.map(() => [padding, padding]) : padding;
  const fits = Array.isArray(pairs) && pairs.length === 2 && pairs.every((p) => Array.isArray(p) && p.length === 2);
  if (!fits || pairs.flat().some((n) => !Number.isInteger(n) || n < 0))
    throw new UsageError(
      `${operation}: padding is ${JSON.stringify(padding)}; give a whole number, [[top, bottom], [left, right]], "same" or "valid".`,
    );
  return pairs.map((p) => [p[0], p[1]]);
}

/**
 * Natural cubic splines through vector-valued data at increasing parameters: twice continuously differentiable, with
 * zero second derivative at both ends; the smoothest interpolant in the sense of int |c''|^2. (de Boor, A Practical
 * Guide to Splines, chapter IV.) Beyond the ends it continues as a straight line. The spline on 2-D grids is in
 * `bicubic-spline.ts`.
 */

import { expectThat } from "../errors.js";

export interface NaturalSpline {
  /** Values a point has. */
  readonly size: number;
  /** Strictly increasing. [T] */
  readonly parameters: Float64Array;
  /** [T, size] */
  readonly values: Float64Array;
  /** Second derivatives at the parameters. [T, size] */
  readonly curvatures: Float64Array;
}

/**
 * The natural cubic spline through `values` at `parameters`.
 *
 * @param parameters strictly increasing, at least two. [T]
 * @param values row-major. [T, size]
 * Throws `UsageError` for parameters that do not increase or arrays that do not match.
 */
export function naturalSpline(parameters: ArrayLike<number>, values: ArrayLike<number>, size = 1): NaturalSpline {
  const count = parameters.length;
  expectThat(
    count >= 2 && Number.isInteger(size) && size >= 1 && values.length === count * size,
    () =>
      `naturalSpline got ${count} parameters and ${values.length} values of size ${size}: ` +
      "pass two or more parameters and [parameters, size] values.",
  );
  for (let i = 1; i < count; i++) {
    expectThat(
      parameters[i] > parameters[i - 1],
      () => `naturalSpline got the parameter ${parameters[i]} after ${parameters[i - 1]}: they must strictly increase.`,
    );
  }
  const t = Float64Array.from(parameters);
  const y = Float64Array.from(values);
  const curvatures = new Float64Array(count * size);
  // h_{i-1} M_{i-1} + 2 (h_{i-1} + h_i) M_i + h_i M_{i+1} = 6 (slope_i - slope_{i-1}), by the Thomas algorithm.
  const upper = new Float64Array(count);
  for (let i = 1; i + 1 < count; i++) {
    const before = t[i] - t[i - 1];
    const after = t[i + 1] - t[i];
    const pivot = 2 * (before + after) - before * upper[i - 1];
    upper[i] = after / pivot;
    for (let k = 0; k < size; k++) {
      const at = i * size + k;
      const bend = (y[at + size] - y[at]) / after - (y[at] - y[at - size]) / before;
      curvatures[at] = (6 * bend - before * curvatures[at - size]) / pivot;
    }
  }
  for (let i = count - 2; i > 0; i--) {
    for (let k = 0; k < size; k++) curvatures[i * size + k] -= upper[i] * curvatures[(i + 1) * size + k];
  }
  return { size, parameters: t, values: y, curvatures };
}

/**
 * Evaluates a natural spline, or its first or second derivative, at one parameter.
 *
 * @param out receives `size` values from `offset` on.
 */
export function evaluateNaturalSpline(
  spline: NaturalSpline,
  parameter: number,
  out: Float64Array,
  offset = 0,
  derivative: 0 | 1 | 2 = 0,
): void {
  const { size, parameters, values, curvatures } = spline;
  const last = parameters.length - 1;
  const start = parameters[0];
  const end = parameters[last];
  const inside = Math.min(Math.max(parameter, start), end);
  const beyond = parameter - inside;
  const i = intervalOf(parameters, inside);
  const h = parameters[i + 1] - parameters[i];
  const b = (inside - parameters[i]) / h;
  const a = 1 - b;
  for (let k = 0; k < size; k++) {
    const left = i * size + k;
    const right = left + size;
    if (derivative === 2) {
      out[offset + k] = beyond === 0 ? a * curvatures[left] + b * curvatures[right] : 0;
      continue;
    }
    const slope =
      (values[right] - values[left]) / h +
      (h / 6) * ((1 - 3 * a * a) * curvatures[left] + (3 * b * b - 1) * curvatures[right]);
    if (derivative === 1) {
      out[offset + k] = slope;
      continue;
    }
    const value =
      a * values[left] +
      b * values[right] +
      ((h * h) / 6) * ((a * a * a - a) * curvatures[left] + (b * b * b - b) * curvatures[right]);
    out[offset + k] = value + beyond * slope;
  }
}

/** The interval i with t[i] <= value < t[i + 1], the first or last one for values outside. By bisection. */
export function intervalOf(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (sorted[middle] <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

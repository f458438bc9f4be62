/**
 * Bicubic spline interpolation of a vector-valued field on a regular 2-D grid, as a tensor product of uniform cubic
 * B-splines: F(x, y) = sum_ij c_ij B(x/hx - i) B(y/hy - j). Twice continuously differentiable, reproduces bicubic
 * polynomials, error O(h^4) in the value, O(h^3) in the gradient, O(h^2) in the Hessian. The coefficients come from
 * the values by a recursive filter along each axis (Unser, Splines: a perfect fit for signal and image processing,
 * 1999), with "not-a-knot" ends, which keep the order up to the border.
 *
 * Made for one purpose: a surrogate of a decoder's embedding F: R^2 -> R^m that a solver evaluates with its first and
 * second derivatives thousands of times a second. A node's m coefficients are contiguous, and one pass
 * over 16 x m numbers gives value, gradient and Hessian.
 */

import { expectThat } from "../errors.js";

export interface BicubicSpline {
  /** Nodes along x (slow) and y (fast). */
  readonly shape: readonly [number, number];
  /** Values a point has, m. */
  readonly size: number;
  /** The corner of the first node, and the distances between nodes. */
  readonly lower: readonly [number, number];
  readonly upper: readonly [number, number];
  readonly step: readonly [number, number];
  /** B-spline coefficients; entry (i, j) belongs to the node (i - 1, j - 1). [nx + 2, ny + 2, m] */
  readonly coefficients: Float64Array;
}

/**
 * The bicubic spline through `values` on a regular grid.
 *
 * @param values node (i, j) lies at lower + (i hx, j hy). [nx, ny, m]
 * @param shape [nx, ny], at least 4 each.
 * @param size m.
 * @param lower, upper the first and the last node.
 * Throws `UsageError` for small grids, mismatched arrays, an empty box or values that are not finite.
 */
export function bicubicSpline(
  values: Float32Array | Float64Array,
  shape: readonly [number, number],
  size: number,
  lower: readonly [number, number],
  upper: readonly [number, number],
): BicubicSpline {
  const [nx, ny] = shape;
  expectThat(
    Number.isInteger(nx) && Number.isInteger(ny) && nx >= 4 && ny >= 4,
    () => `bicubicSpline got the grid ${nx} x ${ny}: it needs at least 4 nodes along each axis.`,
  );
  expectThat(
    Number.isInteger(size) && size >= 1 && values.length === nx * ny * size,
    () => `bicubicSpline got ${values.length} values for a grid of ${nx} x ${ny} x ${size}: pass [nx, ny, m].`,
  );
  expectThat(
    lower[0] < upper[0] && lower[1] < upper[1],
    () => `bicubicSpline got the box [${lower}] to [${upper}]: the lower corner must be below the upper one.`,
  );
  for (let i = 0; i < values.length; i++) {
    expectThat(Number.isFinite(values[i]), () => `bicubicSpline got the value ${values[i]}: all must be finite.`);
  }
  const width = (ny + 2) * size;
  const coefficients = new Float64Array((nx + 2) * width);
  for (let i = 0; i < nx; i++) {
    const row = (i + 1) * width;
    for (let q = 0; q < ny * size; q++) coefficients[row + size + q] = values[i * ny * size + q];
    prefilter(coefficients, row, ny, size, size);
  }
  prefilter(coefficients, 0, nx, width, width);
  return {
    shape: [nx, ny],
    size,
    lower: [lower[0], lower[1]],
    upper: [upper[0], upper[1]],
    step: [(upper[0] - lower[0]) / (nx - 1), (upper[1] - lower[1]) / (ny - 1)],
    coefficients,
  };
}

/**
 * In place, values at entries 1 .. n to coefficients at entries 0 .. n + 1; an entry is `count` numbers wide and
 * `stride` from the next. Solves c_{k-1} + 4 c_k + c_{k+1} = 6 f_k. The not-a-knot condition, no jump in the third
 * derivative at the second node, eliminates to c_1 = (8 f_1 - f_0 - f_2) / 6 there (nodes from 0), likewise at the
 * other end; so the rest is tridiagonal with c_1 and c_{n-2} known.
 */
function prefilter(data: Float64Array, start: number, n: number, stride: number, count: number): void {
  const entry = (node: number) => start + (node + 1) * stride;
  const end = n - 1;
  const first = data.slice(entry(0), entry(0) + count);
  const last = data.slice(entry(end), entry(end) + count);
  const second = data.slice(entry(1), entry(1) + count);
  const secondLast = data.slice(entry(end - 1), entry(end - 1) + count);
  const afterSecond = data.slice(entry(2), entry(2) + count);
  const beforeSecondLast = data.slice(entry(end - 2), entry(end - 2) + count);
  for (let q = 0; q < count; q++) {
    data[entry(1) + q] = (8 * second[q] - first[q] - afterSecond[q]) / 6;
    data[entry(end - 1) + q] = (8 * secondLast[q] - last[q] - beforeSecondLast[q]) / 6;
  }
  // Nodes 2 .. n - 3 by the Thomas algorithm.
  const upper = new Float64Array(n);
  for (let node = 2; node <= end - 2; node++) {
    const pivot = 4 - upper[node - 1];
    upper[node] = 1 / pivot;
    const at = entry(node);
    for (let q = 0; q < count; q++) data[at + q] = (6 * data[at + q] - data[at - stride + q]) / pivot;
  }
  for (let node = end - 2; node >= 2; node--) {
    const at = entry(node);
    for (let q = 0; q < count; q++) data[at + q] -= upper[node] * data[at + stride + q];
  }
  // The two at each end follow from the equations of nodes 1, 0 and their mirror images.
  for (let q = 0; q < count; q++) {
    data[entry(0) + q] = 6 * second[q] - 4 * data[entry(1) + q] - data[entry(2) + q];
    data[entry(-1) + q] = 6 * first[q] - 4 * data[entry(0) + q] - data[entry(1) + q];
    data[entry(end) + q] = 6 * secondLast[q] - 4 * data[entry(end - 1) + q] - data[entry(end - 2) + q];
    data[entry(end + 1) + q] = 6 * last[q] - 4 * data[entry(end) + q] - data[entry(end - 1) + q];
  }
}

/** B-spline weights of the four coefficients around a point, and their derivatives: [value 4 | first 4 | second 4]. */
function weightsInto(weights: Float64Array, u: number, step: number): void {
  const v = 1 - u;
  const s = 1 / step;
  const s2 = s * s;
  weights[0] = (v * v * v) / 6;
  weights[1] = (4 - 6 * u * u + 3 * u * u * u) / 6;
  weights[2] = (4 - 6 * v * v + 3 * v * v * v) / 6;
  weights[3] = (u * u * u) / 6;
  weights[4] = -0.5 * v * v * s;
  weights[5] = (1.5 * u - 2) * u * s;
  weights[6] = (2 - 1.5 * v) * v * s;
  weights[7] = 0.5 * u * u * s;
  weights[8] = v * s2;
  weights[9] = (3 * u - 2) * s2;
  weights[10] = (3 * v - 2) * s2;
  weights[11] = u * s2;
}

const weightsX = new Float64Array(12);
const weightsY = new Float64Array(12);

/** How many blocks of m numbers `evaluateBicubic` writes for derivatives up to the given order. */
export const BICUBIC_BLOCKS = [1, 3, 6] as const;

/**
 * Evaluates the spline at (x, y).
 *
 * @param out receives, from `offset` on, blocks of m numbers: F; for `order` >= 1 also F_x, F_y; for `order` 2 also
 *   F_xx, F_xy, F_yy.
 * @returns whether the point lies on the grid. Outside, the polynomials of the nearest cell are continued, which is
 *   smooth but grows without meaning: treat `false` as a curve that has left its map.
 */
export function evaluateBicubic(
  spline: BicubicSpline,
  x: number,
  y: number,
  out: Float64Array,
  offset = 0,
  order: 0 | 1 | 2 = 2,
): boolean {
  const { shape, size: m, lower, step, coefficients: c } = spline;
  const px = (x - lower[0]) / step[0];
  const py = (y - lower[1]) / step[1];
  const i = Math.min(Math.max(Math.floor(px), 0), shape[0] - 2);
  const j = Math.min(Math.max(Math.floor(py), 0), shape[1] - 2);
  weightsInto(weightsX, px - i, step[0]);
  weightsInto(weightsY, py - j, step[1]);
  const width = (shape[1] + 2) * m;
  const r0 = i * width + j * m;
  if (order === 2) hessianPass(c, m, r0, width, out, offset);
  else if (order === 1) gradientPass(c, m, r0, width, out, offset);
  else valuePass(c, m, r0, width, out, offset);
  // a share of 1e-12 of a cell is granted to rounding
  return px >= -1e-12 && py >= -1e-12 && px <= shape[0] - 1 + 1e-12 && py <= shape[1] - 1 + 1e-12;
}

function valuePass(c: Float64Array, m: number, start: number, width: number, out: Float64Array, offset: number): void {
  for (let k = 0; k < m; k++) out[offset + k] = 0;
  for (let r = 0; r < 4; r++) {
    const wx = weightsX[r];
    const a = start + r * width;
    const w0 = wx * weightsY[0];
    const w1 = wx * weightsY[1];
    const w2 = wx * weightsY[2];
    const w3 = wx * weightsY[3];
    for (let k = 0; k < m; k++) {
      const at = a + k;
      out[offset + k] += w0 * c[at] + w1 * c[at + m] + w2 * c[at + 2 * m] + w3 * c[at + 3 * m];
    }
  }
}

function gradientPass(
  c: Float64Array,
  m: number,
  start: number,
  width: number,
  out: Float64Array,
  offset: number,
): void {
  const [y0, y1, y2, y3, d0, d1, d2, d3] = weightsY;
  out.fill(0, offset, offset + 3 * m);
  for (let r = 0; r < 4; r++) {
    const wx = weightsX[r];
    const dx = weightsX[4 + r];
    const row = start + r * width;
    for (let k = 0; k < m; k++) {
      const at = row + k;
      const e0 = c[at];
      const e1 = c[at + m];
      const e2 = c[at + 2 * m];
      const e3 = c[at + 3 * m];
      const v = y0 * e0 + y1 * e1 + y2 * e2 + y3 * e3;
      const to = offset + k;
      out[to] += wx * v;
      out[to + m] += dx * v;
      out[to + 2 * m] += wx * (d0 * e0 + d1 * e1 + d2 * e2 + d3 * e3);
    }
  }
}

/** One pass over the 16 coefficients of each channel. (Unrolling the rows by hand was measured: no gain.) */
function hessianPass(
  c: Float64Array,
  m: number,
  start: number,
  width: number,
  out: Float64Array,
  offset: number,
): void {
  const y0 = weightsY[0];
  const y1 = weightsY[1];
  const y2 = weightsY[2];
  const y3 = weightsY[3];
  const d0 = weightsY[4];
  const d1 = weightsY[5];
  const d2 = weightsY[6];
  const d3 = weightsY[7];
  const s0 = weightsY[8];
  const s1 = weightsY[9];
  const s2 = weightsY[10];
  const s3 = weightsY[11];
  const m2 = 2 * m;
  const m3 = 3 * m;
  for (let k = 0; k < m; k++) {
    let value = 0;
    let fx = 0;
    let fy = 0;
    let fxx = 0;
    let fxy = 0;
    let fyy = 0;
    let at = start + k;
    for (let r = 0; r < 4; r++) {
      const e0 = c[at];
      const e1 = c[at + m];
      const e2 = c[at + m2];
      const e3 = c[at + m3];
      at += width;
      const v = y0 * e0 + y1 * e1 + y2 * e2 + y3 * e3;
      const g = d0 * e0 + d1 * e1 + d2 * e2 + d3 * e3;
      const h = s0 * e0 + s1 * e1 + s2 * e2 + s3 * e3;
      const wx = weightsX[r];
      const dx = weightsX[4 + r];
      value += wx * v;
      fx += dx * v;
      fy += wx * g;
      fxx += weightsX[8 + r] * v;
      fxy += dx * g;
      fyy += wx * h;
    }
    const to = offset + k;
    out[to] = value;
    out[to + m] = fx;
    out[to + m2] = fy;
    out[to + m3] = fxx;
    out[to + 4 * m] = fxy;
    out[to + 5 * m] = fyy;
  }
}

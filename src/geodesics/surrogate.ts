/**
 * A stand-in for a metric on a latent plane: the Cholesky factor L of its tensor G tabulated on a grid and interpolated
 * by a bicubic spline, evaluated in plain JavaScript with first and second derivatives. (A spline through G itself
 * loses positive definiteness beside sharp ridges, and curves run for such places; L L^T cannot.) A geodesic of the stand-in costs about a
 * millisecond, and is then polished on the metric itself; so the stand-in decides how fast an answer comes, never how
 * right it is.
 *
 * Discrete energy by the midpoint rule, F = sum_i delta_i^T G(m_i) delta_i, m_i = (c_i + c_{i+1}) / 2. With
 * R_jk = (dG/dx_k delta)_j, q_k = delta^T (dG/dx_k) delta and Q_kl = delta^T (d2G/dx_k dx_l) delta a segment adds
 *
 *   to the gradient   -2 G delta + q / 2  at its start,   2 G delta + q / 2  at its end,
 *   to the Hessian    2 G - R - R^T + Q / 4,   2 G + R + R^T + Q / 4,   and  -2 G - R + R^T + Q / 4  between them.
 *
 * Axes: T nodes, n = T - 2 inner nodes; d = 2 throughout.
 */
import { type BicubicSpline, bicubicSpline } from "../numerics/bicubic-spline.js";
import type { Evaluation } from "./newton.js";

/** A box in the latent space. */
export interface Box {
  readonly lower: readonly number[];
  readonly upper: readonly number[];
}

/** Plain data: it can be sent to a worker thread. */
export interface Surrogate {
  /** L_11, L_21, L_22 over the box, G = L L^T. */
  readonly spline: BicubicSpline;
}

/** Metric tensors of points [M, 2] as [M, 4] numbers. */
export type TensorsOf = (points: Float64Array) => Promise<ArrayLike<number>>;

/** Points tabulated in one call of the metric: more would fall out of the processor's cache. */
const CHUNK = 256;

/** Share of the trace that an eigenvalue counts as at least: float32 tensors are no better. */
const LEAST = 1e-7;

/** Tabulates a metric on `size` x `size` nodes over a box. Cost: size^2 metric tensors. */
export async function buildSurrogate(tensorsOf: TensorsOf, box: Box, size: number): Promise<Surrogate> {
  const values = new Float64Array(size * size * 3);
  const points = new Float64Array(CHUNK * 2);
  for (let start = 0; start < size * size; start += CHUNK) {
    for (let k = 0; k < CHUNK; k++) {
      const node = Math.min(start + k, size * size - 1);
      const [i, j] = [Math.floor(node / size), node % size];
      points[2 * k] = box.lower[0] + ((box.upper[0] - box.lower[0]) * i) / (size - 1);
      points[2 * k + 1] = box.lower[1] + ((box.upper[1] - box.lower[1]) * j) / (size - 1);
    }
    const tensors = await tensorsOf(points);
    for (let k = 0; k < Math.min(CHUNK, size * size - start); k++) {
      const a = tensors[4 * k];
      const b = 0.5 * (tensors[4 * k + 1] + tensors[4 * k + 2]);
      const c = tensors[4 * k + 3];
      const first = Math.sqrt(Math.max(a, LEAST * (a + c)));
      const second = first > 0 ? b / first : 0;
      values[3 * (start + k)] = first;
      values[3 * (start + k) + 1] = second;
      values[3 * (start + k) + 2] = Math.sqrt(Math.max(c - second * second, LEAST * (a + c)));
    }
  }
  const lower = [box.lower[0], box.lower[1]] as const;
  const upper = [box.upper[0], box.upper[1]] as const;
  return { spline: bicubicSpline(values, [size, size], 3, lower, upper) };
}

/** Room for an evaluation of curves of T nodes. */
export interface SurrogateWorkspace extends Evaluation {
  gradient: Float64Array;
  diagonal: Float64Array;
  curvature: Float64Array;
  lower: Float64Array;
  /** Whether the whole curve lies on the table. */
  inside: boolean;
}

export function surrogateWorkspace(points: number): SurrogateWorkspace {
  const n = points - 2;
  return {
    energy: 0,
    gradient: new Float64Array(2 * n),
    diagonal: new Float64Array(4 * n),
    curvature: new Float64Array(4 * n),
    lower: new Float64Array(4 * n),
    inside: true,
  };
}

// G, G_x, G_y, G_xx, G_xy, G_yy: three numbers each
const local = new Float64Array(18);

/** F with gradient and exact Hessian blocks at nodes [T, 2], written to `out`. */
export function evaluateSurrogate({ spline }: Surrogate, nodes: Float64Array, out: SurrogateWorkspace): void {
  const T = nodes.length / 2;
  const { gradient, diagonal, curvature, lower } = out;
  gradient.fill(0);
  diagonal.fill(0);
  curvature.fill(0);
  let energy = 0;
  let inside = true;
  for (let s = 0; s < T - 1; s++) {
    const x0 = nodes[2 * s];
    const y0 = nodes[2 * s + 1];
    const x1 = nodes[2 * s + 2];
    const y1 = nodes[2 * s + 3];
    const u = x1 - x0;
    const v = y1 - y0;
    if (!tensorWithDerivatives(spline, 0.5 * (x0 + x1), 0.5 * (y0 + y1))) inside = false;
    const a = local[0];
    const b = local[1];
    const c = local[2];
    const ax = local[3];
    const bx = local[4];
    const cx = local[5];
    const ay = local[6];
    const by = local[7];
    const cy = local[8];
    const gu = a * u + b * v;
    const gv = b * u + c * v;
    energy += gu * u + gv * v;
    // R: columns G_x delta, G_y delta
    const rux = ax * u + bx * v;
    const rvx = bx * u + cx * v;
    const ruy = ay * u + by * v;
    const rvy = by * u + cy * v;
    const qx = 0.5 * (rux * u + rvx * v);
    const qy = 0.5 * (ruy * u + rvy * v);
    const uu = u * u;
    const uv = 2 * u * v;
    const vv = v * v;
    const qxx = 0.25 * (local[9] * uu + local[10] * uv + local[11] * vv);
    const qxy = 0.25 * (local[12] * uu + local[13] * uv + local[14] * vv);
    const qyy = 0.25 * (local[15] * uu + local[16] * uv + local[17] * vv);
    const cross = ruy + rvx;
    if (s > 0) {
      const i = s - 1; // the start as inner node
      gradient[2 * i] += qx - 2 * gu;
      gradient[2 * i + 1] += qy - 2 * gv;
      diagonal[4 * i] += 2 * a;
      diagonal[4 * i + 2] += 2 * b;
      diagonal[4 * i + 3] += 2 * c;
      curvature[4 * i] += qxx - 2 * rux;
      curvature[4 * i + 2] += qxy - cross;
      curvature[4 * i + 3] += qyy - 2 * rvy;
    }
    if (s < T - 2) {
      gradient[2 * s] += qx + 2 * gu;
      gradient[2 * s + 1] += qy + 2 * gv;
      diagonal[4 * s] += 2 * a;
      diagonal[4 * s + 2] += 2 * b;
      diagonal[4 * s + 3] += 2 * c;
      curvature[4 * s] += qxx + 2 * rux;
      curvature[4 * s + 2] += qxy + cross;
      curvature[4 * s + 3] += qyy + 2 * rvy;
      if (s > 0) {
        // H_{end,start}: the transpose of -2 G - R + R^T + Q / 4, whose rows belong to the start
        const at = 4 * (s - 1);
        const skew = rvx - ruy; // (R^T - R)_{xy}
        lower[at] = -2 * a + qxx;
        lower[at + 1] = -2 * b + qxy - skew;
        lower[at + 2] = -2 * b + qxy + skew;
        lower[at + 3] = -2 * c + qyy;
      }
    }
  }
  out.energy = energy;
  out.inside = inside;
}

/**
 * Energy and length of a polyline [T, 2], with G at `samples` points of each segment: what the midpoint rule of
 * `evaluateSurrogate` would find on a finer curve. F is the sum of squared segment lengths.
 */
export function surrogateMeasure(
  { spline }: Surrogate,
  nodes: Float64Array,
  samples: number,
): { energy: number; length: number } {
  const T = nodes.length / 2;
  let energy = 0;
  let length = 0;
  for (let s = 0; s < T - 1; s++) {
    const x = nodes[2 * s];
    const y = nodes[2 * s + 1];
    const u = nodes[2 * s + 2] - x;
    const v = nodes[2 * s + 3] - y;
    let squares = 0;
    for (let k = 0; k < samples; k++) {
      const t = (k + 0.5) / samples;
      tensorAt(spline, x + t * u, y + t * v);
      const square = Math.max(0, local[0] * u * u + 2 * local[1] * u * v + local[2] * v * v);
      squares += square;
      length += Math.sqrt(square) / samples;
    }
    energy += squares / samples;
  }
  return { energy, length };
}

/** Length of the straight segment from (x, y) along (u, v), G at `samples` points. */
export function surrogateSegment(
  { spline }: Surrogate,
  x: number,
  y: number,
  u: number,
  v: number,
  samples: number,
): number {
  let length = 0;
  for (let k = 0; k < samples; k++) {
    const t = (k + 0.5) / samples;
    tensorAt(spline, x + t * u, y + t * v);
    length += Math.sqrt(Math.max(0, local[0] * u * u + 2 * local[1] * u * v + local[2] * v * v));
  }
  return length / samples;
}

// B-spline weights along x (wx..) and y: value, first, second derivative. (numerics/bicubic-spline.ts has the general
// form; this one is written out for three channels, which halves the time of a solve.)
const wx = new Float64Array(12);
const wy = new Float64Array(12);

function weights(w: Float64Array, u: number, step: number): void {
  const v = 1 - u;
  const s = 1 / step;
  const s2 = s * s;
  w[0] = (v * v * v) / 6;
  w[1] = (4 - 6 * u * u + 3 * u * u * u) / 6;
  w[2] = (4 - 6 * v * v + 3 * v * v * v) / 6;
  w[3] = (u * u * u) / 6;
  w[4] = -0.5 * v * v * s;
  w[5] = (1.5 * u - 2) * u * s;
  w[6] = (2 - 1.5 * v) * v * s;
  w[7] = 0.5 * u * u * s;
  w[8] = v * s2;
  w[9] = (3 * u - 2) * s2;
  w[10] = (3 * v - 2) * s2;
  w[11] = u * s2;
}

/** G, G_x, G_y, G_xx, G_xy, G_yy into `local`; false outside the table (where the border cell is continued). */
function tensorWithDerivatives(spline: BicubicSpline, x: number, y: number): boolean {
  const { shape, lower, step, coefficients: c } = spline;
  const px = (x - lower[0]) / step[0];
  const py = (y - lower[1]) / step[1];
  const i = Math.min(Math.max(Math.floor(px), 0), shape[0] - 2);
  const j = Math.min(Math.max(Math.floor(py), 0), shape[1] - 2);
  weights(wx, px - i, step[0]);
  weights(wy, py - j, step[1]);
  const width = (shape[1] + 2) * 3;
  let at = i * width + j * 3;
  const y0 = wy[0];
  const y1 = wy[1];
  const y2 = wy[2];
  const y3 = wy[3];
  const d0 = wy[4];
  const d1 = wy[5];
  const d2 = wy[6];
  const d3 = wy[7];
  const s0 = wy[8];
  const s1 = wy[9];
  const s2 = wy[10];
  const s3 = wy[11];
  for (let k = 0; k < 3; k++, at++) {
    let f = 0;
    let fx = 0;
    let fy = 0;
    let fxx = 0;
    let fxy = 0;
    let fyy = 0;
    for (let r = 0, row = at; r < 4; r++, row += width) {
      const e0 = c[row];
      const e1 = c[row + 3];
      const e2 = c[row + 6];
      const e3 = c[row + 9];
      const v = y0 * e0 + y1 * e1 + y2 * e2 + y3 * e3;
      const g = d0 * e0 + d1 * e1 + d2 * e2 + d3 * e3;
      const h = s0 * e0 + s1 * e1 + s2 * e2 + s3 * e3;
      const w0 = wx[r];
      const w1 = wx[4 + r];
      f += w0 * v;
      fx += w1 * v;
      fxx += wx[8 + r] * v;
      fy += w0 * g;
      fxy += w1 * g;
      fyy += w0 * h;
    }
    local[k] = f;
    local[3 + k] = fx;
    local[6 + k] = fy;
    local[9 + k] = fxx;
    local[12 + k] = fxy;
    local[15 + k] = fyy;
  }
  multiplyOut();
  return px >= -1e-9 && py >= -1e-9 && px <= shape[0] - 1 + 1e-9 && py <= shape[1] - 1 + 1e-9;
}

/** L and its derivatives in `local` become G = L L^T and its derivatives. */
function multiplyOut(): void {
  const p = local[0];
  const q = local[1];
  const r = local[2];
  const px = local[3];
  const qx = local[4];
  const rx = local[5];
  const py = local[6];
  const qy = local[7];
  const ry = local[8];
  const pxx = local[9];
  const qxx = local[10];
  const rxx = local[11];
  const pxy = local[12];
  const qxy = local[13];
  const rxy = local[14];
  const pyy = local[15];
  const qyy = local[16];
  const ryy = local[17];
  local[0] = p * p;
  local[1] = p * q;
  local[2] = q * q + r * r;
  local[3] = 2 * p * px;
  local[4] = px * q + p * qx;
  local[5] = 2 * (q * qx + r * rx);
  local[6] = 2 * p * py;
  local[7] = py * q + p * qy;
  local[8] = 2 * (q * qy + r * ry);
  local[9] = 2 * (px * px + p * pxx);
  local[10] = pxx * q + 2 * px * qx + p * qxx;
  local[11] = 2 * (qx * qx + q * qxx + rx * rx + r * rxx);
  local[12] = 2 * (px * py + p * pxy);
  local[13] = pxy * q + px * qy + py * qx + p * qxy;
  local[14] = 2 * (qx * qy + q * qxy + rx * ry + r * rxy);
  local[15] = 2 * (py * py + p * pyy);
  local[16] = pyy * q + 2 * py * qy + p * qyy;
  local[17] = 2 * (qy * qy + q * qyy + ry * ry + r * ryy);
}

/** G alone into `local`. */
function tensorAt(spline: BicubicSpline, x: number, y: number): void {
  const { shape, lower, step, coefficients: c } = spline;
  const px = (x - lower[0]) / step[0];
  const py = (y - lower[1]) / step[1];
  const i = Math.min(Math.max(Math.floor(px), 0), shape[0] - 2);
  const j = Math.min(Math.max(Math.floor(py), 0), shape[1] - 2);
  const u = px - i;
  const v = py - j;
  const u1 = 1 - u;
  const v1 = 1 - v;
  const y0 = (v1 * v1 * v1) / 6;
  const y1 = (4 - 6 * v * v + 3 * v * v * v) / 6;
  const y2 = (4 - 6 * v1 * v1 + 3 * v1 * v1 * v1) / 6;
  const y3 = (v * v * v) / 6;
  wx[0] = (u1 * u1 * u1) / 6;
  wx[1] = (4 - 6 * u * u + 3 * u * u * u) / 6;
  wx[2] = (4 - 6 * u1 * u1 + 3 * u1 * u1 * u1) / 6;
  wx[3] = (u * u * u) / 6;
  const width = (shape[1] + 2) * 3;
  let a = 0;
  let b = 0;
  let g = 0;
  for (let r = 0, at = i * width + j * 3; r < 4; r++, at += width) {
    const w = wx[r];
    a += w * (y0 * c[at] + y1 * c[at + 3] + y2 * c[at + 6] + y3 * c[at + 9]);
    b += w * (y0 * c[at + 1] + y1 * c[at + 4] + y2 * c[at + 7] + y3 * c[at + 10]);
    g += w * (y0 * c[at + 2] + y1 * c[at + 5] + y2 * c[at + 8] + y3 * c[at + 11]);
  }
  local[0] = a * a;
  local[1] = a * b;
  local[2] = b * b + g * g;
}

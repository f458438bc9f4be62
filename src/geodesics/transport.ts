/**
 * Parallel transport of vectors along a curve, w'^k + Gamma^k_ij c'^i w^j = 0: lengths and angles are kept.
 *
 * The curve is given by points; between them it is the cubic with the slopes of the polynomial through 7 neighbours.
 * The matrices Gamma^k_ij c'^i at all points and midpoints are one batch; the linear equation is then solved by the
 * classical Runge-Kutta method, of order 4 in the spacing. The result does not depend on the curve's speed.
 *
 * Axes: T points of a curve, d latent dimensions.
 */
import { type NdArray, ndarray } from "../engine/index.js";
import { UsageError } from "../errors.js";
import { connectionMatrix, evaluate, type LatentMetric } from "../metrics/index.js";
import { batchOf, type Points } from "./batches.js";
import { curveVelocities } from "./differences.js";

/**
 * Transports a vector from the first point of a curve along it.
 * @param curve `[T, d]`, at equal steps of any smooth parameter, T >= 2 (32 or more for precision)
 * @param vector `[d]`, or several at once `[M, d]`
 * @returns the vectors at every point of the curve, `[T, d]` or `[M, T, d]`; the last row of T is the transported vector
 * @throws UsageError for shapes that do not fit; RunError where the metric is not finite or degenerate on the curve
 * @example
 *   const { curve } = await connect(metric, a, b);
 *   const carried = await parallelTransport(metric, curve, [1, 0]);
 */
export async function parallelTransport(metric: LatentMetric, curve: Points, vector: Points): Promise<NdArray> {
  const d = metric.dimension;
  const nodes = batchOf("parallelTransport", "curve", curve, d);
  const vectors = batchOf("parallelTransport", "vector", vector, d);
  if (nodes.single || nodes.count < 2)
    throw new UsageError(
      `parallelTransport: the curve has ${nodes.count} point; give [T, ${d}] with at least two points.`,
    );
  const [T, M] = [nodes.count, vectors.count];
  const matrices = await alongCurve(metric, nodes.array.data as Float64Array, T);
  const out = new Float64Array(M * T * d);
  const h = 1 / (T - 1);
  const slope = (at: number, w: Float64Array) =>
    Float64Array.from({ length: d }, (_, k) => {
      let sum = 0;
      for (let j = 0; j < d; j++) sum -= matrices[(at * d + k) * d + j] * w[j];
      return sum;
    });
  const moved = (w: Float64Array, step: number, k: Float64Array) => w.map((x, i) => x + step * k[i]);
  for (let m = 0; m < M; m++) {
    let w = Float64Array.from(vectors.array.data.subarray(m * d, (m + 1) * d));
    out.set(w, m * T * d);
    for (let t = 0; t + 1 < T; t++) {
      const k1 = slope(2 * t, w);
      const k2 = slope(2 * t + 1, moved(w, h / 2, k1));
      const k3 = slope(2 * t + 1, moved(w, h / 2, k2));
      const k4 = slope(2 * t + 2, moved(w, h, k3));
      w = w.map((x, i) => x + (h / 6) * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i]));
      out.set(w, (m * T + t + 1) * d);
    }
  }
  return vectors.like(ndarray(out, [M, T, d]));
}

/** Gamma^k_ij c'^i at points (even rows) and midpoints (odd rows), `[(2 T - 1) * d * d]`. */
async function alongCurve(metric: LatentMetric, c: Float64Array, T: number): Promise<Float64Array> {
  const d = metric.dimension;
  const v = curveVelocities(c, d);
  const h = 1 / (T - 1);
  const points = new Float64Array((2 * T - 1) * d);
  const velocities = new Float64Array((2 * T - 1) * d);
  for (let t = 0; t < T; t++)
    for (let k = 0; k < d; k++) {
      const at = t * d + k;
      points[2 * t * d + k] = c[at];
      velocities[2 * t * d + k] = v[at];
      if (t + 1 === T) continue;
      const middle = (2 * t + 1) * d + k;
      points[middle] = (c[at] + c[at + d]) / 2 + (h / 8) * (v[at] - v[at + d]);
      velocities[middle] = (1.5 * (c[at + d] - c[at])) / h - (v[at] + v[at + d]) / 4;
    }
  const shape = [2 * T - 1, d];
  const result = await evaluate(metric, connectionMatrix, ndarray(points, shape), [ndarray(velocities, shape)]);
  return result.data as Float64Array;
}

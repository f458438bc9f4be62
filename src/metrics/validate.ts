/**
 * Checks of a metric, for tests and for those who write their own: shapes while tracing, and symmetry, definiteness,
 * finiteness and the agreement of `segmentEnergy` and `embedding` with the metric tensor at points on the host.
 */
import { add, einsum, mul, type NdArray, rowJacobian, type Tensor } from "../engine/index.js";
import { expectThat, UsageError } from "../errors.js";
import { toPoints } from "./checks.js";
import { evaluate } from "./evaluate.js";
import type { LatentMetric } from "./metric.js";

/** The same metric with the shapes of arguments and results checked in every trace. */
export function validated(metric: LatentMetric): LatentMetric {
  const { embedding, dimension: d } = metric;
  const inputs = (what: string, ...points: Tensor[]) => {
    for (const z of points) check(metric, what, "points", z, z.shape.length === 2 && z.shape[1] === d, `[N, ${d}]`);
    if (points.length > 1 && points[0].shape[0] !== points[1].shape[0])
      throw new UsageError(
        `${what} of "${metric.name}": ${points[0].shape[0]} and ${points[1].shape[0]} points; give as many ends as starts.`,
      );
    return points[0].shape[0];
  };
  const exactly = (what: string, result: Tensor, shape: readonly number[]) => {
    check(metric, what, "the result", result, `${result.shape}` === `${shape}`, `[${shape}]`);
    return result;
  };
  return {
    name: metric.name,
    dimension: d,
    metricTensor(z) {
      const n = inputs("metricTensor", z);
      return exactly("metricTensor", metric.metricTensor(z), [n, d, d]);
    },
    segmentEnergy(a, b) {
      const n = inputs("segmentEnergy", a, b);
      return exactly("segmentEnergy", metric.segmentEnergy(a, b), [n]);
    },
    ...(embedding && {
      embedding(z: Tensor) {
        const n = inputs("embedding", z);
        const result = embedding.call(metric, z);
        check(
          metric,
          "embedding",
          "the result",
          result,
          result.shape.length === 2 && result.shape[0] === n,
          `[${n}, D]`,
        );
        return result;
      },
    }),
  };
}

function check(metric: LatentMetric, what: string, which: string, x: Tensor, holds: boolean, expected: string): void {
  expectThat(
    holds,
    () => `${what} of "${metric.name}": ${which} has shape [${x.shape}], expected is ${expected}; reshape it.`,
  );
}

/**
 * Checks a metric at points, in float64.
 * @param points `[N, d]`
 * @throws UsageError naming the first point where the metric tensor is not finite, not symmetric or not positive
 *   definite, or where `segmentEnergy` of a short step or `embedding` contradicts it
 */
export async function validateMetric(
  metric: LatentMetric,
  points: NdArray | readonly (readonly number[])[],
): Promise<void> {
  const z = toPoints("validateMetric", "points", points, metric.dimension);
  const [n, d] = z.shape;
  const checked = validated(metric);
  const fail = (row: number, sentence: string): never => {
    const point = Array.from(z.data.subarray(row * d, (row + 1) * d), (x) => Number(x.toPrecision(6)));
    throw new UsageError(`The metric "${metric.name}" ${sentence} at the point [${point}].`);
  };
  const keep = { notFinite: "keep" } as const;
  const tensors = await evaluate(checked, (m, x) => m.metricTensor(x), z, [], keep);
  for (let row = 0; row < n; row++) {
    const g = Array.from({ length: d }, (_, i) =>
      Array.from(tensors.data.subarray((row * d + i) * d, (row * d + i + 1) * d)),
    );
    if (g.flat().some((x) => !Number.isFinite(x))) fail(row, "is not finite");
    const scale = Math.max(...g.flat().map(Math.abs));
    if (g.some((line, i) => line.some((x, j) => Math.abs(x - g[j][i]) > 1e-9 * scale))) fail(row, "is not symmetric");
    if (!isPositiveDefinite(g)) fail(row, "is not positive definite (give it a floor, withFloor)");
  }
  // A step of relative size 1e-4 along a diagonal; chords and midpoints are right to second order in it.
  const step = Float64Array.from({ length: d }, (_, i) => 1e-4 * (1 + (i % 3)));
  const direction = { data: step, shape: [1, d], dtype: "float64" } as const;
  const ratio = await evaluate(
    checked,
    (m, x) => {
      const v = mul(add(mul(x, 0), 1), direction);
      const half = mul(v, 0.5);
      return add(
        m.segmentEnergy(add(x, mul(half, -1)), add(x, half)),
        mul(einsum("ni,nij,nj->n", v, m.metricTensor(x), v), -1),
      );
    },
    z,
    [],
    keep,
  );
  const sizes = await evaluate(
    checked,
    (m, x) =>
      einsum("ni,nij,nj->n", mul(add(mul(x, 0), 1), direction), m.metricTensor(x), mul(add(mul(x, 0), 1), direction)),
    z,
    [],
    keep,
  );
  for (let row = 0; row < n; row++)
    if (!(Math.abs(ratio.data[row]) <= 1e-3 * sizes.data[row]))
      fail(row, "has a segmentEnergy that contradicts its metricTensor for a short step");
  if (!metric.embedding) return;
  const pulledBack = await evaluate(
    checked,
    (m, x) => {
      const { jacobian } = rowJacobian((y) => m.embedding!(y), x);
      return einsum("nai,naj->nij", jacobian, jacobian);
    },
    z,
    [],
    keep,
  );
  for (let row = 0; row < n; row++) {
    const part = (a: NdArray) => a.data.subarray(row * d * d, (row + 1) * d * d);
    const scale = Math.max(...part(tensors).map(Math.abs));
    if (part(pulledBack).some((x: number, k: number) => !(Math.abs(x - part(tensors)[k]) <= 1e-9 * scale)))
      fail(row, "has an embedding that contradicts its metricTensor");
  }
}

/** By Cholesky: every pivot is above rounding. */
function isPositiveDefinite(matrix: readonly (readonly number[])[]): boolean {
  const a = matrix.map((row) => [...row]);
  for (let k = 0; k < a.length; k++) {
    if (!(a[k][k] > 1e-14 * Math.abs(matrix[k][k]))) return false;
    for (let i = k + 1; i < a.length; i++)
      for (let j = k + 1; j < a.length; j++) a[i][j] -= (a[i][k] * a[k][j]) / a[k][k];
  }
  return true;
}

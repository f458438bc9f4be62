/**
 * Improved precision and recall (Kynkaanniemi et al., 2019): the region of a set of features is the union of balls
 * around them that reach to their k-th nearest neighbour (k = 3). Precision is the share of generated features in the
 * region of the real ones, recall the share of real ones in the region of the generated.
 */
import {
  add,
  compile,
  matmul,
  mul,
  type NdArray,
  ndarray,
  square,
  sub,
  sum,
  type Tensor,
  transpose,
} from "../engine/index.js";
import { nearestRows } from "./nearest.js";
import { checkRows, checkSameWidth, type Score, score } from "./score.js";

/** @param real, generated features [N, d], [M, d], of about equal numbers. @returns precision, then recall. */
export async function improvedPrecisionRecall(
  real: NdArray,
  generated: NdArray,
  options: {
    readonly features: string;
    readonly neighbours?: number;
    readonly threads?: number;
    readonly seed?: number;
  },
): Promise<readonly [Score, Score]> {
  const { features, neighbours = 3, threads, seed = 0 } = options;
  const [a, b] = [checkRows("real", real, neighbours + 1), checkRows("generated", generated, neighbours + 1)];
  checkSameWidth("improved precision and recall", a.width, b.width);
  const share = async (name: string, centres: NdArray, tested: NdArray) => {
    const { distances } = await nearestRows(centres, centres, neighbours, { others: true, threads });
    const radii = Float64Array.from({ length: centres.shape[0] }, (_, i) => distances[i * neighbours + neighbours - 1]);
    const within = await insideAny(centres, radii, tested, threads);
    const n = tested.shape[0];
    const value = within / n;
    return score({
      name: `${features} improved ${name}`,
      value,
      standardError: shareError(within, n),
      uncertainty: "binomial, given the region",
      images: n,
      seed,
    });
  };
  return [await share("precision", real, generated), await share("recall", generated, real)];
}

/** Standard error of a share k/n with two added on either side (Agresti and Coull, 1998), so that 0 and n are not certain. */
function shareError(k: number, n: number): number {
  const share = (k + 2) / (n + 4);
  return Math.sqrt((share * (1 - share)) / (n + 4));
}

/** How many rows lie in at least one ball. */
async function insideAny(
  centres: NdArray,
  radii: Float64Array,
  tested: NdArray,
  threads: number | undefined,
): Promise<number> {
  const f = compile(
    (a: Tensor, b: Tensor) => {
      const norms = (x: Tensor) => sum(square(x), -1, { keepDimensions: true });
      return add(sub(norms(a), mul(2, matmul(a, transpose(b)))), transpose(norms(b)));
    },
    { precision: "float64", threads },
  );
  const [n, width] = tested.shape;
  const m = centres.shape[0];
  const block = 500;
  let count = 0;
  for (let from = 0; from < n; from += block) {
    const to = Math.min(n, from + block);
    const rows = ndarray(Float64Array.from(tested.data.subarray(from * width, to * width)), [to - from, width]);
    const { data } = await f(rows, centres);
    for (let i = 0; i < to - from; i++)
      for (let j = 0; j < m; j++)
        if (data[i * m + j] <= radii[j] * radii[j] * (1 + 1e-12)) {
          count++;
          break;
        }
  }
  await f.dispose();
  return count;
}

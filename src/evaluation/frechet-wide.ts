/**
 * The Frechet distance on wide features (2,048 of Inception-v3, say), where a bootstrap would take hours: matrix products
 * in compiled programs, and the standard error by the delta method. With the optimal transport maps between the two
 * Gaussians, T_1 = S_1^{-1/2} (S_1^{1/2} S_2 S_1^{1/2})^{1/2} S_1^{-1/2} and T_2 its inverse, the influence of a row x of
 * the first set on the distance is
 *
 *   phi_1(x) = 2 (m_1 - m_2) . (x - m_1) + (x - m_1)^T (I - T_1) (x - m_1) - tr((I - T_1) S_1),
 *
 * of the second set the same with 1 and 2 exchanged, and the variance is var(phi_1) / n_1 + var(phi_2) / n_2. Directions in
 * which a set hardly varies (below 1e-8 of its largest variance) are left out of the inverses.
 */
import { compile, matmul, mul, type NdArray, ndarray, sub, sum, type Tensor, transpose } from "../engine/index.js";
import { symmetricEigen } from "../numerics/eigen.js";
import { standardDeviation } from "../numerics/statistics.js";
import { frechetScore } from "./frechet.js";
import { checkRows, checkSameWidth, type Score, score } from "./score.js";

/** Features wider than this are measured here. */
export const WIDE = 128;

const NEGLIGIBLE = 1e-8;
const ROWS = 1000;

/** The Frechet distance with its standard error, by the bootstrap, or for wide features by the delta method. */
export async function frechetScoreOf(
  real: NdArray,
  generated: NdArray,
  options: { readonly features: string; readonly draws?: number; readonly seed?: number; readonly threads?: number },
): Promise<Score> {
  return (real.shape[1] ?? 0) > WIDE
    ? wideFrechetScore(real, generated, options)
    : frechetScore(real, generated, options);
}

/** As `frechetScore`, for wide features. */
export async function wideFrechetScore(
  real: NdArray,
  generated: NdArray,
  options: { readonly features: string; readonly seed?: number; readonly threads?: number },
): Promise<Score> {
  const { features, seed = 0, threads } = options;
  const [a, b] = [checkRows("real", real), checkRows("generated", generated)];
  checkSameWidth("Frechet distance", a.width, b.width);
  const d = a.width;
  const product = compile((x: Tensor, y: Tensor) => matmul(x, y), { precision: "float64", threads });
  const gram = compile((x: Tensor, m: Tensor) => matmul(transpose(sub(x, m)), sub(x, m)), {
    precision: "float64",
    threads,
  });
  /** 2 shift . (x - m) + (x - m)^T A (x - m) of rows. */
  const influence = compile(
    (x: Tensor, m: Tensor, shift: Tensor, A: Tensor) => {
      const centred = sub(x, m);
      return sum(mul(centred, sub(matmul(centred, A), mul(-2, shift))), 1);
    },
    { precision: "float64", threads },
  );
  const times = async (x: NdArray, y: NdArray): Promise<NdArray> => product(x, y);
  try {
    const [one, two] = [await moments(real, gram), await moments(generated, gram)];
    const shift = one.mean.data.map((x: number, j: number) => x - two.mean.data[j]) as Float64Array;
    const { root, inverse } = await roots(one.covariance, d, times);
    const middle = await roots(await times(await times(root, two.covariance), root), d, times);
    let value = 0;
    for (let j = 0; j < d; j++)
      value += shift[j] ** 2 + at(one.covariance, j) + at(two.covariance, j) - 2 * at(middle.root, j);
    const forth = await times(await times(inverse, middle.root), inverse);
    const back = await times(await times(root, middle.inverse), root);
    const spread = async (rows: NdArray, mean: NdArray, sign: number, map: NdArray) => {
      const form = ndarray(
        Float64Array.from(map.data, (x, i) => (i % (d + 1) === 0 ? 1 : 0) - x),
        [d, d],
      );
      const towards = ndarray(
        shift.map((x) => sign * x),
        [1, d],
      );
      const values: number[] = [];
      for (const part of parts(rows)) values.push(...(await influence(part, mean, towards, form)).data);
      return standardDeviation(Float64Array.from(values)) ** 2 / rows.shape[0];
    };
    const variance = (await spread(real, one.mean, 1, forth)) + (await spread(generated, two.mean, -1, back));
    return score({
      name: `${features} Frechet distance`,
      value: Math.max(0, value),
      standardError: Math.sqrt(variance),
      uncertainty: "delta method",
      images: b.n,
      seed,
    });
  } finally {
    for (const program of [product, gram, influence]) await program.dispose();
  }
}

const at = (matrix: NdArray, j: number): number => matrix.data[j * matrix.shape[1] + j];

async function moments(rows: NdArray, gram: (...args: any[]) => Promise<NdArray>) {
  const [n, d] = rows.shape;
  const mean = new Float64Array(d);
  for (let i = 0; i < n * d; i++) mean[i % d] += rows.data[i] / n;
  const total = new Float64Array(d * d);
  const centre = ndarray(mean, [1, d]);
  for (const part of parts(rows)) {
    const { data } = await gram(part, centre);
    for (let k = 0; k < d * d; k++) total[k] += data[k] / (n - 1);
  }
  return { mean: centre, covariance: ndarray(total, [d, d]) };
}

/** Symmetric root of a positive semi-definite matrix, and the pseudo-inverse of that root. */
async function roots(matrix: NdArray, d: number, times: (x: NdArray, y: NdArray) => Promise<NdArray>) {
  const { values, vectors } = symmetricEigen(matrix.data as Float64Array, d);
  const least = NEGLIGIBLE * values[d - 1];
  const turned = ndarray(new Float64Array(d * d), [d, d]);
  for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) turned.data[j * d + i] = vectors[i * d + j];
  const made = (f: (value: number) => number) => {
    const scale = values.map((value) => f(value));
    return times(
      ndarray(
        vectors.map((v, i) => v * scale[i % d]),
        [d, d],
      ),
      turned,
    );
  };
  return {
    root: await made((value) => Math.sqrt(Math.max(0, value))),
    inverse: await made((value) => (value > least ? 1 / Math.sqrt(value) : 0)),
  };
}

/** Rows in pieces of at most ROWS. */
function* parts(rows: NdArray): Generator<NdArray> {
  const [n, d] = rows.shape;
  for (let from = 0; from < n; from += ROWS) {
    const to = Math.min(n, from + ROWS);
    yield ndarray(Float64Array.from(rows.data.subarray(from * d, to * d)), [to - from, d]);
  }
}

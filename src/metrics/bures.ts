/** 2-Wasserstein of Gaussian heads with full covariance. Axes: N points, d latent dimensions, D columns. */
import {
  add,
  array,
  concat,
  div,
  exp,
  expandDims,
  jvp,
  matmul,
  matrixTranspose,
  mul,
  type NdArray,
  ndarray,
  reshape,
  slice,
  sub,
  sum,
  type Tensor,
  transpose,
} from "../engine/index.js";
import type { DistributionDecoder } from "./fisher-rao.js";
import type { LatentMetric } from "./metric.js";
import { jointRootMetric } from "./root-metric.js";

/**
 * The Bures-Wasserstein metric of Gaussian heads with full covariance A = L L^T: `|dm|^2 + tr(X A X)`, X the symmetric
 * solution of X A + A X = dA. It is what is left of dL after the best rotation (Takatsu, "Wasserstein geometry of
 * Gaussian measures", 2011): X L = dL + L W, with the skew W that makes |dL + L W| smallest,
 *
 *   C W + W C = dL^T L - L^T dL,   C = L^T L;   D (D - 1) / 2 unknowns, where the equation of X has D^2 of them.
 *
 * An error of W counts by its square.
 * @param decoder into `fullNormal()`: `mean`, `logDiagonal`, `lower`
 */
export function buresMetric(decoder: DistributionDecoder, dimension: number): LatentMetric {
  const factors = (z: Tensor): { mean: Tensor; factor: Tensor } => {
    const { mean, logDiagonal, lower } = decoder(z);
    return { mean: mul(mean, 1), factor: factorOf(logDiagonal, lower) };
  };
  const root = (z: Tensor) => {
    const { factor: L } = factors(z);
    const [n, D] = L.shape;
    const turned = matrixTranspose(L);
    const rotate = D === 1 ? undefined : rotation(reshape(matmul(turned, L), [n, D * D]), D);
    return (vectors: readonly Tensor[]): Tensor[] => {
      const changes = vectors.map((v) => jvp(factors, [z], [v])[1] as ReturnType<typeof factors>);
      const turns = rotate?.(changes.map(({ factor: dL }) => reshape(matmul(turned, dL), [n, D * D])));
      return changes.map(({ mean: dm, factor: dL }, k) => {
        const rest = turns === undefined ? dL : add(dL, matmul(L, reshape(turns[k], [n, D, D])));
        return concat([dm, reshape(rest, [n, D * D])], 1);
      });
    };
  };
  return jointRootMetric(root, { dimension, name: "2-Wasserstein (Bures)" });
}

/**
 * Solves C W + W C = T^T - T for skew W, all matrices [N, D D]: C symmetric positive definite, a list of T, a list of W.
 * The unknowns w are the entries below the diagonal, row by row. In the equations, [pairs, pairs + sides, N], the points
 * come last, so that elimination runs along them.
 */
function rotation(C: Tensor, D: number): (sides: readonly Tensor[]) => Tensor[] {
  const { system, spread } = skewEquation(D);
  const [n, pairs] = [C.shape[0], spread.shape[0]];
  const matrix = reshape(matmul(system, transpose(C)), [pairs, pairs, n]);
  return (sides) => {
    const right = concat(
      sides.map((T) => reshape(matmul(mul(-1, spread), transpose(T)), [pairs, 1, n])),
      1,
    );
    const w = eliminatedLast(matrix, right); // [pairs, sides, N]
    return sides.map((_, k) => matmul(transpose(slice(w, [null, k])), spread));
  };
}

/** A^-1 B for symmetric positive definite A, points last: [m, m, N], [m, k, N] -> [m, k, N]. By elimination, unrolled. */
function eliminatedLast(A: Tensor, B: Tensor): Tensor {
  const [m, k, n] = B.shape;
  const rows: Tensor[] = []; // of the unit upper triangle, from behind the diagonal on, with the right-hand sides
  let table = concat([A, B], 1);
  for (let left = m; left > 0; left--) {
    const width = left + k;
    const pivot = slice(table, [[0, 1], [0, 1], null]);
    const row = div(slice(table, [[0, 1], [1, width], null]), pivot);
    rows.push(row);
    if (left > 1)
      table = sub(slice(table, [[1, left], [1, width], null]), mul(slice(table, [[1, left], [0, 1], null]), row));
  }
  let solution = rows[m - 1];
  for (let i = m - 2; i >= 0; i--) {
    const behind = m - 1 - i;
    const known = sum(mul(reshape(slice(rows[i], [null, [0, behind], null]), [behind, 1, n]), solution), 0);
    solution = concat([sub(slice(rows[i], [null, [behind, behind + k], null]), expandDims(known, 0)), solution], 0);
  }
  return solution;
}

/**
 * The linear maps of the equation C W + W C = R of skew W and R, whose entries below the diagonal, row by row, are the
 * numbers w: `spread` from w to W, [pairs, D D], and `system` from C to the symmetric positive definite matrix of w,
 * [pairs pairs, D D].
 */
function skewEquation(D: number): { spread: NdArray; system: NdArray } {
  const places = Array.from({ length: D }, (_, i) => Array.from({ length: i }, (_, j) => [i, j])).flat();
  const pairs = places.length;
  const spread = new Float64Array(pairs * D * D);
  const system = new Float64Array(pairs * pairs * D * D);
  places.forEach(([i, j], row) => {
    spread[row * D * D + i * D + j] = 1;
    spread[row * D * D + j * D + i] = -1;
    places.forEach(([k, l], column) => {
      const read = (a: number, b: number, factor: number) => {
        system[(row * pairs + column) * D * D + a * D + b] += factor;
      };
      if (j === l) read(i, k, 1);
      if (j === k) read(i, l, -1);
      if (i === k) read(l, j, 1);
      if (i === l) read(k, j, -1);
    });
  });
  return { spread: ndarray(spread, [pairs, D * D]), system: ndarray(system, [pairs * pairs, D * D]) };
}

/** L = diag(e^t) U, U unit lower triangular with the entries `lower` row by row. [N, D], [N, D (D - 1) / 2] -> [N, D, D] */
function factorOf(logDiagonal: Tensor, lower: Tensor): Tensor {
  const [n, D] = logDiagonal.shape;
  const scale = expandDims(exp(logDiagonal), -1); // [N, D, 1]
  if (D === 1) return scale;
  const places: number[][] = [];
  for (let i = 0; i < D; i++)
    for (let j = 0; j < i; j++) places.push(Array.from({ length: D * D }, (_, k) => Number(k === i * D + j)));
  return mul(scale, add(reshape(matmul(lower, array(places)), [n, D, D]), identity(D)));
}

function identity(n: number): NdArray {
  return array(Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => Number(i === j))));
}

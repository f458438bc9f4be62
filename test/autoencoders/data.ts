/** Small data sets of known structure for the tests of this room. */
import type { Dataset } from "../../src/data/index.js";
import { normalArray, randomKey, uniformArray } from "../../src/numerics/random.js";

export function dataset(rows: number[][], name = "test data"): Dataset {
  return { name, rows: Float32Array.from(rows.flat()), n: rows.length, dimension: rows[0].length };
}

/** n rows x = A u + b + s e, with u and e standard normal: what probabilistic PCA models exactly. */
export function linearGaussian(n: number, matrix: number[][], offset: number[], noise: number, seed = 1): Dataset {
  const d = matrix[0].length;
  const D = matrix.length;
  const u = normalArray(randomKey(seed), n * d);
  const e = normalArray(randomKey(seed + 1000), n * D);
  return dataset(
    Array.from({ length: n }, (_, i) =>
      matrix.map((row, j) => row.reduce((s, a, k) => s + a * u[i * d + k], offset[j]) + noise * e[i * D + j]),
    ),
  );
}

/** n points near a circle in 5 dimensions, values from 0 to 1, with labels by quadrant. */
export function circle(n: number, seed = 2): Dataset {
  const angles = uniformArray(randomKey(seed), n).map((u) => 2 * Math.PI * u);
  const rows = Array.from(angles, (t) =>
    [Math.cos(t), Math.sin(t), Math.cos(2 * t), Math.sin(t) * Math.cos(t), 0.3].map((v) => 0.5 + 0.4 * v),
  );
  return { ...dataset(rows, "circle"), labels: Int32Array.from(angles, (t) => Math.floor((2 * t) / Math.PI)) };
}

/** Eigenvalues of a symmetric matrix, by Jacobi's rotations. */
export function eigenvalues(matrix: number[][]): number[] {
  const a = matrix.map((row) => [...row]);
  const n = a.length;
  for (let sweep = 0; sweep < 60; sweep++)
    for (let p = 0; p < n; p++)
      for (let q = p + 1; q < n; q++) {
        if (Math.abs(a[p][q]) < 1e-300) continue;
        const t = 0.5 * Math.atan2(2 * a[p][q], a[q][q] - a[p][p]);
        const [c, s] = [Math.cos(t), Math.sin(t)];
        for (let k = 0; k < n; k++) [a[k][p], a[k][q]] = [c * a[k][p] - s * a[k][q], s * a[k][p] + c * a[k][q]];
        for (let k = 0; k < n; k++) [a[p][k], a[q][k]] = [c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]];
      }
  return a.map((row, i) => row[i]).sort((x, y) => y - x);
}

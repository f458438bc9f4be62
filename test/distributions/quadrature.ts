/** Grids with weights on the spaces that data live in, as host arrays for the tests: sums over them are integrals. */
import { type NdArray, ndarray } from "../../src/engine/index.js";
import { gaussLegendre } from "../../src/numerics/statistics.js";

export interface Grid {
  /** [Q, D] */
  readonly points: NdArray;
  readonly weights: ArrayLike<number>;
}

function gridOf(rows: readonly (readonly number[])[], weights: readonly number[]): Grid {
  return { points: ndarray(Float64Array.from(rows.flat()), [rows.length, rows[0].length]), weights };
}

/** Whole numbers `first` to `last`, each with weight 1. */
export function wholeNumbers(first: number, last: number): Grid {
  const values = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  return gridOf(
    values.map((x) => [x]),
    values.map(() => 1),
  );
}

/** Given values, each with weight 1. */
export function atoms(values: readonly number[]): Grid {
  return gridOf(
    values.map((x) => [x]),
    values.map(() => 1),
  );
}

/** All one-hot rows of `sites` sites with `K` classes. */
export function oneHotRows(sites: number, K: number): Grid {
  let rows: number[][] = [[]];
  for (let s = 0; s < sites; s++)
    rows = rows.flatMap((row) =>
      Array.from({ length: K }, (_, k) => [...row, ...Array.from({ length: K }, (_, j) => (j === k ? 1 : 0))]),
    );
  return gridOf(
    rows,
    rows.map(() => 1),
  );
}

/** The real line by the trapezoid rule on [low, high] (exponentially accurate where all vanishes at both ends). */
export function line(low: number, high: number, n = 2001): Grid {
  const h = (high - low) / (n - 1);
  const xs = Array.from({ length: n }, (_, i) => low + h * i);
  return gridOf(
    xs.map((x) => [x]),
    xs.map(() => h),
  );
}

/** The square [-limit, limit]^2 by the trapezoid rule. */
export function plane(limit: number, n: number): Grid {
  const { points, weights } = line(-limit, limit, n);
  const at = Array.from({ length: n * n }, (_, k) => [Math.floor(k / n), k % n]);
  return gridOf(
    at.map(([i, j]) => [points.data[i], points.data[j]]),
    at.map(([i, j]) => weights[i] * weights[j]),
  );
}

/** The positive numbers, x = e^v, by the trapezoid rule in v. */
export function positiveLine(low = -40, high = 9, n = 4001): Grid {
  const { points, weights } = line(low, high, n);
  const x = Float64Array.from(points.data, Math.exp);
  return { points: ndarray(x, [n, 1]), weights: Float64Array.from(x, (value, i) => value * weights[i]) };
}

/** The unit interval, x = 1 / (1 + e^-v), by the trapezoid rule in v. */
export function unitInterval(limit = 36, n = 4001): Grid {
  const { points, weights } = line(-limit, limit, n);
  const x = Float64Array.from(points.data, (v) => 1 / (1 + Math.exp(-v)));
  const slope = Float64Array.from(points.data, (v, i) => x[i] / (1 + Math.exp(v)));
  return { points: ndarray(x, [n, 1]), weights: slope.map((s, i) => s * weights[i]) };
}

/** The triangle of three shares that sum to 1: (u, (1 - u) v, (1 - u)(1 - v)); measure du_1 du_2. */
export function triangle(limit = 30, n = 181): Grid {
  const side = unitInterval(limit, n);
  const rows: number[][] = [];
  const weights: number[] = [];
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const [u, v] = [side.points.data[i], side.points.data[j]];
      // 1 - u is formed by symmetry of the nodes, so that shares near 0 keep their digits
      const [restU, restV] = [side.points.data[n - 1 - i], side.points.data[n - 1 - j]];
      rows.push([u, restU * v, restU * restV]);
      weights.push(side.weights[i] * side.weights[j] * restU);
    }
  }
  return gridOf(rows, weights);
}

/** Angles around the circle. */
export function circle(n = 800): Grid {
  return gridOf(
    Array.from({ length: n }, (_, i) => [(2 * Math.PI * i) / n - Math.PI]),
    Array.from({ length: n }, () => (2 * Math.PI) / n),
  );
}

/** The unit sphere in R^p, p = 2, 3, 4, with its area: Gauss nodes for the polar angles, even ones around. */
export function sphere(p: number, n = 60): Grid {
  if (p === 2) {
    const { points, weights } = circle(4 * n);
    return gridOf(
      Array.from(points.data, (a) => [Math.cos(a), Math.sin(a)]),
      Array.from(weights),
    );
  }
  const lower = sphere(p - 1, n);
  const polar = gaussLegendre(n, 0, Math.PI);
  const rows: number[][] = [];
  const weights: number[] = [];
  for (let i = 0; i < n; i++) {
    const [c, s] = [Math.cos(polar.nodes[i]), Math.sin(polar.nodes[i])];
    for (let k = 0; k < lower.weights.length; k++) {
      const rest = Array.from(lower.points.data.subarray(k * (p - 1), (k + 1) * (p - 1)), (x) => s * x);
      rows.push([c, ...rest]);
      weights.push(polar.weights[i] * s ** (p - 2) * lower.weights[k]);
    }
  }
  return gridOf(rows, weights);
}

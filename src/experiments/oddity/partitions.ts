/**
 * Clusters and neighbours from a matrix of distances, any distances: k-means whose centres are data points, and
 * leave-one-out classification by the nearest; and their scores against known classes. One procedure for geodesic and
 * Euclidean distances, so that nothing but the distances differs.
 */
import { fasterPam } from "../../numerics/k-medoids.js";
import { foldIn, permutation, type RandomKey } from "../../numerics/random.js";

/** Random starts of the search for clusters, of which the one with the least sum of squares is kept. */
const STARTS = 10;

/**
 * The k points that minimise the sum of squared distances of all points to the nearest of them, by local search.
 * @param distances symmetric, row-major. [n, n]
 * @returns the cluster of each point. [n]
 */
export function clusters(distances: ArrayLike<number>, n: number, k: number, key: RandomKey): Int32Array {
  const squares = Float64Array.from(distances, (x) => x * x);
  let best: { loss: number; assignment: Int32Array } | undefined;
  for (let s = 0; s < STARTS; s++) {
    const medoids = fasterPam(squares, n, permutation(foldIn(key, s), n).slice(0, k));
    const assignment = new Int32Array(n);
    let loss = 0;
    for (let i = 0; i < n; i++) {
      for (let m = 1; m < k; m++)
        if (squares[medoids[m] * n + i] < squares[medoids[assignment[i]] * n + i]) assignment[i] = m;
      loss += squares[medoids[assignment[i]] * n + i];
    }
    if (best === undefined || loss < best.loss) best = { loss, assignment };
  }
  return best!.assignment;
}

/** Share of points that are in the cluster of their class, under the best one-to-one naming of clusters by classes. */
export function clusterAccuracy(assignment: ArrayLike<number>, labels: ArrayLike<number>): number {
  const classes = [...new Set(Array.from(labels))].sort((a, b) => a - b);
  const k = Math.max(classes.length, ...Array.from(assignment, (a) => a + 1));
  const counts = Array.from({ length: k }, () => new Float64Array(k)); // [cluster][class]
  for (let i = 0; i < labels.length; i++) counts[assignment[i]][classes.indexOf(labels[i])]++;
  // best[mask]: most points named right by clusters 0 .. |mask| - 1 with the classes in mask
  const best = new Float64Array(2 ** k);
  for (let mask = 1; mask < best.length; mask++) {
    let cluster = -1;
    for (let bits = mask; bits > 0; bits &= bits - 1) cluster++;
    for (let c = 0; c < k; c++)
      if (mask & (1 << c)) best[mask] = Math.max(best[mask], best[mask ^ (1 << c)] + counts[cluster][c]);
  }
  return best[best.length - 1] / labels.length;
}

/** F-measure over pairs of points: harmonic mean of precision and recall of "in one cluster" for "of one class". */
export function pairFMeasure(assignment: ArrayLike<number>, labels: ArrayLike<number>): number {
  let [both, together, alike] = [0, 0, 0];
  for (let i = 0; i < labels.length; i++)
    for (let j = 0; j < i; j++) {
      const [cluster, label] = [assignment[i] === assignment[j], labels[i] === labels[j]];
      if (cluster) together++;
      if (label) alike++;
      if (cluster && label) both++;
    }
  return (2 * both) / (together + alike);
}

/** Leave-one-out accuracy of the k nearest: the class most frequent among them, ties to the nearer. */
export function neighbourAccuracy(
  distances: ArrayLike<number>,
  n: number,
  labels: ArrayLike<number>,
  k: number,
): number {
  let right = 0;
  for (let i = 0; i < n; i++) {
    const order = Array.from({ length: n }, (_, j) => j)
      .filter((j) => j !== i)
      .sort((a, b) => distances[i * n + a] - distances[i * n + b])
      .slice(0, k);
    const votes = new Map<number, number>();
    for (const j of order) votes.set(labels[j], (votes.get(labels[j]) ?? 0) + 1);
    let winner = labels[order[0]];
    for (const j of order) if (votes.get(labels[j])! > votes.get(winner)!) winner = labels[j];
    if (winner === labels[i]) right++;
  }
  return right / n;
}

/** Euclidean distances of points [n, d], row-major. [n, n] */
export function euclideanDistances(points: ArrayLike<number>, n: number, d: number): Float64Array {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < i; j++) {
      let total = 0;
      for (let k = 0; k < d; k++) total += (points[i * d + k] - points[j * d + k]) ** 2;
      out[i * n + j] = Math.sqrt(total);
      out[j * n + i] = out[i * n + j];
    }
  return out;
}

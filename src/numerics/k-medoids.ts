/**
 * k-medoids: the k points of a set that minimise the sum of distances from every point to its nearest medoid.
 *
 * `fasterPam` is the local search of Schubert and Rousseeuw ("Fast and eager k-medoids clustering", 2021): for each
 * candidate the change of the loss under a swap with every medoid at once in one sweep over the points, swaps taken as
 * soon as they are found. It ends where no single swap lowers the loss, which is where PAM ends too, and costs O(n^2)
 * a sweep instead of O(k n^2). It needs all distances, so for many points `kMedoids` runs it on samples (CLARA,
 * Kaufman and Rousseeuw 1990), keeps the medoids that serve all points best, and lets every cluster choose its best
 * member afterwards.
 *
 * Axes: n points, d coordinates, k medoids.
 */
import { UsageError } from "../errors.js";
import { foldIn, permutation, type RandomKey } from "./random.js";

export interface KMedoids {
  /** Indices of the medoids among the points, ascending. [k] */
  readonly medoids: Int32Array;
  /** Which medoid (0 to k - 1) each point belongs to. [n] */
  readonly assignment: Int32Array;
  /** Sum of the Euclidean distances from the points to their medoids. */
  readonly loss: number;
}

export interface KMedoidsOptions {
  /** Points in a sample; up to as many the search is exact in the sense of PAM. Default max(2000, 20 k). */
  readonly sample?: number;
  /** Samples drawn where there are more points; default 4. */
  readonly samples?: number;
}

/**
 * Medoids of points under the Euclidean distance.
 * @param points row-major. [n, d] @param key of samples and starts
 * @throws UsageError for k outside 1 to n, or a coordinate that is not finite.
 */
export function kMedoids(
  points: ArrayLike<number>,
  d: number,
  k: number,
  key: RandomKey,
  options: KMedoidsOptions = {},
): KMedoids {
  const n = points.length / d;
  if (!(Number.isInteger(k) && k >= 1 && k <= n))
    throw new UsageError(`kMedoids: k = ${k} medoids of ${n} points; give a whole number from 1 to ${n}.`);
  const rows = Float64Array.from(points);
  for (let i = 0; i < rows.length; i++)
    if (!Number.isFinite(rows[i]))
      throw new UsageError(
        `kMedoids: point ${Math.floor(i / d)}, coordinate ${i % d} is ${rows[i]}; give finite points.`,
      );
  const { sample = Math.max(2000, 20 * k), samples = 4 } = options;
  let best: KMedoids | undefined;
  for (let s = 0; s < (n <= sample ? 1 : samples); s++) {
    const order = permutation(foldIn(key, s), n);
    const chosen = n <= sample ? order : order.slice(0, sample);
    const found = fasterPam(distancesAmong(rows, d, chosen), chosen.length, startOf(chosen.length, k));
    const medoids = Int32Array.from(found, (i) => chosen[i]).sort();
    const whole = n <= sample ? assign(rows, d, medoids) : refined(rows, d, medoids);
    if (best === undefined || whole.loss < best.loss) best = whole;
  }
  return best!;
}

/**
 * The local search from given medoids on a matrix of distances (need not be Euclidean).
 * @param distances symmetric, row-major. [n, n] @param start indices of the first medoids. [k]
 * @returns indices of medoids that no single swap improves. [k]
 */
export function fasterPam(distances: ArrayLike<number>, n: number, start: ArrayLike<number>): Int32Array {
  const medoids = Int32Array.from(start);
  const k = medoids.length;
  if (k === 1) return Int32Array.of(leastRow(distances, n)); // nothing is second nearest
  const isMedoid = new Uint8Array(n);
  for (const m of medoids) isMedoid[m] = 1;
  const nearest = new Int32Array(n);
  const d1 = new Float64Array(n);
  const d2 = new Float64Array(n);
  const removal = new Float64Array(k);
  const change = new Float64Array(k);
  rank();
  let quiet = 0; // candidates since the last swap
  for (let candidate = 0; quiet < n; candidate = (candidate + 1) % n, quiet++) {
    if (isMedoid[candidate]) continue;
    change.set(removal);
    let gain = 0; // what the candidate saves whichever medoid goes
    const row = candidate * n;
    for (let o = 0; o < n; o++) {
      const distance = distances[row + o];
      if (distance < d1[o]) {
        gain += distance - d1[o];
        change[nearest[o]] += d1[o] - d2[o];
      } else if (distance < d2[o]) change[nearest[o]] += distance - d2[o];
    }
    let out = 0;
    for (let i = 1; i < k; i++) if (change[i] < change[out]) out = i;
    if (change[out] + gain < -1e-12 * (1 + Math.abs(gain))) {
      isMedoid[medoids[out]] = 0;
      medoids[out] = candidate;
      isMedoid[candidate] = 1;
      rank();
      quiet = 0;
    }
  }
  return medoids.sort();

  /** Nearest and second nearest medoid of every point, and what each medoid's removal would cost. */
  function rank(): void {
    removal.fill(0);
    for (let o = 0; o < n; o++) {
      let [a, b] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
      let i = 0;
      for (let m = 0; m < k; m++) {
        const distance = distances[medoids[m] * n + o];
        if (distance < a) {
          b = a;
          [a, i] = [distance, m];
        } else if (distance < b) b = distance;
      }
      nearest[o] = i;
      d1[o] = a;
      d2[o] = b;
      removal[i] += d2[o] - d1[o];
    }
  }
}

function leastRow(distances: ArrayLike<number>, n: number): number {
  let [best, least] = [0, Number.POSITIVE_INFINITY];
  for (let i = 0; i < n; i++) {
    let sum = 0;
    for (let o = 0; o < n && sum < least; o++) sum += distances[i * n + o];
    if (sum < least) [best, least] = [i, sum];
  }
  return best;
}

/** The first k of a sample that is in random order. */
function startOf(n: number, k: number): Int32Array {
  return Int32Array.from({ length: Math.min(k, n) }, (_, i) => i);
}

function distancesAmong(rows: Float64Array, d: number, chosen: Int32Array): Float32Array {
  const n = chosen.length;
  const distances = new Float32Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < i; j++) {
      let sum = 0;
      for (let c = 0; c < d; c++) sum += (rows[chosen[i] * d + c] - rows[chosen[j] * d + c]) ** 2;
      distances[i * n + j] = distances[j * n + i] = Math.sqrt(sum);
    }
  return distances;
}

function assign(rows: Float64Array, d: number, medoids: Int32Array): KMedoids {
  const n = rows.length / d;
  const assignment = new Int32Array(n);
  let loss = 0;
  for (let o = 0; o < n; o++) {
    let best = Number.POSITIVE_INFINITY;
    for (let m = 0; m < medoids.length; m++) {
      let sum = 0;
      for (let c = 0; c < d && sum < best; c++) sum += (rows[o * d + c] - rows[medoids[m] * d + c]) ** 2;
      if (sum < best) {
        best = sum;
        assignment[o] = m;
      }
    }
    loss += Math.sqrt(best);
  }
  return { medoids, assignment, loss };
}

/** Clusters choose their best member among those nearest to their mean, until the loss no longer falls. */
function refined(rows: Float64Array, d: number, start: Int32Array): KMedoids {
  let current = assign(rows, d, start);
  for (let round = 0; round < 20; round++) {
    const next = assign(rows, d, Int32Array.from(bestMembers(rows, d, current)).sort());
    if (!(next.loss < current.loss * (1 - 1e-9))) return current;
    current = next;
  }
  return current;
}

/** Members tried for each cluster, and members each is judged by. */
const TRIED = 24;
const JUDGES = 400;

function bestMembers(rows: Float64Array, d: number, { medoids, assignment }: KMedoids): number[] {
  const members: number[][] = Array.from(medoids, () => []);
  assignment.forEach((m, o) => members[m].push(o));
  return members.map((list, m) => {
    const mean = new Float64Array(d);
    for (const o of list) for (let c = 0; c < d; c++) mean[c] += rows[o * d + c] / list.length;
    const toMean = (o: number) => {
      let sum = 0;
      for (let c = 0; c < d; c++) sum += (rows[o * d + c] - mean[c]) ** 2;
      return sum;
    };
    const near = list.map((o) => [toMean(o), o]).sort((a, b) => a[0] - b[0]);
    const tried = [medoids[m], ...near.slice(0, TRIED).map(([, o]) => o)];
    const stride = Math.max(1, Math.floor(list.length / JUDGES));
    const cost = (candidate: number) => {
      let total = 0;
      for (let i = 0; i < list.length; i += stride) {
        let sum = 0;
        for (let c = 0; c < d; c++) sum += (rows[list[i] * d + c] - rows[candidate * d + c]) ** 2;
        total += Math.sqrt(sum);
      }
      return total;
    };
    let best = tried[0];
    let least = cost(best);
    for (const candidate of tried.slice(1)) {
      const value = cost(candidate);
      if (value < least) [best, least] = [candidate, value];
    }
    return best;
  });
}

/**
 * k-means clustering: k-means++ seeding (Arthur and Vassilvitskii 2007) and Lloyd's iterations, exact, made fast by
 * triangle inequalities: Hamerly's bounds (2010) skip points whose centre cannot have changed, and the annulus rule
 * of Exponion (Newling and Fleuret 2016) limits the centres that the other points are compared with. The result of
 * each iteration is that of plain Lloyd.
 */

import { expectThat } from "../errors.js";
import { type RandomKey, type RandomStream, split, stream } from "./random.js";

export interface KMeansResult {
  readonly clusters: number;
  /** [k, d] */
  readonly centres: Float64Array;
  /** The cluster of each point. [N] */
  readonly assignment: Int32Array;
  /** Points in each cluster. [k] */
  readonly sizes: Int32Array;
  /** Sum of squared distances of the points to their centres. */
  readonly inertia: number;
  /** Mean squared distance of a cluster's points to its centre, summed over coordinates. [k] */
  readonly variances: Float64Array;
  /** Mean distance of a cluster's points to its centre. [k] */
  readonly meanDistances: Float64Array;
  /** Mean distance of all points to their centres. */
  readonly meanDistance: number;
  /** Lloyd iterations of the best start. */
  readonly iterations: number;
  /** Whether the best start came to rest (no centre moved by more than the tolerance). */
  readonly converged: boolean;
}

export interface KMeansOptions {
  /** Independent starts, of which the one with the least inertia is returned. 3 unless given. */
  restarts?: number;
  /** Lloyd iterations a start at most. 100 unless given. */
  maxIterations?: number;
  /** A start rests when the squared shift of the centres, summed, is at most this share of the data's variance. 1e-6. */
  tolerance?: number;
  /** One start from these centres in place of seeded ones. [k, d] */
  initialCentres?: Float64Array;
}

/**
 * Clusters N points into k.
 *
 * @param points row-major, finite. [N, d]
 * @param dimension d.
 * @param clusters k, 1 to the number of points.
 * @param key seeds the starts; the same key gives the same result.
 * @returns the best of `restarts` starts. A cluster that runs empty is moved to the point farthest from its centre, so
 *   none stays empty unless the data have fewer than k distinct points.
 * Throws `UsageError` for impossible numbers of clusters, wrong shapes and values that are not finite.
 */
export function kMeans(
  points: Float32Array | Float64Array,
  dimension: number,
  clusters: number,
  key: RandomKey,
  options: KMeansOptions = {},
): KMeansResult {
  const { restarts = 3, maxIterations = 100, tolerance = 1e-6 } = options;
  expectThat(
    Number.isInteger(dimension) && dimension >= 1 && points.length > 0 && points.length % dimension === 0,
    () => `kMeans got ${points.length} numbers for points of dimension ${dimension}: pass [N, d] with N >= 1.`,
  );
  const count = points.length / dimension;
  expectThat(
    Number.isInteger(clusters) && clusters >= 1 && clusters <= count,
    () => `kMeans got ${clusters} clusters for ${count} points: pass an integer from 1 to the number of points.`,
  );
  expectThat(
    Number.isInteger(restarts) && restarts >= 1 && Number.isInteger(maxIterations) && maxIterations >= 1,
    () => `kMeans got ${restarts} restarts of ${maxIterations} iterations: pass two positive integers.`,
  );
  const data = Float64Array.from(points);
  for (let i = 0; i < data.length; i++) {
    expectThat(
      Number.isFinite(data[i]),
      () => `kMeans got the value ${data[i]} at point ${Math.floor(i / dimension)}.`,
    );
  }
  const shiftAllowed = tolerance * totalVariance(data, count, dimension);
  let best: LloydState | undefined;
  const { initialCentres } = options;
  expectThat(
    !initialCentres || (initialCentres.length === clusters * dimension && initialCentres.every(Number.isFinite)),
    () =>
      `kMeans got initial centres of ${initialCentres?.length} values: pass k x d = ${clusters * dimension} finite ones.`,
  );
  for (const startKey of split(key, initialCentres ? 1 : restarts)) {
    const state = lloydState(data, count, dimension, clusters);
    if (initialCentres) takeCentres(state, initialCentres);
    else seedCentres(state, stream(startKey));
    lloyd(state, maxIterations, shiftAllowed);
    if (!best || state.inertia < best.inertia) best = state;
  }
  return summarise(best!);
}

/** The nearest centre of each point. [N] */
export function nearestCentres(
  points: Float32Array | Float64Array,
  centres: Float64Array,
  dimension: number,
): Int32Array {
  const count = points.length / dimension;
  const out = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    let least = Infinity;
    for (let c = 0; c * dimension < centres.length; c++) {
      let sum = 0;
      for (let k = 0; k < dimension; k++) {
        const difference = points[i * dimension + k] - centres[c * dimension + k];
        sum += difference * difference;
      }
      if (sum < least) {
        least = sum;
        out[i] = c;
      }
    }
  }
  return out;
}

interface LloydState {
  data: Float64Array;
  count: number;
  dimension: number;
  clusters: number;
  centres: Float64Array;
  assignment: Int32Array;
  /** Upper bound of the distance to the own centre; lower bound of the distance to any other. */
  upper: Float64Array;
  lower: Float64Array;
  sums: Float64Array;
  sizes: Int32Array;
  shifts: Float64Array;
  /** Distances between centres, and for each centre the others in order of distance. [k, k], [k, k - 1] */
  between: Float64Array;
  order: Int32Array;
  inertia: number;
  iterations: number;
  converged: boolean;
}

function lloydState(data: Float64Array, count: number, dimension: number, clusters: number): LloydState {
  const order = new Int32Array(clusters * (clusters - 1));
  for (let c = 0; c < clusters; c++) {
    for (let r = 0; r < clusters - 1; r++) order[c * (clusters - 1) + r] = r < c ? r : r + 1;
  }
  return {
    data,
    count,
    dimension,
    clusters,
    centres: new Float64Array(clusters * dimension),
    assignment: new Int32Array(count),
    upper: new Float64Array(count),
    lower: new Float64Array(count),
    sums: new Float64Array(clusters * dimension),
    sizes: new Int32Array(clusters),
    shifts: new Float64Array(clusters),
    between: new Float64Array(clusters * clusters),
    order,
    inertia: Infinity,
    iterations: 0,
    converged: false,
  };
}

/** Squared distance of two rows. */
function squared(a: Float64Array, rowA: number, b: Float64Array, rowB: number, dimension: number): number {
  if (dimension === 2) {
    const x = a[rowA] - b[rowB];
    const y = a[rowA + 1] - b[rowB + 1];
    return x * x + y * y;
  }
  let sum = 0;
  for (let k = 0; k < dimension; k++) {
    const difference = a[rowA + k] - b[rowB + k];
    sum += difference * difference;
  }
  return sum;
}

function totalVariance(data: Float64Array, count: number, dimension: number): number {
  let total = 0;
  for (let k = 0; k < dimension; k++) {
    let mean = 0;
    for (let i = 0; i < count; i++) mean += data[i * dimension + k];
    mean /= count;
    let sum = 0;
    for (let i = 0; i < count; i++) sum += (data[i * dimension + k] - mean) ** 2;
    total += sum / count;
  }
  return total;
}

/**
 * k-means++: each next centre is a point drawn with probability proportional to its squared distance from the centres
 * so far. A point whose own centre is at least twice as far from the new one as the point cannot change to it.
 * Leaves the assignment and the exact distances in `upper`.
 */
function seedCentres(state: LloydState, random: RandomStream): void {
  const { data, count, dimension, clusters, centres, assignment, upper } = state;
  const nearest = new Float64Array(count).fill(Infinity);
  const fromNew = new Float64Array(clusters);
  for (let c = 0; c < clusters; c++) {
    let chosen: number;
    if (c === 0) chosen = random.integer(count);
    else {
      let total = 0;
      for (let i = 0; i < count; i++) total += nearest[i];
      if (total === 0) chosen = random.integer(count);
      else {
        let rest = random.uniform() * total;
        chosen = 0;
        for (let i = 0; i < count; i++) {
          if (nearest[i] === 0) continue;
          chosen = i;
          rest -= nearest[i];
          if (rest < 0) break;
        }
      }
    }
    centres.set(data.subarray(chosen * dimension, (chosen + 1) * dimension), c * dimension);
    for (let b = 0; b < c; b++) fromNew[b] = squared(centres, b * dimension, centres, c * dimension, dimension) / 4;
    for (let i = 0; i < count; i++) {
      if (c > 0 && fromNew[assignment[i]] >= nearest[i]) continue;
      const distance = squared(data, i * dimension, centres, c * dimension, dimension);
      if (distance < nearest[i]) {
        nearest[i] = distance;
        assignment[i] = c;
      }
    }
  }
  for (let i = 0; i < count; i++) upper[i] = Math.sqrt(nearest[i]);
  state.lower.fill(0);
}

/** Given centres: assigns the points to them, with exact distances in `upper`. */
function takeCentres({ data, dimension, centres, assignment, upper }: LloydState, initial: Float64Array): void {
  centres.set(initial);
  assignment.set(nearestCentres(data, centres, dimension));
  for (let i = 0; i < upper.length; i++) {
    upper[i] = Math.sqrt(squared(data, i * dimension, centres, assignment[i] * dimension, dimension));
  }
}

function lloyd(state: LloydState, maxIterations: number, shiftAllowed: number): void {
  const { count, dimension, clusters, centres, assignment, upper, lower, shifts } = state;
  for (;;) {
    if (state.iterations > 0) assign(state);
    const moved = moveCentres(state);
    state.iterations++;
    // Bounds follow the centres; the lower bound falls by the largest shift of any other centre.
    let largest = 0;
    let next = 0;
    let which = -1;
    for (let c = 0; c < clusters; c++) {
      if (shifts[c] > largest) {
        next = largest;
        largest = shifts[c];
        which = c;
      } else if (shifts[c] > next) next = shifts[c];
    }
    for (let i = 0; i < count; i++) {
      const a = assignment[i];
      upper[i] += shifts[a];
      lower[i] -= a === which ? next : largest;
    }
    state.converged = moved <= shiftAllowed;
    if (state.converged || state.iterations >= maxIterations) break;
  }
  // The centres' last move may have changed assignments: end on a consistent pair, with exact distances.
  assign(state);
  state.sizes.fill(0);
  state.inertia = 0;
  for (let i = 0; i < count; i++) {
    state.sizes[assignment[i]]++;
    state.inertia += squared(state.data, i * dimension, centres, assignment[i] * dimension, dimension);
  }
}

/** Assigns each point to its nearest centre (exactly; ties keep the present one or the first met). */
function assign(state: LloydState): void {
  const { data, count, dimension, clusters, centres, assignment, upper, lower, between, order } = state;
  if (clusters === 1) return;
  sortCentres(state);
  const others = clusters - 1;
  for (let i = 0; i < count; i++) {
    const own = assignment[i];
    const ordered = own * others;
    const gap = between[own * clusters + order[ordered]];
    const bound = Math.max(lower[i], gap / 2);
    if (upper[i] <= bound) continue;
    const exact = Math.sqrt(squared(data, i * dimension, centres, own * dimension, dimension));
    upper[i] = exact;
    if (exact <= bound) continue;
    // Both the nearest and the second nearest centre lie within 2 exact + gap of the present one.
    const reach = 2 * exact + gap;
    let first = exact;
    let second = Infinity;
    let nearest = own;
    for (let r = 0; r < others; r++) {
      const c = order[ordered + r];
      if (between[own * clusters + c] > reach) break;
      const distance = Math.sqrt(squared(data, i * dimension, centres, c * dimension, dimension));
      if (distance < first) {
        second = first;
        first = distance;
        nearest = c;
      } else if (distance < second) second = distance;
    }
    assignment[i] = nearest;
    upper[i] = first;
    lower[i] = second;
  }
}

/** Distances between centres, and each centre's neighbours in order: insertion sort, since the order hardly changes. */
function sortCentres({ clusters, dimension, centres, between, order }: LloydState): void {
  const others = clusters - 1;
  for (let a = 0; a < clusters; a++) {
    for (let b = 0; b < a; b++) {
      const distance = Math.sqrt(squared(centres, a * dimension, centres, b * dimension, dimension));
      between[a * clusters + b] = distance;
      between[b * clusters + a] = distance;
    }
  }
  for (let a = 0; a < clusters; a++) {
    const row = a * clusters;
    const start = a * others;
    for (let r = 1; r < others; r++) {
      const c = order[start + r];
      const distance = between[row + c];
      let at = r - 1;
      while (at >= 0 && between[row + order[start + at]] > distance) {
        order[start + at + 1] = order[start + at];
        at--;
      }
      order[start + at + 1] = c;
    }
  }
}

/** Moves the centres to their points' means; returns the sum of the squared shifts. Empty clusters move elsewhere. */
function moveCentres(state: LloydState): number {
  const { data, count, dimension, clusters, centres, assignment, sums, sizes, shifts, upper, lower } = state;
  sums.fill(0);
  sizes.fill(0);
  for (let i = 0; i < count; i++) {
    const c = assignment[i];
    sizes[c]++;
    for (let k = 0; k < dimension; k++) sums[c * dimension + k] += data[i * dimension + k];
  }
  for (let c = 0; c < clusters; c++) {
    if (sizes[c] > 0) continue;
    // An empty cluster takes the point farthest from its centre, out of a cluster that keeps others.
    let farthest = -1;
    let distance = 0;
    for (let i = 0; i < count; i++) {
      if (sizes[assignment[i]] < 2 || upper[i] <= distance) continue;
      const exact = Math.sqrt(squared(data, i * dimension, centres, assignment[i] * dimension, dimension));
      upper[i] = exact;
      if (exact > distance) {
        distance = exact;
        farthest = i;
      }
    }
    if (farthest < 0) continue; // all points sit on their centres: fewer distinct points than clusters
    const from = assignment[farthest];
    sizes[from]--;
    sizes[c] = 1;
    for (let k = 0; k < dimension; k++) {
      sums[from * dimension + k] -= data[farthest * dimension + k];
      sums[c * dimension + k] = data[farthest * dimension + k];
    }
    assignment[farthest] = c;
    centres.set(data.subarray(farthest * dimension, (farthest + 1) * dimension), c * dimension);
    upper[farthest] = 0;
    lower.fill(0); // a centre has jumped: no lower bound holds
  }
  let total = 0;
  for (let c = 0; c < clusters; c++) {
    let shift = 0;
    if (sizes[c] > 0) {
      for (let k = 0; k < dimension; k++) {
        const mean = sums[c * dimension + k] / sizes[c];
        shift += (mean - centres[c * dimension + k]) ** 2;
        centres[c * dimension + k] = mean;
      }
    }
    shifts[c] = Math.sqrt(shift);
    total += shift;
  }
  return total;
}

function summarise(state: LloydState): KMeansResult {
  const { data, count, dimension, clusters, centres, assignment, sizes } = state;
  const variances = new Float64Array(clusters);
  const meanDistances = new Float64Array(clusters);
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const c = assignment[i];
    const distance = squared(data, i * dimension, centres, c * dimension, dimension);
    variances[c] += distance / sizes[c];
    meanDistances[c] += Math.sqrt(distance) / sizes[c];
    sum += Math.sqrt(distance);
  }
  return {
    clusters,
    centres,
    assignment,
    sizes,
    inertia: state.inertia,
    variances,
    meanDistances,
    meanDistance: sum / count,
    iterations: state.iterations,
    converged: state.converged,
  };
}

/** k-medoids of as many codes as MNIST has, and the search beside a plain PAM (Kaufman and Rousseeuw, 1990) on a subset. */
import { fasterPam, kMedoids } from "../src/numerics/k-medoids.js";
import { normalArray, randomKey } from "../src/numerics/random.js";

const [n, d, k] = [60_000, 16, 100];
const [few, fewMedoids] = [1000, 50];

export interface KMedoidsFigures {
  /** 60,000 codes, 100 medoids. */
  readonly seconds: number;
  /** Mean distance of a code to its medoid. */
  readonly distance: number;
  /** On the first 1,000 codes with 50 medoids: seconds and loss of our search and of PAM. */
  readonly subset: { readonly points: number; readonly medoids: number };
  readonly search: { readonly seconds: number; readonly loss: number };
  readonly plain: { readonly seconds: number; readonly loss: number; readonly swaps: number };
}

export function kMedoidsFigures(): KMedoidsFigures {
  const codes = codesOfBench();
  let start = performance.now();
  const whole = kMedoids(codes, d, k, randomKey(0));
  const seconds = (performance.now() - start) / 1000;

  const distances = new Float64Array(few * few);
  for (let i = 0; i < few; i++)
    for (let j = 0; j < few; j++) {
      let squared = 0;
      for (let c = 0; c < d; c++) squared += (codes[i * d + c] - codes[j * d + c]) ** 2;
      distances[i * few + j] = Math.sqrt(squared);
    }
  start = performance.now();
  const found = fasterPam(
    distances,
    few,
    Int32Array.from({ length: fewMedoids }, (_, i) => i),
  );
  const search = { seconds: (performance.now() - start) / 1000, loss: lossOf(distances, few, found) };
  start = performance.now();
  const { medoids, swaps } = plainPam(distances, few, fewMedoids);
  const plain = { seconds: (performance.now() - start) / 1000, loss: lossOf(distances, few, medoids), swaps };
  return { seconds, distance: whole.loss / n, subset: { points: few, medoids: fewMedoids }, search, plain };
}

/** Ten clusters of unequal width, as a model of digits has them. [n, d] */
function codesOfBench(): Float64Array {
  const centres = normalArray(randomKey(1), 10 * d);
  const noise = normalArray(randomKey(2), n * d);
  return Float64Array.from(noise, (e, i) => {
    const cluster = Math.floor(i / d) % 10;
    return 1.2 * centres[cluster * d + (i % d)] + (0.4 + 0.05 * cluster) * e;
  });
}

function lossOf(distances: Float64Array, points: number, medoids: ArrayLike<number>): number {
  let loss = 0;
  for (let o = 0; o < points; o++) {
    let nearest = Number.POSITIVE_INFINITY;
    for (let m = 0; m < medoids.length; m++) nearest = Math.min(nearest, distances[medoids[m] * points + o]);
    loss += nearest;
  }
  return loss;
}

/** PAM as published: BUILD takes the best next medoid k times; SWAP tries all pairs and takes the best, until none helps. */
function plainPam(distances: Float64Array, points: number, count: number): { medoids: number[]; swaps: number } {
  const medoids: number[] = [];
  const nearest = new Float64Array(points).fill(Number.POSITIVE_INFINITY);
  while (medoids.length < count) {
    let [best, least] = [-1, Number.POSITIVE_INFINITY];
    for (let c = 0; c < points; c++) {
      if (medoids.includes(c)) continue;
      let loss = 0;
      for (let o = 0; o < points; o++) loss += Math.min(nearest[o], distances[c * points + o]);
      if (loss < least) [best, least] = [c, loss];
    }
    medoids.push(best);
    for (let o = 0; o < points; o++) nearest[o] = Math.min(nearest[o], distances[best * points + o]);
  }
  const second = new Float64Array(points);
  const owner = new Int32Array(points);
  for (let swaps = 0; ; swaps++) {
    for (let o = 0; o < points; o++) {
      nearest[o] = second[o] = Number.POSITIVE_INFINITY;
      medoids.forEach((m, i) => {
        const distance = distances[m * points + o];
        if (distance < nearest[o]) [second[o], nearest[o], owner[o]] = [nearest[o], distance, i];
        else if (distance < second[o]) second[o] = distance;
      });
    }
    let [least, out, into] = [-1e-9, -1, -1];
    for (let c = 0; c < points; c++) {
      if (medoids.includes(c)) continue;
      for (let i = 0; i < count; i++) {
        let change = 0;
        for (let o = 0; o < points; o++) {
          const distance = distances[c * points + o];
          if (owner[o] === i) change += Math.min(distance, second[o]) - nearest[o];
          else if (distance < nearest[o]) change += distance - nearest[o];
        }
        if (change < least) [least, out, into] = [change, i, c];
      }
    }
    if (out < 0) return { medoids, swaps };
    medoids[out] = into;
  }
}

/**
 * How far apart aligned sequences are, without any model, and weights by identity.
 *
 *   hamming        share of all sites in which two sequences differ, a gap being a letter
 *   p-distance     share of differing sites among those in which both have a letter (pairwise deletion of gaps)
 *   jukes-cantor   -b log(1 - p / b), b = 3/4 (19/20 for proteins): substitutions a site, repeated ones counted
 *                  (Jukes and Cantor 1969); infinite where p >= b, which is saturation
 *
 * p-distance and jukes-cantor are infinite between sequences that have no site in common.
 *
 * Ambiguous sites count as gaps do in p-distance, and differ from everything but themselves in hamming.
 *
 * Axes: n sequences, S sites.
 */
import { UsageError } from "../errors.js";
import type { Dataset } from "./types.js";

export type SequenceDistance = "hamming" | "p-distance" | "jukes-cantor";

/** What `sequenceLetters` has for an ambiguous site. */
export const AMBIGUOUS = 255;

/** Class of each site, the gap being the last letter, `AMBIGUOUS` where there is no single one. [n, S] */
export function sequenceLetters(dataset: Dataset): Uint8Array {
  const { letters, sites } = alignmentOf(dataset);
  const K = letters.length;
  const classes = new Uint8Array(dataset.n * sites).fill(AMBIGUOUS);
  for (let i = 0; i < classes.length; i++)
    for (let k = 0; k < K; k++) if (dataset.rows[i * K + k] === 1) classes[i] = k;
  return classes;
}

/** A row of one-hot blocks as text; the most probable letter of each site. */
export function sequenceText(row: ArrayLike<number>, letters: string): string {
  const K = letters.length;
  return Array.from({ length: row.length / K }, (_, s) => {
    let best = 0;
    for (let k = 1; k < K; k++) if (row[s * K + k] > row[s * K + best]) best = k;
    return letters[best];
  }).join("");
}

/**
 * Distances between all pairs of sequences, [n, n]; time n^2 S.
 * @throws UsageError if the data set is no alignment
 */
export function sequenceDistances(dataset: Dataset, kind: SequenceDistance = "hamming"): Float64Array {
  const { letters, sites, alphabet } = alignmentOf(dataset);
  const classes = sequenceLetters(dataset);
  const gap = letters.length - 1;
  const base = alphabet === "protein" ? 19 / 20 : 3 / 4;
  const { n } = dataset;
  const distances = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < i; j++) {
      let [compared, different] = [0, 0];
      for (let s = 0; s < sites; s++) {
        const [a, b] = [classes[i * sites + s], classes[j * sites + s]];
        if (kind !== "hamming" && (a >= gap || b >= gap)) continue;
        compared++;
        if (a !== b) different++;
      }
      const p = compared === 0 ? Infinity : different / compared;
      const distance = kind !== "jukes-cantor" ? p : p < base ? -base * Math.log1p(-p / base) : Infinity;
      distances[i * n + j] = distances[j * n + i] = distance;
    }
  return distances;
}

/**
 * Weight of each sequence: one over the number of sequences that agree with it in at least the share `identity` of all
 * sites (a gap is a letter), itself counted. Their sum is the effective number of sequences. [n]
 * @throws UsageError for an identity that is not above 0 and at most 1
 */
export function identityWeights(dataset: Dataset, identity: number): Float64Array {
  if (!(identity > 0 && identity <= 1))
    throw new UsageError(`identity: ${identity} is not above 0 and at most 1; give the share of equal sites, 0.8 say.`);
  const { sites } = alignmentOf(dataset);
  const classes = sequenceLetters(dataset);
  const { n } = dataset;
  const allowed = Math.floor((1 - identity) * sites + 1e-9);
  const neighbours = new Float64Array(n).fill(1);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < i; j++) {
      let different = 0;
      for (let s = 0; s < sites && different <= allowed; s++)
        if (classes[i * sites + s] !== classes[j * sites + s]) different++;
      if (different > allowed) continue;
      neighbours[i]++;
      neighbours[j]++;
    }
  return neighbours.map((count) => 1 / count);
}

function alignmentOf(dataset: Dataset): NonNullable<Dataset["alignment"]> {
  if (dataset.alignment === undefined)
    throw new UsageError(`${dataset.name} holds no aligned sequences; load them from a FASTA file.`);
  return dataset.alignment;
}

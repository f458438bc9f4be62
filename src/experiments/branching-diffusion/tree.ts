/**
 * The branching diffusion of Mathieu et al. (NeurIPS 2019, section 5): a full binary tree of depth 6 in R^50, each child
 * its parent plus N(0, I); every one of the 127 nodes emits 5 copies with noise of variance 1/5, and these 635 rows are
 * the data, standardised by coordinate. And how well distances between codes follow those along the tree.
 */
import type { Dataset } from "../../data/types.js";
import { foldIn, permutation, type RandomKey, randomKey, split, stream } from "../../numerics/random.js";

export const DEPTH = 6;
export const COPIES = 5;
const DIMENSION = 50;
/** Nodes in the order of a heap: the children of i are 2 i + 1 and 2 i + 2. */
export const NODES = 2 ** (DEPTH + 1) - 1;

export interface BranchingTree {
  /** The nodes themselves, in the data's standardised coordinates. [NODES, 50] */
  readonly nodes: Float32Array;
  /** The observed copies, COPIES of each node in turn; labels are node numbers. [635, 50] */
  readonly data: Dataset;
}

/** The tree of a seed. */
export function branchingTree(seed: number): BranchingTree {
  const key = split(randomKey(seed), "branching diffusion");
  const [walk, noise] = [stream(split(key, "walk")), stream(split(key, "noise"))];
  const D = DIMENSION;
  const nodes = new Float64Array(NODES * D); // the root lies at 0
  for (let i = 1; i < NODES; i++)
    for (let j = 0; j < D; j++) nodes[i * D + j] = nodes[parentOf(i) * D + j] + walk.normal();
  const n = NODES * COPIES;
  const rows = new Float64Array(n * D);
  for (let r = 0; r < n; r++)
    for (let j = 0; j < D; j++)
      rows[r * D + j] = nodes[Math.floor(r / COPIES) * D + j] + Math.sqrt(1 / 5) * noise.normal();
  for (let j = 0; j < D; j++) {
    let [mean, variance] = [0, 0];
    for (let r = 0; r < n; r++) mean += rows[r * D + j] / n;
    for (let r = 0; r < n; r++) variance += (rows[r * D + j] - mean) ** 2 / n;
    const scale = Math.sqrt(variance);
    for (let r = 0; r < n; r++) rows[r * D + j] = (rows[r * D + j] - mean) / scale;
    for (let i = 0; i < NODES; i++) nodes[i * D + j] = (nodes[i * D + j] - mean) / scale;
  }
  return {
    nodes: Float32Array.from(nodes),
    data: {
      name: `branching diffusion, seed ${seed}`,
      rows: Float32Array.from(rows),
      n,
      dimension: D,
      labels: Int32Array.from({ length: n }, (_, r) => Math.floor(r / COPIES)),
    },
  };
}

/** The parent of a node other than 0. */
export function parentOf(node: number): number {
  return (node - 1) >> 1;
}

/** Edges from the root. */
export function depthOf(node: number): number {
  return Math.floor(Math.log2(node + 1));
}

/** The number of edges between two nodes. */
export function treeDistance(a: number, b: number): number {
  let edges = 0;
  for (let [x, y] = [a, b]; x !== y; edges++)
    if (x > y) x = parentOf(x);
    else y = parentOf(y);
  return edges;
}

/**
 * 70 % to train on, 30 % to test on. "rows": rows at random, as published, so that copies of one node fall on both
 * sides; "nodes": whole nodes with all their copies.
 */
export function splitTree(tree: BranchingTree, by: "rows" | "nodes", seed: number): { train: Dataset; test: Dataset } {
  const { data } = tree;
  const key: RandomKey = foldIn(split(randomKey(seed), `split by ${by}`), 0);
  const [count, each] = by === "rows" ? [data.n, 1] : [NODES, COPIES];
  const order = Array.from(permutation(key, count));
  const cut = Math.floor(0.7 * count);
  const part = (chosen: readonly number[]): Dataset => {
    const rows = chosen.flatMap((one) => Array.from({ length: each }, (_, k) => one * each + k));
    const values = new Float32Array(rows.length * DIMENSION);
    for (const [i, r] of rows.entries())
      values.set(data.rows.subarray(r * DIMENSION, (r + 1) * DIMENSION), i * DIMENSION);
    return { ...data, rows: values, n: rows.length, labels: Int32Array.from(rows, (r) => data.labels![r]) };
  };
  return { train: part(order.slice(0, cut)), test: part(order.slice(cut)) };
}

/** How distances between codes follow those along the tree, over all pairs of nodes. */
export interface Distortion {
  /** Mean of |t d_code / d_tree - 1| at the scale t that makes the mean square of it least; 0 for an isometry. */
  readonly average: number;
  /** Largest over smallest ratio d_code / d_tree; 1 for an isometry. */
  readonly worst: number;
  /** Pearson's correlation of the two distances. */
  readonly correlation: number;
}

/** @param distance between the codes of two nodes */
export function distortion(distance: (a: number, b: number) => number): Distortion {
  const pairs: [number, number][] = [];
  for (let a = 0; a < NODES; a++) for (let b = 0; b < a; b++) pairs.push([distance(a, b), treeDistance(a, b)]);
  const ratios = pairs.map(([code, tree]) => code / tree);
  const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
  const scale = total(ratios) / total(ratios.map((r) => r * r));
  const mean = (index: 0 | 1) => total(pairs.map((pair) => pair[index])) / pairs.length;
  const [m0, m1] = [mean(0), mean(1)];
  const moment = (i: 0 | 1, j: 0 | 1, mi: number, mj: number) => total(pairs.map((p) => (p[i] - mi) * (p[j] - mj)));
  return {
    average: total(ratios.map((r) => Math.abs(scale * r - 1))) / ratios.length,
    worst: ratios.reduce((a, b) => Math.max(a, b)) / ratios.reduce((a, b) => Math.min(a, b)),
    correlation: moment(0, 1, m0, m1) / Math.sqrt(moment(0, 0, m0, m0) * moment(1, 1, m1, m1)),
  };
}

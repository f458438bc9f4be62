/**
 * Exact k nearest neighbours in Euclidean space, by a k-d tree up to 8 dimensions and by brute force above (where a
 * tree visits nearly everything), and the symmetric neighbour graph, made connected by the shortest edges that join
 * its components (Boruvka 1926).
 */

import { expectThat } from "../errors.js";
import { connectedComponents, type Graph, graphFromEdges } from "./graph.js";

export interface Neighbours {
  /** Neighbours of each query, nearest first. [queries, k] */
  readonly indices: Int32Array;
  /** Their Euclidean distances. [queries, k] */
  readonly distances: Float64Array;
  readonly k: number;
}

/** A k-d tree: points sorted so that each node is a range; inner nodes split it at the median of the widest axis. */
interface Tree {
  readonly points: Float64Array;
  readonly dimension: number;
  /** Point numbers, permuted. [N] */
  readonly order: Int32Array;
  /** Bounding boxes of the nodes: lower then upper corner. [nodes, 2, d] */
  readonly boxes: Float64Array;
}

const LEAF = 12;
const TREE_DIMENSIONS = 8;

/**
 * The k nearest neighbours of each point among the others (without itself; other points at the same place count), or
 * of each of `options.queries` among the points.
 *
 * @param points row-major, finite. [N, d]
 * @param options.queries [M, d]
 * @param options.method `tree` or `bruteForce`; by dimension unless given. Both are exact. Points at equal distances
 *   may come in either order.
 * Throws `UsageError` for impossible k, wrong shapes and values that are not finite.
 */
export function nearestNeighbours(
  points: Float32Array | Float64Array,
  dimension: number,
  k: number,
  options: { queries?: Float32Array | Float64Array; method?: "tree" | "bruteForce" } = {},
): Neighbours {
  const data = checked("nearestNeighbours", points, dimension);
  const count = data.length / dimension;
  const self = options.queries === undefined;
  const queries = options.queries ? checked("nearestNeighbours", options.queries, dimension) : data;
  const available = self ? count - 1 : count;
  expectThat(
    Number.isInteger(k) && k >= 1 && k <= available,
    () => `nearestNeighbours got k = ${k} with ${available} candidates: pass an integer from 1 to ${available}.`,
  );
  const rows = queries.length / dimension;
  const indices = new Int32Array(rows * k).fill(-1);
  const distances = new Float64Array(rows * k).fill(Infinity);
  if ((options.method ?? (dimension <= TREE_DIMENSIONS ? "tree" : "bruteForce")) === "tree") {
    const tree = buildTree(data, dimension);
    for (let q = 0; q < rows; q++) searchTree(tree, queries, q, self ? q : -1, k, indices, distances);
  } else {
    bruteForce(data, dimension, queries, self, k, indices, distances);
  }
  for (let i = 0; i < distances.length; i++) distances[i] = Math.sqrt(distances[i]);
  return { indices, distances, k };
}

/**
 * The symmetric neighbour graph: an edge where either end is among the other's k nearest, weighted by Euclidean
 * distance. Components are joined by the shortest edges between them (a minimum spanning tree over components), so
 * that every pair of points has a path.
 *
 * @returns the graph, and `added`, the pairs that were added to join components. [pairs, 2]
 */
export function neighbourGraph(
  points: Float32Array | Float64Array,
  dimension: number,
  k: number,
): { graph: Graph; added: [number, number][] } {
  const data = checked("neighbourGraph", points, dimension);
  const count = data.length / dimension;
  const { indices, distances } = nearestNeighbours(data, dimension, k);
  const from = Array.from(indices, (_, e) => Math.floor(e / k));
  const to = Array.from(indices);
  const lengths = Array.from(distances);
  let graph = graphFromEdges(count, from, to, lengths);
  const added: [number, number][] = [];
  for (;;) {
    const { labels, count: components } = connectedComponents(graph);
    if (components === 1) return { graph, added };
    for (const [a, b, length] of joiningPairs(data, dimension, labels, components)) {
      from.push(a);
      to.push(b);
      lengths.push(length);
      added.push([a, b]);
    }
    graph = graphFromEdges(count, from, to, lengths);
  }
}

/**
 * One round of Boruvka: for each component but the largest its nearest pair (own point, foreign point); where two
 * components choose each other the pair is kept once. Ties between components are broken by point number, so the
 * chosen edges never close a cycle of equal lengths with different edges within one round.
 */
function joiningPairs(
  data: Float64Array,
  dimension: number,
  labels: Int32Array,
  components: number,
): [number, number, number][] {
  const sizes = new Int32Array(components);
  for (const label of labels) sizes[label]++;
  let largest = 0;
  for (let c = 1; c < components; c++) if (sizes[c] > sizes[largest]) largest = c;
  const best = new Float64Array(components).fill(Infinity);
  const own = new Int32Array(components).fill(-1);
  const other = new Int32Array(components).fill(-1);
  const offer = (label: number, a: number, b: number, distance: number) => {
    if (distance > best[label]) return;
    if (distance === best[label] && !before(a, b, own[label], other[label])) return;
    best[label] = distance;
    own[label] = a;
    other[label] = b;
  };
  if (dimension <= TREE_DIMENSIONS) {
    const tree = buildTree(data, dimension);
    for (let a = 0; a < labels.length; a++) {
      if (labels[a] !== largest) nearestForeign(tree, a, labels, best, offer);
    }
  } else {
    for (let a = 0; a < labels.length; a++) {
      if (labels[a] === largest) continue;
      for (let b = 0; b < labels.length; b++) {
        if (labels[b] === labels[a]) continue;
        const distance = squaredWithin(data, a * dimension, data, b * dimension, dimension, best[labels[a]]);
        if (distance <= best[labels[a]]) offer(labels[a], a, b, distance);
      }
    }
  }
  const kept = new Map<string, [number, number, number]>();
  for (let c = 0; c < components; c++) {
    if (c === largest) continue;
    const [a, b] = own[c] < other[c] ? [own[c], other[c]] : [other[c], own[c]];
    kept.set(`${a},${b}`, [a, b, Math.sqrt(best[c])]);
  }
  return [...kept.values()];
}

/** Whether the unordered pair (a, b) comes before (c, d) by its smaller, then its larger number. */
function before(a: number, b: number, c: number, d: number): boolean {
  const low = Math.min(a, b);
  const otherLow = Math.min(c, d);
  return low !== otherLow ? low < otherLow : Math.max(a, b) < Math.max(c, d);
}

function checked(name: string, points: Float32Array | Float64Array, dimension: number): Float64Array {
  expectThat(
    Number.isInteger(dimension) && dimension >= 1 && points.length > 0 && points.length % dimension === 0,
    () => `${name} got ${points.length} numbers for points of dimension ${dimension}: pass [N, d] with N >= 1.`,
  );
  for (let i = 0; i < points.length; i++) {
    expectThat(
      Number.isFinite(points[i]),
      () => `${name} got the value ${points[i]} at point ${Math.floor(i / dimension)}: all must be finite.`,
    );
  }
  return points instanceof Float64Array ? points : Float64Array.from(points);
}

/** Squared distance of two rows; some value above `limit` as soon as it exceeds it. */
function squaredWithin(
  a: Float64Array,
  rowA: number,
  b: Float64Array,
  rowB: number,
  dimension: number,
  limit: number,
): number {
  let sum = 0;
  let k = 0;
  for (; k + 8 <= dimension; k += 8) {
    for (let q = k; q < k + 8; q++) {
      const difference = a[rowA + q] - b[rowB + q];
      sum += difference * difference;
    }
    if (sum > limit) return sum;
  }
  for (; k < dimension; k++) {
    const difference = a[rowA + k] - b[rowB + k];
    sum += difference * difference;
  }
  return sum;
}

/** Inserts a candidate into the sorted list of one query; the caller has checked that it belongs there. */
function insert(
  indices: Int32Array,
  distances: Float64Array,
  start: number,
  k: number,
  index: number,
  distance: number,
): void {
  let at = start + k - 1;
  while (at > start && distances[at - 1] > distance) {
    distances[at] = distances[at - 1];
    indices[at] = indices[at - 1];
    at--;
  }
  distances[at] = distance;
  indices[at] = index;
}

/** All pairs, in blocks of points that stay in the cache. */
function bruteForce(
  data: Float64Array,
  dimension: number,
  queries: Float64Array,
  self: boolean,
  k: number,
  indices: Int32Array,
  distances: Float64Array,
): void {
  const count = data.length / dimension;
  const rows = queries.length / dimension;
  const block = Math.max(16, Math.floor(16384 / dimension));
  for (let low = 0; low < count; low += block) {
    const high = Math.min(count, low + block);
    for (let q = 0; q < rows; q++) {
      const last = q * k + k - 1;
      for (let p = low; p < high; p++) {
        if (self && p === q) continue;
        const distance = squaredWithin(queries, q * dimension, data, p * dimension, dimension, distances[last]);
        if (distance < distances[last]) insert(indices, distances, q * k, k, p, distance);
      }
    }
  }
}

// --- the tree: node i has the children 2 i + 1 and 2 i + 2; its range is halved, so ranges need not be stored ---------

function buildTree(points: Float64Array, dimension: number): Tree {
  const count = points.length / dimension;
  let nodes = 1;
  for (let size = count; size > LEAF; size = Math.ceil(size / 2)) nodes = 2 * nodes + 1;
  const tree: Tree = {
    points,
    dimension,
    order: Int32Array.from({ length: count }, (_, i) => i),
    boxes: new Float64Array(nodes * 2 * dimension),
  };
  split(tree, 0, 0, count);
  return tree;
}

function split(tree: Tree, node: number, start: number, end: number): void {
  const { points, dimension, order, boxes } = tree;
  const box = node * 2 * dimension;
  let widest = 0;
  let width = -1;
  for (let axis = 0; axis < dimension; axis++) {
    let low = Infinity;
    let high = -Infinity;
    for (let i = start; i < end; i++) {
      const value = points[order[i] * dimension + axis];
      if (value < low) low = value;
      if (value > high) high = value;
    }
    boxes[box + axis] = low;
    boxes[box + dimension + axis] = high;
    if (high - low > width) {
      width = high - low;
      widest = axis;
    }
  }
  if (isLeaf(tree, node)) return;
  const middle = (start + end + 1) >> 1;
  selectMedian(tree, start, end - 1, middle, widest);
  split(tree, 2 * node + 1, start, middle);
  split(tree, 2 * node + 2, middle, end);
}

/** The tree is complete: leaves are the nodes without children in the array. */
function isLeaf({ boxes, dimension }: Tree, node: number): boolean {
  return (2 * node + 2) * 2 * dimension >= boxes.length;
}

/** Quickselect (Hoare): afterwards positions below `middle` hold no larger values on the axis than those from it on. */
function selectMedian({ points, dimension, order }: Tree, low: number, high: number, middle: number, axis: number) {
  while (low < high) {
    const pivot = points[order[(low + high) >> 1] * dimension + axis];
    let i = low;
    let j = high;
    while (i <= j) {
      while (points[order[i] * dimension + axis] < pivot) i++;
      while (points[order[j] * dimension + axis] > pivot) j--;
      if (i <= j) {
        const kept = order[i];
        order[i++] = order[j];
        order[j--] = kept;
      }
    }
    if (middle <= j) high = j;
    else if (middle >= i) low = i;
    else return;
  }
}

/** Squared distance of a query to a node's box. */
function toBox({ boxes, dimension }: Tree, node: number, queries: Float64Array, row: number): number {
  const box = node * 2 * dimension;
  let sum = 0;
  for (let axis = 0; axis < dimension; axis++) {
    const value = queries[row + axis];
    const below = boxes[box + axis] - value;
    const above = value - boxes[box + dimension + axis];
    if (below > 0) sum += below * below;
    else if (above > 0) sum += above * above;
  }
  return sum;
}

// An explicit stack; depth is at most log2(N), each level leaves one node behind.
const stackNode = new Int32Array(128);
const stackStart = new Int32Array(128);
const stackEnd = new Int32Array(128);
const stackBound = new Float64Array(128);

function searchTree(
  tree: Tree,
  queries: Float64Array,
  query: number,
  excluded: number,
  k: number,
  indices: Int32Array,
  distances: Float64Array,
): void {
  const { points, dimension, order } = tree;
  const row = query * dimension;
  const start = query * k;
  const last = start + k - 1;
  let top = push(0, 0, 0, order.length, toBox(tree, 0, queries, row));
  while (top > 0) {
    top--;
    if (stackBound[top] >= distances[last]) continue;
    const node = stackNode[top];
    const low = stackStart[top];
    const high = stackEnd[top];
    if (isLeaf(tree, node)) {
      for (let i = low; i < high; i++) {
        const p = order[i];
        if (p === excluded) continue;
        let sum = 0;
        for (let axis = 0; axis < dimension; axis++) {
          const difference = queries[row + axis] - points[p * dimension + axis];
          sum += difference * difference;
        }
        if (sum < distances[last]) insert(indices, distances, start, k, p, sum);
      }
      continue;
    }
    top = pushChildren(tree, top, node, low, high, queries, row);
  }
}

/** Offers the points nearest to point `a` that carry another label. */
function nearestForeign(
  tree: Tree,
  a: number,
  labels: Int32Array,
  best: Float64Array,
  offer: (label: number, a: number, b: number, distance: number) => void,
): void {
  const { points, dimension, order } = tree;
  const row = a * dimension;
  const label = labels[a];
  let top = push(0, 0, 0, order.length, 0);
  while (top > 0) {
    top--;
    if (stackBound[top] > best[label]) continue;
    const node = stackNode[top];
    const low = stackStart[top];
    const high = stackEnd[top];
    if (isLeaf(tree, node)) {
      for (let i = low; i < high; i++) {
        const b = order[i];
        if (labels[b] === label) continue;
        const distance = squaredWithin(points, row, points, b * dimension, dimension, Infinity);
        if (distance <= best[label]) offer(label, a, b, distance);
      }
      continue;
    }
    top = pushChildren(tree, top, node, low, high, points, row);
  }
}

function push(top: number, node: number, start: number, end: number, bound: number): number {
  stackNode[top] = node;
  stackStart[top] = start;
  stackEnd[top] = end;
  stackBound[top] = bound;
  return top + 1;
}

/** Pushes both children, the nearer one last, so that it is visited first. */
function pushChildren(
  tree: Tree,
  top: number,
  node: number,
  low: number,
  high: number,
  queries: Float64Array,
  row: number,
): number {
  const middle = (low + high + 1) >> 1;
  const left = 2 * node + 1;
  const toLeft = toBox(tree, left, queries, row);
  const toRight = toBox(tree, left + 1, queries, row);
  if (toLeft <= toRight) {
    return push(push(top, left + 1, middle, high, toRight), left, low, middle, toLeft);
  }
  return push(push(top, left, low, middle, toLeft), left + 1, middle, high, toRight);
}

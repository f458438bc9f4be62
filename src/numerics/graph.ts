/**
 * Weighted directed graphs in compressed sparse row form, and graphs of regular grids in 1, 2 or 3 dimensions. The
 * searches are in `shortest-paths.ts`. Undirected graphs store each edge in both directions.
 */

import { expectThat } from "../errors.js";

/** Edges that leave node i are numbered `offsets[i]` to `offsets[i + 1] - 1`. */
export interface Graph {
  readonly nodes: number;
  /** [nodes + 1] */
  readonly offsets: Int32Array;
  /** The node where each edge ends. [edges] */
  readonly targets: Int32Array;
  /** The length of each edge, >= 0. May be overwritten between searches. [edges] */
  readonly weights: Float64Array;
}

/** The graph of a regular grid; node (i_0, .., i_{d-1}) has the number ((i_0 n_1) + i_1) n_2 + i_2 .. (last fastest). */
export interface GridGraph extends Graph {
  readonly shape: readonly number[];
}

/**
 * Graph from a list of edges. Where an edge is listed more than once the shortest copy is kept; loops are dropped.
 *
 * @param from, to, weights one entry an edge. [edges]
 * @param options.symmetric add each edge in the opposite direction too (true unless said otherwise).
 * Throws `UsageError` for node numbers out of range and for weights that are negative or not finite.
 */
export function graphFromEdges(
  nodes: number,
  from: ArrayLike<number>,
  to: ArrayLike<number>,
  weights: ArrayLike<number>,
  options: { symmetric?: boolean } = {},
): Graph {
  const symmetric = options.symmetric ?? true;
  const edges = from.length;
  expectThat(
    to.length === edges && weights.length === edges,
    () => `graphFromEdges got ${edges} starts, ${to.length} ends and ${weights.length} weights: pass one each an edge.`,
  );
  const degree = new Int32Array(nodes + 1);
  for (let e = 0; e < edges; e++) {
    const a = from[e];
    const b = to[e];
    expectThat(
      Number.isInteger(a) && Number.isInteger(b) && a >= 0 && b >= 0 && a < nodes && b < nodes,
      () => `graphFromEdges got the edge ${a} -> ${b}: node numbers must be integers from 0 to ${nodes - 1}.`,
    );
    expectThat(
      weights[e] >= 0 && weights[e] < Infinity,
      () => `graphFromEdges got the weight ${weights[e]} for the edge ${a} -> ${b}: weights must be finite and >= 0.`,
    );
    if (a === b) continue;
    degree[a + 1]++;
    if (symmetric) degree[b + 1]++;
  }
  for (let i = 0; i < nodes; i++) degree[i + 1] += degree[i];
  const fill = degree.slice(0, nodes);
  const targets = new Int32Array(degree[nodes]);
  const lengths = new Float64Array(degree[nodes]);
  for (let e = 0; e < edges; e++) {
    const a = from[e];
    const b = to[e];
    if (a === b) continue;
    targets[fill[a]] = b;
    lengths[fill[a]++] = weights[e];
    if (symmetric) {
      targets[fill[b]] = a;
      lengths[fill[b]++] = weights[e];
    }
  }
  // Keep the shortest of parallel edges: `seen[b]` is where b's edge lies in the row being written.
  const offsets = new Int32Array(nodes + 1);
  const seen = new Int32Array(nodes).fill(-1);
  let write = 0;
  for (let a = 0; a < nodes; a++) {
    offsets[a] = write;
    for (let e = degree[a]; e < degree[a + 1]; e++) {
      const b = targets[e];
      const length = lengths[e];
      if (seen[b] >= offsets[a]) {
        if (length < lengths[seen[b]]) lengths[seen[b]] = length;
      } else {
        seen[b] = write;
        targets[write] = b;
        lengths[write++] = length;
      }
    }
  }
  offsets[nodes] = write;
  return { nodes, offsets, targets: targets.slice(0, write), weights: lengths.slice(0, write) };
}

/**
 * Grid offsets of a neighbourhood. 1-D: 2 neighbours. 2-D: 4, or 8, 16, 32, 48 (all steps of up to 1, 2, 3, 4 nodes an
 * axis that are not multiples of a shorter one). 3-D: 6, 18, or 26, 98, 290. The more directions, the smaller the
 * error of a grid path's angle: on a flat plane at worst 8.2 % (8), 2.8 % (16), 1.3 % (32) too long.
 *
 * @returns steps [neighbours][d]. Throws `UsageError` for a count that the dimension does not have.
 */
export function gridSteps(dimension: number, neighbours: number): number[][] {
  const counts: Record<number, number[]> = { 1: [2], 2: [4, 8, 16, 32, 48], 3: [6, 18, 26, 98, 290] };
  expectThat(
    counts[dimension]?.includes(neighbours),
    () =>
      `gridSteps got ${neighbours} neighbours in ${dimension} dimensions: choose among ` +
      `${counts[dimension]?.join(", ") ?? "dimensions 1, 2, 3"}.`,
  );
  const radii: Record<number, number> = { 2: 1, 4: 1, 8: 1, 16: 2, 32: 3, 48: 4, 6: 1, 18: 1, 26: 1, 98: 2, 290: 3 };
  const radius = radii[neighbours];
  const axesMoved = dimension === 1 || neighbours === 4 || neighbours === 6 ? 1 : neighbours === 18 ? 2 : dimension;
  const steps: number[][] = [];
  const step = new Array<number>(dimension).fill(-radius);
  for (;;) {
    const moved = step.filter((v) => v !== 0).length;
    if (moved > 0 && moved <= axesMoved && step.reduce(greatestCommonDivisor, 0) === 1) steps.push([...step]);
    let axis = dimension - 1;
    while (axis >= 0 && step[axis] === radius) step[axis--] = -radius;
    if (axis < 0) return steps;
    step[axis]++;
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  a = Math.abs(a);
  b = Math.abs(b);
  while (b > 0) [a, b] = [b, a % b];
  return a;
}

/**
 * The graph of a regular grid with all weights zero; fill them with `setWeights` or `setEmbeddingWeights`.
 *
 * @param shape nodes along each axis, 1 to 3 axes of at least one node.
 * @param neighbours see `gridSteps`; 2, 16 and 26 for 1, 2 and 3 dimensions unless given.
 */
export function gridGraph(shape: readonly number[], neighbours?: number): GridGraph {
  const dimension = shape.length;
  expectThat(
    dimension >= 1 && dimension <= 3 && shape.every((n) => Number.isInteger(n) && n >= 1),
    () => `gridGraph got the shape [${shape.join(", ")}]: pass one to three positive integers.`,
  );
  const steps = gridSteps(dimension, neighbours ?? [2, 16, 26][dimension - 1]);
  const nodes = shape.reduce((a, b) => a * b, 1);
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const jumps = steps.map((step) => step.reduce((sum, s, axis) => sum + s * strides[axis], 0));
  const flat = Int32Array.from(steps.flat());
  const offsets = new Int32Array(nodes + 1);
  const targets = new Int32Array(nodes * steps.length);
  const position = new Int32Array(dimension);
  let write = 0;
  for (let node = 0; node < nodes; node++) {
    offsets[node] = write;
    for (let s = 0; s < jumps.length; s++) {
      let inside = true;
      for (let axis = 0; axis < dimension; axis++) {
        const at = position[axis] + flat[s * dimension + axis];
        if (at < 0 || at >= shape[axis]) inside = false;
      }
      if (inside) targets[write++] = node + jumps[s];
    }
    for (let axis = dimension - 1; axis >= 0 && ++position[axis] === shape[axis]; axis--) position[axis] = 0;
  }
  offsets[nodes] = write;
  return { nodes, offsets, targets: targets.slice(0, write), weights: new Float64Array(write), shape: [...shape] };
}

/** Sets each weight by a function of the edge's two nodes. Throws `UsageError` for negative or non-finite results. */
export function setWeights(graph: Graph, length: (from: number, to: number) => number): void {
  const { nodes, offsets, targets, weights } = graph;
  for (let a = 0; a < nodes; a++) {
    for (let e = offsets[a]; e < offsets[a + 1]; e++) {
      const w = length(a, targets[e]);
      expectThat(
        w >= 0 && w < Infinity,
        () => `setWeights got the length ${w} for the edge ${a} -> ${targets[e]}: it must be finite and >= 0.`,
      );
      weights[e] = w;
    }
  }
}

/**
 * Sets each weight to the Euclidean distance between its nodes' images in an embedding, |F(a) - F(b)|: the length of
 * the edge in the pullback metric, to second order in the edge (a chord, so never longer than the true length).
 *
 * @param embedding row-major. [nodes, m]
 */
export function setEmbeddingWeights(graph: Graph, embedding: Float32Array | Float64Array, m: number): void {
  const { nodes, offsets, targets, weights } = graph;
  expectThat(
    embedding.length === nodes * m,
    () => `setEmbeddingWeights got ${embedding.length} values for ${nodes} nodes x ${m}: pass [nodes, m].`,
  );
  for (let a = 0; a < nodes; a++) {
    const rowA = a * m;
    for (let e = offsets[a]; e < offsets[a + 1]; e++) {
      const b = targets[e];
      if (b < a) {
        // the same edge seen from its other end, where there is one
        const back = findEdge(graph, b, a);
        if (back >= 0) {
          weights[e] = weights[back];
          continue;
        }
      }
      const rowB = b * m;
      let sum = 0;
      for (let k = 0; k < m; k++) {
        const difference = embedding[rowA + k] - embedding[rowB + k];
        sum += difference * difference;
      }
      expectThat(sum < Infinity, () => `setEmbeddingWeights met a value that is not finite at node ${a} or ${b}.`);
      weights[e] = Math.sqrt(sum);
    }
  }
}

/** The number of the edge a -> b, or -1. */
export function findEdge(graph: Graph, a: number, b: number): number {
  for (let e = graph.offsets[a]; e < graph.offsets[a + 1]; e++) if (graph.targets[e] === b) return e;
  return -1;
}

/**
 * Labels the connected components (edges taken in both directions must exist: undirected graphs).
 * @returns `labels` [nodes], numbered 0 to count - 1 in order of their first node.
 */
export function connectedComponents(graph: Graph): { labels: Int32Array; count: number } {
  const labels = new Int32Array(graph.nodes).fill(-1);
  const stack = new Int32Array(graph.nodes);
  let count = 0;
  for (let start = 0; start < graph.nodes; start++) {
    if (labels[start] >= 0) continue;
    let top = 0;
    stack[top++] = start;
    labels[start] = count;
    while (top > 0) {
      const a = stack[--top];
      for (let e = graph.offsets[a]; e < graph.offsets[a + 1]; e++) {
        const b = graph.targets[e];
        if (labels[b] < 0) {
          labels[b] = count;
          stack[top++] = b;
        }
      }
    }
    count++;
  }
  return { labels, count };
}

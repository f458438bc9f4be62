/**
 * Shortest paths in a weighted graph: Dijkstra's algorithm with a 4-ary heap that knows its nodes' places (so a
 * node's key can decrease), A* where a lower bound of the remaining length is known, and a search from both ends.
 * All state is in a workspace of typed arrays; stamps make a new search free of clearing, so a search costs only what
 * it touches.
 */

import { expectThat } from "../errors.js";
import type { Graph } from "./graph.js";

/** The state of a search; after it, the answer. Made once for a number of nodes, used for any number of searches. */
export interface PathWorkspace {
  /** Distance from the source: final where settled, an upper bound where reached. Read through `distanceTo`. */
  readonly distance: Float64Array;
  /** The node before this one on the best path; -1 at the source. */
  readonly previous: Int32Array;
  /** Distance plus lower bound of the rest: the heap's key. */
  readonly key: Float64Array;
  readonly heap: Int32Array;
  /** Place in the heap; -1 once settled. */
  readonly place: Int32Array;
  /** The search that last reached this node. */
  readonly stamp: Int32Array;
  /** The nodes that this search settled, in order of distance (for A*, of the key). */
  readonly order: Int32Array;
  search: number;
  heapSize: number;
  settled: number;
}

export interface SearchOptions {
  /** Stop once this node is settled. */
  target?: number;
  /** Stop once all these nodes are settled. */
  targets?: ArrayLike<number>;
  /** Stop once the distance exceeds this; nodes farther away count as unreached. */
  limit?: number;
  /**
   * A*: a lower bound of the distance from a node to `target`, consistent: h(a) <= w(a, b) + h(b), h(target) = 0.
   * With an inconsistent bound the path found may be too long.
   */
  lowerBound?: (node: number) => number;
}

/** Allocates the state for graphs of up to `nodes` nodes. */
export function pathWorkspace(nodes: number): PathWorkspace {
  return {
    distance: new Float64Array(nodes),
    previous: new Int32Array(nodes),
    key: new Float64Array(nodes),
    heap: new Int32Array(nodes),
    place: new Int32Array(nodes),
    stamp: new Int32Array(nodes),
    order: new Int32Array(nodes),
    search: 0,
    heapSize: 0,
    settled: 0,
  };
}

/**
 * Searches from `source`; the answers are read by `distanceTo`, `pathTo`. Without `target`, `targets` or `limit` it
 * settles everything that can be reached.
 *
 * @returns the distance to `target` where one is given (Infinity where it cannot be reached), otherwise the largest
 *   settled distance.
 * Throws `UsageError` for nodes out of range or a workspace that is too small.
 */
export function shortestPaths(
  graph: Graph,
  workspace: PathWorkspace,
  source: number,
  options: SearchOptions = {},
): number {
  const { offsets, targets: ends, weights } = graph;
  const { distance, previous, key, stamp, place } = workspace;
  const { target = -1, limit = Infinity, lowerBound } = options;
  checkNode(graph, workspace, source, "source");
  if (options.target !== undefined) checkNode(graph, workspace, target, "target");
  expectThat(!lowerBound || target >= 0, "shortestPaths got a lowerBound but no target: name the target of the bound.");
  let wanted: Set<number> | undefined;
  if (options.targets) {
    wanted = new Set(Array.from(options.targets));
    for (const node of wanted) checkNode(graph, workspace, node, "target");
  }
  begin(workspace, source, lowerBound ? lowerBound(source) : 0);
  const search = workspace.search;
  let farthest = 0;
  while (workspace.heapSize > 0) {
    const a = popNearest(workspace);
    const reached = distance[a];
    if (reached > limit) {
      // put aside: it is reached, but not settled
      place[a] = 0;
      break;
    }
    workspace.order[workspace.settled++] = a;
    farthest = reached;
    if (a === target) return reached;
    if (wanted?.delete(a) && wanted.size === 0) return farthest;
    const end = offsets[a + 1];
    for (let e = offsets[a]; e < end; e++) {
      const b = ends[e];
      const through = reached + weights[e];
      if (stamp[b] !== search) {
        stamp[b] = search;
        distance[b] = through;
        previous[b] = a;
        key[b] = lowerBound ? through + lowerBound(b) : through;
        place[b] = workspace.heapSize++;
        siftUp(workspace, b);
      } else if (through < distance[b] && place[b] >= 0) {
        key[b] -= distance[b] - through;
        distance[b] = through;
        previous[b] = a;
        siftUp(workspace, b);
      }
    }
  }
  return target >= 0 ? Infinity : farthest;
}

/**
 * Shortest path between two nodes of an undirected graph, searched from both ends at once. On a planar grid it
 * settles two thirds of what Dijkstra's algorithm settles (measured on 128 x 128 nodes), on an expander far less; for
 * many pairs in one graph `landmarks` is better. Needs two workspaces.
 *
 * @returns the distance and the path from `source` to `target`; Infinity and an empty path where there is none.
 */
export function shortestPathBetween(
  graph: Graph,
  forward: PathWorkspace,
  backward: PathWorkspace,
  source: number,
  target: number,
): { distance: number; path: Int32Array } {
  checkNode(graph, forward, source, "source");
  checkNode(graph, backward, target, "target");
  expectThat(forward !== backward, "shortestPathBetween needs two different workspaces: make a second one.");
  begin(forward, source, 0);
  begin(backward, target, 0);
  let best = source === target ? 0 : Infinity;
  let meeting = source === target ? source : -1;
  while (forward.heapSize > 0 && backward.heapSize > 0) {
    const ahead = forward.key[forward.heap[0]];
    const behind = backward.key[backward.heap[0]];
    if (ahead + behind >= best) break;
    const near = ahead <= behind ? forward : backward;
    const far = near === forward ? backward : forward;
    const a = popNearest(near);
    near.order[near.settled++] = a;
    const reached = near.distance[a];
    const end = graph.offsets[a + 1];
    for (let e = graph.offsets[a]; e < end; e++) {
      const b = graph.targets[e];
      const through = reached + graph.weights[e];
      if (near.stamp[b] !== near.search) {
        near.stamp[b] = near.search;
        near.distance[b] = through;
        near.key[b] = through;
        near.previous[b] = a;
        near.place[b] = near.heapSize++;
        siftUp(near, b);
      } else if (through < near.distance[b] && near.place[b] >= 0) {
        near.distance[b] = through;
        near.key[b] = through;
        near.previous[b] = a;
        siftUp(near, b);
      } else continue;
      if (far.stamp[b] === far.search && through + far.distance[b] < best) {
        best = through + far.distance[b];
        meeting = b;
      }
    }
  }
  if (meeting < 0) return { distance: Infinity, path: new Int32Array(0) };
  const path = [...trace(forward, meeting)];
  for (let node = backward.previous[meeting]; node >= 0; node = backward.previous[node]) path.push(node);
  return { distance: best, path: Int32Array.from(path) };
}

/** Distance found by the last search; Infinity where it stopped before it settled the node, or there is no path. */
export function distanceTo(workspace: PathWorkspace, node: number): number {
  const { search, stamp, place, distance } = workspace;
  return search > 0 && stamp[node] === search && place[node] < 0 ? distance[node] : Infinity;
}

/** The nodes from the source to `node` found by the last search, both included; empty where it was not reached. */
export function pathTo(workspace: PathWorkspace, node: number): Int32Array {
  return distanceTo(workspace, node) === Infinity ? new Int32Array(0) : trace(workspace, node);
}

/** Distances from `source` to all nodes, Infinity where there is no path. [nodes] */
export function distancesFrom(
  graph: Graph,
  workspace: PathWorkspace,
  source: number,
  out: Float64Array = new Float64Array(graph.nodes),
): Float64Array {
  shortestPaths(graph, workspace, source);
  for (let node = 0; node < graph.nodes; node++) out[node] = distanceTo(workspace, node);
  return out;
}

/** Distances from a few nodes to all others: lower bounds for A* by the triangle inequality. */
export interface Landmarks {
  readonly count: number;
  /** Row-major. [nodes, count] */
  readonly distances: Float64Array;
}

/**
 * Chooses `count` landmarks, each the farthest node from those before it, and measures from them: `count` full
 * searches that pay off over some ten pairs. The graph must be undirected and connected. (Goldberg and Harrelson,
 * Computing the shortest path: A* search meets graph theory, 2005.)
 */
export function landmarks(graph: Graph, workspace: PathWorkspace, count = 8): Landmarks {
  expectThat(
    Number.isInteger(count) && count >= 1,
    () => `landmarks got the count ${count}: pass a positive integer, such as 8.`,
  );
  const distances = new Float64Array(graph.nodes * count);
  const nearest = new Float64Array(graph.nodes).fill(Infinity);
  const row = distancesFrom(graph, workspace, 0);
  for (let l = 0; l < count; l++) {
    let chosen = 0;
    const spread = l === 0 ? row : nearest;
    for (let node = 1; node < graph.nodes; node++) if (spread[node] > spread[chosen]) chosen = node;
    distancesFrom(graph, workspace, chosen, row);
    for (let node = 0; node < graph.nodes; node++) {
      expectThat(row[node] < Infinity, "landmarks got a graph that is not connected: join its components first.");
      distances[node * count + l] = row[node];
      if (row[node] < nearest[node]) nearest[node] = row[node];
    }
  }
  return { count, distances };
}

/** The bound |d(l, node) - d(l, target)|, the largest over the landmarks, for `SearchOptions.lowerBound`. */
export function landmarkBound({ count, distances }: Landmarks, target: number): (node: number) => number {
  const ofTarget = distances.slice(target * count, (target + 1) * count);
  return (node) => {
    const row = node * count;
    let bound = 0;
    for (let l = 0; l < count; l++) {
      const difference = Math.abs(distances[row + l] - ofTarget[l]);
      if (difference > bound) bound = difference;
    }
    return bound;
  };
}

function trace({ previous }: PathWorkspace, node: number): Int32Array {
  let count = 0;
  for (let at = node; at >= 0; at = previous[at]) count++;
  const path = new Int32Array(count);
  for (let at = node; at >= 0; at = previous[at]) path[--count] = at;
  return path;
}

function checkNode(graph: Graph, workspace: PathWorkspace, node: number, name: string): void {
  expectThat(
    Number.isInteger(node) && node >= 0 && node < graph.nodes,
    () => `The ${name} of a shortest path is ${node}: it must be a node number from 0 to ${graph.nodes - 1}.`,
  );
  expectThat(
    workspace.stamp.length >= graph.nodes,
    () => `A path workspace for ${workspace.stamp.length} nodes got a graph of ${graph.nodes}: make a larger one.`,
  );
}

function begin(workspace: PathWorkspace, source: number, key: number): void {
  if (workspace.search === 0x7fffffff) {
    workspace.stamp.fill(0);
    workspace.search = 0;
  }
  workspace.search++;
  workspace.stamp[source] = workspace.search;
  workspace.distance[source] = 0;
  workspace.key[source] = key;
  workspace.previous[source] = -1;
  workspace.heap[0] = source;
  workspace.place[source] = 0;
  workspace.heapSize = 1;
  workspace.settled = 0;
}

/** Moves a node from its place towards the root. */
function siftUp({ heap, place, key }: PathWorkspace, node: number): void {
  const value = key[node];
  let at = place[node];
  while (at > 0) {
    const parent = (at - 1) >> 2;
    const other = heap[parent];
    if (key[other] <= value) break;
    heap[at] = other;
    place[other] = at;
    at = parent;
  }
  heap[at] = node;
  place[node] = at;
}

/** Takes the node of smallest key off the heap and marks it as settled. */
function popNearest(workspace: PathWorkspace): number {
  const { heap, place, key } = workspace;
  const root = heap[0];
  place[root] = -1;
  const size = --workspace.heapSize;
  if (size > 0) {
    const moved = heap[size];
    const value = key[moved];
    let at = 0;
    for (;;) {
      const first = 4 * at + 1;
      if (first >= size) break;
      const last = Math.min(first + 4, size);
      let child = first;
      let smallest = key[heap[first]];
      for (let c = first + 1; c < last; c++) {
        const candidate = key[heap[c]];
        if (candidate < smallest) {
          smallest = candidate;
          child = c;
        }
      }
      if (smallest >= value) break;
      const other = heap[child];
      heap[at] = other;
      place[other] = at;
      at = child;
    }
    heap[at] = moved;
    place[moved] = at;
  }
  return root;
}

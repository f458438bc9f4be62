/**
 * First curves: the straight line, or a shortest path on a graph, resampled and smoothed. In up to three latent
 * dimensions the graph can be a grid over a box; in any dimension a neighbour graph over codes, which the two points
 * join through their nearest codes. Edges carry lengths in the metric. A grid path is too long by its angles (at most
 * 0.6 % with 48 neighbours in the plane, 2.8 % with 16), so routes closer than that may be confused.
 *
 * Axes: T nodes, d latent dimensions.
 */
import { findEdge, type Graph, type GridGraph, gridGraph } from "../numerics/graph.js";
import { neighbourGraph } from "../numerics/neighbours.js";
import { evenly, resampleAt, smoothCurve } from "../numerics/resample.js";
import {
  distanceTo,
  type Landmarks,
  landmarkBound,
  landmarks,
  type PathWorkspace,
  pathTo,
  pathWorkspace,
  shortestPaths,
} from "../numerics/shortest-paths.js";
import type { Box } from "./surrogate.js";

/** A graph with places for its nodes. Plain data: it can be sent to a worker thread. */
export interface StartGraph {
  readonly kind: "grid" | "neighbours";
  readonly graph: Graph;
  readonly landmarks: Landmarks;
  readonly dimension: number;
  /** Nodes of a grid lie on this box; [] for a neighbour graph. */
  readonly shape: readonly number[];
  readonly box: Box;
  /** Row-major. [nodes, d] */
  readonly places: Float64Array;
}

/** The straight line in T nodes. [T, d] */
export function straightLine(from: Float64Array, to: Float64Array, points: number): Float64Array {
  const d = from.length;
  const out = new Float64Array(points * d);
  for (let i = 0; i < points; i++) {
    const t = i / (points - 1);
    for (let k = 0; k < d; k++) out[i * d + k] = (1 - t) * from[k] + t * to[k];
  }
  out.set(to, (points - 1) * d);
  return out;
}

/** Nodes along each axis, and neighbours of a node, of the grids that starts are searched on. */
export interface GridSize {
  readonly nodes: number;
  readonly neighbours: number;
}

/** Where an edge costs a table look-up (a tabulated plane metric). */
export const FINE_GRID: GridSize = { nodes: 128, neighbours: 48 };
/** Where edges cost decodings. */
export const GRIDS: Readonly<Record<number, GridSize>> = {
  1: { nodes: 256, neighbours: 2 },
  2: { nodes: 64, neighbours: 16 },
  3: { nodes: 20, neighbours: 98 },
};

/** A grid over a box; `weigh` sets the lengths of the graph's edges, given the places of its nodes [nodes, d]. */
export async function gridStart(
  box: Box,
  size: GridSize,
  weigh: (graph: Graph, places: Float64Array) => Promise<void>,
): Promise<StartGraph> {
  const d = box.lower.length;
  const shape = new Array<number>(d).fill(size.nodes);
  const graph: GridGraph = gridGraph(shape, size.neighbours);
  const places = new Float64Array(graph.nodes * d);
  for (let node = 0; node < graph.nodes; node++) {
    let rest = node;
    for (let axis = d - 1; axis >= 0; axis--) {
      const i = rest % shape[axis];
      rest = (rest - i) / shape[axis];
      places[node * d + axis] = box.lower[axis] + ((box.upper[axis] - box.lower[axis]) * i) / (shape[axis] - 1);
    }
  }
  await weigh(graph, places);
  return withLandmarks({ kind: "grid", graph, dimension: d, shape, box, places });
}

/** Neighbours of a code in the graph over codes. */
const CODE_NEIGHBOURS = 12;

/** A graph over codes [N, d], each joined to its nearest ones (and all of them connected). */
export async function neighbourStart(
  codes: Float64Array,
  dimension: number,
  weigh: (graph: Graph, places: Float64Array) => Promise<void>,
): Promise<StartGraph> {
  const { graph } = neighbourGraph(codes, dimension, Math.min(CODE_NEIGHBOURS, codes.length / dimension - 1));
  await weigh(graph, codes);
  return withLandmarks({
    kind: "neighbours",
    graph,
    dimension,
    shape: [],
    box: boxOf(codes, dimension),
    places: codes,
  });
}

function withLandmarks(start: Omit<StartGraph, "landmarks">): StartGraph {
  const count = Math.min(8, start.graph.nodes);
  return { ...start, landmarks: landmarks(start.graph, pathWorkspace(start.graph.nodes), count) };
}

const EDGES_AT_ONCE = 4096;

/** The length of an edge that no path shall take. */
const BARRED = Number.MAX_VALUE / 1e8;

/** Measures each undirected edge once and writes its length at both of its ends. */
export async function fillWeights(
  graph: Graph,
  places: Float64Array,
  d: number,
  lengthsOf: (starts: Float64Array, ends: Float64Array) => Promise<ArrayLike<number>>,
): Promise<void> {
  const flush = async (from: Int32Array, to: Int32Array, at: Int32Array, count: number) => {
    const starts = new Float64Array(count * d);
    const ends = new Float64Array(count * d);
    for (let e = 0; e < count; e++) {
      for (let k = 0; k < d; k++) {
        starts[e * d + k] = places[from[e] * d + k];
        ends[e * d + k] = places[to[e] * d + k];
      }
    }
    const lengths = await lengthsOf(starts, ends);
    for (let e = 0; e < count; e++) {
      // Where the metric is not finite no path shall pass.
      const length = Number.isFinite(lengths[e]) ? lengths[e] : BARRED;
      graph.weights[at[e]] = length;
      const back = findEdge(graph, to[e], from[e]);
      if (back >= 0) graph.weights[back] = length;
    }
  };
  const from = new Int32Array(EDGES_AT_ONCE);
  const to = new Int32Array(EDGES_AT_ONCE);
  const at = new Int32Array(EDGES_AT_ONCE);
  let count = 0;
  for (let a = 0; a < graph.nodes; a++) {
    for (let e = graph.offsets[a]; e < graph.offsets[a + 1]; e++) {
      const b = graph.targets[e];
      if (b < a) continue;
      from[count] = a;
      to[count] = b;
      at[count++] = e;
      if (count === EDGES_AT_ONCE) {
        await flush(from, to, at, count);
        count = 0;
      }
    }
  }
  if (count > 0) await flush(from, to, at, count);
}

export function boxOf(points: ArrayLike<number>, d: number): Box {
  const lower = new Array<number>(d).fill(Infinity);
  const upper = new Array<number>(d).fill(-Infinity);
  for (let i = 0; i < points.length; i++) {
    const k = i % d;
    if (points[i] < lower[k]) lower[k] = points[i];
    if (points[i] > upper[k]) upper[k] = points[i];
  }
  return { lower, upper };
}

/** The box grown by a share of its size on each side. */
export function grow({ lower, upper }: Box, share: number): Box {
  return {
    lower: lower.map((low, k) => low - share * (upper[k] - low)),
    upper: upper.map((high, k) => high + share * (high - lower[k])),
  };
}

export function contains({ lower, upper }: Box, point: ArrayLike<number>): boolean {
  return lower.every((low, k) => point[k] >= low && point[k] <= upper[k]);
}

const workspaces = new WeakMap<StartGraph, PathWorkspace>();

/** A path on the graph: its corners, and the graph length along it. */
export interface GraphPath {
  /** [m, d], the two points included */
  corners: Float64Array;
  /** Length up to each corner. [m] */
  lengths: Float64Array;
}

/** The shortest path between two points, or undefined where there is none. */
export function graphPath(start: StartGraph, from: Float64Array, to: Float64Array): GraphPath | undefined {
  const { graph } = start;
  const workspace = workspaceOf(start);
  const target = nearestNode(start, to);
  shortestPaths(graph, workspace, nearestNode(start, from), {
    target,
    lowerBound: landmarkBound(start.landmarks, target),
  });
  return pathFound(start, workspace, from, to, target);
}

/** Shortest paths from one point to many, by one search. The paths must be asked for before the next search. */
export function graphPathsFrom(
  start: StartGraph,
  from: Float64Array,
  targets: readonly Float64Array[],
): (GraphPath | undefined)[] {
  const workspace = workspaceOf(start);
  const nodes = targets.map((to) => nearestNode(start, to));
  shortestPaths(start.graph, workspace, nearestNode(start, from), { targets: nodes });
  return targets.map((to, k) => pathFound(start, workspace, from, to, nodes[k]));
}

function workspaceOf(start: StartGraph): PathWorkspace {
  let workspace = workspaces.get(start);
  if (!workspace) {
    workspace = pathWorkspace(start.graph.nodes);
    workspaces.set(start, workspace);
  }
  return workspace;
}

function pathFound(
  start: StartGraph,
  workspace: PathWorkspace,
  from: Float64Array,
  to: Float64Array,
  target: number,
): GraphPath | undefined {
  const { dimension: d, places } = start;
  const distance = distanceTo(workspace, target);
  if (!(distance < BARRED)) return undefined;
  const path = pathTo(workspace, target);
  // On a grid the two points stand in for the nodes they lie nearest to; codes are kept as corners.
  const keepEnds = start.kind === "neighbours";
  const inner = keepEnds ? [...path] : [...path.slice(1, -1)];
  const corners = new Float64Array((inner.length + 2) * d);
  const lengths = new Float64Array(inner.length + 2);
  corners.set(from, 0);
  corners.set(to, (inner.length + 1) * d);
  inner.forEach((node, i) => {
    for (let k = 0; k < d; k++) corners[(i + 1) * d + k] = places[node * d + k];
    lengths[i + 1] = workspace.distance[node];
  });
  lengths[inner.length + 1] = distance;
  if (keepEnds) spaceEnds(corners, lengths, d);
  return { corners, lengths };
}

/** Gives the pieces from the points to their first codes lengths in proportion to the rest; drops them where zero. */
function spaceEnds(corners: Float64Array, lengths: Float64Array, d: number): void {
  const m = lengths.length;
  let latent = 0;
  const piece = (i: number): number => {
    let sum = 0;
    for (let k = 0; k < d; k++) sum += (corners[i * d + k] - corners[(i - 1) * d + k]) ** 2;
    return Math.sqrt(sum);
  };
  for (let i = 2; i < m - 1; i++) latent += piece(i);
  const rate = latent > 0 ? lengths[m - 1] / latent : 1;
  const first = piece(1) * rate;
  const last = piece(m - 1) * rate;
  for (let i = 1; i < m - 1; i++) lengths[i] += first;
  lengths[m - 1] += first + last;
}

/** Corners are rounded off over about this share of a curve's nodes. */
const SMOOTHING_SHARE = 1 / 20;

/** A path as a curve of T nodes at equal steps of graph length, its corners smoothed. [T, d] */
export function pathCurve({ corners, lengths }: GraphPath, d: number, points: number): Float64Array {
  const total = lengths[lengths.length - 1];
  const from = corners.slice(0, d);
  const to = corners.slice(corners.length - d);
  if (lengths.length === 2 || !(total > 0)) return straightLine(from, to, points);
  const curve = resampleAt(corners, d, lengths, evenly(total, points), "linear");
  const width = points * SMOOTHING_SHARE;
  const smooth = smoothCurve(curve, d, (width / (2 * Math.PI)) ** 4);
  smooth.set(from, 0);
  smooth.set(to, (points - 1) * d);
  return smooth;
}

function nearestNode(start: StartGraph, point: Float64Array): number {
  const { kind, shape, box, places, dimension: d } = start;
  if (kind === "grid") {
    let node = 0;
    for (let k = 0; k < d; k++) {
      const place = ((point[k] - box.lower[k]) / (box.upper[k] - box.lower[k])) * (shape[k] - 1);
      node = node * shape[k] + Math.min(Math.max(Math.round(place), 0), shape[k] - 1);
    }
    return node;
  }
  let nearest = 0;
  let least = Infinity;
  for (let node = 0; node < start.graph.nodes; node++) {
    let square = 0;
    for (let k = 0; k < d; k++) square += (places[node * d + k] - point[k]) ** 2;
    if (square < least) {
      least = square;
      nearest = node;
    }
  }
  return nearest;
}

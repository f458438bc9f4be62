import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  connectedComponents,
  findEdge,
  graphFromEdges,
  gridGraph,
  gridSteps,
  setEmbeddingWeights,
  setWeights,
} from "../../src/numerics/graph.js";
import {
  distancesFrom,
  distanceTo,
  landmarkBound,
  landmarks,
  pathTo,
  pathWorkspace,
  shortestPathBetween,
  shortestPaths,
} from "../../src/numerics/shortest-paths.js";
import { testRandom } from "./helpers.js";

function randomGraph(nodes: number, edges: number, seed: number, zeros = false) {
  const random = testRandom(seed);
  const from: number[] = [];
  const to: number[] = [];
  const weights: number[] = [];
  for (let e = 0; e < edges; e++) {
    from.push(random.integer(nodes));
    to.push(random.integer(nodes));
    weights.push(zeros && random.uniform() < 0.3 ? 0 : random.uniform());
  }
  return { from, to, weights };
}

/** All-pairs distances by Floyd and Warshall, from the raw edge list. */
function floydWarshall(nodes: number, edges: ReturnType<typeof randomGraph>, symmetric: boolean): number[][] {
  const d = Array.from({ length: nodes }, (_, i) => Array.from({ length: nodes }, (_, j) => (i === j ? 0 : Infinity)));
  edges.from.forEach((a, e) => {
    const b = edges.to[e];
    d[a][b] = Math.min(d[a][b], edges.weights[e]);
    if (symmetric) d[b][a] = Math.min(d[b][a], edges.weights[e]);
  });
  for (let k = 0; k < nodes; k++)
    for (let i = 0; i < nodes; i++) for (let j = 0; j < nodes; j++) d[i][j] = Math.min(d[i][j], d[i][k] + d[k][j]);
  return d;
}

const close = (a: number, b: number) => a === b || Math.abs(a - b) < 1e-12;

describe("shortest paths on random graphs", () => {
  it("agree with Floyd-Warshall, directed and undirected, with parallel, zero and missing edges", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 1, max: 25 }), fc.boolean(), (seed, n, both) => {
        const edges = randomGraph(n, 2 * n, seed, true);
        const expected = floydWarshall(n, edges, both);
        const graph = graphFromEdges(n, edges.from, edges.to, edges.weights, { symmetric: both });
        const [one, two] = [pathWorkspace(n), pathWorkspace(n)];
        for (let s = 0; s < n; s++) {
          const all = distancesFrom(graph, one, s);
          for (let t = 0; t < n; t++) {
            if (!close(all[t], expected[s][t])) return false;
            if (both) {
              const between = shortestPathBetween(graph, one, two, s, t);
              if (!close(between.distance, expected[s][t]) || !isPath(graph, between.path, s, t, between.distance))
                return false;
            }
          }
          for (let t = 0; t < n; t++) {
            const d = shortestPaths(graph, one, s, { target: t });
            if (!close(d, expected[s][t]) || !isPath(graph, pathTo(one, t), s, t, d)) return false;
          }
        }
        return true;
      }),
      { numRuns: 60 },
    );
  });

  function isPath(graph: ReturnType<typeof graphFromEdges>, path: Int32Array, s: number, t: number, length: number) {
    if (length === Infinity) return path.length === 0;
    if (path[0] !== s || path[path.length - 1] !== t) return false;
    let sum = 0;
    for (let i = 1; i < path.length; i++) {
      const e = findEdge(graph, path[i - 1], path[i]);
      if (e < 0) return false;
      sum += graph.weights[e];
    }
    return close(sum, length);
  }

  it("several targets, a limit, and the order of settling", () => {
    const edges = randomGraph(200, 900, 4);
    const graph = graphFromEdges(200, edges.from, edges.to, edges.weights);
    const workspace = pathWorkspace(200);
    const all = distancesFrom(graph, workspace, 7);
    for (let i = 1; i < workspace.settled; i++)
      expect(all[workspace.order[i]]).toBeGreaterThanOrEqual(all[workspace.order[i - 1]]);
    const targets = [3, 50, 120, 7];
    shortestPaths(graph, workspace, 7, { targets });
    for (const t of targets) expect(distanceTo(workspace, t)).toBe(all[t]);
    expect(workspace.settled).toBeLessThan(200);
    const limit = [...all].sort((a, b) => a - b)[60];
    shortestPaths(graph, workspace, 7, { limit });
    expect(workspace.settled).toBe(61);
    for (let node = 0; node < 200; node++)
      expect(distanceTo(workspace, node)).toBe(all[node] <= limit ? all[node] : Infinity);
    for (let i = 0; i < workspace.settled; i++) expect(all[workspace.order[i]]).toBeLessThanOrEqual(limit);
  });
});

describe("grid graphs", () => {
  it("have the neighbourhoods that they name, symmetric and without multiples", () => {
    for (const [d, counts] of [
      [1, [2]],
      [2, [4, 8, 16, 32, 48]],
      [3, [6, 18, 26, 98, 290]],
    ] as const)
      for (const count of counts) {
        const steps = gridSteps(d, count);
        expect(steps.length).toBe(count);
        const names = new Set(steps.map((s) => s.join()));
        for (const step of steps) {
          expect(names.has(step.map((v) => (v === 0 ? 0 : -v)).join())).toBe(true);
          expect(names.has(step.map((v) => 2 * v).join())).toBe(false);
        }
      }
    expect(() => gridSteps(2, 12)).toThrow(/choose among 4, 8, 16, 32, 48/);
    expect(() => gridGraph([4, 0])).toThrow(/positive integers/);
  });

  it.each([
    [8, 1 / Math.cos(Math.PI / 8)],
    [16, 1.0275],
    [32, 1.0131],
  ])("with %i neighbours overestimate flat distances by at most the stated factor", (neighbours, worst) => {
    const n = 41;
    const graph = gridGraph([n, n], neighbours);
    setWeights(graph, (a, b) => Math.hypot(Math.floor(a / n) - Math.floor(b / n), (a % n) - (b % n)));
    const centre = 20 * n + 20;
    const d = distancesFrom(graph, pathWorkspace(graph.nodes), centre);
    let largest = 1;
    for (let node = 0; node < graph.nodes; node++) {
      if (node === centre) continue;
      const flat = Math.hypot(Math.floor(node / n) - 20, (node % n) - 20);
      expect(d[node]).toBeGreaterThan(flat - 1e-9);
      largest = Math.max(largest, d[node] / flat);
    }
    expect(largest).toBeLessThan(worst * 1.001);
    expect(largest).toBeGreaterThan(1 + (worst - 1) * 0.9); // and the factor is reached: the neighbourhood is that one
  });

  it("number their nodes with the last axis fastest, in 1, 2 and 3 dimensions", () => {
    const graph = gridGraph([3, 4, 5], 6);
    const ends = (a: number) => [...graph.targets.slice(graph.offsets[a], graph.offsets[a + 1])].sort((x, y) => x - y);
    expect(ends(0)).toEqual([1, 5, 20]);
    expect(ends(20 + 5 + 1)).toEqual([6, 21, 25, 27, 31, 46]);
    expect(gridGraph([4]).targets).toEqual(Int32Array.from([1, 0, 2, 1, 3, 2]));
    expect(gridGraph([3, 3, 3], 26).offsets[14] - gridGraph([3, 3, 3], 26).offsets[13]).toBe(26);
  });

  it("A* with the straight-line bound or landmarks gives Dijkstra's distances and settles fewer nodes", () => {
    const n = 50;
    const graph = gridGraph([n, n], 16);
    const x = (a: number) => Math.floor(a / n);
    const y = (a: number) => a % n;
    setWeights(graph, (a, b) => (1 + 0.5 * Math.sin(a + b) ** 2) * Math.hypot(x(a) - x(b), y(a) - y(b)));
    const workspace = pathWorkspace(graph.nodes);
    const random = testRandom(1);
    let plain = 0;
    let directed = 0;
    for (let i = 0; i < 30; i++) {
      const [s, t] = [random.integer(n * n), random.integer(n * n)];
      const expected = shortestPaths(graph, workspace, s, { target: t });
      plain += workspace.settled;
      const lowerBound = (a: number) => Math.hypot(x(a) - x(t), y(a) - y(t));
      expect(shortestPaths(graph, workspace, s, { target: t, lowerBound })).toBeCloseTo(expected, 10);
      directed += workspace.settled;
    }
    expect(directed).toBeLessThan(0.7 * plain);
    const table = landmarks(graph, workspace, 6);
    let guided = 0;
    for (let i = 0; i < 30; i++) {
      const [s, t] = [random.integer(n * n), random.integer(n * n)];
      const expected = shortestPaths(graph, workspace, s, { target: t });
      expect(shortestPaths(graph, workspace, s, { target: t, lowerBound: landmarkBound(table, t) })).toBeCloseTo(
        expected,
        10,
      );
      guided += workspace.settled;
    }
    expect(guided).toBeLessThan(0.4 * plain);
  });

  it("take their weights from an embedding", () => {
    const random = testRandom(9);
    const graph = gridGraph([6, 7], 8);
    const embedding = Float64Array.from({ length: 42 * 5 }, () => random.normal());
    setEmbeddingWeights(graph, embedding, 5);
    for (let a = 0; a < 42; a++)
      for (let e = graph.offsets[a]; e < graph.offsets[a + 1]; e++) {
        const b = graph.targets[e];
        let sum = 0;
        for (let k = 0; k < 5; k++) sum += (embedding[a * 5 + k] - embedding[b * 5 + k]) ** 2;
        expect(graph.weights[e]).toBeCloseTo(Math.sqrt(sum), 12);
      }
  });
});

it("components are those of union by hand, and bad input is refused in one sentence", () => {
  const graph = graphFromEdges(7, [0, 1, 3, 5], [1, 2, 4, 5], [1, 1, 1, 1]);
  expect(connectedComponents(graph)).toEqual({ labels: Int32Array.from([0, 0, 0, 1, 1, 2, 3]), count: 4 });
  expect(() => graphFromEdges(2, [0], [2], [1])).toThrow(/0 -> 2/);
  expect(() => graphFromEdges(2, [0], [1], [-1])).toThrow(/-1/);
  expect(() => graphFromEdges(2, [0], [1], [Number.NaN])).toThrow(/NaN/);
  expect(() => shortestPaths(graph, pathWorkspace(7), 9)).toThrow(/source/);
  expect(() => shortestPaths(graph, pathWorkspace(3), 0)).toThrow(/larger/);
  expect(() => setWeights(graph, () => Number.NaN)).toThrow(/NaN/);
});

import { describe, expect, it } from "vitest";
import { connectedComponents } from "../../src/numerics/graph.js";
import { nearestNeighbours, neighbourGraph } from "../../src/numerics/neighbours.js";
import { testRandom } from "./helpers.js";

const cloud = (count: number, dimension: number, seed: number) => {
  const random = testRandom(seed);
  return Float64Array.from({ length: count * dimension }, () => random.normal());
};
const distance = (a: Float64Array, i: number, b: Float64Array, j: number, d: number) =>
  Math.hypot(...Array.from({ length: d }, (_, k) => a[i * d + k] - b[j * d + k]));

describe("nearest neighbours", () => {
  for (const method of ["tree", "bruteForce"] as const)
    it.each([
      [1, 50],
      [2, 300],
      [3, 13],
      [5, 400],
      [8, 200],
      [20, 150],
    ])(`by ${method} in %i dimensions are those of sorting all distances`, (d, count) => {
      const points = cloud(count, d, d);
      const k = Math.min(7, count - 1);
      const { indices, distances } = nearestNeighbours(points, d, k, { method });
      const queries = cloud(20, d, 99);
      const far = nearestNeighbours(points, d, k, { method, queries });
      for (const [rows, from, found] of [
        [count, points, { indices, distances }],
        [20, queries, far],
      ] as const)
        for (let i = 0; i < rows; i++) {
          const all = Array.from({ length: count }, (_, j) => [distance(from, i, points, j, d), j])
            .filter(([, j]) => from !== points || j !== i)
            .sort((a, b) => a[0] - b[0])
            .slice(0, k);
          expect([...found.indices.slice(i * k, (i + 1) * k)]).toEqual(all.map(([, j]) => j));
          all.forEach(([length], r) => {
            expect(found.distances[i * k + r]).toBeCloseTo(length, 12);
          });
        }
    });

  it("copies of a point are neighbours at distance zero; a grid of equal values does not break the tree", () => {
    const same = nearestNeighbours(new Float64Array(200).fill(3), 2, 3);
    expect(same.distances.every((v) => v === 0)).toBe(true);
    for (let i = 0; i < 100; i++) expect([...same.indices.slice(3 * i, 3 * i + 3)]).not.toContain(i);
    const lattice = Float64Array.from({ length: 800 }, (_, q) => (q % 2 ? (q >> 1) % 20 : Math.floor((q >> 1) / 20)));
    const { distances } = nearestNeighbours(lattice, 2, 2);
    expect(distances.every((v) => v === 1)).toBe(true);
  });

  it("refuse impossible requests in one sentence", () => {
    expect(() => nearestNeighbours(new Float64Array(6), 2, 3)).toThrow(/k = 3 with 2 candidates/);
    expect(() => nearestNeighbours(new Float64Array(5), 2, 1)).toThrow(/\[N, d\]/);
    expect(() => nearestNeighbours(Float64Array.from([0, Number.NaN, 1]), 1, 1)).toThrow(/NaN at point 1/);
  });
});

describe("the neighbour graph", () => {
  it.each([2, 12])("is symmetric, and connected by the minimum spanning tree over components (d = %i)", (d) => {
    const random = testRandom(4);
    const blobs = 6;
    const each = 15;
    const points = new Float64Array(blobs * each * d);
    for (let b = 0; b < blobs; b++) {
      const centre = Array.from({ length: d }, () => 30 * random.normal());
      for (let i = 0; i < each * d; i++) points[b * each * d + i] = centre[i % d] + random.normal();
    }
    const { graph, added } = neighbourGraph(points, d, 5);
    expect(connectedComponents(graph).count).toBe(1);
    expect(added.length).toBe(blobs - 1);
    for (let a = 0; a < graph.nodes; a++)
      for (let e = graph.offsets[a]; e < graph.offsets[a + 1]; e++) {
        const b = graph.targets[e];
        expect(graph.weights[e]).toBeCloseTo(distance(points, a, points, b, d), 12);
        expect([...graph.targets.slice(graph.offsets[b], graph.offsets[b + 1])]).toContain(a);
      }
    // Prim over blobs with all pairs, by hand
    const between = (p: number, q: number) => {
      let least = Infinity;
      for (let i = 0; i < each; i++)
        for (let j = 0; j < each; j++) least = Math.min(least, distance(points, p * each + i, points, q * each + j, d));
      return least;
    };
    const inTree = new Set([0]);
    let total = 0;
    while (inTree.size < blobs) {
      let [least, next] = [Infinity, -1];
      for (const p of inTree)
        for (let q = 0; q < blobs; q++) if (!inTree.has(q) && between(p, q) < least) [least, next] = [between(p, q), q];
      total += least;
      inTree.add(next);
    }
    expect(added.reduce((s, [a, b]) => s + distance(points, a, points, b, d), 0)).toBeCloseTo(total, 10);
  });

  it("adds nothing where it is connected, contains each point's neighbours, and survives equal distances", () => {
    const points = cloud(200, 2, 1);
    const { graph, added } = neighbourGraph(points, 2, 12);
    expect(added).toEqual([]);
    const { indices } = nearestNeighbours(points, 2, 12);
    indices.forEach((b, e) => {
      const a = Math.floor(e / 12);
      expect(graph.targets.slice(graph.offsets[a], graph.offsets[a + 1]).includes(b)).toBe(true);
    });
    // pairs on a line, all gaps equal
    const pairs = Float64Array.from({ length: 20 }, (_, i) => 10 * (i >> 1) + (i % 2));
    const joined = neighbourGraph(pairs, 1, 1);
    expect(connectedComponents(joined.graph).count).toBe(1);
    expect(joined.added.length).toBe(9);
  });
});

/** Products of manifolds: coordinates side by side, squared distances and log volumes add. */
import { expectThat } from "../errors.js";
import type { Arithmetic } from "./arithmetic.js";
import type { GeometryCore, Manifold } from "./geometry.js";
import { makeManifold } from "./make-manifold.js";

function core<S, V>(A: Arithmetic<S, V>, factors: readonly Manifold[]): GeometryCore<S, V> {
  const geometries = factors.map((factor) => factor.over(A));
  const starts = (size: (m: Manifold) => number) => factors.map((_, i) => total(factors.slice(0, i).map(size)));
  const [points, frames] = [starts((m) => m.coordinates), starts((m) => m.dimension)];
  const pieceOf = (x: V, i: number) => A.part(x, points[i], points[i] + factors[i].coordinates);
  const frameOf = (e: V, i: number) => A.part(e, frames[i], frames[i] + factors[i].dimension);
  type G = (typeof geometries)[number];
  const joined = (f: (g: G, i: number) => V) => A.join(geometries.map(f));
  const added = (f: (g: G, i: number) => S) => geometries.map(f).reduce((a, b) => A.add(a, b));
  return {
    exponentialMap: (x, v) => joined((g, i) => g.exponentialMap(pieceOf(x, i), pieceOf(v, i))),
    logarithmicMap: (x, y) => joined((g, i) => g.logarithmicMap(pieceOf(x, i), pieceOf(y, i))),
    squaredDistance: (x, y) => added((g, i) => g.squaredDistance(pieceOf(x, i), pieceOf(y, i))),
    parallelTransport: (x, y, v) => joined((g, i) => g.parallelTransport(pieceOf(x, i), pieceOf(y, i), pieceOf(v, i))),
    projectPoint: (x) => joined((g, i) => g.projectPoint(pieceOf(x, i))),
    projectVector: (x, v) => joined((g, i) => g.projectVector(pieceOf(x, i), pieceOf(v, i))),
    metricDiagonal: (x) => joined((g, i) => g.metricDiagonal(pieceOf(x, i))),
    logVolumeElement: (x) => added((g, i) => g.logVolumeElement(pieceOf(x, i))),
    logExponentialVolume: (x, v) => added((g, i) => g.logExponentialVolume(pieceOf(x, i), pieceOf(v, i))),
    fromFrame: (x, e) => joined((g, i) => g.fromFrame(pieceOf(x, i), frameOf(e, i))),
    toFrame: (x, v) => joined((g, i) => g.toFrame(pieceOf(x, i), pieceOf(v, i))),
    baseLogDensity: (x) => added((g, i) => g.baseLogDensity(pieceOf(x, i))),
  };
}

const total = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

/**
 * The product of manifolds, with the sum of their metrics. Its base distribution is the product of theirs.
 * @throws UsageError for fewer than one factor; on the host, for points off any factor (the sentence says which)
 */
export function productManifold(factors: readonly Manifold[]): Manifold {
  expectThat(factors.length > 0, "productManifold: no factors were given; give at least one manifold.");
  const coordinates = total(factors.map((m) => m.coordinates));
  const pieces = (x: Float64Array) => {
    let position = 0;
    return factors.map((m) => x.subarray(position, (position += m.coordinates)));
  };
  const joined = (parts: readonly Float64Array[]) => Float64Array.from(parts.flatMap((p) => Array.from(p)));
  return makeManifold({
    name: `product of ${factors.map((m) => m.name).join(" and ")}`,
    kind: "product",
    dimension: total(factors.map((m) => m.dimension)),
    coordinates,
    curvature: factors.length === 1 ? factors[0].curvature : factors.every((m) => m.curvature === 0) ? 0 : undefined,
    logTotalVolume: total(factors.map((m) => m.logTotalVolume)),
    injectivityRadius: Math.min(...factors.map((m) => m.injectivityRadius)),
    origin: joined(factors.map((m) => m.origin)),
    factors,
    core: (A) => core(A, factors),
    whyNotAPoint(x) {
      for (const [i, piece] of pieces(x).entries()) {
        const why = factors[i].whyNotAPoint(piece);
        if (why !== undefined) return `in factor ${i} (${factors[i].name}) ${why}`;
      }
      return undefined;
    },
    whyNotTangent(x, v) {
      const vectors = pieces(v);
      for (const [i, piece] of pieces(x).entries()) {
        const why = factors[i].whyNotTangent(piece, vectors[i]);
        if (why !== undefined) return `in factor ${i} (${factors[i].name}) ${why}`;
      }
      return undefined;
    },
    drawBase: (random) => joined(factors.map((m) => m.drawBase(random))),
  });
}

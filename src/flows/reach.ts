/**
 * How far from the origin flows on the Poincare ball compute: their coordinates are kept within (1 - 1e-5)/sqrt(c) of the
 * centre, so that float32 holds them. What lies beyond would count as lying there, at a density that is not its own.
 */
import type { NdArray } from "../engine/index.js";
import { UsageError } from "../errors.js";
import { host, type Manifold, projectToBall, TRACED_MARGIN } from "../manifolds/index.js";
import { type FlowShape, manifoldOf } from "./shape.js";

/** The largest distance from the origin, 12.2/sqrt(c) on the Poincare ball of curvature -c; infinite on other manifolds. */
export function flowReach({ kind, curvature }: Pick<Manifold, "kind" | "curvature">): number {
  return kind === "poincare-ball" ? (2 * Math.atanh(1 - TRACED_MARGIN)) / Math.sqrt(-curvature!) : Infinity;
}

/** Rows of points [N, n] beyond the reach, with the distance of each from the origin. */
export function rowsBeyondReach(manifold: Manifold, points: NdArray): { row: number; distance: number }[] {
  const reach = flowReach(manifold) * (1 + 1e-6);
  const [N, n] = points.shape;
  if (reach === Infinity) return [];
  return Array.from({ length: N }, (_, row) => ({
    row,
    distance: manifold.distance(manifold.origin, Float64Array.from(points.data.subarray(row * n, (row + 1) * n))),
  })).filter(({ distance }) => distance > reach);
}

/** The point itself, or on the Poincare ball the point as far out as flows compute, in its direction. */
export function withinReach(manifold: Manifold, point: Float64Array): Float64Array {
  if (manifold.kind !== "poincare-ball") return point;
  return projectToBall(host, -manifold.curvature!, point, TRACED_MARGIN);
}

/** @throws UsageError naming the first row [N, n] beyond the reach of flows, and how far it lies */
export function checkReach(manifold: Manifold, argument: string, points: NdArray): void {
  const beyond = rowsBeyondReach(manifold, points);
  if (beyond.length === 0) return;
  const [{ row, distance }] = beyond;
  throw new UsageError(
    `${argument}, row ${row}, lies at distance ${distance.toPrecision(4)} from the origin of the ${manifold.name}, and flows compute up to ${flowReach(manifold).toPrecision(4)} (12.2/sqrt(c); ${beyond.length} of ${points.shape[0]} rows lie beyond): leave them out, move them inside, or take a smaller curvature.`,
  );
}

/**
 * @throws UsageError where a share of a base distribution's draws that counts lies beyond the reach: its distances from the
 *   origin, over its standard deviation, are of a chi distribution with d degrees, here at most sqrt(d) + 3 (1e-4 of the draws)
 */
export function checkBaseReach(shape: FlowShape): void {
  const manifold = manifoldOf(shape.manifold);
  const widest = flowReach(manifold) / (Math.sqrt(manifold.dimension) + 3);
  if (shape.base !== "wrapped-normal" || shape.baseStd <= widest) return;
  throw new UsageError(
    `baseStd: ${shape.baseStd} spreads the base distribution of the ${manifold.name} beyond distance ${flowReach(manifold).toPrecision(4)} (12.2/sqrt(c)), where flows end; give at most ${widest.toPrecision(2)}, or a smaller curvature.`,
  );
}

/** What the verbs print of the ball's own geometry, in closed form, in the shape of the solvers' results. */
import { chordLength, exactDistances, exactGeodesic, exactMean } from "../autoencoders/pvae/index.js";
import type { NdArray } from "../engine/index.js";
import { reasons } from "../geodesics/index.js";
import type { Manifold } from "../manifolds/index.js";

type Ball = Manifold & { readonly curvature: number };

const CLOSED = "in closed form";
const BALANCED = "the exact logarithmic maps from it to the points sum to zero";

export function hyperbolicGeodesic(ball: Ball, from: readonly number[], to: readonly number[]) {
  const length = ball.distance(from, to);
  const reason = length > 0 ? ("converged" as const) : ("coincident" as const);
  return {
    curve: exactGeodesic(ball, from, to),
    length,
    straightLength: chordLength(-ball.curvature, from, to),
    energy: length ** 2,
    converged: true,
    reason,
    message: length > 0 ? CLOSED : reasons.coincident,
    iterations: 0,
    warnings: [] as readonly string[],
  };
}

export function hyperbolicDistances(ball: Ball, points: NdArray) {
  const n = points.shape[0];
  return {
    distances: exactDistances(ball, points),
    converged: (n * (n - 1)) / 2,
    failed: [] as readonly (readonly [number, number])[],
  };
}

export function hyperbolicMean(ball: Ball, points: NdArray) {
  const { mean, variance, converged, iterations } = exactMean(ball, points);
  const reason = converged ? ("converged" as const) : ("iterationLimit" as const);
  return { mean, variance, converged, iterations, reason, message: converged ? BALANCED : reasons[reason] };
}

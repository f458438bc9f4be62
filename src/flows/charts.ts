/**
 * How a flow's own space relates to the data's manifold. A Riemannian flow runs on the manifold itself; the baselines
 * run on R^d:
 *
 * - stereographic: x = (2z, |z|^2 - 1)/(1 + |z|^2), log p(x) = log p(z) - d log(2/(1 + |z|^2)). It cannot reach the pole
 *   (0, ..., 0, 1); points within 1e-3 rad of it count as lying at that distance.
 * - wrapped: x = exp_o(v), log p(x) = log sum over preimages v_k of p(v_k) / |det d exp_o(v_k)|. On the sphere the
 *   preimages lie at r + 2 pi k on the same great circle, on the torus at theta + 2 pi k; both are summed over
 *   |k| <= 1. On S^d, d >= 2, those with k != 0 have a pole at o, (|r + 2 pi k|/r)^(d - 1), integrable but unbounded:
 *   there r counts as at least 1e-3 rad. Hyperbolic and Euclidean space have one preimage.
 *
 * Axes: N points, n coordinates on the manifold, d dimensions, K preimages.
 */
import {
  add,
  concat,
  constant,
  div,
  expandDims,
  log,
  logSumExp,
  maximum,
  mul,
  ndarray,
  reshape,
  slice,
  sqrt,
  sub,
  sum,
  type Tensor,
} from "../engine/index.js";
import type { Manifold } from "../manifolds/index.js";
import { type FlowShape, manifoldOf } from "./shape.js";

export interface Chart {
  /** Points of the flow's space that map to each x, below one another: [N, n] -> [K N, d]. */
  toFlow(x: Tensor): Tensor;
  /** log p(x) [N] from log densities [K N] of the preimages. */
  logDensity(x: Tensor, preimages: Tensor, logDensities: Tensor): Tensor;
  /** [N, d] -> [N, n]. */
  fromFlow(z: Tensor): Tensor;
}

/** The chart of a flow. */
export function chartOf(shape: FlowShape): Chart {
  const manifold = manifoldOf(shape.manifold);
  if (shape.method === "stereographic") return stereographic(manifold.dimension);
  if (shape.method === "wrapped") return wrapped(manifold);
  return { toFlow: (x) => x, logDensity: (_x, _z, values) => values, fromFlow: (z) => z };
}

function stereographic(d: number): Chart {
  return {
    toFlow(x) {
      const last = slice(x, [null, [d, d + 1]]);
      return div(slice(x, [null, [0, d]]), maximum(sub(1, last), 5e-7));
    },
    logDensity: (_x, z, values) => sub(values, mul(d, log(div(2, add(1, sum(mul(z, z), -1)))))),
    fromFlow(z) {
      const squared = sum(mul(z, z), -1, { keepDimensions: true });
      return div(concat([mul(2, z), sub(squared, 1)], -1), add(1, squared));
    },
  };
}

function wrapped(manifold: Manifold): Chart {
  const { dimension: d, traced: g } = manifold;
  const origin = constant(ndarray(manifold.origin, [1, manifold.coordinates]));
  const at = (like: Tensor) => add(origin, mul(0, slice(like, [null, [0, 1]])));
  const fromFlow = (z: Tensor) => g.exponentialMap(at(z), g.fromFrame(at(z), z));
  if (manifold.kind === "torus") {
    const shifts = multiples(d);
    return {
      toFlow: (x) =>
        concat(
          shifts.map((shift) => add(x, ndarray(shift))),
          0,
        ),
      logDensity: (x, _z, values) => logSumExp(reshape(values, [shifts.length, x.shape[0]]), 0),
      fromFlow,
    };
  }
  const nearest = (x: Tensor) => g.toFrame(at(x), g.logarithmicMap(at(x), x));
  const volume = (z: Tensor) => g.logExponentialVolume(at(z), g.fromFrame(at(z), z));
  if (manifold.kind !== "sphere")
    return { toFlow: nearest, logDensity: (_x, z, values) => sub(values, volume(z)), fromFlow };
  const turns = [0, 1, -1];
  const radius = (v: Tensor, least: number) => sqrt(maximum(sum(mul(v, v), -1, { keepDimensions: true }), least ** 2));
  // o itself gives no direction to its preimages: the first axis counts as one
  const nudge = ndarray(Float64Array.from({ length: d }, (_, i) => (i === 0 ? 1e-12 : 0)));
  return {
    toFlow(x) {
      const v = nearest(x);
      const directed = add(v, nudge);
      const r = radius(directed, 1e-15);
      return concat(
        turns.map((k) => (k === 0 ? v : mul(directed, add(1, div(2 * Math.PI * k, r))))),
        0,
      );
    },
    logDensity(x, z, values) {
      const N = x.shape[0];
      // |det d exp| at r + 2 pi k is (|sin r| / |r + 2 pi k|)^(d - 1).
      const v = slice(z, [[0, N]]);
      const r = radius(v, 1e-3); // [N, 1]
      const parts = turns.map((k) => {
        const own = slice(values, [[k === 0 ? 0 : k === 1 ? N : 2 * N, k === 0 ? N : k === 1 ? 2 * N : 3 * N]]);
        if (k === 0) return own;
        const ratio = k > 0 ? div(add(r, 2 * Math.PI), r) : div(sub(2 * Math.PI, r), r);
        return add(own, mul(d - 1, log(slice(ratio, [null, 0]))));
      });
      return sub(
        logSumExp(
          concat(
            parts.map((part) => expandDims(part, 0)),
            0,
          ),
          0,
        ),
        volume(v),
      );
    },
    fromFlow,
  };
}

/** All vectors of d entries from {0, 2 pi, -2 pi}. */
function multiples(d: number): Float64Array[] {
  return Array.from({ length: 3 ** d }, (_, k) =>
    Float64Array.from({ length: d }, (_, i) => 2 * Math.PI * [0, 1, -1][Math.floor(k / 3 ** i) % 3]),
  );
}

/**
 * The isometry between the two models of hyperbolic space of curvature -c: the Poincare ball is the hyperboloid seen
 * from (-1/sqrt(c), 0, ..., 0), by stereographic projection `x = X_s / (1 + sqrt(c) X_0)`.
 */
import type { Tensor } from "../engine/index.js";
import type { Arithmetic } from "./arithmetic.js";
import type { Coordinates } from "./geometry.js";
import { host } from "./host-arithmetic.js";
import { checkCurvature } from "./poincare-ball.js";
import { traced } from "./traced-arithmetic.js";

/** Points x of the ball [n = d], points X of the hyperboloid [n = d + 1], and tangent vectors at them. */
export interface HyperbolicIsometry<V, W = V> {
  toHyperboloid(x: V): W;
  toBall(X: V): W;
  pushVector(x: V, v: V): W;
  pullVector(X: V, v: V): W;
}

function formulas<S, V>(A: Arithmetic<S, V>, c: number, size: (x: V) => number): HyperbolicIsometry<V> {
  const root = Math.sqrt(c);
  const space = (X: V) => A.part(X, 1, size(X));
  return {
    toHyperboloid(x) {
      const s = A.mul(c, A.dot(x, x));
      const gap = A.sub(1, s);
      return A.join([A.asVector(A.div(A.div(A.add(1, s), gap), root)), A.scale(A.div(2, gap), x)]);
    },
    toBall: (X) => A.scale(A.div(1, A.add(1, A.mul(root, A.component(X, 0)))), space(X)),
    pushVector(x, v) {
      const gap = A.sub(1, A.mul(c, A.dot(x, x)));
      const slope = A.div(A.mul(4, A.dot(x, v)), A.mul(gap, gap));
      return A.join([A.asVector(A.mul(root, slope)), A.plus(A.scale(A.div(2, gap), v), A.scale(A.mul(c, slope), x))]);
    },
    pullVector(X, v) {
      const scale = A.div(1, A.add(1, A.mul(root, A.component(X, 0))));
      const fall = A.mul(A.mul(root, A.component(v, 0)), A.mul(scale, scale));
      return A.minus(A.scale(scale, space(v)), A.scale(fall, space(X)));
    },
  };
}

/** The isometry for curvature -c, on the host and under `traced`. @throws UsageError unless c > 0 */
export function hyperbolicIsometry(
  curvature = 1,
): HyperbolicIsometry<Coordinates, Float64Array> & { readonly traced: HyperbolicIsometry<Tensor> } {
  checkCurvature("hyperbolicIsometry", curvature);
  const onHost = formulas(host, curvature, (x: Float64Array) => x.length);
  const vector = (x: Coordinates) => (x instanceof Float64Array ? x : Float64Array.from(x as ArrayLike<number>));
  return {
    toHyperboloid: (x) => onHost.toHyperboloid(vector(x)),
    toBall: (X) => onHost.toBall(vector(X)),
    pushVector: (x, v) => onHost.pushVector(vector(x), vector(v)),
    pullVector: (X, v) => onHost.pullVector(vector(X), vector(v)),
    traced: formulas(traced, curvature, (x: Tensor) => x.shape[x.shape.length - 1]),
  };
}

/**
 * The wrapped normal with diagonal covariance on a manifold: a normal in the tangent space at the mean, in an
 * orthonormal frame, carried over by the exponential map.
 *
 *   z = exp_mean(v),  v = frame(mean) (std * noise),
 *   log density = log N(u; 0, diag std^2) - log |det d exp_mean(v)|,   u the frame coordinates of v = log_mean(z),
 * with respect to the Riemannian volume. Sources: Nagano et al., ICML 2019 (hyperboloid); Mathieu et al., NeurIPS
 * 2019, appendix B.3 (Poincare ball, where the frame is the coordinates over lambda).
 *
 * On the sphere every point is reached along its great circle again and again, at r + 2 pi k: the density is the sum
 * over these preimages. For d >= 2 it has (integrable) poles at the mean and at its antipode, which are invisible for
 * standard deviations below 1: preimages at 2 pi count exp(-2 pi^2 / std^2).
 */
import {
  broadcastTo,
  expandDims,
  type NdArray,
  ndarray,
  type Operand,
  type RandomKey,
  squeeze,
  stream,
  type Tensor,
} from "../engine/index.js";
import { expectThat } from "../errors.js";
import {
  type Arithmetic,
  type Coordinates,
  checkCount,
  host,
  type Manifold,
  rootOrZero,
  traced,
} from "../manifolds/index.js";

export interface WrappedNormal {
  readonly manifold: Manifold;
  /** log density at `z` with respect to the Riemannian volume. `std`: d standard deviations, or one for all. */
  logDensity(z: Coordinates, mean: Coordinates, std: Coordinates | number): number;
  /** `count` draws, `[count, n]`. */
  sample(mean: Coordinates, std: Coordinates | number, key: RandomKey, count: number): NdArray;
  /** In compiled programs; leading axes broadcast. */
  readonly traced: {
    /** z `[..., n]` from mean `[..., n]`, std `[..., d]` (or a number) and standard normal noise `[..., d]`. */
    fromNoise(mean: Tensor, std: Operand, noise: Operand): Tensor;
    /**
     * z as `fromNoise` gives it, with its log density `[...]`, which (except on the sphere) comes from the noise: no
     * logarithmic map has to undo the exponential one. That is cheaper, and exact where z lies so far out that its
     * coordinates do not tell (in the Poincare ball beyond its margin).
     */
    draw(mean: Tensor, std: Operand, noise: Operand): { z: Tensor; logDensity: Tensor };
    /** `[...]` from z and mean `[..., n]`, std `[..., d]`, `[..., 1]` or a number. */
    logDensity(z: Tensor, mean: Tensor, std: Operand): Tensor;
  };
}

/** Squared distances below it are nothing; a normal number in float32. */
const TINY = 1e-30;

function formulas<S, V>(A: Arithmetic<S, V>, manifold: Manifold, wraps: number) {
  const g = manifold.over(A);
  const d = manifold.dimension;
  return {
    fromNoise: (mean: V, std: V, noise: V): V => g.exponentialMap(mean, g.fromFrame(mean, A.times(std, noise))),
    draw(mean: V, std: V, noise: V): { z: V; logDensity: S } {
      const v = g.fromFrame(mean, A.times(std, noise));
      const z = g.exponentialMap(mean, v);
      if (manifold.kind === "sphere") return { z, logDensity: logDensity(z, mean, std) };
      const normal = A.add(A.mul(0.5, A.dot(noise, noise)), constantOf(std));
      return { z, logDensity: A.sub(A.mul(-1, normal), g.logExponentialVolume(mean, v)) };
    },
    logDensity,
  };

  function constantOf(std: V): S {
    return A.add(A.sumOfLogarithms(std), 0.5 * d * Math.log(2 * Math.PI));
  }

  function logDensity(z: V, mean: V, std: V): S {
    const v = g.logarithmicMap(mean, z);
    const ratio = A.quotient(g.toFrame(mean, v), std);
    const squared = A.dot(ratio, ratio);
    const constant = constantOf(std);
    const nearest = A.sub(A.mul(-0.5, squared), g.logExponentialVolume(mean, v));
    if (manifold.kind !== "sphere" || wraps === 0) return A.sub(nearest, constant);
    // Preimage k lies at r + 2 pi k in the direction of v; volume elements scale by its distance over r. At the mean
    // itself no direction is given: the inverse variances are averaged over all.
    const r2 = A.dot(v, v);
    const r = A.max(rootOrZero(A, r2), 1e-6);
    const inverse = A.quotient(A.vector(new Float64Array(d).fill(1)), std);
    const average = A.mul(1 / d, A.dot(inverse, inverse));
    const along = A.div(A.add(squared, A.mul(TINY, average)), A.add(r2, TINY)); // squared length over r^2
    const terms = [nearest];
    for (let k = -wraps; k <= wraps; k++) {
      if (k === 0) continue;
      const reach = A.add(r, 2 * Math.PI * k);
      const stretch = A.div(reach, r);
      const farther = A.mul(-0.5, A.mul(A.mul(reach, reach), along));
      const volume = A.mul(0.5 * (d - 1), A.log(A.mul(stretch, stretch)));
      terms.push(A.add(A.sub(farther, g.logExponentialVolume(mean, v)), volume));
    }
    const top = A.frozen(terms.reduce((a, b) => A.max(a, b)));
    const total = terms.map((term) => A.exp(A.sub(term, top))).reduce((a, b) => A.add(a, b));
    return A.sub(A.add(top, A.log(total)), constant);
  }
}

/**
 * Wrapped normals on a manifold.
 * @param options `wraps`: on the sphere, how many turns in each direction the density counts. The default 1 leaves out
 *   preimages beyond 3 pi: a fraction 5e-20 of the mass for standard deviations of 1, 1.5e-5 for 2
 * @throws UsageError for tori, and products that contain a torus or a sphere, whose preimages are not those of one
 *   great circle: build them from the factors' densities
 */
export function wrappedNormal(manifold: Manifold, options: { readonly wraps?: number } = {}): WrappedNormal {
  const { wraps = 1 } = options;
  const d = manifold.dimension;
  const closed = (m: Manifold) => m.kind === "torus" || m.kind === "sphere";
  expectThat(
    manifold.kind !== "torus" && !manifold.factors.some(closed),
    () =>
      `wrappedNormal: the ${manifold.name} wraps in several directions; give a Euclidean space, a sphere, a hyperbolic space or a product of the open ones, and add the log densities of other factors.`,
  );
  expectThat(
    Number.isInteger(wraps) && wraps >= 0,
    () => `wrappedNormal: wraps is ${wraps}; give the number of turns to count, a whole number from 0.`,
  );
  const [onHost, inTrace] = [formulas(host, manifold, wraps), formulas(traced, manifold, wraps)];
  const stdVector = (std: Coordinates | number): Float64Array => {
    const out = typeof std === "number" ? new Float64Array(d).fill(std) : Float64Array.from(std as ArrayLike<number>);
    expectThat(
      out.length === d && out.every((value) => value > 0 && value < Infinity),
      () =>
        `std is [${out.subarray(0, 4).join(", ")}${d > 4 ? ", ..." : ""}]; give ${d} finite numbers above zero, or one for all.`,
    );
    return out;
  };
  const point = (argument: string, x: Coordinates): Float64Array => {
    manifold.checkPoint(argument, x);
    return Float64Array.from(x as ArrayLike<number>);
  };
  // Standard deviations as [..., d] against whatever leading axes the points have.
  const spread = (std: Operand, like: readonly number[]): Tensor => {
    const shape = typeof std === "number" ? [] : std.shape;
    const leading = shape.length > 0 ? shape.slice(0, -1) : like.slice(0, -1);
    return broadcastTo(shape.length === 0 ? expandDims(std, 0) : std, [...leading, d]);
  };
  return {
    manifold,
    logDensity: (z, mean, std) => onHost.logDensity(point("z", z), point("mean", mean), stdVector(std)),
    sample(mean, std, key, count) {
      checkCount(count);
      const [m, s, random] = [point("mean", mean), stdVector(std), stream(key)];
      const data = new Float64Array(count * manifold.coordinates);
      for (let i = 0; i < count; i++) {
        const noise = Float64Array.from({ length: d }, () => random.normal());
        data.set(onHost.fromNoise(m, s, noise), i * manifold.coordinates);
      }
      return ndarray(data, [count, manifold.coordinates]);
    },
    traced: {
      fromNoise: (mean, std, noise) => inTrace.fromNoise(mean, spread(std, mean.shape), noise as Tensor),
      draw(mean, std, noise) {
        const { z, logDensity } = inTrace.draw(mean, spread(std, mean.shape), noise as Tensor);
        return { z, logDensity: squeeze(logDensity, -1) };
      },
      logDensity: (z, mean, std) => squeeze(inTrace.logDensity(z, mean, spread(std, mean.shape)), -1),
    },
  };
}

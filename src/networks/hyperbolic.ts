/**
 * Layers on the Poincare ball of curvature -c: the maps between the ball and the flat space at its origin, the gyroplane
 * layer and the Mobius layer. With c = 0 each is its Euclidean counterpart, and is the limit of c -> 0.
 *
 * Flat coordinates are those of an orthonormal frame at the origin, so that lengths are distances from the origin:
 *   exp_0(e) = tanh(sqrt(c)|e|/2) e / (sqrt(c)|e|),   d(0, exp_0(e)) = |e|,   z -> e/2 as c -> 0.
 *
 * The gyroplane (Ganea, Becigneul and Hofmann, NeurIPS 2018) through p with normal a is a hyperplane of the hyperboloid,
 * X = (cosh, sinh part) of z, so the signed distances to all units are one matrix product and an asinh:
 *   sinh(sqrt(c) d) = X . nu,   nu = the unit normal a/|a|, transported from the origin to p (Minkowski product).
 * Sums of terms of one size: nothing of the quotient form `-p (+) z` is left that would cancel.
 *
 * Axes: N rows, d inputs, K units.
 */
import {
  add,
  clip,
  concat,
  div,
  log,
  matmul,
  mul,
  type NdArray,
  type Operand,
  reshape,
  rsqrt,
  sqrt,
  square,
  stopGradient,
  sub,
  sum,
  type Tensor,
} from "../engine/index.js";
import { UsageError } from "../errors.js";
import {
  atanhRatio,
  mobiusAdd,
  projectToBall,
  sinhRatio,
  TRACED_MARGIN,
  tanhRatio,
  traced,
} from "../manifolds/index.js";
import { type RandomKey, split, stream } from "../numerics/random.js";
import { type Dense, dense } from "./dense.js";
import { type InitializerName, initialWeight } from "./initializers.js";

/** As in `poincareBall`: points stay within distance 12.2/sqrt(c) of the origin. */
const MARGIN = TRACED_MARGIN;

/** From flat coordinates to the ball: `[..., d] -> [..., d]`; the same coordinates for c = 0. Traceable. */
export function expAtOrigin(e: Tensor, curvature: number): Tensor {
  if (curvature === 0) return e;
  const s = mul(curvature / 4, squaredLength(e)); // (sqrt(c)|e|/2)^2
  return projectToBall(traced, curvature, mul(mul(0.5, tanhRatio(traced, s)), e), MARGIN);
}

/** From the ball to flat coordinates, the inverse of `expAtOrigin`: `[..., d] -> [..., d]`. Traceable. */
export function logAtOrigin(z: Tensor, curvature: number): Tensor {
  if (curvature === 0) return z;
  const s = clip(mul(curvature, squaredLength(z)), 0, (1 - MARGIN) ** 2);
  return mul(mul(2, atanhRatio(traced, s)), z);
}

/**
 * "paper": a and p free, the output `|a|_p d(z, H)` with sign (Mathieu et al., NeurIPS 2019, equation 8; that equation
 * prints log_z(p) where log_p(z) is meant). "pvae": as their code has it, p = exp_0(beta a) with one number beta a unit,
 * and the bare signed distance.
 */
export type GyroplaneForm = "paper" | "pvae";

export const gyroplaneForms: readonly GyroplaneForm[] = ["paper", "pvae"];

/** Parameters of a gyroplane layer. */
export interface Gyroplane<T = NdArray> {
  /** a, in frame coordinates at the origin, from where it is transported to p: `|a|_p = |a|`. [d, K] */
  readonly normal: T;
  /** "paper": the flat coordinates of p, [d, K]; "pvae": beta, [K]. */
  readonly point: T;
}

/** Random normals; planes within distance 1 of the origin ("paper") or beta within 1 of 0 ("pvae"). */
export function initializeGyroplane(
  key: RandomKey,
  inputs: number,
  units: number,
  form: GyroplaneForm = "paper",
  initializer: InitializerName = "glorot",
): Gyroplane {
  if (!gyroplaneForms.includes(form))
    throw new UsageError(`gyroplane form: "${form}" is not known; use one of ${gyroplaneForms.join(", ")}.`);
  const normal = initialWeight(split(key, "normal"), inputs, units, initializer);
  const from = stream(split(key, "point"));
  const offsets = Float32Array.from({ length: units }, () => 2 * from.uniform() - 1);
  if (form === "pvae") return { normal, point: { data: offsets, shape: [units], dtype: "float32" } };
  const data = new Float32Array(inputs * units);
  for (let k = 0; k < units; k++) {
    let length = 0;
    for (let i = 0; i < inputs; i++) length += normal.data[i * units + k] ** 2;
    const scale = offsets[k] / Math.sqrt(length + 1e-12);
    for (let i = 0; i < inputs; i++) data[i * units + k] = scale * normal.data[i * units + k];
  }
  return { normal, point: { data, shape: [inputs, units], dtype: "float32" } };
}

/**
 * The gyroplane layer, `[N, d]` points of the ball `-> [N, K]`: signed distances to K hyperplanes, times |a| in the
 * paper's form. For c = 0: `a . (z - p)`, or the signed distance. Traceable.
 */
export function gyroplane(
  parameters: Gyroplane<Operand>,
  z: Tensor,
  curvature: number,
  form: GyroplaneForm = "paper",
): Tensor {
  const c = curvature;
  const { normal } = parameters;
  const length2 = add(sum(square(normal), 0, { keepDimensions: true }), 1e-30); // [1, K]
  const unit = mul(normal, rsqrt(length2)); // [d, K]
  const point = form === "pvae" ? mul(parameters.point, normal) : parameters.point; // [d, K]
  const offset = sum(mul(point, unit), 0, { keepDimensions: true }); // <p, a/|a|>, [1, K]
  const norm = form === "pvae" ? 1 : sqrt(length2);
  if (c === 0) {
    const distance = sub(matmul(z, unit), offset);
    return form === "pvae" ? distance : mul(distance, norm);
  }
  const s = mul(c, sum(square(point), 0, { keepDimensions: true })); // c |p|^2, [1, K]
  const half = sinhRatio(traced, mul(0.25, s));
  // nu / sqrt(c): time part <p, a/|a|> sinh(r)/r, space part a/|a| + <p, a/|a|> c (cosh(r) - 1)/r^2 p, r = sqrt(c)|p|
  const time = mul(offset, sinhRatio(traced, s)); // [1, K]
  const space = add(unit, mul(mul(mul(offset, 0.5 * c), square(half)), point)); // [d, K]
  const gap = clip(sub(1, mul(c, squaredLength(z))), MARGIN, 1); // [N, 1]
  // sinh(sqrt(c) d), time and space in one product
  const stretch = div(2, gap);
  const hyperboloid = concat([mul(stretch, z), sub(1, stretch)], -1); // [N, d + 1]
  const sine = matmul(hyperboloid, mul(Math.sqrt(c), concat([space, time], 0)));
  return mul(asinhByLogarithm(sine), mul(1 / Math.sqrt(c), norm));
}

/**
 * asinh to within a few roundings of 1, not of itself: what a layer's outputs need; `asinh` takes two and a half times as
 * long.
 * sign x log(|x| + sqrt(x^2 + 1)), the sign by a product that is cut off.
 */
function asinhByLogarithm(x: Tensor): Tensor {
  const sign = clip(add(mul(stopGradient(x), 1e30), 1), -1, 1); // 1 at 0
  const size = mul(x, sign);
  return mul(sign, log(add(size, sqrt(add(square(x), 1)))));
}

/**
 * Mobius matrix product and bias on a point given by its flat coordinates e: `exp_0(e W) (+) exp_0(b)`, a point of the
 * ball of dimension K (Ganea et al., 2018). For c = 0: `e W + b`. `[N, d] -> [N, K]`. Traceable.
 *
 * The product `W (x) exp_0(e)` is `exp_0(e W)` exactly, so no map to the ball and back comes before it, which would cut
 * off long vectors.
 */
export function mobiusFromFlat(parameters: Dense<Operand>, e: Operand, curvature: number): Tensor {
  if (curvature === 0) return dense(parameters, e);
  const product = matmul(e, parameters.weight);
  const moved = expAtOrigin(product, curvature);
  const bias = expAtOrigin(reshape(parameters.bias, [1, -1]), curvature);
  return projectToBall(traced, curvature, mobiusAdd(traced, curvature, moved, bias), MARGIN);
}

/** The Mobius layer between balls, `W (x) z (+) exp_0(b)`: `[N, d] -> [N, K]`. Traceable. */
export function mobiusLayer(parameters: Dense<Operand>, z: Tensor, curvature: number): Tensor {
  return mobiusFromFlat(parameters, logAtOrigin(z, curvature), curvature);
}

/** A function of flat coordinates applied to points: `exp_0(f(log_0(z)))`, for example an activation. Traceable. */
export function atOrigin(f: (e: Tensor) => Tensor, z: Tensor, curvature: number): Tensor {
  return expAtOrigin(f(logAtOrigin(z, curvature)), curvature);
}

function squaredLength(x: Tensor): Tensor {
  return sum(square(x), -1, { keepDimensions: true });
}

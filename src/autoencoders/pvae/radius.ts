/**
 * How far a draw from a posterior lies from the origin, from the posterior's mean and the step to the draw alone. In
 * ball coordinates float32 has no points beyond 12.2/sqrt(c) from the origin: a draw further out is rounded back, and a
 * prior density taken at the rounded point does not belong to the posterior's at the draw. The difference has no lower
 * limit, so training drives the posteriors out there and the "KL divergence" to minus infinity. Riemannian normals in many
 * dimensions get there by themselves: their mass lies at about (d-1) sqrt(c) std^2.
 *
 * With x = sqrt(c) d(0, m), y = sqrt(c)|e| and the directions u of m and v of e, the hyperbolic law of cosines
 * cosh X = cosh x cosh y + sinh x sinh y (u.v) in sums of positive terms, q = |u + v|^2 = 2 (1 + u.v):
 *   sinh^2(X/2) = sinh^2((x - y)/2) + sinh x sinh y q/4,
 *   2 cosh X = e^y [e^-x + sinh x q/2] + e^-y [e^-x + sinh x (2 - q/2)], the form for large y.
 */
import {
  add,
  clip,
  div,
  exp,
  expandDims,
  less,
  log,
  maximum,
  minimum,
  mul,
  type Operand,
  sinh,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  where,
} from "../../engine/index.js";
import { asinhRatio, traced } from "../../manifolds/index.js";

/** Where y counts as large: beyond, e^-2y is nothing. */
const LARGE = 20;

/**
 * The squared distance from the origin of exp_m(e) in the ball of curvature -c.
 * @param m ball coordinates [..., d], within 1 - 1e-5 of the radius
 * @param e the step in an orthonormal frame at m (that of the origin, transported), [..., d]; of any length
 * @returns [...]. Traceable, with gradients.
 */
export function squaredDistanceFromOrigin(curvature: number, m: Tensor, e: Tensor): Tensor {
  const root = Math.sqrt(curvature);
  const lengthOf = (v: Operand) => sqrt(maximum(sum(square(v), -1), 1e-30)); // [...]
  const [mLength, eLength] = [lengthOf(m), lengthOf(e)];
  const t = clip(mul(root, mLength), 0, 1 - 1e-5); // tanh(x/2)
  const x = log(div(add(1, t), sub(1, t)));
  const sinhX = div(mul(2, t), mul(sub(1, t), add(1, t)));
  const inverse = div(sub(1, t), add(1, t)); // e^-x
  const y = mul(root, eLength);
  const unit = (v: Tensor, length: Tensor) => div(v, expandDims(length, -1));
  const q = sum(square(add(unit(m, mLength), unit(e, eLength))), -1);
  const near = minimum(y, LARGE);
  const w = add(square(sinh(mul(0.5, sub(x, near)))), mul(0.25, mul(mul(sinhX, sinh(near)), q)));
  const ratio = asinhRatio(traced, expandDims(w, -1));
  const small = mul(4, mul(w, square(squeezeLast(ratio))));
  const twiceOver = add(
    add(inverse, mul(0.5, mul(sinhX, q))),
    mul(exp(mul(-2, y)), add(inverse, mul(sinhX, maximum(sub(2, mul(0.5, q)), 0)))),
  );
  const large = square(add(y, log(twiceOver)));
  return mul(1 / curvature, where(less(y, LARGE), small, large));
}

function squeezeLast(t: Tensor): Tensor {
  return sum(t, -1);
}

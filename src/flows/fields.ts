/**
 * Vector fields from a network, and their divergence.
 *
 * A network gives coefficients F(x, t); a form turns them into a tangent vector, linearly: f = sum_i F_i X_i(x). So
 *
 *   div f = sum_i <grad F_i, X_i> + sum_i F_i div X_i = sum_a <E^a, sum_i dF_i(E_a) X_i> + sum_i F_i div X_i
 *
 * over any basis E_a of the tangent space with dual basis E^a: d forward derivatives of the network, whatever the
 * number of fields. Hutchinson's estimator takes one derivative, along a random vector, in place of d. Forms:
 *
 * - generators: X_i generate isometries, div X_i = 0 (Mathieu and Nickel, NeurIPS 2020). Sphere: rotations (e_i x x on
 *   S^2, x_i e_j - x_j e_i in general); torus: the angles; Poincare ball: rotations and translations
 *   (1 + c|x|^2) e_i - 2c x_i x; Euclidean space: the axes.
 * - ambient: on the sphere f = v - x (v.x)/|x|^2, div f = tr(P Dv) - d v.x; on the ball an orthonormal frame,
 *   f = v / lambda, div f = sum_a d_a v_a / lambda + (d - 1) c v.x; elsewhere the same as generators.
 * - chart: colatitude and longitude on S^2, f = F_1 d_theta + F_2 d_phi, div f = dF_1(d_theta) + F_1 cot theta +
 *   dF_2(d_phi); on the ball the bare coordinates, f = v, div f = tr Dv + d c lambda v.x. Both charts blow up (at the
 *   poles, at the edge): for comparison only.
 *
 * The field called potential is no such form: `potential.ts` has its own formulas.
 *
 * On the sphere x is a unit vector here; integrators project before they ask.
 *
 * Axes: N points, n coordinates, d dimensions.
 */
import {
  add,
  concat,
  constant,
  cos,
  div,
  exp,
  expandDims,
  greaterEqual,
  jvp,
  matmul,
  maximum,
  mul,
  type NdArray,
  ndarray,
  neg,
  type Operand,
  ones,
  reshape,
  sin,
  slice,
  sqrt,
  sub,
  sum,
  type Tensor,
  transpose,
  vmap,
  where,
} from "../engine/index.js";
import type { Manifold } from "../manifolds/index.js";
import { type ActivationName, activationNamed, type Dense, dense, type Mlp, mlp } from "../networks/index.js";
import type { FieldValue } from "./field-value.js";
import { potentialField } from "./potential.js";
import type { FieldName, FlowShape } from "./shape.js";

/** How coefficients become tangent vectors on one manifold. */
export interface FieldForm {
  /** Inputs of the network, without time. */
  readonly features: number;
  /** Outputs of the network. */
  readonly outputs: number;
  /** What the network sees of the points: [N, n] -> [N, features]. */
  encode(x: Tensor): Tensor;
  /** sum_i F_i X_i(x): [N, outputs], [N, n] -> [N, n]. */
  combine(coefficients: Tensor, x: Tensor): Tensor;
  /** sum_i F_i div X_i(x), [N]; absent where all X_i are free of divergence. */
  sourceTerm?(coefficients: Tensor, x: Tensor): Tensor;
  /** d vectors that span the tangent space and are dual to themselves under the plain dot product: [d, N, n]. */
  basis(x: Tensor): Tensor;
  /**
   * Their inner products with the X_i, [N, outputs] for each: <v, combine(F, x)> = <transpose(v, x), F>. Where it is
   * given, it is computed once for a point, instead of a combination for each derivative.
   */
  transpose?(v: Tensor, x: Tensor): Tensor;
}

/**
 * The form called `name` on a manifold: sphere, torus, Poincare ball or Euclidean space. (Of the field potential only
 * what bumps see of points matters, which is the same for all.)
 */
export function fieldForm(manifold: Manifold, name: FieldName): FieldForm {
  if (manifold.kind === "sphere") return sphereForm(manifold.dimension, name);
  if (manifold.kind === "poincare-ball") return ballForm(manifold.dimension, -manifold.curvature!, name);
  const d = manifold.dimension;
  const onTorus = manifold.kind === "torus";
  return {
    features: onTorus ? 2 * d : d,
    outputs: d,
    encode: (x) => (onTorus ? concat([cos(x), sin(x)], -1) : x),
    combine: (coefficients) => coefficients,
    basis: axes,
  };
}

/** f(x, t), [N, n]. */
export function velocity(form: FieldForm, shape: FlowShape, parameters: Mlp<any>, x: Tensor, t: Operand): Tensor {
  if (shape.field === "potential") return potentialField(shape, parameters, x, t).velocity;
  return form.combine(coefficients(form, shape, parameters, x, t), x);
}

/** f and div f by d forward derivatives, or the potential's formulas. */
export function velocityAndDivergence(
  form: FieldForm,
  shape: FlowShape,
  parameters: Mlp<any>,
  x: Tensor,
  t: Operand,
): FieldValue {
  if (shape.field === "potential") return potentialField(shape, parameters, x, t);
  const basis = form.basis(x); // [d, N, n]
  const d = basis.shape[0];
  if (d <= FEW) {
    const directions = Array.from({ length: d }, (_, a) => pick(basis, a));
    const { value, changes } = coefficientsAlong(form, shape, parameters, x, t, directions);
    const parts = changes.map((change, a) => componentAlong(form, directions[a], change, x));
    return withSource(form, value, x, sum(parts.reduce(add), -1));
  }
  const network = (y: Tensor) => coefficients(form, shape, parameters, y, t);
  const along = (direction: Tensor) => sum(mul(direction, form.combine(jvp(network, [x], [direction])[1], x)), -1);
  return withSource(form, network(x), x, sum(vmap(along)(basis), 0));
}

/**
 * Up to so many directions are followed one by one, side by side in the program: the runtime sums over a short leading
 * axis several times slower than it adds. Beyond, one batched derivative keeps programs short.
 */
const FEW = 4;

/**
 * f and Hutchinson's estimate of div f from one forward derivative along sum_a noise_a E_a; unbiased for noise [N, d]
 * of mean 0 and covariance I (Rademacher: +-1).
 */
export function velocityAndEstimate(
  form: FieldForm,
  shape: FlowShape,
  parameters: Mlp<any>,
  x: Tensor,
  t: Operand,
  noise: Tensor,
): FieldValue {
  if (shape.field === "potential") return potentialField(shape, parameters, x, t); // exact at no cost
  const basis = form.basis(x);
  const d = basis.shape[0];
  const parts = Array.from({ length: d }, (_, a) => mul(asColumn(noise, a), pick(basis, a)));
  const direction = parts.reduce(add);
  const { value, changes } = coefficientsAlong(form, shape, parameters, x, t, [direction]);
  const [change] = changes;
  return withSource(form, value, x, sum(componentAlong(form, direction, change, x), -1));
}

/** <direction, sum_i change_i X_i>, before the sum over the last axis: [N, n] or [N, outputs]. */
function componentAlong(form: FieldForm, direction: Tensor, change: Tensor, x: Tensor): Tensor {
  return form.transpose ? mul(form.transpose(direction, x), change) : mul(direction, form.combine(change, x));
}

function withSource(form: FieldForm, value: Tensor, x: Tensor, trace: Tensor): FieldValue {
  const divergence = form.sourceTerm ? add(trace, form.sourceTerm(value, x)) : trace;
  return { velocity: form.combine(value, x), divergence };
}

/** The network on (encoded x, t). */
function coefficients(form: FieldForm, shape: FlowShape, parameters: Mlp<any>, x: Tensor, t: Operand): Tensor {
  const [bumps, layers] = layersAt(form, shape, parameters, t);
  const encoded = form.encode(x);
  return mlp(layers, bumps === undefined ? encoded : exp(dense(bumps, encoded)), shape.activation as ActivationName);
}

/** The network and its derivatives along `directions` [N, n], which share each activation's slope. */
function coefficientsAlong(
  form: FieldForm,
  shape: FlowShape,
  parameters: Mlp<any>,
  x: Tensor,
  t: Operand,
  directions: readonly Tensor[],
): { value: Tensor; changes: Tensor[] } {
  const [bumps, layers] = layersAt(form, shape, parameters, t);
  const activate = activationNamed(shape.activation);
  let value = form.encode(x);
  let changes = directions.map((direction) => jvp(form.encode, [x], [direction])[1] as Tensor);
  if (bumps !== undefined) {
    value = exp(dense(bumps, value));
    changes = changes.map((change) => mul(value, matmul(change, bumps.weight)));
  }
  layers.forEach((layer, i) => {
    value = dense(layer, value);
    changes = changes.map((change) => matmul(change, layer.weight));
    if (i === layers.length - 1) return;
    const [after, slope] = jvp(activate, [value], [ones(value.shape)]) as [Tensor, Tensor];
    value = after;
    changes = changes.map((change) => mul(slope, change));
  });
  return { value, changes };
}

/**
 * The layer of bumps around centres, where there is one, and the network's layers at time t, which enters as a shift of
 * their first bias.
 */
function layersAt(
  form: FieldForm,
  shape: FlowShape,
  parameters: Mlp<any>,
  t: Operand,
): [bumps: Dense<any> | undefined, layers: Mlp<any>] {
  const [bumps, own] = shape.centres > 0 ? [parameters[0], parameters.slice(1)] : [undefined, parameters];
  const { weight, bias } = own[0];
  const rows = shape.centres > 0 ? shape.centres : form.features;
  const onPoints = slice(weight, [[0, rows], null]);
  const onTime = slice(weight, [[rows, rows + 1], null]); // [1, h]
  const shift = add(bias, typeof t === "number" ? slice(mul(t, onTime), [0, null]) : mul(t, onTime));
  return [bumps, [{ weight: onPoints, bias: shift }, ...own.slice(1)]];
}

function sphereForm(d: number, name: FieldName): FieldForm {
  const n = d + 1;
  const common = { features: n, encode: (x: Tensor) => x, basis: tangentFrame };
  if (name === "ambient")
    return {
      ...common,
      outputs: n,
      combine: (v, x) => sub(v, mul(x, dot(v, x))),
      sourceTerm: (v, x) => mul(-d, sum(mul(v, x), -1)),
    };
  if (name === "chart")
    return {
      ...common,
      outputs: 2,
      combine(F, x) {
        const { horizontal, cosPhi, sinPhi, height } = spherical(x);
        const [F1, F2] = [asColumn(F, 0), asColumn(F, 1)];
        const along = mul(F1, concat([mul(height, cosPhi), mul(height, sinPhi), neg(horizontal)], -1));
        return add(along, mul(F2, concat([neg(asColumn(x, 1)), asColumn(x, 0), mul(0, height)], -1)));
      },
      sourceTerm(F, x) {
        const { horizontal, height } = spherical(x);
        return sum(mul(asColumn(F, 0), div(height, horizontal)), -1);
      },
    };
  const pairs = pairsBelow(n);
  if (d === 2) {
    // sum of F_i e_i x x, so that the three coefficients turn with the points; <v, F x x> = <x x v, F>
    return { ...common, outputs: 3, combine: cross, transpose: (v, x) => cross(x, v) };
  }
  const entries = pairs.flatMap(([i, j], k) => [[k, i, j, 1] as const, [k, j, i, -1] as const]);
  const table = bilinearTable(pairs.length, n, entries);
  return { ...common, outputs: pairs.length, combine: (F, x) => bilinear(F, x, table) };
}

function ballForm(d: number, c: number, name: FieldName): FieldForm {
  const common = { features: d, encode: (x: Tensor) => mul(Math.sqrt(c), x), basis: axes };
  const gap = (x: Tensor) => maximum(sub(1, mul(c, dot(x, x))), 1e-6); // [N, 1]
  if (name === "ambient")
    return {
      ...common,
      outputs: d,
      combine: (v, x) => mul(v, mul(0.5, gap(x))),
      sourceTerm: (v, x) => mul((d - 1) * c, sum(mul(v, x), -1)),
    };
  if (name === "chart")
    return {
      ...common,
      outputs: d,
      combine: (v) => v,
      sourceTerm: (v, x) => sum(mul(div(2 * d * c, gap(x)), mul(v, x)), -1),
    };
  const pairs = pairsBelow(d);
  const entries = pairs.flatMap(([i, j], k) => [[k, i, j, 1] as const, [k, j, i, -1] as const]);
  const turns = pairs.length > 0 ? bilinearTable(pairs.length, d, entries) : undefined;
  return {
    ...common,
    outputs: d + pairs.length,
    combine(F, x) {
      const translation = columns(F, 0, d);
      const forward = mul(translation, mul(0.5, add(1, mul(c, dot(x, x)))));
      const total = sub(forward, mul(mul(c, dot(translation, x)), x));
      return turns === undefined ? total : add(total, bilinear(columns(F, d, d + pairs.length), x, turns));
    },
    // The Killing fields are free of divergence in the hyperbolic volume, but `basis` traces in flat coordinates: the
    // sum over i of dF_i(X_i) is the same in any coordinates, so nothing is to be added.
  };
}

/** Orthonormal tangent vectors at unit x: columns of the Householder reflection that takes the last axis to -+x. */
function tangentFrame(x: Tensor): Tensor {
  const n = x.shape[1];
  const last = asColumn(x, n - 1);
  const sign = where(greaterEqual(last, 0), 1, -1); // [N, 1]; the frame jumps at the equator, sums over it do not
  const axis = ndarray(Float64Array.from({ length: n }, (_, i) => (i === n - 1 ? 1 : 0)));
  const w = add(x, mul(sign, axis));
  const scaled = div(w, add(1, mul(sign, last)));
  const units = new Float64Array((n - 1) * n);
  for (let a = 0; a < n - 1; a++) units[a * n + a] = 1;
  const parts = expandDims(transpose(columns(w, 0, n - 1)), -1); // [d, N, 1]
  return sub(ndarray(units, [n - 1, 1, n]), mul(parts, scaled));
}

/** The coordinate axes at every point, [n, N, n]. */
function axes(x: Tensor): Tensor {
  const [N, n] = x.shape;
  const data = new Float64Array(n * N * n);
  for (let a = 0; a < n; a++) for (let i = 0; i < N; i++) data[(a * N + i) * n + a] = 1;
  return constant(ndarray(data, [n, N, n]));
}

function pairsBelow(n: number): (readonly [number, number])[] {
  return Array.from({ length: n }, (_, i) =>
    Array.from({ length: n - 1 - i }, (_, k) => [i, i + 1 + k] as const),
  ).flat();
}

/** Entries (k, i, j, value): output j gains value * F_k x_i. As a matrix [m * n, n]. */
function bilinearTable(
  m: number,
  n: number,
  entries: readonly (readonly [number, number, number, number] | readonly number[])[],
): NdArray {
  const data = new Float64Array(m * n * n);
  for (const [k, i, j, value] of entries) data[(k * n + i) * n + j] = value;
  return ndarray(data, [m * n, n]);
}

/** sum over k and i of F_k x_i table[k, i]: one product in place of many slices. */
function bilinear(F: Tensor, x: Tensor, table: NdArray): Tensor {
  const [N, m] = F.shape;
  const products = mul(expandDims(F, 2), expandDims(x, 1)); // [N, m, n]
  return matmul(reshape(products, [N, m * x.shape[1]]), table);
}

/** a x b by rows, [N, 3]. Cyclic shifts as products with small matrices: faster than slices, in either direction. */
function cross(a: Tensor, b: Tensor): Tensor {
  const [next, last] = [(v: Tensor) => matmul(v, NEXT), (v: Tensor) => matmul(v, LAST)];
  return sub(mul(next(a), last(b)), mul(last(a), next(b)));
}

/** v -> (v_1, v_2, v_0) and v -> (v_2, v_0, v_1). */
const NEXT = ndarray(Float64Array.of(0, 0, 1, 1, 0, 0, 0, 1, 0), [3, 3]);
const LAST = ndarray(Float64Array.of(0, 1, 0, 0, 0, 1, 1, 0, 0), [3, 3]);

/** sin theta, cos theta, and the longitude's cosine and sine; sin theta counts as at least 1e-6. */
function spherical(x: Tensor) {
  const [a, b, height] = [0, 1, 2].map((i) => asColumn(x, i));
  const horizontal = sqrt(maximum(add(mul(a, a), mul(b, b)), 1e-12));
  return { horizontal, cosPhi: div(a, horizontal), sinPhi: div(b, horizontal), height };
}

function dot(a: Tensor, b: Tensor): Tensor {
  return sum(mul(a, b), -1, { keepDimensions: true });
}

function pick(stacked: Tensor, index: number): Tensor {
  return slice(stacked, [index, null, null]);
}

/** Column i of a matrix, as [N, 1]. */
function asColumn(x: Tensor, i: number): Tensor {
  return columns(x, i, i + 1);
}

function columns(x: Tensor, from: number, to: number): Tensor {
  return slice(x, [null, [from, to]]);
}

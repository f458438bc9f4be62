/**
 * Von Mises-Fisher on the sphere S^(p-1): B blocks of unit vectors in R^p; parameter theta = kappa mu, [N, B, p], with
 * no constraint and no singularity (kappa = 0 is the uniform law).
 *
 *   log p(x) = theta.x - Phi(kappa) with respect to the sphere's area;  Phi' = A = A_p(kappa);
 *   KL(1 || 2) = Phi(k2) - Phi(k1) - A(k1) (k2 - k1) + (A(k1) / k1) (k1 k2 - theta1.theta2);
 *   ds^2 = A' (mu.dtheta)^2 + (A / kappa) |dtheta - mu (mu.dtheta)|^2.
 *
 * Phi(kappa) - kappa is what is formed, never e^kappa. `vonMisesFisher({ dimension, concentration })` has kappa fixed;
 * then Fisher-Rao is a sphere's geometry, embedded by sqrt(kappa A) mu.
 */
import {
  abs,
  add,
  array,
  asinh,
  clip,
  cosh,
  div,
  expandDims,
  greater,
  greaterEqual,
  logVonMisesFisherNormalizer,
  maximum,
  mul,
  type NdArray,
  ndarray,
  type Operand,
  reciprocal,
  sinh,
  slice,
  sqrt,
  square,
  stack,
  sub,
  sum,
  type Tensor,
  transpose,
  where,
} from "../../engine/index.js";
import { expectThat } from "../../errors.js";
import type { RandomStream } from "../../numerics/random.js";
import { gaussLegendre } from "../../numerics/special-functions.js";
import { vonMisesFisherDrawer } from "../von-mises-fisher.js";
import { directionalRatio, ratioOfSquare } from "./directional-ratio.js";
import {
  type CheckOptions,
  checkGroups,
  countsPerGroup,
  type Family,
  flatGroups,
  flatRows,
  grouped,
  groupsFirst,
  outputShape,
  sumRows,
  sumSlabs,
} from "./family.js";

/** How far from 1 the norm of a unit vector may be. */
const NORM_TOLERANCE = 1e-3;

export interface VonMisesFisherOptions {
  /** p, of the space around the sphere: 3 for directions in space, 4 for quaternions. */
  readonly dimension: number;
  /** Fix kappa for all; otherwise the network gives it. */
  readonly concentration?: number;
}

/**
 * The von Mises-Fisher family. Parameter `theta` = kappa mu (the network's outputs themselves); with fixed
 * concentration `direction` (the outputs normalised). Most uncertain: theta = 0, the uniform law.
 * `mean` is the mean direction.
 * @throws UsageError for a dimension below 2 or a concentration that is not positive.
 */
export function vonMisesFisher(options: VonMisesFisherOptions): Family {
  const { dimension: p, concentration } = options;
  expectThat(
    Number.isInteger(p) && p >= 2,
    `von Mises-Fisher: dimension ${p} is not a whole number from 2 on; give that of the space around the sphere.`,
  );
  expectThat(
    concentration === undefined || (concentration > 0 && concentration < Infinity),
    `von Mises-Fisher: concentration ${concentration} is not a positive number; give one, or leave it out to learn it.`,
  );
  return concentration === undefined ? freeConcentration(p) : fixedConcentration(p, concentration);
}

function freeConcentration(p: number): Family {
  return {
    name: "von Mises-Fisher",
    ...countsPerGroup("von Mises-Fisher", p, p),
    checkData: (data, options) => checkUnitVectors(data, options, p),
    fromNetwork(outputs) {
      outputShape(outputs);
      return { theta: grouped(outputs, p) };
    },
    logDensity: ({ theta }, x) => sumRows(directionalLogDensity(theta, grouped(x, p))),
    mean: ({ theta }) => flatRows(unitVectors(theta)),
    entropy: ({ theta }) => sumRows(directionalEntropy(theta)),
    klDivergence: (a, b) => sumRows(directionalDivergence(groupsFirst(a.theta), groupsFirst(b.theta))),
    fisherRoot({ theta }) {
      const root = directionalRoot(groupsFirst(theta));
      return (tangent) => flatGroups(root(groupsFirst(tangent.theta)));
    },
    uncertain: ({ theta }) => ({ theta: mul(theta, 0) }),
    sample({ theta }, random) {
      const draws = new Float64Array(theta.data.length);
      for (let start = 0; start < draws.length; start += p)
        draws.set(drawDirection(theta.data.subarray(start, start + p), random), start);
      return ndarray(draws, [theta.shape[0], theta.shape[1] * p]);
    },
  };
}

function fixedConcentration(p: number, kappa: number): Family {
  const free = freeConcentration(p);
  const theta = (direction: Operand) => ({ theta: mul(kappa, direction) });
  const weight = (): Tensor => mul(kappa * kappa, directionalRatio(p, kappa).overKappa); // kappa A
  return {
    ...free,
    fromNetwork(outputs) {
      outputShape(outputs);
      return { direction: unitVectors(grouped(outputs, p)) };
    },
    logDensity: ({ direction }, x) => free.logDensity(theta(direction), x),
    mean: ({ direction }) => flatRows(mul(direction, 1)),
    entropy: ({ direction }) => free.entropy(theta(direction)),
    klDivergence: (a, b) => mul(mul(0.5, weight()), sumRows(square(sub(a.direction, b.direction)))),
    fisherRoot({ direction }) {
      const factor = sqrt(weight());
      return (tangent) => {
        const along = sum(mul(direction, tangent.direction), -1, { keepDimensions: true });
        return flatRows(mul(factor, sub(tangent.direction, mul(direction, along))));
      };
    },
    embedding: ({ direction }) => flatRows(mul(sqrt(weight()), direction)),
    uncertain: ({ direction }) => ({ direction: mul(direction, 1) }), // there is nothing to widen
    sample: ({ direction: { data, shape } }, random) =>
      free.sample(
        {
          theta: ndarray(
            Float64Array.from(data, (x) => x * kappa),
            shape,
          ),
        },
        random,
      ),
  };
}

/** |theta|, with a floor of 1e-8 that keeps its gradient finite at 0. [..., p] -> [...], or without another axis. */
function concentrationOf(theta: Operand, axis = -1): Tensor {
  return sqrt(add(sum(square(theta), axis), 1e-16));
}

/** theta / |theta|, [N, B, p] -> [N, B, p], coordinate by coordinate (see `groupsFirst`); rows stay in front. */
function unitVectors(theta: Operand): Tensor {
  const parts = Array.from({ length: dimensionOf(theta) }, (_, k) => slice(theta, [null, null, k])); // [N, B] each
  const squares = parts.map((part) => square(part)).reduce((a, b) => add(a, b));
  const inverse = reciprocal(sqrt(add(squares, 1e-16)));
  return transpose(
    stack(
      parts.map((part) => mul(part, inverse)),
      1,
    ),
    [0, 2, 1],
  );
}

/** log density of each block, [..., p], [..., p] -> [...]. */
export function directionalLogDensity(theta: Operand, x: Operand): Tensor {
  const kappa = concentrationOf(theta);
  const fit = sub(sum(mul(theta, x), -1), kappa);
  return sub(fit, logVonMisesFisherNormalizer(dimensionOf(theta), kappa, { scaled: true }));
}

const dimensionOf = (theta: Operand): number => {
  const { shape } = theta as Tensor;
  return shape[shape.length - 1];
};

/** Phi - kappa A = (Phi - kappa) + kappa (1 - A). */
export function directionalEntropy(theta: Operand): Tensor {
  const [p, kappa] = [dimensionOf(theta), concentrationOf(theta)];
  const scaled = logVonMisesFisherNormalizer(p, kappa, { scaled: true });
  return add(scaled, mul(kappa, directionalRatio(p, kappa).complement));
}

/** KL of each block, coordinates first: [p, ...], [p, ...] -> [...]. */
export function directionalDivergence(theta1: Tensor, theta2: Tensor): Tensor {
  const p = theta1.shape[0];
  const [k1, k2] = [concentrationOf(theta1, 0), concentrationOf(theta2, 0)];
  const step = sub(theta2, theta1);
  // k2 - k1, and k1 k2 - theta1.theta2 = |theta1 ^ theta2|^2 / (k1 k2 + theta1.theta2), from the step
  const growth = div(sum(mul(step, add(theta1, theta2)), 0), add(k1, k2));
  const dot = sum(mul(theta1, theta2), 0);
  const mu = div(theta1, expandDims(k1, 0));
  const across = sub(step, mul(mu, sumSlabs(mul(mu, step))));
  const product = mul(k1, k2);
  const acute = greaterEqual(dot, 0);
  const wedge = mul(square(k1), sum(square(across), 0));
  const turning = where(acute, div(wedge, where(acute, add(product, dot), 1)), sub(product, dot));
  return add(normalizerBregman(p, k1, k2, growth), mul(directionalRatio(p, k1).overKappa, turning));
}

/** Neighbours: |asinh k2 - asinh k1| up to this. */
const near = 0.5;
const { nodes, weights } = gaussLegendre(6, 0, 1);

/**
 * Phi(k2) - Phi(k1) - A(k1) (k2 - k1) >= 0, given k2 - k1 too. For neighbours int_{k1}^{k2} (k2 - k) A'(k) dk by six
 * Gauss nodes in u = asinh k (linear near 0, logarithmic far out), which cannot cancel:
 *   D^2 int_0^1 [2 sinh((1 - s) D / 2) / D] cosh((u + u2) / 2) cosh(u) A'(sinh u) ds,   D = u2 - u1, u = u1 + s D.
 */
function normalizerBregman(p: number, k1: Tensor, k2: Tensor, growth: Tensor): Tensor {
  const [root1, root2] = [sqrt(add(square(k1), 1)), sqrt(add(square(k2), 1))];
  const D = asinh(div(mul(growth, add(k1, k2)), add(mul(k2, root1), mul(k1, root2))));
  const scaled = logVonMisesFisherNormalizer(p, stack([k1, k2], 0), { scaled: true });
  const slope = directionalRatio(p, k1).complement;
  const direct = add(sub(slice(scaled, [1]), slice(scaled, [0])), mul(slope, growth));
  // the nodes' axis in front: [6, 1, ...]
  const inFront = (values: ArrayLike<number>) => ({
    ...array(Array.from(values)),
    shape: [6, ...D.shape.map(() => 1)],
  });
  const small = expandDims(clip(D, -near, near), 0); // [1, ...]
  const rest = inFront(Array.from(nodes, (s) => 1 - s));
  // sinh and cosh of u, u2 and their middle, from k1 and the small differences
  const [k, root] = shifted(expandDims(k1, 0), expandDims(root1, 0), mul(inFront(nodes), small));
  const [, middle] = shifted(k, root, mul(mul(0.5, rest), small));
  const integrand = mul(mul(sinhQuotient(mul(rest, small), rest), middle), mul(root, directionalRatio(p, k).slope));
  const integral = sum(mul(integrand, inFront(weights)), 0);
  return where(greater(abs(D), near), maximum(direct, 0), mul(square(clip(D, -near, near)), integral));
}

/** sinh and cosh of u + d, from those of u. */
function shifted(sinhU: Tensor, coshU: Tensor, d: Tensor): [Tensor, Tensor] {
  const [s, c] = [sinh(d), cosh(d)];
  return [add(mul(sinhU, c), mul(coshU, s)), add(mul(coshU, c), mul(sinhU, s))];
}

/** 2 sinh(x / 2) / x times c, for |x| <= 1/2. */
function sinhQuotient(x: Tensor, c: Operand): Tensor {
  const y = mul(0.25, square(x));
  let series: Operand = 1 / 39916800;
  for (const factorial of [362880, 5040, 120, 6, 1]) series = add(mul(series, y), 1 / factorial);
  return mul(c, series);
}

/**
 * A root of a metric `across |dtheta - mu (mu.dtheta)|^2 + along (mu.dtheta)^2`, coordinates first:
 * [p, N, B] -> ([p, N, B] -> [p, N, B]),
 *   dtheta -> sqrt(across) dtheta + (sqrt(along) - sqrt(across)) / kappa^2 theta (theta.dtheta).
 * @param factors both from kappa^2; by default those of the Fisher information, A / kappa and A'
 */
export function directionalRoot(
  theta: Tensor,
  factors: (squared: Tensor) => { readonly across: Tensor; readonly along: Tensor } = (squared) => {
    const { overKappa, slope } = ratioOfSquare(theta.shape[0], squared);
    return { across: overKappa, along: slope };
  },
): (tangent: Tensor) => Tensor {
  const squared = add(sumSlabs(square(theta)), 1e-16);
  const both = factors(squared);
  const across = sqrt(both.across);
  const radial = mul(theta, div(sub(sqrt(both.along), across), squared));
  return (tangent) => {
    const along = sumSlabs(mul(theta, tangent));
    return add(mul(across, tangent), mul(radial, along));
  };
}

export function checkUnitVectors(data: NdArray, options: CheckOptions | undefined, p: number): void {
  const wanted = `unit vectors of ${p} coordinates; divide each by its norm`;
  checkGroups("von Mises-Fisher", data, options, p, wanted, (group) => {
    const norm = Math.hypot(...Array.from(group));
    return Math.abs(norm - 1) <= NORM_TOLERANCE ? undefined : `have norm ${Number(norm.toPrecision(6))}`;
  });
}

/** A draw of the member theta. Host. */
export function drawDirection(theta: ArrayLike<number>, random: RandomStream): Float64Array {
  const kappa = Math.hypot(...Array.from(theta));
  const mu = Float64Array.from(theta, (x, i) => (kappa > 0 ? x / kappa : Number(i === 0)));
  return vonMisesFisherDrawer(theta.length, kappa)(mu, random);
}

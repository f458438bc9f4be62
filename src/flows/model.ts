/**
 * Continuous normalising flows on manifolds (Mathieu and Nickel, NeurIPS 2020), as traceable functions: an ordinary
 * differential equation z' = f(z, t) carries data (t = 0) to the base distribution (t = 1), and
 *
 *   log p(x) = log p_base(z(1)) + int_0^1 div f dt,
 *
 * with respect to the Riemannian volume (areas in steradians on S^2: uniform is -log 4 pi = -2.531).
 *
 * Axes: N points, n coordinates, d dimensions.
 */

import { wrappedNormal } from "../distributions/wrapped-normal.js";
import { add, constant, mul, type NdArray, ndarray, type Operand, slice, type Tensor } from "../engine/index.js";
import { type Dense, initializeMlp, type Mlp } from "../networks/index.js";
import { type RandomKey, split, stream } from "../numerics/random.js";
import { chartOf } from "./charts.js";
import { type FieldForm, fieldForm, velocityAndDivergence, velocityAndEstimate } from "./fields.js";
import { type FlowEnd, rungeKutta, type TimedField } from "./integrate.js";
import { initializePotential } from "./potential.js";
import { type FlowShape, flowSpace } from "./shape.js";

/** A flow: what it is, and the network's parameters. */
export interface Flow {
  readonly shape: FlowShape;
  readonly parameters: Mlp;
}

/** The form of a flow's field. */
export function formOf(shape: FlowShape): FieldForm {
  return fieldForm(flowSpace(shape), shape.field);
}

/**
 * Random parameters; the last layer is drawn small, so that a new flow is close to its base.
 * @param points where centres of bumps are taken from; uniform without
 */
export function initializeFlow(key: RandomKey, shape: FlowShape, points?: NdArray): Mlp {
  if (shape.field === "potential") return initializePotential(shape, bumps(split(key, "centres"), shape, points));
  const form = formOf(shape);
  const sizes = [(shape.centres || form.features) + 1, ...shape.hidden, form.outputs];
  const layers = initializeMlp(split(key, "network"), sizes, { activation: shape.activation as any });
  const network = layers.map((layer, i) =>
    i < layers.length - 1
      ? layer
      : {
          ...layer,
          weight: ndarray(
            (layer.weight.data as Float32Array).map((w) => 0.1 * w),
            layer.weight.shape,
          ),
        },
  );
  return shape.centres > 0 ? [bumps(split(key, "centres"), shape, points), ...network] : network;
}

/**
 * Concentrations of bumps at the start: the widest reach about a radian, the narrowest a seventh; of a potential, which
 * has no layers to sharpen what they see, a twenty-eighth.
 */
const concentrationsOf = ({ field }: FlowShape) => (field === "potential" ? [1, 800] : [1, 50]);

/** The layer a -> exp(a W + b) whose units are bumps around random points: W = k e(c), b = -k |e(c)|^2. */
function bumps(key: RandomKey, shape: FlowShape, points: NdArray | undefined): Dense {
  const space = flowSpace(shape);
  const random = stream(split(key, "choice"));
  const [K, n] = [shape.centres, space.coordinates];
  const uniform = space.sampleBase(split(key, "uniform"), K);
  const features = formOf(shape).features;
  const [widest, narrowest] = concentrationsOf(shape);
  const weight = new Float32Array(features * K);
  const bias = new Float32Array(K);
  for (let k = 0; k < K; k++) {
    const source = points ?? uniform;
    const row = points === undefined ? k : random.integer(points.shape[0]);
    const c = Array.from(source.data.subarray(row * n, (row + 1) * n) as Float64Array);
    const encoded = space.kind === "torus" ? [...c.map(Math.cos), ...c.map(Math.sin)] : c;
    const kappa = widest * (narrowest / widest) ** random.uniform();
    encoded.forEach((value, i) => {
      weight[i * K + k] = kappa * value;
      bias[k] -= kappa * value * value;
    });
  }
  return { weight: ndarray(weight, [features, K]), bias: ndarray(bias, [K]) };
}

/** log density of the base distribution at points of the flow's space, [N, n] -> [N]. */
export function baseLogDensity(shape: FlowShape, z: Tensor): Tensor {
  const space = flowSpace(shape);
  if (shape.base === "uniform") return space.traced.baseLogDensity(z);
  const origin = add(constant(ndarray(space.origin, [1, space.coordinates])), mul(0, slice(z, [null, [0, 1]])));
  return wrappedNormal(space).traced.logDensity(z, origin, shape.baseStd);
}

/**
 * log p(x) of points [N, n]. With `noise` [K N, d] (Rademacher, K preimages: 1 but for wrapped flows on spheres and
 * tori) the divergence is Hutchinson's estimate, else exact.
 */
export function flowLogDensity(shape: FlowShape, parameters: Mlp<any>, x: Tensor, noise?: Tensor): Tensor {
  return flowLogDensityAndEffort(shape, parameters, x, noise).logDensity;
}

/**
 * The same, and int_0^1 (div f)^2 dt and the disagreement of stages (`integrate.ts`) along the path of each (preimage of
 * a) point: [K N].
 */
export function flowLogDensityAndEffort(shape: FlowShape, parameters: Mlp<any>, x: Tensor, noise?: Tensor) {
  const space = flowSpace(shape);
  const chart = chartOf(shape);
  const z = chart.toFlow(x);
  const { end, divergence, squaredDivergence, disagreement } = rungeKutta(
    timedField(shape, parameters, noise),
    space.traced.projectPoint,
    z,
    shape.steps,
    "forward",
  );
  const logDensity = chart.logDensity(x, z, add(baseLogDensity(shape, end), divergence));
  return { logDensity, effort: squaredDivergence, disagreement };
}

/** Points [N, n] of the manifold, with their log densities, from draws [N, n] of the base distribution. */
export function flowFromBase(
  shape: FlowShape,
  parameters: Mlp<any>,
  base: Tensor,
  noise?: Tensor,
): { points: Tensor; logDensity: Tensor; effort: Tensor; disagreement: Tensor } {
  const space = flowSpace(shape);
  const chart = chartOf(shape);
  const {
    end,
    divergence,
    squaredDivergence: effort,
    disagreement,
  } = rungeKutta(timedField(shape, parameters, noise), space.traced.projectPoint, base, shape.steps, "backward");
  const points = chart.fromFlow(end);
  const own = add(baseLogDensity(shape, base), divergence);
  // One preimage is known; where there are more, the density of the point is that of all of them.
  if (shape.method === "wrapped" && (shape.manifold.kind === "sphere" || shape.manifold.kind === "torus"))
    return { points, logDensity: flowLogDensity(shape, parameters, points), effort, disagreement };
  return { points, logDensity: chart.logDensity(points, end, own), effort, disagreement };
}

/** `count` draws of the base distribution, in the flow's space, [count, n]. */
export function sampleFlowBase(shape: FlowShape, key: RandomKey, count: number): NdArray {
  const space = flowSpace(shape);
  if (shape.base === "uniform") return space.sampleBase(key, count);
  return wrappedNormal(space).sample(space.origin, shape.baseStd, key, count);
}

function timedField(shape: FlowShape, parameters: Mlp<any>, noise: Operand | undefined): TimedField {
  const form = formOf(shape);
  return (x, t) =>
    noise === undefined
      ? velocityAndDivergence(form, shape, parameters, x, t)
      : velocityAndEstimate(form, shape, parameters, x, t, noise as Tensor);
}

/** Where the discretised flow carries points of its own space, [N, n], and int div f along the way. */
export function carryFixed(flow: Flow, start: Tensor, direction: "forward" | "backward"): FlowEnd {
  const { shape, parameters } = flow;
  const project = flowSpace(shape).traced.projectPoint;
  return rungeKutta(timedField(shape, parameters, undefined), project, start, shape.steps, direction);
}

/**
 * Newton's method in a trust region for a discretised curve, matrix-free: the Newton system is solved by conjugate
 * gradients on products H v with the full Hessian, preconditioned with a block-tridiagonal operator P (Gauss-Newton
 * blocks, or those of the frozen metric). For many latent dimensions, where the second derivatives themselves are too
 * dear, and for metrics without an embedding, whose bumps first-order methods follow forever.
 *
 * The trust region is a ball of the norm |p|_P, in which one Gauss-Newton step is a steepest-descent step (Steihaug,
 * "The conjugate gradient method and trust regions in large scale optimization", 1983): along the iterates of conjugate
 * gradients |p|_P grows, so the path is cut where it leaves the ball, and where it meets a direction of negative curvature it
 * goes on to the border. After a rejected step the same path is cut shorter, which costs no product.
 *
 * Axes: T nodes, n = T - 2 inner nodes, d latent.
 */
import {
  type BlockTridiagonalWorkspace,
  blockTridiagonalWorkspace,
  solveFactored,
} from "../numerics/block-tridiagonal.js";
import { factoriseRidged, type NewtonOptions, type NewtonStatus } from "./newton.js";

/** The discrete energy F of a curve. What is returned may be overwritten by the next call. */
export interface CurveEnergy {
  /** F and dF/dc of the inner nodes [n, d] at nodes [T, d]; F is not finite where the metric was not. */
  value(nodes: Float64Array): Promise<{ energy: number; gradient: ArrayLike<number> }>;
  /** H v at nodes [T, d], for a direction [n, d]. [n, d] */
  product(nodes: Float64Array, direction: Float64Array): Promise<ArrayLike<number>>;
  /** P, symmetric positive semi-definite and near H. [n, d, d] and [n - 1, d, d] */
  operator(nodes: Float64Array): Promise<{ diagonal: ArrayLike<number>; lower: ArrayLike<number> }>;
}

export interface NewtonCgResult {
  /** [T, d] */
  nodes: Float64Array;
  /** F at `nodes`. */
  energy: number;
  /** Decrease of F that the quadratic model still promises. */
  predicted: number;
  status: NewtonStatus;
  /** Evaluations of F. */
  iterations: number;
  /** Products with the Hessian. */
  products: number;
}

/** Conjugate gradients stop at this share of the first residual, in the norm of P^-1, or after so many products. */
const RESIDUAL = 0.1;
const MOST_PRODUCTS = 60;
/** Products a solve may cost, for each iteration it is allowed. */
const PRODUCTS_PER_ITERATION = 8;
/** After a system that took more products than this, P is made anew at the next curve. */
const EASY = 10;
/** Share of the mean eigenvalue that is added to the metric, and of the mean diagonal that is added to P. */
const FLOOR = 1e-2;
const RIDGE = 1e-8;
/** |p|_P^2 of the first trust region, in units of F: half of what the curve itself has. */
const FIRST_RADIUS = 1;
const LEAST_RADIUS = 1e-10;
const ACCEPTED = 1e-4;

/** Minimises F from `start` [T, d] with the ends fixed. */
export async function newtonCg(
  curve: CurveEnergy,
  start: Float64Array,
  dimension: number,
  options: NewtonOptions,
): Promise<NewtonCgResult> {
  const n = start.length / dimension - 2;
  const size = n * dimension;
  const workspace = blockTridiagonalWorkspace(n, dimension);
  const { tolerance, noise, maxIterations, maxStep = Infinity } = options;
  let nodes = start.slice();
  let trial = start.slice();
  const gradient = new Float64Array(size);
  const step = new Float64Array(size);
  const first = await curve.value(nodes);
  let { energy } = first;
  let iterations = 1;
  let products = 0;
  let predicted = Infinity;
  const end = (status: NewtonStatus): NewtonCgResult => ({ nodes, energy, predicted, status, iterations, products });
  if (!Number.isFinite(energy)) return end("notFinite");
  gradient.set(first.gradient);
  let radius = Math.sqrt(FIRST_RADIUS * energy);
  let fresh = false;
  let hard = true;
  for (;;) {
    if (hard && !fresh) {
      if (!factoriseFloored(workspace, await curve.operator(nodes), n)) return end("notPositive");
      fresh = true;
    }
    const path = await steihaug(curve, nodes, gradient, workspace, radius, noise);
    products += path.products;
    hard = path.products > EASY;
    for (let rejections = 0; ; rejections++) {
      const cut = cutAt(path, gradient, radius, maxStep, step);
      predicted = cut.decrease;
      const settled = predicted <= tolerance * energy && path.solved && cut.whole;
      if (settled || energy === 0) return end("converged");
      // A small promise of a system that is not solved, or not within the region, says nothing yet, but below rounding
      // no step can be told from none.
      if (predicted <= noise * energy && path.solved) return end("converged");
      if (iterations >= maxIterations || products > PRODUCTS_PER_ITERATION * maxIterations)
        return end("iterationLimit");
      trial.set(nodes);
      for (let i = 0; i < size; i++) trial[dimension + i] += step[i];
      const there = await curve.value(trial);
      iterations++;
      const decrease = energy - there.energy;
      const ratio = decrease / predicted;
      if (decrease >= ACCEPTED * predicted - noise * energy) {
        if (ratio < 0.25) radius = 0.5 * cut.norm;
        else if (ratio > 0.75 && cut.norm > 0.9 * radius) radius *= 2;
        [nodes, trial] = [trial, nodes];
        energy = there.energy;
        gradient.set(there.gradient);
        fresh = false;
        break;
      }
      if (predicted <= 4 * noise * energy) return end("converged");
      radius =
        (Number.isFinite(there.energy) ? Math.min(0.5, Math.max(0.1, shrink(predicted, decrease))) : 0.1) * cut.norm;
      if (!(radius > LEAST_RADIUS * Math.sqrt(energy))) return end("stuck");
      if (rejections === 3 && !fresh) {
        hard = true; // the norm of an old P may be a bad one
        break;
      }
    }
  }
}

/** The vertex of the parabola through F(0), F'(0) = -2 `predicted` (about) and F(1) = F(0) - `decrease`. */
function shrink(predicted: number, decrease: number): number {
  return predicted / (2 * predicted - decrease);
}

/** The path of conjugate gradients: corners p_k with their residuals g + H p_k; the first is p = 0. */
interface Path {
  readonly corners: Float64Array[];
  readonly residuals: Float64Array[];
  /** |p_k|_P^2, and <p_k, p_{k+1} - p_k>_P. */
  readonly squares: number[];
  readonly slopes: number[];
  /** The system was solved to the residual asked for, and is positive definite as far as the path went. */
  readonly solved: boolean;
  readonly products: number;
}

async function steihaug(
  curve: CurveEnergy,
  nodes: Float64Array,
  gradient: Float64Array,
  workspace: BlockTridiagonalWorkspace,
  radius: number,
  noise: number,
): Promise<Path> {
  const size = gradient.length;
  const n = size / workspace.size;
  const path = {
    corners: [new Float64Array(size)],
    residuals: [gradient.slice()],
    squares: [0],
    slopes: [] as number[],
    solved: false,
    products: 0,
  };
  const relaxed = new Float64Array(size);
  let energyNorm = solveFactored(workspace, gradient, relaxed, n); // r^T P^-1 r
  const goal = RESIDUAL * RESIDUAL * energyNorm;
  const direction = relaxed.map((x) => -x);
  let square = 0; // |p|_P^2
  let slope = 0; // <p, direction>_P
  let length = energyNorm; // |direction|_P^2
  const go = (share: number, image: ArrayLike<number>) => {
    const corner = path.corners[path.corners.length - 1].slice();
    const residual = path.residuals[path.residuals.length - 1].slice();
    for (let i = 0; i < size; i++) {
      corner[i] += share * direction[i];
      residual[i] += share * image[i];
    }
    path.slopes.push(share * slope);
    square += share * (2 * slope + share * length);
    path.corners.push(corner);
    path.residuals.push(residual);
    path.squares.push(square);
    return residual;
  };
  const toBorder = () =>
    (-slope + Math.sqrt(Math.max(0, slope * slope + length * (radius * radius - square)))) / length;
  while (path.products < MOST_PRODUCTS) {
    if (!(energyNorm > 0)) return { ...path, solved: true };
    const image = await curve.product(nodes, direction);
    path.products++;
    let curvature = 0;
    for (let i = 0; i < size; i++) curvature += direction[i] * image[i];
    if (!Number.isFinite(curvature)) return path;
    // H is about P: what is smaller than rounding beside it is neither up nor down.
    const flat = Math.abs(curvature) <= 10 * noise * length;
    if (flat) return { ...path, solved: path.products > 1 };
    const share = energyNorm / curvature;
    if (curvature < 0 || square + share * (2 * slope + share * length) > radius * radius) {
      go(toBorder(), image);
      return path;
    }
    const residual = go(share, image);
    slope += share * length; // <p_{k+1}, direction>_P
    const next = solveFactored(workspace, residual, relaxed, n);
    if (next <= goal) return { ...path, solved: true };
    const beta = next / energyNorm;
    energyNorm = next;
    for (let i = 0; i < size; i++) direction[i] = beta * direction[i] - relaxed[i];
    slope *= beta;
    length = next + beta * beta * length;
  }
  return path;
}

/** The point of the path where it leaves the ball of `radius`, or its end; made shorter so that no coordinate moves by more than `maxStep`. */
function cutAt(
  path: Path,
  gradient: Float64Array,
  radius: number,
  maxStep: number,
  step: Float64Array,
): { decrease: number; norm: number; whole: boolean } {
  const { corners, residuals, squares, slopes } = path;
  const last = corners.length - 1;
  let k = 0;
  while (k < last && squares[k + 1] <= radius * radius * (1 + 1e-9)) k++;
  let share = 0;
  let square = squares[k];
  if (k < last) {
    const length = squares[k + 1] - squares[k] - 2 * slopes[k]; // |p_{k+1} - p_k|_P^2
    const discriminant = slopes[k] * slopes[k] + length * (radius * radius - squares[k]);
    share = length > 0 ? (-slopes[k] + Math.sqrt(Math.max(0, discriminant))) / length : 0;
    square = radius * radius;
  }
  const next = Math.min(k + 1, last);
  let longest = 0;
  let linear = 0; // g . p
  let bent = 0; // p . H p
  for (let i = 0; i < step.length; i++) {
    const p = corners[k][i] + share * (corners[next][i] - corners[k][i]);
    const residual = residuals[k][i] + share * (residuals[next][i] - residuals[k][i]);
    step[i] = p;
    linear += gradient[i] * p;
    bent += (residual - gradient[i]) * p;
    longest = Math.max(longest, Math.abs(p));
  }
  const scale = longest > maxStep ? maxStep / longest : 1;
  if (scale < 1) for (let i = 0; i < step.length; i++) step[i] *= scale;
  return {
    decrease: -scale * (linear + 0.5 * scale * bent),
    norm: scale * Math.sqrt(square),
    whole: k === last && scale === 1,
  };
}

/** Factorises P with its floor, and with a multiple of the identity where that is singular. */
function factoriseFloored(
  workspace: BlockTridiagonalWorkspace,
  { diagonal, lower }: { diagonal: ArrayLike<number>; lower: ArrayLike<number> },
  n: number,
): boolean {
  const blocks = Float64Array.from(diagonal);
  const below = Float64Array.from(lower);
  addFloor(blocks, below, workspace.size);
  return factoriseRidged(workspace, blocks, below, n, RIDGE);
}

/**
 * To the metric G that P is made of, FLOOR times its mean eigenvalue at each node: a direction that costs next to nothing is
 * one in which curves go far and the energy bends soon, so the trust region must not be long in it.
 */
function addFloor(blocks: Float64Array, below: Float64Array, d: number): void {
  const area = d * d;
  const n = blocks.length / area;
  // H_ii is about 4 G_i, and 2 (m_{i-1/2} + m_{i+1/2}) is what a floor m of the segments adds to it
  const floors = Float64Array.from({ length: n }, (_, i) => {
    let trace = 0;
    for (let k = 0; k < d; k++) trace += blocks[i * area + k * (d + 1)];
    return (FLOOR * trace) / (4 * d);
  });
  for (let i = 0; i < n; i++) {
    const before = i > 0 ? (floors[i - 1] + floors[i]) / 2 : floors[i];
    const after = i + 1 < n ? (floors[i] + floors[i + 1]) / 2 : floors[i];
    for (let k = 0; k < d; k++) {
      blocks[i * area + k * (d + 1)] += 2 * (before + after);
      if (i + 1 < n) below[i * area + k * (d + 1)] -= 2 * after;
    }
  }
}

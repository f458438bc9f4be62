/**
 * Newton's method for a discretised curve, as a machine that is fed evaluations: it proposes nodes (`trial`), the
 * caller evaluates energy, gradient and blocks there (in plain JavaScript or by a compiled program, at once or
 * later), and `feedNewton` accepts or rejects them and proposes the next. The Newton system is block tridiagonal and
 * solved in float64:
 *
 *   (H + lambda D) p = -g,   H = D + s S with O below,
 *
 * D and O the Gauss-Newton (or metric) blocks, S the second-order term. Where H is not positive definite, S is scaled
 * down (s = 1, 0.6, 0.3, 0), then lambda raised (Levenberg-Marquardt). A step is accepted only if the energy falls.
 * A tiny multiple of the identity is always added: latent directions that a decoder ignores (posterior collapse) make D
 * singular, and the gradient vanishes along them too.
 *
 * Axes: T nodes, n = T - 2 inner nodes, d latent.
 */
import {
  type BlockTridiagonalWorkspace,
  blockTridiagonalWorkspace,
  factorAndSolve,
  factorise,
} from "../numerics/block-tridiagonal.js";

/** What is known about the discrete energy F at some nodes. The arrays may be reused by the next evaluation. */
export interface Evaluation {
  /** F, in float64; not finite where the metric was not. */
  energy: number;
  /** dF/dc. [n, d] */
  gradient: ArrayLike<number>;
  /** D. [n, d, d] */
  diagonal: ArrayLike<number>;
  /** S, the second-order term; absent for Gauss-Newton. [n, d, d] */
  curvature?: ArrayLike<number>;
  /** O_i = H_{i+1,i}. [n - 1, d, d] */
  lower: ArrayLike<number>;
}

export type NewtonStatus = "running" | "converged" | "stuck" | "notFinite" | "notPositive" | "iterationLimit";

export interface NewtonOptions {
  /** Stop when the predicted relative decrease of the energy is below this. */
  tolerance: number;
  /** Evaluations allowed. */
  maxIterations: number;
  /** Relative rounding error of F: an increase below it does not count as one. */
  noise: number;
  /** No coordinate of a node moves farther than this in one step (default: no limit). */
  maxStep?: number;
}

export interface NewtonMachine {
  readonly points: number;
  readonly dimension: number;
  /** The best nodes so far. [T, d] */
  readonly nodes: Float64Array;
  /** The nodes to evaluate next. [T, d] */
  readonly trial: Float64Array;
  /** F at `nodes`. */
  energy: number;
  /** The decrease of F that the last proposed step promises, by the quadratic model. */
  predicted: number;
  status: NewtonStatus;
  iterations: number;
  /** Whether the last proposed step came from the undamped system with all of S. */
  fullStep: boolean;
  damping: number;
  rejections: number;
  /** Mean of D's diagonal entries. */
  meanDiagonal: number;
  readonly gradient: Float64Array;
  readonly diagonal: Float64Array;
  readonly curvature: Float64Array;
  readonly lower: Float64Array;
  hasCurvature: boolean;
  readonly system: Float64Array;
  readonly step: Float64Array;
  readonly workspace: BlockTridiagonalWorkspace;
}

/** Room for curves of `points` nodes; used again for any number of solves by `startNewton`. */
export function newtonMachine(points: number, dimension: number): NewtonMachine {
  const n = points - 2;
  const area = n * dimension * dimension;
  return {
    points,
    dimension,
    nodes: new Float64Array(points * dimension),
    trial: new Float64Array(points * dimension),
    energy: Infinity,
    predicted: Infinity,
    status: "running",
    iterations: 0,
    fullStep: false,
    damping: 0,
    rejections: 0,
    meanDiagonal: 0,
    gradient: new Float64Array(n * dimension),
    diagonal: new Float64Array(area),
    curvature: new Float64Array(area),
    lower: new Float64Array(area),
    hasCurvature: false,
    system: new Float64Array(area),
    step: new Float64Array(n * dimension),
    workspace: blockTridiagonalWorkspace(n, dimension),
  };
}

/** Begins a solve from the curve `nodes` [T, d]. */
export function startNewton(machine: NewtonMachine, nodes: ArrayLike<number>): void {
  machine.nodes.set(nodes);
  machine.trial.set(nodes);
  machine.energy = Infinity;
  machine.predicted = Infinity;
  machine.status = "running";
  machine.iterations = 0;
  machine.damping = 0;
  machine.rejections = 0;
  machine.fullStep = false;
}

/** Step sizes are halved (by damping) at most so often before a solve counts as stuck. */
const MAX_REJECTIONS = 14;
const MAX_DAMPING = 1e8;

/** Takes the evaluation at `trial`; afterwards `trial` holds the next proposal, or `status` says why there is none. */
export function feedNewton(machine: NewtonMachine, evaluation: Evaluation, options: NewtonOptions): NewtonStatus {
  machine.iterations++;
  const first = machine.energy === Infinity;
  const { energy } = evaluation;
  if (first && !Number.isFinite(energy)) return finish(machine, "notFinite");
  if (energy <= machine.energy * (1 + options.noise)) {
    const ratio = first ? 1 : (machine.energy - energy) / machine.predicted;
    machine.nodes.set(machine.trial);
    machine.energy = energy;
    machine.gradient.set(evaluation.gradient);
    machine.diagonal.set(evaluation.diagonal);
    machine.lower.set(evaluation.lower);
    machine.meanDiagonal = meanDiagonal(machine.diagonal, machine.dimension);
    machine.hasCurvature = evaluation.curvature !== undefined;
    if (evaluation.curvature) machine.curvature.set(evaluation.curvature);
    machine.rejections = 0;
    if (!first) {
      if (ratio > 0.7) machine.damping = machine.damping < 1e-3 ? 0 : machine.damping / 8;
      else if (ratio < 0.2) machine.damping = Math.max(0.05, machine.damping * 3);
    }
    if (!propose(machine, options.maxStep ?? Infinity)) return finish(machine, "notPositive");
    // With damping a small prediction may only mean a small step: ask for the undamped one.
    if (machine.predicted <= options.tolerance * machine.energy && (machine.damping < 0.1 || machine.energy === 0))
      return finish(machine, "converged");
  } else {
    if (machine.predicted <= 4 * options.noise * machine.energy) return finish(machine, "converged");
    machine.rejections++;
    if (machine.rejections > MAX_REJECTIONS) return finish(machine, "stuck");
    machine.damping = machine.damping === 0 ? 0.1 : machine.damping * 6;
    if (!propose(machine, options.maxStep ?? Infinity)) return finish(machine, "notPositive");
  }
  return machine.iterations >= options.maxIterations ? finish(machine, "iterationLimit") : machine.status;
}

function finish(machine: NewtonMachine, status: NewtonStatus): NewtonStatus {
  machine.status = status;
  return status;
}

const CURVATURE_SHARES = [1, 0.6, 0.3, 0];
/** The identity's share of D's mean diagonal: always, and for each unit of lambda. */
export const RIDGE = 1e-10;
const DAMPED_RIDGE = 1e-3;

/** Solves for the step at the current damping, raising it until the system is positive definite. */
function propose(machine: NewtonMachine, maxStep: number): boolean {
  const { nodes, trial, step, dimension } = machine;
  for (;;) {
    for (const share of machine.hasCurvature ? CURVATURE_SHARES : [0]) {
      const decrease = solve(machine, share);
      if (decrease === false) continue;
      let longest = 0;
      for (let i = 0; i < step.length; i++) longest = Math.max(longest, Math.abs(step[i]));
      const scale = longest > maxStep ? maxStep / longest : 1;
      machine.fullStep = (share === 1 || !machine.hasCurvature) && machine.damping === 0 && scale === 1;
      machine.predicted = decrease * scale * (1 - scale / 2);
      trial.set(nodes);
      for (let i = 0; i < step.length; i++) trial[dimension + i] = nodes[dimension + i] - scale * step[i];
      return true;
    }
    machine.damping = Math.max(1e-6, machine.damping * 10);
    if (machine.damping > MAX_DAMPING) return false;
  }
}

/**
 * Whether a converged machine stands at a saddle: the full Hessian, undamped, has a direction that lowers the energy
 * by more than the rounding error `noise` (relative to D). Says no where there is no second-order term. Overwrites the
 * step.
 */
export function atSaddle(machine: NewtonMachine, noise: number): boolean {
  if (machine.fullStep || !machine.hasCurvature) return false;
  machine.damping = 0;
  return solve(machine, 1, 10 * noise) === false;
}

/** (D (1 + lambda) + share S, O) step = gradient. Returns g^T H^{-1} g, or false where H is not positive definite. */
function solve(machine: NewtonMachine, share: number, least = RIDGE): number | false {
  const { diagonal, curvature, system, lower, gradient, step, workspace, damping, dimension: d } = machine;
  const scale = 1 + damping;
  if (share === 0) for (let i = 0; i < system.length; i++) system[i] = diagonal[i] * scale;
  else for (let i = 0; i < system.length; i++) system[i] = diagonal[i] * scale + share * curvature[i];
  const ridge = machine.meanDiagonal * (Math.max(RIDGE, least) + DAMPED_RIDGE * damping);
  for (let i = 0; i < system.length; i += d * d) for (let k = 0; k < d; k++) system[i + k * (d + 1)] += ridge;
  return factorAndSolve(workspace, system, lower, gradient, step);
}

/**
 * Factorises blocks, which are changed, with a multiple of the identity: `least` of their mean diagonal, and a hundred times
 * more as long as they are singular.
 * @returns whether it came to a factorisation
 */
export function factoriseRidged(
  workspace: BlockTridiagonalWorkspace,
  blocks: Float64Array,
  below: Float64Array,
  n: number,
  least: number,
): boolean {
  const d = workspace.size;
  const mean = meanDiagonal(blocks, d);
  let added = 0;
  for (let share = least; share <= 1e3; share *= 100) {
    const ridge = share * mean;
    for (let i = 0; i < blocks.length; i += d * d) for (let k = 0; k < d; k++) blocks[i + k * (d + 1)] += ridge - added;
    added = ridge;
    if (factorise(workspace, blocks, below, n)) return true;
  }
  return false;
}

/** Mean of the diagonal entries of blocks [n, d, d]. */
export function meanDiagonal(blocks: ArrayLike<number>, d: number): number {
  let sum = 0;
  for (let i = 0; i < blocks.length; i += d * d) for (let k = 0; k < d; k++) sum += blocks[i + k * (d + 1)];
  return (sum * d) / blocks.length;
}

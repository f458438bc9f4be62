/**
 * Hamiltonian Monte Carlo for many chains at once (Duane et al. 1987; Neal, "MCMC using Hamiltonian dynamics", 2011).
 *
 * The Hamiltonian is H(z, p) = -log pi(z) + |p|^2 / 2. A transition draws p ~ N(0, I), follows L leapfrog steps
 *
 *   p += (epsilon / 2) grad log pi(z),   z += epsilon p,   p += (epsilon / 2) grad log pi(z),
 *
 * and accepts with probability min(1, exp(H_0 - H)). The L steps are unrolled into one compiled program for a block of
 * chains; momenta, uniform numbers and the decision are on the host.
 *
 * Axes: C chains, d dimensions, B chains in a block.
 */
import { add, type Compiled, compile, mul, type NdArray, type Precision, type Tensor } from "../engine/index.js";
import type { RandomStream } from "../numerics/random.js";
import { fillNormal } from "../numerics/random.js";

/** A law by the logarithm of its density, up to a constant, with its gradient. Row by row. */
export interface TargetDensity {
  readonly dimension: number;
  /** `[N, d] -> [N]` and `[N, d]` */
  logDensityWithGradient(z: Tensor): { readonly logDensity: Tensor; readonly gradient: Tensor };
}

/** End of a trajectory (or where a chain stands). */
export interface PhasePoint<T = NdArray> {
  readonly position: T; // [N, d]
  readonly momentum: T; // [N, d]
  readonly logDensity: T; // [N]
  readonly gradient: T; // [N, d]
}

/**
 * L leapfrog steps as a traceable function.
 * @returns `(position [N, d], momentum [N, d], gradient of the log density there [N, d], step size [N, 1])` -> the end
 */
export function leapfrog(target: TargetDensity, steps: number) {
  return (position: Tensor, momentum: Tensor, gradient: Tensor, stepSize: Tensor): PhasePoint<Tensor> => {
    const half = mul(stepSize, 0.5);
    let [z, p] = [position, add(momentum, mul(half, gradient))];
    for (let step = 1; ; step++) {
      z = add(z, mul(stepSize, p));
      const end = target.logDensityWithGradient(z);
      if (step === steps)
        return {
          position: z,
          momentum: add(p, mul(half, end.gradient)),
          logDensity: end.logDensity,
          gradient: end.gradient,
        };
      p = add(p, mul(stepSize, end.gradient)); // two half steps
    }
  };
}

export interface HamiltonianOptions {
  /** L, leapfrog steps of a transition; default 10. */
  readonly leapfrogSteps?: number;
  /** Default "float32". */
  readonly precision?: Precision;
  /** Threads inside one operation. */
  readonly threads?: number;
  /** B, chains of one run of the program; default 512 (the intermediate arrays then stay in the cache). */
  readonly block?: number;
  /** Standard deviation of the momenta; anything but 1 breaks the invariance (the published procedure has 0.5). */
  readonly momentumScale?: number;
  /**
   * Each trajectory's step size is drawn uniformly within this share of the given one, so that no period of the
   * dynamics is hit again and again (Neal 2011, section 3.2); default 0.2.
   */
  readonly jitter?: number;
}

/** Chains under way. */
export interface Chains {
  readonly dimension: number;
  readonly count: number;
  /** Copies of the positions, [C, d]. */
  positions(): Float64Array;
  /** log pi at the positions, up to its constant, [C]. */
  logDensities(): Float64Array;
  /** One transition of every chain. @returns the mean acceptance probability. */
  transition(stepSize: number): Promise<number>;
  /**
   * A Metropolis-Hastings decision about proposals drawn independently of the chains from a law with log density
   * `logProposal`: accepts with min(1, pi(z') q(z) / (pi(z) q(z'))). @returns the share accepted.
   */
  propose(
    proposals: Float64Array,
    logProposal: (positions: Float64Array) => Promise<ArrayLike<number>>,
  ): Promise<number>;
}

export interface Hamiltonian {
  /** Chains from starting points, [C, d] row-major; `random` makes all their decisions. */
  start(positions: ArrayLike<number>, random: RandomStream): Promise<Chains>;
  dispose(): Promise<void>;
}

/** The compiled programs for chains on `target`. */
export function hamiltonian(target: TargetDensity, options: HamiltonianOptions = {}): Hamiltonian {
  const { leapfrogSteps = 10, precision = "float32", threads, block = 512, momentumScale = 1, jitter = 0.2 } = options;
  const d = target.dimension;
  const trajectory: Compiled = compile(leapfrog(target, leapfrogSteps), { precision, threads });
  const evaluate: Compiled = compile((z: Tensor) => target.logDensityWithGradient(z), { precision, threads });
  const Numbers = precision === "float32" ? Float32Array : Float64Array;

  async function start(from: ArrayLike<number>, random: RandomStream): Promise<Chains> {
    const count = from.length / d;
    const size = Math.min(block, count);
    const position = Numbers.from(from);
    const logDensity = new Numbers(count);
    const gradient = new Numbers(count * d);
    const momentum = new Float32Array(count * d);
    const steps = new Numbers(count);
    const uniforms = new Float64Array(count);
    const blocks = Array.from({ length: Math.ceil(count / size) }, (_, b) => Math.min(b * size, count - size));

    // Blocks overlap where the number of chains is not a multiple; a chain belongs to the first block it is in.
    const rows = (a: Float32Array | Float64Array, at: number, width: number): NdArray => ({
      data: a.subarray(at * width, (at + size) * width),
      shape: width === 1 ? [size, 1] : [size, width],
      dtype: precision,
    });
    const firstOwn = (b: number) => b * size - blocks[b];

    async function logDensityAt(z: Float32Array | Float64Array) {
      const values = { logDensity: new Numbers(count), gradient: new Numbers(count * d) };
      for (const at of blocks) {
        const part = await evaluate(rows(z, at, d));
        values.logDensity.set(part.logDensity.data, at);
        values.gradient.set(part.gradient.data, at * d);
      }
      return values;
    }
    const first = await logDensityAt(position);
    logDensity.set(first.logDensity);
    gradient.set(first.gradient);

    return {
      dimension: d,
      count,
      positions: () => Float64Array.from(position),
      logDensities: () => Float64Array.from(logDensity),
      async transition(stepSize) {
        fillNormal(random, momentum);
        if (momentumScale !== 1) for (let i = 0; i < momentum.length; i++) momentum[i] *= momentumScale;
        for (let c = 0; c < count; c++) {
          steps[c] = stepSize * (1 + jitter * (2 * random.uniform() - 1));
          uniforms[c] = random.uniform();
        }
        const p = precision === "float32" ? momentum : Float64Array.from(momentum);
        let acceptance = 0;
        for (let b = 0; b < blocks.length; b++) {
          const at = blocks[b];
          const end = (await trajectory(
            rows(position, at, d),
            rows(p, at, d),
            rows(gradient, at, d),
            rows(steps, at, 1),
          )) as PhasePoint;
          for (let i = firstOwn(b); i < size; i++) {
            const c = at + i;
            let kinetic = 0; // of the start minus that of the end
            for (let k = 0; k < d; k++) kinetic += p[c * d + k] ** 2 - end.momentum.data[i * d + k] ** 2;
            const logRatio = end.logDensity.data[i] - logDensity[c] + 0.5 * kinetic;
            const probability = logRatio >= 0 ? 1 : Math.exp(logRatio) || 0; // NaN: a trajectory that overflowed
            acceptance += probability;
            if (!(uniforms[c] < probability)) continue;
            logDensity[c] = end.logDensity.data[i];
            for (let k = 0; k < d; k++) {
              position[c * d + k] = end.position.data[i * d + k];
              gradient[c * d + k] = end.gradient.data[i * d + k];
            }
          }
        }
        return acceptance / count;
      },
      async propose(proposals, logProposal) {
        const z = Numbers.from(proposals);
        const there = await logDensityAt(z);
        const [q, qThere] = [await logProposal(Float64Array.from(position)), await logProposal(Float64Array.from(z))];
        let accepted = 0;
        for (let c = 0; c < count; c++) {
          const logRatio = there.logDensity[c] - logDensity[c] + q[c] - qThere[c];
          if (!(Math.log(random.uniform()) < logRatio)) continue;
          accepted++;
          logDensity[c] = there.logDensity[c];
          position.set(z.subarray(c * d, (c + 1) * d), c * d);
          gradient.set(there.gradient.subarray(c * d, (c + 1) * d), c * d);
        }
        return accepted / count;
      },
    };
  }

  return {
    start,
    async dispose() {
      await trajectory.dispose();
      await evaluate.dispose();
    },
  };
}

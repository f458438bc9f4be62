/**
 * Many chains of Hamiltonian Monte Carlo on a law that is nearly a mixture. HMC alone hardly ever crosses from one
 * component to another. So chains start in the mixture, and after the Hamiltonian transitions of each draw an
 * independence move proposes a fresh point of it: where the components are apart nearly all are accepted, where they
 * overlap the Hamiltonian transitions do the work.
 *
 * Axes: T kept draws of a chain, C chains, d latent dimensions.
 */
import { type Compiled, compile, type NdArray, ndarray, type Precision, type Tensor } from "../engine/index.js";
import { expectThat, RunError } from "../errors.js";
import { type RandomStream, randomKey, split, stream } from "../numerics/random.js";
import { effectiveSampleSize, splitRHat } from "./chain-diagnostics.js";
import { dualAveraging } from "./dual-averaging.js";
import { type Chains, hamiltonian, type TargetDensity } from "./hamiltonian.js";
import type { Diagnostics, Draws } from "./sampler.js";

/** A law known by its density, with a law near it to start in and to propose from. */
export interface ChainLaw {
  /** As in `--sampler NAME`, for messages. */
  readonly name: string;
  readonly target: TargetDensity;
  readonly mixture: ProposalMixture;
  /** What the reader must know about the law. */
  readonly notes: readonly string[];
  /** What the exponents of the law need, where none is asked for. */
  readonly precision: Precision;
  /** Moves points that lie where the law has no mass to where it has some, in place. [C, d] */
  confine(points: Float64Array): void;
}

export interface ProposalMixture {
  /** Normalised log density: `[N, d] -> [N]`. Traceable. */
  logDensity(z: Tensor): Tensor;
  /** `count` draws, [count, d] row-major. */
  draw(count: number, random: RandomStream): Float64Array;
  /** The least standard deviation of any component along any axis of its covariance: the scale that steps must resolve. */
  readonly leastScale: number;
}

export interface ChainOptions {
  /** L; default 10. */
  readonly leapfrogSteps?: number;
  /** Hamiltonian transitions for each kept draw; default 2. */
  readonly transitions?: number;
  /** Whether each kept draw has an independence move; default true. */
  readonly independence?: boolean;
  /** C; default one for 40 samples, 16 to 256. */
  readonly chains?: number;
  /** Iterations of adaptation, thrown away; default 60. */
  readonly warmUp?: number;
  /** Acceptance that the step size is adapted to; default 0.8. */
  readonly targetAcceptance?: number;
  /** A fixed step size, in place of adaptation. */
  readonly stepSize?: number;
  /** Default: float32 where that is precise enough for the law at hand. */
  readonly precision?: Precision;
  /** Threads inside one operation; default 1 (blocks of chains are too small for more to pay). */
  readonly threads?: number;
}

/** Draws of all chains, before any is left out. */
export interface ChainDraws {
  /** [T, C, d] float64 */
  readonly positions: NdArray;
  /** log density of the law at the positions, as the law gives it. [T, C] */
  readonly logDensities: NdArray;
  readonly diagnostics: Diagnostics;
}

/**
 * `count` draws, evenly spread over the draws of all chains, so that none says more about the start than the end: one
 * chain after the other, each a step later than the last.
 */
export async function drawFromChains(
  law: ChainLaw,
  count: number,
  seed: number,
  options: ChainOptions,
): Promise<Draws> {
  const d = law.target.dimension;
  const chains = options.chains ?? Math.min(256, Math.max(16, Math.ceil(count / 40)));
  const draws = Math.max(40, Math.ceil(count / chains));
  const { positions, diagnostics } = await runChains(law, draws, seed, { ...options, chains });
  const latents = new Float64Array(count * d);
  for (let i = 0; i < count; i++) {
    const row = Math.floor((i * draws) / count) * chains + (i % chains);
    latents.set(positions.data.subarray(row * d, (row + 1) * d), i * d);
  }
  const returnedEffectiveSize = effectiveSizeOfSome(diagnostics.effectiveSampleSize!, draws * chains, count);
  return {
    latents: ndarray(latents, [count, d]),
    diagnostics: { ...diagnostics, returned: count, returnedEffectiveSize },
  };
}

/**
 * What n of N draws are worth that are together worth E independent ones. The variance of their mean is, for n random ones of
 * them, sigma^2 / n (1 + (n - 1) / (N - 1) (N / E - 1)), since a pair of them is correlated as a pair of all is on
 * average; draws that are spread evenly are no worse.
 */
export function effectiveSizeOfSome(effective: number, total: number, some: number): number {
  return total < 2 ? some : some / (1 + ((some - 1) / (total - 1)) * (total / effective - 1));
}

/**
 * T draws of each of C chains with their diagnostics.
 * @throws UsageError for options out of range; RunError if no step size gives any acceptance
 */
export async function runChains(
  law: ChainLaw,
  draws: number,
  seed: number,
  options: ChainOptions & { readonly chains: number },
): Promise<ChainDraws> {
  const { chains: count, leapfrogSteps = 10, transitions = 2, independence = true, warmUp = 60, threads = 1 } = options;
  const whole = (name: string, value: number, least: number) => checkWhole(law.name, name, value, least);
  whole("chains", count, 1);
  whole("leapfrogSteps", leapfrogSteps, 1);
  whole("transitions", transitions, independence ? 0 : 1);
  whole("warmUp", warmUp, 0);
  whole("draws of a chain", draws, 4);
  const { target, mixture, notes, confine } = law;
  const d = target.dimension;
  const precision = options.precision ?? law.precision;
  const key = randomKey(seed);
  const [forStart, forChains, forProposals] = ["start", "chains", "proposals"].map((name) => stream(split(key, name)));
  const programs = hamiltonian(target, { leapfrogSteps, precision, threads });
  const mixtureAt: Compiled = compile((z: Tensor) => mixture.logDensity(z), { precision, threads });
  const logMixture = async (positions: Float64Array) => (await mixtureAt(ndarray(positions, [count, d]))).data;
  try {
    const start = mixture.draw(count, forStart);
    confine(start);
    const chains = await programs.start(start, forChains);
    const sweep = async (stepSize: number) => {
      let acceptance = 0;
      for (let i = 0; i < transitions; i++) acceptance += (await chains.transition(stepSize)) / transitions;
      const accepted = independence ? await chains.propose(mixture.draw(count, forProposals), logMixture) : 0;
      return { acceptance, accepted };
    };

    const stepSize =
      options.stepSize ?? (await adapted(law.name, chains, mixture.leastScale, warmUp, options.targetAcceptance));
    if (options.stepSize !== undefined) for (let i = 0; i < warmUp; i++) await sweep(stepSize);

    const positions = new Float64Array(draws * count * d);
    const logDensities = new Float64Array(draws * count);
    let [acceptance, accepted] = [0, 0];
    for (let t = 0; t < draws; t++) {
      const rates = await sweep(stepSize);
      acceptance += rates.acceptance / draws;
      accepted += rates.accepted / draws;
      positions.set(chains.positions(), t * count * d);
      logDensities.set(chains.logDensities(), t * count);
    }
    const quality = judge(positions, logDensities, count, d);
    const gradients = (warmUp + draws * transitions) * count * leapfrogSteps;
    return {
      positions: ndarray(positions, [draws, count, d]),
      logDensities: ndarray(logDensities, [draws, count]),
      diagnostics: {
        ...(transitions > 0 && { acceptance, stepSize, leapfrogSteps }),
        ...(independence && { independenceAcceptance: accepted }),
        ...quality,
        draws: draws * count,
        chains: count,
        drawsPerChain: draws,
        gradients,
        notes: precision === "float64" ? [...notes, "in float64, since float32 would blur the law"] : notes,
        warnings: warningsOf(transitions > 0 ? acceptance : undefined, quality, draws * count),
      },
    };
  } finally {
    await programs.dispose();
    await mixtureAt.dispose();
  }
}

/** The step size that dual averaging comes to; the independence moves are left out, as they have none. */
async function adapted(name: string, chains: Chains, scale: number, iterations: number, wanted = 0.8): Promise<number> {
  expectThat(
    wanted > 0 && wanted < 1,
    () => `${name}: targetAcceptance is ${wanted}; give a number between 0 and 1, for example 0.8.`,
  );
  const steps = dualAveraging(scale * chains.dimension ** -0.25, wanted);
  for (let i = 0; i < iterations; i++) steps.update(await chains.transition(steps.current));
  if (!(steps.averaged > 1e-12 * scale && Number.isFinite(steps.averaged)))
    throw new RunError(
      `${name}: no step size gives an acceptance of ${wanted} (the last was ${steps.averaged}); look at the variances of its centroids.`,
    );
  return steps.averaged;
}

interface Quality {
  readonly effectiveSampleSize: number;
  readonly splitRHat: number;
}

/** The worst over coordinates and the log density of T draws of C chains. */
export function judge(positions: Float64Array, logDensities: ArrayLike<number>, chains: number, d: number): Quality {
  const total = logDensities.length;
  const scalars: ArrayLike<number>[] = [logDensities];
  for (let k = 0; k < d; k++) scalars.push(Float64Array.from({ length: total }, (_, i) => positions[i * d + k]));
  return {
    effectiveSampleSize: Math.min(...scalars.map((values) => effectiveSampleSize({ values, chains }))),
    splitRHat: Math.max(...scalars.map((values) => splitRHat({ values, chains }))),
  };
}

/** What looks bad, in sentences. `acceptance` is absent where there were no Hamiltonian transitions. */
export function warningsOf(acceptance: number | undefined, quality: Quality, total: number): string[] {
  const warnings: string[] = [];
  if (acceptance !== undefined && !(acceptance > 0.5 && acceptance < 0.97))
    warnings.push(
      `the acceptance is ${acceptance.toFixed(3)}, where 0.6 to 0.95 is good: ${
        acceptance < 0.5
          ? "the step size is too large for parts of the law, which the chains hardly enter; take more transitions for each draw (--transitions)"
          : "the steps are shorter than they need be; take more of them in a transition (--leapfrog)"
      }`,
    );
  if (!(quality.splitRHat < 1.05))
    warnings.push(
      `split R-hat is ${Number.isFinite(quality.splitRHat) ? quality.splitRHat.toFixed(2) : "infinite"}: the chains have not met, so the draws lean on their starts; take more transitions for each draw (--transitions)`,
    );
  if (!(quality.effectiveSampleSize > total / 20))
    warnings.push(
      `the ${total} draws are worth ${quality.effectiveSampleSize.toFixed(0)} independent ones; take more transitions for each draw (--transitions)`,
    );
  return warnings;
}

function checkWhole(law: string, name: string, value: number, least: number): void {
  expectThat(
    Number.isInteger(value) && value >= least,
    () => `${law}: ${name} is ${value}; give a whole number from ${least}.`,
  );
}

/**
 * What every way of drawing latents is: a name, and seeded draws with what is known about their quality.
 */
import type { NdArray } from "../engine/index.js";
import { expectThat } from "../errors.js";

export interface Sampler {
  /** As in `--sampler NAME`. */
  readonly name: string;
  /** In a sentence, for reports. */
  readonly description: string;
  /** d */
  readonly dimension: number;
  /**
   * `count` latents; the same seed gives the same latents on the same machine.
   * @throws UsageError unless count is a whole number from 1
   */
  draw(count: number, seed: number): Promise<Draws>;
}

export interface Draws {
  /** [count, d] float64 */
  readonly latents: NdArray;
  readonly diagnostics: Diagnostics;
}

/** What is known about draws; what does not apply to a sampler is absent (independent draws have no acceptance). */
export interface Diagnostics {
  /** Mean acceptance probability of the kept transitions. */
  readonly acceptance?: number;
  /** Share of accepted independence proposals. */
  readonly independenceAcceptance?: number;
  /** Effective sample size, the least over the coordinates and the log volume, of all draws of the chains. */
  readonly effectiveSampleSize?: number;
  /** How many draws those are; of them `returned` are the samples. */
  readonly draws?: number;
  readonly returned?: number;
  /** What the samples that are returned are worth, by the same measure (`effectiveSizeOfSome`). */
  readonly returnedEffectiveSize?: number;
  /** Split R-hat, the largest over the same. */
  readonly splitRHat?: number;
  readonly stepSize?: number;
  readonly leapfrogSteps?: number;
  readonly chains?: number;
  /** Draws kept of each chain. */
  readonly drawsPerChain?: number;
  /** Gradients of the log density computed, warm-up included: the cost. */
  readonly gradients?: number;
  /** What the reader must know about the law that was sampled, in sentences. */
  readonly notes: readonly string[];
  /** What looks bad, in sentences; empty where nothing does. */
  readonly warnings: readonly string[];
}

/** @throws UsageError unless `count` is a whole number from 1. */
export function checkCount(caller: string, count: number): void {
  expectThat(
    Number.isInteger(count) && count >= 1,
    () => `${caller}: ${count} samples; give a whole number from 1, for example -n 100.`,
  );
}

/** The diagnostics as lines of text, for the command and reports. */
export function diagnosticLines(diagnostics: Diagnostics): string[] {
  const { acceptance, independenceAcceptance, effectiveSampleSize, splitRHat, stepSize, leapfrogSteps } = diagnostics;
  const { chains, drawsPerChain, draws, returned, returnedEffectiveSize, notes, warnings } = diagnostics;
  const share = (x: number) => `${(100 * x).toFixed(1)} %`;
  const lines: string[] = [];
  if (chains !== undefined) lines.push(`chains: ${chains}, draws of each: ${drawsPerChain}`);
  if (stepSize !== undefined) lines.push(`leapfrog: ${leapfrogSteps} steps of ${Number(stepSize.toPrecision(3))}`);
  if (acceptance !== undefined) lines.push(`acceptance: ${share(acceptance)}`);
  if (independenceAcceptance !== undefined)
    lines.push(`independence proposals accepted: ${share(independenceAcceptance)}`);
  if (effectiveSampleSize !== undefined) {
    const of = draws === undefined ? "" : ` of ${draws} draws`;
    const worth = returnedEffectiveSize === undefined ? "" : ` (worth ${returnedEffectiveSize.toFixed(0)})`;
    const kept =
      returned === undefined || returned === draws
        ? ""
        : `, of which ${returned} ${returned === 1 ? "is" : "are"} kept${worth}`;
    lines.push(`effective sample size: ${effectiveSampleSize.toFixed(0)}${of}${kept}`);
  }
  if (splitRHat !== undefined) lines.push(`split R-hat: ${splitRHat.toFixed(3)}`);
  return [...lines, ...notes.map((note) => `note: ${note}`), ...warnings.map((warning) => `warning: ${warning}`)];
}

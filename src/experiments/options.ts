/** How an experiment is run: what every `src/experiments/NAME.ts` takes, and the numbers that some take besides. */
import { UsageError } from "../errors.js";

/** What `atlas reproduce NAME` passes to the experiment. */
export interface ExperimentOptions {
  /** A small version, under a minute on an idle machine: for a look, not for its numbers. */
  readonly fast: boolean;
  /** Of everything random; repetitions take seed, seed + 1, ... */
  readonly seed: number;
  /** The folder for cells, pictures, CSV and report.md. */
  readonly out: string;
  /** Gets a line of progress now and then. */
  readonly report: (line: string) => void;
  /** How many repetitions (seeds or splits) of each row. */
  readonly repetitions?: number;
  /** Passes over the data in each training. */
  readonly epochs?: number;
  /** Steps of the optimiser in each training. */
  readonly steps?: number;
  /** Draws of a Monte Carlo score (K of a bound, or how many images a sampler makes). */
  readonly samples?: number;
  /** Curvatures (written c > 0 for -c; 0 is Euclidean). */
  readonly curvatures?: readonly number[];
  /** Compute only the cells whose name contains one of these texts; the others are read back where they exist. */
  readonly cells?: readonly string[];
  /** Threads of every compiled program; default: all cores. */
  readonly threads?: number;
  /** Stops between two steps, keeping the cells that are done. */
  readonly signal?: AbortSignal;
}

/** The options that only some experiments take. */
export type OptionalNumber = "repetitions" | "epochs" | "steps" | "samples" | "curvatures";

/**
 * Refuses what an experiment does not take, instead of ignoring it.
 * @throws UsageError naming the option and those that are taken
 */
export function takesOnly(name: string, options: ExperimentOptions, taken: readonly OptionalNumber[]): void {
  for (const option of ["repetitions", "epochs", "steps", "samples", "curvatures"] as const)
    if (options[option] !== undefined && !taken.includes(option))
      throw new UsageError(
        `--${option}: the experiment "${name}" does not take it; it takes ${taken.length === 0 ? "none of these" : taken.map((word) => `--${word}`).join(", ")}.`,
      );
}

/** The seeds of the repetitions: `seed`, `seed` + 1, ...; `usual` of them where nothing is said. */
export function seedsOf(
  { seed, repetitions }: Pick<ExperimentOptions, "seed" | "repetitions">,
  usual: number,
): number[] {
  return Array.from({ length: repetitions ?? usual }, (_, k) => seed + k);
}

/** The command that a report cites: everything that was given, so that it can be run again. */
export function commandOf(name: string, options: ExperimentOptions): string {
  const words = [`atlas reproduce ${name}`];
  if (options.fast) words.push("--fast");
  words.push(`--seed ${options.seed}`);
  for (const option of ["repetitions", "epochs", "steps", "samples"] as const)
    if (options[option] !== undefined) words.push(`--${option} ${options[option]}`);
  if (options.curvatures !== undefined) words.push(`--curvatures ${options.curvatures.join(",")}`);
  return words.join(" ");
}

/** Training of the other models from the command: the autoencoder family, and the Poincare VAE. */
import type { FamilyOptions } from "../autoencoders/family/index.js";
import type { PvaeOptions } from "../autoencoders/pvae/index.js";
import type { Dataset } from "../data/index.js";
import { duration, type Report } from "./report.js";

export interface OtherRun {
  readonly epochs: number;
  readonly reason: "finished" | "early" | "stopped";
  /** Larger is better: minus the objective, or the ELBO. */
  readonly score: { readonly train: number; readonly test?: number };
  readonly seconds: number;
}

interface Common {
  readonly out: string;
  readonly resume?: boolean;
  readonly overwrite?: boolean;
  readonly epochs?: number;
  readonly threads?: number;
  readonly report: Report;
  readonly signal: AbortSignal;
  readonly onStarted: () => void;
}

/** Trains a model of the family. */
export async function trainFamilyRun(
  name: string,
  train: Dataset,
  test: Dataset,
  model: FamilyOptions,
  options: Common,
): Promise<OtherRun> {
  const { resumeFamily, trainFamily } = await import("../autoencoders/family/index.js");
  const common = runOptions(test, options, (p: any) =>
    Object.entries(p.terms as Record<string, number>)
      .map(([term, value]) => `${term} ${value.toFixed(3)}`)
      .join("  "),
  );
  const result = options.resume
    ? await resumeFamily(options.out, train, { ...common, epochs: options.epochs })
    : await trainFamily(name, train, { ...model, ...common, out: options.out, overwrite: options.overwrite });
  options.report.progressDone();
  options.onStarted();
  return { epochs: result.history.length, reason: result.reason, score: result.score, seconds: result.seconds };
}

/** Trains a Poincare VAE. */
export async function trainPvaeRun(
  train: Dataset,
  test: Dataset,
  model: PvaeOptions,
  options: Common,
): Promise<OtherRun> {
  const { resumePvae, trainPvae } = await import("../autoencoders/pvae/index.js");
  const common = runOptions(
    test,
    options,
    (p: any) => `ELBO ${p.elbo.toFixed(2)} = ${p.reconstruction.toFixed(2)} - KL ${p.kl.toFixed(2)}`,
  );
  const result = options.resume
    ? await resumePvae(options.out, train, { ...common, epochs: options.epochs })
    : await trainPvae(train, { ...model, ...common, out: options.out, overwrite: options.overwrite });
  options.report.progressDone();
  options.onStarted();
  return { epochs: result.history.length, reason: result.reason, score: result.elbo, seconds: result.seconds };
}

function runOptions(test: Dataset, { report, signal, threads, onStarted }: Common, terms: (progress: any) => string) {
  let started = false;
  return {
    test,
    signal,
    threads,
    onProgress: (p: any) => {
      if (p.epochEnded && !started) {
        onStarted();
        started = true;
      }
      const done = p.epoch - 1 + p.batch / p.batches;
      report.progress(done, p.epochs, `epoch ${p.epoch}/${p.epochs}  ${terms(p)}  ${duration(p.secondsLeft)} left`);
    },
  };
}

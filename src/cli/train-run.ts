/** Training a run from the command: progress, Ctrl-C, and the uncertainty afterwards. */

import { join } from "node:path";
import type { TrainVaeResult, VaeOptions } from "../autoencoders/index.js";
import type { Dataset } from "../data/index.js";
import { writeNpy } from "../numerics/npy.js";
import { LOG_VARIANCES } from "./open-run.js";
import { duration, type Report } from "./report.js";

export interface TrainRunOptions {
  readonly out: string;
  readonly resume?: boolean;
  readonly overwrite?: boolean;
  /** When resuming: the new number of epochs. */
  readonly epochs?: number;
  readonly model: VaeOptions;
  readonly uncertainty: boolean;
  readonly threads?: number;
  readonly report: Report;
  readonly signal: AbortSignal;
  /** Called when the run has its first checkpoint. */
  readonly onStarted?: () => void;
}

/** Trains (or goes on training) the run in `out` and fits its uncertainty. */
export async function trainAndSave(train: Dataset, test: Dataset, options: TrainRunOptions): Promise<TrainVaeResult> {
  const { out, report, signal, threads, model } = options;
  const { encode, fitUncertainty, loadVae, resumeVae, saveUncertainty, trainVae } = await import(
    "../autoencoders/index.js"
  );
  let started = false;
  const begun = () => {
    if (!started) options.onStarted?.();
    started = true;
  };
  const common = {
    test,
    signal,
    threads,
    onProgress: (p: any) => {
      if (p.epochEnded) begun();
      const held = p.heldOutElbo === undefined ? "" : `, held out ${p.heldOutElbo.toFixed(2)}`;
      const done = p.epoch - 1 + p.batch / p.batches;
      report.progress(
        done,
        p.epochs,
        `epoch ${p.epoch}/${p.epochs}  ELBO ${p.elbo.toFixed(2)} = ${p.reconstruction.toFixed(2)} - KL ${p.kl.toFixed(2)}${held}  ${duration(p.secondsLeft)} left`,
      );
    },
  };
  const result = options.resume
    ? await resumeVae(out, train, { ...common, epochs: options.epochs })
    : await trainVae(train, { ...model, ...common, out, overwrite: options.overwrite });
  report.progressDone();
  begun();
  if (result.reason === "stopped") return result;
  const { logVariance } = await encode(result.model, train.rows, { threads });
  writeNpy(join(out, LOG_VARIANCES), logVariance);
  // Other likelihoods have an uncertainty of their own, which a gate calibrates away from the codes.
  const { likelihood } = result.model.shape;
  if (!options.uncertainty || (likelihood !== "gaussian" && likelihood !== "bernoulli")) return result;
  const { seed } = loadVae(out).config.training; // the run's own, also when it is resumed
  report.progress(0, 1, "fitting the decoder's uncertainty");
  const fitted = await fitUncertainty(result.model, train.rows, { seed, threads });
  report.progressDone();
  saveUncertainty(out, fitted);
  return { ...result, model: fitted };
}

/** Runs work that Ctrl-C stops: the first stops it cleanly, a second one at once. */
export async function interruptible<T>(report: Report, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(1);
    controller.abort();
    report.say("Stopping after this step; the checkpoint is kept. (Again to stop at once.)");
  };
  process.on("SIGINT", stop);
  try {
    return await work(controller.signal);
  } finally {
    process.off("SIGINT", stop);
  }
}

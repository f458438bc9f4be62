/** What the trainings of all models are told by the command: data, threads, how to stop, and how to tell progress. */
import type { Dataset } from "../data/index.js";
import { duration, type Report } from "./report.js";

export interface TrainingChoice {
  readonly out: string;
  readonly resume?: boolean;
  readonly overwrite?: boolean;
  /** When resuming: the new number of epochs. */
  readonly epochs?: number;
  readonly threads?: number;
  readonly report: Report;
  readonly signal: AbortSignal;
  /** Called once, when the run has its first checkpoint. */
  readonly onStarted?: () => void;
}

/**
 * Options of a training function, and what is to be called when it returns.
 * @param terms words for what an epoch comes to
 */
export function toldTraining(test: Dataset, choice: TrainingChoice, terms: (progress: any) => string) {
  const { report, signal, threads } = choice;
  let started = false;
  const begun = () => {
    if (!started) choice.onStarted?.();
    started = true;
  };
  const onProgress = (p: any) => {
    if (p.epochEnded) begun();
    const done = p.epoch - 1 + p.batch / p.batches;
    report.progress(done, p.epochs, `epoch ${p.epoch}/${p.epochs}  ${terms(p)}  ${duration(p.secondsLeft)} left`);
  };
  const ended = () => {
    report.progressDone();
    begun();
  };
  return { options: { test, signal, threads, onProgress }, ended };
}

/** Words for an ELBO and its terms. */
export function elboWords({ elbo, reconstruction, kl, heldOutElbo }: any): string {
  const held = heldOutElbo === undefined ? "" : `, held out ${heldOutElbo.toFixed(2)}`;
  return `ELBO ${elbo.toFixed(2)} = ${reconstruction.toFixed(2)} - KL ${kl.toFixed(2)}${held}`;
}

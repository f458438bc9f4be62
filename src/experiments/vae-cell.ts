/** Training a VAE inside a cell. */
import { type TrainVaeOptions, type TrainVaeResult, trainVae } from "../autoencoders/index.js";
import type { Dataset } from "../data/index.js";
import { RunError } from "../errors.js";
import type { ExperimentOptions } from "./options.js";

/**
 * `trainVae` inside a cell: with the experiment's threads and signal, and a line of report.
 * @throws RunError when it is stopped: half a training is no result
 */
export async function trainVaeCell(
  train: Dataset,
  options: TrainVaeOptions,
  { threads, signal, report }: Pick<ExperimentOptions, "threads" | "signal" | "report">,
): Promise<TrainVaeResult> {
  const result = await trainVae(train, { ...options, threads, signal });
  if (result.reason === "stopped") throw new RunError("stopped in the middle of a cell; run it again to go on.");
  report(`  ELBO ${result.elbo.train.toFixed(2)} training, ${result.elbo.test?.toFixed(2)} held out`);
  return result;
}

/** Training a VAE's run from the command, and its uncertainty afterwards. */
import { join } from "node:path";
import type { TrainVaeResult, VaeOptions } from "../autoencoders/index.js";
import type { Dataset } from "../data/index.js";
import { writeNpy } from "../numerics/npy.js";
import { LOG_VARIANCES } from "./open-run.js";
import { elboWords, type TrainingChoice, toldTraining } from "./train-progress.js";

export interface TrainRunOptions extends TrainingChoice {
  readonly model: VaeOptions;
  readonly uncertainty: boolean;
}

/** Trains (or goes on training) the run in `out` and fits its uncertainty. */
export async function trainAndSave(train: Dataset, test: Dataset, options: TrainRunOptions): Promise<TrainVaeResult> {
  const { out, report, threads, model } = options;
  const { encode, fitUncertainty, loadVae, resumeVae, saveUncertainty, trainVae } = await import(
    "../autoencoders/index.js"
  );
  const { options: common, ended } = toldTraining(test, options, elboWords);
  const result = options.resume
    ? await resumeVae(out, train, { ...common, epochs: options.epochs })
    : await trainVae(train, { ...model, ...common, out, overwrite: options.overwrite });
  ended();
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

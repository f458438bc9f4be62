/** Training of the other models from the command: the autoencoder family, and the Poincare VAE. */
import type { FamilyOptions } from "../autoencoders/family/index.js";
import type { PvaeOptions } from "../autoencoders/pvae/index.js";
import type { Dataset } from "../data/index.js";
import { elboWords, type TrainingChoice, toldTraining } from "./train-progress.js";

export interface OtherRun {
  readonly epochs: number;
  readonly reason: "finished" | "early" | "stopped";
  /** Larger is better: minus the objective, or the ELBO. */
  readonly score: { readonly train: number; readonly test?: number };
  readonly seconds: number;
}

/** Trains a model of the family. */
export async function trainFamilyRun(
  name: string,
  train: Dataset,
  test: Dataset,
  model: FamilyOptions,
  options: TrainingChoice,
): Promise<OtherRun> {
  const { resumeFamily, trainFamily } = await import("../autoencoders/family/index.js");
  const { options: common, ended } = toldTraining(test, options, (p: any) =>
    Object.entries(p.terms as Record<string, number>)
      .map(([term, value]) => `${term} ${value.toFixed(3)}`)
      .join("  "),
  );
  const result = options.resume
    ? await resumeFamily(options.out, train, { ...common, epochs: options.epochs })
    : await trainFamily(name, train, { ...model, ...common, out: options.out, overwrite: options.overwrite });
  ended();
  return { epochs: result.history.length, reason: result.reason, score: result.score, seconds: result.seconds };
}

/** Trains a Poincare VAE. */
export async function trainPvaeRun(
  train: Dataset,
  test: Dataset,
  model: PvaeOptions,
  options: TrainingChoice,
): Promise<OtherRun> {
  const { resumePvae, trainPvae } = await import("../autoencoders/pvae/index.js");
  const { options: common, ended } = toldTraining(test, options, elboWords);
  const result = options.resume
    ? await resumePvae(options.out, train, { ...common, epochs: options.epochs })
    : await trainPvae(train, { ...model, ...common, out: options.out, overwrite: options.overwrite });
  ended();
  return { epochs: result.history.length, reason: result.reason, score: result.elbo, seconds: result.seconds };
}

/** The data that a run was trained on, split as at its training: from what its folder says, or as the user names it. */
import type { Dataset } from "../data/index.js";
import { UsageError } from "../errors.js";
import { type DataChoice, loadChosen, storedChoice, withSchema } from "./data-choice.js";

export interface RunData {
  readonly train: Dataset;
  readonly test: Dataset;
}

/**
 * The training and the held-out rows of the run in `folder`.
 * @param given the data as the user names them, for runs that do not say which theirs are
 * @throws UsageError where the data are not known, not there, or not those that the run was trained on
 */
export async function dataOfRun(folder: string, given?: string): Promise<RunData> {
  const [{ readCheckpoint }, { splitDataset }, { describeData }] = await Promise.all([
    import("../training/index.js"),
    import("../data/index.js"),
    import("../autoencoders/run-checkpoint.js"),
  ]);
  const config = readCheckpoint(folder).config as {
    readonly data?: { readonly name: string; readonly fingerprint: string };
    readonly training?: { readonly seed?: number };
  };
  const stored = storedChoice(folder);
  const choice: DataChoice | undefined =
    given === undefined
      ? // the demo's runs: the data by their name, split by the training's seed
        (stored ?? (config.data && { data: config.data.name, seed: config.training?.seed }))
      : { ...(stored ?? { seed: config.training?.seed }), data: given };
  if (choice === undefined)
    throw new UsageError(`${folder} does not say which data it was trained on; name them with --data.`);
  let data: Dataset;
  try {
    data = await loadChosen(choice);
  } catch (error) {
    if (!(error instanceof UsageError) || given !== undefined) throw error;
    throw new UsageError(
      `${folder} was trained on ${choice.data}, which cannot be loaded from here; name the data with --data (${error.message.replace(/\.$/, "")}).`,
    );
  }
  ({ data } = await withSchema(data, choice.schema));
  const parts = splitDataset(data, { testFraction: choice.testFraction, seed: choice.seed ?? 0 });
  if (config.data !== undefined && describeData(parts.train).fingerprint !== config.data.fingerprint)
    throw new UsageError(
      `${choice.data}: these are not the rows that ${folder} was trained on (${config.data.name}); name the data that it began with, with --data.`,
    );
  return parts;
}

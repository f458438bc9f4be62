/** The data that a run was trained on, split as at its training: from what its folder says, or as the user names it. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Dataset } from "../data/index.js";
import { UsageError } from "../errors.js";

export interface RunData {
  readonly train: Dataset;
  readonly test: Dataset;
}

interface DataChoice {
  readonly data: string;
  readonly labelColumn?: string | number;
  readonly testFraction?: number;
  readonly schema?: string;
  readonly seed?: number;
}

/**
 * The training and the held-out rows of the run in `folder`.
 * @param given the data as the user names them, for runs that do not say which theirs are
 * @throws UsageError where the data are not known, not there, or not those that the run was trained on
 */
export async function dataOfRun(folder: string, given?: string): Promise<RunData> {
  const [{ readCheckpoint }, { loadDataset, splitDataset }, { describeData }] = await Promise.all([
    import("../training/index.js"),
    import("../data/index.js"),
    import("../autoencoders/vae-checkpoint.js"),
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
    data = await loadDataset(choice.data, { labelColumn: choice.labelColumn });
  } catch (error) {
    if (!(error instanceof UsageError) || given !== undefined) throw error;
    throw new UsageError(
      `${folder} was trained on ${choice.data}, which cannot be loaded from here; name the data with --data (${error.message.replace(/\.$/, "")}).`,
    );
  }
  if (choice.schema !== undefined) data = await withSchema(data, choice.schema);
  const parts = splitDataset(data, { testFraction: choice.testFraction, seed: choice.seed ?? 0 });
  if (config.data !== undefined && describeData(parts.train).fingerprint !== config.data.fingerprint)
    throw new UsageError(
      `${choice.data}: these are not the rows that ${folder} was trained on (${config.data.name}); name the data that it began with, with --data.`,
    );
  return parts;
}

async function withSchema(data: Dataset, path: string): Promise<Dataset> {
  const [{ applySchema }, { readUserFile }] = await Promise.all([
    import("../autoencoders/index.js"),
    import("../numerics/files.js"),
  ]);
  return applySchema(data, JSON.parse(readUserFile(path).toString("utf8"))).data;
}

function storedChoice(folder: string): DataChoice | undefined {
  const file = join(folder, "data.json");
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    throw new UsageError(`${file} is damaged; restore it, or train the run again.`);
  }
}

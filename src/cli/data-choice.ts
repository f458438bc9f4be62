/** Which data a run was trained on: what its folder says beside the checkpoint (`data.json`), and loading them by it. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { AlphabetName, Dataset } from "../data/index.js";
import { UsageError } from "../errors.js";
import { writeAtomically } from "../numerics/files.js";

/** The data of a run, so that `--resume` and `atlas evaluate` need no repetition. */
export interface DataChoice {
  readonly data: string;
  /** "vae" where absent. */
  readonly model?: string;
  /** Path of the schema of mixed data. */
  readonly schema?: string;
  /** Whether the decoder's uncertainty is fitted. */
  readonly uncertainty?: boolean;
  readonly labelColumn?: string | number;
  /** Of aligned sequences. */
  readonly alphabet?: AlphabetName;
  readonly identity?: number;
  readonly testFraction?: number;
  /** Of the split. */
  readonly seed?: number;
}

const FILE = "data.json";

/** What a run's folder says of its data. @throws UsageError if that is damaged. */
export function storedChoice(folder: string): DataChoice | undefined {
  const file = join(folder, FILE);
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    throw new UsageError(
      `${file} is damaged; delete it and name the data with --data (to resume, also --seed and --label-column as at first).`,
    );
  }
}

/** Lets a run's folder say what its data are. */
export function storeChoice(folder: string, choice: DataChoice): void {
  writeAtomically(join(folder, FILE), `${JSON.stringify(choice)}\n`);
}

/** The data chosen, whole and as they are. @throws UsageError where they are not known or not there */
export async function loadChosen({ data, labelColumn, alphabet, identity }: DataChoice): Promise<Dataset> {
  const { loadDataset } = await import("../data/index.js");
  return loadDataset(data, { labelColumn, alphabet, identity });
}

/** Mixed data as its schema encodes it. @throws UsageError naming the field, row or column that does not fit. */
export async function withSchema(
  data: Dataset,
  path: string | undefined,
): Promise<{ data: Dataset; schema?: unknown }> {
  if (path === undefined) return { data };
  const [{ applySchema }, { readUserFile }] = await Promise.all([
    import("../autoencoders/index.js"),
    import("../numerics/files.js"),
  ]);
  let json: unknown;
  try {
    json = JSON.parse(readUserFile(path).toString("utf8"));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`--schema: ${path} is not JSON (${(error as Error).message}); see docs/data.md.`);
  }
  return applySchema(data, json);
}

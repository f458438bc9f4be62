/**
 * Motion capture from files: Acclaim's ASF (skeleton) and AMC (motion), as the Carnegie Mellon library
 * (mocap.cs.cmu.edu) has them. What they mean is in `mocap-kinematics.ts`.
 *
 * @example
 *   const skeleton = readAsf("35.asf");
 *   const { ends, directions } = posesOf(skeleton, readAmc("35_01.amc", skeleton));
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expectThat, UsageError } from "../errors.js";
import { readUserFile } from "../numerics/files.js";
import { parseAmc } from "./mocap-amc.js";
import { parseAsf } from "./mocap-asf.js";
import type { Motion, Skeleton } from "./mocap-kinematics.js";

export { parseAmc } from "./mocap-amc.js";
export { parseAsf } from "./mocap-asf.js";
export * from "./mocap-kinematics.js";

/**
 * Reads a skeleton in Acclaim's ASF format.
 * @throws UsageError with file and line for what is missing, unknown or no number
 * @example const skeleton = readAsf("35.asf");
 */
export function readAsf(path: string): Skeleton {
  return parseAsf(textOf(path), path);
}

/**
 * Reads a motion in Acclaim's AMC format, made for `skeleton`. Degrees become radians.
 * @throws UsageError with file and line for bones that the skeleton does not have, channels that are missing, or words
 * @example const walk = readAmc("35_01.amc", readAsf("35.asf"));
 */
export function readAmc(path: string, skeleton: Skeleton): Motion {
  return parseAmc(textOf(path), skeleton, path);
}

function textOf(path: string): string {
  const bytes = readUserFile(path);
  expectThat(!bytes.includes(0), () => `${path} is not text (it has zero bytes); give an ASF or AMC file.`);
  return new TextDecoder().decode(bytes);
}

/** Where `$ATLAS_DATA/mocap` is a folder, that. */
export function mocapFolder(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const folder = environment.ATLAS_DATA ? join(environment.ATLAS_DATA, "mocap") : undefined;
  return folder !== undefined && existsSync(folder) ? folder : undefined;
}

/**
 * A subject's motion from `$ATLAS_DATA/mocap`: `SUBJECT.asf` and `SUBJECT_TRIAL.amc`.
 * @throws UsageError where the folder or a file is not there
 * @example const { skeleton, motion } = loadMocap("35", "01"); // a walk
 */
export function loadMocap(
  subject: string,
  trial: string,
  folder = mocapFolder(),
): { readonly skeleton: Skeleton; readonly motion: Motion } {
  if (folder === undefined)
    throw new UsageError(
      `mocap: there is no folder mocap in ATLAS_DATA (${process.env.ATLAS_DATA ?? "not set"}); set ATLAS_DATA to the folder that holds mocap/${subject}.asf.`,
    );
  const skeleton = readAsf(join(folder, `${subject}.asf`));
  return { skeleton, motion: readAmc(join(folder, `${subject}_${trial}.amc`), skeleton) };
}

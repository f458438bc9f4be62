/** Whether the folder of a training run suits what is asked: a new run, or one that goes on. */
import type { Command } from "commander";
import { UsageError } from "../errors.js";

/**
 * @param resumable options that may stand beside `--resume`, by their attribute names; all others are the run's own
 * @throws UsageError where the folder does not suit what is asked, or an option contradicts `--resume`
 */
export async function checkRunFolder(
  options: { readonly out: string; readonly resume?: boolean; readonly overwrite?: boolean },
  command: Command,
  resumable: ReadonlySet<string>,
): Promise<void> {
  const { holdsCheckpoint } = await import("../training/index.js");
  const there = holdsCheckpoint(options.out);
  if (options.resume && !there)
    throw new UsageError(`--resume: ${options.out} holds no run; leave --resume out to begin one.`);
  if (!options.resume && !options.overwrite && there)
    throw new UsageError(
      `--out: ${options.out} holds a run already; add --resume, --overwrite, or name another folder.`,
    );
  if (!options.resume) return;
  const other = command.options.filter(
    (option) =>
      command.getOptionValueSource(option.attributeName()) === "cli" && !resumable.has(option.attributeName()),
  );
  if (other.length > 0)
    throw new UsageError(
      `--resume goes on with the run as it was begun, so ${other.map((option) => option.long).join(", ")} cannot be given with it; leave that out, or begin another run.`,
    );
}

/**
 * What continues a run, as the file `training-state.safetensors` of a checkpoint: the state (parameters and moments),
 * the best state where training stops early, and, as JSON in the file's metadata, position and history.
 */
import { join } from "node:path";
import { UsageError } from "../errors.js";
import type { RunState } from "./loop.js";
import { encodeSafetensors } from "./safetensors.js";
import { decodeStored, namedArrays, storedTree } from "./stored-trees.js";

/** The file's name. */
export const RUN_FILE = "training-state.safetensors";

/** The file's content for a run. */
export function encodeRun<S>({ state, best, position, history }: RunState<S>): Uint8Array {
  const rest = { position, history, ...(best && { best: { score: best.score, epoch: best.epoch } }) };
  return encodeSafetensors(
    { ...namedArrays(state, "state."), ...(best && namedArrays(best.state, "best.")) },
    { run: JSON.stringify(rest) },
  );
}

/**
 * The run that a checkpoint's file continues.
 * @param files what was read of the checkpoint, `RUN_FILE` with it.
 * @param template a state of the same structure, whose leaves give the shapes.
 * @throws UsageError that names the file where it is missing, damaged or of other shapes.
 */
export function decodeRun<S>(folder: string, files: ReadonlyMap<string, Uint8Array>, template: S): RunState<S> {
  const { metadata } = decodeStored(folder, RUN_FILE, files);
  let rest: any;
  try {
    rest = JSON.parse(metadata.run);
    if (!Number.isInteger(rest.position.epoch) || !Array.isArray(rest.history)) throw new Error("no position");
  } catch {
    throw new UsageError(`${join(folder, RUN_FILE)} is damaged (its position is not readable); train again.`);
  }
  const { position, history, best } = rest;
  return {
    state: storedTree(folder, RUN_FILE, files, template, "state."),
    position,
    history,
    ...(best && { best: { ...best, state: storedTree(folder, RUN_FILE, files, template, "best.") } }),
  };
}

/** Seconds spent on epochs, over all sessions of a run. */
export function secondsOf({ history, position }: RunState<unknown>): number {
  return history.reduce((total, { seconds }) => total + seconds, position.seconds);
}

/**
 * Files that are either whole or absent: written under a temporary name in the same folder, then renamed, which the
 * file system does in one step.
 */
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { UsageError } from "../errors.js";

/**
 * Writes a file so that no reader, and no kill at any moment, ever sees half of it; makes its folder where needed.
 * @throws UsageError if the place cannot be written to.
 */
export function writeAtomically(path: string, content: Uint8Array | string): void {
  const temporary = `${path}.${process.pid}.${randomUUID().slice(0, 8)}.tmp`;
  try {
    makeFolder(dirname(path));
    writeFileSync(temporary, content);
    renameSync(temporary, path);
  } catch (error) {
    discard(temporary);
    throw new UsageError(`${path} cannot be written (${reasonOf(error)}); choose a folder that exists and is yours.`);
  }
}

/**
 * Makes a folder with those above it that are not there. (Node's own recursive way never ends where the system will not make
 * a folder and says that it is not there, as under /proc.) @throws what the system says
 */
export function makeFolder(path: string): void {
  const missing: string[] = [];
  for (let at = resolve(path); !existsSync(at); at = dirname(at)) {
    missing.push(at);
    if (dirname(at) === at) break;
  }
  for (const folder of missing.reverse()) {
    try {
      mkdirSync(folder);
    } catch (error) {
      if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw error; // else another process was faster
    }
  }
  readdirSync(path); // refuses a file of that name
}

/** Makes a folder where it is not there. @throws UsageError if that is not possible. */
export function usableFolder(path: string): void {
  try {
    makeFolder(path);
  } catch (error) {
    throw new UsageError(`${path} cannot be made (${reasonOf(error)}); choose a folder that exists and is yours.`);
  }
}

/** Removes a file or folder that may or may not be there, and lets it be where that is not possible. */
export function discard(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // Its folder is no folder, or not ours: there is nothing of ours to remove.
  }
}

/** The bytes of a user's file. @throws UsageError if it is absent, a folder, or not readable. */
export function readUserFile(path: string): Buffer {
  try {
    if (statSync(path).isDirectory()) throw new UsageError(`${path} is a folder; give a file.`);
    return readFileSync(path);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") throw new UsageError(`${path} does not exist; check the path.`);
    throw new UsageError(`${path} cannot be read (${reasonOf(error)}); check its permissions.`);
  }
}

/** What the system says went wrong, in a word or two ("ENOSPC", "EACCES"). */
function reasonOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String((error as Error).message ?? error);
}

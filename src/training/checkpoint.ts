/**
 * Checkpoints: folders of files that other tools can read, with `config.json` in front, which lists the other files
 * with their sizes and hashes.
 *
 * A checkpoint changes as a whole. The new files are written to a temporary folder inside, which is then renamed to
 * `.next`: that rename is the moment at which the new checkpoint holds. Afterwards the files are moved into their
 * places, `config.json` last. A process that is killed before the rename leaves the old checkpoint; one that is killed
 * after it leaves the new one, part of it still in `.next`, where readers look first; the next writer completes the
 * move. (The log of a database, in small.) The folder may hold other files, such as pictures: they are left alone.
 */
import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { UsageError } from "../errors.js";
import { discard, makeFolder } from "../numerics/files.js";
import { firstProblem } from "../numerics/schema-issues.js";

const CONFIG = "config.json";
const NEXT = ".next";
const WRITING = ".writing-";

const fileEntry = z.object({ bytes: z.int().nonnegative(), sha256: z.string().regex(/^[0-9a-f]{64}$/) });

/** What every `config.json` has; a model adds its own fields. */
const envelope = z.looseObject({
  format: z.literal("latent-atlas checkpoint"),
  version: z.literal(1),
  model: z.string(),
  files: z.record(z.string().regex(/^[\w][\w.-]*$/), fileEntry),
});

export type CheckpointFiles = Readonly<Record<string, Uint8Array | string>>;

/** A checkpoint as read: the fields of `config.json` and the contents of files. */
export interface CheckpointContent {
  readonly config: z.infer<typeof envelope>;
  /** The files that were asked for and that the checkpoint has. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** Whether a folder holds a checkpoint (which may still be damaged). */
export function holdsCheckpoint(folder: string): boolean {
  return existsSync(join(folder, NEXT, CONFIG)) || existsSync(join(folder, CONFIG));
}

/**
 * Writes a checkpoint, or replaces the one that is there: its files that the new one does not have are removed.
 * @param config the model's own fields; `format`, `version` and `files` are added.
 * @param options.keep files of the present checkpoint that stay as they are.
 * @throws UsageError if the folder cannot be written to, or holds a `config.json` of something else.
 */
export function writeCheckpoint(
  folder: string,
  config: { readonly model: string } & Readonly<Record<string, unknown>>,
  files: CheckpointFiles,
  options: { readonly keep?: readonly string[] } = {},
): void {
  try {
    makeFolder(folder);
    completeMove(folder);
    for (const name of readdirSync(folder)) if (name.startsWith(WRITING)) discard(join(folder, name));
    const entries: Record<string, z.infer<typeof fileEntry>> = {};
    if (options.keep?.length) {
      const present = readConfig(folder).files;
      for (const name of options.keep) if (present[name] && !(name in files)) entries[name] = present[name];
    } else if (existsSync(join(folder, CONFIG))) readConfig(folder); // refuses to overwrite what is not ours
    const writing = join(folder, `${WRITING}${process.pid}-${randomUUID().slice(0, 8)}`);
    mkdirSync(writing);
    for (const [name, content] of Object.entries(files)) {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      writeFileSync(join(writing, name), bytes);
      entries[name] = { bytes: bytes.length, sha256: sha256(bytes) };
    }
    const whole = { format: "latent-atlas checkpoint", version: 1, ...config, files: entries };
    writeFileSync(join(writing, CONFIG), `${JSON.stringify(whole, null, 2)}\n`);
    renameSync(writing, join(folder, NEXT)); // from here on the new checkpoint holds
    completeMove(folder);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw new UsageError(`${folder} cannot be written (${reason}); choose a folder that is yours and has space left.`);
  }
}

/**
 * Reads a checkpoint and checks what it reads against the sizes and hashes in `config.json`.
 * @param names the files wanted, or a function that tells them from the config; those it lacks are left out. Default:
 *   none but the config.
 * @throws UsageError with a sentence that names the file that is missing or damaged.
 */
export function readCheckpoint(
  folder: string,
  names: readonly string[] | ((config: CheckpointContent["config"]) => readonly string[]) = [],
): CheckpointContent {
  for (let attempt = 1; ; attempt++) {
    const config = readConfig(folder);
    const wanted = typeof names === "function" ? names(config) : names;
    try {
      const files = new Map<string, Uint8Array>();
      for (const name of wanted) if (config.files[name]) files.set(name, readChecked(folder, name, config.files[name]));
      return { config, files };
    } catch (error) {
      // A training run may have replaced the checkpoint while it was read: then read the new one.
      const changed = JSON.stringify(readConfig(folder)) !== JSON.stringify(config);
      if (!changed || attempt >= 5) throw error;
    }
  }
}

/** Moves the files of a checkpoint that holds into their places. Does nothing where that has been done. */
function completeMove(folder: string): void {
  const next = join(folder, NEXT);
  if (!existsSync(next)) return;
  if (existsSync(join(next, CONFIG))) {
    const { files } = readConfig(folder);
    for (const name of readdirSync(next)) if (name !== CONFIG) renameSync(join(next, name), join(folder, name));
    for (const name of previousFiles(folder)) if (!files[name]) rmSync(join(folder, name), { force: true });
    renameSync(join(next, CONFIG), join(folder, CONFIG));
  }
  rmSync(next, { recursive: true, force: true });
}

/** The files that the checkpoint before the move has; none where there is none, or it is damaged. */
function previousFiles(folder: string): string[] {
  try {
    return Object.keys(envelope.parse(JSON.parse(readFileSync(join(folder, CONFIG), "utf8"))).files);
  } catch {
    return [];
  }
}

function readConfig(folder: string): z.infer<typeof envelope> {
  const path = join(folder, CONFIG);
  let text: string;
  try {
    text = readPlaced(folder, CONFIG).toString("utf8");
  } catch {
    const what = existsSync(folder) ? "holds no config.json" : "does not exist";
    throw new UsageError(`${folder} ${what}, so it is no checkpoint; give a folder that a training run has written.`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new UsageError(`${path} is damaged (it is not JSON); restore it or train again.`);
  }
  const parsed = envelope.safeParse(json);
  if (!parsed.success)
    throw new UsageError(
      `${path} is not the config of a checkpoint (${issueOf(parsed.error, json)}); give another folder.`,
    );
  return parsed.data;
}

/** The first problem that a schema found in `value`, in words: "latentDimension: it is missing; give a whole number". */
export function issueOf(error: z.ZodError, value?: unknown): string {
  return firstProblem(error, value);
}

function readChecked(folder: string, name: string, entry: z.infer<typeof fileEntry>): Uint8Array {
  const path = join(folder, name);
  let bytes: Buffer;
  try {
    bytes = readPlaced(folder, name);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new UsageError(
      code === "ENOENT"
        ? `${path} is missing, but config.json lists it; restore it or train again.`
        : `${path} cannot be read (${code}); check its permissions.`,
    );
  }
  if (bytes.length !== entry.bytes)
    throw new UsageError(
      `${path} is damaged (${bytes.length} bytes instead of ${entry.bytes}); restore it or train again.`,
    );
  if (sha256(bytes) !== entry.sha256)
    throw new UsageError(
      `${path} is damaged (its contents are not those that were written); restore it or train again.`,
    );
  return bytes;
}

/** A file of the checkpoint that holds: not yet moved, or in its place. */
function readPlaced(folder: string, name: string): Buffer {
  const next = join(folder, NEXT);
  if (existsSync(join(next, CONFIG)))
    try {
      if (statSync(join(next, name)).isFile()) return readFileSync(join(next, name));
    } catch {
      // moved in the meantime, or kept from before
    }
  return readFileSync(join(folder, name));
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

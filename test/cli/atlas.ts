/** Runs the built command in a child process, as a user would. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../bin/atlas.js", import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Starts `atlas ...parameters` in `folder`. */
export function start(
  folder: string,
  parameters: readonly string[],
  environment: Record<string, string> = {},
): ChildProcess {
  const { ATLAS_DATA: _, ...rest } = process.env;
  return spawn(process.execPath, [program, ...parameters], {
    cwd: folder,
    env: { ...rest, ATLAS_CACHE: join(folder, "cache"), ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Runs it to its end. */
export function atlas(folder: string, ...parameters: string[]): Promise<Outcome> {
  return outcome(start(folder, parameters));
}

export function outcome(child: ChildProcess): Promise<Outcome> {
  let [out, err] = ["", ""];
  child.stdout?.on("data", (part) => {
    out += part;
  });
  child.stderr?.on("data", (part) => {
    err += part;
  });
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, out, err })));
}

/** A folder that is gone after the tests. */
export function temporaryFolder(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "latent-atlas-"));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A table of noisy points of a curve in five dimensions with two classes: quick to learn. */
export function writeTable(path: string, rows = 240): void {
  const lines = Array.from({ length: rows }, (_, i) => {
    const t = (2 * Math.PI * i) / rows;
    const wobble = Math.sin(37.7 * i) * 0.05;
    const values = [Math.cos(t), Math.sin(t), Math.cos(2 * t), Math.sin(2 * t) + wobble, 0.3 * t];
    return `${values.map((v) => v.toFixed(5)).join(",")},${i < rows / 2 ? "first" : "second"}`;
  });
  writeFileSync(path, `a,b,c,d,e,half\n${lines.join("\n")}\n`);
}

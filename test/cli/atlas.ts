/** Runs the built command in a child process, as a user would. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";

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

/** A command line as a template: what is written is split at spaces, a value is one word, a list is several. */
export type CommandLine = (text: TemplateStringsArray, ...values: readonly unknown[]) => Promise<any>;

function words(text: TemplateStringsArray, values: readonly unknown[]): string[] {
  const marked = text.reduce((whole, part, i) => `${whole}<${i - 1}>${part}`);
  return marked
    .trim()
    .split(/\s+/)
    .flatMap((word) => {
      const alone = /^<(\d+)>$/.exec(word);
      const value = alone && values[Number(alone[1])];
      if (Array.isArray(value)) return value.map(String);
      return word.replace(/<(\d+)>/g, (_, i) => String(values[Number(i)]));
    });
}

/** Commands in `folder`: `json` gives the document of one that succeeds, `refused` the sentence of one that may not. */
export function commandsIn(folder: string): { json: CommandLine; refused: CommandLine } {
  return {
    json: (text, ...values) => jsonIn(folder, ...words(text, values)),
    refused: (text, ...values) => refusedIn(folder, ...words(text, values), "--json"),
  };
}

/** The document that a command line prints with `--json`. */
export async function jsonIn(folder: string, ...parameters: string[]): Promise<any> {
  const { code, out, err } = await atlas(folder, ...parameters, "--json");
  expect(code, err).toBe(0);
  return JSON.parse(out);
}

/** The one sentence with which a command line is refused; it writes nothing. */
export async function refusedIn(folder: string, ...parameters: string[]): Promise<string> {
  const before = readdirSync(folder).sort();
  const { code, out, err } = await atlas(folder, ...parameters);
  const lines = err
    .trim()
    .split("\n")
    .filter((line) => !line.startsWith("Data:"));
  expect({ code, out, lines: lines.length }, err).toEqual({ code: 2, out: "", lines: 1 });
  expect(readdirSync(folder).sort()).toEqual(before);
  return lines[0];
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

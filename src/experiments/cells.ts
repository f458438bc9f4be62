/**
 * An experiment as a list of independent cells (one row of its table with one seed). Each result is kept as a small
 * JSON file, so that a run can be interrupted, resumed, spread over processes and put together again: a cell whose
 * file exists, made with the same settings, is read and not computed.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { RunError, UsageError } from "../errors.js";
import { usableFolder, writeAtomically } from "../numerics/files.js";
import type { ExperimentOptions } from "./options.js";

/** One independent piece of an experiment. */
export interface Cell<T> {
  /** Letters, digits, ".", "_", "-": the file's name, and what `--cells` is matched against. */
  readonly name: string;
  /** Computes the result: plain JSON (numbers finite, texts, arrays, objects). */
  compute(): Promise<T>;
}

/** A finished cell. */
export interface CellResult<T> {
  readonly name: string;
  readonly value: T;
  /** Time of computing it, wherever that was. */
  readonly seconds: number;
  /** Day of computing it, YYYY-MM-DD. */
  readonly date: string;
}

interface CellFile<T> extends CellResult<T> {
  readonly settings: unknown;
}

/**
 * Runs the cells that are asked for and not there yet, one after another, and returns all that are there, in the order
 * of `cells`. `settings` is what the results depend on besides the cell's name (epochs, samples, fast, ...): a file
 * made with other settings is computed again.
 * @throws UsageError when `--cells` matches none, or `out` cannot be written to; RunError for a result that is not finite
 */
export async function runCells<T>(
  cells: readonly Cell<T>[],
  settings: Readonly<Record<string, unknown>>,
  options: Pick<ExperimentOptions, "out" | "cells" | "report" | "signal">,
): Promise<CellResult<T>[]> {
  const folder = join(options.out, "cells");
  const wanted = (name: string) => options.cells === undefined || options.cells.some((text) => name.includes(text));
  if (!cells.some(({ name }) => wanted(name)))
    throw new UsageError(
      `--cells: no cell's name contains ${options.cells?.map((text) => `"${text}"`).join(" or ")}; there are ${cells.map(({ name }) => name).join(", ")}.`,
    );
  usableFolder(folder); // before hours of work, not after
  const stated = JSON.stringify(settings);
  const results: CellResult<T>[] = [];
  for (const [index, cell] of cells.entries()) {
    const path = join(folder, `${cell.name}.json`);
    const kept = readCell<T>(path, stated);
    if (kept !== undefined) {
      results.push(kept);
      continue;
    }
    if (!wanted(cell.name)) continue;
    if (options.signal?.aborted) throw new RunError(`stopped before the cell ${cell.name}; run it again to go on.`);
    options.report(`${index + 1} of ${cells.length}: ${cell.name}`);
    const start = performance.now();
    const value = await cell.compute();
    requireFinite(value, cell.name);
    const seconds = Math.round((performance.now() - start) / 100) / 10;
    const date = new Date().toISOString().slice(0, 10);
    writeAtomically(path, `${JSON.stringify({ name: cell.name, settings, seconds, date, value })}\n`);
    results.push({ name: cell.name, value, seconds, date });
  }
  return results;
}

/** Runs a plan, as `runCells`: each of its rows whose cell is there, with that cell's result. */
export async function runPlan<P extends { readonly name: string }, T>(
  plan: readonly P[],
  compute: (row: P) => Promise<T>,
  settings: Readonly<Record<string, unknown>>,
  options: Pick<ExperimentOptions, "out" | "cells" | "report" | "signal">,
): Promise<(P & { readonly result: CellResult<T> })[]> {
  const cells = plan.map((row) => ({ name: row.name, compute: () => compute(row) }));
  const results = await runCells<T>(cells, settings, options);
  return results.map((result) => ({ ...plan.find(({ name }) => name === result.name)!, result }));
}

function readCell<T>(path: string, settings: string): CellResult<T> | undefined {
  if (!existsSync(path)) return undefined;
  let file: CellFile<T>;
  try {
    file = JSON.parse(readFileSync(path, "utf8")) as CellFile<T>;
  } catch {
    throw new UsageError(`${path}: is not the JSON of a cell; delete it, and it is computed again.`);
  }
  return JSON.stringify(file.settings) === settings ? file : undefined;
}

/** JSON writes NaN and infinities as null: they must not travel on in silence. */
function requireFinite(value: unknown, name: string): void {
  if (typeof value === "number" && !Number.isFinite(value))
    throw new RunError(`cell ${name}: its result has the value ${value}, so it did not work out; nothing was kept.`);
  if (typeof value === "object" && value !== null) for (const part of Object.values(value)) requireFinite(part, name);
}

/** Days on which the cells were computed and the minutes they took: a report's line on where its numbers come from. */
export function whenComputed(results: readonly CellResult<unknown>[]): string {
  const dates = [...new Set(results.map(({ date }) => date))].sort();
  const minutes = results.reduce((total, { seconds }) => total + seconds, 0) / 60;
  return `${dates.join(", ")}; ${results.length} cells, ${minutes.toFixed(1)} minutes of computing in all`;
}

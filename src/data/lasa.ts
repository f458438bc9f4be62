/**
 * Handwriting demonstrations of the LASA set (Khansari-Zadeh and Billard, 2011): each file a shape, each shape drawn
 * seven times with a pen on a tablet. Files are CSV with the columns demo, t (s), x, y (mm) in `$ATLAS_DATA/lasa`; any
 * recording of that form can be read.
 *
 * Axes: n samples of a demonstration.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expectThat, UsageError } from "../errors.js";
import { numberAt, parseTable } from "../numerics/csv.js";
import { readUserFile } from "../numerics/files.js";

/** One demonstration. */
export interface Demonstration {
  readonly samples: number;
  /** Seconds, rising. [n] */
  readonly times: Float64Array;
  /** Millimetres, row-major. [n, 2] */
  readonly points: Float64Array;
}

/** The shapes at hand: letters and lines. */
export const lasaShapes = ["Angle", "CShape", "GShape", "JShape", "Multi_Models_1", "Sine"] as const;

/** `$ATLAS_DATA/lasa`, where that is a folder. */
export function lasaFolder(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const folder = environment.ATLAS_DATA ? join(environment.ATLAS_DATA, "lasa") : undefined;
  return folder !== undefined && existsSync(folder) ? folder : undefined;
}

/**
 * The demonstrations of a shape.
 * @param shape a name, such as "JShape": `SHAPE.csv` in the folder
 * @throws UsageError where the file is not there or is none of this form
 */
export function loadLasa(shape: string, folder = lasaFolder()): Demonstration[] {
  const path = folder === undefined ? undefined : join(folder, `${shape}.csv`);
  if (path === undefined || !existsSync(path))
    throw new UsageError(
      `lasa: ${path ?? `${shape}.csv`} is not there; set ATLAS_DATA to the folder that holds lasa/${shape}.csv (such as ${lasaShapes.join(", ")}).`,
    );
  return parseLasa(new TextDecoder().decode(readUserFile(path)), path);
}

/**
 * Demonstrations from CSV text with the columns demo, t, x, y.
 * @throws UsageError with the row for other columns, words, demonstrations that are not in order, times that fall
 */
export function parseLasa(text: string, path = "the demonstrations"): Demonstration[] {
  const table = parseTable(text, { name: path });
  const names = ["demo", "t", "x", "y"];
  expectThat(
    table.header?.join() === names.join(),
    () => `${path}: the columns are ${table.header?.join(", ") ?? "without names"}; give a header ${names.join(",")}.`,
  );
  const demonstrations: { times: number[]; points: number[] }[] = [];
  table.rows.forEach((_, i) => {
    const [demo, t, x, y] = names.map((_name, j) => numberAt(table, i, j, path));
    const row = `${path}: row ${table.rowNumbers[i]}`;
    if (demo === demonstrations.length) demonstrations.push({ times: [], points: [] });
    expectThat(
      demo === demonstrations.length - 1,
      () => `${row}: the demonstration is ${demo}; number them 0, 1, ... with the rows of each together.`,
    );
    const { times, points } = demonstrations[demo];
    expectThat(
      times.length === 0 || t >= times[times.length - 1],
      () => `${row}: the time ${t} is before that of the row above; sort the rows.`,
    );
    times.push(t);
    points.push(x, y);
  });
  return demonstrations.map(({ times, points }) => ({
    samples: times.length,
    times: Float64Array.from(times),
    points: Float64Array.from(points),
  }));
}

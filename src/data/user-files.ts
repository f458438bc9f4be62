/**
 * The user's own data: a `.npy` array or a `.csv` table as a data set, and the sentences for what cannot be one.
 */
import { basename } from "node:path";
import { UsageError } from "../errors.js";
import { numberAt, parseTable, type TextTable } from "../numerics/csv.js";
import { readUserFile } from "../numerics/files.js";
import { readNpy } from "../numerics/npy.js";
import type { Dataset } from "./types.js";

/** How a user's file is read. */
export interface UserFileOptions {
  /** The column that holds the class of each row: its name in the header, or its index from 0. Default: none. */
  readonly labelColumn?: string | number;
  /** `.csv`: is the first row a header? Default: it is one if a word in it is no number. */
  readonly header?: boolean;
}

/**
 * A `.npy` file of shape [n, D] (rows), [n, height, width] (grey pictures), [n, height, width, channels] or [n, channels,
 * height, width] with 1 or 3 channels; rows of colour pictures are flattened channel first.
 * @throws UsageError on other shapes, no rows, or a value that is not finite.
 */
export function readNpyDataset(path: string, options: UserFileOptions = {}): Dataset {
  const { data, shape } = readNpy(path);
  if (shape.length < 2 || shape.length > 4)
    throw new UsageError(`${path} has shape [${shape}]; expected [n, D], or [n, height, width] for pictures.`);
  const n = shape[0];
  const width = shape.slice(1).reduce((product, size) => product * size, 1);
  if (n === 0 || width === 0) throw new UsageError(`${path} has shape [${shape}], so it holds no numbers.`);
  for (let k = 0; k < data.length; k++)
    if (!Number.isFinite(Math.fround(data[k])))
      throw new UsageError(
        `${path}: row ${Math.floor(k / width)}, column ${k % width} (counted from 0) is ${data[k]}, which is not a finite float32; replace it or leave the row out.`,
      );
  const name = basename(path);
  if (options.labelColumn === undefined) {
    if (shape.length === 4) return { name, n, dimension: width, ...colourRows(path, data, shape) };
    const imageShape = shape.length === 3 ? ([shape[1], shape[2]] as const) : undefined;
    return { name, rows: Float32Array.from(data), n, dimension: width, ...(imageShape && { imageShape }) };
  }
  if (shape.length !== 2)
    throw new UsageError(`labelColumn: ${path} has shape [${shape}]; only a table [n, D] has a column of labels.`);
  const column = columnIndex(options.labelColumn, width, undefined, path);
  const words = Array.from({ length: n }, (_, i) => `${data[i * width + column]}`);
  const { rows, dimension } = withoutColumn(n, width, column, (i, j) => data[i * width + j], path);
  return { name, rows, n, dimension, ...classesOf(words, (i) => `${path}: row ${i} (counted from 0)`) };
}

/** Four axes: pictures with their channels last or first, grey where there is one. */
function colourRows(
  path: string,
  data: ArrayLike<number>,
  shape: readonly number[],
): Pick<Dataset, "rows" | "imageShape" | "colourShape"> {
  const [, ...axes] = shape;
  const isCount = (axis: number) => axis === 1 || axis === 3;
  const last = isCount(axes[2]);
  if (!last && !isCount(axes[0]))
    throw new UsageError(
      `${path} has shape [${shape}]; pictures are [n, height, width, channels] or [n, channels, height, width] with 1 or 3 channels.`,
    );
  const channels = last ? axes[2] : axes[0];
  const [height, width] = last ? axes : axes.slice(1);
  const pixels = height * width;
  const rows = Float32Array.from(data);
  if (channels === 1) return { rows, imageShape: [height, width] };
  if (last)
    for (let start = 0; start < rows.length; start += 3 * pixels)
      for (let k = 0; k < pixels; k++)
        for (let c = 0; c < 3; c++) rows[start + c * pixels + k] = data[start + 3 * k + c];
  return { rows, colourShape: [3, height, width] };
}

/**
 * A `.csv` file, a row a line. @throws UsageError on ragged or empty files, and on words, NaN, infinities or empty
 * cells among the numbers, with row and column.
 */
export function readCsvDataset(path: string, options: UserFileOptions = {}): Dataset {
  const bytes = readUserFile(path);
  if (bytes.includes(0))
    throw new UsageError(`${path} is not text (it has zero bytes); expected comma-separated numbers.`);
  const { labelColumn } = options;
  const byName = typeof labelColumn === "string" && !isIndex(labelColumn);
  const table = parseTable(bytes.toString("utf8"), {
    name: path,
    header: options.header ?? (byName ? true : undefined),
    wordColumns: labelColumn === undefined || byName ? [] : [Number(labelColumn)],
  });
  const n = table.rows.length;
  const width = table.rows[0].length;
  const column = labelColumn === undefined ? undefined : columnIndex(labelColumn, width, table.header, path);
  const { rows, dimension } = withoutColumn(n, width, column, (i, j) => finiteAt(table, i, j, path), path);
  const columnNames = table.header?.filter((_, j) => j !== column);
  const labelled =
    column === undefined
      ? undefined
      : classesOf(
          table.rows.map((row) => row[column].trim()),
          (i) => `${path}: row ${table.rowNumbers[i]}, column ${nameOf(table, column)}`,
        );
  const places = {
    rowNumbers: table.rowNumbers,
    columnWords: Array.from({ length: width }, (_, j) => nameOf(table, j)).filter((_, j) => j !== column),
  };
  return { name: basename(path), rows, n, dimension, ...places, ...labelled, ...(columnNames && { columnNames }) };
}

/** All columns but one, as float32. */
function withoutColumn(
  n: number,
  width: number,
  column: number | undefined,
  valueAt: (i: number, j: number) => number,
  path: string,
): { rows: Float32Array; dimension: number } {
  const dimension = width - (column === undefined ? 0 : 1);
  if (dimension === 0)
    throw new UsageError(`${path} has no column besides the labels; expected numbers to learn from.`);
  const rows = new Float32Array(n * dimension);
  for (let i = 0, k = 0; i < n; i++) for (let j = 0; j < width; j++) if (j !== column) rows[k++] = valueAt(i, j);
  return { rows, dimension };
}

function finiteAt(table: TextTable, i: number, j: number, path: string): number {
  let value: number;
  try {
    value = numberAt(table, i, j, path);
  } catch (error) {
    // A column of words throughout is most likely the labels.
    const allWords = table.rows.every((row) => row[j].trim() !== "" && Number.isNaN(Number(row[j])));
    if (!(error instanceof UsageError && allWords)) throw error;
    const word = table.rows[i][j].trim().slice(0, 40);
    throw new UsageError(
      `${path}: column ${nameOf(table, j)} holds words ('${word}' in row ${table.rowNumbers[i]}), not numbers; leave it out, or give it as the label column.`,
    );
  }
  if (!Number.isFinite(Math.fround(value)))
    throw new UsageError(
      `${path}: row ${table.rowNumbers[i]}, column ${nameOf(table, j)}: ${value} is beyond the range of float32 (3.4e38); rescale the column.`,
    );
  return value;
}

/** A column as messages call it: its name in quotes, or its number from 1. */
function nameOf(table: TextTable, column: number): string {
  return table.header ? `"${table.header[column]}"` : `${column + 1}`;
}

function columnIndex(
  column: string | number,
  width: number,
  header: readonly string[] | undefined,
  path: string,
): number {
  const named = header?.indexOf(`${column}`) ?? -1;
  if (typeof column === "string" && named >= 0) return named;
  const index = typeof column === "number" || isIndex(column) ? Number(column) : -1;
  if (Number.isInteger(index) && index >= 0 && index < width) return index;
  const names = header ? ` or one of ${header.slice(0, 12).join(", ")}${header.length > 12 ? ", ..." : ""}` : "";
  throw new UsageError(`labelColumn: ${path} has no column '${column}'; give an index from 0 to ${width - 1}${names}.`);
}

/** The command line gives "4" where 4 is meant. */
function isIndex(column: string): boolean {
  return /^\d+$/.test(column);
}

/**
 * Words or whole numbers as classes: the distinct ones, in order (numbers by size, words by code), are 0, 1, ...
 * Numbers with a fraction are refused: they are measurements, not classes.
 */
function classesOf(
  words: readonly string[],
  place: (i: number) => string,
): { labels: Int32Array; labelNames: string[] } {
  const numeric = words.every((word) => word !== "" && !Number.isNaN(Number(word)));
  words.forEach((word, i) => {
    if (word === "") throw new UsageError(`${place(i)}: the label is empty; fill it or leave the row out.`);
    if (numeric && !Number.isSafeInteger(Number(word)))
      throw new UsageError(
        `${place(i)}: the label ${word} is not a whole number or a word; choose another label column.`,
      );
  });
  const keys = numeric ? words.map((word) => `${Number(word)}`) : words;
  const labelNames = [...new Set(keys)].sort(numeric ? (a, b) => Number(a) - Number(b) : undefined);
  const index = new Map(labelNames.map((name, label) => [name, label]));
  return { labels: Int32Array.from(keys, (key) => index.get(key)!), labelNames };
}

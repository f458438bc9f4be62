/**
 * Tables of numbers as comma-separated text (RFC 4180): quotes, an optional header, and errors that say where.
 *
 * `parseTable` splits text into words; `parseNumbers` reads all words as finite numbers; `formatNumbers` writes.
 * Rows are counted as a spreadsheet counts them: the first line, header or not, is row 1.
 * Lines that start with # are comments, as NumPy reads and writes them.
 */
import { UsageError } from "../errors.js";

/** Words of a table: all rows have one width. */
export interface TextTable {
  /** Names of the columns, where the file has a header. */
  readonly header?: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Row number, as a spreadsheet counts, of each of `rows` (blank lines and comments are skipped). */
  readonly rowNumbers: readonly number[];
}

/** Numbers of a table, row-major. */
export interface NumberTable {
  readonly data: Float64Array; // [rows, columns]
  readonly rows: number;
  readonly columns: number;
  /** Names of the columns, where the file has a header. */
  readonly header?: readonly string[];
}

/** How a table is read. */
export interface TableOptions {
  /** Is the first row a header? By default it is one if a word in it is no number (word columns aside). */
  header?: boolean;
  /** Columns (indices from 0) in which words are expected, so that words there do not make the first row a header. */
  wordColumns?: readonly number[];
  /** What error sentences call the text; a path, say. */
  name?: string;
}

/**
 * Splits comma-separated text into words. Quoted words may hold commas, line breaks and doubled quotes.
 * @throws UsageError if the text is empty, a quote is left open, or a row is longer or shorter than the first.
 */
export function parseTable(text: string, options: TableOptions = {}): TextTable {
  const name = options.name ?? "the table";
  const { rows, rowNumbers } = splitRows(text.replace(/^\uFEFF/, ""), name);
  if (rows.length === 0) throw new UsageError(`${name} is empty; expected rows of numbers separated by commas.`);
  const width = rows[0].length;
  rows.forEach((row, i) => {
    if (row.length !== width)
      throw new UsageError(
        `${name}: row ${rowNumbers[i]} has ${row.length} ${row.length === 1 ? "column" : "columns"} but the first has ${width}; make all rows equally long.`,
      );
  });
  const words = new Set(options.wordColumns ?? []);
  const hasHeader = options.header ?? rows[0].some((word, column) => !words.has(column) && !looksNumeric(word));
  if (!hasHeader) return { rows, rowNumbers };
  if (rows.length === 1)
    throw new UsageError(`${name} has a header but no rows below it; expected rows of numbers separated by commas.`);
  return { header: rows[0].map((word) => word.trim()), rows: rows.slice(1), rowNumbers: rowNumbers.slice(1) };
}

/**
 * Reads comma-separated text as a table of finite numbers.
 * @throws UsageError as `parseTable`, and where a word is no finite number, with its row and column.
 */
export function parseNumbers(text: string, options: TableOptions = {}): NumberTable {
  const table = parseTable(text, options);
  const columns = table.rows[0].length;
  const data = new Float64Array(table.rows.length * columns);
  for (let i = 0; i < table.rows.length; i++)
    for (let j = 0; j < columns; j++) data[i * columns + j] = numberAt(table, i, j, options.name);
  return { data, rows: table.rows.length, columns, header: table.header };
}

/** The finite number at row `i` (header not counted) and column `j`. @throws UsageError that says where, otherwise. */
export function numberAt(table: TextTable, i: number, j: number, name = "the table"): number {
  const word = table.rows[i][j].trim();
  const value = word === "" ? Number.NaN : toNumber(word);
  if (Number.isFinite(value)) return value;
  const column = table.header ? `"${table.header[j]}"` : `${j + 1}`;
  const place = `${name}: row ${table.rowNumbers[i]}, column ${column}:`;
  if (word === "") throw new UsageError(`${place} the cell is empty; fill it or leave the row out.`);
  if (looksNumeric(word)) throw new UsageError(`${place} '${word}' is not finite; replace it or leave the row out.`);
  throw new UsageError(`${place} '${shorten(word)}' is not a number.`);
}

/**
 * A table of numbers as comma-separated text, each number in the fewest digits that read back the same.
 * @param data row-major, a multiple of `columns` long @throws UsageError if it is not, or the header has another width.
 */
export function formatNumbers(data: ArrayLike<number>, columns: number, header?: readonly string[]): string {
  if (!(Number.isInteger(columns) && columns > 0 && data.length % columns === 0))
    throw new UsageError(`csv: ${data.length} numbers do not fill rows of ${columns} columns.`);
  if (header && header.length !== columns)
    throw new UsageError(`csv: a header of ${header.length} names does not fit ${columns} columns.`);
  const lines = header ? [formatRow(header)] : [];
  for (let start = 0; start < data.length; start += columns)
    lines.push(formatRow(Array.from({ length: columns }, (_, j) => data[start + j])));
  return lines.map((line) => `${line}\n`).join("");
}

/** One row of comma-separated text, without the line break; words are quoted where they must be. */
export function formatRow(words: readonly (string | number)[]): string {
  return words
    .map((word) => (/[",\r\n]/.test(`${word}`) ? `"${`${word}`.replaceAll('"', '""')}"` : `${word}`))
    .join(",");
}

/** True for what a number column may hold: a number, an empty cell, or a spelling of NaN or infinity. */
function looksNumeric(word: string): boolean {
  const trimmed = word.trim();
  return /^(|nan|na|n\/a|null|[+-]?inf(inity)?)$/i.test(trimmed) || !Number.isNaN(toNumber(trimmed));
}

// Decimal numbers only: `Number` alone would also take "0x10" and "".
function toNumber(word: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(word) ? Number(word) : Number.NaN;
}

function shorten(word: string): string {
  return word.length > 40 ? `${word.slice(0, 40)}...` : word;
}

function splitRows(text: string, name: string): { rows: string[][]; rowNumbers: number[] } {
  const rows: string[][] = [];
  const rowNumbers: number[] = [];
  let line = 1;
  let position = 0;
  while (position < text.length) {
    if (text[position] === "#") {
      const end = text.indexOf("\n", position);
      position = end < 0 ? text.length : end + 1;
      line++;
      continue;
    }
    const started = line;
    const row: string[] = [];
    for (;;) {
      let word: string;
      if (text[position] === '"') {
        const close = closingQuote(text, position);
        if (close < 0)
          throw new UsageError(
            `${name}: row ${started}, column ${row.length + 1}: a quote is opened and never closed.`,
          );
        word = text.slice(position + 1, close).replaceAll('""', '"');
        line += word.split("\n").length - 1;
        position = close + 1;
        // Anything between the closing quote and the comma belongs to the word, as spreadsheets read it.
        const end = endOfWord(text, position);
        word += text.slice(position, end);
        position = end;
      } else {
        const end = endOfWord(text, position);
        word = text.slice(position, end);
        position = end;
      }
      row.push(word);
      if (text[position] !== ",") break;
      position++;
    }
    if (text[position] === "\r" && text[position + 1] === "\n") position++;
    position++;
    line++;
    if (row.length === 1 && row[0].trim() === "") continue; // a blank line
    rows.push(row);
    rowNumbers.push(started);
  }
  return { rows, rowNumbers };
}

function closingQuote(text: string, open: number): number {
  for (let at = text.indexOf('"', open + 1); at >= 0; at = text.indexOf('"', at + 2))
    if (text[at + 1] !== '"') return at;
  return -1;
}

function endOfWord(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== "," && text[at] !== "\n" && text[at] !== "\r") at++;
  return at;
}

/**
 * Mixed data by a small JSON schema: which columns of a table belong to which family.
 *
 *   { "blocks": [
 *       { "name": "position", "columns": ["x", "y"], "family": "normal", "options": { "standardDeviation": 0.1 } },
 *       { "name": "count", "columns": [2], "family": "poisson" },
 *       { "name": "species", "columns": [3], "family": "categorical", "options": { "classes": 5 }, "encoding": "class" }
 *   ] }
 *
 * Columns are given by number (from 0) or by name. A categorical block takes its sites' one-hot columns, or, with
 * encoding "class", one column of class numbers 0, ..., K - 1 a site, which `encode` expands.
 */
import { z } from "zod";
import { type NdArray, zerosArray } from "../../engine/index.js";
import { UsageError } from "../../errors.js";
import { oneHot } from "./categorical.js";
import type { CheckOptions, Family } from "./family.js";
import { familyNamed, parsed } from "./named.js";
import { type Block, hostColumns, product } from "./product.js";

const blockSchema = z.strictObject({
  name: z.string().regex(/^[^.]+$/, "a name without dots is needed"),
  columns: z.array(z.union([z.number().int().min(0), z.string()])).min(1),
  family: z.string(),
  options: z.record(z.string(), z.unknown()).optional(),
  encoding: z.enum(["values", "class"]).optional(),
});
const schemaSchema = z.strictObject({ blocks: z.array(blockSchema).min(1) });

export interface DataSchema {
  /** The product of the blocks' families, on encoded data. */
  readonly family: Family;
  /** C, the number of columns of the table that it takes. */
  readonly tableColumns: number;
  /** D, the number of encoded columns, in the order of the blocks. */
  readonly dataDimension: number;
  /**
   * A table [N, C] as the family's data [N, D], checked.
   * @throws UsageError with row and column of the table where a value does not suit its family.
   */
  encode(table: NdArray, options?: Omit<CheckOptions, "columns">): NdArray;
}

/**
 * Reads a schema (parsed JSON) into a family.
 * @param names the table's column names, where it has a header
 * @throws UsageError that names the field and what is wrong with it.
 */
export function readSchema(json: unknown, names?: readonly string[], place = "schema"): DataSchema {
  const { blocks } = parsed(schemaSchema, json, place);
  const sources: { readonly block: Block; readonly from: readonly number[]; readonly classes?: number }[] = [];
  const used = new Map<number, string>();
  let start = 0;
  for (const [i, given] of blocks.entries()) {
    const field = `${place}.blocks[${i}]`;
    const from = given.columns.map((column, k) => columnNumber(column, names, `${field}.columns[${k}]`));
    for (const j of from) {
      if (used.has(j))
        throw new UsageError(`${field}.columns: column ${j} is in block "${used.get(j)}" already; give it to one.`);
      used.set(j, given.name);
    }
    const family = familyNamed(given.family, given.options ?? {}, `${field}.family`);
    const expands = given.encoding === "class";
    if (expands && given.family !== "categorical")
      throw new UsageError(`${field}.encoding: "class" suits the categorical family only, not ${given.family}.`);
    const classes = expands ? (given.options as { classes: number }).classes : undefined;
    const width = from.length * (classes ?? 1);
    fits(() => family.parameterCount(width), `${field}.columns`);
    const columns = Array.from({ length: width }, (_, k) => start + k);
    sources.push({ block: { name: given.name, family, columns }, from, classes });
    start += width;
  }
  const C = names?.length ?? used.size;
  for (let j = 0; j < C; j++)
    if (!used.has(j))
      throw new UsageError(
        `${place}.blocks: column ${j}${names ? ` ("${names[j]}")` : ""} has no block; give it to one, or leave it out of the table.`,
      );
  const family = fits(() => product(sources.map(({ block }) => block)), `${place}.blocks`);
  return {
    family,
    tableColumns: C,
    dataDimension: start,
    encode(table, options) {
      const name = options?.name ?? "data";
      if (table.shape.length !== 2 || table.shape[1] !== C)
        throw new UsageError(`${name}: shape [${table.shape}] does not fit the schema; it needs [N, ${C}].`);
      const N = table.shape[0];
      const data = zerosArray([N, start], table.dtype === "float64" ? "float64" : "float32");
      for (const { block, from, classes } of sources) {
        const values = hostColumns(table, from);
        const part = classes === undefined ? values : oneHot(values, classes, { ...options, columns: from });
        if (classes === undefined) block.family.checkData(part, { ...options, columns: from });
        const width = block.columns.length;
        for (let n = 0; n < N; n++)
          data.data.set(part.data.subarray(n * width, (n + 1) * width), n * start + block.columns[0]);
      }
      return data;
    },
  };
}

function columnNumber(column: number | string, names: readonly string[] | undefined, field: string): number {
  if (typeof column === "number") {
    if (names && column >= names.length)
      throw new UsageError(`${field}: column ${column} does not exist; the table has ${names.length}, from 0.`);
    return column;
  }
  const found = names?.indexOf(column) ?? -1;
  if (found < 0)
    throw new UsageError(
      `${field}: "${column}" is no column; ${names ? `the table has ${names.join(", ")}` : "the table has no names, so give numbers from 0"}.`,
    );
  return found;
}

/** What a family says about its columns, with the field in front. */
function fits<T>(make: () => T, field: string): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof UsageError) throw new UsageError(`${field}: ${error.message}`);
    throw error;
  }
}

/**
 * Any family of distributions as the likelihood of a VAE: by name with options, or mixed, by a schema of columns; and
 * the units in which its network works.
 *
 * Networks want numbers of size one, data have any. Columns of location-scale families are seen as (x - shift) / scale,
 * shift and scale being their mean and standard deviation, and those of positive families as x / scale, scale their
 * mean; the family's parameters are carried back exactly (mean, log deviation, log rate, log mean), so that p(x | z), the
 * metrics and the files are in the data's own units. Angles enter the encoder as (cos, sin), all others as they are.
 *
 * Axes: N rows, D data dimensions, E encoder inputs, P network outputs.
 */

import type { Dataset } from "../data/types.js";
import {
  type Family,
  type FamilyName,
  familyNamed,
  familyNames,
  type Parameters,
  readSchema,
} from "../distributions/families/index.js";
import {
  add,
  array,
  concat,
  cos,
  mul,
  type NdArray,
  ndarray,
  type Operand,
  sin,
  slice,
  sub,
  type Tensor,
} from "../engine/index.js";
import { UsageError } from "../errors.js";

/** A likelihood as plain data: a family by name with its options, or a schema of columns. */
export interface LikelihoodChoice {
  /** A family's name, or "mixed". */
  readonly likelihood: string;
  /** Of the family, such as `{ classes: 4 }`. */
  readonly likelihoodOptions?: Readonly<Record<string, unknown>>;
  /** Of "mixed": the schema as parsed JSON, on encoded data (see `applySchema`). */
  readonly schema?: unknown;
}

/** shift and scale of each column: x = shift + scale u. */
export interface Units {
  readonly shift: readonly number[];
  readonly scale: readonly number[];
}

/** A block of columns with one family. */
interface Part {
  readonly prefix: string;
  readonly name: FamilyName;
  readonly columns: readonly number[];
}

const known = new Map<string, Family>();

/**
 * The family of a likelihood.
 * @throws UsageError for unknown names or options that do not fit
 */
export function likelihoodFamily(choice: LikelihoodChoice): Family {
  const key = JSON.stringify([choice.likelihood, choice.likelihoodOptions ?? {}, choice.schema ?? null]);
  let family = known.get(key);
  if (!family) {
    family =
      choice.likelihood === "mixed"
        ? readSchema(schemaOf(choice)).family
        : familyNamed(choice.likelihood, choice.likelihoodOptions ?? {}, "likelihood");
    known.set(key, family);
  }
  return family;
}

function schemaOf({ schema }: LikelihoodChoice): unknown {
  if (schema === undefined)
    throw new UsageError('likelihood: "mixed" needs a schema of columns; give one, or a likelihood for all columns.');
  return schema;
}

/** P for D columns. @throws UsageError if the columns do not suit the family */
export function outputCount(choice: LikelihoodChoice, dataDimension: number): number {
  return likelihoodFamily(choice).parameterCount(dataDimension);
}

/**
 * A data set as a schema wants it: class numbers made one-hot, columns in the order of the blocks; and the schema that
 * describes the result, which `trainVae` takes as `{ likelihood: "mixed", schema }`.
 * @param json a schema as parsed JSON; columns by number or, where the data have names, by name
 * @throws UsageError with the field of the schema, or row and column of the data, that do not fit
 */
export function applySchema(data: Dataset, json: unknown): { readonly data: Dataset; readonly schema: unknown } {
  const schema = readSchema(json, data.columnNames);
  const table = ndarray(data.rows, [data.n, data.dimension]);
  const { imageShape: _, columnNames: __, columnWords, ...rest } = data;
  const encoded = schema.encode(table, { name: data.name, columnWords, rowNumbers: data.rowNumbers });
  const blocks: { columns: unknown[]; options?: { classes?: number }; encoding?: string }[] = (json as any).blocks;
  let start = 0;
  const described = blocks.map(({ encoding, ...block }) => {
    const width = block.columns.length * (encoding === "class" ? (block.options?.classes ?? 1) : 1);
    const columns = Array.from({ length: width }, (_x, k) => start + k);
    start += width;
    return { ...block, columns };
  });
  return {
    data: { ...rest, rows: Float32Array.from(encoded.data), dimension: schema.dataDimension },
    schema: { blocks: described },
  };
}

/** The blocks of columns of a likelihood, each with one family. */
function partsOf(choice: LikelihoodChoice, dataDimension: number): Part[] {
  if (choice.likelihood !== "mixed") {
    const columns = Array.from({ length: dataDimension }, (_, j) => j);
    return [{ prefix: "", name: choice.likelihood as FamilyName, columns }];
  }
  const { blocks } = schemaOf(choice) as { blocks: { name: string; family: string; columns: number[] }[] };
  return blocks.map(({ name, family, columns }) => ({ prefix: `${name}.`, name: family as FamilyName, columns }));
}

/** A block of a mixed likelihood: its family, which has its own names of parameters, and that family by name. */
export interface LikelihoodBlock {
  readonly name: string;
  readonly family: Family;
  readonly likelihood: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** The blocks of a mixed likelihood; undefined for a single family. */
export function likelihoodBlocks(choice: LikelihoodChoice): readonly LikelihoodBlock[] | undefined {
  if (choice.likelihood !== "mixed") return undefined;
  const { blocks } = schemaOf(choice) as {
    blocks: { name: string; family: string; options?: Record<string, unknown> }[];
  };
  return blocks.map(({ name, family, options = {} }) => ({
    name,
    family: familyNamed(family, options),
    likelihood: family,
    options,
  }));
}

const locationScale: readonly string[] = ["normal", "full-normal"];
const positive: readonly string[] = ["exponential", "gamma", "poisson"];

/** The units of the columns of rows `[N, D]`; undefined where all columns are taken as they are. */
export function unitsOf(choice: LikelihoodChoice, rows: Float32Array, dataDimension: number): Units | undefined {
  const count = rows.length / dataDimension;
  const shift = new Array<number>(dataDimension).fill(0);
  const scale = new Array<number>(dataDimension).fill(1);
  const parts = partsOf(choice, dataDimension).filter(({ name }) => [...locationScale, ...positive].includes(name));
  if (parts.length === 0) return undefined;
  for (const { name, columns } of parts)
    for (const j of columns) {
      let mean = 0;
      for (let i = 0; i < count; i++) mean += rows[i * dataDimension + j] / count;
      let variance = 0;
      for (let i = 0; i < count; i++) variance += (rows[i * dataDimension + j] - mean) ** 2 / count;
      const size = locationScale.includes(name) ? Math.sqrt(variance) : mean;
      if (locationScale.includes(name)) shift[j] = mean;
      if (size > 0 && Number.isFinite(size)) scale[j] = size; // a constant column keeps its unit
    }
  return { shift, scale };
}

/** E, the number of encoder inputs. */
export function featureCount(choice: LikelihoodChoice, dataDimension: number): number {
  return partsOf(choice, dataDimension).reduce(
    (total, { name, columns }) => total + columns.length * (name === "von-mises" ? 2 : 1),
    0,
  );
}

/** What the encoder sees of rows, `[N, D] -> [N, E]`. Traceable. */
export function features(
  choice: LikelihoodChoice,
  dataDimension: number,
  units: Units | undefined,
  x: Operand,
): Tensor {
  const scaled =
    units === undefined
      ? mul(x, 1)
      : mul(sub(x, array([...units.shift])), array(units.scale.map((scale) => 1 / scale)));
  const parts = partsOf(choice, dataDimension);
  if (parts.every(({ name }) => name !== "von-mises")) return scaled;
  const pieces = parts.flatMap(({ name, columns }) => {
    const own = slice(scaled, [null, [columns[0], columns[columns.length - 1] + 1]]);
    return name === "von-mises" ? [cos(own), sin(own)] : [own];
  });
  return concat(pieces, 1);
}

/** The family's parameters from the network's outputs, in the data's own units, `[N, P]`. Traceable. */
export function parametersFrom(
  choice: LikelihoodChoice,
  dataDimension: number,
  units: Units | undefined,
  outputs: Operand,
): Parameters {
  const inNetworkUnits = likelihoodFamily(choice).fromNetwork(outputs);
  if (units === undefined) return inNetworkUnits;
  const parameters: Record<string, Tensor> = { ...inNetworkUnits };
  for (const { prefix, name, columns } of partsOf(choice, dataDimension)) {
    const scale = columns.map((j) => units.scale[j]);
    const logScale = array(scale.map(Math.log));
    const grows = (parameter: string, by: NdArray) => {
      if (parameters[prefix + parameter]) parameters[prefix + parameter] = add(parameters[prefix + parameter], by);
    };
    if (locationScale.includes(name)) {
      const mean = mul(parameters[`${prefix}mean`], array(scale));
      parameters[`${prefix}mean`] = add(mean, array(columns.map((j) => units.shift[j])));
      grows("logDeviation", logScale);
      if (name === "full-normal") {
        // L = diag(e^t) U: both the diagonal and the rows of L grow by the column's scale
        grows("logDiagonal", logScale);
      }
    }
    if (name === "exponential") grows("logRate", array(scale.map((s) => -Math.log(s))));
    if (name === "poisson") grows("logRate", logScale);
    if (name === "gamma") grows("logMean", logScale);
  }
  return parameters;
}

/** The names of families that a VAE takes, beside its own "gaussian" and "bernoulli". */
export const familyLikelihoods: readonly string[] = [...familyNames.filter((name) => name !== "bernoulli"), "mixed"];

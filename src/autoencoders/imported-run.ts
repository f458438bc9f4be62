/** A run made of an imported decoder: its folder holds the file itself, what was said about it, and codes if any. */
import { basename } from "node:path";
import { z } from "zod";
import { type Family, familyNamed, readSchema } from "../distributions/families/index.js";
import { type NdArray, ndarray } from "../engine/index.js";
import { UsageError } from "../errors.js";
import { decodeNpy, encodeNpy } from "../numerics/npy.js";
import { issueOf, readCheckpoint, writeCheckpoint } from "../training/index.js";
import { blocksOf, columnValues, type DistributionModel } from "./distribution-metrics.js";
import { type ImportDecoderOptions, type ImportedDecoder, importDecoder } from "./imported.js";

const FILE = "imported.onnx";

const configSchema = z.object({
  model: z.literal("imported"),
  name: z.string(),
  /** The likelihood by name and options, or as a schema of columns. */
  likelihood: z.object({ name: z.string(), options: z.record(z.string(), z.unknown()) }).optional(),
  schema: z.unknown().optional(),
  outputs: z.record(z.string(), z.string()).optional(),
});

/** What is said about an imported file. Plain data. */
export interface ImportDescription {
  readonly likelihood?: { readonly name: string; readonly options: Readonly<Record<string, unknown>> };
  /** A schema of columns, as parsed JSON; instead of `likelihood`. */
  readonly schema?: unknown;
  readonly outputs?: ImportDecoderOptions["outputs"];
}

export interface ImportedRun {
  readonly name: string;
  readonly decoder: ImportedDecoder;
  /** [N, d], or [0, d] where none were given. */
  readonly codes: NdArray;
  /** Of mixed data: its blocks. */
  readonly blocks?: DistributionModel["blocks"];
  /** The values that columns take, where the likelihood says it. */
  readonly values?: DistributionModel["values"];
}

/**
 * Imports a decoder and writes it as a run; nothing is written if the file or the codes do not fit.
 * @param path the file's name, for messages @param codes latent points of the data, [N, d]
 * @throws UsageError with a sentence that names the node, output, field or row that does not fit.
 */
export async function importRun(
  path: string,
  bytes: Uint8Array,
  folder: string,
  description: ImportDescription,
  codes?: NdArray,
): Promise<ImportedRun> {
  const decoder = await importDecoder(bytes, {
    name: path,
    likelihood: familyOf(description),
    outputs: description.outputs,
  });
  if (codes !== undefined && (codes.shape.length !== 2 || codes.shape[1] !== decoder.dimension))
    throw new UsageError(
      `codes: shape [${codes.shape}] does not fit a decoder of ${decoder.dimension} latent dimensions; give [N, ${decoder.dimension}].`,
    );
  for (let i = 0; codes !== undefined && i < codes.data.length; i++)
    if (!Number.isFinite(codes.data[i]))
      throw new UsageError(
        `codes: row ${Math.floor(i / decoder.dimension)} holds ${codes.data[i]}; give finite numbers.`,
      );
  const name = basename(path);
  writeCheckpoint(
    folder,
    { model: "imported", name, ...description },
    {
      [FILE]: bytes,
      ...(codes && { "latents.npy": encodeNpy({ ...codes, shape: [...codes.shape] } as any) }),
      "README.md": `# Imported decoder\n\n${name}: ${decoder.dimension} latent dimensions, ${decoder.dataDimension} columns. The file itself is ${FILE}.\n`,
    },
  );
  return { name, decoder, codes: codes ?? noCodes(decoder.dimension), ...partsOf(description) };
}

/** Opens such a run. @throws UsageError that names the file that is missing or damaged. */
export async function loadImportedRun(folder: string): Promise<ImportedRun> {
  const { config, files } = readCheckpoint(folder, [FILE, "latents.npy"]);
  const parsed = configSchema.safeParse(config);
  if (!parsed.success)
    throw new UsageError(`${folder}/config.json is damaged (${issueOf(parsed.error, config)}); import the file again.`);
  const bytes = files.get(FILE);
  if (bytes === undefined) throw new UsageError(`${folder}/${FILE} is missing; import the file again.`);
  const { name, outputs } = parsed.data;
  const decoder = await importDecoder(bytes, { name, likelihood: familyOf(parsed.data), outputs });
  const latents = files.get("latents.npy");
  const parts = partsOf(parsed.data);
  if (latents === undefined) return { name, decoder, codes: noCodes(decoder.dimension), ...parts };
  const array = decodeNpy(latents, `${folder}/latents.npy`);
  return { name, decoder, codes: ndarray(Float64Array.from(array.data), array.shape), ...parts };
}

function partsOf({
  likelihood,
  schema,
}: Pick<ImportDescription, "likelihood" | "schema">): Pick<ImportedRun, "blocks" | "values"> {
  if (schema !== undefined) return { blocks: blocksOf({ likelihood: "mixed", schema }) };
  return likelihood === undefined ? {} : { values: columnValues(likelihood.name, likelihood.options) };
}

function familyOf({ likelihood, schema }: Pick<ImportDescription, "likelihood" | "schema">): Family | undefined {
  if (schema !== undefined) return readSchema(schema).family;
  return likelihood && familyNamed(likelihood.name, likelihood.options, "--likelihood");
}

const noCodes = (d: number): NdArray => ({ data: new Float64Array(0), shape: [0, d], dtype: "float64" });

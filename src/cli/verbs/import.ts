/** `atlas import`: a decoder from an ONNX file becomes a run that every verb accepts. */
import type { Command } from "commander";
import { UsageError } from "../../errors.js";
import { namedNumbers, wholeNumber } from "../options.js";
import { createReport, table } from "../report.js";

interface ImportOptions {
  likelihood?: string;
  classes?: string;
  option?: string[];
  schema?: string;
  codes?: string;
  mean?: string;
  std?: string;
  logvar?: string;
  logits?: string;
  parameters?: string;
  out: string;
  json?: boolean;
}

export function registerImport(program: Command): void {
  program
    .command("import")
    .description("Make a run of a decoder from elsewhere: an ONNX file with one input [N, d] and a mean or likelihood.")
    .argument("<decoder.onnx>", "the file")
    .option(
      "--likelihood <name>",
      "what the outputs mean: normal, bernoulli, categorical, poisson, ... (see docs/import.md)",
    )
    .option("--classes <k>", "classes of a categorical or Dirichlet likelihood")
    .option("--option <name=value...>", "the likelihood's own numbers, such as dimension=3 or bins=16")
    .option("--schema <file.json>", "columns and their families, for mixed data (instead of --likelihood)")
    .option("--codes <file>", "latent points of the data, one a row, .npy or .csv")
    .option("--mean <output>", "which output is the mean, where its name does not tell")
    .option("--std <output>", "which is the standard deviation")
    .option("--logvar <output>", "which is the logarithm of the variance")
    .option("--logits <output>", "which holds logits")
    .option("--parameters <output>", "which holds the likelihood's parameters")
    .requiredOption("--out <folder>", "the run's folder")
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      "\nExample:\n  atlas import decoder.onnx --likelihood bernoulli --codes codes.npy --out runs/mine",
    )
    .action(async (path: string, options: ImportOptions) => {
      const report = createReport(options.json === true);
      const [{ importRun }, { readUserFile }, { holdsCheckpoint }] = await Promise.all([
        import("../../autoencoders/index.js"),
        import("../../numerics/files.js"),
        import("../../training/index.js"),
      ]);
      if (holdsCheckpoint(options.out))
        throw new UsageError(`--out: ${options.out} holds a run already; name another folder.`);
      const description = {
        ...likelihoodOf(options, (file) => readUserFile(file).toString("utf8")),
        outputs: outputsOf(options),
      };
      const run = await importRun(path, readUserFile(path), options.out, description, await codesFrom(options.codes));
      const { decoder } = run;
      if (decoder.ignored.length > 0) report.say(`note: outputs left out: ${decoder.ignored.join(", ")}`);
      if (decoder.model.inBlocks)
        report.say(
          "note: the file is for a fixed number of rows and is run in blocks of it; export it with free rows for speed",
        );
      report.say(
        table([
          ["latent dimensions", String(decoder.dimension)],
          ["columns", String(decoder.dataDimension)],
          [
            "outputs",
            Object.entries(decoder.roles)
              .map(([role, name]) => `${role}: ${name}`)
              .join(", "),
          ],
          ["likelihood", decoder.likelihood?.name ?? "none"],
          ["codes", String(run.codes.shape[0])],
          ["run", options.out],
        ]),
      );
      report.result({
        run: options.out,
        dimension: decoder.dimension,
        dataDimension: decoder.dataDimension,
        roles: decoder.roles,
        likelihood: decoder.likelihood?.name ?? null,
        codes: run.codes.shape[0],
      });
    });
}

function likelihoodOf(options: ImportOptions, read: (file: string) => string) {
  if (options.schema !== undefined) {
    if (options.likelihood !== undefined) throw new UsageError("give either --likelihood or --schema, not both.");
    try {
      return { schema: JSON.parse(read(options.schema)) };
    } catch (error) {
      if (error instanceof UsageError) throw error;
      throw new UsageError(
        `--schema: ${options.schema} is not JSON (${(error as Error).message}); see docs/import.md.`,
      );
    }
  }
  if (options.likelihood === undefined) {
    if (options.classes !== undefined || options.option !== undefined)
      throw new UsageError("--classes and --option go with --likelihood; name one, or leave them out.");
    return {};
  }
  const given = {
    ...namedNumbers(options.option),
    ...(options.classes !== undefined && { classes: wholeNumber("--classes", options.classes, 2) }),
  };
  return { likelihood: { name: options.likelihood, options: given } };
}

function outputsOf({ mean, std, logvar, logits, parameters }: ImportOptions) {
  const given = Object.entries({ mean, std, logvar, logits, parameters }).filter(([, name]) => name !== undefined);
  return given.length === 0 ? undefined : Object.fromEntries(given as [string, string][]);
}

async function codesFrom(path: string | undefined) {
  if (path === undefined) return undefined;
  const { loadDataset } = await import("../../data/index.js");
  const { rows, n, dimension } = await loadDataset(path);
  return { data: Float64Array.from(rows), shape: [n, dimension], dtype: "float64" as const };
}

/** `atlas train`: trains a VAE, fits its uncertainty, writes a run. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import type { VaeOptions } from "../../autoencoders/index.js";
import type { AlphabetName, Dataset } from "../../data/index.js";
import { UsageError } from "../../errors.js";
import { writeAtomically } from "../../numerics/files.js";
import { checkModelOptions } from "../model-options.js";
import { finiteNumber, namedNumbers, numberFromZero, oneOf, wholeNumber, wholeNumbers } from "../options.js";
import { createReport, duration, type Report } from "../report.js";
import { interruptible, trainAndSave } from "../train-run.js";
import { columnOf } from "./data.js";

interface TrainOptions {
  data?: string;
  model?: string;
  network?: string;
  image?: string;
  channels?: string;
  option?: string[];
  variance?: string;
  bounded?: boolean;
  curvature?: string;
  posterior?: string;
  prior?: string;
  priorScale?: string;
  labelColumn?: string;
  alphabet?: string;
  identity?: string;
  testFraction?: string;
  latent?: string;
  likelihood?: string;
  classes?: string;
  schema?: string;
  encoder?: string;
  decoder?: string;
  activation?: string;
  epochs?: string;
  batch?: string;
  optimizer?: string;
  learningRate?: string;
  weightDecay?: string;
  schedule?: string;
  warmUp?: string;
  klWarmUp?: string;
  clip?: string;
  patience?: string;
  seed?: string;
  threads?: string;
  uncertainty: boolean;
  out: string;
  resume?: boolean;
  overwrite?: boolean;
  json?: boolean;
}

/** Which data a run was trained on, beside its checkpoint, so that `--resume` needs no repetition. */
interface DataChoice {
  data: string;
  /** "vae" where absent. */
  model?: string;
  /** Path of the schema of mixed data. */
  schema?: string;
  /** Whether the decoder's uncertainty is fitted. */
  uncertainty?: boolean;
  labelColumn?: string | number;
  /** Of aligned sequences. */
  alphabet?: AlphabetName;
  identity?: number;
  testFraction?: number;
  seed: number;
}

export function registerTrain(program: Command): void {
  program
    .command("train")
    .description(
      "Train a model (by default a variational autoencoder, with its decoder's uncertainty) and write a run.",
    )
    .option(
      "--model <name>",
      "vae, pvae (Poincare VAE), or of the family: ae, beta-vae, wae-mmd, vamp, hvae, rhvae, rae, rae-gp, rae-l2, rae-sn, iwae, aae, vaegan",
      "vae",
    )
    .option("--data <name>", "mnist, strokes, cifar10, or the path of a .npy, .csv or FASTA file (aligned sequences)")
    .option("--alphabet <name>", "of aligned sequences: rna, dna or protein (default: what the letters say)")
    .option(
      "--identity <share>",
      "weigh aligned sequences by how many share this part of their sites, such as 0.8 (default: all count once)",
    )
    .option("--label-column <column>", "the column of the file that holds classes (its header, or its index from 0)")
    .option("--test-fraction <share>", "part of the rows held out (default: the data's own split, or 0.1)")
    .option("--latent <d>", "latent dimensions", "2")
    .option(
      "--likelihood <name>",
      "gaussian, bernoulli (data from 0 to 1), or vae only: normal, categorical, poisson, exponential, gamma, beta, dirichlet, von-mises, von-mises-fisher, discretised-logistic, full-normal (default: gaussian; categorical for FASTA)",
    )
    .option("--classes <k>", "classes of a categorical or Dirichlet likelihood (FASTA: its letters)")
    .option(
      "--schema <file.json>",
      "columns and their families, for mixed data (instead of --likelihood; docs/data.md)",
    )
    .option("--encoder <units>", "hidden layers of the encoder, such as 256,128 (pvae: also wrapped or mobius)")
    .option(
      "--decoder <units>",
      "hidden layers of the decoder, such as 128,128 (pvae: also wrapped, gyroplane or mobius)",
    )
    .option("--network <kind>", "family: mlp or convolutional (pictures)")
    .option("--image <sizes>", "convolutional: channels, rows, columns, such as 3,32,32; default: the data set's own")
    .option("--channels <list>", "convolutional: channels after each halving; default 32,64,128")
    .option(
      "--option <name=value...>",
      "family: the model's own numbers, such as beta=4; vae: the likelihood's, such as dimension=3 or bins=16",
    )
    .option(
      "--variance <s>",
      "beta-vae, vamp, hvae, rhvae, iwae: sigma^2 of the gaussian likelihood, a number or learned (the default)",
    )
    .option("--bounded", "family: the decoder's mean is a sigmoid, for data from 0 to 1")
    .option("--curvature <c>", "pvae: the latent space has curvature -c; 0 is Euclidean")
    .option("--posterior <law>", "pvae: wrapped or riemannian")
    .option("--prior <law>", "pvae: wrapped or riemannian")
    .option("--prior-scale <s>", "pvae: standard deviation of the prior")
    .option(
      "--activation <name>",
      "tanh, gelu, softplus, sigmoid, swish, elu, relu, leakyRelu (smooth ones for curvature)",
    )
    .option("--epochs <n>", "passes over the data", "20")
    .option("--batch <n>", "rows in a step")
    .option("--optimizer <name>", "adam or adamw")
    .option("--learning-rate <rate>", "default 0.001")
    .option(
      "--weight-decay <rate>",
      "of weight matrices, decoupled (as in AdamW); default 0, with --optimizer adamw 0.01",
    )
    .option("--schedule <name>", "constant, cosine or exponential")
    .option("--warm-up <share>", "share of the steps over which the learning rate rises")
    .option("--kl-warm-up <share>", "share of the steps over which the KL term comes in; default 0.1")
    .option("--clip <norm>", "largest norm of a gradient")
    .option("--patience <epochs>", "stop after so many epochs without a better held-out ELBO")
    .option("--seed <n>", "of weights, batches, noise and split", "0")
    .option("--threads <n>", "threads of the runtime; default: all cores")
    .option("--no-uncertainty", "do not fit the precision network (the expected metric needs it)")
    .requiredOption("--out <folder>", "the run's folder")
    .option("--resume", "continue the run in --out (to --epochs, where given)")
    .option("--overwrite", "replace the run in --out")
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      "\nExample:\n  atlas train --data strokes --latent 2 --likelihood bernoulli --epochs 10 --out runs/strokes",
    )
    .action(async (options: TrainOptions, command: Command) => {
      const report = createReport(options.json === true);
      const kind = modelKind(options);
      checkModelOptions(kind, command);
      if (kind !== "vae") return trainOther(kind, options, command, report);
      const given = (name: string) => command.getOptionValueSource(name) === "cli";
      await checkFolder(options, command);
      const choice = dataChoice(options, given("seed"));
      // before data are made
      modelOptions({ ...options, likelihood: undefined, classes: undefined, option: undefined });
      await (await import("../other-options.js")).activationOf(options);
      const { loadDataset, splitDataset } = await import("../../data/index.js");
      const loaded: Dataset = await loadDataset(choice.data, loadOptions(choice));
      const model = modelOptions(withLetters(options, loaded));
      const { data, schema } = await withSchema(loaded, choice.schema);
      if (schema !== undefined) Object.assign(model, { likelihood: "mixed", schema });
      if (!options.resume) {
        // On the whole data, so that messages count rows as the file does.
        const { resolveVaeOptions } = await import("../../autoencoders/index.js");
        resolveVaeOptions(data, defined(model));
      }
      const { train, test } = splitDataset(data, { testFraction: choice.testFraction, seed: choice.seed });
      report.say(aboutData(data, train.n, test.n));
      const result = await interruptible(report, (signal) =>
        trainAndSave(train, test, {
          out: options.out,
          resume: options.resume,
          overwrite: options.overwrite,
          epochs: given("epochs") ? model.epochs : undefined,
          model,
          uncertainty: choice.uncertainty ?? options.uncertainty,
          threads: options.threads === undefined ? undefined : wholeNumber("--threads", options.threads, 1, 256),
          report,
          signal,
          onStarted: () => writeAtomically(join(options.out, "data.json"), `${JSON.stringify(choice)}\n`),
        }),
      );
      const epochs = result.history.length;
      report.say(
        result.reason === "stopped"
          ? `Stopped after ${epochs} epochs; go on with: atlas train --resume --out ${options.out}`
          : `${epochs} epochs${result.reason === "early" ? " (no better held-out ELBO)" : ""}, ELBO ${result.elbo.train.toFixed(2)} training, ${result.elbo.test?.toFixed(2) ?? "-"} held out, ${duration(result.seconds)}: ${options.out}`,
      );
      report.result({ run: options.out, epochs, elbo: result.elbo, seconds: result.seconds, reason: result.reason });
      if (result.reason === "stopped") process.exitCode = 1;
    });
}

/** The name of the model: as given, or as the run that is resumed has it. @throws UsageError for unknown names. */
function modelKind(options: TrainOptions): string {
  const stored = options.resume ? storedChoice(options.out)?.model : undefined;
  return oneOf("--model", stored ?? options.model ?? "vae", modelNames);
}

/** Options that may stand beside `--resume`; all others are the run's own. */
const resumable = new Set([
  "resume",
  "out",
  "epochs",
  "threads",
  "json",
  "data",
  "labelColumn",
  "testFraction",
  "seed",
  "schema",
]);

/** @throws UsageError where the folder does not suit what is asked, or an option contradicts `--resume`. */
async function checkFolder(options: TrainOptions, command: Command): Promise<void> {
  const { holdsCheckpoint } = await import("../../training/index.js");
  const there = holdsCheckpoint(options.out);
  if (options.resume && !there)
    throw new UsageError(`--resume: ${options.out} holds no run; leave --resume out to begin one.`);
  if (!options.resume && !options.overwrite && there)
    throw new UsageError(
      `--out: ${options.out} holds a run already; add --resume, --overwrite, or name another folder.`,
    );
  if (!options.resume) return;
  const other = command.options.filter(
    (option) =>
      command.getOptionValueSource(option.attributeName()) === "cli" && !resumable.has(option.attributeName()),
  );
  if (other.length > 0)
    throw new UsageError(
      `--resume goes on with the run as it was begun, so ${other.map((option) => option.long).join(", ")} cannot be given with it; leave that out, or begin another run.`,
    );
}

const modelNames = [
  "vae",
  "pvae",
  "ae",
  "beta-vae",
  "wae-mmd",
  "vamp",
  "hvae",
  "rhvae",
  "rae",
  "rae-gp",
  "rae-l2",
  "rae-sn",
  "iwae",
  "aae",
  "vaegan",
] as const;

async function trainOther(kind: string, options: TrainOptions, command: Command, report: Report): Promise<void> {
  const given = (name: string) => command.getOptionValueSource(name) === "cli";
  await checkFolder(options, command);
  const choice = { ...dataChoice(options, given("seed")), model: kind };
  const [{ loadDataset, splitDataset }, { trainFamilyRun, trainPvaeRun }] = await Promise.all([
    import("../../data/index.js"),
    import("../train-other.js"),
  ]);
  if (!options.resume) oneOf("--likelihood", options.likelihood ?? "gaussian", ["gaussian", "bernoulli"]);
  const common = commonOptions(options);
  const { familyChoice, pvaeChoice } = await import("../other-options.js");
  const own = kind === "pvae" ? await pvaeChoice(options) : await familyChoice(kind, options);
  const threads = options.threads === undefined ? undefined : wholeNumber("--threads", options.threads, 1, 256);
  const data = await loadDataset(choice.data, loadOptions(choice));
  if (!options.resume) {
    // On the whole data, so that messages count rows as the file does.
    const { checkRows } = await import("../../autoencoders/index.js");
    checkRows(data.name, data, { likelihood: common.likelihood ?? "gaussian", dataDimension: data.dimension });
  }
  const { train, test } = splitDataset(data, { testFraction: choice.testFraction, seed: choice.seed });
  report.say(aboutData(data, train.n, test.n));
  const run = await interruptible(report, (signal) => {
    const settings = {
      out: options.out,
      resume: options.resume,
      overwrite: options.overwrite,
      epochs: given("epochs") ? common.epochs : undefined,
      threads,
      report,
      signal,
      onStarted: () => writeAtomically(join(options.out, "data.json"), `${JSON.stringify(choice)}\n`),
    };
    const model = defined({ ...common, ...own }) as any;
    return kind === "pvae"
      ? trainPvaeRun(train, test, model, settings)
      : trainFamilyRun(kind, train, test, model, settings);
  });
  const name = kind === "pvae" ? "ELBO" : "score (minus the objective)";
  report.say(
    run.reason === "stopped"
      ? `Stopped after ${run.epochs} epochs; go on with: atlas train --resume --out ${options.out}`
      : `${kind}: ${run.epochs} epochs, ${name} ${run.score.train.toFixed(3)} training, ${run.score.test?.toFixed(3) ?? "-"} held out, ${duration(run.seconds)}: ${options.out}`,
  );
  report.result({
    run: options.out,
    model: kind,
    epochs: run.epochs,
    score: run.score,
    seconds: run.seconds,
    reason: run.reason,
  });
  if (run.reason === "stopped") process.exitCode = 1;
}

function defined<T extends object>(given: T): Partial<T> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** Mixed data as its schema encodes it. @throws UsageError naming the field, row or column that does not fit. */
async function withSchema(data: Dataset, path: string | undefined): Promise<{ data: Dataset; schema?: unknown }> {
  if (path === undefined) return { data };
  const [{ applySchema }, { readUserFile }] = await Promise.all([
    import("../../autoencoders/index.js"),
    import("../../numerics/files.js"),
  ]);
  let json: unknown;
  try {
    json = JSON.parse(readUserFile(path).toString("utf8"));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`--schema: ${path} is not JSON (${(error as Error).message}); see docs/data.md.`);
  }
  return applySchema(data, json);
}

/** What a run's folder says of its data. @throws UsageError if that is damaged. */
function storedChoice(folder: string): DataChoice | undefined {
  const file = join(folder, "data.json");
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    throw new UsageError(
      `${file} is damaged; name the data again with --data (and --seed, --label-column as at first).`,
    );
  }
}

function dataChoice(options: TrainOptions, seedGiven: boolean): DataChoice {
  const stored = options.resume ? storedChoice(options.out) : undefined;
  const data = options.data ?? stored?.data;
  if (data === undefined)
    throw new UsageError(
      options.resume
        ? `--resume: ${options.out} does not say which data it was trained on; name them with --data (and --seed, --label-column as at first).`
        : "--data: name the data set: mnist, strokes, cifar10, or the path of a .npy, .csv or .fasta file.",
    );
  const fraction = options.testFraction;
  return {
    ...stored,
    data,
    labelColumn: columnOf(options.labelColumn) ?? stored?.labelColumn,
    ...(options.schema !== undefined && { schema: options.schema }),
    ...(options.alphabet !== undefined && {
      alphabet: oneOf("--alphabet", options.alphabet, ["rna", "dna", "protein"] as const),
    }),
    ...(options.identity !== undefined && { identity: finiteNumber("--identity", options.identity, 0) }),
    testFraction: fraction === undefined ? stored?.testFraction : finiteNumber("--test-fraction", fraction, 0),
    seed: stored === undefined || seedGiven ? wholeNumber("--seed", options.seed ?? "0") : stored.seed,
    uncertainty: stored?.uncertainty ?? options.uncertainty,
  };
}

const loadOptions = ({ labelColumn, alphabet, identity }: DataChoice) => ({ labelColumn, alphabet, identity });

/** The likelihood of the data's kind: for aligned sequences categorical, of as many classes as there are letters. */
function withLetters(options: TrainOptions, { name, alignment }: Dataset): TrainOptions {
  if (options.resume) return options;
  if (options.schema !== undefined && options.likelihood !== undefined)
    throw new UsageError("give either --likelihood or --schema, not both.");
  const likelihood = options.likelihood ?? (alignment && options.schema === undefined ? "categorical" : "gaussian");
  if (alignment === undefined || likelihood !== "categorical") return { ...options, likelihood };
  const letters = alignment.letters.length;
  if (options.classes !== undefined && Number(options.classes) !== letters)
    throw new UsageError(
      `--classes: ${name} has ${letters} letters (${alignment.letters}), so --classes ${options.classes} does not fit; leave it out.`,
    );
  return { ...options, likelihood, classes: String(letters) };
}

/** What the data are, in a line. */
function aboutData(data: Dataset, train: number, test: number): string {
  const { name, dimension, alignment, weights } = data;
  if (alignment === undefined)
    return `Data: ${name}, ${train} rows to train on, ${test} held out, ${dimension} columns.`;
  const { alphabet, letters, sites, ambiguous } = alignment;
  const codes =
    ambiguous === 0 ? "none ambiguous" : `${ambiguous} ambiguous ones as equal shares of the letters they may be`;
  const effective = weights && `, weighted as ${weights.reduce((sum, w) => sum + w, 0).toFixed(1)}`;
  return `Data: ${name}, ${alphabet} sequences of ${sites} sites, letters ${letters} (the gap is one; ${codes}): ${train} to train on, ${test} held out${effective ?? ""}.`;
}

function modelOptions(options: TrainOptions): VaeOptions & { epochs: number } {
  const units = (name: string, text: string | undefined) =>
    text === undefined ? undefined : wholeNumbers(name, text, 1);
  return {
    ...commonOptions(options),
    encoderHidden: units("--encoder", options.encoder),
    decoderHidden: units("--decoder", options.decoder),
  };
}

/** What the likelihood is told besides its name. @throws UsageError where it needs its number of classes. */
function likelihoodOptions({ likelihood, classes, option, model = "vae", resume }: TrainOptions) {
  if (classes === undefined && !resume && (likelihood === "categorical" || likelihood === "dirichlet"))
    throw new UsageError(`--likelihood ${likelihood}: say how many classes there are, with --classes K.`);
  const own = model === "vae" ? namedNumbers(option) : undefined;
  if (classes === undefined && own === undefined) return undefined;
  if (!resume && (likelihood === "gaussian" || likelihood === "bernoulli"))
    throw new UsageError(
      `${classes === undefined ? "--option" : "--classes"}: the likelihood ${likelihood} takes none; leave it out, or name another likelihood.`,
    );
  return { ...own, ...(classes !== undefined && { classes: wholeNumber("--classes", classes, 2) }) };
}

/** What all models are told, but for the sizes of layers. */
function commonOptions(options: TrainOptions): VaeOptions & { epochs: number } {
  const number = (name: string, text: string | undefined, above?: number) =>
    text === undefined ? undefined : above === undefined ? numberFromZero(name, text) : finiteNumber(name, text, above);
  return {
    latentDimension: wholeNumber("--latent", options.latent ?? "2", 1, 4096),
    likelihood: (options.likelihood ?? "gaussian") as VaeOptions["likelihood"],
    likelihoodOptions: likelihoodOptions(options),
    activation: options.activation as VaeOptions["activation"],
    epochs: wholeNumber("--epochs", options.epochs ?? "20", 1, 1_000_000),
    batchSize: options.batch === undefined ? undefined : wholeNumber("--batch", options.batch, 1),
    optimizer:
      options.optimizer === undefined ? undefined : oneOf("--optimizer", options.optimizer, ["adam", "adamw"] as const),
    learningRate: number("--learning-rate", options.learningRate, 0),
    weightDecay: number("--weight-decay", options.weightDecay),
    schedule:
      options.schedule === undefined
        ? undefined
        : oneOf("--schedule", options.schedule, ["constant", "cosine", "exponential"] as const),
    warmUp: number("--warm-up", options.warmUp),
    klWarmUp: number("--kl-warm-up", options.klWarmUp),
    clipNorm: number("--clip", options.clip, 0),
    patience: options.patience === undefined ? undefined : wholeNumber("--patience", options.patience, 1),
    seed: wholeNumber("--seed", options.seed ?? "0"),
  };
}

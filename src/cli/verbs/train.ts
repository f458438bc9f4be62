/** `atlas train`: trains a model, fits the uncertainty of a VAE's decoder, writes a run. */
import type { Command } from "commander";
import type { Dataset } from "../../data/index.js";
import { type DataChoice, loadChosen, storeChoice, storedChoice, withSchema } from "../data-choice.js";
import { interruptible } from "../interruptible.js";
import { checkModelOptions } from "../model-options.js";
import { oneOf, wholeNumber } from "../options.js";
import { createReport, duration, type Report } from "../report.js";
import { checkRunFolder } from "../run-folder.js";
import { commonOptions, dataChoice, defined, modelOptions, type TrainOptions, withLetters } from "../train-options.js";
import type { TrainingChoice } from "../train-progress.js";
import { trainAndSave } from "../train-run.js";

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
    .option(
      "--encoder <units>",
      "hidden layers of the encoder, such as 256,128 (pvae: wrapped or mobius before or in place of them)",
    )
    .option(
      "--decoder <units>",
      "hidden layers of the decoder, such as 128,128 (pvae: wrapped, gyroplane or mobius before or in place of them)",
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
      return trainVae(options, command, report);
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

async function trainVae(options: TrainOptions, command: Command, report: Report): Promise<void> {
  await checkRunFolder(options, command, resumable);
  const choice = dataChoice(options, isGiven(command, "seed"));
  modelOptions({ ...options, likelihood: undefined, classes: undefined, option: undefined }); // before data are made
  await (await import("../other-options.js")).activationOf(options);
  const loaded = await loadChosen(choice);
  const model = modelOptions(withLetters(options, loaded));
  const { data, schema } = await withSchema(loaded, choice.schema);
  if (schema !== undefined) Object.assign(model, { likelihood: "mixed", schema });
  if (!options.resume) {
    // On the whole data, so that messages count rows as the file does.
    const { resolveVaeOptions } = await import("../../autoencoders/index.js");
    resolveVaeOptions(data, defined(model));
  }
  const { train, test } = await splitAndTell(data, choice, report);
  const result = await interruptible(report, (signal) =>
    trainAndSave(train, test, {
      ...trainingChoice(options, command, choice, report, signal),
      model,
      uncertainty: choice.uncertainty ?? options.uncertainty,
    }),
  );
  const epochs = result.history.length;
  if (result.reason === "stopped") sayStopped(epochs, options, report);
  else
    report.say(
      `${epochs} epochs${result.reason === "early" ? " (no better held-out ELBO)" : ""}, ELBO ${result.elbo.train.toFixed(2)} training, ${result.elbo.test?.toFixed(2) ?? "-"} held out, ${duration(result.seconds)}: ${options.out}`,
    );
  report.result({ run: options.out, epochs, elbo: result.elbo, seconds: result.seconds, reason: result.reason });
}

async function trainOther(kind: string, options: TrainOptions, command: Command, report: Report): Promise<void> {
  await checkRunFolder(options, command, resumable);
  const choice = { ...dataChoice(options, isGiven(command, "seed")), model: kind };
  if (!options.resume) oneOf("--likelihood", options.likelihood ?? "gaussian", ["gaussian", "bernoulli"]);
  const common = commonOptions(options);
  const { familyChoice, pvaeChoice } = await import("../other-options.js");
  const own = kind === "pvae" ? await pvaeChoice(options) : await familyChoice(kind, options);
  const data = await loadChosen(choice);
  if (!options.resume) {
    // On the whole data, so that messages count rows as the file does.
    const { checkRows } = await import("../../autoencoders/index.js");
    checkRows(data.name, data, { likelihood: common.likelihood ?? "gaussian", dataDimension: data.dimension });
  }
  const { train, test } = await splitAndTell(data, choice, report);
  const { trainFamilyRun, trainPvaeRun } = await import("../train-other.js");
  const run = await interruptible(report, (signal) => {
    const settings = trainingChoice(options, command, choice, report, signal);
    const model = defined({ ...common, ...own }) as any;
    return kind === "pvae"
      ? trainPvaeRun(train, test, model, settings)
      : trainFamilyRun(kind, train, test, model, settings);
  });
  const name = kind === "pvae" ? "ELBO" : "score (minus the objective)";
  if (run.reason === "stopped") sayStopped(run.epochs, options, report);
  else
    report.say(
      `${kind}: ${run.epochs} epochs, ${name} ${run.score.train.toFixed(3)} training, ${run.score.test?.toFixed(3) ?? "-"} held out, ${duration(run.seconds)}: ${options.out}`,
    );
  report.result({
    run: options.out,
    model: kind,
    epochs: run.epochs,
    score: run.score,
    seconds: run.seconds,
    reason: run.reason,
  });
}

const isGiven = (command: Command, name: string) => command.getOptionValueSource(name) === "cli";

/** What the command says of every training. */
function trainingChoice(
  options: TrainOptions,
  command: Command,
  choice: DataChoice,
  report: Report,
  signal: AbortSignal,
): TrainingChoice {
  const { out, resume, overwrite, epochs, threads } = options;
  return {
    out,
    resume,
    overwrite,
    epochs: isGiven(command, "epochs") ? wholeNumber("--epochs", epochs ?? "", 1, 1_000_000) : undefined,
    threads: threads === undefined ? undefined : wholeNumber("--threads", threads, 1, 256),
    report,
    signal,
    onStarted: () => storeChoice(out, choice),
  };
}

async function splitAndTell(data: Dataset, { testFraction, seed }: DataChoice, report: Report) {
  const { splitDataset } = await import("../../data/index.js");
  const parts = splitDataset(data, { testFraction, seed });
  report.say(aboutData(data, parts.train.n, parts.test.n));
  return parts;
}

function sayStopped(epochs: number, { out }: TrainOptions, report: Report): void {
  report.say(`Stopped after ${epochs} epochs; go on with: atlas train --resume --out ${out}`);
  process.exitCode = 1;
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

/** `atlas evaluate`: scores of a run and a sampler, each with its uncertainty, and the pictures that belong to them. */
import { join } from "node:path";
import type { Command } from "commander";
import { UsageError } from "../../errors.js";
import type { Score } from "../../evaluation/index.js";
import { type ChosenFeatures, chooseFeatures, type FeatureChoice } from "../choose-features.js";
import { chooseParts, type EvaluatedRun, evaluateRun, type PartName, partLines, partNames } from "../evaluate-run.js";
import { finiteNumber, oneOf, wholeNumber } from "../options.js";
import { createReport, duration, table } from "../report.js";
import { dataOfRun } from "../run-data.js";
import { checkSamplerFlags, type SamplerFlags, samplerOptions, withSamplerFlags } from "../sampler-choice.js";
import { defaultSampler, openScored, type Picture, type ScoredModel } from "../scored-model.js";

interface Options extends SamplerFlags {
  sampler?: string;
  number: string;
  features?: string;
  featureOutput?: string;
  featureScale?: string;
  featureShift?: string;
  scores?: string;
  data?: string;
  likelihoodRows: string;
  importanceSamples: string;
  annealedRows: string;
  chains: string;
  temperatures: string;
  seed: string;
  threads?: string;
  out: string;
  json?: boolean;
}

export function registerEvaluate(program: Command): void {
  const command = program
    .command("evaluate")
    .description("Score what a run generates, reconstructs and assigns likelihood to; each score with its uncertainty.")
    .argument("<run>", "the folder of a run")
    .option("--sampler <name>", "as of atlas sample; default: the model's own, or gaussian-mixture where it has none")
    .option("-n, --number <n>", "how many images to generate", "5000")
    .option("--features <name>", "own (of grey digits), mnist, strokes, FILE.onnx, or a folder of digit features")
    .option("--feature-output <name>", "FILE.onnx: which output holds the features; default: the first")
    .option("--feature-scale <a>", "FILE.onnx: a pixel x in [0, 1] is given as a x + b; default 1")
    .option("--feature-shift <b>", "FILE.onnx: see --feature-scale; default 0")
    .option("--scores <list>", "only these parts, separated by commas (below); default: all that the model can have")
    .option("--data <name>", "the data of the run, where it does not say so itself");
  withSamplerFlags(command)
    .option("--likelihood-rows <n>", "held-out rows for the importance-sampled likelihood", "500")
    .option("--importance-samples <k>", "draws of each of them", "500")
    .option("--annealed-rows <n>", "held-out rows for the annealed likelihood", "20")
    .option("--chains <n>", "annealing: chains of each row", "8")
    .option("--temperatures <n>", "annealing: temperatures", "100")
    .option("--seed <n>", "of everything random", "0")
    .option("--threads <n>", "threads of the runtime; default: all cores")
    .requiredOption("--out <folder>", "where scores.json, scores.csv and the pictures go")
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      `\nParts (--scores):\n${partLines}\n\nExample:\n  atlas evaluate runs/demo --sampler riemannian -n 2000 --out scores`,
    )
    .action((folder: string, options: Options) => evaluate(folder, options, command));
}

async function evaluate(folder: string, options: Options, command: Command): Promise<void> {
  const report = createReport(options.json === true);
  const started = performance.now();
  const n = wholeNumber("--number", options.number, 2, 1_000_000);
  const seed = wholeNumber("--seed", options.seed);
  const threads = options.threads === undefined ? undefined : wholeNumber("--threads", options.threads, 1, 256);
  const number = (name: string, text: string | undefined) =>
    text === undefined ? undefined : finiteNumber(name, text);
  const settings = {
    samplerOptions: samplerOptions(options),
    likelihoodRows: wholeNumber("--likelihood-rows", options.likelihoodRows, 1),
    importanceSamples: wholeNumber("--importance-samples", options.importanceSamples, 1),
    annealedRows: wholeNumber("--annealed-rows", options.annealedRows, 1),
    chains: wholeNumber("--chains", options.chains, 1),
    temperatures: wholeNumber("--temperatures", options.temperatures, 2),
  };
  const wanted = options.scores?.split(",").map((name) => oneOf("--scores", name.trim(), partNames));
  const choice = {
    output: options.featureOutput,
    scale: number("--feature-scale", options.featureScale),
    shift: number("--feature-shift", options.featureShift),
    threads,
  };
  const model = await openScored(folder, { threads, samplers: settings.samplerOptions });
  const samplerName = options.sampler ?? defaultSampler(model);
  await checkSampler(samplerName, model);
  checkSamplerFlags(options, samplerName, model.samplers);
  const { features, note } = await featuresFor(model, wanted, options.features, choice);
  const { names, notes } = chooseParts(wanted, model, features?.network);
  if (wanted !== undefined) checkPartOptions(command, names);
  const data = await dataOfRun(folder, options.data);
  const result = await evaluateRun(model, data, features?.network, names, {
    ...settings,
    sampler: samplerName,
    n,
    seed,
    threads,
    onPart: (done, total, what) => report.progress(done, total, what),
  });
  report.progressDone();
  const remarks = [...(note === undefined ? notes : [note, ...notes.filter((text) => !text.includes("features"))])];
  const document = {
    run: folder,
    model: model.kind,
    sampler: result.sampler.name,
    n,
    seed,
    data: { name: data.train.name, train: data.train.n, heldOut: data.test.n },
    ...(features && { features: { name: features.network.name, accuracy: features.accuracy } }),
    scores: result.scores,
    ...(result.memorisation && { memorisation: { z: result.memorisation.z, sentence: result.memorisation.sentence } }),
    notes: [...remarks, ...result.notes],
    warnings: result.warnings,
  };
  const files = await write(options.out, document, result, model.picture, features);
  const seconds = (performance.now() - started) / 1000;
  report.say(`${n} samples of ${folder} (${model.kind}), ${result.sampler.description}; seed ${seed}.`);
  report.say(
    table([["score", "value", "+- standard error", "of", "rows"], ...result.scores.map((score) => cells(score))]),
  );
  if (result.memorisation) report.say(result.memorisation.sentence);
  for (const text of document.notes) report.say(`note: ${text}`);
  for (const text of document.warnings) report.say(`warning: ${text}`);
  report.say(`${duration(seconds)}: ${files.join(", ")}`);
  report.result({ ...document, files, seconds });
}

/** Options of single parts, by their attribute names. */
const partOptions: Readonly<Record<string, readonly PartName[]>> = {
  features: ["frechet", "prd", "improved", "reconstruction"],
  featureOutput: ["frechet", "prd", "improved", "reconstruction"],
  featureScale: ["frechet", "prd", "improved", "reconstruction"],
  featureShift: ["frechet", "prd", "improved", "reconstruction"],
  likelihoodRows: ["likelihood"],
  importanceSamples: ["likelihood"],
  annealedRows: ["annealed"],
  chains: ["annealed"],
  temperatures: ["annealed"],
};

/** @throws UsageError for an option of parts that are not computed */
function checkPartOptions(command: Command, names: readonly PartName[]): void {
  for (const option of command.options) {
    const parts = partOptions[option.attributeName()];
    if (parts === undefined || command.getOptionValueSource(option.attributeName()) !== "cli") continue;
    if (!parts.some((part) => names.includes(part)))
      throw new UsageError(
        `${option.long}: it is of the parts ${parts.join(", ")}, none of which is computed here; leave it out, or see --scores.`,
      );
  }
}

/** What the sampler lacks is said before anything long begins. */
async function checkSampler(name: string, model: ScoredModel): Promise<void> {
  const { chooseSampler, samplersFor } = await import("../../samplers/index.js");
  // fitting a mixture or a metric takes a while: it is left to the run itself
  if (name === "own" || !samplersFor(model.samplers).includes(name)) chooseSampler(name, model.samplers);
}

/** The features, where some score needs them: without a name and for other data than grey digits there are none. */
async function featuresFor(
  model: ScoredModel,
  wanted: readonly PartName[] | undefined,
  name: string | undefined,
  choice: Omit<FeatureChoice, "name">,
): Promise<{ features?: ChosenFeatures; note?: string }> {
  const run = { data: model.run.name, dimension: model.run.dataDimension, picture: model.picture };
  const needed = wanted === undefined || wanted.some((part) => ["frechet", "prd", "improved"].includes(part));
  if (name !== undefined) return { features: await chooseFeatures({ ...choice, name }, run) };
  const digits = model.picture?.channels === 1 && model.picture.height === 28 && model.picture.width === 28;
  if (!needed) return wanted.includes("reconstruction") ? featuresAtHand(run, choice) : {};
  if (digits || wanted !== undefined) return { features: await chooseFeatures({ ...choice, name: "own" }, run) };
  return {
    note: "without Frechet distance, precision and recall: our own features are of grey 28 x 28 pictures; name a network for these data with --features FILE.onnx",
  };
}

/** For the Frechet distance of reconstructions, which are scored without it where there are no features. */
async function featuresAtHand(
  run: Parameters<typeof chooseFeatures>[1],
  choice: Omit<FeatureChoice, "name">,
): Promise<{ features?: ChosenFeatures; note?: string }> {
  try {
    return { features: await chooseFeatures({ ...choice, name: "own" }, run) };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return { note: `without the Frechet distance of reconstructions: ${error.message}` };
  }
}

function cells({ name, value, standardError, uncertainty, images }: Score): string[] {
  return [name, value.toPrecision(5), standardError.toPrecision(2), uncertainty, String(images)];
}

async function write(
  folder: string,
  document: { readonly sampler: string; readonly scores: readonly Score[] },
  { curves, generated, neighbours }: EvaluatedRun,
  picture: Picture | undefined,
  features: ChosenFeatures | undefined,
): Promise<string[]> {
  const [{ writeAtomically }, { formatRow }, { linePlot, svgToPng }, { neighbourSheet, sampleSheet }] =
    await Promise.all([
      import("../../numerics/files.js"),
      import("../../numerics/csv.js"),
      import("../../plots/index.js"),
      import("../pictures.js"),
    ]);
  const files: string[] = [];
  const save = (name: string, content: string | Uint8Array) => {
    writeAtomically(join(folder, name), content);
    files.push(join(folder, name));
  };
  save("scores.json", `${JSON.stringify(document, null, 2)}\n`);
  const rows = document.scores.map((s) => [
    s.name,
    String(s.value),
    String(s.standardError),
    s.uncertainty,
    String(s.images),
    String(s.seed),
  ]);
  const header = ["score", "value", "standard_error", "uncertainty", "images", "seed"];
  save("scores.csv", `${[header, ...rows].map((row) => formatRow(row)).join("\n")}\n`);
  if (curves.length > 0) {
    const f = (name: string) =>
      document.scores
        .find((score) => score.name.includes(name) && !score.name.endsWith("of training images"))
        ?.value.toFixed(3);
    const svg = await linePlot({
      series: curves.map(({ name, curve }, k) => ({ name, x: curve.recall, y: curve.precision, dashed: k > 0 })),
      xLabel: "recall",
      yLabel: "precision",
      xDomain: [0, 1],
      yDomain: [0, 1],
      markers: false,
      title: `Precision and recall for distributions, on ${features?.network.name}s`,
      caption: `Samples: F_8 (recall) ${f("F_8 (recall)")}, F_1/8 (precision) ${f("F_1/8 (precision)")}. Dashed: as many training images, the best there is.`,
    });
    save("prd.svg", svg);
    save("prd.png", await svgToPng(svg, { scale: 2 }));
  }
  if (picture) save("samples.png", await sampleSheet(generated, picture));
  if (picture && neighbours) {
    const { train, nearestTrain, reconstructions, nearestReconstruction } = neighbours;
    const first = Int32Array.from({ length: nearestTrain.indices.length }, (_, i) => i);
    const { svg, png } = await neighbourSheet(
      [
        { name: "samples", rows: generated, indices: first },
        {
          name: "nearest training image",
          rows: train,
          indices: nearestTrain.indices,
          distances: nearestTrain.distances,
        },
        ...(reconstructions && nearestReconstruction
          ? [
              {
                name: "nearest reconstruction",
                rows: reconstructions,
                indices: nearestReconstruction.indices,
                distances: nearestReconstruction.distances,
              },
            ]
          : []),
      ],
      picture,
      `Samples (${document.sampler}) and what is nearest to them, with the Euclidean distance`,
    );
    save("nearest.svg", svg);
    save("nearest.png", png);
  }
  return files;
}

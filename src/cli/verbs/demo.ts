/**
 * `atlas demo`: the whole way on one page. Finds data, trains a VAE with a two-dimensional latent space, fits its
 * uncertainty, solves geodesics under the expected metric, compares them with straight lines, draws the pictures.
 */
import { join } from "node:path";
import type { Command } from "commander";
import type { Dataset } from "../../data/index.js";
import { UsageError } from "../../errors.js";
import type { GeodesicResult } from "../../geodesics/index.js";
import type { LatentMetric } from "../../metrics/index.js";
import { drawMap, randomPairs } from "../draw-map.js";
import { interruptible } from "../interruptible.js";
import { knownCodes, metricChoice, type OpenRun, openRun } from "../open-run.js";
import { oneOf, wholeNumber } from "../options.js";
import { createReport, duration, type Report, table } from "../report.js";
import { trainAndSave } from "../train-run.js";

interface DemoOptions {
  data?: string;
  out: string;
  epochs?: string;
  pairs: string;
  seed: string;
  retrain?: boolean;
  json?: boolean;
}

/** Pairs in the sheet of interpolations, and points along each. */
const SHOWN_PAIRS = 6;
const SHOWN_POINTS = 10;

export function registerDemo(program: Command): void {
  program
    .command("demo")
    .description("Train a VAE on handwritten digits, map its latent space, and compare geodesics with straight lines.")
    .option("--data <name>", "mnist, strokes, or a .npy or .csv file; default: mnist where it is found, else strokes")
    .option("--out <folder>", "where everything goes", join("runs", "demo"))
    .option("--epochs <n>", "passes over the data; default: what fits in well under a minute")
    .option("--pairs <n>", "geodesics to solve", "40")
    .option("--seed <n>", "of everything random", "0")
    .option("--retrain", "train anew although the folder holds a trained run")
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  atlas demo --data strokes --out runs/demo")
    .action(async (options: DemoOptions, command: Command) => {
      const report = createReport(options.json === true);
      const started = performance.now();
      const pairs = wholeNumber("--pairs", options.pairs, 1, 2000);
      const seed = wholeNumber("--seed", options.seed);
      const trained = await trainedRun(options, command.getOptionValueSource("out") === "cli", seed, report);
      if (trained === "stopped") return;
      const run = await openRun(options.out);
      const metric = await metricChoice(run, "expected");
      const solved = await solvePairs(run, metric, pairs, seed, report);
      const files = await writePictures(run, metric, solved, options.out, report);
      const summary = summarize(solved);
      report.say(
        `\n${table([
          ["pairs solved", String(solved.results.length)],
          ["converged", String(summary.converged)],
          ["straight line / geodesic, median ratio of lengths", summary.medianRatio.toFixed(2)],
          [
            "time per geodesic",
            `${summary.milliseconds.toFixed(1)} ms (after ${solved.preparation.toFixed(1)} s of preparation for all)`,
          ],
          ["everything", duration((performance.now() - started) / 1000)],
        ])}`,
      );
      report.say(`\nPictures: ${files.map((name) => join(options.out, name)).join(", ")}`);
      report.say(
        `Next: atlas geodesic ${options.out} --from 0 --to 7\n      atlas map ${options.out} --out map --metric euclidean\n      atlas train --help   (your own .npy or .csv file)`,
      );
      report.result({
        run: options.out,
        data: run.name,
        pairs: solved.results.length,
        converged: summary.converged,
        medianRatio: summary.medianRatio,
        millisecondsPerGeodesic: summary.milliseconds,
        seconds: (performance.now() - started) / 1000,
        files: files.map((name) => join(options.out, name)),
      });
    });
}

/** A trained run in the demo's folder: the one that is there, one that is finished, or a new one. */
async function trainedRun(
  options: DemoOptions,
  outGiven: boolean,
  seed: number,
  report: Report,
): Promise<"trained" | "stopped"> {
  const [{ autoDataset, loadDataset, splitDataset }, { holdsCheckpoint }, { loadVae }] = await Promise.all([
    import("../../data/index.js"),
    import("../../training/index.js"),
    import("../../autoencoders/index.js"),
  ]);
  const { dataset, sentence } =
    options.data === undefined
      ? await autoDataset()
      : { dataset: await loadDataset(options.data), sentence: `Data: ${options.data}.` };
  report.say(sentence);
  let resume = false;
  if (holdsCheckpoint(options.out) && !options.retrain) {
    const { config } = loadVae(options.out);
    // The demo's own folder may be trained anew; a folder that the user named is not overwritten unasked.
    if (config.data.name !== dataset.name && outGiven)
      throw new UsageError(
        `--out: ${options.out} holds a run of ${config.data.name}, the data here are ${dataset.name}; name another folder, or add --retrain to replace it.`,
      );
    if (config.data.name !== dataset.name)
      report.say(`The run in ${options.out} is of ${config.data.name}: training anew.`);
    else if (config.progress.state === "finished" && config.uncertainty !== undefined) {
      report.say(`Model: ${options.out}, trained before (--retrain trains anew).`);
      return "trained";
    } else {
      resume = true;
      report.say(`Going on with the run in ${options.out}, ${config.progress.epochs} epochs done.`);
    }
  }
  const { train, test } = splitDataset(dataset, { seed });
  const result = await interruptible(report, (signal) =>
    trainAndSave(train, test, {
      out: options.out,
      resume,
      overwrite: true,
      model: modelFor(train, options.epochs, seed),
      uncertainty: true,
      report,
      signal,
    }),
  );
  if (result.reason === "stopped") {
    report.say(
      `Stopped after ${result.history.length} epochs; run the same command to go on. Checkpoint: ${options.out}`,
    );
    process.exitCode = 1;
    return "stopped";
  }
  report.say(
    `Trained ${result.history.length} epochs in ${duration(result.seconds)}: ELBO ${result.elbo.train.toFixed(1)} training, ${result.elbo.test?.toFixed(1)} held out (nats an image).`,
  );
  return "trained";
}

/** Epochs so that about 4,700 steps of 128 rows are taken, which is 10 epochs of MNIST. */
function modelFor(train: Dataset, epochs: string | undefined, seed: number) {
  const unit = train.rows.every((v) => v >= 0 && v <= 1);
  const steps = Math.max(1, Math.floor(train.n / 128));
  return {
    latentDimension: 2,
    likelihood: oneOf("likelihood", unit ? "bernoulli" : "gaussian", ["bernoulli", "gaussian"] as const),
    epochs:
      epochs === undefined ? Math.max(3, Math.min(200, Math.round(4700 / steps))) : wholeNumber("--epochs", epochs, 1),
    seed,
  };
}

interface Solved {
  readonly ends: readonly (readonly [number, number])[];
  readonly results: readonly GeodesicResult[];
  readonly seconds: number;
  /** Seconds of the preparation that all geodesics share. */
  readonly preparation: number;
}

async function solvePairs(
  run: OpenRun,
  metric: LatentMetric,
  pairs: number,
  seed: number,
  report: Report,
): Promise<Solved> {
  const { prepareConnect } = await import("../../geodesics/index.js");
  const ends = randomPairs(run, pairs, seed);
  const rows = (which: 0 | 1) =>
    ends.map((pair) =>
      Array.from(run.codes.data.subarray(pair[which] * run.dimension, (pair[which] + 1) * run.dimension)),
    );
  report.progress(0, pairs, "making the metric ready for many geodesics");
  const solver = await prepareConnect(metric, { ...knownCodes(run) });
  const started = performance.now();
  const results = await solver.connect(rows(0), rows(1), {
    onProgress: (done: number, total: number) => report.progress(done, total, `geodesics: ${done} of ${total}`),
  });
  const seconds = (performance.now() - started) / 1000;
  report.progressDone();
  await solver.dispose();
  return { ends, results, seconds, preparation: solver.seconds };
}

function summarize({ results, seconds }: Solved) {
  const ratios = results.map((r) => r.straightLength / r.length).sort((a, b) => a - b);
  return {
    converged: results.filter((r) => r.converged).length,
    medianRatio: ratios[Math.floor(ratios.length / 2)],
    milliseconds: (1000 * seconds) / results.length,
  };
}

async function writePictures(
  run: OpenRun,
  metric: LatentMetric,
  solved: Solved,
  out: string,
  report: Report,
): Promise<string[]> {
  const [{ writeAtomically }, { svgToPng }] = await Promise.all([
    import("../../numerics/files.js"),
    import("../../plots/index.js"),
  ]);
  const map = await drawMap(run, metric, { resolution: 160, geodesics: solved.results, report });
  writeAtomically(join(out, "map.svg"), map.svg);
  writeAtomically(join(out, "map.png"), await svgToPng(map.svg, { scale: 2 }));
  writeAtomically(join(out, "geodesics.csv"), geodesicsTable(run, solved));
  const files = ["map.svg", "map.png", "geodesics.csv"];
  if (run.imageShape !== undefined) {
    writeAtomically(join(out, "interpolation.png"), await interpolation(run, run.imageShape, solved));
    files.push("interpolation.png");
  }
  return files;
}

function geodesicsTable(run: OpenRun, { ends, results }: Solved): string {
  const label = (i: number) =>
    run.labels === undefined ? "" : (run.labelNames?.[run.labels[i]] ?? String(run.labels[i]));
  const lines = results.map((r, i) => {
    const [a, b] = ends[i];
    return [
      a,
      b,
      label(a),
      label(b),
      r.length,
      r.straightLength,
      r.straightLength / r.length,
      r.energy,
      r.converged,
      r.iterations,
    ].join(",");
  });
  return `from,to,from_label,to_label,length,straight_length,ratio,energy,converged,iterations\n${lines.join("\n")}\n`;
}

/** The sheet: the pairs whose geodesics save most against the straight line, among pairs of different labels. */
async function interpolation(
  run: OpenRun,
  [height, width]: readonly [number, number],
  { ends, results }: Solved,
): Promise<Uint8Array> {
  const [{ compile, ndarray }, { interpolationSheet }] = await Promise.all([
    import("../../engine/index.js"),
    import("../../plots/index.js"),
  ]);
  const d = run.dimension;
  const decode = compile(run.mean);
  const images = async (points: Float64Array) => (await decode(ndarray(points, [points.length / d, d]))).data;
  const saved = (i: number) => results[i].straightLength / results[i].length;
  const order = results.map((_, i) => i).sort((a, b) => saved(b) - saved(a));
  const pairs = [];
  for (const i of order.slice(0, SHOWN_PAIRS)) {
    const { curve } = results[i];
    const [first, last] = [curve.data.subarray(0, d), curve.data.subarray(curve.data.length - d)];
    const straight = Float64Array.from({ length: SHOWN_POINTS * d }, (_, k) => {
      const t = Math.floor(k / d) / (SHOWN_POINTS - 1);
      return (1 - t) * first[k % d] + t * last[k % d];
    });
    // The curve runs at constant speed in the metric: equal steps of its parameter are equal arc lengths.
    const along = atEqualParameters(curve, d);
    const name = (k: number) =>
      run.labels === undefined ? `#${k}` : (run.labelNames?.[run.labels[k]] ?? `${run.labels[k]}`);
    pairs.push({
      geodesic: await images(along),
      straight: await images(straight),
      label: `${name(ends[i][0])} → ${name(ends[i][1])}  ×${saved(i).toFixed(2)}`,
    });
  }
  await decode.dispose();
  const { png } = await interpolationSheet({
    pairs,
    height,
    width,
    T: SHOWN_POINTS,
    title: "Decoded paths between codes",
    caption: `The ${pairs.length} of ${results.length} pairs whose straight line is longest against the geodesic (×: how many times as long); equal arc length above, equal steps below.`,
  });
  return png;
}

function atEqualParameters(curve: GeodesicResult["curve"], d: number): Float64Array {
  const T = curve.shape[0];
  return Float64Array.from({ length: SHOWN_POINTS * d }, (_, k) => {
    const s = (Math.floor(k / d) / (SHOWN_POINTS - 1)) * (T - 1);
    const i = Math.min(T - 2, Math.floor(s));
    const at = (row: number) => curve.data[row * d + (k % d)];
    return at(i) + (s - i) * (at(i + 1) - at(i));
  });
}

/**
 * The features that generated digits are compared on: a small convolutional classifier of MNIST, and one of the
 * generated strokes. Their weights go to the data cache, where `atlas evaluate` finds them; the report has their accuracy
 * and what the Frechet distance on them makes of digits that are spoiled step by step.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { findMnist } from "../data/mnist.js";
import { digitFeaturesFolder, hasDigitFeatures } from "../evaluation/index.js";
import { linePlot, scatter } from "../plots/index.js";
import { runCells, whenComputed } from "./cells.js";
import { disturbances } from "./features/disturbances.js";
import { DEFAULT_EPOCHS, type FeaturesCell, trainCell } from "./features/train.js";
import { csv, table, writeFiles } from "./flow-report.js";
import { commandOf, type ExperimentOptions, takesOnly } from "./options.js";

/** Trains, keeps the weights and reports. @throws UsageError for options that it does not take. */
export async function run(options: ExperimentOptions): Promise<{ readonly files: readonly string[] }> {
  takesOnly("features", options, ["epochs"]);
  const { fast, seed, epochs, out } = options;
  const names = findMnist() === undefined ? ["strokes"] : ["mnist", "strokes"];
  // The cache holds the standard weights only: scores on others would carry the same name.
  const standard = !fast && seed === 0 && (epochs ?? DEFAULT_EPOCHS) === DEFAULT_EPOCHS;
  const folderOf = (name: string) => (standard ? digitFeaturesFolder(name) : join(out, `digit-features-${name}`));
  const cells = names.map((name) => ({
    name,
    compute: () => trainCell(name, folderOf(name), options),
  }));
  // a result without its weights is of no use: it is computed again
  for (const name of names)
    if (!hasDigitFeatures(folderOf(name))) rmSync(join(out, "cells", `${name}.json`), { force: true });
  const results = await runCells(cells, { fast, seed, epochs: epochs ?? null }, options);
  return { files: await write(options, results, folderOf) };
}

async function write(
  options: ExperimentOptions,
  results: Awaited<ReturnType<typeof runCells<FeaturesCell>>>,
  folderOf: (name: string) => string,
): Promise<string[]> {
  const files: Record<string, string> = {};
  const rows: (string | number)[][] = [
    ["data", "disturbance", "level", "frechet_distance", "standard_error", "images"],
  ];
  const parts: string[] = [];
  for (const { name, value } of results) {
    const distances = (disturbance: string) => value.calibration.filter((row) => row.disturbance === disturbance);
    for (const { disturbance, level, distance, standardError } of value.calibration)
      rows.push([name, disturbance, level, distance, standardError, value.images]);
    files[`calibration-${name}.png`] = await linePlot({
      title: `Frechet distance on digit features of ${name}`,
      subtitle: `${value.images} spoiled test images against as many others; level 0 is the estimate's own bias`,
      series: disturbances.map(({ name: disturbance, levels }) => ({
        name: disturbance,
        x: levels.map((_, k) => k),
        y: distances(disturbance).map(({ distance }) => distance),
      })),
      caption: `Levels: ${disturbances.map(({ name: disturbance, levels, unit }) => `${disturbance} ${levels.join(", ")} (${unit})`).join("; ")}.`,
      xLabel: "level",
      yLabel: "Frechet distance",
      yScale: "log",
      xWhole: true,
    });
    files[`features-${name}.png`] = await scatter({
      title: `Features of test digits (${name}), first two principal components`,
      x: value.plane.x,
      y: value.plane.y,
      labels: value.plane.labels,
      xLabel: "first component",
      yLabel: "second component",
    });
    parts.push(`## ${name}

${value.trainRows} digits to train on, ${value.epochs} epochs: **${(100 * value.accuracy).toFixed(2)} %** of ${value.testRows} test digits classified right. Weights: \`${standardPath(folderOf(name))}\`.
Distances of ${value.images} test images on either side:

${table([
  ["spoiled by", ...[0, 1, 2, 3, 4].map((k) => `level ${k}`)],
  ...disturbances.map(({ name: disturbance, levels, unit }) => [
    `${disturbance} (${unit})`,
    ...distances(disturbance).map(
      ({ distance, standardError }, k) => `${levels[k]}: ${distance.toPrecision(3)} ± ${standardError.toPrecision(1)}`,
    ),
  ]),
])}

![Frechet distance by level](calibration-${name}.png)

![Features](features-${name}.png)
`);
  }
  files["features.csv"] = csv(rows);
  files["report.md"] = `# Features of digits

\`${commandOf("features", options)}\`, ${whenComputed(results)}.${options.fast ? " The fast version: not for its numbers." : ""}

Generated digits are compared with real ones on 64 features of a small convolutional classifier (16 and 32 channels, batch
normalisation). This is no network of the literature: distances on it have a scale of their own, shown below, and are
compared with no published FID. Frechet distances are ± their bootstrap standard error.

${parts.join("\n")}`;
  return writeFiles(options.out, files);
}

/** The folder without the machine's own part. */
function standardPath(folder: string): string {
  return folder.replace(/^.*(?=digit-features-)/, "");
}

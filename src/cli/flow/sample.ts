/** `atlas flow sample`: draws from a trained flow or mixture, in the coordinates of its data. */
import { randomKey, split } from "../../numerics/random.js";
import { oneOf, wholeNumber } from "../options.js";
import { createReport } from "../report.js";
import { type EvaluationOptions, evaluationOptions } from "./evaluation-options.js";
import { openDensityRun } from "./open.js";

export interface FlowSampleOptions extends EvaluationOptions {
  number: string;
  coordinates?: string;
  logDensity?: boolean;
  seed: string;
  out: string;
  json?: boolean;
}

export async function sampleFlowRun(folder: string, options: FlowSampleOptions): Promise<void> {
  const report = createReport(options.json === true);
  const count = wholeNumber("--number", options.number, 1, 10_000_000);
  const seed = wholeNumber("--seed", options.seed);
  const { checkRowsPath, columnNames, coordinateNames, coordinatesFor, fromManifold, withColumn, writeRows } =
    await import("./coordinates.js");
  checkRowsPath("--out", options.out);
  const run = await openDensityRun(folder, evaluationOptions(options));
  try {
    const coordinates =
      options.coordinates === undefined
        ? run.coordinates
        : coordinatesFor(run.manifoldName, oneOf("--coordinates", options.coordinates, coordinateNames));
    report.progress(0, 1, `drawing ${count} points`);
    const { points, logDensity } = await run.sample(split(randomKey(seed), "samples"), count);
    report.progressDone();
    const rows = fromManifold(points, coordinates);
    const names = columnNames(coordinates, rows.shape[1]);
    if (options.logDensity) writeRows(options.out, withColumn(rows, logDensity), [...names, "log_density"]);
    else writeRows(options.out, rows, names);
    const mean = logDensity.reduce((a, b) => a + b, 0) / count;
    report.say(`${count} draws from ${run.name} (${coordinates}), mean log density ${mean.toFixed(3)}: ${options.out}`);
    report.result({
      n: count,
      out: options.out,
      coordinates,
      columns: names.length + (options.logDensity ? 1 : 0),
      meanLogDensity: mean,
    });
  } finally {
    await run.dispose();
  }
}

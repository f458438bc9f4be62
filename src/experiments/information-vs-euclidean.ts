/**
 * `atlas reproduce information-vs-euclidean`: Fisher-Rao geodesics of a Gaussian decoder on the ones of MNIST beside those
 * of the expected metric ("Pulling back information geometry"). A cell is one seed.
 */
import { runPlan } from "./cells.js";
import { compareMetrics } from "./information-vs-euclidean/measure.js";
import {
  type ComparisonCell,
  comparisonPictures,
  comparisonReport,
  comparisonTable,
} from "./information-vs-euclidean/report.js";
import { digitSource } from "./oddity/digit-data.js";
import { type ExperimentOptions, seedsOf, takesOnly } from "./options.js";
import { writeOutputs } from "./toy-families/files.js";

const SETTINGS = { epochs: 60, rows: 60_000, pairs: 30, grid: 96, table: 192, repetitions: 5 };
const FAST = { epochs: 6, rows: 1500, pairs: 3, grid: 24, table: 0, repetitions: 1 };

/** Runs the experiment; writes report.md, results.csv, metrics.png, strips.png. */
export async function run(
  options: ExperimentOptions,
): Promise<{ files: readonly string[]; cells: readonly ComparisonCell[] }> {
  takesOnly("information-vs-euclidean", options, ["repetitions", "epochs"]);
  const { fast, seed, out, threads, report } = options;
  const { repetitions: usual, ...sizes } = fast ? FAST : SETTINGS;
  const settings = { ...sizes, ...(options.epochs !== undefined && { epochs: options.epochs }) };
  const source = digitSource();
  const plan = seedsOf(options, usual).map((each) => ({ seed: each, name: `seed-${each}` }));
  const cells = await runPlan(
    plan,
    ({ seed: each }) => compareMetrics({ ...settings, drawn: each === seed, threads, report }, each),
    { ...settings, drawn: seed, source },
    options,
  );
  const files = await writeOutputs(out, {
    "report.md": comparisonReport(cells, source, options),
    "results.csv": comparisonTable(cells),
    ...(await comparisonPictures(cells)),
  });
  return { files, cells };
}

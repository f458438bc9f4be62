/**
 * `atlas reproduce oddity`: the geometry of a Gaussian decoder on handwritten digits before and after calibration of
 * its uncertainty, geodesics, and clusters and neighbours by geodesic against Euclidean distances ("Latent Space
 * Oddity"). A cell is one choice of digits with one seed.
 */
import { runPlan } from "./cells.js";
import { digitSource } from "./oddity/digit-data.js";
import { measureOddity } from "./oddity/measure.js";
import { type DigitSet, type OddityCell, oddityPicture, oddityReport, oddityTable } from "./oddity/report.js";
import { type ExperimentOptions, seedsOf, takesOnly } from "./options.js";
import { writeOutputs } from "./toy-families/files.js";

const sets: readonly DigitSet[] = [
  { name: "zero-one-two", title: "0, 1, 2", digits: [0, 1, 2] },
  { name: "three-four-seven", title: "3, 4, 7", digits: [3, 4, 7] },
  { name: "all", title: "all ten", digits: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] },
  { name: "ones", title: "1", digits: [1] },
];

const SETTINGS = { epochs: 30, rows: 30_000, points: 500, pairs: 30, grid: 80, table: 384, repetitions: 5 };
const FAST = { epochs: 3, rows: 1500, points: 50, pairs: 3, grid: 24, table: 64, repetitions: 1 };

/** Runs the experiment; writes report.md, results.csv, magnification.png. */
export async function run(
  options: ExperimentOptions,
): Promise<{ files: readonly string[]; cells: readonly OddityCell[] }> {
  takesOnly("oddity", options, ["repetitions", "epochs"]);
  const { fast, seed, out, threads, report } = options;
  const { repetitions: usual, ...sizes } = fast ? FAST : SETTINGS;
  const settings = { ...sizes, ...(options.epochs !== undefined && { epochs: options.epochs }) };
  const source = digitSource();
  const plan = seedsOf(options, usual).flatMap((each) =>
    sets.map((set) => ({ set, seed: each, name: `${set.name}-${each}` })),
  );
  const cells = await runPlan(
    plan,
    ({ set, seed: each }) =>
      measureOddity({ ...settings, digits: set.digits, drawn: each === seed, threads, report }, each),
    { ...settings, drawn: seed, source },
    options,
  );
  const picture = await oddityPicture(cells, sets);
  const files = await writeOutputs(out, {
    "report.md": oddityReport(cells, sets, source, options),
    "results.csv": oddityTable(cells),
    ...(picture !== undefined && { "magnification.png": picture }),
  });
  return { files, cells };
}

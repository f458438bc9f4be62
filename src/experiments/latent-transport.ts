/**
 * `atlas reproduce latent-transport`: Wasserstein geodesics of a discretised-logistic decoder on handwritten digits against
 * straight latent lines and the interpolation of pixels ("Optimal latent transport"). A cell is one data set (single
 * digits with a latent plane, all digits with 30 dimensions) with one seed.
 */
import { runPlan } from "./cells.js";
import { measureTransport } from "./latent-transport/measure.js";
import {
  type TransportCell,
  type TransportSet,
  transportPictures,
  transportReport,
  transportTable,
} from "./latent-transport/report.js";
import { digitSource } from "./oddity/digit-data.js";
import { type ExperimentOptions, seedsOf, takesOnly } from "./options.js";
import { writeOutputs } from "./toy-families/files.js";

const sets: readonly TransportSet[] = [
  { name: "ones", title: "1, latent plane", digits: [1], dimension: 2 },
  { name: "threes", title: "3, latent plane", digits: [3], dimension: 2 },
  { name: "eights", title: "8, latent plane", digits: [8], dimension: 2 },
  { name: "all", title: "all digits, 30 latent dimensions", dimension: 30 },
];

const SETTINGS = {
  epochs: 60,
  rows: 60_000,
  pairs: 20,
  firstOrderPairs: 6,
  levels: 32,
  regionCodes: 2000,
  times: 11,
  repetitions: 5,
};
const FAST = {
  epochs: 4,
  rows: 800,
  pairs: 2,
  firstOrderPairs: 1,
  levels: 8,
  regionCodes: 300,
  times: 7,
  repetitions: 1,
};
/** All digits have five times the rows of one: twice the steps of one take this share of the epochs. */
const SHARE_OF_EPOCHS = 3 / 8;

/** Runs the experiment; writes report.md, results.csv and a sheet of strips for each data set. */
export async function run(
  options: ExperimentOptions,
): Promise<{ files: readonly string[]; cells: readonly TransportCell[] }> {
  takesOnly("latent-transport", options, ["repetitions", "epochs"]);
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
      measureTransport(
        {
          ...settings,
          digits: set.digits,
          dimension: set.dimension,
          epochs: set.digits || fast ? settings.epochs : Math.ceil(settings.epochs * SHARE_OF_EPOCHS),
          firstOrderPairs: set.dimension === 2 ? settings.firstOrderPairs : 0,
          drawn: each === seed,
          threads,
          report,
        },
        each,
      ),
    { ...settings, drawn: seed, source },
    options,
  );
  const files = await writeOutputs(out, {
    "report.md": transportReport(cells, sets, source, options),
    "results.csv": transportTable(cells),
    ...transportPictures(cells, sets),
  });
  return { files, cells };
}

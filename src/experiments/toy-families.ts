/**
 * `atlas reproduce toy-families`: codes on a circle decoded to one family of distributions after another; Fisher-Rao
 * geodesics with calibrated uncertainty follow the circle, straight lines do not ("Pulling back information geometry",
 * section on toy latent spaces). A cell is one family with one random decoder.
 */
import { runPlan } from "./cells.js";
import { type ExperimentOptions, seedsOf, takesOnly } from "./options.js";
import { writeOutputs } from "./toy-families/files.js";
import { measureToy } from "./toy-families/measure.js";
import { type ToyCell, toyPicture, toyReport, toyTable } from "./toy-families/report.js";
import { toys } from "./toy-families/toys.js";

const SETTINGS = { pairs: 12, grid: 72, repetitions: 5 };
const FAST = { pairs: 2, grid: 24, repetitions: 1 };

/** Runs the experiment; writes report.md, results.csv, families.png, and returns the files. */
export async function run(
  options: ExperimentOptions,
): Promise<{ files: readonly string[]; cells: readonly ToyCell[] }> {
  takesOnly("toy-families", options, ["repetitions"]);
  const { fast, seed, out, threads } = options;
  const { pairs, grid, repetitions: usual } = fast ? FAST : SETTINGS;
  const plan = seedsOf(options, usual).flatMap((each) =>
    toys.map((toy) => ({ toy, seed: each, name: `${toy.name}-${each}` })),
  );
  const cells = await runPlan(
    plan,
    // the first seed is the one that is drawn
    ({ toy, seed: each }) => measureToy(toy, each, { pairs, grid: each === seed ? grid : 0, threads }),
    { pairs, grid, drawn: seed },
    options,
  );
  const picture = await toyPicture(cells);
  const files = await writeOutputs(out, {
    "report.md": toyReport(cells, options),
    "results.csv": toyTable(cells),
    ...(picture !== undefined && { "families.png": picture }),
  });
  return { files, cells };
}

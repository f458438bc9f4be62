/**
 * Densities of volcanoes, earthquakes, floods and fires on the globe (Mathieu and Nickel, NeurIPS 2020, table 2):
 * mixtures of von Mises-Fisher, stereographic and Riemannian flows; held-out negative log-likelihood, split by place
 * and, as published, by row; a learning curve against data size; equal-area world maps.
 */
import { type Cell, runCells } from "./cells.js";
import { type EarthResult, fitEarthCell, settingsOf } from "./earth/fit.js";
import { earthMaps, learningCurve } from "./earth/pictures.js";
import { cellName, earthPlan } from "./earth/plan.js";
import { earthCsv, earthReport } from "./earth/report.js";
import { type FlowExperimentResult, writeFiles } from "./flow-report.js";
import { type ExperimentOptions, takesOnly } from "./options.js";

/**
 * Runs the experiment; writes cells, report.md, results.csv, maps of each data set and the learning curve. The flows of
 * the first split are kept as runs below OUT/flows, for `atlas flow`.
 * @throws UsageError where ATLAS_DATA has no earth folder
 */
export async function run(options: ExperimentOptions): Promise<FlowExperimentResult> {
  takesOnly("earth", options, ["repetitions", "steps"]);
  const started = performance.now();
  const plan = earthPlan(options);
  const settings = settingsOf(options);
  const cells = plan.cells.map(
    (cell): Cell<EarthResult> => ({ name: cellName(cell), compute: () => fitEarthCell(cell, settings, options) }),
  );
  const results = new Map((await runCells(cells, { ...settings }, options)).map((result) => [result.name, result]));
  const pictures: Record<string, string> = {};
  for (const data of new Set(plan.rows.map((row) => row.data)))
    Object.assign(
      pictures,
      earthMaps(options.out, data, options.seed, settings, (cell) => results.get(cellName(cell))?.value.testNll),
    );
  const curve = await learningCurve((row) =>
    plan.cells
      .filter((cell) => cellName({ ...row, seed: cell.seed }) === cellName(cell))
      .flatMap((cell) => results.get(cellName(cell))?.value ?? []),
  );
  if (curve !== undefined && !options.fast) pictures["learning-curve.png"] = curve;
  const files = await writeFiles(options.out, {
    ...pictures,
    "results.csv": earthCsv(plan, results),
    "report.md": earthReport(plan, results, settings, options, Object.keys(pictures)),
  });
  return { files, minutes: (performance.now() - started) / 60000 };
}

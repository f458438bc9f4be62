/**
 * The MNIST experiment of the Poincare VAE (Mathieu et al., NeurIPS 2019, section 5.2): the importance-weighted bound of
 * the test set for the Euclidean VAE and for wrapped and Riemannian Poincare VAEs of several curvatures, in 2, 5, 10 and
 * 20 dimensions, and how well digits are told apart by their two-dimensional codes.
 */
import { join } from "node:path";
import { UsageError } from "../errors.js";
import { writeAtomically } from "../numerics/files.js";
import { runCells } from "./cells.js";
import { commandOf, type ExperimentOptions, takesOnly } from "./options.js";
import { type Budget, cellsOf, type MnistCell } from "./pvae-mnist/cells.js";
import { codesPicture } from "./pvae-mnist/picture.js";
import { reportOf, tableOf } from "./pvae-mnist/report.js";
import { DIMENSIONS, publishedCurvatures, settingsOf } from "./pvae-mnist/settings.js";

export interface PvaeMnistOptions extends ExperimentOptions {
  /** Latent dimensions; default 2, 5, 10 and 20, fast 2. */
  readonly dimensions?: readonly number[];
  /** Test images with all K samples, the others having 100; default 500, fast 100. */
  readonly fineImages?: number;
}

/**
 * Runs what is asked for and not there yet, and writes table.csv, codes.png and report.md from all cells present.
 * Repetitions (default 3, fast 1) are seeds of the settings with d = 2; other dimensions have the first seed alone.
 * @throws UsageError for options that it does not take, curvatures without a published row, and where MNIST is not found
 */
export async function run(options: PvaeMnistOptions): Promise<{ files: string[]; cells: readonly MnistCell[] }> {
  takesOnly("pvae-mnist", options, ["repetitions", "epochs", "samples", "curvatures"]);
  const { fast, seed, out, repetitions = fast ? 1 : 3, dimensions = fast ? [2] : DIMENSIONS } = options;
  const curvatures = options.curvatures ?? (fast ? [0, 1.4] : undefined);
  for (const c of curvatures ?? [])
    if (!(publishedCurvatures as readonly number[]).includes(c))
      throw new UsageError(
        `curvatures: ${c} has no published row to compare with; use some of ${publishedCurvatures.join(", ")}.`,
      );
  const budget: Budget = {
    epochs: options.epochs ?? (fast ? 3 : 80),
    samples: options.samples ?? (fast ? 100 : 5000),
    fineImages: options.fineImages ?? (fast ? 100 : 500),
    ...(fast && { trainImages: 3000, testImages: 500 }),
  };
  const settings = settingsOf(dimensions, curvatures);
  const cells = settings.flatMap((setting) =>
    Array.from({ length: setting.dimension === 2 ? repetitions : 1 }, (_, i) =>
      cellsOf(setting, seed + i, budget, options),
    ).flat(),
  );
  const results = await runCells(cells, { ...budget }, options);
  const files = ["table.csv", "report.md"].map((name) => join(out, name));
  const picture = await codesPicture(results.map(({ value }) => value));
  writeAtomically(files[0], tableOf(results));
  if (picture !== undefined) {
    files.push(join(out, "codes.png"), join(out, "codes.svg"));
    writeAtomically(files[2], picture.png);
    writeAtomically(files[3], picture.svg);
  }
  writeAtomically(
    files[1],
    reportOf(results, settings, budget, { command: commandOf("pvae-mnist", options), pictured: picture !== undefined }),
  );
  options.report(`pvae-mnist: ${results.length} of ${cells.length} cells; ${files[1]}`);
  return { files, cells: results.map(({ value }) => value) };
}

/**
 * The synthetic experiment of the Poincare VAE: codes of a branching diffusion (`branching-diffusion/tree.ts`) in the
 * plane and in Poincare disks of growing curvature, judged by the importance-weighted bound of held-out rows and by the
 * distortion of tree distances, beside principal components and a Gaussian process latent variable model.
 *
 * The published evaluation drops the last partial test batch and then divides by the length of the whole test set, and
 * splits rows, so that copies of one node fall into both parts. Reported here: all test rows counted (the table); the
 * same models counted in the published way; and models trained and tested on a split of whole nodes.
 */
import { join } from "node:path";
import { UsageError } from "../errors.js";
import { writeAtomically } from "../numerics/files.js";
import { svgToPng } from "../plots/render.js";
import {
  type BranchingCell,
  type Budget,
  type ClassicalCell,
  classicalCell,
  type ModelCell,
  type ModelSetting,
  modelCell,
} from "./branching-diffusion/cells.js";
import { type TreePanel, treePicture } from "./branching-diffusion/picture.js";
import { CURVATURES, PRIOR_SCALES, reportOf, tableOf } from "./branching-diffusion/report.js";
import { COPIES } from "./branching-diffusion/tree.js";
import { type CellResult, runCells } from "./cells.js";
import { commandOf, type ExperimentOptions, takesOnly } from "./options.js";

export interface BranchingDiffusionOptions extends ExperimentOptions {
  readonly decoder?: "gyroplane" | "wrapped" | "mobius";
}

/**
 * Runs what is asked for and not there yet, and writes table.csv, tree.png and report.md from all cells present.
 * Repetitions (default 3, fast 1) are seeds, each with its own tree.
 * @throws UsageError for options that it does not take, and curvatures that were not published
 */
export async function run(
  options: BranchingDiffusionOptions,
): Promise<{ rows: ModelCell[]; classical: ClassicalCell[]; files: string[] }> {
  takesOnly("branching-diffusion", options, ["repetitions", "epochs", "samples", "curvatures"]);
  const { fast, seed, out, report, decoder = "gyroplane", repetitions = fast ? 1 : 3 } = options;
  const curvatures = options.curvatures ?? (fast ? [0, 0.3, 1.2] : CURVATURES);
  if (!curvatures.includes(0) || curvatures.some((c) => !CURVATURES.includes(c)))
    throw new UsageError(
      `curvatures: [${curvatures.join(", ")}] are not some of the published ${CURVATURES.join(", ")} with 0 among them, to which the others are compared.`,
    );
  const budget: Budget = {
    epochs: options.epochs ?? (fast ? 60 : 1000),
    samples: options.samples ?? (fast ? 200 : 5000),
    decoder,
    processCopies: fast ? 1 : COPIES,
    processSteps: fast ? 100 : 150,
  };
  const largest = Math.max(...curvatures);
  const settings = Array.from({ length: repetitions }, (_, i) => seed + i).flatMap((tree): ModelSetting[] => {
    const one = { seed: tree, form: "paper" } as const;
    const all = (["rows", "nodes"] as const).flatMap((split) =>
      PRIOR_SCALES.flatMap((priorScale) =>
        curvatures.map((curvature): ModelSetting => ({ ...one, split, priorScale, curvature })),
      ),
    );
    // the gyroplane layer of the published code, where the paper's gain is largest
    if (!fast && decoder === "gyroplane" && largest > 0)
      for (const curvature of [0, largest])
        all.push({ ...one, form: "pvae", split: "rows", priorScale: 1.7, curvature });
    return all;
  });
  const pictured = ({ seed: tree, split, priorScale, curvature, form }: ModelSetting) =>
    tree === seed && split === "rows" && priorScale === 1.7 && form === "paper" && [0, largest].includes(curvature);
  const trees = Array.from({ length: repetitions }, (_, i) => seed + i);
  const cells = [
    ...settings.map((setting) => modelCell(setting, budget, pictured(setting), options)),
    ...trees.map((tree) => classicalCell(tree, budget, tree === seed, options)),
  ];
  const results = await runCells<BranchingCell>(cells, { ...budget }, options);
  const rows = results.map(({ value }) => value).filter((value): value is ModelCell => value.kind === "model");
  const classical = results
    .map(({ value }) => value)
    .filter((value): value is ClassicalCell => value.kind === "classical");
  const files = ["table.csv", "report.md"].map((name) => join(out, name));
  writeAtomically(files[0], tableOf(rows, classical));
  const panels = panelsOf(results, seed);
  if (panels.length > 0) {
    const svg = await treePicture(panels, seed);
    files.push(join(out, "tree.png"), join(out, "tree.svg"));
    writeAtomically(files[2], await svgToPng(svg, { scale: 1 }));
    writeAtomically(files[3], svg);
  }
  const command = commandOf("branching-diffusion", options);
  const facts = { budget, command, largest, pictured: panels.length > 0 };
  writeAtomically(files[1], reportOf(results, curvatures, facts));
  report(`branching-diffusion: ${results.length} of ${cells.length} cells; ${files[1]}`);
  return { rows, classical, files };
}

/** Principal components, the Gaussian process model, the Euclidean and the Poincare VAE of the first tree. */
function panelsOf(results: readonly CellResult<BranchingCell>[], seed: number): TreePanel[] {
  const panels: TreePanel[] = [];
  for (const { value } of results)
    if (value.kind === "classical" && value.seed === seed && value.principal.codes && value.process.codes)
      panels.push(
        { title: "Principal components", curvature: 0, ...value.principal, codes: value.principal.codes },
        { title: "Gaussian process latent variables", curvature: 0, ...value.process, codes: value.process.codes },
      );
  for (const { value } of results)
    if (value.kind === "model" && value.codes)
      panels.push({
        ...value,
        title: value.curvature === 0 ? "Euclidean VAE" : `Poincare VAE, c = ${value.curvature}`,
        codes: value.codes,
      });
  return panels;
}

/** `atlas flow density`: log densities of the user's points, or on a grid with a picture. */
import type { Command } from "commander";
import type { NdArray } from "../../engine/index.js";
import { UsageError } from "../../errors.js";
import { flowReach, manifoldOf, manifoldQuadrature, massOf } from "../../flows/index.js";
import type { Manifold } from "../../manifolds/index.js";
import { writeAtomically } from "../../numerics/files.js";
import { finiteNumber, oneOf, wholeNumber } from "../options.js";
import { createReport, type Report } from "../report.js";
import {
  columnNames,
  coordinateNames,
  coordinatesFor,
  fromManifold,
  type PointChoice,
  readPoints,
  withColumn,
  writeRows,
} from "./coordinates.js";
import { type EvaluationOptions, evaluationOptions } from "./evaluation-options.js";
import { type DensityRun, openDensityRun } from "./open.js";
import { drawDensity, hasPicture } from "./picture.js";

export interface FlowDensityOptions extends EvaluationOptions {
  at?: string;
  mark?: string;
  project?: boolean;
  coordinates?: string;
  grid: string;
  extent?: string;
  resolution: string;
  coastlines?: boolean;
  title?: string;
  picture: boolean;
  out: string;
  json?: boolean;
}

/** Options of the picture, and of the grid, which are not of `--at`. */
const ofGrid = ["mark", "grid", "extent", "resolution", "coastlines", "title", "picture"];
const ofPicture = ["mark", "resolution", "coastlines", "title"];

/** @throws UsageError for an option that goes with another way of calling, which would be ignored */
function refuseIdle(command: Command, run: DensityRun, options: FlowDensityOptions): void {
  const refuse = (names: readonly string[], why: string) => {
    const idle = command.options.find(
      (option) =>
        names.includes(option.attributeName()) && command.getOptionValueSource(option.attributeName()) === "cli",
    );
    if (idle) throw new UsageError(`${idle.long}: ${why}; leave it out.`);
  };
  if (options.at !== undefined) refuse(ofGrid, "it is of the grid and its picture, and --at asks for points");
  else if (!options.picture) refuse(ofPicture, "it is of the picture, and --no-picture asks for none");
  else if (!hasPicture(run.manifold))
    refuse(ofPicture, "there are pictures of S^2, T^2 and H^2 only, and this is none");
  if (run.manifoldName === "sphere" || run.manifoldName === "torus")
    refuse(["extent"], `a ${run.manifoldName} is covered whole`);
  if (run.manifoldName !== "sphere") refuse(["coastlines"], `there are none on the ${run.manifoldName} manifold`);
  if (options.at === undefined && options.mark === undefined)
    refuse(["project"], "it is of the points of --at and --mark, which are not given");
}

export async function densityOfFlowRun(folder: string, options: FlowDensityOptions, command: Command): Promise<void> {
  const report = createReport(options.json === true);
  const size = wholeNumber("--grid", options.grid, 4, 2000);
  const across = wholeNumber("--resolution", options.resolution, 16, 2000);
  const run = await openDensityRun(folder, evaluationOptions(options));
  try {
    refuseIdle(command, run, options);
    const coordinates =
      options.coordinates === undefined
        ? run.coordinates
        : coordinatesFor(run.manifoldName, oneOf("--coordinates", options.coordinates, coordinateNames));
    const choice: PointChoice = {
      manifold: run.manifoldName,
      coordinates,
      dimension: run.manifold.dimension,
      ofRun: folder,
      ...(run.manifold.curvature !== undefined && { curvature: run.manifold.curvature }),
      project: options.project === true,
    };
    if (options.at !== undefined) await atPoints(run, options.at, choice, options.out, report);
    else await onGrid(run, choice, { ...options, size, across }, report);
  } finally {
    await run.dispose();
  }
}

/** Rows as the user writes them, their log densities behind, as PREFIX.csv and PREFIX.npy. */
function writeBoth(prefix: string, rows: NdArray, names: readonly string[]): string[] {
  const files = [`${prefix}.csv`, `${prefix}.npy`];
  for (const file of files) writeRows(file, rows, names);
  return files;
}

async function atPoints(
  run: DensityRun,
  path: string,
  choice: PointChoice,
  out: string,
  report: Report,
): Promise<void> {
  const { points, coordinates } = readPoints(path, choice);
  report.progress(0, 1, `log densities of ${points.shape[0]} points`);
  const values = await run.logDensity(points);
  report.progressDone();
  const rows = fromManifold(points, coordinates);
  const files = writeBoth(out, withColumn(rows, values), [...columnNames(coordinates, rows.shape[1]), "log_density"]);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  report.say(`${values.length} points, negative log-likelihood ${(-mean).toFixed(3)} nats: ${files.join(", ")}`);
  report.result({ n: values.length, negativeLogLikelihood: -mean, files });
}

async function onGrid(
  run: DensityRun,
  choice: PointChoice,
  options: FlowDensityOptions & { size: number; across: number },
  report: Report,
): Promise<void> {
  const manifold = manifoldOf(run.manifold);
  const extent = gridExtent(run, manifold, options.extent);
  const grid = manifoldQuadrature(manifold, options.size, extent);
  const marks = options.mark === undefined ? undefined : readPoints(options.mark, choice).points;
  report.progress(0, 2, `log densities of ${grid.points.shape[0]} grid points`);
  const values = await run.logDensity(grid.points);
  const coordinates = choice.coordinates!;
  const rows = fromManifold(grid.points, coordinates);
  const names = [...columnNames(coordinates, rows.shape[1]), "log_density", "volume"];
  const mass = massOf(values, grid.weights);
  let picture: Uint8Array | undefined;
  if (options.picture && hasPicture(run.manifold)) {
    report.progress(1, 2, "drawing");
    picture = await drawDensity(run, {
      marks,
      resolution: options.across,
      coastlines: options.coastlines ?? coordinates === "lat-lon",
      title: options.title,
    });
  }
  report.progressDone();
  const files = writeBoth(options.out, withColumn(withColumn(rows, values), grid.weights), names);
  if (picture !== undefined) {
    files.push(`${options.out}.png`);
    writeAtomically(`${options.out}.png`, picture);
  }
  const covered = extent === undefined ? "" : ` up to ${Number(extent.toPrecision(4))} from the origin`;
  const wanted = extent === undefined ? "resolves" : "resolves and covers";
  report.say(
    `${values.length} grid points${covered}, mass ${mass.toFixed(4)} (1 for a density that the grid ${wanted}): ${files.join(", ")}`,
  );
  report.result({ n: values.length, mass, ...(extent !== undefined && { extent }), files });
}

/**
 * How far the grid of an unbounded space goes: what is asked for, or eight standard deviations of the base distribution, on
 * the ball no farther than flows compute. Undefined on spheres and tori.
 */
function gridExtent(run: DensityRun, manifold: Manifold, given: string | undefined): number | undefined {
  if (manifold.kind === "sphere" || manifold.kind === "torus") return undefined;
  const reach = flowReach(manifold);
  if (given === undefined) return Math.min(8 * (run.baseStd ?? 1), reach);
  const extent = finiteNumber("--extent", given, 0);
  if (extent > reach)
    throw new UsageError(
      `--extent: ${given} is beyond ${reach.toPrecision(4)} (12.2/sqrt(c)), up to where flows compute in the Poincare ball; give at most that.`,
    );
  return extent;
}

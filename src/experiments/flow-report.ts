/** What the experiments on flows share: tables, means with spread, files, pictures' fields, training in a cell. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type NdArray, ndarray } from "../engine/index.js";
import { RunError } from "../errors.js";
import {
  type EvaluateFlowOptions,
  evaluateFlow,
  type Flow,
  type FlowGoal,
  type FlowSamples,
  type TrainFlowOptions,
  type TrainFlowResult,
  trainFlow,
} from "../flows/index.js";
import { writeAtomically } from "../numerics/files.js";
import { readNpy, writeNpy } from "../numerics/npy.js";
import type { RandomKey } from "../numerics/random.js";
import { svgToPng } from "../plots/index.js";
import type { ExperimentOptions } from "./options.js";
import { withPalette } from "./world-map/palette-png.js";

/** Files written, and how long this call took. */
export interface FlowExperimentResult {
  readonly files: readonly string[];
  readonly minutes: number;
}

/** What flows on densities that are drawn from are trained with. */
export interface FlowCellSettings {
  readonly steps: number;
  readonly integrationSteps: number;
  readonly hidden: readonly number[];
  readonly batchSize: number;
  readonly learningRate: number;
  /** Draws of the target to learn from. */
  readonly draws: number;
}

export function flowCellSettings({ fast, steps }: Pick<ExperimentOptions, "fast" | "steps">): FlowCellSettings {
  return {
    steps: steps ?? (fast ? 250 : 2000),
    integrationSteps: fast ? 4 : 8,
    hidden: fast ? [32] : [64, 64],
    batchSize: 256,
    learningRate: 1e-2,
    draws: fast ? 2000 : 20_000,
  };
}

/**
 * `trainFlow` inside a cell: with the experiment's threads and signal.
 * @throws RunError when it is stopped: half a training is no result
 */
export async function trainCell(
  goal: FlowGoal,
  options: TrainFlowOptions,
  { threads, signal }: Pick<ExperimentOptions, "threads" | "signal">,
): Promise<TrainFlowResult> {
  const result = await trainFlow(goal, { ...options, threads, signal });
  if (result.reason === "stopped") throw new RunError("stopped in the middle of a cell; run it again to go on.");
  return result;
}

/** Mean log density of points, [N, n], under a flow. */
export async function meanLogDensity(flow: Flow, points: NdArray, options: EvaluateFlowOptions = {}): Promise<number> {
  return average(await logDensities(flow, points, options));
}

/** log densities of points. */
export async function logDensities(
  flow: Flow,
  points: NdArray,
  options: EvaluateFlowOptions = {},
): Promise<Float64Array> {
  const evaluator = evaluateFlow(flow, options);
  try {
    return await evaluator.logDensity(points);
  } finally {
    await evaluator.dispose();
  }
}

/** Held-out log densities by the adaptive integrator, and what the fixed steps of the training make of them. */
export interface CarefulDensities {
  /** By the adaptive integrator; where that fails (a field too stiff for it), by the fixed steps. */
  readonly logDensity: Float64Array;
  /** Mean of fixed minus adaptive; null where the adaptive one failed. */
  readonly gap: number | null;
}

const careful = { integrator: "adaptive", tolerance: 1e-5, precision: "float32" } as const;

export async function carefulDensities(flow: Flow, points: NdArray, threads?: number): Promise<CarefulDensities> {
  const fixed = await logDensities(flow, points, { threads });
  return unlessStiff<CarefulDensities>(
    async () => {
      const logDensity = await logDensities(flow, points, { threads, ...careful });
      return { logDensity, gap: average(fixed) - average(logDensity) };
    },
    { logDensity: fixed, gap: null },
  );
}

/** Draws of a flow with their log densities, likewise; the same draws of the base for both integrators. */
export async function carefulSamples(
  flow: Flow,
  key: RandomKey,
  count: number,
  threads?: number,
): Promise<FlowSamples & CarefulDensities> {
  const drawBy = async (options: EvaluateFlowOptions) => {
    const evaluator = evaluateFlow(flow, options);
    try {
      return await evaluator.sample(key, count);
    } finally {
      await evaluator.dispose();
    }
  };
  const fixed = await drawBy({ threads });
  return unlessStiff<FlowSamples & CarefulDensities>(
    async () => {
      const drawn = await drawBy({ threads, ...careful });
      return { ...drawn, gap: average(fixed.logDensity) - average(drawn.logDensity) };
    },
    { ...fixed, gap: null },
  );
}

async function unlessStiff<T>(measure: () => Promise<T>, otherwise: T): Promise<T> {
  try {
    return await measure();
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    return otherwise;
  }
}

/** "0.0012 (largest of 12)", and how many could not be integrated adaptively. */
export function describeGaps(gaps: readonly (number | null)[]): string {
  const known = gaps.flatMap((gap) => (gap === null ? [] : [Math.abs(gap)]));
  const failed = gaps.length - known.length;
  const largest =
    known.length === 0
      ? "none was measured"
      : `at most ${Math.max(...known).toFixed(4)} nats over ${known.length} flows`;
  return `${largest}${failed > 0 ? `; ${failed} flows were too stiff for it, their figures are those of the fixed steps` : ""}`;
}

export function average(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i];
  return total / values.length;
}

/** "0.53 ± 0.02 (3)": mean, 95 % half-width (1.96 standard errors), how many; the spread is left out for one. */
export function meanWithSpread(values: readonly number[], digits = 2): string {
  if (values.length === 0) return "not run";
  const mean = average(values).toFixed(digits);
  return values.length === 1 ? `${mean} (1)` : `${mean} ± ${halfWidth(values).toFixed(digits)} (${values.length})`;
}

/** 1.96 standard errors of the mean; 0 of a single value. */
export function halfWidth(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const mean = average(values);
  const variance = values.reduce((total, v) => total + (v - mean) ** 2, 0) / (values.length - 1);
  return 1.96 * Math.sqrt(variance / values.length);
}

export function table(rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
  return [line(rows[0]), `|${rows[0].map(() => "---").join("|")}|`, ...rows.slice(1).map(line)].join("\n");
}

export function csv(rows: readonly (readonly (string | number)[])[]): string {
  return `${rows.map((row) => row.join(",")).join("\n")}\n`;
}

/** Writes files below `out`; SVG pictures are written as PNG, 900 pixels wide unless told otherwise. */
export async function writeFiles(
  out: string,
  files: Readonly<Record<string, string>>,
  { width = 900 }: { readonly width?: number } = {},
): Promise<string[]> {
  const written: string[] = [];
  for (const [name, content] of Object.entries(files)) {
    const picture = name.endsWith(".png");
    const path = join(out, name);
    writeAtomically(path, picture ? withPalette(await svgToPng(content, { width })) : content);
    written.push(path);
  }
  return written;
}

/** The field of a picture, kept by the cell whose model it shows: log densities on a grid that the drawing knows. */
export function keepField(out: string, cell: string, values: Float64Array): void {
  writeNpy(join(out, "fields", `${cell}.npy`), ndarray(Float32Array.from(values), [values.length]));
}

/** The field that a cell kept, if it fits a grid of `size` points. */
export function keptField(out: string, cell: string, size: number): Float64Array | undefined {
  const path = join(out, "fields", `${cell}.npy`);
  if (!existsSync(path)) return undefined;
  const { data } = readNpy(path);
  return data.length === size ? Float64Array.from(data) : undefined;
}

/** Row-major unit vectors as points [n, 3]. */
export function spherePoints(data: Float64Array): NdArray {
  return ndarray(data, [data.length / 3, 3]);
}

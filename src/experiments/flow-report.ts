/** What the experiments on flows share: options, tables, means with spread, files. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type NdArray, ndarray } from "../engine/index.js";
import type { EvaluateFlowOptions, Flow } from "../flows/index.js";
import { evaluateFlow } from "../flows/index.js";
import { svgToPng } from "../plots/index.js";

/** How an experiment is run. */
export interface FlowExperimentOptions {
  /** A small version, under a minute on an idle machine: for a look, not for its numbers. */
  readonly fast: boolean;
  readonly seed: number;
  /** The folder for pictures, CSV and report.md. */
  readonly out: string;
  /** Gets a line of progress now and then. */
  readonly report: (line: string) => void;
  /** Overrides the steps of the optimiser in each training. */
  readonly steps?: number;
  /** Overrides how many repetitions (seeds or splits). */
  readonly repetitions?: number;
  readonly threads?: number;
}

/** Files written, with the first line of the result. */
export interface FlowExperimentResult {
  readonly files: readonly string[];
  readonly minutes: number;
}

/** Mean log density of points, [N, n], under a flow. */
export async function meanLogDensity(flow: Flow, points: NdArray, options: EvaluateFlowOptions = {}): Promise<number> {
  const evaluator = evaluateFlow(flow, options);
  try {
    const values = await evaluator.logDensity(points);
    return values.reduce((total, value) => total + value, 0) / values.length;
  } finally {
    await evaluator.dispose();
  }
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

/** "0.53 ± 0.02 (3)": mean, 95 % half-width (1.96 standard errors), how many; the spread is left out for one. */
export function meanWithSpread(values: readonly number[], digits = 2): string {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  if (values.length === 1) return `${mean.toFixed(digits)} (1)`;
  const variance = values.reduce((total, v) => total + (v - mean) ** 2, 0) / (values.length - 1);
  return `${mean.toFixed(digits)} ± ${(1.96 * Math.sqrt(variance / values.length)).toFixed(digits)} (${values.length})`;
}

export function table(rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
  return [line(rows[0]), `|${rows[0].map(() => "---").join("|")}|`, ...rows.slice(1).map(line)].join("\n");
}

export function csv(rows: readonly (readonly (string | number)[])[]): string {
  return `${rows.map((row) => row.join(",")).join("\n")}\n`;
}

/** Writes files below `out`; SVG pictures are written as PNG 900 pixels wide. */
export async function writeFiles(out: string, files: Readonly<Record<string, string>>): Promise<string[]> {
  mkdirSync(out, { recursive: true });
  const written: string[] = [];
  for (const [name, content] of Object.entries(files)) {
    const picture = name.endsWith(".png");
    const path = join(out, name);
    writeFileSync(path, picture ? await svgToPng(content, { width: 900 }) : content);
    written.push(path);
  }
  return written;
}

/** The line under a report's title: how it was made. */
export function provenance(name: string, options: FlowExperimentOptions, started: number): string {
  const minutes = (performance.now() - started) / 60000;
  const extra = `${options.steps === undefined ? "" : ` --steps ${options.steps}`}${options.repetitions === undefined ? "" : ` --repetitions ${options.repetitions}`}`;
  return `\`atlas reproduce ${name}${options.fast ? " --fast" : ""} --seed ${options.seed}${extra}\`, ${new Date().toISOString().slice(0, 10)}, ${minutes.toFixed(1)} minutes${options.fast ? " (the fast version: not for its numbers)" : ""}.`;
}

/** Row-major unit vectors as points [n, 3]. */
export function spherePoints(data: Float64Array): NdArray {
  return ndarray(data, [data.length / 3, 3]);
}

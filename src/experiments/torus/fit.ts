/** The cells of `torus`: method x seed; one flow trained on backbone-like angles and measured. */
import { ndarray } from "../../engine/index.js";
import { evaluateFlow, manifoldQuadrature, massOf, sampleBackbone } from "../../flows/index.js";
import { torus } from "../../manifolds/index.js";
import { randomKey, split } from "../../numerics/random.js";
import { average, type FlowCellSettings, flowCellSettings, keepField, trainCell } from "../flow-report.js";
import { type ExperimentOptions, seedsOf } from "../options.js";
import { torusAxis } from "./map.js";

export interface TorusCell {
  readonly method: "riemannian" | "wrapped";
  readonly seed: number;
}

export interface TorusSettings extends FlowCellSettings {
  /** Fresh draws to measure on. */
  readonly measured: number;
  /** Cells across one and a half turns. */
  readonly mapColumns: number;
}

export interface TorusResult {
  readonly testNll: number;
  /** Mass on a 100 x 100 grid. */
  readonly mass: number;
}

export function settingsOf(options: ExperimentOptions): TorusSettings {
  const { fast } = options;
  return { ...flowCellSettings(options), measured: fast ? 2000 : 10_000, mapColumns: fast ? 72 : 180 };
}

/** All seeds for the Riemannian flow; one for the wrapped flow, which follows nine preimages of each point. */
export function torusCells({ fast, seed, repetitions }: ExperimentOptions): TorusCell[] {
  const seeds = seedsOf({ seed, repetitions }, fast ? 1 : 3);
  return [
    ...seeds.map((s): TorusCell => ({ method: "riemannian", seed: s })),
    ...(fast ? [] : [{ method: "wrapped" as const, seed }]),
  ];
}

/** "riemannian-seed0" */
export function cellName({ method, seed }: TorusCell): string {
  return `${method}-seed${seed}`;
}

export function heldOutAngles(seed: number, count: number) {
  return sampleBackbone(split(randomKey(seed), "held-out backbone angles"), count);
}

const EPOCHS = 10;

export async function fitTorusCell(
  cell: TorusCell,
  settings: TorusSettings,
  options: ExperimentOptions,
): Promise<TorusResult> {
  const { flow } = await trainCell(
    { points: sampleBackbone(split(randomKey(cell.seed), "backbone angles"), settings.draws), name: "backbone angles" },
    {
      flow: {
        manifold: { kind: "torus", dimension: 2 },
        method: cell.method,
        hidden: [...settings.hidden],
        activation: "swish",
        steps: settings.integrationSteps,
      },
      stepsPerEpoch: Math.ceil(settings.steps / EPOCHS),
      epochs: EPOCHS,
      batchSize: settings.batchSize,
      learningRate: settings.learningRate,
      seed: cell.seed,
    },
    options,
  );
  const evaluator = evaluateFlow(flow, { threads: options.threads });
  try {
    const onTest = await evaluator.logDensity(heldOutAngles(options.seed, settings.measured));
    const grid = manifoldQuadrature(torus(2), 100);
    const mass = massOf(await evaluator.logDensity(grid.points), grid.weights);
    if (cell.seed === options.seed) {
      const axis = torusAxis(settings.mapColumns);
      const turn = (degrees: number) => ((degrees - 360 * Math.round(degrees / 360)) * Math.PI) / 180;
      const points = axis.flatMap((psi) => axis.flatMap((phi) => [turn(phi), turn(psi)]));
      const values = await evaluator.logDensity(ndarray(Float64Array.from(points), [axis.length ** 2, 2]));
      keepField(options.out, cellName(cell), values);
    }
    return { testNll: -average(onTest), mass };
  } finally {
    await evaluator.dispose();
  }
}

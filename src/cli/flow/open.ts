/** A run that `atlas flow train` wrote, opened for use: a flow, or a mixture of von Mises-Fisher. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { NdArray } from "../../engine/index.js";
import { UsageError } from "../../errors.js";
import type { EvaluateFlowOptions, FlowManifold } from "../../flows/index.js";
import { writeAtomically } from "../../numerics/files.js";
import type { RandomKey } from "../../numerics/random.js";
import { readCheckpoint } from "../../training/index.js";
import { type CoordinateName, coordinateNames, type ManifoldName } from "./coordinates.js";

/** Beside the checkpoint: what the command was told, so that `--resume` and the other verbs need no repetition. */
export interface FlowChoice {
  readonly manifold: ManifoldName;
  readonly coordinates: CoordinateName;
  /** The file of points (as it was named, in runs of older versions), or the target's name. */
  readonly data?: string;
  readonly target?: string;
  readonly concentration?: number;
  readonly project: boolean;
  readonly testFraction: number;
  readonly splitBy: "place" | "row";
  readonly deduplicate: boolean;
  readonly seed: number;
}

export interface DensityRun {
  readonly manifold: FlowManifold;
  readonly name: string;
  readonly coordinates: CoordinateName;
  readonly manifoldName: ManifoldName;
  /** Standard deviation of the base distribution, where that is a normal. */
  readonly baseStd?: number;
  logDensity(points: NdArray): Promise<Float64Array>;
  sample(key: RandomKey, count: number): Promise<{ points: NdArray; logDensity: Float64Array }>;
  dispose(): Promise<void>;
}

const choicePath = (folder: string) => join(folder, "data.json");

/** Lets a run's folder say what its data are: the file by its whole path, which holds in every working directory. */
export function storeChoice(folder: string, choice: FlowChoice): void {
  const whole = choice.data === undefined ? choice : { ...choice, data: resolve(choice.data) };
  writeAtomically(choicePath(folder), `${JSON.stringify(whole)}\n`);
}

/** What the run's folder says of its data. @throws UsageError if it is not there or damaged */
export function storedChoice(folder: string): FlowChoice {
  const path = choicePath(folder);
  if (!existsSync(path)) throw new UsageError(`${path} is missing; train again with atlas flow train.`);
  try {
    const choice = JSON.parse(readFileSync(path, "utf8"));
    if (coordinateNames.includes(choice.coordinates)) return choice;
  } catch {
    // the sentence below
  }
  throw new UsageError(`${path} is damaged; train again with atlas flow train.`);
}

const MIXTURE = "von-mises-fisher-mixture";

/** Whether a run is a mixture. @throws UsageError where it is damaged */
export const holdsMixture = (folder: string): boolean => readCheckpoint(folder).config.model === MIXTURE;

/** @throws UsageError naming what is missing or damaged */
export async function openDensityRun(folder: string, options: EvaluateFlowOptions): Promise<DensityRun> {
  const { config } = readCheckpoint(folder);
  const { evaluateFlow, loadFlow, loadMixture } = await import("../../flows/index.js");
  if (config.model !== "flow" && config.model !== MIXTURE)
    throw new UsageError(
      `${folder} holds a run of the model ${config.model}, which is no flow; give a folder that atlas flow train has written.`,
    );
  const stored = existsSync(choicePath(folder)) ? storedChoice(folder) : undefined;
  if (config.model === "flow") {
    const { flow, config: flowConfig } = loadFlow(folder);
    const { manifold } = flow.shape;
    const manifoldName = manifold.kind === "poincare-ball" ? "hyperbolic" : manifold.kind;
    const evaluator = evaluateFlow(flow, options);
    return {
      manifold,
      name: flowConfig.goal.name,
      manifoldName,
      ...(flow.shape.base === "wrapped-normal" && { baseStd: flow.shape.baseStd }),
      coordinates: stored?.coordinates ?? plainCoordinates(manifoldName),
      logDensity: (points) => evaluator.logDensity(points),
      sample: (key, count) => evaluator.sample(key, count),
      dispose: () => evaluator.dispose(),
    };
  }
  if (options.integrator !== undefined)
    throw new UsageError(`--integrator: ${folder} holds a mixture, whose density is known; leave it out.`);
  const { mixtureLogDensity, sampleMixture } = await import("../../distributions/von-mises-fisher-mixture.js");
  const { mixture, config: mixtureConfig } = loadMixture(folder);
  return {
    manifold: { kind: "sphere", dimension: mixtureConfig.dimension },
    name: mixtureConfig.goal.name,
    manifoldName: "sphere",
    coordinates: stored?.coordinates ?? "unit",
    logDensity: async (points) => mixtureLogDensity(mixture, points),
    async sample(key, count) {
      const points = sampleMixture(mixture, key, count);
      return { points, logDensity: mixtureLogDensity(mixture, points) };
    },
    dispose: async () => {},
  };
}

function plainCoordinates(manifold: ManifoldName): CoordinateName {
  return ({ sphere: "unit", torus: "radians", hyperbolic: "ball", euclidean: "plain" } as const)[manifold];
}

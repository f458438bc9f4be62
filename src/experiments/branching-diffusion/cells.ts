/** The cells of the branching diffusion: one trained VAE and its scores, or one tree's classical codings. */
import { encodeToBall, importanceWeightedBound, latentSpaceOf, trainPvae } from "../../autoencoders/pvae/index.js";
import { RunError } from "../../errors.js";
import { principalComponents, project } from "../../numerics/principal-components.js";
import type { Cell } from "../cells.js";
import type { ExperimentOptions } from "../options.js";
import { fitGplvm } from "./gplvm.js";
import { type BranchingTree, branchingTree, COPIES, type Distortion, distortion, NODES, splitTree } from "./tree.js";

/** What is run: everything that the numbers depend on besides a cell's name. */
export interface Budget {
  readonly epochs: number;
  /** K of the bound. */
  readonly samples: number;
  readonly decoder: "gyroplane" | "wrapped" | "mobius";
  /** Copies of each node that the Gaussian process model sees, and its steps. */
  readonly processCopies: number;
  readonly processSteps: number;
}

/** One model: which, and on what. */
export interface ModelSetting {
  readonly curvature: number;
  readonly priorScale: number;
  readonly split: "rows" | "nodes";
  readonly seed: number;
  /** The form of the gyroplane layer: the paper's, or that of the published code. */
  readonly form: "paper" | "pvae";
}

/** Two-dimensional codes of the nodes, [NODES * 2], and of the observed copies, [NODES * COPIES * 2]. */
export interface TreeCodes {
  readonly nodes: readonly number[];
  readonly observations: readonly number[];
}

/** One trained model and its scores. */
export interface ModelCell extends ModelSetting, Distortion {
  readonly kind: "model";
  /** Negative importance-weighted bound, nats a row, all test rows counted. */
  readonly bound: number;
  /** The sum over whole test batches of 64 only, over the number of all test rows: the published way to count. */
  readonly asPublished: number;
  readonly codes?: TreeCodes;
}

/** Principal components and the Gaussian process latent variable model of a tree. */
export interface ClassicalCell {
  readonly kind: "classical";
  readonly seed: number;
  readonly principal: Distortion & { readonly codes?: TreeCodes };
  readonly process: Distortion & {
    readonly codes?: TreeCodes;
    readonly objective: number;
    readonly lengthScale: number;
    readonly noise: number;
  };
}

export type BranchingCell = ModelCell | ClassicalCell;

export const BATCH = 64;

/** "rows-s1.7-c0.3-t0": split, prior scale, curvature, tree. */
export function modelName({ curvature, priorScale, split, seed, form }: ModelSetting): string {
  return `${split}-s${priorScale}-c${curvature}-t${seed}${form === "pvae" ? "-code" : ""}`;
}

/** @param pictured whether the codes are kept for the picture */
export function modelCell(
  setting: ModelSetting,
  budget: Budget,
  pictured: boolean,
  options: Pick<ExperimentOptions, "threads" | "signal">,
): Cell<BranchingCell> {
  return { name: modelName(setting), compute: () => trainAndScore(setting, budget, pictured, options) };
}

async function trainAndScore(
  setting: ModelSetting,
  { epochs, samples, decoder }: Budget,
  pictured: boolean,
  { threads, signal }: Pick<ExperimentOptions, "threads" | "signal">,
): Promise<ModelCell> {
  const { curvature, priorScale, seed, form } = setting;
  const tree = branchingTree(seed);
  const { train, test } = splitTree(tree, setting.split, seed);
  const { model, reason } = await trainPvae(train, {
    curvature,
    priorScale,
    decoder,
    gyroplaneForm: form,
    epochs,
    batchSize: BATCH,
    seed,
    threads,
    signal,
  });
  if (reason === "stopped") throw new RunError(`stopped in the training of ${modelName(setting)}; run it again.`);
  const bounds = await importanceWeightedBound(model, test.rows, { samples, seed, threads });
  const counted = Math.floor(test.n / BATCH) * BATCH;
  const total = (values: Float64Array) => -values.reduce((sum, value) => sum + value, 0);
  const space = latentSpaceOf(model.shape);
  const nodes = (await encodeToBall(model, tree.nodes, { threads })).mean.data;
  const at = (i: number) => Float64Array.from(nodes.subarray(2 * i, 2 * i + 2));
  return {
    kind: "model",
    ...setting,
    bound: total(bounds) / test.n,
    asPublished: total(bounds.subarray(0, counted)) / test.n,
    ...distortion((a, b) => space.distance(at(a), at(b))),
    ...(pictured && {
      codes: {
        nodes: rounded(nodes),
        observations: rounded((await encodeToBall(model, tree.data.rows, { threads })).mean.data),
      },
    }),
  };
}

/** The classical codings of the tree of a seed. */
export function classicalCell(
  seed: number,
  budget: Budget,
  pictured: boolean,
  options: Pick<ExperimentOptions, "report">,
): Cell<BranchingCell> {
  return { name: `classical-t${seed}`, compute: async () => classicalCodings(seed, budget, pictured, options.report) };
}

function classicalCodings(
  seed: number,
  { processCopies, processSteps }: Budget,
  pictured: boolean,
  report: (line: string) => void,
): ClassicalCell {
  const tree = branchingTree(seed);
  const { dimension: D, rows } = tree.data;
  const components = principalComponents(rows, D, 2);
  const principal = { nodes: project(components, tree.nodes), observations: project(components, rows) };
  const process = processCodes(tree, processCopies, processSteps, report);
  return {
    kind: "classical",
    seed,
    principal: { ...planeDistortion(principal.nodes), ...(pictured && { codes: kept(principal) }) },
    process: {
      ...planeDistortion(process.nodes),
      objective: process.objective,
      lengthScale: process.lengthScale,
      noise: process.noise,
      ...(pictured && { codes: kept(process) }),
    },
  };
}

/** A node's code is the mean of its copies' codes: the model has latent points of the data, and no encoder. */
function processCodes(tree: BranchingTree, copies: number, steps: number, report: (line: string) => void) {
  const D = tree.data.dimension;
  const rows = new Float64Array(NODES * copies * D);
  for (let node = 0; node < NODES; node++)
    for (let copy = 0; copy < copies; copy++) {
      const row = node * COPIES + copy;
      rows.set(tree.data.rows.subarray(row * D, (row + 1) * D), (node * copies + copy) * D);
    }
  const { codes, objective, lengthScale, noise } = fitGplvm(rows, D, {
    steps,
    onStep: (step, value) => step % 25 === 0 && report(`  Gaussian process: step ${step}, ${value.toFixed(1)}`),
  });
  const nodes = new Float64Array(2 * NODES);
  for (let i = 0; i < NODES * copies; i++)
    for (let axis = 0; axis < 2; axis++) nodes[2 * Math.floor(i / copies) + axis] += codes[2 * i + axis] / copies;
  return { nodes, observations: codes, objective, lengthScale, noise };
}

function planeDistortion(nodes: ArrayLike<number>): Distortion {
  return distortion((a, b) => Math.hypot(nodes[2 * a] - nodes[2 * b], nodes[2 * a + 1] - nodes[2 * b + 1]));
}

function kept({ nodes, observations }: { nodes: ArrayLike<number>; observations: ArrayLike<number> }): TreeCodes {
  return { nodes: rounded(nodes), observations: rounded(observations) };
}

function rounded(values: ArrayLike<number>): number[] {
  return Array.from(values, (value) => Math.round(1e6 * value) / 1e6);
}

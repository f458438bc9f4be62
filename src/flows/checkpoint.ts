/**
 * Flows as checkpoint folders: `config.json` (what it is), `model.safetensors` (weights, [inputs, outputs]),
 * `training-state.safetensors` (what continues the run), `training.csv` (one line an epoch), `README.md`.
 */
import { join } from "node:path";
import { z } from "zod";
import type { NdArray } from "../engine/index.js";
import { UsageError } from "../errors.js";
import type { Mlp } from "../networks/index.js";
import { formatRow } from "../numerics/csv.js";
import { randomKey } from "../numerics/random.js";
import {
  type AdamState,
  adam,
  decodeStored,
  encodeSafetensors,
  issueOf,
  namedArrays,
  type RunState,
  readCheckpoint,
  storedTree,
  writeCheckpoint,
} from "../training/index.js";
import { type Flow, initializeFlow } from "./model.js";
import { type FlowShape, flowShapeSchema } from "./shape.js";

/** What goes round in training. */
export interface FlowTrainingState<T = NdArray> {
  readonly parameters: Mlp<T>;
  readonly optimizer: AdamState<T>;
}

const configSchema = z.looseObject({
  model: z.literal("flow"),
  shape: flowShapeSchema,
  training: z.looseObject({}),
  goal: z.object({
    name: z.string(),
    points: z.int().min(1).optional(),
    /** Of the points, or the name of the target density: tells whether a run is continued on the same. */
    fingerprint: z.string(),
  }),
  progress: z.object({
    epochs: z.int().min(0),
    state: z.enum(["running", "finished", "early", "stopped"]),
    seconds: z.number(),
  }),
});

/** The content of a flow's `config.json`, without the list of files. */
export interface FlowConfig {
  readonly model: "flow";
  readonly shape: FlowShape;
  readonly training: object;
  readonly goal: Readonly<z.infer<typeof configSchema>["goal"]>;
  readonly progress: Readonly<z.infer<typeof configSchema>["progress"]>;
}

const MODEL = "model.safetensors";
const STATE = "training-state.safetensors";

/** Writes a flow and what continues its run. */
export function saveFlow(folder: string, flow: Flow, config: FlowConfig, run: RunState<FlowTrainingState>): void {
  const { state, best, position, history } = run;
  const rest = { position, history, ...(best && { best: { score: best.score, epoch: best.epoch } }) };
  const lines = history.map(({ epoch, terms, score, learningRate, seconds }) =>
    formatRow([epoch, terms[0], score === undefined ? "" : -score, learningRate, Number(seconds.toFixed(3))]),
  );
  writeCheckpoint(folder, config as any, {
    [MODEL]: encodeSafetensors(namedArrays(flow.parameters), { format: "latent-atlas flow" }),
    [STATE]: encodeSafetensors(
      { ...namedArrays(state, "state."), ...(best && namedArrays(best.state, "best.")) },
      { run: JSON.stringify(rest) },
    ),
    "training.csv": `${["epoch,loss,held_out,learning_rate,seconds", ...lines].join("\n")}\n`,
    "README.md": card(config),
  });
}

/** Loads a flow. @throws UsageError with a sentence that names the file that is missing, damaged or does not fit */
export function loadFlow(folder: string): { flow: Flow; config: FlowConfig } {
  const { config: raw, files } = readCheckpoint(folder, [MODEL]);
  const config = parse(folder, raw);
  const parameters = storedTree(folder, MODEL, files, initializeFlow(randomKey(0), config.shape));
  return { flow: { shape: config.shape, parameters }, config };
}

/** Loads what continues a run. @throws UsageError as `loadFlow` */
export function loadFlowRun(folder: string): { config: FlowConfig; run: RunState<FlowTrainingState> } {
  const { config: raw, files } = readCheckpoint(folder, [STATE]);
  const config = parse(folder, raw);
  const parameters = initializeFlow(randomKey(0), config.shape);
  const template: FlowTrainingState = { parameters, optimizer: adam().initialize(parameters) };
  let rest: any;
  try {
    rest = JSON.parse(decodeStored(folder, STATE, files).metadata.run);
    if (!Number.isInteger(rest.position.epoch) || !Array.isArray(rest.history)) throw new Error("no position");
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${join(folder, STATE)} is damaged (its position is not readable); train again.`);
  }
  const { position, history, best } = rest;
  const state = storedTree(folder, STATE, files, template, "state.");
  return {
    config,
    run: {
      state,
      position,
      history,
      ...(best && { best: { ...best, state: storedTree(folder, STATE, files, template, "best.") } }),
    },
  };
}

function parse(folder: string, raw: unknown): FlowConfig {
  const parsed = configSchema.safeParse(raw);
  if (!parsed.success)
    throw new UsageError(
      `${join(folder, "config.json")} is not the config of a flow (${issueOf(parsed.error, raw)}); give a folder that atlas flow train has written.`,
    );
  return parsed.data as FlowConfig;
}

function card({ shape, goal, progress, training }: FlowConfig): string {
  const { manifold, method, field, hidden, activation, steps, base, baseStd } = shape;
  return `# Continuous normalising flow of ${goal.name}

- Manifold: ${manifold.kind} of dimension ${manifold.dimension}${manifold.curvature ? `, curvature -${manifold.curvature}` : ""}; method ${method}, field ${field}.
- Network: ${hidden.join(" - ")} ${activation}; ${steps} Runge-Kutta steps; base ${base}${base === "uniform" ? "" : ` (std ${baseStd})`}.
- Training: ${progress.epochs} epochs (${progress.state}); ${JSON.stringify(training)}.
- Densities are with respect to the Riemannian volume (S^2: per steradian).
`;
}

/**
 * Training a flow: by maximum likelihood of data, or by reverse KL divergence to an unnormalised density,
 *
 *   E_{z ~ base} [log p(x(z)) - log target(x(z))]  (above -log of the target's normaliser, and equal to it when p fits),
 *
 * with Adam and a seeded, resumable loop (`training/loop.ts`). An epoch is a fixed number of steps, each on a batch
 * drawn with replacement; after each epoch the checkpoint is written, so a run can be killed at any moment.
 *
 * Axes: N points, n coordinates, B points a batch, d dimensions.
 */
import { createHash } from "node:crypto";
import {
  add,
  compile,
  mean,
  mul,
  type NdArray,
  ndarray,
  neg,
  type Operand,
  sub,
  type Tensor,
  valueAndGrad,
  zeros,
} from "../engine/index.js";
import { expectThat, RunError, UsageError } from "../errors.js";
import { checkPoints } from "../manifolds/index.js";
import { randomKey, split, stream } from "../numerics/random.js";
import {
  adam,
  clipByGlobalNorm,
  type EpochRecord,
  holdsCheckpoint,
  newRun,
  type RunState,
  type Schedule,
  scheduled,
  trainingLoop,
} from "../training/index.js";
import { type FlowConfig, type FlowTrainingState, loadFlowRun, saveFlow } from "./checkpoint.js";
import {
  type Flow,
  flowFromBase,
  flowLogDensity,
  flowLogDensityAndEffort,
  initializeFlow,
  sampleFlowBase,
} from "./model.js";
import { checkBaseReach, checkReach } from "./reach.js";
import { type FlowOptions, type FlowShape, flowShape, flowSpace, manifoldOf } from "./shape.js";

export interface FlowSettings {
  /** Steps of the optimiser in an epoch; default 100. */
  readonly stepsPerEpoch: number;
  /** Default 10. */
  readonly epochs: number;
  /** Points a step; default 256. */
  readonly batchSize: number;
  /** Default 3e-3. */
  readonly learningRate: number;
  /** Default: half a cosine down to a hundredth. */
  readonly schedule: Schedule;
  /** Share of the steps over which the learning rate rises; default 0.05. */
  readonly warmUp: number;
  /** Global norm that gradients are clipped to; default 10. */
  readonly clipNorm: number;
  /**
   * Weight of int_0^1 (div f)^2 dt, averaged over the batch, in the loss: keeps fields so smooth that the fixed steps of
   * the integration stay exact, where sharp densities would tempt a flow to profit from their errors. Default 0.
   */
  readonly smoothness: number;
  /**
   * Weight of int_0^1 (div f_2 - div f_3)^2 dt, averaged over the batch, in the loss: how far the two middle stages of each
   * Runge-Kutta step lie apart, an estimate of the integration's error (as Pal et al., ICML 2021, penalise). To the same
   * end as `smoothness`, and dearer to errors than to sharp densities. Default 0, for a target density 0.3: a reverse KL finds such errors at once.
   */
  readonly agreement: number;
  /** exact: d derivatives. hutchinson: one, along Rademacher noise that is kept for a whole path. Default exact. */
  readonly divergence: "exact" | "hutchinson";
  /** Stop after so many epochs without a better held-out score, and keep the best parameters. */
  readonly patience?: number;
  readonly seed: number;
}

/** An unnormalised density to fit by reverse KL. */
export interface FlowTarget {
  /** For reports and the checkpoint. */
  readonly name: string;
  /** log density up to a constant, traceable: [N, n] -> [N]. */
  logDensity(x: Tensor): Tensor;
}

export interface FlowProgress {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  readonly batch: number;
  readonly batches: number;
  /** Mean loss of the epoch so far: negative log-likelihood, or reverse KL up to the target's constant; and the terms of
   * `smoothness` and `agreement`. */
  readonly loss: number;
  /** Held-out negative log-likelihood after the last epoch, where there is held-out data. */
  readonly heldOut?: number;
  readonly secondsLeft: number;
  readonly epochEnded: boolean;
}

export interface FlowRunOptions {
  /** Held-out points [M, n]: their log-likelihood is measured after each epoch; early stopping needs them. */
  readonly heldOut?: NdArray;
  readonly signal?: AbortSignal;
  readonly threads?: number;
  readonly onProgress?: (progress: FlowProgress) => void;
}

export interface TrainFlowOptions extends FlowRunOptions, Partial<FlowSettings> {
  readonly flow: FlowOptions;
  /** The checkpoint's folder; without one, nothing is written. */
  readonly out?: string;
  /** Replace a checkpoint that is there; default false. */
  readonly overwrite?: boolean;
}

export interface TrainFlowResult {
  readonly flow: Flow;
  readonly reason: "finished" | "early" | "stopped";
  readonly history: readonly EpochRecord[];
  readonly seconds: number;
}

/** What is learned from: points [N, n] (maximum likelihood) or a density (reverse KL). */
export type FlowGoal = { readonly points: NdArray; readonly name?: string } | { readonly target: FlowTarget };

/**
 * Trains a flow from scratch. The same goal, options and seed give the same flow on the same machine.
 * @throws UsageError for points off the manifold or options that cannot be; RunError where training diverges (what was
 *   saved before is kept, and the sentence says where it was, and whether something was saved)
 */
export async function trainFlow(goal: FlowGoal, options: TrainFlowOptions): Promise<TrainFlowResult> {
  const { flow, out, overwrite = false, heldOut, signal, threads, onProgress, ...given } = options;
  const shape = flowShape(flow);
  checkBaseReach(shape);
  const agreement = given.agreement ?? ("target" in goal ? AGREEMENT_OF_TARGETS : 0);
  const settings = resolveSettings({ ...given, agreement });
  if (out !== undefined && !overwrite && holdsCheckpoint(out))
    throw new UsageError(`${out} holds a run already; resume it, choose another folder, or ask to overwrite it.`);
  const points = "points" in goal ? goal.points : undefined;
  if (points) checkPoints(manifoldOf(shape.manifold), "points", points);
  const parameters = initializeFlow(split(randomKey(settings.seed), "weights"), shape, points);
  const start = newRun<FlowTrainingState>({ parameters, optimizer: adam().initialize(parameters) });
  return run(goal, shape, settings, start, out, { heldOut, signal, threads, onProgress });
}

/**
 * Continues the run in `folder` to its last epoch, or to `epochs`; the result is that of an uninterrupted run.
 * @throws UsageError if the checkpoint is damaged, the goal is not the one that the run began with, or `epochs` is less
 *   than it has done
 */
export async function resumeFlow(
  folder: string,
  goal: FlowGoal,
  options: FlowRunOptions & { readonly epochs?: number } = {},
): Promise<TrainFlowResult> {
  const { epochs, ...rest } = options;
  const { config, run: saved } = loadFlowRun(folder);
  const found = describeGoal(goal);
  if (found.fingerprint !== config.goal.fingerprint)
    throw new UsageError(`${folder} was trained on ${otherGoal(config.goal, found)}; give what it began with.`);
  const least = Math.max(1, saved.position.epoch);
  expectThat(
    epochs === undefined || (Number.isInteger(epochs) && epochs >= least),
    () => `epochs: ${epochs} is not a whole number from ${least} on, the epochs done so far.`,
  );
  const stored = config.training as FlowSettings;
  // as much patience as epochs keeps the best of all epochs and never stops early: so it is to stay when there are more
  const patient = stored.patience === stored.epochs;
  const more = epochs !== undefined && { epochs, ...(patient && { patience: epochs }) };
  const settings = resolveSettings({ ...stored, ...more });
  return run(goal, config.shape as FlowShape, settings, saved, folder, rest);
}

/** Fills in what was not given. @throws UsageError that names the setting */
export function resolveSettings(given: Partial<FlowSettings>): FlowSettings {
  const settings: FlowSettings = {
    stepsPerEpoch: 100,
    epochs: 10,
    batchSize: 256,
    learningRate: 3e-3,
    schedule: { kind: "cosine" },
    warmUp: 0.05,
    clipNorm: 10,
    smoothness: 0,
    agreement: 0,
    divergence: "exact",
    seed: 0,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  };
  for (const name of ["stepsPerEpoch", "epochs", "batchSize"] as const)
    expectThat(
      Number.isInteger(settings[name]) && settings[name] >= 1,
      () => `${name}: ${settings[name]} is not a whole number from 1; give one.`,
    );
  for (const name of ["learningRate", "clipNorm"] as const)
    expectThat(
      settings[name] > 0 && settings[name] < Infinity,
      () => `${name}: ${settings[name]} is not a positive finite number; give one, 0.003 say.`,
    );
  for (const [name, example] of [
    ["smoothness", 0.003],
    ["agreement", 0.3],
  ] as const)
    expectThat(
      settings[name] >= 0 && settings[name] < Infinity,
      () => `${name}: ${settings[name]} is not a number from 0; give a weight, ${example} say.`,
    );
  expectThat(
    settings.divergence === "exact" || settings.divergence === "hutchinson",
    () => `divergence: "${settings.divergence}" is not known; use exact or hutchinson.`,
  );
  scheduled(settings.schedule, 0, 1, settings.warmUp); // refuses bad ones
  return settings;
}

/** One step: `(state, batch, noise, scalars) -> [state, loss, mean log density of the points]`, traceable. */
export function flowTrainingStep(
  shape: FlowShape,
  settings: Pick<FlowSettings, "clipNorm" | "divergence"> & Partial<Pick<FlowSettings, "smoothness" | "agreement">>,
  target?: FlowTarget,
): (
  state: FlowTrainingState<any>,
  batch: Operand,
  noise: Operand,
  scalars: any,
) => [FlowTrainingState<any>, Tensor, Tensor] {
  const optimizer = adam();
  return (state, batch, noise, scalars) => {
    const estimate = settings.divergence === "hutchinson" ? (noise as Tensor) : undefined;
    const { smoothness = 0, agreement = 0 } = settings;
    // `probe` is 0: the derivative by it is the mean log density, which so comes with the gradient
    const objective = ({ parameters, probe }: { parameters: any; probe: Tensor }) => {
      const { logDensity, effort, disagreement, ...flow } =
        target === undefined
          ? flowLogDensityAndEffort(shape, parameters, batch as Tensor, estimate)
          : flowFromBase(shape, parameters, batch as Tensor, estimate);
      const level = mean(logDensity);
      let loss = "points" in flow ? sub(level, mean(target!.logDensity(flow.points as Tensor))) : neg(level);
      if (smoothness > 0) loss = add(loss, mul(smoothness, mean(effort)));
      if (agreement > 0) loss = add(loss, mul(agreement, mean(disagreement)));
      return add(loss, mul(probe, level));
    };
    const [loss, { parameters: raw, probe: level }] = valueAndGrad(objective)({
      parameters: state.parameters,
      probe: zeros([]),
    });
    const gradients = clipByGlobalNorm(raw, settings.clipNorm);
    const [parameters, moments] = optimizer.update(state.parameters, gradients, state.optimizer as any, scalars);
    return [{ parameters, optimizer: moments }, loss, level];
  };
}

const AGREEMENT_OF_TARGETS = 0.3;

/** Points in single precision lie 1e-7 apart: a mean density above 1e7 a dimension is an error of the integration. */
const LARGEST_LOG_DENSITY = 17;
/** Nats that the mean log density of a batch may lie below that of the uniform law, which has the least of all. */
const BELOW_UNIFORM = 10;
/** Beyond what a bad but sound flow comes to: a normal base 20,000 standard deviations away. */
const LARGEST_LOSS = 2e8;

async function run(
  goal: FlowGoal,
  shape: FlowShape,
  settings: FlowSettings,
  start: RunState<FlowTrainingState>,
  out: string | undefined,
  options: FlowRunOptions,
): Promise<TrainFlowResult> {
  const { heldOut, signal, threads, onProgress } = options;
  const manifold = manifoldOf(shape.manifold);
  const space = flowSpace(shape);
  const { batchSize: B, stepsPerEpoch, epochs, seed } = settings;
  if ("points" in goal) {
    checkPoints(manifold, "points", goal.points);
    checkReach(manifold, "points", goal.points);
  }
  if ("points" in goal)
    expectThat(goal.points.shape[0] >= 1, () => "points: there are none; give at least one point to learn from.");
  if (heldOut) {
    checkPoints(manifold, "heldOut", heldOut);
    checkReach(manifold, "heldOut", heldOut);
  }
  if (settings.patience !== undefined && !heldOut)
    throw new UsageError(
      "patience: early stopping needs held-out points; give heldOut as well, or leave patience out.",
    );
  const target = "target" in goal ? goal.target : undefined;
  const optimizer = adam();
  const step = compile(flowTrainingStep(shape, settings, target), { threads, donate: [0] });
  const heldOutScore = compile((parameters: any, x: Tensor) => mean(flowLogDensity(shape, parameters, x)), { threads });
  const learningRate = (done: number, steps: number) =>
    settings.learningRate * scheduled(settings.schedule, done, steps, settings.warmUp);
  const n = manifold.coordinates;
  const preimages = preimagesOf(shape);
  const described = describeGoal(goal);
  const flowOf = (state: FlowTrainingState): Flow => ({ shape, parameters: state.parameters });
  const configOf = (r: RunState<FlowTrainingState>, state: FlowConfig["progress"]["state"]): FlowConfig => ({
    model: "flow",
    shape: { ...shape, hidden: [...shape.hidden] },
    training: settings,
    goal: described,
    progress: { epochs: r.position.epoch, state, seconds: secondsOf(r) },
  });
  let saved = start.history.length > 0 || start.position.batch > 0;
  const kept = () => (saved ? "what was saved before is kept" : "this run had saved nothing");
  /** Lets what is not finite pass: the loop has a sentence for it. `level`: mean log density of draws of the flow itself. */
  const requireSound = (loss: number, where: string, level = 0) => {
    const tooSmall = target === undefined && loss < -LARGEST_LOG_DENSITY * manifold.dimension;
    // E log q of a density's own draws is least, -log V, for the uniform one; a reverse KL that falls on is the steps' error
    const tooThin = level < -manifold.logTotalVolume - BELOW_UNIFORM;
    if (!tooSmall && !tooThin && !(Math.abs(loss) > LARGEST_LOSS && Number.isFinite(loss))) return;
    const what = tooThin
      ? `mean log density ${level.toPrecision(3)} of its own draws`
      : `mean loss ${loss.toPrecision(3)} nats`;
    throw new RunError(
      `training diverged: the flow's integration blew up in ${where} (${what}, which no density of these points has); ${out === undefined ? "no checkpoint was asked for" : kept()}: train again with a smaller learning rate, more integration steps, or a larger smoothness or agreement.`,
    );
  };
  const noise = ndarray(new Float32Array(preimages * B * space.dimension), [preimages * B, space.dimension]);
  let result: Awaited<ReturnType<typeof trainingLoop<FlowTrainingState>>>;
  try {
    result = await trainingLoop<FlowTrainingState>({
      rows: B * stepsPerEpoch,
      batchSize: B,
      epochs,
      key: split(randomKey(seed), "training"),
      start,
      termNames: [target === undefined ? "negative log-likelihood" : "KL divergence"],
      learningRate,
      patience: settings.patience,
      signal,
      step: async (state, _indices, { step: done, steps, key }) => {
        const random = stream(split(key, "noise"));
        if (settings.divergence === "hutchinson")
          for (let i = 0; i < noise.data.length; i++) noise.data[i] = random.uniform() < 0.5 ? -1 : 1;
        let batch: NdArray;
        if ("points" in goal) {
          const draw = stream(split(key, "rows"));
          const data = new Float32Array(B * n);
          for (let i = 0; i < B; i++) {
            const row = draw.integer(goal.points.shape[0]);
            for (let j = 0; j < n; j++) data[i * n + j] = goal.points.data[row * n + j] as number;
          }
          batch = ndarray(data, [B, n]);
        } else batch = sampleFlowBase(shape, split(key, "base"), B);
        const scalars = optimizer.scalars(done + 1, learningRate(done, steps));
        const [next, loss, level]: [FlowTrainingState, NdArray, NdArray] = await step(state, batch, noise, scalars);
        requireSound(
          loss.data[0] as number,
          `epoch ${1 + Math.floor(done / stepsPerEpoch)} after ${done % stepsPerEpoch} batches`,
          target === undefined ? undefined : Number(level.data[0]),
        );
        return [next, [loss.data[0] as number]];
      },
      ...(heldOut && {
        evaluate: async (state) => {
          const score = (await heldOutScore(state.parameters, heldOut)).data[0] as number;
          if ("points" in goal) requireSound(-score, "the held-out points of an epoch");
          return score;
        },
      }),
      onProgress: ({ terms, score, finished, ...place }) =>
        onProgress?.({
          ...place,
          loss: terms[0],
          ...(score !== undefined && { heldOut: -score }),
          epochEnded: finished !== undefined,
        }),
      ...(out !== undefined && {
        save: (r) => {
          saveFlow(out, flowOf((r.best ?? r).state), configOf(r, "running"), r);
          saved = true;
        },
      }),
    });
  } finally {
    await Promise.all([step.dispose(), heldOutScore.dispose()]);
  }
  const flow = flowOf((result.best ?? result).state);
  if (out !== undefined) saveFlow(out, flow, configOf(result, result.reason), result);
  return { flow, reason: result.reason, history: result.history, seconds: secondsOf(result) };
}

/** Points of the flow's space for each point of the manifold (`charts.ts`). */
function preimagesOf(shape: FlowShape): number {
  if (shape.method !== "wrapped") return 1;
  const { kind, dimension } = shape.manifold;
  return kind === "sphere" ? 3 : kind === "torus" ? 3 ** dimension : 1;
}

function describeGoal(goal: FlowGoal): FlowConfig["goal"] {
  if ("target" in goal) return { name: goal.target.name, fingerprint: `target ${goal.target.name}` };
  const { points, name = "points" } = goal;
  const hash = createHash("sha256").update(`${points.shape}`);
  hash.update(new Uint8Array(Float64Array.from(points.data as ArrayLike<number>).buffer));
  return { name, points: points.shape[0], fingerprint: hash.digest("hex") };
}

/** What a run began with, and how what is given now differs from it. */
function otherGoal(began: FlowConfig["goal"], found: FlowConfig["goal"]): string {
  if (began.points === undefined || found.points === undefined)
    return `${began.name}, which is not what is given now (${found.name})`;
  const counts =
    began.points === found.points
      ? `${began.points} points to learn from then as now, but not the same`
      : `${began.points} points to learn from then, ${found.points} now`;
  return `${began.name} with other content than ${found.name} has now (${counts})`;
}

function secondsOf(r: RunState<unknown>): number {
  return r.history.reduce((total, { seconds }) => total + seconds, r.position.seconds);
}

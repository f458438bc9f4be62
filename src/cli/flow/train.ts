/** `atlas flow train`: a flow (or a mixture) from the user's points, or from a target density by reverse KL. */
import type { Command } from "commander";
import { RunError, UsageError } from "../../errors.js";
import type { FlowManifold, FlowOptions, TrainFlowResult } from "../../flows/index.js";
import { interruptible } from "../interruptible.js";
import { finiteNumber, numberFromZero, oneOf, wholeNumber, wholeNumbers } from "../options.js";
import { createReport, duration, type Report } from "../report.js";
import { checkRunFolder } from "../run-folder.js";
import { defined } from "../train-options.js";
import { choiceOf, counts, type Loaded, load, resumedChoice } from "./goal.js";
import { fitMixtureRun } from "./mixture.js";
import { type FlowChoice, storeChoice } from "./open.js";
import type { FlowTrainOptions } from "./train-options.js";

/** Options that may stand beside `--resume`; all others are the run's own. */
const resumable = new Set(["resume", "out", "epochs", "threads", "json", "data"]);

export async function trainFlowRun(options: FlowTrainOptions, command: Command): Promise<void> {
  const report = createReport(options.json === true);
  await checkRunFolder(options, command, resumable);
  const choice = options.resume ? resumedChoice(options) : await choiceOf(options);
  if (!options.resume) {
    refuseIdle(options, command);
    // before data are loaded; the manifold's dimension is not known yet, and no matter here
    if (options.method === "mixture") wholeNumbers("--components", options.components);
    else
      trainingSettings(options, { kind: "sphere", dimension: 2 }, choice.data !== undefined && choice.testFraction > 0);
    await (await import("../other-options.js")).activationOf(options);
  }
  const loaded = await load(choice, options, report);
  if (options.method === "mixture" && !options.resume) return fitMixtureRun(choice, loaded, options, report);
  const before = options.resume ? await epochsDone(options.out) : 0;
  const result = await trainOrResume(choice, loaded, options, report, command);
  const gap = await integrationGap(result, loaded, options);
  const epochs = result.history.length;
  const best = Math.min(
    ...result.history.map(({ score }) => (score === undefined ? Number.POSITIVE_INFINITY : -score)),
  );
  const loss = result.history.at(-1)?.terms[0];
  const heldOut = Number.isFinite(best) ? best : undefined;
  const measure = choice.target === undefined ? "negative log-likelihood" : "divergence (up to the target's constant)";
  if (epochs === before && result.reason !== "stopped") report.say(nothingLeft(options.out, epochs, result.reason));
  report.say(
    result.reason === "stopped"
      ? `Stopped after ${epochs} epochs; go on with: atlas flow train --resume --out ${options.out}`
      : `${epochs} epochs${result.reason === "early" ? " (no better held-out likelihood)" : ""}, ${measure} ${loss?.toFixed(3)} training${heldOut === undefined ? "" : `, ${heldOut.toFixed(3)} held out (best epoch, kept)`}, ${duration(result.seconds)}: ${options.out}`,
  );
  if (gap !== undefined) report.say(gap.sentence);
  report.result({
    run: options.out,
    model: "flow",
    manifold: result.flow.shape.manifold,
    epochs,
    loss,
    heldOut: heldOut ?? null,
    integrationGap: gap?.nats ?? null,
    ...counts(loaded),
    seconds: result.seconds,
    reason: result.reason,
  });
  if (result.reason === "stopped") process.exitCode = 1;
}

/** What is said where `--resume` finds a run that has ended. */
function nothingLeft(folder: string, epochs: number, reason: TrainFlowResult["reason"]): string {
  const why =
    reason === "early"
      ? `stopped after ${epochs} epochs, for want of a better held-out likelihood`
      : `has all of its ${epochs} epochs; give more with --epochs to go on`;
  return `Nothing was left to do: ${folder} ${why}.`;
}

/** Whole epochs that the run in `folder` has done. @throws UsageError where it is damaged */
async function epochsDone(folder: string): Promise<number> {
  return (await import("../../flows/index.js")).loadFlow(folder).config.progress.epochs;
}

/** Points on which the integrators are compared. */
const COMPARED = 100;

/** What the fixed steps of the training make of some points (of draws, for a target), against the adaptive integrator. */
async function integrationGap(result: TrainFlowResult, { goal, heldOut }: Loaded, options: FlowTrainOptions) {
  if (result.reason === "stopped") return undefined;
  const [{ evaluateFlow }, { takeRows }, { randomKey, split }] = await Promise.all([
    import("../../flows/index.js"),
    import("../../engine/index.js"),
    import("../../numerics/random.js"),
  ]);
  const threads = options.threads === undefined ? {} : { threads: Number(options.threads) };
  const given = "points" in goal ? (heldOut ?? goal.points) : undefined;
  const rows = Array.from({ length: Math.min(COMPARED, given?.shape[0] ?? COMPARED) }, (_, i) => i);
  const kind = given === undefined ? "its own" : given === heldOut ? "held-out" : "training";
  const means: number[] = [];
  for (const integrator of ["fixed", "adaptive"] as const) {
    const evaluator = evaluateFlow(result.flow, { integrator, tolerance: 1e-5, precision: "float32", ...threads });
    try {
      const values =
        given === undefined
          ? (await evaluator.sample(split(randomKey(Number(options.seed)), "gap"), COMPARED)).logDensity
          : await evaluator.logDensity(takeRows(given, rows));
      means.push(values.reduce((a, b) => a + b, 0) / values.length);
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      return {
        nats: undefined,
        sentence: `Warning: ${integrator} integration fails on ${kind} points (${error.message}); train with more --integration-steps or a larger --agreement or --smoothness.`,
      };
    } finally {
      await evaluator.dispose();
    }
  }
  const nats = means[0] - means[1];
  return {
    nats,
    sentence:
      Math.abs(nats) > 0.02
        ? `Warning: its fixed steps give ${kind} points ${nats.toFixed(3)} nats ${nats > 0 ? "more" : "less"} than exact integration does; train with more --integration-steps or a larger --agreement or --smoothness, or use --integrator adaptive.`
        : `Integration: fixed steps and the adaptive integrator agree to ${Math.abs(nats).toFixed(4)} nats.`,
  };
}

/** Options of flows, which a mixture has no use for; of a mixture; of data; of a target. By their attribute names. */
const ofFlows = [
  "field",
  "centres",
  "hidden",
  "activation",
  "integrationSteps",
  "base",
  "baseStd",
  "divergence",
  "smoothness",
  "agreement",
  "epochs",
  "stepsPerEpoch",
  "batch",
  "learningRate",
  "schedule",
  "warmUp",
  "clip",
  "patience",
];
const ofMixtures = ["components"];
const ofData = ["project", "deduplicate", "splitBy", "testFraction"];
const ofTargets = ["concentration"];

/** @throws UsageError for an option that goes with another way of training, which would be ignored */
function refuseIdle(options: FlowTrainOptions, command: Command): void {
  const refuse = (names: readonly string[], remedy: string) => {
    const idle = command.options.find(
      (option) =>
        names.includes(option.attributeName()) && command.getOptionValueSource(option.attributeName()) === "cli",
    );
    if (idle) throw new UsageError(`${idle.long}: it goes with ${remedy}; leave it out.`);
  };
  if (options.method === "mixture") refuse(ofFlows, "flows, not with --method mixture");
  else refuse(ofMixtures, "--method mixture");
  if (baseIsUniform(options)) refuse(["baseStd"], "--base wrapped-normal, not with the uniform base");
  if (options.target !== undefined) refuse(ofData, "points (--data), not with a --target density");
  else refuse(ofTargets, "a --target density");
}

/** As `flowShape` chooses the base. */
function baseIsUniform({ base, method, manifold }: FlowTrainOptions): boolean {
  return base === "uniform" || (base === undefined && method === "riemannian" && /^(sphere|torus)$/.test(manifold));
}

async function trainOrResume(
  choice: FlowChoice,
  { goal, heldOut, manifold, coordinates }: Loaded,
  options: FlowTrainOptions,
  report: Report,
  command: Command,
): Promise<TrainFlowResult> {
  const { resumeFlow, trainFlow } = await import("../../flows/index.js");
  const given = command.getOptionValueSource("epochs") === "cli";
  const epochs = wholeNumber("--epochs", options.epochs, 1, 1_000_000);
  const threads = options.threads === undefined ? undefined : wholeNumber("--threads", options.threads, 1, 256);
  let started = false;
  const begun = () => {
    if (!started) storeChoice(options.out, { ...choice, coordinates });
    started = true;
  };
  const settings = options.resume ? undefined : trainingSettings(options, manifold, heldOut !== undefined);
  const result = await interruptible(report, (signal) => {
    const common = {
      heldOut,
      signal,
      threads,
      onProgress: (p: any) => {
        if (p.epochEnded) begun();
        const held = p.heldOut === undefined ? "" : `, held out ${p.heldOut.toFixed(3)}`;
        report.progress(
          p.epoch - 1 + p.batch / p.batches,
          p.epochs,
          `epoch ${p.epoch}/${p.epochs}  loss ${p.loss.toFixed(3)}${held}  ${duration(p.secondsLeft)} left`,
        );
      },
    };
    return options.resume
      ? resumeFlow(options.out, goal, { ...common, ...(given && { epochs }) })
      : trainFlow(goal, { ...settings!, ...common, epochs, out: options.out, overwrite: options.overwrite });
  });
  report.progressDone();
  begun();
  return result;
}

/** Everything about the model and its training that the command line says. */
function trainingSettings(options: FlowTrainOptions, manifold: FlowManifold, heldOut: boolean) {
  const number = (option: string, text: string | undefined, above?: number) =>
    text === undefined
      ? undefined
      : above === undefined
        ? numberFromZero(option, text)
        : finiteNumber(option, text, above);
  const whole = (option: string, text: string | undefined, least = 1) =>
    text === undefined ? undefined : wholeNumber(option, text, least);
  const epochs = wholeNumber("--epochs", options.epochs, 1, 1_000_000);
  const flow = {
    manifold,
    method: oneOf("--method", options.method, ["riemannian", "stereographic", "wrapped"] as const),
    field:
      options.field === undefined
        ? undefined
        : oneOf("--field", options.field, ["generators", "ambient", "chart", "potential"] as const),
    centres: whole("--centres", options.centres, 0),
    hidden: options.hidden === undefined ? undefined : wholeNumbers("--hidden", options.hidden, 1),
    activation: options.activation,
    steps: whole("--integration-steps", options.integrationSteps),
    base:
      options.base === undefined ? undefined : oneOf("--base", options.base, ["uniform", "wrapped-normal"] as const),
    baseStd: number("--base-std", options.baseStd, 0),
  };
  const patience = options.patience === undefined ? undefined : wholeNumber("--patience", options.patience, 1);
  if (patience !== undefined && !heldOut)
    throw new UsageError(
      "--patience: early stopping needs held-out points; give a --test-fraction above 0, or leave it out.",
    );
  return {
    flow: defined(flow) as FlowOptions,
    ...defined({
      divergence:
        options.divergence === undefined
          ? undefined
          : oneOf("--divergence", options.divergence, ["exact", "hutchinson"] as const),
      smoothness: number("--smoothness", options.smoothness),
      // sharp fields of many bumps would profit from the errors of the integration
      agreement: number("--agreement", options.agreement) ?? (options.field === "potential" ? 0.3 : undefined),
      stepsPerEpoch: whole("--steps-per-epoch", options.stepsPerEpoch),
      batchSize: whole("--batch", options.batch),
      learningRate: number("--learning-rate", options.learningRate, 0),
      schedule:
        options.schedule === undefined
          ? undefined
          : { kind: oneOf("--schedule", options.schedule, ["constant", "cosine", "exponential"] as const) },
      warmUp: number("--warm-up", options.warmUp),
      clipNorm: number("--clip", options.clip, 0),
      // with held-out points the best epoch is kept, also where nothing stops early
      patience: patience ?? (heldOut ? epochs : undefined),
      seed: wholeNumber("--seed", options.seed),
    }),
  } as any;
}

/** `atlas flow train`: a flow (or a mixture) from the user's points, or from a target density by reverse KL. */
import type { Command } from "commander";
import type { NdArray } from "../../engine/index.js";
import { RunError, UsageError } from "../../errors.js";
import type { FlowGoal, FlowManifold, FlowOptions, TrainFlowResult } from "../../flows/index.js";
import { randomKey, split } from "../../numerics/random.js";
import { interruptible } from "../interruptible.js";
import { curvatureParameter, finiteNumber, numberFromZero, oneOf, wholeNumber, wholeNumbers } from "../options.js";
import { createReport, duration, type Report } from "../report.js";
import { checkRunFolder } from "../run-folder.js";
import type { CoordinateName, PointsOnManifold } from "./coordinates.js";
import { type FlowChoice, holdsMixture, storeChoice, storedChoice } from "./open.js";

export interface FlowTrainOptions {
  data?: string;
  target?: string;
  concentration?: string;
  manifold: string;
  dimension?: string;
  curvature?: string;
  coordinates?: string;
  project?: boolean;
  deduplicate?: boolean;
  splitBy: string;
  testFraction: string;
  method: string;
  components: string;
  field?: string;
  centres?: string;
  hidden?: string;
  activation: string;
  integrationSteps?: string;
  base?: string;
  baseStd?: string;
  divergence?: string;
  smoothness: string;
  agreement?: string;
  epochs: string;
  stepsPerEpoch?: string;
  batch?: string;
  learningRate: string;
  schedule?: string;
  warmUp?: string;
  clip?: string;
  patience?: string;
  seed: string;
  threads?: string;
  out: string;
  resume?: boolean;
  overwrite?: boolean;
  json?: boolean;
}

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

/** What the run says of its data, which may have moved since. @throws UsageError for mixtures, and points for a target */
function resumedChoice({ out, data }: FlowTrainOptions): FlowChoice {
  if (holdsMixture(out))
    throw new UsageError(
      `--resume: ${out} holds a mixture, which was fitted in one go and has nothing to resume; leave --resume out, and name another folder or add --overwrite to fit one anew.`,
    );
  const stored = storedChoice(out);
  if (data === undefined) return stored;
  if (stored.target !== undefined)
    throw new UsageError(`--data: ${out} learns the density ${stored.target}, not points; leave it out.`);
  return { ...stored, data };
}

async function choiceOf(options: FlowTrainOptions): Promise<FlowChoice> {
  const { coordinateNames, coordinatesFor, manifoldNames } = await import("./coordinates.js");
  if ((options.data === undefined) === (options.target === undefined))
    throw new UsageError(
      options.data === undefined
        ? "--data: name a .csv or .npy file of points, or a density with --target."
        : "--target: a flow learns either from points (--data) or from a density (--target); leave one out.",
    );
  const manifold = oneOf("--manifold", options.manifold, manifoldNames);
  const given =
    options.coordinates === undefined ? undefined : oneOf("--coordinates", options.coordinates, coordinateNames);
  const fraction = numberFromZero("--test-fraction", options.testFraction);
  if (fraction >= 1) throw new UsageError(`--test-fraction: ${fraction} is not a share below 1; give 0.1, say.`);
  if (given !== undefined) coordinatesFor(manifold, given);
  const mixture = options.method === "mixture";
  if (mixture && options.data === undefined)
    throw new UsageError("--method mixture learns from points (--data), not from a --target density.");
  if (mixture && manifold !== "sphere")
    throw new UsageError(
      `--method mixture is of von Mises-Fisher distributions, which live on spheres, not on the ${manifold} manifold; use riemannian.`,
    );
  return {
    manifold,
    coordinates: given as CoordinateName,
    ...(options.data !== undefined ? { data: options.data } : { target: options.target }),
    ...(options.concentration !== undefined && {
      concentration: finiteNumber("--concentration", options.concentration, 0),
    }),
    project: options.project === true,
    testFraction: fraction,
    splitBy: oneOf("--split-by", options.splitBy, ["place", "row"] as const),
    deduplicate: options.deduplicate === true,
    seed: wholeNumber("--seed", options.seed),
  };
}

interface Loaded {
  readonly goal: FlowGoal;
  readonly heldOut?: NdArray;
  readonly manifold: FlowManifold;
  readonly coordinates: CoordinateName;
  readonly places?: { readonly rows: number; readonly places: number };
}

async function load(choice: FlowChoice, options: FlowTrainOptions, report: Report): Promise<Loaded> {
  const { coordinatesFor, flowManifold } = await import("./coordinates.js");
  const stored = options.resume
    ? (await import("../../flows/index.js")).loadFlow(options.out).config.shape.manifold
    : undefined;
  const curvature =
    stored?.curvature ??
    (options.curvature === undefined ? undefined : curvatureParameter("--curvature", options.curvature, false));
  const dimension =
    stored?.dimension ??
    (options.dimension === undefined ? undefined : wholeNumber("--dimension", options.dimension, 1, 512));
  if (choice.target !== undefined) {
    const { manifoldOf, namedTarget } = await import("../../flows/index.js");
    const manifold = flowManifold(choice.manifold, dimension ?? 2, curvature);
    const target = namedTarget(choice.target, manifoldOf(manifold), choice.concentration);
    report.say(`Target: ${target.name}, on the ${manifoldOf(manifold).name}.`);
    return { goal: { target }, manifold, coordinates: coordinatesFor(choice.manifold, choice.coordinates) };
  }
  const { onePerPlace, placesOf, splitPoints } = await import("./places.js");
  const read = await readData(choice, options, { dimension, curvature });
  const all = placesOf(read.points);
  const points = choice.deduplicate ? onePerPlace(read.points, all) : read.points;
  const places = choice.deduplicate ? placesOf(points) : all;
  const { train, heldOut } = splitPoints(
    points,
    places,
    choice.testFraction,
    choice.splitBy,
    split(randomKey(choice.seed), "held out"),
  );
  const repeated = read.points.shape[0] - all.count;
  const note =
    repeated === 0
      ? "no place twice"
      : `${all.count} different places (${choice.deduplicate ? "one row of each is used" : choice.splitBy === "place" ? "all rows of a place on one side of the split" : "copies may fall on both sides of the split, which rewards memory: see --split-by place"})`;
  report.say(
    `Data: ${read.name}, ${read.points.shape[0]} points, ${note}; ${train.shape[0]} to learn from, ${heldOut?.shape[0] ?? 0} held out.`,
  );
  return {
    goal: { points: train, name: read.name },
    heldOut,
    manifold: read.manifold,
    coordinates: read.coordinates,
    places: { rows: read.points.shape[0], places: all.count },
  };
}

/** The points to learn from. @throws UsageError as `readPoints`; on `--resume` with what to do where they have moved */
async function readData(
  choice: FlowChoice,
  { resume, data, out }: FlowTrainOptions,
  known: { readonly dimension?: number; readonly curvature?: number },
): Promise<PointsOnManifold> {
  const { readPoints } = await import("./coordinates.js");
  try {
    return readPoints(choice.data!, { ...choice, ...known, ...(resume && { ofRun: out }) });
  } catch (error) {
    if (!(error instanceof UsageError) || !resume || data !== undefined) throw error;
    throw new UsageError(
      `${out} was trained on ${choice.data}, which cannot be read from here; name the data with --data (${error.message.replace(/\.$/, "")}).`,
    );
  }
}

function counts({ goal, heldOut, places }: Loaded) {
  if (!("points" in goal)) return {};
  return { points: { ...places, training: goal.points.shape[0], heldOut: heldOut?.shape[0] ?? 0 } };
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

function defined<T extends object>(given: T): Partial<T> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** The mixture with as many components as do best on the held-out points. */
async function fitMixtureRun(
  choice: FlowChoice,
  loaded: Loaded,
  options: FlowTrainOptions,
  report: Report,
): Promise<void> {
  const { goal, heldOut, manifold, coordinates } = loaded;
  if (!("points" in goal)) return; // refused before
  const [{ fitVonMisesFisherMixture, mixtureLogDensity }, { saveMixture }] = await Promise.all([
    import("../../distributions/von-mises-fisher-mixture.js"),
    import("../../flows/index.js"),
  ]);
  const started = performance.now();
  const sizes = wholeNumbers("--components", options.components).filter((k) => k >= 1);
  const fitting = sizes.filter((k) => k <= goal.points.shape[0]);
  if (fitting.length === 0)
    throw new UsageError(
      `--components: ${options.components} are none that ${goal.points.shape[0]} points can support; give smaller numbers from 1.`,
    );
  if (fitting.length > 1 && heldOut === undefined)
    throw new UsageError(
      "--components: choosing among several needs held-out points; give one number, or a --test-fraction above 0.",
    );
  const average = (values: Float64Array) => values.reduce((a, b) => a + b, 0) / values.length;
  const fits = fitting.map((components, i) => {
    report.progress(i, fitting.length, `${components} components`);
    const mixture = fitVonMisesFisherMixture(goal.points, {
      components,
      key: split(randomKey(choice.seed), `mixture ${components}`),
      largestConcentration: 1e4,
      iterations: 200,
      starts: 2,
    });
    return {
      mixture,
      components,
      nll: heldOut === undefined ? -mixture.logLikelihood : -average(mixtureLogDensity(mixture, heldOut)),
    };
  });
  report.progressDone();
  const { mixture, components, nll } = fits.reduce((a, b) => (b.nll < a.nll ? b : a));
  saveMixture(options.out, mixture, {
    dimension: manifold.dimension,
    components,
    goal: { name: goal.name ?? "points", points: goal.points.shape[0] },
  });
  storeChoice(options.out, { ...choice, coordinates });
  const seconds = (performance.now() - started) / 1000;
  // the least of several held-out scores lies below what other points would come to
  const chose = fitting.length > 1 ? ", which chose the number of components" : "";
  report.say(
    `Mixture of ${components}: negative log-likelihood ${(-mixture.logLikelihood).toFixed(3)} training${heldOut === undefined ? "" : `, ${nll.toFixed(3)} held out${chose}`}, ${duration(seconds)}: ${options.out}`,
  );
  report.result({
    run: options.out,
    model: "von-mises-fisher-mixture",
    manifold,
    components,
    loss: -mixture.logLikelihood,
    heldOut: heldOut === undefined ? null : nll,
    ...counts(loaded),
    seconds,
    reason: "finished",
  });
}

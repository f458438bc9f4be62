/** What a flow learns from: the user's points, split, or a density; as asked for, or as a run that goes on has it. */
import type { NdArray } from "../../engine/index.js";
import { UsageError } from "../../errors.js";
import type { FlowGoal, FlowManifold } from "../../flows/index.js";
import { randomKey, split } from "../../numerics/random.js";
import { curvatureParameter, finiteNumber, numberFromZero, oneOf, wholeNumber } from "../options.js";
import type { Report } from "../report.js";
import type { CoordinateName, PointsOnManifold } from "./coordinates.js";
import { type FlowChoice, holdsMixture, storedChoice } from "./open.js";
import type { FlowTrainOptions } from "./train-options.js";

/** What the options say. @throws UsageError for what does not go together */
export async function choiceOf(options: FlowTrainOptions): Promise<FlowChoice> {
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

/** What the run says of its data, which may have moved since. @throws UsageError for mixtures, and points for a target */
export function resumedChoice({ out, data }: FlowTrainOptions): FlowChoice {
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

export interface Loaded {
  readonly goal: FlowGoal;
  readonly heldOut?: NdArray;
  readonly manifold: FlowManifold;
  readonly coordinates: CoordinateName;
  readonly places?: { readonly rows: number; readonly places: number };
}

/** Reads the points and splits them, or names the target. @throws UsageError as `readPoints` */
export async function load(choice: FlowChoice, options: FlowTrainOptions, report: Report): Promise<Loaded> {
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

/** For the report: how many points. */
export function counts({ goal, heldOut, places }: Loaded) {
  if (!("points" in goal)) return {};
  return { points: { ...places, training: goal.points.shape[0], heldOut: heldOut?.shape[0] ?? 0 } };
}

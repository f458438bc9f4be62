/** One cell: a kind of motion and a seed. Trains, calibrates, solves geodesics as motions, puts obstacles in their way. */
import { distributionMetrics } from "../../autoencoders/index.js";
import {
  add,
  compile,
  div,
  exp,
  log,
  mul,
  type NdArray,
  ndarray,
  sqrt,
  square,
  sum,
  type Tensor,
  takeRows,
} from "../../engine/index.js";
import {
  blockOf,
  conformalMetric,
  euclideanMetric,
  evaluate,
  evaluateOnGrid,
  gateWeight,
  logMagnificationFactor,
  type Obstacle,
  obstacleFactor,
  positionOrientationMetric,
  sumMetric,
} from "../../metrics/index.js";
import { boxOfSquare, gridGeodesics } from "../mocap/grid-geodesic.js";
import { directionHead, positionHead } from "../mocap/heads.js";
import { nearestCodes } from "../mocap/paths.js";
import { trainPoseVae } from "../mocap/pose-vae.js";
import { axisHead } from "./antipodal.js";
import { type Motions, orientationAngle, positionDistance } from "./motions.js";
import { movingObstacles } from "./moving-obstacle.js";
import { nearestDemonstration, type Sequence, type WarpedDistance } from "./warping.js";

export interface CellOptions {
  readonly seed: number;
  readonly epochs: number;
  /** Geodesics between the first and the last moment of so many demonstrations. */
  readonly pairs: number;
  /** Places of the moving obstacle. */
  readonly moves: number;
  /** Treat quaternions as directions, so that the sign counts: what goes wrong without care for it. */
  readonly signsIgnored?: boolean;
  /** Cells along each side of the picture's field; 0 for none. */
  readonly resolution: number;
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

export const pathNames = ["four-term", "fisher-rao", "straight"] as const;
export type PathName = (typeof pathNames)[number];

export interface PathNumbers extends WarpedDistance {
  /** Latent distance to the nearest code, mean over the path. */
  readonly codeMean: number;
}

export interface ObstacleNumbers {
  /** Millimetres between the obstacle's centre and the nearest place of the motion, before and after. */
  readonly clearanceBefore: number;
  readonly clearanceAfter: number;
  /** Length around the obstacle over that of the free geodesic, both in the metric without it. */
  readonly longer: number;
  readonly after: WarpedDistance;
}

export interface MovingNumbers {
  /** Milliseconds of each new place, warm. */
  readonly milliseconds: readonly number[];
  readonly iterations: readonly number[];
  readonly convergedShare: number;
  /** A search from scratch, at the last place. */
  readonly searchMilliseconds: number;
  /** Length of the warm geodesic over that of the search from scratch, at the last place. */
  readonly lengthRatio: number;
}

export interface CellPicture {
  readonly xs: readonly number[];
  readonly ys: readonly number[];
  readonly field: readonly number[];
  readonly gate: readonly number[];
  /** Factor of the obstacle. */
  readonly factor: readonly number[];
  readonly codes: readonly number[];
  readonly curves: readonly (readonly number[])[];
  readonly around: readonly number[];
  /** Positions (decimetres) and orientations of decoded motions of the first pair. */
  readonly motions: Readonly<
    Record<"free" | "straight" | "around", { positions: number[][]; orientations: number[][] }>
  >;
  readonly obstacle: Obstacle;
}

export interface CellValue {
  readonly elbo: { readonly train: number; readonly heldOut: number };
  readonly trainingSeconds: number;
  readonly reconstruction: WarpedDistance;
  /** Of each demonstration to the nearest other: mean. */
  readonly amongDemonstrations: WarpedDistance;
  readonly paths: readonly Readonly<Record<PathName, PathNumbers>>[];
  readonly milliseconds: readonly number[];
  readonly obstacles: readonly ObstacleNumbers[];
  readonly moving: MovingNumbers;
  readonly picture?: CellPicture;
}

const POINTS = 65;
/** Radius in decimetres and strength of obstacles. */
const RADIUS = 0.015;
const STRENGTH = 50;
/**
 * Added to the metric, times the identity, in units of the mean of G at the codes: a little everywhere, and so much where
 * the gate is open. (Beyond it what is decoded hardly changes, and whole detours would be nearly free.)
 */
const FLOOR = 1e-3;
const PLATEAU = 30;
/** The four-term metric's weight of kappa, which runs to a thousand: counted in thousands. */
const KAPPA_WEIGHT = 1e-6;

export async function computeCell(motions: Motions, options: CellOptions): Promise<CellValue> {
  const { seed, epochs, threads, signal, signsIgnored = false } = options;
  const { name, rows, samples, demonstrations, positionColumns, orientationColumns } = motions;
  const n = (demonstrations - 1) * samples;
  const indices = (from: number, to: number) => Int32Array.from({ length: to - from }, (_, i) => from + i);
  const [train, heldOut] = [takeRows(rows, indices(0, n)), takeRows(rows, indices(n, n + samples))];
  const orientationHead =
    name === "plane-sphere" || signsIgnored
      ? directionHead("orientation", orientationColumns, train, orientationColumns.length)
      : axisHead("orientation", orientationColumns, train);
  const heads = [positionHead("position", positionColumns, train), orientationHead];
  const vae = await trainPoseVae(heads, train, heldOut, { epochs, seed, threads, signal, batchSize: 64 });
  const { model } = vae;
  const { codes } = model;
  const calibrated = await distributionMetrics(model, { clusters: 60, reach: 2 });
  const { gate } = calibrated;
  const position = (z: Tensor): Tensor => blockOf(calibrated.decoder, "position")(z).mean;
  const whole = (z: Tensor) => {
    const { mean, logDeviation } = blockOf(calibrated.decoder, "position")(z);
    // kappa keeps a thousandth where the gate would close it, so that there is a direction to differentiate.
    const open = blockOf(model.decoder, "orientation")(z).theta;
    const least = mul(1e-3, div(open, sqrt(sum(square(open), -1, { keepDimensions: true }))));
    return { mean, std: exp(logDeviation), theta: add(blockOf(calibrated.decoder, "orientation")(z).theta, least) };
  };
  const positionPart = positionOrientationMetric(whole, 2, { orientation: 0, concentration: 0 });
  const orientationPart = positionOrientationMetric(whole, 2, {
    position: 0,
    positionDeviation: 0,
    concentration: KAPPA_WEIGHT,
  });
  // The part that obstacles multiply, and the rest: orientation, and a floor that grows where the gate opens.
  const terms = sumMetric([positionPart, orientationPart]);
  const tensors = await evaluate(terms, (m, z) => m.metricTensor(z), codes, [], { precision: "float32" });
  const meanOf = (data: ArrayLike<number>) => {
    let total = 0;
    for (let i = 0; i < data.length; i += 4) total += (data[i] + data[i + 3]) / 2;
    return total / (data.length / 4);
  };
  const floorOf = (scale: number) =>
    conformalMetric(euclideanMetric(2), (z) =>
      mul(0.5, log(mul(scale, add(FLOOR, mul(PLATEAU, gateWeight(gate!, z)))))),
    );
  const rest = sumMetric([orientationPart, floorOf(meanOf(tensors.data))]);
  const free = sumMetric([positionPart, rest], "position + orientation");
  const plain = calibrated.metric("fisher-rao");
  const informations = await evaluate(plain, (m, z) => m.metricTensor(z), codes, [], { precision: "float32" });
  const fisherRao = sumMetric([plain, floorOf(meanOf(informations.data))], "Fisher-Rao");
  const box = boxAround(codes.data);
  const around = await movingObstacles(positionPart, rest, position, boxOfSquare(box), { threads });
  const grids = {
    "four-term": await gridGeodesics(free, box, { threads, table: 112 }),
    "fisher-rao": await gridGeodesics(fisherRao, box, { threads, table: 112 }),
  };

  const decode = compile((z: Tensor) => model.family.mean(model.decoder(z)), { threads });
  const P = positionColumns.length;
  const sequenceOf = (data: NdArray): Sequence => {
    const [count, D] = data.shape;
    const list = (i: number, from: number, to: number) => Array.from(data.data.subarray(i * D + from, i * D + to));
    return {
      positions: Array.from({ length: count }, (_, i) => list(i, 0, P)),
      orientations: Array.from({ length: count }, (_, i) => list(i, P, D)),
    };
  };
  const shown = Array.from({ length: demonstrations - 1 }, (_, k) =>
    sequenceOf(takeRows(train, indices(k * samples, (k + 1) * samples))),
  );
  const motionOf = async (curve: ArrayLike<number>): Promise<Sequence> =>
    sequenceOf(await decode(ndarray(Float64Array.from(curve), [curve.length / 2, 2])));

  const again = sequenceOf(await decode(codes));
  const truth = sequenceOf(train);
  const average = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const among = shown.map((one, k) =>
    nearestDemonstration(
      name,
      one,
      shown.filter((_, j) => j !== k),
    ),
  );

  const paths: Record<PathName, PathNumbers>[] = [];
  const milliseconds: number[] = [];
  const curves: Float64Array[] = [];
  const ends: [number[], number[]][] = [];
  for (let k = 0; k < Math.min(options.pairs, demonstrations - 1); k++) {
    signal?.throwIfAborted();
    const at = (i: number) => Array.from(codes.data.subarray(2 * i, 2 * i + 2));
    const [a, b] = [at(k * samples), at((k + 1) * samples - 1)];
    const geodesic = grids["four-term"].between(a, b, POINTS);
    milliseconds.push(geodesic.milliseconds);
    const information = grids["fisher-rao"].between(a, b, POINTS);
    const measure = async (curve: ArrayLike<number>): Promise<PathNumbers> => ({
      ...nearestDemonstration(name, await motionOf(curve), shown),
      codeMean: average(nearestCodes(curve, codes.data)),
    });
    curves.push(geodesic.curve.data as Float64Array);
    ends.push([a, b]);
    paths.push({
      "four-term": await measure(geodesic.curve.data),
      "fisher-rao": await measure(information.curve.data),
      straight: await measure(lineOf(a, b)),
    });
  }

  // Obstacles: one in the middle of each motion.
  const clearance = ({ positions }: Sequence, { centre }: Obstacle) =>
    Math.min(...positions.map((place) => positionDistance(place, centre)));
  const obstacles: ObstacleNumbers[] = [];
  const arounds: Float64Array[] = [];
  for (const [k, curve] of curves.entries()) {
    const motion = await motionOf(curve);
    const obstacle = { centre: motion.positions[Math.floor(POINTS / 2)], radius: RADIUS, strength: STRENGTH };
    const found = await around.search(...ends[k], POINTS, [obstacle]);
    const path = found.curve.data as Float64Array;
    const bent = await motionOf(path);
    arounds.push(path);
    obstacles.push({
      clearanceBefore: clearance(motion, obstacle),
      clearanceAfter: clearance(bent, obstacle),
      longer: (await around.lengthOf(path, [])) / (await around.lengthOf(curve, [])),
      after: nearestDemonstration(name, bent, shown),
    });
  }

  // The first obstacle moves across the motion, three radii to either side.
  const motion = await motionOf(curves[0]);
  const middle = Math.floor(POINTS / 2);
  const [before, centre, after] = [middle - 4, middle, middle + 4].map((t) => motion.positions[t]);
  const along = centre.map((_, k) => after[k] - before[k]);
  const norm = Math.hypot(along[0], along[1]) || 1;
  const across = centre.map((_, k) => (k === 0 ? -along[1] / norm : k === 1 ? along[0] / norm : 0));
  const placed = (share: number): Obstacle => ({
    centre: centre.map((x, k) => x + 3 * RADIUS * share * across[k]),
    radius: RADIUS,
    strength: STRENGTH,
  });
  let current = curves[0];
  let last = { length: 0, obstacle: placed(-1) };
  const [times, iterations, converged] = [[] as number[], [] as number[], [] as boolean[]];
  for (let m = 0; m < options.moves; m++) {
    const obstacle = placed(-1 + (2 * m) / Math.max(1, options.moves - 1));
    const solved = await around.follow([current, curves[0]], [obstacle]);
    current = solved.curve;
    times.push(solved.milliseconds);
    iterations.push(solved.iterations);
    converged.push(solved.converged);
    last = { length: solved.length, obstacle };
  }
  const cold = await around.search(...ends[0], POINTS, [last.obstacle]);

  let picture: CellPicture | undefined;
  if (options.resolution > 0) {
    const size = options.resolution;
    const obstacle = { centre, radius: RADIUS, strength: STRENGTH };
    const field = await evaluateOnGrid(free, box, size, size, logMagnificationFactor, { precision: "float32" });
    const weights = await evaluateOnGrid(free, box, size, size, (_m, z) => gateWeight(gate!, z));
    const factors = await evaluateOnGrid(free, box, size, size, (_m, z) => obstacleFactor(position(z), [obstacle]));
    const list = (values: ArrayLike<number>, digits = 4) => Array.from(values, (x) => Number(x.toFixed(digits)));
    const kept = (sequence: Sequence) => ({
      positions: sequence.positions.map((x) => list(x)),
      orientations: sequence.orientations.map((x) => list(x)),
    });
    picture = {
      xs: list(field.xs, 10),
      ys: list(field.ys, 10),
      field: list(field.values.data, 3),
      gate: list(weights.values.data, 3),
      factor: list(factors.values.data, 3),
      codes: list(codes.data),
      curves: curves.map((curve) => list(curve)),
      around: list(arounds[0]),
      motions: {
        free: kept(motion),
        straight: kept(await motionOf(lineOf(...ends[0]))),
        around: kept(await motionOf(arounds[0])),
      },
      obstacle,
    };
  }
  await decode.dispose();
  return {
    elbo: vae.elbo,
    trainingSeconds: Number(vae.seconds.toFixed(1)),
    reconstruction: {
      millimetres: average(truth.positions.map((p, i) => positionDistance(p, again.positions[i]))),
      degrees: average(truth.orientations.map((q, i) => orientationAngle(name, q, again.orientations[i]))),
    },
    amongDemonstrations: {
      millimetres: average(among.map((each) => each.millimetres)),
      degrees: average(among.map((each) => each.degrees)),
    },
    paths,
    milliseconds,
    obstacles,
    moving: {
      milliseconds: times,
      iterations,
      convergedShare: average(converged.map(Number)),
      searchMilliseconds: cold.milliseconds,
      lengthRatio: last.length / cold.length,
    },
    ...(picture && { picture }),
  };
}

function lineOf(a: readonly number[], b: readonly number[]): Float64Array {
  return Float64Array.from({ length: 2 * POINTS }, (_, i) => {
    const share = Math.floor(i / 2) / (POINTS - 1);
    return (1 - share) * a[i % 2] + share * b[i % 2];
  });
}

/** A square around the codes, a fifth larger. */
function boxAround(codes: ArrayLike<number>): { x: [number, number]; y: [number, number] } {
  const axis = (k: number) => Array.from({ length: codes.length / 2 }, (_, i) => codes[2 * i + k]);
  const [xs, ys] = [axis(0), axis(1)].map((values) => [Math.min(...values), Math.max(...values)]);
  const half = 0.6 * Math.max(xs[1] - xs[0], ys[1] - ys[0]);
  const [cx, cy] = [(xs[0] + xs[1]) / 2, (ys[0] + ys[1]) / 2];
  return { x: [cx - half, cx + half], y: [cy - half, cy + half] };
}

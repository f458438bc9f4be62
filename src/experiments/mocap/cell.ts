/** One cell: a representation and a seed. Trains, calibrates, solves geodesics between poses, measures paths. */
import { distributionMetrics } from "../../autoencoders/index.js";
import { add, compile, log, mul, type NdArray, ndarray, type Tensor, takeRows } from "../../engine/index.js";
import {
  conformalMetric,
  euclideanMetric,
  evaluate,
  evaluateOnGrid,
  gateWeight,
  logMagnificationFactor,
  sumMetric,
} from "../../metrics/index.js";
import { randomKey, split, stream } from "../../numerics/random.js";
import { gridGeodesics } from "./grid-geodesic.js";
import {
  blendedFigures,
  directionsOfFigures,
  measureDecoded,
  measurePath,
  nearestPose,
  type PathNumbers,
} from "./paths.js";
import { trainPoseVae } from "./pose-vae.js";
import { poseDistance, type RepresentationName, type Walk } from "./walk.js";

export interface CellOptions {
  readonly representation: RepresentationName;
  readonly seed: number;
  readonly epochs: number;
  /** Pairs of poses. */
  readonly pairs: number;
  /** Cells along each side of the picture's field; 0 for none. */
  readonly resolution: number;
  /** Nodes along each side of the tabulated metric; default 256. */
  readonly table?: number;
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

export const pathNames = ["geodesic", "geodesicWithoutFloor", "geodesicWithoutGate", "straight", "blend"] as const;
export type PathName = (typeof pathNames)[number];

export interface PairResult {
  /** Frames of the training part. */
  readonly from: number;
  readonly to: number;
  readonly length: number;
  readonly straightLength: number;
  readonly milliseconds: number;
  readonly paths: Readonly<Record<PathName, PathNumbers>>;
}

/** What the pictures of one cell need. */
export interface CellPicture {
  readonly xs: readonly number[];
  readonly ys: readonly number[];
  /** log sqrt det G, row by row. */
  readonly field: readonly number[];
  /** Weight of the gate, likewise. */
  readonly gate: readonly number[];
  /** [n, 2] */
  readonly codes: readonly number[];
  /** Of some pairs: curves [T, 2]. */
  readonly curves: readonly (readonly number[])[];
  /** The pair of the film strip: figures in metres, [FIGURES, B, 3], and degrees to the nearest recorded pose. */
  readonly film: Readonly<Record<"geodesic" | "straight" | "blend", { ends: number[]; degrees: number[] }>>;
  readonly filmPair: number;
}

export interface CellValue {
  readonly elbo: { readonly train: number; readonly heldOut: number };
  readonly trainingSeconds: number;
  /** Degrees between a training pose and its own reconstruction; between held-out poses and the nearest training pose. */
  readonly reconstruction: number;
  readonly heldOut: number;
  readonly pairs: readonly PairResult[];
  readonly picture?: CellPicture;
}

/** Points at which paths are measured, and figures of a film strip. */
const POINTS = 65;
export const FIGURES = 9;
/** Share of the recording, from its beginning, that is trained on. */
const TRAINED = 0.8;
/** Curves drawn. */
const DRAWN = 6;
/** Added to every metric, times the identity, so that none is singular: a unit of latent length costs at least 1. */
const FLOOR = 1;
/**
 * Beyond the gate all laws are uniform, and Fisher-Rao is zero: whole detours there would be free. So w(z) times this many
 * times the identity is added, in units of the mean of G at the codes: a way out there costs three times what it does
 * at the codes. (Directions have no law that goes on becoming more uncertain, as normal laws have.)
 */
const PLATEAU = 10;

/** Trains and measures. */
export async function computeCell(walk: Walk, options: CellOptions): Promise<CellValue> {
  const { seed, epochs, threads, signal } = options;
  const representation = walk.representations[options.representation];
  const n = Math.floor(TRAINED * walk.frames);
  const frames = (start: number, end: number) => Int32Array.from({ length: end - start }, (_, i) => start + i);
  const [train, heldOut] = [
    takeRows(representation.rows, frames(0, n)),
    takeRows(representation.rows, frames(n, walk.frames)),
  ];
  const vae = await trainPoseVae([representation.head(train)], train, heldOut, { epochs, seed, threads, signal });
  const { codes } = vae.model;
  const metrics = await distributionMetrics(vae.model, {
    clusters: Math.min(Math.floor(n / 3), CLUSTERS),
    reach: REACH,
  });
  const { gate } = metrics;
  const bare = metrics.metric("fisher-rao", { floor: FLOOR });
  const tensors = await evaluate(bare, (m, z) => m.metricTensor(z), codes, [], { precision: "float32" });
  let scale = 0;
  for (let i = 0; i < n; i++) scale += (tensors.data[4 * i] + tensors.data[4 * i + 3]) / (2 * n);
  const beyond = (z: Tensor) => mul(0.5, log(add(1e-6, mul(PLATEAU * scale, gateWeight(gate!, z)))));
  const metric = sumMetric([bare, conformalMetric(euclideanMetric(2), beyond)], "Fisher-Rao, calibrated");
  const plain = (await distributionMetrics(vae.model, { gate: false })).metric("fisher-rao", { floor: FLOOR });
  const decode = compile((z: Tensor) => vae.model.family.mean(vae.model.decoder(z)), { threads });
  const training = representation.directions(train);
  const width = 3 * walk.bones.length;
  const pose = (t: number) => training.subarray(t * width, (t + 1) * width);

  const reconstructed = representation.directions(await decode(codes));
  let reconstruction = 0;
  for (let t = 0; t < n; t++)
    reconstruction += poseDistance(reconstructed.subarray(t * width, (t + 1) * width), pose(t)) / n;
  const later = representation.directions(heldOut);
  const unseen = Array.from({ length: walk.frames - n }, (_, t) =>
    nearestPose(later.subarray(t * width, (t + 1) * width), training),
  );

  const box = boxAround(codes.data);
  const calibrated = await gridGeodesics(metric, box, { threads, table: options.table });
  const tunnel = await gridGeodesics(bare, box, { threads, table: options.table });
  const open = await gridGeodesics(plain, box, { threads, table: options.table });
  const results: PairResult[] = [];
  const curves: Float64Array[] = [];
  const film: { pair: number; gap: number } = { pair: 0, gap: 0 };
  const chosen = pairsOf(walk, n, options.pairs, seed);
  const ends = representation.ends(train);
  for (const [k, [from, to]] of chosen.entries()) {
    signal?.throwIfAborted();
    const [a, b] = [from, to].map((t) => Array.from(codes.data.subarray(2 * t, 2 * t + 2)));
    const geodesic = calibrated.between(a, b, POINTS);
    const line = lineOf(a, b);
    const measured = async (path: NdArray) =>
      measureDecoded(walk, representation, await decode(path), path.data, training, codes.data);
    const figures = blendedFigures(
      ends.slice(from * width, (from + 1) * width),
      ends.slice(to * width, (to + 1) * width),
      POINTS,
    );
    const paths = {
      geodesic: await measured(geodesic.curve),
      geodesicWithoutFloor: await measured(tunnel.between(a, b, POINTS).curve),
      geodesicWithoutGate: await measured(open.between(a, b, POINTS).curve),
      straight: await measured(line),
      blend: measurePath(walk, directionsOfFigures(walk, figures), figures, training),
    };
    curves.push(geodesic.curve.data as Float64Array);
    if (paths.straight.codeMax > film.gap) Object.assign(film, { pair: k, gap: paths.straight.codeMax });
    results.push({
      from,
      to,
      length: geodesic.length,
      straightLength: geodesic.straightLength,
      milliseconds: geodesic.milliseconds,
      paths,
    });
  }

  let picture: CellPicture | undefined;
  if (options.resolution > 0) {
    const size = options.resolution;
    const field = await evaluateOnGrid(metric, box, size, size, logMagnificationFactor, { precision: "float32" });
    const weights = await evaluateOnGrid(metric, box, size, size, (_m, z) => gateWeight(gate!, z));
    const [from, to] = chosen[film.pair];
    const strip = (rows: Float64Array) =>
      Int32Array.from({ length: FIGURES }, (_, i) => Math.round((i * (rows.length - 1)) / (FIGURES - 1)));
    const degreesOf = (directions: Float64Array) =>
      Array.from({ length: FIGURES }, (_, t) =>
        rounded(nearestPose(directions.subarray(t * width, (t + 1) * width), training), 2),
      );
    const places = strip(new Float64Array(POINTS));
    const decodedStrip = async (path: NdArray) => {
      const decoded = await decode(takeRows(path, places));
      return {
        ends: Array.from(representation.ends(decoded), (x) => rounded(x, 4)),
        degrees: degreesOf(representation.directions(decoded)),
      };
    };
    const figures = blendedFigures(
      ends.slice(from * width, (from + 1) * width),
      ends.slice(to * width, (to + 1) * width),
      FIGURES,
    );
    const [a, b] = [from, to].map((t) => Array.from(codes.data.subarray(2 * t, 2 * t + 2)));
    const order = [film.pair, ...chosen.keys()].filter((k, i, list) => list.indexOf(k) === i).slice(0, DRAWN);
    picture = {
      xs: Array.from(field.xs, (x) => rounded(x, 10)),
      ys: Array.from(field.ys, (x) => rounded(x, 10)),
      field: Array.from(field.values.data, (x) => rounded(x, 3)),
      gate: Array.from(weights.values.data, (x) => rounded(x, 3)),
      codes: Array.from(codes.data, (x) => rounded(x, 4)),
      curves: order.map((k) => Array.from(curves[k], (x) => rounded(x, 4))),
      film: {
        geodesic: await decodedStrip(ndarray(curves[film.pair], [POINTS, 2])),
        straight: await decodedStrip(lineOf(a, b)),
        blend: {
          ends: Array.from(figures, (x) => rounded(x, 4)),
          degrees: degreesOf(directionsOfFigures(walk, figures)),
        },
      },
      filmPair: film.pair,
    };
  }
  await decode.dispose();
  return {
    elbo: vae.elbo,
    trainingSeconds: rounded(vae.seconds, 1),
    reconstruction,
    heldOut: unseen.reduce((x, y) => x + y, 0) / unseen.length,
    pairs: results,
    ...(picture && { picture }),
  };
}

/**
 * The gate: many centres and half open at one and a half radii around them, so that uncertainty begins right beside the
 * codes (the paper takes 500 centres and half a distance of 0.17). With 40 centres and three radii geodesics cut across
 * the inside of the cycle as straight lines do.
 */
const CLUSTERS = 95;
const REACH = 1.5;

/** Frames of the training part that lie a quarter to three quarters of a stride apart, either way. */
function pairsOf(walk: Walk, n: number, count: number, seed: number): [number, number][] {
  const random = stream(split(randomKey(seed), "pairs"));
  return Array.from({ length: count }, () => {
    const lag = Math.round(walk.stride * (0.25 + 0.5 * random.uniform()));
    const first = Math.floor(random.uniform() * (n - lag));
    return random.uniform() < 0.5 ? [first, first + lag] : [first + lag, first];
  });
}

function lineOf(a: readonly number[], b: readonly number[]): NdArray {
  const data = new Float64Array(2 * POINTS);
  for (let t = 0; t < POINTS; t++)
    for (let k = 0; k < 2; k++) data[2 * t + k] = a[k] + ((b[k] - a[k]) * t) / (POINTS - 1);
  return ndarray(data, [POINTS, 2]);
}

/** A square around the codes, a fifth larger. */
function boxAround(codes: ArrayLike<number>): { x: [number, number]; y: [number, number] } {
  const axis = (k: number) => Array.from({ length: codes.length / 2 }, (_, i) => codes[2 * i + k]);
  const [xs, ys] = [axis(0), axis(1)].map((values) => [Math.min(...values), Math.max(...values)]);
  const half = 0.6 * Math.max(xs[1] - xs[0], ys[1] - ys[0]);
  const [cx, cy] = [(xs[0] + xs[1]) / 2, (ys[0] + ys[1]) / 2];
  return { x: [cx - half, cx + half], y: [cy - half, cy + half] };
}

const rounded = (x: number, digits: number): number => Number(x.toFixed(digits));

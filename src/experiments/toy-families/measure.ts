/**
 * One cell: a family with one random decoder. Geodesics of its Fisher-Rao metric between pairs of codes, with the
 * uncertainty calibrated and without, against straight lines: how far each is from the circle of the codes.
 */
import { distributionMetrics } from "../../autoencoders/index.js";
import type { NdArray } from "../../engine/index.js";
import { connect, type GeodesicResult } from "../../geodesics/index.js";
import { evaluate, evaluateOnGrid, type LatentMetric, logMagnificationFactor } from "../../metrics/index.js";
import { randomKey, split } from "../../numerics/random.js";
import { median } from "../../numerics/statistics.js";
import { circleOfCodes, RADIUS, randomDecoder, type Toy } from "./toys.js";

/** A curve against the circle; latent units. */
export interface Departure {
  /** Mean of | |z| - 3 | over the curve's latent arc length. */
  readonly mean: number;
  readonly largest: number;
}

/** What one pair of codes gave. */
export interface PairResult {
  readonly geodesic: Departure;
  readonly straight: Departure;
  /** The geodesic of the decoder as it is, without calibrated uncertainty. */
  readonly uncalibrated: Departure;
  /** Fisher-Rao lengths, uncertainty calibrated. */
  readonly length: number;
  readonly straightLength: number;
  readonly converged: boolean;
}

/** What a picture needs. */
export interface ToyMap {
  /** Coordinates of the grid along both axes. */
  readonly axis: readonly number[];
  /** log sqrt det G less its median over the codes, row by row, cut off at `LOWEST`. */
  readonly volume: readonly number[];
  readonly codes: readonly number[];
  /** Curves, x and y of one point after another. */
  readonly geodesics: readonly (readonly number[])[];
}

export interface ToyResult {
  readonly pairs: readonly PairResult[];
  readonly seconds: number;
  readonly map?: ToyMap;
}

export interface ToySettings {
  readonly pairs: number;
  /** Cells of the picture along each axis; 0: no picture. */
  readonly grid: number;
  readonly threads?: number;
}

/** Where the metric vanishes its volume's logarithm has no bound; pictures end here. */
export const LOWEST = -6;
/** Half of the side of the picture. */
const EXTENT = 4.6;
/** Ends of a curve are this angle apart, or more. */
const LEAST_ANGLE = Math.PI / 3;
/**
 * A gate about as narrow as the authors': half open at 0.8 from the circle (theirs: 0.74). The first curves come from a
 * tabulated metric, and curves are right to 4e-4 of the energy: along so steep a wall more takes long.
 */
const GATE = { clusters: 30, reach: 2.2 };
const SOLVER = { surrogate: true, tolerance: 4e-4, workers: 0 };

export async function measureToy(toy: Toy, seed: number, settings: ToySettings): Promise<ToyResult> {
  const begin = performance.now();
  const key = split(randomKey(seed), "toy");
  const codes = circleOfCodes(key);
  const decoder = randomDecoder(toy, seed);
  const model = { dimension: 2, family: toy.family, decoder, codes };
  const calibrated = (await distributionMetrics(model, GATE)).metric();
  const bare = (await distributionMetrics(model, { gate: false })).metric();
  const ends = farPairs(codes, settings.pairs);
  const from = ends.map(([i]) => codeAt(codes, i));
  const to = ends.map(([, j]) => codeAt(codes, j));
  const solver = { ...SOLVER, codes, threads: settings.threads ?? 1 };
  const geodesics = await connect(calibrated, from, to, solver);
  const uncalibrated = await connect(bare, from, to, { codes, workers: 0, threads: settings.threads ?? 1 });
  const pairs = geodesics.map((geodesic, k) => ({
    geodesic: departure(geodesic.curve.data),
    straight: departure(straightLine(from[k], to[k])),
    uncalibrated: departure(uncalibrated[k].curve.data),
    length: geodesic.length,
    straightLength: geodesic.straightLength,
    converged: geodesic.converged,
  }));
  const map = settings.grid > 0 ? { map: await mapOf(calibrated, codes, geodesics, settings.grid) } : {};
  return { pairs, seconds: (performance.now() - begin) / 1000, ...map };
}

/** The first pairs of codes that are far enough apart. */
function farPairs(codes: NdArray, count: number): [number, number][] {
  const pairs: [number, number][] = [];
  for (let i = 0; pairs.length < count; i += 2) {
    const [[a, b], [c, d]] = [codeAt(codes, i), codeAt(codes, i + 1)];
    const angle = Math.abs(Math.atan2(a * d - b * c, a * c + b * d));
    if (angle >= LEAST_ANGLE) pairs.push([i, i + 1]);
  }
  return pairs;
}

function codeAt(codes: NdArray, i: number): [number, number] {
  return [codes.data[2 * i], codes.data[2 * i + 1]];
}

/** 65 points between two, [65 * 2]. */
function straightLine(a: readonly number[], b: readonly number[]): Float64Array {
  return Float64Array.from({ length: 130 }, (_, k) => {
    const t = Math.floor(k / 2) / 64;
    return (1 - t) * a[k % 2] + t * b[k % 2];
  });
}

/** How far a curve, [T * 2], is from the circle, by latent arc length (so that no speed along it matters). */
export function departure(curve: ArrayLike<number>): Departure {
  let [total, length, largest] = [0, 0, 0];
  const off = (x: number, y: number) => Math.abs(Math.hypot(x, y) - RADIUS);
  for (let k = 0; k + 3 < curve.length; k += 2) {
    const [x, y, u, v] = [curve[k], curve[k + 1], curve[k + 2], curve[k + 3]];
    const step = Math.hypot(u - x, v - y);
    const middle = off((x + u) / 2, (y + v) / 2);
    total += step * middle;
    length += step;
    largest = Math.max(largest, middle);
  }
  return { mean: total / length, largest };
}

async function mapOf(
  metric: LatentMetric,
  codes: NdArray,
  geodesics: readonly GeodesicResult[],
  grid: number,
): Promise<ToyMap> {
  const box = { x: [-EXTENT, EXTENT], y: [-EXTENT, EXTENT] } as const;
  const options = { notFinite: "keep" } as const;
  const field = await evaluateOnGrid(metric, box, grid, grid, logMagnificationFactor, options);
  const usual = median(Array.from((await evaluate(metric, logMagnificationFactor, codes, [], options)).data));
  return {
    axis: Array.from(field.xs, (x) => rounded(x, 4)),
    // beyond float64's reach the determinant is 0, or a rounding error below it
    volume: Array.from(field.values.data, (v) => rounded(Number.isFinite(v) ? Math.max(v - usual, LOWEST) : LOWEST, 3)),
    codes: Array.from(codes.data, (x) => rounded(x, 3)),
    geodesics: geodesics.map(({ curve }) => Array.from(curve.data, (x) => rounded(x, 4))),
  };
}

function rounded(x: number, digits: number): number {
  return Number(x.toFixed(digits));
}

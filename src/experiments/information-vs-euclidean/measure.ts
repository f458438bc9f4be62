/**
 * One cell: a Gaussian VAE with a latent plane on the ones, one seed. Geodesics of its Fisher-Rao metric and of its expected
 * metric between the same held-out codes: lengths in either metric, and how far the curves are apart.
 *
 * Both metrics see the same decoder (mu, sigma), sigma from the precision network. Expected: |dmu|^2 + |dsigma|^2. Fisher-Rao:
 * |dmu / sigma|^2 + 2 |dsigma / sigma|^2: what counts is a change against the noise.
 */
import { decode, decoderWithUncertainty, metricsOf, type Vae } from "../../autoencoders/index.js";
import { compile, type NdArray, ndarray, type Tensor } from "../../engine/index.js";
import { connect, type GeodesicResult } from "../../geodesics/index.js";
import { evaluateOnGrid, type LatentMetric, logMagnificationFactor } from "../../metrics/index.js";
import { resampleAt, resampleEvenly } from "../../numerics/resample.js";
import { mean } from "../../numerics/statistics.js";
import { trainDigitVae } from "../oddity/digit-vae.js";
import { rangeOf, straight } from "../oddity/measure.js";

export interface ComparisonSettings {
  readonly epochs: number;
  readonly rows: number;
  readonly pairs: number;
  readonly grid: number;
  /** Nodes of the tabulated metric along each axis, for first curves; 0: none. */
  readonly table: number;
  readonly drawn: boolean;
  readonly threads?: number;
  readonly report: (line: string) => void;
}

/** Lengths of one pair's three curves in one metric. */
export interface Lengths {
  readonly fisherRao: number;
  readonly expected: number;
  readonly straight: number;
}

export interface PairComparison {
  /** In nats^(1/2): the Fisher-Rao metric. */
  readonly inFisherRao: Lengths;
  /** In grey values: the expected metric. */
  readonly inExpected: Lengths;
  /** Mean latent distance between the two geodesics, over the distance of their ends. */
  readonly apart: number;
  /** Of each geodesic from the straight line, likewise. */
  readonly fisherRaoBend: number;
  readonly expectedBend: number;
  /** Mean of the decoded standard deviation along the curves, in grey values. */
  readonly noise: Lengths;
  readonly converged: boolean;
}

export interface ComparisonPicture {
  readonly xs: readonly number[];
  readonly ys: readonly number[];
  readonly fisherRao: readonly number[];
  readonly expected: readonly number[];
  readonly codes: readonly number[];
  /** Per drawn pair the two curves. */
  readonly fisherRaoCurves: readonly (readonly number[])[];
  readonly expectedCurves: readonly (readonly number[])[];
  /** Decoded means of two pairs: Fisher-Rao, expected, straight; grey values 0 to 255, base64. */
  readonly strips: readonly (readonly [string, string, string])[];
  readonly images: number;
  readonly height: number;
  readonly width: number;
}

export interface ComparisonResult {
  readonly elbo: number;
  readonly rows: number;
  readonly pairs: readonly PairComparison[];
  readonly picture?: ComparisonPicture;
}

const DRAWN_PAIRS = 10;
const STRIPS = 3;
/** Images in a strip. */
const IMAGES = 11;

export async function compareMetrics(settings: ComparisonSettings, seed: number): Promise<ComparisonResult> {
  const { threads = 1, report } = settings;
  const { data, model, elbo, latents, codes, heldOut } = await trainDigitVae(
    { ...settings, digits: [1], test: 2 * settings.pairs, threads },
    seed,
  );
  const metrics = await metricsOf({ model, latents });
  const [information, expected] = [metrics.metric("fisher-rao"), metrics.metric("expected")];
  const at = (i: number) => [heldOut.data[2 * i], heldOut.data[2 * i + 1]];
  const count = Math.floor(heldOut.shape[0] / 2);
  const [from, to] = [0, 1].map((k) => Array.from({ length: count }, (_, i) => at(2 * i + k)));
  const solver = { codes, surrogate: settings.table > 0 && settings.table, workers: 0, threads } as const;
  const ofInformation = await connect(information, from, to, solver);
  const ofExpected = await connect(expected, from, to, solver);
  const converged = ofInformation.map((one, k) => one.converged && ofExpected[k].converged);
  report(`${converged.filter(Boolean).length} of ${count} pairs converged in both metrics`);

  // all curves with as many points, evenly in latent arc length
  const even = (curve: ArrayLike<number>) => resampleEvenly(Float64Array.from(curve), 2, POINTS);
  const curves = {
    fisherRao: ofInformation.map(({ curve }) => even(curve.data)),
    expected: ofExpected.map(({ curve }) => even(curve.data)),
    straight: from.map((a, k) => even(straight(a, to[k]))),
  };
  const inFisherRao = await lengthsIn(information, curves);
  const inExpected = await lengthsIn(expected, curves);
  const noise = await noiseAlong(model, curves);
  const pairs = from.map((a, k): PairComparison => {
    const chord = Math.hypot(to[k][0] - a[0], to[k][1] - a[1]);
    const gap = (one: readonly Float64Array[], other: readonly Float64Array[]) => distance(one[k], other[k]) / chord;
    return {
      inFisherRao: inFisherRao[k],
      inExpected: inExpected[k],
      apart: gap(curves.fisherRao, curves.expected),
      fisherRaoBend: gap(curves.fisherRao, curves.straight),
      expectedBend: gap(curves.expected, curves.straight),
      noise: noise[k],
      converged: converged[k],
    };
  });
  return {
    elbo,
    rows: data.train.n,
    pairs,
    ...(settings.drawn && {
      picture: await pictureOf(model, [information, expected], codes, [ofInformation, ofExpected], from, to, settings),
    }),
  };
}

const POINTS = 129;

/** Points at t = 0, 1/(count - 1), .., 1 of a curve whose own points are even in t. */
export function atTimes(curve: Float64Array, dimension: number, count: number): Float64Array {
  const own = curve.length / dimension;
  const times = (n: number) => Float64Array.from({ length: n }, (_, i) => i / (n - 1));
  return resampleAt(curve, dimension, times(own), times(count));
}

type Curves = {
  readonly [name in keyof Lengths]: readonly Float64Array[];
};

/** Lengths of all curves in a metric, by the chords between their points. */
async function lengthsIn(metric: LatentMetric, curves: Curves): Promise<Lengths[]> {
  const steps = compile((a: Tensor, b: Tensor) => metric.segmentEnergy(a, b), { precision: "float32", threads: 1 });
  const lengthOf = async (curve: Float64Array): Promise<number> => {
    const part = (start: number) =>
      ndarray(Float32Array.from(curve.subarray(start, start + 2 * (POINTS - 1))), [POINTS - 1, 2]);
    const squares: NdArray = await steps(part(0), part(2));
    return (squares.data as Float32Array).reduce((total, x) => total + Math.sqrt(Math.max(0, x)), 0);
  };
  const out: Lengths[] = [];
  for (let k = 0; k < curves.straight.length; k++)
    out.push({
      fisherRao: await lengthOf(curves.fisherRao[k]),
      expected: await lengthOf(curves.expected[k]),
      straight: await lengthOf(curves.straight[k]),
    });
  await steps.dispose();
  return out;
}

/** Mean decoded standard deviation along all curves. */
async function noiseAlong(model: Vae, curves: Curves): Promise<Lengths[]> {
  const decoder = decoderWithUncertainty(model);
  const deviation = compile((z: Tensor) => decoder(z).std, { threads: 1 });
  const along = async (curve: Float64Array) =>
    mean((await deviation(ndarray(Float32Array.from(curve), [POINTS, 2]))).data as Float32Array);
  const out: Lengths[] = [];
  for (let k = 0; k < curves.straight.length; k++)
    out.push({
      fisherRao: await along(curves.fisherRao[k]),
      expected: await along(curves.expected[k]),
      straight: await along(curves.straight[k]),
    });
  await deviation.dispose();
  return out;
}

/** Mean distance from the points of each curve to the other curve, both ways. */
function distance(a: Float64Array, b: Float64Array): number {
  const oneWay = (from: Float64Array, to: Float64Array): number => {
    let total = 0;
    for (let i = 0; i < from.length; i += 2) {
      let least = Number.POSITIVE_INFINITY;
      for (let j = 0; j < to.length; j += 2)
        least = Math.min(least, (from[i] - to[j]) ** 2 + (from[i + 1] - to[j + 1]) ** 2);
      total += Math.sqrt(least);
    }
    return total / (from.length / 2);
  };
  return (oneWay(a, b) + oneWay(b, a)) / 2;
}

async function pictureOf(
  model: Vae,
  metrics: readonly LatentMetric[],
  codes: NdArray,
  results: readonly (readonly GeodesicResult[])[],
  from: readonly number[][],
  to: readonly number[][],
  { grid, threads }: ComparisonSettings,
): Promise<ComparisonPicture> {
  const [x, y] = [rangeOf(codes, 0), rangeOf(codes, 1)];
  const options = { precision: "float32" } as const;
  const fields = [];
  for (const metric of metrics)
    fields.push(await evaluateOnGrid(metric, { x, y }, grid, grid, logMagnificationFactor, options));
  const drawn = (which: number) =>
    results[which].slice(0, DRAWN_PAIRS).map(({ curve }) => Array.from(curve.data as Float64Array, round4));
  // the pairs whose ends are farthest apart show most
  const wide = from
    .map((a, k) => ({ k, length: Math.hypot(to[k][0] - a[0], to[k][1] - a[1]) }))
    .sort((a, b) => b.length - a.length)
    .slice(0, STRIPS);
  const strip = async (curve: Float64Array) => {
    const points = atTimes(curve, 2, IMAGES);
    const { data } = await decode(model, ndarray(Float32Array.from(points), [IMAGES, 2]), { threads });
    return bytesOf(data);
  };
  const strips: [string, string, string][] = [];
  for (const { k } of wide)
    strips.push([
      await strip(results[0][k].curve.data as Float64Array),
      await strip(results[1][k].curve.data as Float64Array),
      await strip(Float64Array.from(straight(from[k], to[k]))),
    ]);
  const side = Math.round(Math.sqrt(model.shape.dataDimension));
  return {
    xs: Array.from(fields[0].xs, round4),
    ys: Array.from(fields[0].ys, round4),
    fisherRao: Array.from(fields[0].values.data, round3),
    expected: Array.from(fields[1].values.data, round3),
    codes: Array.from(codes.data.slice(0, 1200), round3),
    fisherRaoCurves: drawn(0),
    expectedCurves: drawn(1),
    strips,
    images: IMAGES,
    height: side,
    width: side,
  };
}

/** Grey values from 0 to 1 as bytes, base64. */
export function bytesOf(values: ArrayLike<number>): string {
  const bytes = Uint8Array.from({ length: values.length }, (_, i) =>
    Math.round(255 * Math.min(1, Math.max(0, values[i]))),
  );
  return Buffer.from(bytes).toString("base64");
}

/** The way back, 0 to 1. */
export function greyOf(text: string): Float64Array {
  return Float64Array.from(Buffer.from(text, "base64"), (byte) => byte / 255);
}

const round3 = (x: number): number => Number(x.toFixed(3));
const round4 = (x: number): number => Number(x.toFixed(4));

/**
 * One cell: a VAE with a categorical decoder (d = 2) trained with one seed on nine tenths of an RNA family; distances
 * between held-out sequences in its latent space, by several metrics, beside the distances between the sequences.
 *
 * Axes: m measured sequences, S sites, K letters.
 */
import { encode, metricsOf } from "../../autoencoders/index.js";
import { type Dataset, sequenceDistances, splitDataset, takeDataset } from "../../data/index.js";
import { compile, type NdArray, ndarray, type Tensor } from "../../engine/index.js";
import { connect, distanceMatrix } from "../../geodesics/index.js";
import { evaluate, gateWeight, type LatentMetric, logMagnificationFactor } from "../../metrics/index.js";
import { kMedoids } from "../../numerics/k-medoids.js";
import { permutation, randomKey, split } from "../../numerics/random.js";
import type { ExperimentOptions } from "../options.js";
import { trainVaeCell } from "../vae-cell.js";
import { type Correlations, correlationsWith } from "./correlations.js";
import { loadRnaFamily } from "./family.js";

export interface SequenceSettings {
  readonly epochs: number;
  readonly hidden: readonly number[];
  /** Of the family's sequences, how many are used. */
  readonly sequences: number;
  /** m: held-out sequences whose distances are measured. */
  readonly measured: number;
  /** Draws of the bootstrap. */
  readonly draws: number;
  /** Cells along each side of the pictures. */
  readonly resolution: number;
}

/** The rows of the table, in its order. */
export const measures = [
  { name: "euclidean", label: "Euclidean, latent" },
  { name: "fisher-rao", label: "geodesic, Fisher-Rao, calibrated" },
  { name: "fisher-rao-plain", label: "geodesic, Fisher-Rao, not calibrated" },
  { name: "probabilities", label: "geodesic, squared probability differences, calibrated" },
  { name: "impurity", label: "geodesic, class impurity (the published code's limit), calibrated" },
  { name: "decoded", label: "no path: Fisher-Rao distance of the two decoded laws" },
] as const;

export type MeasureName = (typeof measures)[number]["name"];

export interface SequenceResult {
  readonly elbo: { readonly train: number; readonly test: number };
  /** Pairs, and how many of them have no Jukes-Cantor distance (saturated, or no site in common) or no geodesic. */
  readonly pairs: number;
  readonly saturated: number;
  readonly failed: number;
  readonly correlations: Readonly<
    Record<"hamming" | "jukes-cantor" | "near", Readonly<Partial<Record<MeasureName, Correlations>>>>
  >;
  /** Some pairs: evolutionary distances, then those of `measures`. */
  readonly sample: readonly (readonly number[])[];
  /** Seconds for each matrix. */
  readonly seconds: Readonly<Partial<Record<MeasureName, number>>>;
  /** Of the first seed. */
  readonly picture?: SequencePicture;
}

export interface SequencePicture {
  readonly xs: readonly number[];
  readonly ys: readonly number[];
  /** Entropy of the decoded law, nats a site. */
  readonly entropy: readonly number[];
  readonly logMagnification: readonly number[];
  readonly gate: readonly number[];
  readonly gateHalf: number;
  /** x and y of codes of training sequences, and their groups by letters. */
  readonly codes: readonly number[];
  readonly groups: readonly number[];
  readonly geodesics: readonly (readonly number[])[];
}

/** Trains and measures. @throws RunError when it is stopped, UsageError without the data */
export async function sequenceCell(
  seed: number,
  settings: SequenceSettings,
  options: Pick<ExperimentOptions, "threads" | "signal" | "report">,
  withPicture: boolean,
): Promise<SequenceResult> {
  const { threads, signal, report } = options;
  const { train, test } = splitDataset(chosen(loadRnaFamily(), settings.sequences, seed), { testFraction: 0.1, seed });
  const K = train.alignment!.letters.length;
  const { model, latents, ...result } = await trainVaeCell(
    train,
    {
      test,
      likelihood: "categorical",
      likelihoodOptions: { classes: K },
      latentDimension: 2,
      encoderHidden: [...settings.hidden],
      decoderHidden: [...settings.hidden].reverse(),
      epochs: settings.epochs,
      seed,
    },
    options,
  );
  const gated = await metricsOf({ model, latents });
  const plain = await metricsOf({ model, latents }, { gate: false });
  const measured = chosen(test, settings.measured, seed);
  const m = measured.n;
  const codes = (await encode(model, measured.rows, { threads })).mean;
  const points = ndarray(Float64Array.from(codes.data), codes.shape);

  const seconds: Partial<Record<MeasureName, number>> = {};
  let failed = 0;
  const matrices: Float64Array[] = [];
  for (const { name } of measures) {
    const start = performance.now();
    let matrix: Float64Array;
    if (name === "euclidean") matrix = pairwise(points);
    else if (name === "decoded") matrix = await greatCircles(gated.decoder, points, K);
    else {
      const metric: LatentMetric =
        name === "fisher-rao-plain" ? plain.metric("fisher-rao") : gated.metric(name as "fisher-rao");
      const found = await distanceMatrix(metric, points, { method: "graph", codes: latents, threads, signal });
      matrix = found.distances.data as Float64Array;
      failed += found.failed.length;
    }
    matrices.push(matrix);
    seconds[name] = Math.round((performance.now() - start) / 10) / 100;
    report(`  ${name}: ${seconds[name]} s`);
  }
  const key = split(randomKey(seed), "bootstrap");
  const hamming = sequenceDistances(measured, "hamming");
  const jukesCantor = sequenceDistances(measured, "jukes-cantor");
  const finite = upper(jukesCantor, m).filter(Number.isFinite).sort();
  const middle = finite[Math.floor(finite.length / 4)];
  const near = jukesCantor.map((distance) => (distance <= middle ? distance : Number.POSITIVE_INFINITY));
  const named = (found: Correlations[]) => Object.fromEntries(measures.map(({ name }, k) => [name, found[k]]));
  const order = permutation(split(randomKey(seed), "drawn pairs"), m * m).filter(
    (pair) => pair % m < Math.floor(pair / m) && Number.isFinite(jukesCantor[pair]),
  );
  return {
    elbo: { train: result.elbo.train, test: result.elbo.test! },
    pairs: (m * (m - 1)) / 2,
    saturated: (m * (m - 1)) / 2 - finite.length,
    failed,
    correlations: {
      hamming: named(correlationsWith(hamming, matrices, m, settings.draws, key)),
      "jukes-cantor": named(correlationsWith(jukesCantor, matrices, m, settings.draws, key)),
      near: named(correlationsWith(near, matrices, m, settings.draws, key)),
    },
    sample: Array.from(order.subarray(0, 1500))
      .map((pair) => [hamming, jukesCantor, ...matrices].map((matrix) => rounded(matrix[pair])))
      .filter((row) => row.every(Number.isFinite)),
    seconds,
    ...(withPicture && { picture: await pictureOf(train, latents, gated, settings, seed, threads) }),
  };
}

/** So many sequences, drawn by the seed, in the order of the file. */
function chosen(data: Dataset, count: number, seed: number): Dataset {
  if (count >= data.n) return data;
  return takeDataset(
    data,
    permutation(split(randomKey(seed), "chosen"), data.n)
      .subarray(0, count)
      .sort(),
  );
}

function pairwise({ data, shape: [n, d] }: NdArray): Float64Array {
  return Float64Array.from({ length: n * n }, (_, pair) => {
    const [i, j] = [Math.floor(pair / n), pair % n];
    let squares = 0;
    for (let k = 0; k < d; k++) squares += (data[i * d + k] - data[j * d + k]) ** 2;
    return Math.sqrt(squares);
  });
}

/** Fisher-Rao distance in the whole space of laws: sqrt of the sum over sites of (2 arccos sum_k sqrt(p_k q_k))^2. */
async function greatCircles(decoder: (z: Tensor) => any, points: NdArray, K: number): Promise<Float64Array> {
  const program = compile((z: Tensor) => decoder(z).logits, { precision: "float64" });
  const logits: NdArray = await program(points);
  await program.dispose();
  const [n, sites] = logits.shape;
  const roots = Float64Array.from(logits.data);
  for (let start = 0; start < roots.length; start += K) {
    const site = roots.subarray(start, start + K);
    const top = Math.max(...site);
    const total = site.reduce((sum, l) => sum + Math.exp(l - top), 0);
    for (let k = 0; k < K; k++) site[k] = Math.sqrt(Math.exp(site[k] - top) / total);
  }
  const width = sites * K;
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < i; j++) {
      let squares = 0;
      for (let s = 0; s < width; s += K) {
        let cosine = 0;
        for (let k = 0; k < K; k++) cosine += roots[i * width + s + k] * roots[j * width + s + k];
        squares += (2 * Math.acos(Math.min(1, cosine))) ** 2;
      }
      matrix[i * n + j] = matrix[j * n + i] = Math.sqrt(squares);
    }
  return matrix;
}

function upper(matrix: Float64Array, n: number): Float64Array {
  const values: number[] = [];
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) values.push(matrix[i * n + j]);
  return Float64Array.from(values);
}

const rounded = (x: number): number => Number(x.toPrecision(4));

const GROUPS = 5;
const DRAWN = 900;
const GEODESICS = 8;

async function pictureOf(
  train: Dataset,
  latents: NdArray,
  metrics: Awaited<ReturnType<typeof metricsOf>>,
  { resolution: n }: SequenceSettings,
  seed: number,
  threads: number | undefined,
): Promise<SequencePicture> {
  const [xs, ys] = [0, 1].map((axis) => {
    const sorted = Float64Array.from({ length: latents.shape[0] }, (_, i) => latents.data[2 * i + axis]).sort();
    const [low, high] = [sorted[0], sorted[sorted.length - 1]];
    const margin = 0.15 * (high - low);
    return Array.from({ length: n }, (_, i) => low - margin + ((high - low + 2 * margin) * i) / (n - 1));
  });
  const grid = Float64Array.from({ length: 2 * n * n }, (_, i) => {
    const cell = Math.floor(i / 2);
    return i % 2 === 0 ? xs[cell % n] : ys[Math.floor(cell / n)];
  });
  const points = ndarray(grid, [n * n, 2]);
  const metric = metrics.metric("fisher-rao");
  const magnification = await evaluate(metric, logMagnificationFactor, points, [], { precision: "float32" });
  const sites = train.alignment!.sites;
  const entropy = await evaluate(metric, (_, z) => metrics.family.entropy(metrics.decoder(z)), points, [], {
    precision: "float32",
  });
  const gate = await evaluate(metric, (_, z) => gateWeight(metrics.gate!, z), points, [], { precision: "float32" });
  const drawn = permutation(split(randomKey(seed), "drawn codes"), train.n).subarray(0, DRAWN);
  const letters = takeDataset(train, drawn);
  const groups = kMedoids(letters.rows, letters.dimension, GROUPS, split(randomKey(seed), "groups"));
  const ends = Array.from({ length: GEODESICS }, (_, i) => [drawn[2 * i], drawn[2 * i + 1]]);
  const code = (i: number) => [latents.data[2 * i], latents.data[2 * i + 1]];
  const found = await connect(
    metric,
    ends.map(([a]) => code(a)),
    ends.map(([, b]) => code(b)),
    { codes: latents, threads },
  );
  return {
    xs: xs.map(rounded),
    ys: ys.map(rounded),
    entropy: Array.from(entropy.data, (nats) => rounded(nats / sites)),
    logMagnification: Array.from(magnification.data, rounded),
    gate: Array.from(gate.data, (w) => Number(w.toFixed(3))),
    gateHalf: metrics.gate!.half,
    codes: Array.from(drawn).flatMap((i) => code(i).map(rounded)),
    groups: Array.from(groups.assignment),
    geodesics: found.map(({ curve }) => Array.from(curve.data, rounded)),
  };
}

/**
 * Connecting geodesics under Fisher-Rao and Wasserstein metrics: against Euclidean ones of the same decoder (times,
 * single and batched), and against the black-box way of the papers: Adam, 150 steps, on a cubic spline of 20 points,
 * with the energy by KL divergences or by 1-Wasserstein distances between neighbours, on the same engine in the same
 * run. All on the decoder of `geodesic-decoder.ts`, 2-100-100-784; where a family wants other parameters its outputs
 * are read as logits, or a second last layer with fixed numbers is added for deviations. Run by `npm run bench`.
 */
import { availableParallelism } from "node:os";
import { bernoulli, categorical, type Family, normal } from "../src/distributions/families/index.js";
import {
  add,
  compile,
  matmul,
  mul,
  ndarray,
  permutation,
  randomKey,
  sub,
  type Tensor,
  tanh,
} from "../src/engine/index.js";
import { type PreparedConnect, prepareConnect } from "../src/geodesics/index.js";
import { kernel } from "../src/geodesics/kernels.js";
import {
  type DistributionDecoder,
  fisherRao,
  type LatentMetric,
  pullback,
  wasserstein1,
  wasserstein2,
} from "../src/metrics/index.js";
import { evenly, resampleAt } from "../src/numerics/resample.js";
import { baseline, baselineCurve } from "./geodesic-baseline.js";
import { benchDecoder } from "./geodesic-decoder.js";
import { fixedNumbers, median } from "./measure.js";

const PAIRS = 100;
const FINE = 1024;
/** Values of a pixel in bins, for discretised W1: the 256 grey levels of the paper cost sixteen times as much on both sides. */
const BINS = 16;

export interface FamilyGeodesicFigure {
  readonly metric: string;
  /** How many pairs. */
  readonly pairs: number;
  /** Milliseconds of one geodesic, one after another (median), and of each of all of them at once. */
  readonly single: number;
  readonly batch: number;
  /** Over the Euclidean ones, which take turns with them. */
  readonly singleRatio: number;
  readonly batchRatio: number;
  readonly converged: number;
  readonly baseline?: {
    readonly energy: string;
    readonly milliseconds: number;
    readonly ratio: number;
    readonly pairs: number;
    /** Pairs where ours has at most the baseline's energy on the fine grid (to 0.1 %). */
    readonly notAbove: number;
    /** Median of the baseline's energy over ours. */
    readonly excess: number;
  };
}

interface Case {
  readonly name: string;
  readonly metric: LatentMetric;
  /** The papers' energy of neighbours, [N, 2], [N, 2] -> [N], and how many pairs are worth its time. */
  readonly blackBox?: {
    readonly name: string;
    readonly step: (a: Tensor, b: Tensor) => Tensor;
    readonly pairs: number;
  };
}

export async function familyGeodesicFigures(
  report: (line: string) => void = console.log,
  only = "",
): Promise<FamilyGeodesicFigure[]> {
  const { decode, codes, weights } = await benchDecoder(25, report);
  const order = permutation(randomKey(7), 200);
  const code = (i: number) => [codes.data[2 * order[i]], codes.data[2 * order[i] + 1]];
  const from = Array.from({ length: PAIRS }, (_, i) => code(2 * i));
  const to = Array.from({ length: PAIRS }, (_, i) => code(2 * i + 1));
  const euclidean = await prepareConnect(pullback(decode, 2), { codes, points: 257 });
  const figures: FamilyGeodesicFigure[] = [];
  for (const one of casesOf(decode, weights).filter(({ name }) => name.includes(only))) {
    const solver = await prepareConnect(one.metric, { codes, points: 257 });
    const figure = await figureOf(one, solver, euclidean, from, to);
    await solver.dispose();
    figures.push(figure);
    const { baseline: other } = figure;
    report(
      `${figure.metric}: ${figure.single.toFixed(2)} ms (${figure.singleRatio.toFixed(2)}x), batch ${figure.batch.toFixed(2)} ms (${figure.batchRatio.toFixed(2)}x), converged ${figure.converged} of ${figure.pairs}` +
        (other
          ? `; ${other.energy} ${other.milliseconds.toFixed(1)} ms, ${other.ratio.toFixed(1)}x ours, ours not above ${other.notAbove} of ${other.pairs}, its energy ${other.excess.toFixed(4)} of ours`
          : ""),
    );
  }
  await euclidean.dispose();
  return figures;
}

function casesOf(
  decode: (z: Tensor) => Tensor,
  weights: readonly { weight: ReturnType<typeof ndarray>; bias: ReturnType<typeof ndarray> }[],
): Case[] {
  const layer = (x: Tensor, i: number) => add(matmul(x, weights[i].weight), weights[i].bias);
  const hidden = (z: Tensor) => tanh(layer(tanh(layer(z, 0)), 1));
  const logits = (z: Tensor) => layer(hidden(z), 2);
  const deviations = fixedNumbers([100, 784], 0.1, 31);
  const logDeviation = (z: Tensor) => sub(mul(0.5, tanh(matmul(hidden(z), deviations))), 2);
  const of = (family: Family, decoder: DistributionDecoder) => ({
    fisherRao: fisherRao(decoder, family, 2),
    kl: (a: Tensor, b: Tensor) => family.klDivergence(decoder(a), decoder(b)),
  });
  const bits = of(bernoulli(), (z) => ({ logits: logits(z) }));
  const fours = categorical({ classes: 4 });
  const sites = of(fours, (z) => fours.fromNetwork(logits(z)));
  const gaussian: DistributionDecoder = (z) => ({ mean: decode(z), logDeviation: logDeviation(z) });
  const gaussians = of(normal(), gaussian);
  const transport = wasserstein1(gaussian, normal(), 2);
  const binned = wasserstein1(gaussian, normal(), 2, { values: { low: -0.25, high: 1.25, count: BINS } });
  return [
    {
      name: "Fisher-Rao, Bernoulli",
      metric: bits.fisherRao,
      blackBox: { name: "KL", step: bits.kl, pairs: 25 },
    },
    {
      name: "Fisher-Rao, categorical (196 sites, 4 classes)",
      metric: sites.fisherRao,
      blackBox: { name: "KL", step: sites.kl, pairs: 25 },
    },
    {
      name: "Fisher-Rao, normal (mean and deviation)",
      metric: gaussians.fisherRao,
      blackBox: { name: "KL", step: gaussians.kl, pairs: 25 },
    },
    { name: "2-Wasserstein, normal", metric: wasserstein2(gaussian, normal(), 2) },
    {
      name: "1-Wasserstein, normal",
      metric: transport,
      blackBox: { name: "W1", step: transport.segmentEnergy, pairs: 25 },
    },
    {
      name: `1-Wasserstein, normal in ${BINS} bins`,
      metric: binned,
      blackBox: { name: `W1, ${BINS} bins`, step: binned.segmentEnergy, pairs: 25 },
    },
  ];
}

async function figureOf(
  { name, metric, blackBox }: Case,
  solver: PreparedConnect,
  euclidean: PreparedConnect,
  from: number[][],
  to: number[][],
): Promise<FamilyGeodesicFigure> {
  const [ours, flat]: number[][] = [[], []];
  const curves: Float64Array[] = [];
  let converged = 0;
  for (const measured of [false, true]) {
    for (let i = 0; i < from.length; i++) {
      const start = performance.now();
      const result = await solver.connect(from[i], to[i]);
      const middle = performance.now();
      await euclidean.connect(from[i], to[i]);
      if (!measured) continue;
      ours.push(middle - start);
      flat.push(performance.now() - middle);
      curves.push(result.curve.data as Float64Array);
      if (result.converged) converged++;
    }
  }
  const [oursBatch, flatBatch]: number[][] = [[], []];
  for (let round = 0; round < 4; round++) {
    const start = performance.now();
    await solver.connect(from, to);
    const middle = performance.now();
    await euclidean.connect(from, to);
    if (round === 0) continue;
    oursBatch.push((middle - start) / from.length);
    flatBatch.push((performance.now() - middle) / from.length);
  }
  const figure = {
    metric: name,
    pairs: from.length,
    single: median(ours),
    batch: median(oursBatch),
    singleRatio: median(ours) / median(flat),
    batchRatio: median(oursBatch) / median(flatBatch),
    converged,
  };
  if (!blackBox) return figure;
  const energy = compile(kernel(metric, "energy"));
  const fineEnergy = async (curve: Float64Array): Promise<number> => {
    const T = curve.length / 2;
    const fine = T === FINE + 1 ? curve : resampleAt(curve, 2, evenly(1, T), evenly(1, FINE + 1), "natural");
    const { steps } = await energy(ndarray(Float32Array.from(fine), [FINE + 1, 2]));
    return FINE * steps.data.reduce((total: number, e: number) => total + e, 0);
  };
  const descent = await baseline({ steps: blackBox.step }, 1, availableParallelism());
  const times: number[] = [];
  const ratios: number[] = [];
  const oursTimes: number[] = [];
  for (let i = 0; i < blackBox.pairs; i++) {
    const start = performance.now();
    await solver.connect(from[i], to[i]);
    const middle = performance.now();
    const spline = await descent.solve(Float32Array.from(from[i]), Float32Array.from(to[i]));
    oursTimes.push(middle - start);
    times.push(performance.now() - middle);
    ratios.push((await fineEnergy(baselineCurve(spline, from[i], to[i], FINE + 1))) / (await fineEnergy(curves[i])));
  }
  await descent.release();
  await energy.dispose();
  return {
    ...figure,
    baseline: {
      energy: `Adam on ${blackBox.name}`,
      milliseconds: median(times),
      ratio: median(times) / median(oursTimes),
      pairs: blackBox.pairs,
      notAbove: ratios.filter((ratio) => ratio >= 0.999).length,
      excess: median(ratios),
    },
  };
}

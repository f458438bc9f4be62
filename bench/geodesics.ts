/**
 * Geodesics against first-order descent, on the same engine in the same run: 100 pairs of MNIST codes one after
 * another, the same 100 at once, and a distance matrix of 500 codes. Excess is the energy above the best that any
 * solver here found, on a fine grid of 1,024 segments. Ours and the baseline take turns, so that a noisy machine hits
 * both alike. Run by `npm run bench`; needs ATLAS_DATA (or the cached weights).
 */
import { availableParallelism } from "node:os";
import { compile, ndarray, permutation, randomKey } from "../src/engine/index.js";
import { connect, distanceMatrix, type GeodesicResult, prepareConnect } from "../src/geodesics/index.js";
import { kernel } from "../src/geodesics/kernels.js";
import { pullback } from "../src/metrics/index.js";
import { evenly, resampleAt } from "../src/numerics/resample.js";
import { baseline, baselineCurve } from "./geodesic-baseline.js";
import { benchDecoder } from "./geodesic-decoder.js";
import { median } from "./measure.js";

const PAIRS = 100;
const FINE = 1024;
const EXCESS = 1e-3;

export interface GeodesicFigures {
  /** Milliseconds of one geodesic, one after another. */
  single: { ours: number; oursMean: number; baseline: number; ratio: number };
  /** Milliseconds a geodesic, all at once. */
  batch: { ours: number; baseline: number; ratio: number };
  /** Pairs (of 100) whose excess energy is above 0.1 %. */
  excess: { ours: number; oursWorst: number; oursMedian: number; baseline: number; baselineMedian: number };
  converged: number;
  /** Seconds of the preparation that all geodesics of one decoder share. */
  preparation: number;
  distances: { points: number; milliseconds: number; worst: number; median: number };
}

export async function geodesicFigures(log: (line: string) => void = console.log): Promise<GeodesicFigures> {
  const { decode, codes } = await benchDecoder(25, log);
  const metric = pullback(decode, 2);
  const order = permutation(randomKey(7), 200);
  const code = (i: number) => [codes.data[2 * order[i]], codes.data[2 * order[i] + 1]];
  const from = Array.from({ length: PAIRS }, (_, i) => code(2 * i));
  const to = Array.from({ length: PAIRS }, (_, i) => code(2 * i + 1));

  const solver = await prepareConnect(metric, { codes, points: 257 });
  log(`preparation ${solver.seconds.toFixed(2)} s`);
  const single = await baseline({ decode }, 1, 1);
  const ours: GeodesicResult[] = [];
  const theirs: Float64Array[] = [];
  const [oursTimes, theirTimes]: number[][] = [[], []];
  for (const measured of [false, true]) {
    // once through unmeasured: kernels of rarer sizes are compiled when first met
    for (let i = 0; i < PAIRS; i++) {
      const start = performance.now();
      const result = await solver.connect(from[i], to[i]);
      const middle = performance.now();
      if (!measured && i >= 3) continue;
      const spline = await single.solve(Float32Array.from(from[i]), Float32Array.from(to[i]));
      const end = performance.now();
      if (!measured) continue;
      oursTimes.push(middle - start);
      theirTimes.push(end - middle);
      ours.push(result);
      theirs.push(baselineCurve(spline, from[i], to[i], FINE + 1));
    }
  }
  const mean = oursTimes.reduce((a, b) => a + b) / PAIRS;
  log(
    `single: ours ${median(oursTimes).toFixed(2)} ms (mean ${mean.toFixed(2)}), baseline ${median(theirTimes).toFixed(2)} ms`,
  );

  const many = await baseline({ decode }, PAIRS, availableParallelism());
  const flatFrom = Float32Array.from(from.flat());
  const flatTo = Float32Array.from(to.flat());
  await solver.connect(from, to);
  const [oursBatch, theirBatch]: number[][] = [[], []];
  for (let round = 0; round < 3; round++) {
    const start = performance.now();
    await solver.connect(from, to);
    const middle = performance.now();
    await many.solve(flatFrom, flatTo);
    oursBatch.push((middle - start) / PAIRS);
    theirBatch.push((performance.now() - middle) / PAIRS);
  }
  log(`batch: ours ${median(oursBatch).toFixed(2)} ms, baseline ${median(theirBatch).toFixed(2)} ms a geodesic`);
  await single.release();
  await many.release();

  // The best known: ours, the baseline, and slow, careful solves of ours from two starts.
  const energyKernel = compile(kernel(metric, "energy"));
  const fineEnergy = async (curve: Float64Array): Promise<number> => {
    const T = curve.length / 2;
    const fine = T === FINE + 1 ? curve : resampleAt(curve, 2, evenly(1, T), evenly(1, FINE + 1), "natural");
    const { steps } = await energyKernel(ndarray(Float32Array.from(fine), [FINE + 1, 2]));
    let sum = 0;
    for (const step of steps.data) sum += step;
    return FINE * sum;
  };
  const careful = await connect(metric, from, to, {
    codes,
    points: 1025,
    maxPoints: 1024,
    tolerance: 1e-8,
    accuracy: 2e-6,
    start: ["graph", "straight"],
    surrogate: false,
  });
  const excesses: number[] = [];
  const theirExcesses: number[] = [];
  for (let i = 0; i < PAIRS; i++) {
    const mine = await fineEnergy(ours[i].curve.data as Float64Array);
    const other = await fineEnergy(theirs[i]);
    const best = Math.min(mine, other, await fineEnergy(careful[i].curve.data as Float64Array));
    excesses.push(mine / best - 1);
    theirExcesses.push(other / best - 1);
  }
  const over = (values: number[]) => values.filter((value) => value > EXCESS).length;
  log(
    `excess over 0.1 %: ours ${over(excesses)}, baseline ${over(theirExcesses)} of ${PAIRS}; median ours ${median(excesses).toExponential(1)}, baseline ${median(theirExcesses).toExponential(1)}`,
  );
  await energyKernel.dispose();
  await solver.dispose();

  const distances = await distanceFigures(metric, codes, log);
  return {
    single: {
      ours: median(oursTimes),
      oursMean: mean,
      baseline: median(theirTimes),
      ratio: median(theirTimes) / median(oursTimes),
    },
    batch: { ours: median(oursBatch), baseline: median(theirBatch), ratio: median(theirBatch) / median(oursBatch) },
    excess: {
      ours: over(excesses),
      oursWorst: Math.max(...excesses),
      oursMedian: median(excesses),
      baseline: over(theirExcesses),
      baselineMedian: median(theirExcesses),
    },
    converged: ours.filter((result) => result.converged).length,
    preparation: solver.seconds,
    distances,
  };
}

async function distanceFigures(
  metric: ReturnType<typeof pullback>,
  codes: Awaited<ReturnType<typeof benchDecoder>>["codes"],
  log: (line: string) => void,
): Promise<GeodesicFigures["distances"]> {
  const N = 500;
  const points = ndarray(Float64Array.from(codes.data.subarray(0, 2 * N)), [N, 2]);
  const start = performance.now();
  const { distances } = await distanceMatrix(metric, points, { method: "graph", codes });
  const seconds = (performance.now() - start) / 1000;
  const pairs = permutation(randomKey(11), N);
  const [from, to]: number[][][] = [[], []];
  const found: number[] = [];
  for (let k = 0; k < 200; k++) {
    const [i, j] = [pairs[(2 * k) % N], pairs[(2 * k + 1 + 2 * Math.floor((2 * k) / N)) % N]];
    from.push([points.data[2 * i], points.data[2 * i + 1]]);
    to.push([points.data[2 * j], points.data[2 * j + 1]]);
    found.push(distances.data[i * N + j]);
  }
  const exact = await connect(metric, from, to, { codes });
  const errors = exact.map(({ length }, k) => (length > 0 ? Math.abs(found[k] / length - 1) : 0));
  const milliseconds = (1000 * seconds) / ((N * (N - 1)) / 2);
  log(
    `distance matrix of ${N}: ${seconds.toFixed(1)} s, ${milliseconds.toFixed(3)} ms a pair, error worst ${Math.max(...errors).toExponential(1)}, median ${median(errors).toExponential(1)}`,
  );
  return { points: N, milliseconds, worst: Math.max(...errors), median: median(errors) };
}

/**
 * StochMan on PyTorch beside ours: the same decoder weights, the same 100 pairs, the same number of threads, energies
 * on one fine grid. Three steps, since ours needs no Python:
 *
 *   npm run bench -- peers            writes the weights and pairs to .cache/peers (and says what to do next)
 *   python bench/peers/stochman_geodesics.py .cache/peers 2
 *   npm run bench -- peers            solves the same pairs, compares, writes the section of RESULTS.md
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile, ndarray, permutation, randomKey } from "../src/engine/index.js";
import { prepareConnect } from "../src/geodesics/index.js";
import { kernel } from "../src/geodesics/kernels.js";
import { pullback } from "../src/metrics/index.js";
import { readNpy, writeNpy } from "../src/numerics/npy.js";
import { evenly, resampleAt } from "../src/numerics/resample.js";
import { benchDecoder } from "./geodesic-decoder.js";
import { median } from "./measure.js";

const PAIRS = 100;
const FINE = 1024;
const folder = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), ".cache", "peers");

export interface PeerFigures {
  threads: number;
  torch: string;
  single: { ours: number; stochman: number };
  batch: { ours: number; stochman: number };
  /** Median energy over ours, and pairs where ours is at most 0.1 % above. */
  energyRatio: { single: number; batch: number };
  oursNotWorse: number;
}

/** The figures, or undefined when the Python side has not run yet (then its inputs have been written). */
export async function peerFigures(log: (line: string) => void): Promise<PeerFigures | undefined> {
  const { decode, codes, weights } = await benchDecoder(25, log);
  const order = permutation(randomKey(7), 200);
  const code = (i: number) => [codes.data[2 * order[i]], codes.data[2 * order[i] + 1]];
  const from = Array.from({ length: PAIRS }, (_, i) => code(2 * i));
  const to = Array.from({ length: PAIRS }, (_, i) => code(2 * i + 1));
  if (!existsSync(join(folder, "stochman.json"))) {
    mkdirSync(folder, { recursive: true });
    weights.forEach(({ weight, bias }, i) => {
      writeNpy(join(folder, `w${i}.npy`), weight);
      writeNpy(join(folder, `b${i}.npy`), bias);
    });
    writeNpy(join(folder, "from.npy"), ndarray(Float64Array.from(from.flat()), [PAIRS, 2]));
    writeNpy(join(folder, "to.npy"), ndarray(Float64Array.from(to.flat()), [PAIRS, 2]));
    log(`Now run: python bench/peers/stochman_geodesics.py ${folder} ${availableParallelism()}, then this again.`);
    return undefined;
  }
  const theirs = JSON.parse(readFileSync(join(folder, "stochman.json"), "utf8"));
  const metric = pullback(decode, 2);
  const solver = await prepareConnect(metric, { codes, points: 513 });
  const curves: Float64Array[] = [];
  const times: number[] = [];
  for (const measured of [false, true])
    for (let i = 0; i < PAIRS; i++) {
      const start = performance.now();
      const result = await solver.connect(from[i], to[i]);
      if (!measured) continue;
      times.push(performance.now() - start);
      curves.push(result.curve.data as Float64Array);
    }
  await solver.connect(from, to);
  const start = performance.now();
  await solver.connect(from, to);
  const batch = (performance.now() - start) / PAIRS;
  await solver.dispose();

  const energyKernel = compile(kernel(metric, "energy"));
  const energy = async (curve: Float64Array): Promise<number> => {
    const fine = resampleAt(curve, 2, evenly(1, curve.length / 2), evenly(1, FINE + 1), "natural");
    const { steps } = await energyKernel(ndarray(Float32Array.from(fine), [FINE + 1, 2]));
    return FINE * steps.data.reduce((sum: number, step: number) => sum + step, 0);
  };
  const stored = (name: string) => {
    const { data, shape } = readNpy(join(folder, `stochman_${name}.npy`));
    return Array.from({ length: PAIRS }, (_, i) =>
      Float64Array.from(data.subarray(i * shape[1] * 2, (i + 1) * shape[1] * 2)),
    );
  };
  const [single, together] = [stored("single"), stored("batch")];
  const ratios: { single: number[]; batch: number[] } = { single: [], batch: [] };
  for (let i = 0; i < PAIRS; i++) {
    const mine = await energy(curves[i]);
    ratios.single.push((await energy(single[i])) / mine);
    ratios.batch.push((await energy(together[i])) / mine);
  }
  await energyKernel.dispose();
  return {
    threads: theirs.threads,
    torch: theirs.torch,
    single: { ours: median(times), stochman: 1000 * median(theirs.single) },
    batch: { ours: batch, stochman: (1000 * theirs.batch) / PAIRS },
    energyRatio: { single: median(ratios.single), batch: median(ratios.batch) },
    oursNotWorse: ratios.single.filter((r) => r >= 1 - 1e-3).length,
  };
}

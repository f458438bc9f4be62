/**
 * The Poincare VAE and a flow on the sphere beside PyTorch (geoopt, torchdiffeq): the same weights, rows, noise and
 * number of threads; one run, the two sides taking turns. Needs a Python that has `bench/peers/requirements.txt`:
 *
 *   PEERS_PYTHON=path/to/python npm run bench -- manifold-peers
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { allocatePvaeNoise, fillPvaeNoise, initializePvae, pvaeElboRows } from "../src/autoencoders/pvae/model.js";
import { pvaeEvaluator } from "../src/autoencoders/pvae/pvae.js";
import { pvaeTrainingStep } from "../src/autoencoders/pvae/step.js";
import { compile, type NdArray, ndarray, sigmoid } from "../src/engine/index.js";
import { UsageError } from "../src/errors.js";
import { evaluateFlow, flowShape, flowTrainingStep, initializeFlow, resolveSettings } from "../src/flows/index.js";
import { sphere } from "../src/manifolds/index.js";
import { writeNpy } from "../src/numerics/npy.js";
import { randomKey } from "../src/numerics/random.js";
import { adam } from "../src/training/index.js";
import { fixedNumbers, median, medianSeconds } from "./measure.js";
import { pvaeShapeOf } from "./pvae-step.js";

const here = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export interface PeerFigure {
  readonly work: string;
  /** Milliseconds, medians of both halves of the run. */
  readonly ours: number;
  readonly theirs: number;
  readonly ratio: number;
  /** Largest difference of what both compute for the same rows: ELBO or log density, nats. */
  readonly apart?: number;
}

export interface ManifoldPeers {
  readonly threads: number;
  readonly versions: Record<"torch" | "geoopt" | "torchdiffeq", string>;
  readonly figures: PeerFigure[];
}

export async function manifoldPeerFigures(log: (line: string) => void): Promise<ManifoldPeers> {
  const python = process.env.PEERS_PYTHON;
  if (python === undefined)
    throw new UsageError(
      "PEERS_PYTHON is not set; give the path of a Python that has bench/peers/requirements.txt installed.",
    );
  const threads = availableParallelism();
  const pvae = await pvaePeer(python, threads, log);
  const flow = await flowPeer(python, threads, log);
  return {
    threads,
    versions: { torch: flow.torch, geoopt: pvae.geoopt, torchdiffeq: flow.torchdiffeq },
    figures: [...pvae.figures, ...flow.figures],
  };
}

/** A folder with the arrays and the setting in it. */
function folderOf(name: string, arrays: Record<string, NdArray>, setting: object): string {
  const folder = join(here, ".cache", "peers", name);
  mkdirSync(folder, { recursive: true });
  for (const [file, array] of Object.entries(arrays)) writeNpy(join(folder, `${file}.npy`), array);
  writeFileSync(join(folder, "setting.json"), JSON.stringify(setting));
  return folder;
}

function runPython(python: string, script: string, folder: string, threads: number): any {
  const path = join(here, "bench", "peers", script);
  const { status, stderr } = spawnSync(python, [path, folder, String(threads)], { encoding: "utf8" });
  if (status !== 0) throw new UsageError(`${python} ${path} failed: ${stderr.trim().split("\n").at(-1)}`);
  return JSON.parse(readFileSync(join(folder, "theirs.json"), "utf8"));
}

const largest = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);

const figure = (work: string, ours: number[], theirs: number[], apart?: number): PeerFigure => ({
  work,
  ours: 1e3 * median(ours),
  theirs: 1e3 * median(theirs),
  ratio: median(theirs) / median(ours),
  apart,
});

async function pvaePeer(python: string, threads: number, log: (line: string) => void) {
  const shapes = { euclidean: { ...pvaeShapeOf(2), curvature: 0 }, wrapped: pvaeShapeOf(2) };
  const fresh = () => initializePvae(randomKey(1), shapes.wrapped); // a training step takes its parameters over
  const parameters = fresh();
  const [rows, samples, block, steps] = [20, 5000, 200, 60];
  const squash = compile((x: any) => sigmoid(x));
  const x = await squash(fixedNumbers([128, 784], 3));
  await squash.dispose();
  const noise = fillPvaeNoise(allocatePvaeNoise(shapes.wrapped, 1, 128), randomKey(2));
  const { encoder, decoder } = parameters;
  const arrays: Record<string, NdArray> = { x, noise: noise.normal };
  const put = (name: string, weight: NdArray, bias: NdArray) =>
    Object.assign(arrays, { [`${name}_weight`]: weight, [`${name}_bias`]: bias });
  put("encoder", encoder.hidden[0].weight, encoder.hidden[0].bias);
  put("mean", encoder.mean.weight, encoder.mean.bias);
  put("scale", encoder.scale.weight, encoder.scale.bias);
  if (!("normal" in decoder.first)) throw new Error("a gyroplane layer was wanted");
  put("first", decoder.first.normal, decoder.first.point);
  put("last", decoder.rest[0].weight, decoder.rest[0].bias);
  const folder = folderOf("pvae", arrays, { curvature: shapes.wrapped.curvature, rows, samples, block, steps });

  const few = ndarray((x.data as Float32Array).slice(0, rows * 784), [rows, 784]);
  const names = ["euclidean", "wrapped"] as const;
  const ours = { euclidean: { steps: [], bounds: [] }, wrapped: { steps: [], bounds: [] } } as Record<
    (typeof names)[number],
    { steps: number[]; bounds: number[] }
  >;
  const measure = async () => {
    for (const name of names) {
      const optimizer = adam();
      const step = compile(pvaeTrainingStep(shapes[name], optimizer), { donate: [0], threads });
      let state: any = { parameters: fresh(), optimizer: optimizer.initialize(parameters) };
      const once = async () => {
        [state] = await step(state, x, noise, { optimizer: optimizer.scalars(1, 1e-4), klWeight: 1 });
      };
      ours[name].steps.push(await medianSeconds(once, { seconds: 1e3, least: steps, most: steps }));
      await step.dispose();
      const evaluator = pvaeEvaluator(shapes[name], { threads });
      const bound = () => evaluator.bound(parameters, few, { samples });
      ours[name].bounds.push(await medianSeconds(bound, { seconds: 1e3, least: 3, most: 3 }));
      await evaluator.dispose();
    }
  };
  log("Poincare VAE: ours, theirs, ours ...");
  await measure();
  const theirs = runPython(python, "geoopt_pvae.py", folder, threads);
  await measure();
  const figures: PeerFigure[] = [];
  for (const name of names) {
    const terms = compile((p: any, rowsOf: any, n: any) => pvaeElboRows(shapes[name], p, rowsOf, n), { threads });
    const { reconstruction, divergence } = await terms(parameters, x, noise);
    await terms.dispose();
    const elbo = Array.from(reconstruction.data as Float32Array, (r, i) => r - (divergence.data[i] as number));
    const title = name === "wrapped" ? "Poincare VAE (wrapped, gyroplane)" : "Euclidean VAE";
    const { steps: s, bounds, values } = theirs[name];
    figures.push(figure(`${title}: training step, batch 128`, ours[name].steps, s, largest(elbo, values)));
    figures.push(figure(`${title}: bound, K = ${samples}, ${rows} images`, ours[name].bounds, bounds));
  }
  return { geoopt: theirs.geoopt as string, figures };
}

async function flowPeer(python: string, threads: number, log: (line: string) => void) {
  const shape = flowShape({ manifold: { kind: "sphere", dimension: 2 }, hidden: [128, 128, 128], steps: 8 });
  const parameters = initializeFlow(randomKey(0), shape);
  const settings = resolveSettings({});
  const [batch, points] = [sphere(2).sampleBase(randomKey(1), 512), sphere(2).sampleBase(randomKey(2), 10_000)];
  const chunk = 2500;
  const single = ({ data, shape: of }: NdArray) => ndarray(Float32Array.from(data as Float64Array), of);
  const arrays: Record<string, NdArray> = { batch: single(batch), points: single(points) };
  parameters.forEach(({ weight, bias }, i) => {
    arrays[`w${i}`] = weight;
    arrays[`b${i}`] = bias;
  });
  const folder = folderOf("flow", arrays, { layers: parameters.length, steps: 8, chunk, clip: settings.clipNorm });

  const optimizer = adam();
  const noise = ndarray(new Float32Array(2 * 512), [512, 2]);
  const ours = { steps: [] as number[], evaluations: [] as number[] };
  const evaluator = evaluateFlow({ shape, parameters }, { threads, chunk });
  const measure = async () => {
    const step = compile(flowTrainingStep(shape, settings), { threads, donate: [0] });
    let state: any = { parameters: initializeFlow(randomKey(0), shape), optimizer: optimizer.initialize(parameters) };
    const once = async () => {
      [state] = await step(state, batch, noise, optimizer.scalars(1, 1e-3));
    };
    ours.steps.push(await medianSeconds(once, { seconds: 4 }));
    await step.dispose();
    ours.evaluations.push(await medianSeconds(() => evaluator.logDensity(points), { seconds: 3, least: 3 }));
  };
  log("flow: ours, theirs, ours ...");
  await measure();
  const theirs = runPython(python, "torchdiffeq_flow.py", folder, threads);
  await measure();
  const apart = largest(await evaluator.logDensity(batch), theirs.values);
  await evaluator.dispose();
  return {
    torch: theirs.torch as string,
    torchdiffeq: theirs.torchdiffeq as string,
    figures: [
      figure("flow on S^2: training step, batch 512", ours.steps, theirs.steps, apart),
      figure("flow on S^2: log densities of 10,000 points", ours.evaluations, theirs.evaluations),
    ],
  };
}

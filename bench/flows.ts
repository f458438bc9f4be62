/**
 * Flows on S^2 against the limit: one training step (batch 512, network 3 x 128, exact divergence, 8 Runge-Kutta
 * steps), and log densities of 10,000 points. The limit is the time that the products of the network's layers would
 * take at the speed of a 1024^3 product: one forward pass and d = 2 derivatives along it at each of 4 stages of each
 * step; a training step counts three times that (its reverse pass costs two).
 */
import { compile, type NdArray, ndarray } from "../src/engine/index.js";
import { evaluateFlow, flowShape, flowTrainingStep, initializeFlow, resolveSettings } from "../src/flows/index.js";
import { sphere } from "../src/manifolds/index.js";
import { randomKey } from "../src/numerics/random.js";
import { adam } from "../src/training/index.js";
import { limitGflops, medianSeconds } from "./measure.js";

export interface FlowFigure {
  readonly work: string;
  readonly milliseconds: number;
  readonly limitMilliseconds: number;
  readonly ratio: number;
  readonly asked: number;
  /** Nodes of the compiled program. */
  readonly nodes?: number;
}

const BATCH = 512;
const POINTS = 10_000;
const HIDDEN = [128, 128, 128];
const STEPS = 8;

/** @param options.seconds measured time for each work; default 10 */
export async function flowFigures(
  options: { readonly seconds?: number; readonly threads?: number } = {},
): Promise<{ limit: number; figures: FlowFigure[] }> {
  const { seconds = 10, threads } = options;
  const shape = flowShape({ manifold: { kind: "sphere", dimension: 2 }, hidden: HIDDEN, steps: STEPS });
  const parameters = initializeFlow(randomKey(0), shape);
  const sizes = [4, ...HIDDEN, 3];
  const forward = 2 * sizes.slice(1).reduce((total, n, i) => total + n * sizes[i], 0); // FLOPs a point
  const pathFlops = forward * 3 * 4 * STEPS;
  const limit = await limitGflops(threads);
  const figures: FlowFigure[] = [];
  const add = (work: string, time: number, flops: number, nodes?: number) => {
    const least = flops / (limit * 1e9);
    figures.push({
      work,
      milliseconds: 1e3 * time,
      limitMilliseconds: 1e3 * least,
      ratio: time / least,
      asked: 4,
      ...(nodes !== undefined && { nodes }),
    });
  };

  const optimizer = adam();
  let state: any = { parameters, optimizer: optimizer.initialize(parameters) };
  const step = compile(flowTrainingStep(shape, resolveSettings({})), { threads, donate: [0] });
  const x = sphere(2).sampleBase(randomKey(1), BATCH);
  const noise: NdArray = ndarray(new Float32Array(2 * BATCH), [BATCH, 2]);
  const counts = await step.operations(state, x, noise, optimizer.scalars(1, 1e-3));
  const nodes = Object.values(counts).reduce((total, count) => total + count, 0);
  const stepTime = await medianSeconds(
    async () => {
      [state] = await step(state, x, noise, optimizer.scalars(1, 1e-3));
    },
    { seconds },
  );
  await step.dispose();
  add(`training step, batch ${BATCH}`, stepTime, 3 * pathFlops * BATCH, nodes);

  const evaluator = evaluateFlow({ shape, parameters }, { threads, chunk: 2500 });
  const points = sphere(2).sampleBase(randomKey(2), POINTS);
  const time = await medianSeconds(() => evaluator.logDensity(points), { seconds, least: 3 });
  await evaluator.dispose();
  add(`log densities of ${POINTS} points`, time, pathFlops * POINTS);
  return { limit, figures };
}

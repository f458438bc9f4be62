/**
 * Metric tensors of every likelihood family on a 128 x 128 grid: the Fisher-Rao pullback, and the 2-Wasserstein one where
 * it has a closed form, against the Euclidean pullback of the same network, which is what the family's parameters are made
 * of: 2-100-100-P with tanh, the P outputs as they are. The three take turns, so that load on the machine cancels.
 */
import {
  bernoulli,
  beta,
  categorical,
  dirichlet,
  discretisedLogistic,
  exponential,
  type Family,
  fullNormal,
  gamma,
  normal,
  poisson,
  product,
  vonMises,
  vonMisesFisher,
} from "../src/distributions/families/index.js";
import { add, compile, matmul, type Tensor, tanh } from "../src/engine/index.js";
import { fisherRao, type LatentMetric, pullback, wasserstein2 } from "../src/metrics/index.js";
import { fixedNumbers } from "./measure.js";

export interface FamilyFigure {
  readonly family: string;
  /** P, outputs of the network. */
  readonly outputs: number;
  /** Of the Euclidean pullback, in milliseconds for the whole grid. */
  readonly euclidean: number;
  readonly fisherRao: number;
  readonly ratio: number;
  readonly wasserstein2?: number;
  readonly wasserstein2Ratio?: number;
}

const GRID = 128 * 128;
/** Points in one run of a program: what keeps [points, P] arrays in the processor's cache. */
const CHUNK = 256;
/** Milliseconds for one family, for those with hundreds of numbers a column. */
const LONGEST = 5000;

interface Case {
  readonly name: string;
  readonly family: Family;
  readonly outputs: number;
}

/** Wide families have as many outputs as a picture of 28 x 28 has pixels, those of a few columns 200 or so. */
const cases: readonly Case[] = [
  { name: "Bernoulli", family: bernoulli(), outputs: 784 },
  { name: "Poisson", family: poisson(), outputs: 784 },
  { name: "exponential", family: exponential(), outputs: 784 },
  { name: "normal", family: normal(), outputs: 784 },
  { name: "normal, fixed deviation", family: normal({ standardDeviation: 0.1 }), outputs: 784 },
  { name: "gamma", family: gamma(), outputs: 784 },
  { name: "discretised logistic, 256 bins", family: discretisedLogistic(), outputs: 784 },
  {
    name: "discretised logistic, information of the continuous law",
    family: discretisedLogistic({ information: "continuous" }),
    outputs: 784,
  },
  { name: "categorical, 4 classes", family: categorical({ classes: 4 }), outputs: 784 },
  { name: "categorical, 20 classes", family: categorical({ classes: 20 }), outputs: 200 },
  { name: "beta", family: beta(), outputs: 200 },
  { name: "Dirichlet, 4 shares", family: dirichlet({ classes: 4 }), outputs: 200 },
  { name: "von Mises", family: vonMises(), outputs: 200 },
  { name: "von Mises-Fisher in R^3", family: vonMisesFisher({ dimension: 3 }), outputs: 201 },
  { name: "von Mises-Fisher in R^4", family: vonMisesFisher({ dimension: 4 }), outputs: 200 },
  {
    name: "von Mises-Fisher in R^3, fixed concentration",
    family: vonMisesFisher({ dimension: 3, concentration: 50 }),
    outputs: 201,
  },
  { name: "normal, full covariance of 8 columns", family: fullNormal(), outputs: 44 },
  {
    name: "mixture of 5 discretised logistics, 16 bins",
    family: discretisedLogistic({ bins: 16, components: 5 }),
    outputs: 195,
  },
  {
    name: "product: 40 normal, 40 von Mises, 40 Poisson columns",
    family: product([
      { name: "level", family: normal(), columns: range(0, 40) },
      { name: "angle", family: vonMises(), columns: range(40, 80) },
      { name: "count", family: poisson(), columns: range(80, 120) },
    ]),
    outputs: 200,
  },
];

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

/** 2-100-100-P, tanh; the same numbers in every run. */
function network(outputs: number): (z: Tensor) => Tensor {
  const dense = (rows: number, columns: number, seed: number) => ({
    weights: fixedNumbers([rows, columns], Math.sqrt(3 / rows), seed),
    bias: fixedNumbers([columns], 0.3, seed + 50),
  });
  const [first, second, last] = [dense(2, 100, 1), dense(100, 100, 2), dense(100, outputs, 3)];
  return (z) => {
    const h = tanh(add(matmul(z, first.weights), first.bias));
    return add(matmul(tanh(add(matmul(h, second.weights), second.bias)), last.weights), last.bias);
  };
}

/**
 * Milliseconds for a grid, and ratios: of the fastest of `rounds` runs over a chunk of the grid each, in which the metrics
 * take turns. The fastest run is the one that the rest of the machine disturbed least.
 * @param options `only`: part of a family's name
 */
export async function familyFigures(
  report: (line: string) => void,
  options: { readonly rounds?: number; readonly threads?: number; readonly only?: string } = {},
): Promise<FamilyFigure[]> {
  const { rounds = 150, threads, only = "" } = options;
  const figures: FamilyFigure[] = [];
  for (const one of cases.filter(({ name }) => name.includes(only))) {
    const figure = await figureOf(one, rounds, threads);
    figures.push(figure);
    report(
      `${figure.family} (${figure.outputs}): ${figure.euclidean.toFixed(0)} ms, Fisher-Rao ${figure.ratio.toFixed(2)}x` +
        (figure.wasserstein2Ratio === undefined ? "" : `, 2-Wasserstein ${figure.wasserstein2Ratio.toFixed(2)}x`),
    );
  }
  return figures;
}

async function figureOf(
  { name, family, outputs }: Case,
  rounds: number,
  threads: number | undefined,
): Promise<FamilyFigure> {
  const net = network(outputs);
  const decoder = (z: Tensor) => family.fromNetwork(net(z));
  const closed = family.wasserstein2Embedding !== undefined || family.name === "full normal";
  const metrics: LatentMetric[] = [
    pullback(net, 2),
    fisherRao(decoder, family, 2),
    ...(closed ? [wasserstein2(decoder, family, 2)] : []),
  ];
  const points = fixedNumbers([CHUNK, 2], 2, 8);
  const programs = metrics.map((metric) => compile((z: Tensor) => metric.metricTensor(z), { threads }));
  const fastest = programs.map(() => Infinity);
  const end = performance.now() + LONGEST;
  for (let round = 0; round < rounds && (round < 5 || performance.now() < end); round++)
    for (const [k, program] of programs.entries()) {
      const start = performance.now();
      await program(points);
      fastest[k] = Math.min(fastest[k], ((performance.now() - start) * GRID) / CHUNK);
    }
  await Promise.all(programs.map((program) => program.dispose()));
  const [euclidean, information, transport] = fastest;
  return {
    family: name,
    outputs,
    euclidean,
    fisherRao: information,
    ratio: information / euclidean,
    ...(closed && { wasserstein2: transport, wasserstein2Ratio: transport / euclidean }),
  };
}

if (process.argv[1]?.endsWith("families.js"))
  console.table(
    await familyFigures((line) => console.error(line), {
      rounds: Number(process.env.ROUNDS ?? 30),
      only: process.env.ONLY,
    }),
  );

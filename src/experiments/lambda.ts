/**
 * The influence of lambda, the floor of the posterior metric, on what is sampled from its uniform law (Chadebec and
 * Allassonniere, 2022). One VAE on MNIST for each seed; a cell is all lambdas on it.
 */
import { posteriorMetric, posteriorMetricOf } from "../metrics/index.js";
import { publishedSampler, riemannianSampler } from "../samplers/index.js";
import { runCells, whenComputed } from "./cells.js";
import { writeFiles } from "./flow-report.js";
import { scoreSampler } from "./geometric/score.js";
import { type SweepPoint, sweepCsv, sweepCurves, sweepSheet, sweepTable } from "./geometric/sweep.js";
import { budgetOf, type ImageTask, mnistTask, once } from "./geometric/task.js";
import { trainCell } from "./geometric/train.js";
import { commandOf, type ExperimentOptions, seedsOf, takesOnly } from "./options.js";

const lambdas = [1e-4, 1e-3, 1e-2, 1e-1, 1, 10];

interface LambdaCell {
  readonly accuracy: number;
  readonly epochs: number;
  /** rho by the paper's rule, and the geometric mean of the posterior precisions, which lambda is to be seen against. */
  readonly rho: number;
  readonly precision: number;
  readonly points: readonly SweepPoint[];
}

/** Runs the cells and writes the report. @throws UsageError where MNIST is not there. */
export async function run(options: ExperimentOptions): Promise<{ readonly files: readonly string[] }> {
  takesOnly("lambda", options, ["repetitions", "epochs", "samples"]);
  const { fast } = options;
  const seeds = seedsOf(options, fast ? 1 : 2);
  const load = once(() => mnistTask(options));
  const list = fast ? [1e-2, 10] : lambdas;
  const results = await runCells<LambdaCell>(
    seeds.map((s) => ({ name: `seed${s}`, compute: async () => compute(await load(), s, list) })),
    { fast, ...budgetOf("mnist", options), lambdas: list },
    options,
  );
  const points = results.flatMap(({ value }) => value.points);
  const words = {
    setting: "lambda",
    title: "Influence of lambda",
    subtitle: "VAE on MNIST, latent dimension 16, 100 centroids; digit-feature scores",
  };
  const { epochs, rho, precision } = results[0].value;
  const text = `# Lambda

\`${commandOf("lambda", options)}\`, ${whenComputed(results)}.${fast ? " The fast version: not for its numbers." : ""}

lambda is the metric's floor, G(z) = sum_i Sigma_i^-1 w_i(z) + lambda exp(-tau |z|^2) I. The paper takes 0.01 for MNIST;
numbers of its own study of lambda are not at hand to set beside ours. Here: a VAE with latent dimension 16 (${epochs} epochs), 100 centroids, rho ${rho.toFixed(2)};
the posterior precisions that the floor competes with have the geometric mean ${precision.toFixed(1)}. The published short
chains have tau = 0, under which the law is improper: their shortness alone keeps them near the codes. For long chains the
floor decays with tau = 10 lambda / rho^2, so that the law is proper at every lambda.

${sweepTable(points, words)}

Mean over seeds ± 1.96 standard errors (how many seeds) [bootstrap standard error of one]; ${points[0].scores.images} images a score; our
digit features, not the published FID.

![Frechet distance by lambda](lambda.png)

![Samples](samples.png)
`;
  return {
    files: await writeFiles(options.out, {
      "lambda.png": await sweepCurves(points, words),
      "samples.png": sweepSheet(points, words),
      "results.csv": sweepCsv(points, words),
      "report.md": text,
    }),
  };
}

async function compute(task: ImageTask, seed: number, list: readonly number[]): Promise<LambdaCell> {
  const trained = await trainCell("vae", task, seed);
  const { codes, logVariances } = trained.source;
  const points: SweepPoint[] = [];
  const { centroids, inverseVariances, description } = posteriorMetricOf(codes!, logVariances!, { seed });
  const { rho } = description;
  const metrics = list.map((lambda) => posteriorMetric({ centroids, inverseVariances, rho, lambda }));
  for (const [i, metric] of metrics.entries())
    for (const sampler of [
      riemannianSampler(metric, { threads: task.threads }),
      publishedSampler(metric, codes!, { threads: task.threads }),
    ])
      points.push({ value: list[i], seed, scores: await scoreSampler(sampler, trained, task, seed) });
  const precisions = inverseVariances!.data as Float64Array;
  return {
    accuracy: (await task.features()).accuracy,
    epochs: trained.epochs,
    rho,
    precision: Math.exp(precisions.reduce((total, m) => total + Math.log(m), 0) / precisions.length),
    points,
  };
}

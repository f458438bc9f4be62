/**
 * Sampling from models of few training images (Chadebec and Allassonniere, 2022): VAEs on subsets of MNIST, sampled by the
 * prior, a mixture on the codes, and the posterior metric. A cell is one number of images with one seed.
 */

import { takeDataset } from "../data/dataset.js";
import { posteriorMetricOf } from "../metrics/index.js";
import { permutation, randomKey, split } from "../numerics/random.js";
import { chooseSampler, type SamplerOptions } from "../samplers/index.js";
import { runCells, whenComputed } from "./cells.js";
import { writeFiles } from "./flow-report.js";
import { scoreSampler } from "./geometric/score.js";
import { type SweepPoint, sweepCsv, sweepCurves, sweepSheet, sweepTable } from "./geometric/sweep.js";
import { budgetOf, type ImageTask, mnistTask, once } from "./geometric/task.js";
import { trainCell } from "./geometric/train.js";
import { commandOf, type ExperimentOptions, seedsOf, takesOnly } from "./options.js";

const sizes = [50, 100, 250, 1000, 5000];

/** Steps of the optimiser for every size. */
const STEPS = 3000;

interface FewCell {
  readonly accuracy: number;
  readonly epochs: number;
  readonly reconstructionError: number;
  readonly components: number;
  readonly points: readonly SweepPoint[];
}

/** Runs the cells and writes the report. @throws UsageError where MNIST is not there. */
export async function run(options: ExperimentOptions): Promise<{ readonly files: readonly string[] }> {
  takesOnly("few-samples", options, ["repetitions", "steps", "samples"]);
  const { fast } = options;
  const seeds = seedsOf(options, fast ? 1 : 2);
  const load = once(() => mnistTask(options));
  const list = fast ? [50, 500] : sizes;
  const steps = options.steps ?? (fast ? 400 : STEPS);
  const results = await runCells<FewCell>(
    list.flatMap((size) =>
      seeds.map((s) => ({
        name: `images${size}-seed${s}`,
        compute: async () => compute(await load(), size, s, steps),
      })),
    ),
    { fast, samples: budgetOf("mnist", options).samples, steps },
    options,
  );
  const points = results.flatMap(({ value }) => value.points);
  const words = {
    setting: "training images",
    title: "Few training images",
    subtitle: "VAE on subsets of MNIST, latent dimension 16; digit-feature scores against 10,000 test images",
  };
  const text = `# Few training images

\`${commandOf("few-samples", options)}\`, ${whenComputed(results)}.${fast ? " The fast version: not for its numbers." : ""}

The paper proposes the posterior metric's sampler for small data sets, too (numbers of its own study by size are not at hand
to set beside ours). The question: which way of sampling stays good as training images become few? Here: VAEs with latent dimension 16 on random subsets of MNIST, ${steps} steps of the optimiser for each
size, 100 centroids (all codes where there are fewer), lambda 0.01. The mixture has 10 components, and fewer where a
component would have fewer than 50 codes.

${sweepTable(points, words)}

Mean over seeds ± 1.96 standard errors (how many seeds) [bootstrap standard error of one]; ${points[0].scores.images} images a score; our
digit features, not the published FID.

![Frechet distance by the number of training images](few-samples.png)

![Samples](samples.png)
`;
  return {
    files: await writeFiles(options.out, {
      "few-samples.png": await sweepCurves(points, words),
      "samples.png": sweepSheet(points, words),
      "results.csv": sweepCsv(points, words),
      "report.md": text,
    }),
  };
}

async function compute(task: ImageTask, size: number, seed: number, steps: number): Promise<FewCell> {
  const order = permutation(split(randomKey(seed), "subset"), task.train.n).slice(0, size);
  const train = takeDataset(task.train, order);
  const epochs = Math.ceil(steps / Math.floor(size / Math.min(100, size)));
  const trained = await trainCell("vae", task, seed, { train, epochs });
  const { source } = trained;
  const components = Math.max(1, Math.min(10, Math.floor(size / 50)));
  const metric = posteriorMetricOf(source.codes!, source.logVariances!, {
    lambda: task.lambda,
    seed,
    centroids: Math.min(100, size),
  });
  const options: SamplerOptions = {
    mixture: { seed, components },
    riemannian: { threads: task.threads },
    published: { threads: task.threads },
  };
  const points: SweepPoint[] = [];
  for (const name of ["prior", "gaussian-mixture", "published", "riemannian"]) {
    const sampler = chooseSampler(name, { ...source, metric }, options);
    points.push({ value: size, seed, scores: await scoreSampler(sampler, trained, task, seed) });
  }
  return {
    accuracy: (await task.features()).accuracy,
    epochs,
    reconstructionError: trained.reconstructionError,
    components,
    points,
  };
}

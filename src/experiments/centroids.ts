/**
 * The influence of the number of centroids of the posterior metric on what is sampled from its uniform law (Chadebec and
 * Allassonniere, 2022), and how much two centroids alone give. One VAE on MNIST for each seed; a cell is all numbers of
 * centroids on it.
 */
import { takeRows } from "../engine/index.js";
import { posteriorMetricOf } from "../metrics/index.js";
import { publishedSampler, riemannianSampler } from "../samplers/index.js";
import { runCells, whenComputed } from "./cells.js";
import { writeFiles } from "./flow-report.js";
import { scoreSampler } from "./geometric/score.js";
import { captionedSheet, type Strip, stripOf } from "./geometric/strip.js";
import { type SweepPoint, sweepCsv, sweepCurves, sweepSheet, sweepTable } from "./geometric/sweep.js";
import { budgetOf, type ImageTask, mnistTask, once } from "./geometric/task.js";
import { SHOWN, trainCell } from "./geometric/train.js";
import { commandOf, type ExperimentOptions, seedsOf, takesOnly } from "./options.js";

const numbers = [2, 5, 10, 25, 50, 100, 200];

interface CentroidsCell {
  readonly accuracy: number;
  readonly epochs: number;
  readonly points: readonly SweepPoint[];
  /** With two centroids: their images, and rows of samples by long and by short chains. */
  readonly two: { readonly centroids: Strip; readonly long: readonly Strip[]; readonly short: readonly Strip[] };
}

/** Runs the cells and writes the report. @throws UsageError where MNIST is not there. */
export async function run(options: ExperimentOptions): Promise<{ readonly files: readonly string[] }> {
  takesOnly("centroids", options, ["repetitions", "epochs", "samples"]);
  const { fast } = options;
  const seeds = seedsOf(options, fast ? 1 : 2);
  const load = once(() => mnistTask(options));
  const list = fast ? [2, 20] : numbers;
  const results = await runCells<CentroidsCell>(
    seeds.map((s) => ({ name: `seed${s}`, compute: async () => compute(await load(), s, list) })),
    { fast, ...budgetOf("mnist", options), numbers: list },
    options,
  );
  const points = results.flatMap(({ value }) => value.points);
  const words = {
    setting: "centroids",
    title: "Influence of the number of centroids",
    subtitle: "VAE on MNIST, latent dimension 16; centroids by k-medoids; digit-feature scores",
  };
  const { two, epochs } = results[0].value;
  const text = `# Number of centroids

\`${commandOf("centroids", options)}\`, ${whenComputed(results)}.${fast ? " The fast version: not for its numbers." : ""}

The posterior metric G(z) = sum_i Sigma_i^-1 w_i(z) + lambda I is made of the posteriors at k centroids, chosen among
the codes by k-medoids. The paper takes k = 100 for MNIST; numbers of its own study of k are not at hand to set beside
ours. Here: a VAE with latent dimension 16 (${epochs} epochs), lambda 0.01, rho by the paper's rule, ${points[0].scores.images}
images for each score. **Published short chains** start at random training codes and hardly move, whatever the metric:
they hide what the centroids do. **Long chains** draw from the uniform law of the metric itself.

${sweepTable(points, words)}

Mean over seeds ± 1.96 standard errors (how many seeds) [bootstrap standard error of one]; scores on our digit features,
not the published FID.

![Frechet distance by the number of centroids](centroids.png)

## Two centroids

With k = 2 the law is (nearly) two bumps N(c_i, (rho^2 / d) Sigma_i), rho the distance between the two: the sheet shows how much
variety two posteriors give. What the short chains show beyond it comes from the training codes that they start at.

![Two centroids](two-centroids.png)

![Samples](samples.png)
`;
  return {
    files: await writeFiles(options.out, {
      "centroids.png": await sweepCurves(points, words),
      "two-centroids.png": captionedSheet(
        [
          { label: "the two centroids, decoded", strip: two.centroids },
          ...two.long.map((strip) => ({ label: "uniform law, long chains", strip })),
          ...two.short.map((strip) => ({ label: "published short chains", strip })),
        ],
        { title: "What two centroids give: samples, not chosen", size: 34 },
      ),
      "samples.png": sweepSheet(
        points.filter(({ scores }) => scores.sampler === "riemannian"),
        words,
      ),
      "results.csv": sweepCsv(points, words),
      "report.md": text,
    }),
  };
}

async function compute(task: ImageTask, seed: number, list: readonly number[]): Promise<CentroidsCell> {
  const trained = await trainCell("vae", task, seed);
  const { codes, logVariances } = trained.source;
  const points: SweepPoint[] = [];
  let two: CentroidsCell["two"] | undefined;
  for (const value of list) {
    const metric = posteriorMetricOf(codes!, logVariances!, { centroids: value, lambda: task.lambda, seed });
    const samplers = [
      riemannianSampler(metric, { threads: task.threads }),
      publishedSampler(metric, codes!, { threads: task.threads }),
    ];
    for (const sampler of samplers)
      points.push({ value, seed, scores: await scoreSampler(sampler, trained, task, seed) });
    if (value === 2) {
      const [long, short] = await Promise.all(samplers.map(async (sampler) => (await sampler.draw(60, seed)).latents));
      const strips = async (latents: typeof long, rows: number) => {
        const images = await trained.decode(latents);
        return Array.from({ length: rows }, (_, r) =>
          stripOf(
            takeRows(
              images,
              Int32Array.from({ length: SHOWN }, (_, i) => r * SHOWN + i),
            ),
            task.image,
          ),
        );
      };
      two = {
        centroids: stripOf(await trained.decode(metric.centroids), task.image),
        long: await strips(long, 4),
        short: await strips(short, 2),
      };
    }
  }
  return { accuracy: (await task.features()).accuracy, epochs: trained.epochs, points, two: two! };
}

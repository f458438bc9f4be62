/**
 * The Riemannian sampler on other models (Chadebec and Allassonniere, 2022): VAMP, IWAE, AAE and VAE/GAN on MNIST, each
 * sampled by its prior and by its posterior metric. A cell is one model with one seed.
 */
import { runCells, whenComputed } from "./cells.js";
import { average, csv, meanWithSpread, table, writeFiles } from "./flow-report.js";
import type { SamplerScores } from "./geometric/score.js";
import { captionedSheet } from "./geometric/strip.js";
import { samplerLabels } from "./geometric/sweep.js";
import { budgetOf, mnistTask, once } from "./geometric/task.js";
import { type ModelCell, modelCell } from "./geometric-sampling/cells.js";
import { commandOf, type ExperimentOptions, seedsOf, takesOnly } from "./options.js";

/** Published FID on MNIST: prior, then their sampler. */
const models = [
  { name: "vamp", label: "VAMP", prior: "vamp", published: [34.5, 32.7] },
  { name: "iwae", label: "IWAE", prior: "prior", published: [32.4, 33.8] },
  { name: "aae", label: "AAE", prior: "prior", published: [19.1, 11.7] },
  { name: "vaegan", label: "VAE/GAN", prior: "prior", published: [8.7, 6.1] },
] as const;

/** Runs the cells and writes the report. @throws UsageError where MNIST is not there. */
export async function run(options: ExperimentOptions): Promise<{ readonly files: readonly string[] }> {
  takesOnly("other-models", options, ["repetitions", "epochs", "samples"]);
  const { fast } = options;
  const seeds = seedsOf(options, 1);
  const load = once(() => mnistTask(options));
  const results = await runCells<ModelCell>(
    models
      .filter(({ name }) => !fast || name === "aae")
      .flatMap(({ name, prior }) =>
        seeds.map((s) => ({
          name: `${name}-seed${s}`,
          compute: async () => modelCell(name, [prior, "published", "riemannian"], await load(), s),
        })),
      ),
    { fast, ...budgetOf("mnist", options) },
    options,
  );
  const measured = models.flatMap(({ name, label, prior, published }) => {
    const cells = results.flatMap(({ value }) => (value.model === name ? [value] : []));
    return [prior, "published", "riemannian"].map((sampler, i) => ({
      label,
      sampler,
      published: published[i],
      cells,
      scores: cells.flatMap((cell) => cell.samplers.filter((s) => s.sampler === sampler)),
    }));
  });
  const frechet = (scores: readonly SamplerScores[]) => average(scores.map((s) => s.frechet.value));
  const rows = measured.map(({ label, sampler, published, scores, cells }) => [
    label,
    samplerLabels[sampler],
    published === undefined ? "" : published.toFixed(1),
    ...(scores.length === 0
      ? ["not run", "", ""]
      : [
          `${meanWithSpread(scores.map((s) => s.frechet.value))} [${average(scores.map((s) => s.frechet.error)).toFixed(2)}]`,
          `${average(scores.map((s) => s.recall.value)).toFixed(2)} / ${average(scores.map((s) => s.precision.value)).toFixed(2)}`,
          cells[0].epochs,
        ]),
  ]);
  const verdicts = models.flatMap(({ name, label, prior, published }) => {
    const of = (sampler: string) => measured.find((m) => m.label === label && m.sampler === sampler)!.scores;
    const [before, after] = [of(prior), of("published")];
    if (before.length === 0 || after.length === 0) return [];
    const [theirs, ours] = [published[1] < published[0], frechet(after) < frechet(before)];
    const says = (better: boolean) => (better ? "better" : "worse");
    return [{ name, label, agree: theirs === ours, text: `${label}: published ${says(theirs)}, here ${says(ours)}` }];
  });
  const agreeing = verdicts.filter(({ agree }) => agree).length;
  const shown = measured.filter(({ scores }) => scores.length > 0);
  const text = `# The Riemannian sampler on other models

\`${commandOf("other-models", options)}\`, ${whenComputed(results)}.${fast ? " The fast version: not for its numbers." : ""}

The paper samples other trained models by the metric of their posteriors, in place of their prior: FID falls for all but
IWAE. Here: MNIST, latent dimension 16, perceptrons 784-512-256-16, the epochs in the table; the metric has 100 centroids
and lambda 0.01. Scores are Frechet distances on our digit features: **not on the scale of the published FID**; what can be
compared is whether the metric's sampler is better than the prior.

${table([["model", "sampler", "published FID", "our Frechet distance", "our F_8 / F_1/8", "epochs"], ...rows])}

Mean over seeds ± 1.96 standard errors (how many seeds) [bootstrap standard error of one].

${verdicts.length === 0 ? "" : `Their sampler against the prior (${verdicts.map(({ text }) => text).join("; ")}): ${agreeing} of ${verdicts.length} as published.`}

![Samples](samples.png)
`;
  return {
    files: await writeFiles(options.out, {
      "samples.png": captionedSheet(
        shown.map(({ label, sampler, scores }) => ({
          label: `${label}: ${samplerLabels[sampler]}`,
          note: `Frechet distance ${scores[0].frechet.value.toFixed(1)}`,
          strip: scores[0].strip,
        })),
        { title: "Prior and posterior metric: the first samples, not chosen" },
      ),
      "results.csv": csv([
        ["model", "sampler", "seed", "epochs", "published_fid", "frechet", "frechet_error", "f8", "f18", "images"],
        ...measured.flatMap(({ label, sampler, published, scores, cells }) =>
          scores.map((s, i) => [
            ...[label, sampler, cells[i].seed, cells[i].epochs, published ?? "", s.frechet.value, s.frechet.error],
            ...[s.recall.value, s.precision.value, s.images],
          ]),
        ),
      ]),
      "report.md": text,
    }),
  };
}

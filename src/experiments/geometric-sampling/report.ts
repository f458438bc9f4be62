/** Report, CSV and pictures of the published table beside ours, from the cells that are there. */

import { type CellResult, whenComputed } from "../cells.js";
import { average, csv, meanWithSpread, table } from "../flow-report.js";
import { labelledPoints } from "../geometric/labelled-points.js";
import { agreement, chanceOf } from "../geometric/order.js";
import type { SamplerScores } from "../geometric/score.js";
import { captionedSheet } from "../geometric/strip.js";
import { budgetOf } from "../geometric/task.js";
import { commandOf, type ExperimentOptions } from "../options.js";
import type { AnyCell, ModelCell } from "./cells.js";
import { type PublishedRow, rowsOf } from "./rows.js";

type Data = "mnist" | "cifar10";

/** A row with our scores, one for each seed. */
interface Measurement {
  readonly row: PublishedRow;
  readonly scores: readonly SamplerScores[];
  readonly cells: readonly ModelCell[];
}

const titles = {
  mnist: "MNIST, latent dimension 16, digit-feature scores",
  cifar10: "CIFAR-10 (a part of it), latent dimension 32, colour-feature scores",
} as const;

/** What is written: name to content. */
export async function reportOf(
  results: readonly CellResult<AnyCell>[],
  options: ExperimentOptions,
): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  const lines: (string | number)[][] = [
    [
      ...["data", "row", "model", "sampler", "seed", "epochs", "images", "published_fid", "published_f8"],
      ...["published_f18", "frechet", "frechet_error", "f8", "f8_error", "f18", "f18_error", "acceptance"],
      ...["effective", "split_rhat"],
    ],
  ];
  const sections: string[] = [];
  for (const data of ["mnist", "cifar10"] as const) {
    const cells = results.filter(({ name }) => name.startsWith(`${data}-`)).map(({ value }) => value);
    if (!cells.some(({ model }) => model)) {
      sections.push(`## ${titles[data]}\n\nNot run.`);
      continue;
    }
    const measured = measurementsOf(data, cells);
    for (const { row, scores, cells: of } of measured)
      scores.forEach((s, i) => {
        const [fid, f8, f18] = row[data] ?? ["", "", ""];
        lines.push([
          ...[data, `"${row.label}"`, row.model, row.sampler, of[i].seed, of[i].epochs, s.images, fid, f8, f18],
          ...[s.frechet.value, s.frechet.error, s.recall.value, s.recall.error, s.precision.value, s.precision.error],
          ...[s.acceptance ?? "", s.effectiveSampleSize ?? "", s.splitRHat ?? ""],
        ]);
      });
    sections.push(await sectionOf(data, cells, measured, files));
  }
  files["results.csv"] = csv(lines);
  files["report.md"] = `# Sampling on the latent manifold: the published table

\`${commandOf("geometric-sampling", options)}\`, ${whenComputed(results)}.${options.fast ? " The fast version: not for its numbers." : ""}

A geometric perspective on variational autoencoders (Chadebec and Allassonniere, 2022) compares ways of drawing from
autoencoders by FID and PRD (F_8, recall / F_1/8, precision). Here the same models and samplers are trained and scored anew,
with smaller networks and fewer epochs (below), on features of our own: **their scale is not that of the published FID**;
what can be compared is the order of the rows. Numbers are means over seeds ± 1.96 standard errors (how many seeds); in
brackets the bootstrap's standard error of one seed.

What differs from the published setting: perceptrons 784-512-256-16 (MNIST) and convolutions of 32-64-128 channels
(CIFAR-10) in place of 128-256-512-1024; the epochs in the table in place of 100 and 200; MNIST at 28 x 28; perceptrons have tanh, that of RAE-SN ReLU (tanh between
layers of norm one cannot reach black and white). What agrees:
latent dimensions, the likelihood's variance (SSE + beta KL, beta 0.01 and 0.001), lambda, 100 centroids, batches of 100,
mixtures of 10 components${budgetOf("mnist", options).samples === 10_000 ? ", 10,000 generated against 10,000 test images (MNIST)" : ""}.

${sections.join("\n\n")}
`;
  return files;
}

function measurementsOf(data: Data, cells: readonly AnyCell[]): Measurement[] {
  return rowsOf(data).map((row) => {
    const of = cells.flatMap(({ model }) => (model?.model === row.model ? [model] : []));
    const scores = of.flatMap(({ samplers }) => samplers.filter(({ sampler }) => sampler === row.sampler));
    return { row, scores, cells: of };
  });
}

async function sectionOf(
  data: Data,
  cells: readonly AnyCell[],
  measured: readonly Measurement[],
  files: Record<string, string>,
): Promise<string> {
  const known = cells.find(({ features }) => features)?.features;
  const accuracy = known?.accuracy ?? cells.find(({ model }) => model)!.model!.accuracy;
  const sizes = known
    ? `${known.train} training images, ${known.reference} held-out images to compare with; the`
    : "The";
  const real = cells.find((cell) => cell.real)?.real;
  const frechet = ({ scores }: Measurement) => average(scores.map((s) => s.frechet.value));
  const rows = measured.map((m) => {
    const { row, scores, cells: of } = m;
    const published = row[data];
    const beside = published ? [published[0].toFixed(2), `${published[1]} / ${published[2]}`] : ["", ""];
    if (scores.length === 0) return [row.label, ...beside, "not run", "", ""];
    const error = average(scores.map((s) => s.frechet.error));
    const mean = (of: (s: SamplerScores) => number) => average(scores.map(of)).toFixed(2);
    return [
      row.label,
      ...beside,
      `${meanWithSpread(scores.map((s) => s.frechet.value))} [${error.toFixed(2)}]`,
      `${mean((s) => s.recall.value)} / ${mean((s) => s.precision.value)}`,
      of[0].epochs,
    ];
  });
  const ranked = measured.filter(({ row, scores }) => row[data] && scores.length > 0);
  files[`samples-${data}.png`] = sheetOf(data, measured);
  let order = "";
  if (ranked.length >= 3) {
    const { pairs, concordant, tau } = agreement(
      ranked.map(({ row }) => row[data]![0]),
      ranked.map(frechet),
    );
    const chance = chanceOf(tau, ranked.length);
    const best = ranked.reduce((a, b) => (frechet(b) < frechet(a) ? b : a));
    order = `**Does the published order hold?** ${concordant} of ${pairs} pairs of rows are in the published order: Kendall's tau ${tau.toFixed(2)} (by chance at least so large with probability ${chance < 1e-4 ? "below 0.0001" : chance.toFixed(4)}). Best of the published rows here: ${best.row.label} (published best: VAE, theirs).${shortAgainstLong(measured)}

![Our score against the published one](order-${data}.png)
`;
    files[`order-${data}.png`] = await labelledPoints(
      measured
        .filter(({ row, scores }) => row[data] && scores.length > 0)
        .map((m) => ({
          label: m.row.label,
          x: m.row[data]![0],
          y: frechet(m),
          error: average(m.scores.map((s) => s.frechet.error)),
          marked: m.row.sampler === "published",
        })),
      {
        title: `The order of the published table: ${data === "mnist" ? "MNIST" : "CIFAR-10"}`,
        subtitle: `Kendall's tau ${tau.toFixed(2)}, ${concordant} of ${pairs} pairs concordant. Bars: one bootstrap standard error. Orange: their sampler.`,
        xLabel: "published FID (Inception features)",
        yLabel: `Frechet distance on our ${data === "mnist" ? "digit" : "colour"} features`,
      },
    );
  }
  const floor = real
    ? `Real images against real ones (${real.images} training images): Frechet distance ${real.frechet.value.toFixed(2)} [${real.frechet.error.toFixed(2)}], F_8 / F_1/8 ${real.recall.value.toFixed(2)} / ${real.precision.value.toFixed(2)}; nothing can be better than that.`
    : "";
  return `## ${titles[data]}

${sizes} feature network classifies ${(100 * accuracy).toFixed(1)} % of held-out images right. ${floor}${accuraciesOf(cells)}

${table([["row", "published FID", "F_8 / F_1/8", "our Frechet distance", "our F_8 / F_1/8", "epochs"], ...rows])}

${order}
${reconstructionsOf(cells)}

![Samples](samples-${data}.png)`;
}

/** What correct long chains change against the published procedure. */
function shortAgainstLong(measured: readonly Measurement[]): string {
  const [short, long] = ["published", "riemannian"].map(
    (name) => measured.find(({ row, scores }) => row.sampler === name && scores.length > 0)?.scores,
  );
  if (short === undefined || long === undefined) return "";
  const mean = (scores: readonly SamplerScores[]) => average(scores.map((s) => s.frechet.value)).toFixed(2);
  const mixing = long[0];
  return ` The published short chains (which stay near training codes and do not sample the uniform law: split R-hat ${short[0].splitRHat?.toFixed(1)}) score ${mean(short)}; chains that do sample it (split R-hat ${mixing.splitRHat?.toFixed(3)}, ${mixing.effectiveSampleSize?.toFixed(0)} effective draws) score ${mean(long)}.`;
}

/** A warning where cells were scored on different weights. */
function accuraciesOf(cells: readonly AnyCell[]): string {
  const seen = new Set(cells.flatMap(({ model, features }) => model?.accuracy ?? features?.accuracy ?? []));
  return seen.size > 1
    ? ` **The cells were scored on ${seen.size} different feature networks (accuracies ${[...seen].map((a) => a.toFixed(4)).join(", ")}): their scores differ for that, too.**`
    : "";
}

function reconstructionsOf(cells: readonly AnyCell[]): string {
  const names = [...new Set(cells.flatMap(({ model }) => model?.model ?? []))];
  const rows = names.map((name) => {
    const of = cells.flatMap(({ model }) => (model?.model === name ? [model] : []));
    return [
      name,
      meanWithSpread(of.map((cell) => cell.reconstructionError)),
      meanWithSpread(of.map((cell) => cell.reconstructions.frechet.value)),
      average(of.map((cell) => cell.training)).toFixed(0),
    ];
  });
  return `Reconstructions of held-out images:\n\n${table([["model", "sum of squared errors an image", "Frechet distance", "seconds of training"], ...rows])}`;
}

function sheetOf(data: Data, measured: readonly Measurement[]): string {
  const some = measured.find(({ cells }) => cells.length > 0)!.cells[0];
  const vae = measured.find(({ row, cells }) => row.model === "vae" && cells.length > 0)?.cells[0] ?? some;
  return captionedSheet(
    [
      { label: "held-out images", strip: vae.images },
      { label: `their reconstructions, ${vae.model}`, strip: vae.back },
      ...measured
        .filter(({ scores }) => scores.length > 0)
        .map(({ row, scores }) => ({
          label: row.label,
          note: `Frechet distance ${scores[0].frechet.value.toFixed(1)}`,
          strip: scores[0].strip,
        })),
    ],
    {
      title: `${data === "mnist" ? "MNIST" : "CIFAR-10"}: the first samples of each row, not chosen`,
      caption: "Means of the decoder. Frechet distances on our own features, of the seed that is shown.",
      size: data === "mnist" ? 34 : 44,
    },
  );
}

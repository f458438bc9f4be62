/**
 * What the influence studies share: scores of several samplers over a setting that varies (centroids, lambda, training
 * images), each with several seeds; their table, CSV, curves and sheet of samples.
 */
import { standardDeviation } from "../../numerics/statistics.js";
import { linePlot } from "../../plots/index.js";
import { average, csv, meanWithSpread, table } from "../flow-report.js";
import type { SamplerScores } from "./score.js";
import { captionedSheet } from "./strip.js";

/** One sampler at one value of the setting, with one seed. */
export interface SweepPoint {
  readonly value: number;
  readonly seed: number;
  readonly scores: SamplerScores;
}

export interface SweepWords {
  /** What varies, for axis and table: "centroids". */
  readonly setting: string;
  readonly title: string;
  readonly subtitle: string;
}

/** How samplers are called in tables and legends. */
export const samplerLabels: Readonly<Record<string, string>> = {
  prior: "prior N(0, 1)",
  "gaussian-mixture": "mixture on the codes",
  published: "published short chains",
  riemannian: "uniform law, long chains",
  vamp: "its VAMP prior",
};

const labelOf = (sampler: string) => samplerLabels[sampler] ?? sampler;

const valuesOf = (points: readonly SweepPoint[]) =>
  [...new Set(points.map(({ value }) => value))].sort((a, b) => a - b);
const samplersIn = (points: readonly SweepPoint[]) => [...new Set(points.map(({ scores }) => scores.sampler))];

const at = (points: readonly SweepPoint[], value: number, sampler: string) =>
  points.filter((point) => point.value === value && point.scores.sampler === sampler).map(({ scores }) => scores);

/** A row for each value, a column for each sampler: Frechet distance, and PRD behind it. */
export function sweepTable(points: readonly SweepPoint[], { setting }: SweepWords): string {
  const samplers = samplersIn(points);
  return table([
    [setting, ...samplers.map((name) => `${labelOf(name)}: Frechet distance (F_8 / F_1/8)`)],
    ...valuesOf(points).map((value) => [
      value,
      ...samplers.map((name) => {
        const scores = at(points, value, name);
        if (scores.length === 0) return "not run";
        const [recall, precision] = [scores.map((s) => s.recall.value), scores.map((s) => s.precision.value)];
        return `${meanWithSpread(scores.map((s) => s.frechet.value))} [${average(scores.map((s) => s.frechet.error)).toFixed(2)}] (${average(recall).toFixed(2)} / ${average(precision).toFixed(2)})`;
      }),
    ]),
  ]);
}

/** Every score of every seed. */
export function sweepCsv(points: readonly SweepPoint[], { setting }: SweepWords): string {
  return csv([
    [
      ...[
        setting.replaceAll(" ", "_"),
        "sampler",
        "seed",
        "images",
        "frechet",
        "frechet_error",
        "f8",
        "f8_error",
        "f18",
      ],
      ...["f18_error", "acceptance", "effective", "split_rhat"],
    ],
    ...points.map(({ value, seed, scores: s }) => [
      ...[value, s.sampler, seed, s.images, s.frechet.value, s.frechet.error, s.recall.value, s.recall.error],
      ...[s.precision.value, s.precision.error, s.acceptance ?? "", s.effectiveSampleSize ?? "", s.splitRHat ?? ""],
    ]),
  ]);
}

/**
 * Frechet distance by the setting, a line for each sampler: means over the seeds, with the half-widths of the table (the error of
 * the score itself where there is one seed). Lines stand beside each other by 3 % of x, so that none hides another. SVG.
 */
export function sweepCurves(points: readonly SweepPoint[], words: SweepWords): Promise<string> {
  const names = samplersIn(points);
  const series = names.map((name, k) => {
    const aside = 1.03 ** (k - (names.length - 1) / 2);
    const values = valuesOf(points).filter((value) => at(points, value, name).length > 0);
    return {
      name: labelOf(name),
      x: values.map((value) => value * aside),
      y: values.map((value) => average(at(points, value, name).map((s) => s.frechet.value))),
      error: values.map((value) => {
        const scores = at(points, value, name).map((s) => s.frechet);
        if (scores.length === 1) return scores[0].error;
        return (1.96 * standardDeviation(scores.map((s) => s.value))) / Math.sqrt(scores.length);
      }),
    };
  });
  const all = series.flatMap(({ y }) => y);
  return linePlot({
    title: words.title,
    subtitle: words.subtitle,
    xLabel: words.setting,
    yLabel: "Frechet distance on digit features",
    xScale: "log",
    yScale: Math.max(...all) > 4 * Math.min(...all) ? "log" : "linear",
    series,
  });
}

/** First samples at each value, those of the first seed. SVG. */
export function sweepSheet(points: readonly SweepPoint[], { setting, title }: SweepWords): string {
  const rows = samplersIn(points).flatMap((name) =>
    valuesOf(points).flatMap((value) => {
      const [scores] = at(points, value, name);
      return scores === undefined
        ? []
        : [
            {
              label: labelOf(name),
              note: `${setting} ${value}: Frechet distance ${scores.frechet.value.toFixed(1)}`,
              strip: scores.strip,
            },
          ];
    }),
  );
  return captionedSheet(rows, { title: `${title}: the first samples, not chosen`, size: 30 });
}

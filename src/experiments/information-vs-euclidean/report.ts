/** Table, report and pictures of the two metrics side by side, from the cells that are there. */
import { mean, median, pearsonCorrelation, quantile } from "../../numerics/statistics.js";
import { type CellResult, whenComputed } from "../cells.js";
import { csv, meanWithSpread, table } from "../flow-report.js";
import { sourceSentence } from "../oddity/digit-data.js";
import { commandOf, type ExperimentOptions } from "../options.js";
import { mapGrid } from "../toy-families/map-grid.js";
import { type ComparisonResult, greyOf, type PairComparison } from "./measure.js";
import { stripSheet } from "./strips.js";

export interface ComparisonCell {
  readonly seed: number;
  readonly result: CellResult<ComparisonResult>;
}

export function comparisonTable(cells: readonly ComparisonCell[]): string {
  const header = [
    "seed",
    "pair",
    ...["fisher_rao", "expected"].flatMap((metric) =>
      ["fisher_rao", "expected", "straight"].map((curve) => `length_in_${metric}_of_${curve}`),
    ),
    "geodesics_apart",
    "fisher_rao_from_straight",
    "expected_from_straight",
    "noise_fisher_rao",
    "noise_expected",
    "noise_straight",
    "converged",
  ];
  const rows = cells.flatMap(({ seed, result }) =>
    result.value.pairs.map((pair, k) => [
      seed,
      k,
      ...[pair.inFisherRao, pair.inExpected].flatMap((lengths) =>
        [lengths.fisherRao, lengths.expected, lengths.straight].map((length) => length.toFixed(4)),
      ),
      pair.apart.toFixed(5),
      pair.fisherRaoBend.toFixed(5),
      pair.expectedBend.toFixed(5),
      ...[pair.noise.fisherRao, pair.noise.expected, pair.noise.straight].map((noise) => noise.toFixed(5)),
      pair.converged ? 1 : 0,
    ]),
  );
  return csv([header, ...rows]);
}

export function comparisonReport(cells: readonly ComparisonCell[], source: string, options: ExperimentOptions): string {
  const values = cells.map(({ result }) => result.value);
  const bySeed = (f: (pair: PairComparison) => number) =>
    values.map(({ pairs }) => mean(pairs.filter(({ converged }) => converged).map(f)));
  const all = values.flatMap(({ pairs }) => pairs);
  const percent = (f: (pair: PairComparison) => number) => {
    const [text, rest] = meanWithSpread(
      bySeed(f).map((x) => 100 * x),
      1,
    ).split(" (");
    return `${text} % (${rest}`;
  };
  const correlations = values.map(({ pairs }) =>
    pearsonCorrelation(
      pairs.map(({ inFisherRao }) => inFisherRao.fisherRao),
      pairs.map(({ inExpected }) => inExpected.expected),
    ),
  );
  const rows: (readonly [string, string])[] = [
    ["expected geodesic, too long in the Fisher-Rao metric by", percent(excess("inFisherRao", "expected"))],
    ["straight line, too long in the Fisher-Rao metric by", percent(excess("inFisherRao", "straight"))],
    ["Fisher-Rao geodesic, too long in the expected metric by", percent(excess("inExpected", "fisherRao"))],
    ["straight line, too long in the expected metric by", percent(excess("inExpected", "straight"))],
    ["the two geodesics apart, in distances of their ends", percent(({ apart }) => apart)],
    ["Fisher-Rao geodesic from the straight line, likewise", percent(({ fisherRaoBend }) => fisherRaoBend)],
    ["expected geodesic from the straight line, likewise", percent(({ expectedBend }) => expectedBend)],
    [
      "correlation of the two geodesic distances",
      correlations.some(Number.isNaN) ? "-" : meanWithSpread(correlations, 3),
    ],
    [
      "decoded standard deviation along: Fisher-Rao",
      meanWithSpread(
        bySeed(({ noise }) => noise.fisherRao),
        4,
      ),
    ],
    [
      "decoded standard deviation along: expected",
      meanWithSpread(
        bySeed(({ noise }) => noise.expected),
        4,
      ),
    ],
    [
      "decoded standard deviation along: straight line",
      meanWithSpread(
        bySeed(({ noise }) => noise.straight),
        4,
      ),
    ],
  ];
  return `# Fisher-Rao geodesics of a Gaussian decoder beside those of the expected metric

\`${commandOf("information-vs-euclidean", options)}\`${options.fast ? " (the fast version: not for its numbers)" : ""}. ${whenComputed(cells.map(({ result }) => result))}. ${sourceSentence(source)}

## The claim

*Pulling back information geometry* (Arvanitidis et al., AISTATS 2022) sets the Fisher-Rao pullback of a Gaussian decoder beside the
Euclidean (expected) one on the ones of MNIST: both avoid regions without data, and their geodesics are not the same
curves, since Fisher-Rao measures a change of the mean against the noise. It shows a picture; no numbers are published.

## Measured

One VAE for each seed, latent plane, noise from the precision network; the same decoder (μ, σ) under both metrics:
|dμ|² + |dσ|² and |dμ/σ|² + 2 |dσ/σ|². Geodesics between held-out codes; ${all.filter(({ converged }) => converged).length} of ${all.length} pairs converged in both metrics
and count below. Mean over seeds of the mean over pairs, 95 % half-width, seeds.

${table([["", "measured"], ...rows])}

![both metrics, both geodesics](metrics.png)

![decoded along the curves](strips.png)

## What falls short

- The expected metric is in grey values, Fisher-Rao has no unit: their lengths are compared as ratios and by correlation only.
- The noise is that of the precision network with this library's growth beyond the codes; with the bounded one of *Latent
  Space Oddity* both metrics vanish far out.
`;
}

/** By how much a curve is longer, in a metric, than that metric's own geodesic. */
function excess(metric: "inFisherRao" | "inExpected", curve: "fisherRao" | "expected" | "straight") {
  const own = metric === "inFisherRao" ? "fisherRao" : "expected";
  return (pair: PairComparison): number => pair[metric][curve] / pair[metric][own] - 1;
}

export async function comparisonPictures(cells: readonly ComparisonCell[]): Promise<Record<string, string>> {
  const picture = cells.find(({ result }) => result.value.picture)?.result.value.picture;
  if (!picture) return {};
  const { xs, ys, codes, fisherRaoCurves, expectedCurves } = picture;
  const curves = [
    { look: "geodesic" as const, curves: fisherRaoCurves },
    { look: "second" as const, curves: expectedCurves },
    { look: "straight" as const, curves: fisherRaoCurves.map((c) => [...c.slice(0, 2), ...c.slice(-2)]) },
  ];
  const relative = (values: readonly number[]) => {
    const middle = median(values);
    return values.map((v) => v - middle);
  };
  const [information, expected] = [relative(picture.fisherRao), relative(picture.expected)];
  const metrics = await mapGrid({
    maps: [
      { title: "Fisher-Rao metric", xs, ys, values: information, codes, curves },
      { title: "expected metric", xs, ys, values: expected, codes, curves },
    ],
    columns: 2,
    size: 400,
    range: [quantile([...information, ...expected], 0.01), quantile([...information, ...expected], 0.99)],
    valueLabel: "log √det G less its median",
    curveNames: { geodesic: "Fisher-Rao", second: "expected", straight: "straight lines" },
    codesName: "codes",
    title: "A Gaussian decoder of ones: geodesics of two metrics between the same codes",
    subtitle: "The same curves in both panels, over the volume of either metric.",
  });
  const names = ["Fisher-Rao", "expected", "straight line"];
  const strips = stripSheet({
    groups: picture.strips.map((strip, k) => ({
      heading: `pair ${k + 1}`,
      rows: strip.map((text, row) => ({ name: names[row], images: greyOf(text) })),
    })),
    images: picture.images,
    height: picture.height,
    width: picture.width,
    title:
      "Decoded means along the curves, at constant speed in the metric of each (straight lines: in the latent plane)",
  });
  return { "metrics.png": metrics, "strips.png": strips };
}

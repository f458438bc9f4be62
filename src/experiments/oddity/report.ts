/** Table, report and picture of the Gaussian decoder's geometry, from the cells that are there. */
import { mean, quantile } from "../../numerics/statistics.js";
import { type CellResult, whenComputed } from "../cells.js";
import { csv, meanWithSpread, table } from "../flow-report.js";
import { commandOf, type ExperimentOptions } from "../options.js";
import { mapGrid } from "../toy-families/map-grid.js";
import { sourceSentence } from "./digit-data.js";
import type { OddityResult, Scores } from "./measure.js";

/** A choice of digits. */
export interface DigitSet {
  readonly name: string;
  readonly title: string;
  readonly digits: readonly number[];
}

export interface OddityCell {
  readonly set: DigitSet;
  readonly seed: number;
  readonly result: CellResult<OddityResult>;
}

const scoreNames: readonly (readonly [keyof Scores, string])[] = [
  ["fMeasure", "clusters, F-measure of pairs"],
  ["accuracy", "clusters, accuracy"],
  ["nearest1", "nearest neighbour, accuracy"],
  ["nearest5", "5 nearest neighbours, accuracy"],
];

export function oddityTable(cells: readonly OddityCell[]): string {
  return csv([
    [
      "digits",
      "seed",
      "heldout_elbo_nats",
      "barrier_before",
      "barrier_after",
      "geodesic_to_codes",
      "straight_to_codes",
      "length_ratio",
      "converged",
      "pairs",
      ...scoreNames.flatMap(([key]) => [`euclidean_${key}`, `geodesic_${key}`]),
    ],
    ...cells.map(({ set, seed, result: { value } }) => [
      set.name,
      seed,
      value.elbo.toFixed(2),
      value.barrierBefore.toFixed(4),
      value.barrierAfter.toFixed(4),
      value.geodesicToCodes.toFixed(4),
      value.straightToCodes.toFixed(4),
      value.lengthRatio.toFixed(4),
      value.converged,
      value.pairs,
      ...scoreNames.flatMap(([key]) => [
        value.euclidean?.[key].toFixed(4) ?? "",
        value.geodesic?.[key].toFixed(4) ?? "",
      ]),
    ]),
  ]);
}

export function oddityReport(
  cells: readonly OddityCell[],
  sets: readonly DigitSet[],
  source: string,
  options: ExperimentOptions,
): string {
  const of = (set: DigitSet) => cells.filter((cell) => cell.set === set).map(({ result }) => result.value);
  const geometry = sets.map((set) => {
    const own = of(set);
    if (own.length === 0) return [set.title, "not run", "", "", "", "", ""];
    return [
      set.title,
      meanWithSpread(own.map(({ barrierBefore }) => barrierBefore)),
      meanWithSpread(own.map(({ barrierAfter }) => barrierAfter)),
      meanWithSpread(
        own.map(({ straightToCodes }) => straightToCodes),
        3,
      ),
      meanWithSpread(
        own.map(({ geodesicToCodes }) => geodesicToCodes),
        3,
      ),
      meanWithSpread(
        own.map(({ lengthRatio }) => lengthRatio),
        3,
      ),
      `${own.reduce((sum, { converged }) => sum + converged, 0)} of ${own.reduce((sum, { pairs }) => sum + pairs, 0)}`,
    ];
  });
  const scores = sets
    .filter(({ digits }) => digits.length > 1)
    .flatMap((set) => {
      const own = of(set).filter(({ geodesic }) => geodesic !== undefined);
      if (own.length === 0) return [[set.title, "not run", "", "", ""]];
      return scoreNames.map(([key, title]) => {
        const [euclidean, geodesic] = [own.map((one) => one.euclidean![key]), own.map((one) => one.geodesic![key])];
        const gains = geodesic.map((value, i) => value - euclidean[i]);
        return [
          set.title,
          title,
          meanWithSpread(euclidean, 3),
          meanWithSpread(geodesic, 3),
          `${mean(gains) >= 0 ? "+" : ""}${meanWithSpread(gains, 3)}`,
        ];
      });
    });
  return `# The latent space of a Gaussian decoder, before and after calibration

\`${commandOf("oddity", options)}\`${options.fast ? " (the fast version: not for its numbers)" : ""}. ${whenComputed(cells.map(({ result }) => result))}. ${sourceSentence(source)}

## The claim

*Latent Space Oddity* (Arvanitidis, Hansen, Hauberg, ICLR 2018): the variance estimates of usual decoders say nothing where there
are no data; with a radial basis function network for the precision the expected metric J_mu' J_mu + J_sigma' J_sigma is
large there, geodesics follow the data, and distances along them improve interpolation and clustering in the latent
space. Its table of F-measures of k-means on triples of MNIST digits was not at hand here, so that the columns below stand
without a published number.

## Magnification and geodesics

"Barrier": median of log √det G over the quarter of the picture farthest from any code, less that at the codes: what an empty
place costs. Before: the decoder's one constant deviation, so J_mu' J_mu. Distances of curves from the codes are to the nearest
of 2000 training codes, along the curve, in standard deviations of the codes. Mean over seeds, 95 % half-width, seeds.

${table([
  [
    "digits",
    "barrier before",
    "barrier after",
    "straight line to codes",
    "geodesic to codes",
    "length, geodesic / straight",
    "converged",
  ],
  ...geometry,
])}

![magnification before and after calibration](magnification.png)

## Clusters and neighbours of held-out codes

The same points and procedure with both distances: k-means whose centres are data points (the least sum of squared
distances of 10 random starts), and leave-one-out classification.

${table([["digits", "score", "Euclidean", "geodesic", "gain"], ...scores])}

## What falls short

- Clusters have data points for centres in place of Frechet means, with both distances alike.
- The network before calibration has one deviation for all pixels and points, where the paper's has a head of its own for
  the variance; both are blind to where the data are.
- Beyond the ring around the codes the deviation grows on (a choice of this library): with the paper's bounded one the
  metric falls to nothing there, and geodesics escape.
`;
}

export async function oddityPicture(
  cells: readonly OddityCell[],
  sets: readonly DigitSet[],
): Promise<string | undefined> {
  const shown = sets.flatMap((set) => cells.filter((cell) => cell.set === set && cell.result.value.map).slice(0, 1));
  if (shown.length === 0) return undefined;
  const fields = shown.flatMap(({ result }) => [...result.value.map!.before, ...result.value.map!.after]);
  return mapGrid({
    maps: shown.flatMap(({ set, result }) => {
      const map = result.value.map!;
      const plane = (title: string, values: readonly number[], after: boolean) => ({
        title: `${set.title}: ${title}`,
        xs: map.xs,
        ys: map.ys,
        values,
        codes: map.codes,
        labels: map.labels,
        curves: after
          ? [
              { look: "geodesic" as const, curves: map.geodesics },
              { look: "straight" as const, curves: map.geodesics.map((c) => [...c.slice(0, 2), ...c.slice(-2)]) },
            ]
          : [],
      });
      return [plane("before", map.before, false), plane("after calibration", map.after, true)];
    }),
    columns: 2,
    size: 380,
    range: [quantile(fields, 0.01), quantile(fields, 0.99)],
    valueLabel: "log magnification factor, log √det G",
    curveNames: { geodesic: "geodesics", straight: "straight lines" },
    codesName: "digit",
    title: "A Gaussian decoder's latent plane before and after calibration of its uncertainty",
    subtitle: "Expected metric; held-out codes; geodesics between pairs of them, and straight lines.",
  });
}

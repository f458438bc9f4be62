/** Table, report and picture of the toy families, from the cells that are there. */
import { mean } from "../../numerics/statistics.js";
import { type CellResult, whenComputed } from "../cells.js";
import { csv, meanWithSpread, table } from "../flow-report.js";
import { commandOf, type ExperimentOptions } from "../options.js";
import { mapGrid } from "./map-grid.js";
import { LOWEST, type PairResult, type ToyResult } from "./measure.js";
import { RADIUS, type Toy, toys } from "./toys.js";

/** A finished cell with what it is of. */
export interface ToyCell {
  readonly toy: Toy;
  readonly seed: number;
  readonly result: CellResult<ToyResult>;
}

const of = (cells: readonly ToyCell[], toy: Toy) => cells.filter((cell) => cell.toy === toy);

/** One value a seed: the mean over its pairs. */
const bySeed = (cells: readonly ToyCell[], value: (pair: PairResult) => number): number[] =>
  cells.map(({ result }) => mean(result.value.pairs.map(value)));

export function toyTable(cells: readonly ToyCell[]): string {
  const rows = cells.flatMap(({ toy, seed, result }) =>
    result.value.pairs.map((pair, k) => [
      toy.name,
      seed,
      k,
      pair.geodesic.mean.toFixed(4),
      pair.geodesic.largest.toFixed(4),
      pair.straight.mean.toFixed(4),
      pair.straight.largest.toFixed(4),
      pair.uncalibrated.mean.toFixed(4),
      pair.uncalibrated.largest.toFixed(4),
      pair.length.toFixed(4),
      pair.straightLength.toFixed(4),
      pair.converged ? 1 : 0,
    ]),
  );
  return csv([
    [
      "family",
      "seed",
      "pair",
      "geodesic_mean_distance",
      "geodesic_largest_distance",
      "straight_mean_distance",
      "straight_largest_distance",
      "uncalibrated_mean_distance",
      "uncalibrated_largest_distance",
      "geodesic_length",
      "straight_length",
      "converged",
    ],
    ...rows,
  ]);
}

export function toyReport(cells: readonly ToyCell[], options: ExperimentOptions): string {
  const rows = toys.map((toy) => {
    const own = of(cells, toy);
    const name = toy.published ? `**${toy.title}**` : toy.title;
    if (own.length === 0) return [name, "not run", "", "", "", "", ""];
    const pairs = own.flatMap(({ result }) => result.value.pairs);
    return [
      name,
      meanWithSpread(bySeed(own, (pair) => pair.geodesic.mean)),
      meanWithSpread(bySeed(own, (pair) => pair.straight.mean)),
      meanWithSpread(bySeed(own, (pair) => pair.uncalibrated.mean)),
      `${mean(pairs.map((pair) => pair.geodesic.largest)).toFixed(2)} / ${mean(pairs.map((pair) => pair.straight.largest)).toFixed(2)}`,
      `${mean(pairs.map((pair) => pair.length)).toFixed(2)} / ${mean(pairs.map((pair) => pair.straightLength)).toFixed(2)}`,
      `${pairs.filter((pair) => pair.converged).length} of ${pairs.length}`,
    ];
  });
  const closer = cells.flatMap(({ result }) => result.value.pairs);
  const share = closer.filter((pair) => pair.geodesic.largest < pair.straight.largest).length / closer.length;
  return `# Fisher-Rao geodesics of one family after another

\`${commandOf("toy-families", options)}\`${options.fast ? " (the fast version: not for its numbers)" : ""}. ${whenComputed(cells.map(({ result }) => result))}.

## The claim

*Pulling back information geometry* (Arvanitidis et al., AISTATS 2022) decodes a circle of latent codes by random networks to
Normal, Bernoulli, beta, Dirichlet and exponential laws (bold below) and shows that geodesics of the Fisher-Rao metric,
with uncertainty calibrated away from the codes, follow the circle where straight lines cut through it. It shows pictures
and gives no numbers.

## Measured

Distance from the circle of radius ${RADIUS}, | |z| - ${RADIUS} |, averaged along the curve, for pairs of codes at least 60 degrees apart: mean over
seeds (each a circle and a decoder of its own) with 95 % half-width, and how many seeds. "No calibration" is the geodesic of the
same decoder without the gate. Of all pairs the geodesic's largest distance is below the straight line's in ${(100 * share).toFixed(1)} %.

${table([
  [
    "family",
    "geodesic",
    "straight line",
    "geodesic, no calibration",
    "largest: geodesic / straight",
    "Fisher-Rao length: geodesic / straight",
    "converged",
  ],
  ...rows,
])}

![geodesics and straight lines](families.png)

Heat: log volume, log √det G, less its median over the codes. Geodesics run along the inner rim of the valley around the
codes, as shortest paths around a hole do; how close that is to the circle is the width of the gate (half open at about
0.8; a choice, as in the authors' code: 0.74).

## What falls short

- The decoders are random and sure of themselves at the codes (logits of about ±4, concentrations above 4), as trained ones
  are. With unsure ones the hole costs little: a Bernoulli column can be made uniform at a cost of at most π/2, and a code
  that is nearly uniform already lies close to that. Calibration alone does not keep geodesics in place.
- Curves that press against so steep a wall are solved to 4e-4 of their energy, from a start on a tabulated metric. Narrower
  gates make the solver run out of iterations for the families without an isometric embedding.
- In the middle of the hole the metric is nearly zero (constant laws): what keeps geodesics out is the ring around it.
`;
}

export async function toyPicture(cells: readonly ToyCell[]): Promise<string | undefined> {
  const shown = toys.flatMap((toy) =>
    of(cells, toy)
      .filter(({ result }) => result.value.map)
      .slice(0, 1),
  );
  if (shown.length === 0) return undefined;
  return mapGrid({
    maps: shown.map(({ toy, result }) => {
      const map = result.value.map!;
      return {
        title: toy.title,
        xs: map.axis,
        ys: map.axis,
        values: map.volume,
        codes: map.codes.slice(0, 500),
        curves: [
          { look: "geodesic" as const, curves: map.geodesics },
          { look: "straight" as const, curves: map.geodesics.map((c) => [...c.slice(0, 2), ...c.slice(-2)]) },
        ],
      };
    }),
    columns: Math.min(4, shown.length),
    size: 250,
    range: [LOWEST, 7],
    valueLabel: "log √det G less its median over the codes",
    curveNames: { geodesic: "Fisher-Rao geodesics", straight: "straight lines" },
    codesName: "codes",
    title: "Fisher-Rao geodesics of one circle of codes under twelve likelihoods",
    subtitle: "A random decoder for each; uncertainty calibrated away from the codes.",
  });
}

/**
 * Sequences: does the geodesic distance between codes follow the evolutionary distance between sequences better than
 * the Euclidean one does (Detlefsen, Hauberg, Boomsma, "Learning meaningful representations of protein sequences",
 * Nature Communications 2022)? Here on an RNA family, with a categorical decoder in two latent dimensions.
 */
import { join } from "node:path";
import { writeAtomically } from "../numerics/files.js";
import { svgToPng } from "../plots/index.js";
import { type Cell, type CellResult, runCells, whenComputed } from "./cells.js";
import { csv, meanWithSpread, table } from "./flow-report.js";
import { commandOf, type ExperimentOptions, seedsOf, takesOnly } from "./options.js";
import { measures, type SequenceResult, type SequenceSettings, sequenceCell } from "./sequences/cell.js";
import { planePicture, scatterPicture } from "./sequences/pictures.js";

export interface SequencesResult {
  readonly files: readonly string[];
  readonly cells: number;
}

const evolution = ["jukes-cantor", "hamming", "near"] as const;

/** Runs the experiment; writes cells, report.md, results.csv, latent.png, distances.png. */
export async function run(options: ExperimentOptions): Promise<SequencesResult> {
  takesOnly("sequences", options, ["repetitions", "epochs", "samples"]);
  const settings = settingsOf(options);
  const seeds = seedsOf(options, options.fast ? 1 : 5);
  const cells = seeds.map(
    (seed): Cell<SequenceResult> => ({
      name: `seed-${seed}`,
      compute: () => sequenceCell(seed, settings, options, seed === options.seed),
    }),
  );
  const results = await runCells(cells, { ...settings, first: options.seed }, options);
  const files: string[] = [];
  const write = async (name: string, content: string) => {
    const path = join(options.out, name);
    writeAtomically(path, name.endsWith(".png") ? await svgToPng(content, { width: 1500 }) : content);
    files.push(path);
  };
  const drawn = results.find(({ value }) => value.picture !== undefined);
  if (drawn?.value.picture) {
    await write("latent.png", await planePicture(drawn.value.picture));
    await write("distances.png", await scatterPicture(drawn.value, options.seed));
  }
  await write("results.csv", rowsOf(results));
  await write("report.md", reportOf(seeds.length, settings, options, results, drawn !== undefined));
  return { files, cells: results.length };
}

function settingsOf({ fast, epochs, samples }: ExperimentOptions): SequenceSettings {
  return fast
    ? { epochs: epochs ?? 12, hidden: [64], sequences: 1200, measured: samples ?? 30, draws: 50, resolution: 48 }
    : {
        epochs: epochs ?? 150,
        hidden: [200, 100],
        sequences: 3827,
        measured: samples ?? 150,
        draws: 200,
        resolution: 110,
      };
}

function rowsOf(results: readonly CellResult<SequenceResult>[]): string {
  const header =
    "cell,distance,evolution,pearson,pearson_low,pearson_high,spearman,spearman_low,spearman_high,gain,gain_low,gain_high";
  return csv([
    header.split(","),
    ...results.flatMap(({ name, value }) =>
      measures.flatMap((measure) =>
        evolution.map((kind) => {
          const { pearson, spearman, gain } = value.correlations[kind][measure.name]!;
          return [
            name,
            measure.name,
            kind,
            ...[pearson, spearman, gain].flatMap((e) => [e.value, e.low, e.high].map((x) => x.toFixed(4))),
          ];
        }),
      ),
    ),
  ]);
}

function reportOf(
  planned: number,
  settings: SequenceSettings,
  options: ExperimentOptions,
  results: readonly CellResult<SequenceResult>[],
  drawn: boolean,
): string {
  const values = results.map(({ value }) => value);
  const spread = (of: (value: SequenceResult) => number, digits = 3) => meanWithSpread(values.map(of), digits);
  const rows = measures.map(({ name, label }) => [
    label,
    ...evolution.flatMap((kind) => [spread((v) => v.correlations[kind][name]!.spearman.value)]),
    spread((v) => v.correlations["jukes-cantor"][name]!.pearson.value),
    name === "euclidean" ? "" : gains(values, name),
  ]);
  return `# Sequences: geodesic, Euclidean and evolutionary distances

\`${commandOf("sequences", options)}\` (${whenComputed(results)}; ${planned - results.length} of ${planned} cells not run).${options.fast ? " **The fast version: for a look, not for its numbers.**" : ""}

RNA family RF00379 of Rfam (ydaO-yuaA riboswitch): ${settings.sequences} aligned sequences of 136 columns over ACGU and the gap,
nine tenths to train on. VAE with a categorical decoder, two latent dimensions, hidden layers ${settings.hidden.join(", ")} (tanh),
${settings.epochs} epochs; held-out ELBO ${spread((v) => v.elbo.test, 2)} nats a sequence, training ${spread((v) => v.elbo.train, 2)}. Measured on all
${values[0]?.pairs ?? "-"} pairs of ${settings.measured} held-out sequences; a row a distance, a repetition a seed (weights, split, and the sequences measured).

## What the paper says, and what was measured

*Learning meaningful representations of protein sequences* (2022): distances along geodesics of the decoder reflect
evolutionary distances better than Euclidean distances in the latent space, for a protein family and a tree. Its own figures
are for proteins and another model, so no number of it stands beside ours. Mean over seeds ± 1.96 standard errors (number
of seeds):

${table([
  [
    "distance",
    "Spearman, Jukes-Cantor",
    "Spearman, Hamming",
    "Spearman, nearest quarter of the pairs",
    "Pearson, Jukes-Cantor",
    "gain over Euclidean (seeds above / whole interval above 0)",
  ],
  ...rows,
])}

Gain: Spearman's correlation with Jukes-Cantor less that of the Euclidean distance: mean over seeds; then in how many seeds
it is positive, and in how many the whole 95 % bootstrap interval (sequences drawn with replacement) is. Jukes-Cantor:
\`-3/4 log(1 - 4p/3)\`, p the share of differing sites where both sequences have a letter; ${spread((v) => v.saturated, 1)} pairs are saturated
and left out. Hamming: share of all sites that differ, a gap being a letter. ${spread((v) => v.failed, 1)} pairs of one metric or
another had no geodesic and are left out for all.

The last row is no path in the latent space: it compares the two decoded laws directly (the Fisher-Rao distance of the
categorical laws, a lower bound of the length of every curve between them).
${drawn ? "\n![latent plane](latent.png)\n\n![distances](distances.png)\n" : ""}
## What falls short

- One family and one kind of model; evolutionary distance is estimated from the same sequences that the model has seen the
  like of, by the simplest substitution model (no rates across sites, no tree).
- Lengths come from a table of the metric on a grid, refined (\`distanceMatrix\`, method "graph"): errors of some per cent.
- In two latent dimensions, codes of distant sequences can lie close together; no metric can part them again.
`;
}

function gains(values: readonly SequenceResult[], name: (typeof measures)[number]["name"]): string {
  if (values.length === 0) return "not run";
  const found = values.map((value) => value.correlations["jukes-cantor"][name]!.gain);
  const mean = found.reduce((sum, { value }) => sum + value, 0) / found.length;
  const count = (of: (gain: (typeof found)[number]) => boolean) => found.filter(of).length;
  return `${mean >= 0 ? "+" : ""}${mean.toFixed(3)} (${count((g) => g.value > 0)} / ${count((g) => g.low > 0)} of ${found.length})`;
}

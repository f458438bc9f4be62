/** report.md and table.csv of the MNIST experiment, from the cells that are there. */
import { formatRow } from "../../numerics/csv.js";
import { type CellResult, whenComputed } from "../cells.js";
import type { BoundCell, Budget, MnistCell, TrainedCell } from "./cells.js";
import { nameOf, PUBLISHED_DIGITS, publishedBound, publishedSpread, type Setting, titleOf } from "./settings.js";

interface Facts {
  readonly command: string;
  readonly pictured: boolean;
}

const boundsOf = (results: readonly CellResult<MnistCell>[]) =>
  results.map(({ value }) => value).filter((value): value is BoundCell => value.kind === "bound");
const trainedOf = (results: readonly CellResult<MnistCell>[]) =>
  results.map(({ value }) => value).filter((value): value is TrainedCell => value.kind === "train");

/** One line a model: its scores. */
export function tableOf(results: readonly CellResult<MnistCell>[]): string {
  const header = [
    "dimension",
    "law",
    "curvature",
    "seed",
    "epochs",
    "bound",
    "bound_standard_error",
    "bound_100_samples",
    "elbo_train",
    "elbo_test",
    "digits_right",
    "training_seconds",
  ];
  const bounds = boundsOf(results);
  const lines = trainedOf(results).map(({ setting, seed, epochs, elbo, digits, trainingSeconds }) => {
    const bound = bounds.find((one) => nameOf(one.setting) === nameOf(setting) && one.seed === seed);
    return formatRow([
      setting.dimension,
      setting.law,
      setting.curvature,
      seed,
      epochs,
      bound?.bound ?? "",
      bound?.standardError ?? "",
      bound?.coarse ?? "",
      elbo.train,
      elbo.test,
      digits ? mean(digits.perDigit) : "",
      trainingSeconds,
    ]);
  });
  return `${[formatRow(header), ...lines].map((line) => line.trimEnd()).join("\n")}\n`;
}

/** The report, for whoever knows the paper. */
export function reportOf(
  results: readonly CellResult<MnistCell>[],
  settings: readonly Setting[],
  budget: Budget,
  facts: Facts,
): string {
  const bounds = boundsOf(results);
  const [first] = bounds;
  const reduced = [
    ...(budget.epochs < 80 ? [`${budget.epochs} of the published 80 epochs`] : []),
    ...(budget.samples < 5000 ? [`K = ${budget.samples} of the published 5000`] : []),
    ...(budget.trainImages === undefined ? [] : [`the first ${budget.trainImages} training images only`]),
  ];
  const stages =
    first === undefined || first.fineImages === first.images
      ? `K = ${budget.samples} on all test images.`
      : `K = ${first.samples}: ${first.coarseSamples} samples on all ${first.images} test images, and what the other ${first.samples - first.coarseSamples} are worth on ${first.fineImages} of them drawn at random (the same for all models), which is unbiased for the whole test set; the standard error of this is at most ${Math.max(...bounds.map(({ standardError }) => standardError)).toFixed(3)} nats.`;
  return `# MNIST

Negative importance-weighted bound of the test set (nats an image, lower is better) of the Euclidean VAE and of Poincare
VAEs with the same layers, 784-600-d-600-784, with a gyroplane layer on the ball.

\`${facts.command}\`

${whenComputed(results)}. ${budget.epochs} epochs, ${stages}${reduced.length > 0 ? ` **A reduced budget: ${reduced.join(", ")}; levels are not those of the table.**` : ""}
Ours: mean +- standard deviation over seeds (their number in brackets), each with its own weights, order and noise. "Failed" is
what the paper marks as numerically failed.

${boundTable(bounds, settings)}

${bestRows(bounds)}
${edgeNote(bounds)}${comparison(bounds)}${digitTable(trainedOf(results))}${facts.pictured ? "\n![Codes of test digits](codes.png)\n" : ""}
## What to keep in mind

- Pixels are grey values from 0 to 1 under a Bernoulli likelihood, as published: a score, not a likelihood, and not
  comparable with binarised MNIST.
- Adam without the amsgrad variant; the paper's form of the gyroplane layer (log_p(z) where it prints log_z(p)); flat
  coordinates of an orthonormal frame at the origin, where the published code uses vectors half as long; pixels are not
  clamped to [1e-5, 1 - 1e-5]. Rows left over by the batches of 128 wait for the next epoch's order.
- Settings with more than two dimensions are one seed each.

\`table.csv\` has every model.
`;
}

function boundTable(bounds: readonly BoundCell[], settings: readonly Setting[]): string {
  const lines = settings.map((setting) => {
    const mine = bounds.filter((one) => nameOf(one.setting) === nameOf(setting)).map(({ bound }) => bound);
    const published = publishedBound(setting);
    const there = published === undefined ? "-" : published === "failed" ? "failed" : published.toFixed(1);
    return [
      String(setting.dimension),
      titleOf(setting),
      typeof published === "number" ? `${there} +- ${publishedSpread(setting)}` : there,
      spread(mine, 2),
      typeof published === "number" && mine.length > 0 ? signed(mean(mine) - published) : "-",
    ];
  });
  return markdown([["d", "latent space", "published", "ours", "ours - published"], ...lines]);
}

/** Where posteriors reach beyond what float32 has coordinates for, which is where published runs failed. */
function edgeNote(bounds: readonly BoundCell[]): string {
  const far = bounds.filter(({ atEdge = 0 }) => atEdge > 1e-3);
  if (far.length === 0) return "";
  const list = far.map(
    ({ setting, seed, atEdge }) =>
      `${titleOf(setting)} at d = ${setting.dimension}, seed ${seed}: ${(100 * atEdge!).toPrecision(2)} %`,
  );
  return `
Share of posterior draws further than 12.2/sqrt(c) from the origin, where float32 has no ball coordinates: ${list.join("; ")}. There the
densities are those of the draw, so that the number is a bound all the same, and the decoder sees the point at the edge.
`;
}

/** In words: which row is best at each dimension, published and here, of those that were run. */
function bestRows(bounds: readonly BoundCell[]): string {
  const dimensions = [...new Set(bounds.map(({ setting }) => setting.dimension))].sort((a, b) => a - b);
  const sentences = dimensions.flatMap((dimension) => {
    const settings = [
      ...new Map(
        bounds
          .filter(({ setting }) => setting.dimension === dimension)
          .map(({ setting }) => [nameOf(setting), setting] as const),
      ).values(),
    ];
    if (settings.length < 2) return [];
    const ours = (setting: Setting) =>
      mean(bounds.filter((cell) => nameOf(cell.setting) === nameOf(setting)).map(({ bound }) => bound));
    const least = (of: readonly Setting[], value: (setting: Setting) => number) =>
      of.reduce((best, one) => (value(one) < value(best) ? one : best));
    const known = settings.filter((setting) => typeof publishedBound(setting) === "number");
    if (known.length === 0) return [];
    const there = least(known, (setting) => publishedBound(setting) as number);
    const here = least(settings, ours);
    return [
      `At d = ${dimension}, of the rows that were run, the published best is ${titleOf(there)} (${(publishedBound(there) as number).toFixed(1)}) and ours ${titleOf(here)} (${ours(here).toFixed(2)}).`,
    ];
  });
  return sentences.join("\n");
}

/** How much each curved setting gains on the Euclidean one, seed by seed. */
function comparison(bounds: readonly BoundCell[]): string {
  const flat = (cell: BoundCell) =>
    bounds.find(
      ({ setting, seed }) =>
        setting.law === "euclidean" && setting.dimension === cell.setting.dimension && seed === cell.seed,
    );
  const names = [
    ...new Set(bounds.filter(({ setting }) => setting.curvature > 0).map(({ setting }) => nameOf(setting))),
  ];
  const lines = names.flatMap((name) => {
    const cells = bounds.filter((cell) => nameOf(cell.setting) === name && flat(cell) !== undefined);
    if (cells.length === 0) return [];
    const [{ setting }] = cells;
    const [there, base] = [publishedBound(setting), publishedBound({ ...setting, law: "euclidean", curvature: 0 })];
    return [
      [
        String(setting.dimension),
        titleOf(setting),
        typeof there === "number" && typeof base === "number" ? signed(there - base, 1) : "-",
        spread(
          cells.map((cell) => cell.bound - flat(cell)!.bound),
          2,
        ),
      ],
    ];
  });
  if (lines.length === 0) return "";
  return `
## Change against the Euclidean VAE of the same dimension and seed

${markdown([["d", "latent space", "published", "ours"], ...lines])}
`;
}

function digitTable(trained: readonly TrainedCell[]): string {
  const planes = trained.filter(({ digits }) => digits !== undefined);
  if (planes.length === 0) return "";
  const names = [...new Set(planes.map(({ setting }) => nameOf(setting)))];
  const percent = (share: number) => (100 * share).toFixed(0);
  const published = (digits: readonly number[]) => [
    ...digits.map(String),
    (digits.reduce((sum, one) => sum + one, 0) / 10).toFixed(1),
  ];
  const lines = names.map((name) => {
    const cells = planes.filter(({ setting }) => nameOf(setting) === name);
    const digit = (k: number) => mean(cells.map(({ digits }) => digits!.perDigit[k]));
    const averages = cells.map(({ digits }) => 100 * mean(digits!.perDigit));
    return [
      `${titleOf(cells[0].setting)}, ours`,
      ...Array.from({ length: 10 }, (_, k) => percent(digit(k))),
      spread(averages, 1),
    ];
  });
  const header = ["per cent right", ...Array.from({ length: 10 }, (_, k) => String(k)), "average"];
  return `
## Digits by their two-dimensional codes

The share of each digit's test images that a classifier of the posterior means gets right: one hidden layer of 100 ReLU
units (a gyroplane layer on the ball, dense on the plane), trained on the codes of the training images, averaged over 5
trainings for each model; "average" is over the ten digits. Whether the published classifier was built so is not known here.

${markdown([
  header,
  ["Euclidean, published", ...published(PUBLISHED_DIGITS.euclidean)],
  ["c = 1.4, published", ...published(PUBLISHED_DIGITS.hyperbolic)],
  ...lines,
])}
`;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function spread(values: readonly number[], digits: number): string {
  if (values.length === 0) return "not run";
  const centre = mean(values);
  if (values.length === 1) return `${centre.toFixed(digits)} (1)`;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
  return `${centre.toFixed(digits)} +- ${deviation.toFixed(digits)} (${values.length})`;
}

function signed(value: number, digits = 2): string {
  return `${value >= 0 ? "+" : ""}${value.toFixed(digits)}`;
}

function markdown(lines: readonly (readonly string[])[]): string {
  const [header, ...rest] = lines;
  return [header, header.map(() => "---"), ...rest].map((line) => `| ${line.join(" | ")} |`).join("\n");
}

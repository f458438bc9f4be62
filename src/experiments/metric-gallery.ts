/**
 * One latent space under each metric: a Bernoulli VAE of generated digits, eight metrics, the same codes and the same
 * pairs of end points. The picture of docs/metrics.md.
 */
import { join } from "node:path";
import { encode, fitUncertainty, metricsOf } from "../autoencoders/index.js";
import { loadDataset, splitDataset } from "../data/index.js";
import { compile, type NdArray, ndarray, type Tensor } from "../engine/index.js";
import { connect } from "../geodesics/index.js";
import { evaluate, gateWeight, logMagnificationFactor } from "../metrics/index.js";
import { writeAtomically } from "../numerics/files.js";
import { permutation, randomKey, split } from "../numerics/random.js";
import { figureGrid, planeFigure, planeLegend, svgToPng } from "../plots/index.js";
import { runCells, whenComputed } from "./cells.js";
import { table } from "./flow-report.js";
import { galleryOf } from "./metric-gallery/metrics.js";
import { commandOf, type ExperimentOptions, takesOnly } from "./options.js";
import { trainVaeCell } from "./vae-cell.js";

interface GallerySettings {
  readonly rows: number;
  readonly epochs: number;
  readonly resolution: number;
  readonly geodesics: number;
}

interface Shown {
  readonly name: string;
  readonly title: string;
  readonly question: string;
  readonly gated: boolean;
  readonly logMagnification: readonly number[];
  readonly geodesics: readonly (readonly number[])[];
  readonly lengths: readonly number[];
  readonly straightLengths: readonly number[];
  readonly failed: number;
}

interface Gallery {
  readonly xs: readonly number[];
  readonly ys: readonly number[];
  readonly codes: readonly number[];
  readonly labels: readonly number[];
  readonly gate: readonly number[];
  readonly gateHalf: number;
  readonly gateBegins: number;
  readonly centres: number;
  readonly reach: number;
  readonly shown: readonly Shown[];
}

/** Runs it; writes metrics.png and report.md. */
export async function run(options: ExperimentOptions): Promise<{ readonly files: readonly string[] }> {
  takesOnly("metric-gallery", options, ["epochs"]);
  const settings: GallerySettings = options.fast
    ? { rows: 1500, epochs: options.epochs ?? 8, resolution: 48, geodesics: 3 }
    : { rows: 6000, epochs: options.epochs ?? 40, resolution: 84, geodesics: 6 };
  const results = await runCells(
    [{ name: `seed-${options.seed}`, compute: () => galleryCell(settings, options) }],
    { ...settings },
    options,
  );
  const gallery = results[0].value;
  const files = [join(options.out, "metrics.png"), join(options.out, "report.md")];
  writeAtomically(files[0], await svgToPng(await pictureOf(gallery), { width: 1600, fewColours: true }));
  writeAtomically(
    files[1],
    `# One latent space under each metric\n\n\`${commandOf("metric-gallery", options)}\` (${whenComputed(results)})\n\n${summary(gallery)}\n\n![metrics](metrics.png)\n`,
  );
  return { files };
}

async function galleryCell(settings: GallerySettings, options: ExperimentOptions): Promise<Gallery> {
  const { threads, seed, report } = options;
  const { train, test } = splitDataset(await loadDataset("strokes", { count: settings.rows }), { seed });
  const result = await trainVaeCell(
    train,
    {
      test,
      likelihood: "bernoulli",
      latentDimension: 2,
      encoderHidden: [128],
      decoderHidden: [64, 64],
      epochs: settings.epochs,
      seed,
    },
    options,
  );
  const model = await fitUncertainty(result.model, train.rows, { seed, threads });
  const { logVariance, mean } = await encode(model, train.rows, { threads });
  const codes = ndarray(Float64Array.from(mean.data), mean.shape);
  const variances = ndarray(Float64Array.from(logVariance.data), logVariance.shape);
  const gated = await metricsOf({ model, latents: codes });
  const plain = await metricsOf({ model, latents: codes }, { gate: false });
  const entries = galleryOf(model, codes, variances, train.imageShape!, gated, plain);
  const { xs, ys, points } = gridOver(codes, settings.resolution);
  const gateField = compile((z: Tensor) => gateWeight(gated.gate!, z), { precision: "float64", threads });
  const gate: NdArray = await gateField(points);
  await gateField.dispose();
  const order = permutation(split(randomKey(seed), "pairs"), train.n);
  const ends = (which: 0 | 1) =>
    Array.from({ length: settings.geodesics }, (_, i) => {
      const row = order[2 * i + which];
      return [codes.data[2 * row], codes.data[2 * row + 1]];
    });
  const shown: Shown[] = [];
  for (const { metric, ...words } of entries) {
    const field = await evaluate(metric, logMagnificationFactor, points, [], { precision: "float32" });
    const found = await connect(metric, ends(0), ends(1), { codes, threads });
    report(`  ${words.name}: ${found.filter(({ converged }) => converged).length} of ${found.length} geodesics`);
    shown.push({
      ...words,
      logMagnification: Array.from(field.data, rounded),
      geodesics: found.map(({ curve }) => Array.from(curve.data, rounded)),
      lengths: found.map(({ length }) => rounded(length)),
      straightLengths: found.map(({ straightLength }) => rounded(straightLength)),
      failed: found.filter(({ converged }) => !converged).length,
    });
  }
  const drawn = order.subarray(0, 400);
  return {
    xs,
    ys,
    codes: Array.from(drawn).flatMap((row) => [rounded(codes.data[2 * row]), rounded(codes.data[2 * row + 1])]),
    labels: Array.from(drawn, (row) => train.labels![row]),
    gate: Array.from(gate.data, (w) => Number(w.toFixed(3))),
    gateHalf: gated.gate!.half,
    gateBegins: gated.gate!.begins,
    centres: gated.gate!.fit.clusters,
    reach: gated.gate!.fit.reach,
    shown,
  };
}

const rounded = (x: number): number => Number(x.toPrecision(4));

/** A grid over the codes with a margin in which the gate opens. */
function gridOver({ data, shape: [n] }: NdArray, size: number) {
  const [xs, ys] = [0, 1].map((axis) => {
    const sorted = Float64Array.from({ length: n }, (_, i) => data[2 * i + axis]).sort();
    const [low, high] = [sorted[Math.floor(0.002 * n)], sorted[Math.ceil(0.998 * (n - 1))]];
    const margin = 0.2 * (high - low);
    return Array.from({ length: size }, (_, i) => rounded(low - margin + ((high - low + 2 * margin) * i) / (size - 1)));
  });
  const grid = Float64Array.from({ length: 2 * size * size }, (_, i) => {
    const cell = Math.floor(i / 2);
    return i % 2 === 0 ? xs[cell % size] : ys[Math.floor(cell / size)];
  });
  return { xs, ys, points: ndarray(grid, [size * size, 2]) };
}

async function pictureOf(gallery: Gallery): Promise<string> {
  const { xs, ys, codes, labels, gate, shown } = gallery;
  const figures = await Promise.all(
    shown.map(({ title, question, logMagnification, geodesics, gated }) =>
      planeFigure({
        xs,
        ys,
        values: logMagnification,
        valueLabel: "log √det G",
        clip: gated ? insideGate(logMagnification, gate) : [0.5, 99.5],
        codes,
        labels,
        geodesics,
        straightLines: geodesics.map((curve) => [...curve.slice(0, 2), ...curve.slice(-2)]),
        ...(gated && { contour: { values: gate, level: 0.5 } }),
        title,
        subtitle: question,
        size: 300,
      }),
    ),
  );
  return figureGrid(figures, {
    columns: 3,
    title: "One latent space under each metric",
    subtitle:
      "A VAE with a Bernoulli likelihood on generated digits; the same codes and the same pairs of end points in every panel. Colours: log magnification factor, each panel its own scale.",
    caption: gateWords(gallery),
    legend: planeLegend(
      {
        geodesics: "geodesic",
        straightLines: "straight line",
        contour: `gate ½ (D = ${gallery.gateHalf.toPrecision(3)})`,
      },
      "0123456789".split(""),
      "codes, by digit",
    ),
  });
}

function gateWords({ gateHalf, gateBegins, centres, reach }: Gallery): string {
  return `The gate of the calibrated uncertainty: D is the smooth squared distance to ${centres} centres of the codes; the decoder is as trained up to D = ${gateBegins.toPrecision(3)}, which 99 % of the codes keep, and half way to its most uncertain law (every pixel a fair coin) at D = ${gateHalf.toPrecision(3)} (pink line), ${reach} radii of the codes.`;
}

/** Colours for what is inside the gate: beyond it the metric vanishes. */
function insideGate(values: readonly number[], gate: readonly number[]): readonly [number, number] {
  const least = values.reduce((low, v, i) => (gate[i] <= 0.5 ? Math.min(low, v) : low), Infinity);
  const below = values.filter((v) => v < least).length / values.length;
  return [Math.round(1000 * below) / 10, 100];
}

function summary(gallery: Gallery): string {
  const ratio = ({ lengths, straightLengths }: Shown) =>
    lengths.reduce((sum, length, i) => sum + length / straightLengths[i], 0) / lengths.length;
  return `${table([
    ["metric", "question", "geodesic / straight line, mean length ratio", "not converged"],
    ...gallery.shown.map((one) => [
      one.title,
      one.question,
      ratio(one).toFixed(3),
      `${one.failed} of ${one.lengths.length}`,
    ]),
  ])}\n\n${gateWords(gallery)}`;
}

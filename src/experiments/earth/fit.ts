/** One cell of `earth`: a model fitted to the training part, chosen on the validation part, tested on the test part. */
import { join } from "node:path";
import { type EarthData, loadEarth, splitEarth, takeEarth } from "../../data/earth.js";
import { fitVonMisesFisherMixture, mixtureLogDensity } from "../../distributions/von-mises-fisher-mixture.js";
import { permutation, randomKey, split } from "../../numerics/random.js";
import { average, carefulDensities, keepField, logDensities, spherePoints, trainCell } from "../flow-report.js";
import type { ExperimentOptions } from "../options.js";
import { globeView, mapGrid, massOnMap } from "../world-map.js";
import { cellName, type EarthCell } from "./plan.js";

export interface EarthSettings {
  /** Steps of the optimiser. */
  readonly steps: number;
  /** Runge-Kutta steps over [0, 1]. */
  readonly integrationSteps: number;
  readonly stereographic: NetworkSettings;
  /** A potential of bumps (`flows/potential.ts`): of so many; `hidden` is their degree in time. */
  readonly riemannian: NetworkSettings & { readonly centres: number };
  readonly smoothness: number;
  readonly agreement: number;
  /** Numbers of components that the mixture is chosen from. */
  readonly components: readonly number[];
  /** Cells across the map. */
  readonly mapColumns: number;
}

interface NetworkSettings {
  readonly hidden: readonly number[];
  readonly batchSize: number;
  readonly learningRate: number;
}

export interface EarthResult {
  readonly testNll: number;
  readonly validationNll: number;
  /** Mass on the map's grid of equal areas: 1 for a sound density. */
  readonly mass: number;
  readonly trainingRows: number;
  readonly testRows: number;
  /** Test rows whose exact place is in the training part. */
  readonly testRowsSeen: number;
  /** Negative log-likelihood of those that are not, where there are any. */
  readonly testNllUnseen: number | null;
  /** Chosen number of components, or the epoch whose parameters were kept. */
  readonly chosen: number;
  /** Mean log density of the test part by the fixed steps minus by the adaptive integrator; null: that one failed. */
  readonly gap: number | null;
}

export function settingsOf({ fast, steps }: ExperimentOptions): EarthSettings {
  return {
    steps: steps ?? (fast ? 150 : 1000),
    integrationSteps: fast ? 4 : 8,
    stereographic: { hidden: fast ? [32] : [64, 64], batchSize: 256, learningRate: 1e-2 },
    riemannian: { centres: fast ? 128 : 512, hidden: [3], batchSize: 128, learningRate: 5e-2 },
    smoothness: 0.01,
    agreement: 0.3,
    components: fast ? [8, 32] : [8, 16, 32, 64, 96],
    mapColumns: fast ? 120 : 360,
  };
}

/** The parts of a cell: its split, and the training rows that its share allows. */
export function partsOf({ data, handling, fraction, seed }: Omit<EarthCell, "model">) {
  const parts = splitEarth(loadEarth(data), { seed, by: handling === "place" ? "location" : "row" });
  const order = permutation(split(randomKey(seed), "learning curve"), parts.train.n);
  const count = Math.max(20, Math.round(parts.train.n / fraction));
  return { ...parts, train: fraction === 1 ? parts.train : takeEarth(parts.train, order.subarray(0, count)) };
}

/** Epochs of a training: how often the parameters are scored on the validation part. */
const EPOCHS = 25;

export async function fitEarthCell(
  cell: EarthCell,
  settings: EarthSettings,
  options: ExperimentOptions,
): Promise<EarthResult> {
  const { train, validation, test } = partsOf(cell);
  const { threads } = options;
  const grid = mapGrid(globeView(), settings.mapColumns);
  const score =
    cell.model === "mixture"
      ? fitMixture(cell, train, validation, settings)
      : await fitFlow(cell, train, validation, settings, options);
  const onMap = await score.logDensity(grid.points.data as Float64Array);
  const { logDensity: onTest, gap } =
    "flow" in score
      ? await carefulDensities(score.flow, spherePoints(test.points), threads)
      : { logDensity: await score.logDensity(test.points), gap: 0 };
  const onValidation = await score.logDensity(validation.points);
  const seen = new Set(Array.from({ length: train.n }, (_, i) => `${train.latitudes[i]},${train.longitudes[i]}`));
  const unseen = onTest.filter((_, i) => !seen.has(`${test.latitudes[i]},${test.longitudes[i]}`));
  if (cell.seed === options.seed && cell.fraction === 1) keepField(options.out, cellName(cell), onMap);
  return {
    testNll: -average(onTest),
    validationNll: -average(onValidation),
    mass: massOnMap(onMap),
    trainingRows: train.n,
    testRows: test.n,
    testRowsSeen: test.n - unseen.length,
    testNllUnseen: unseen.length > 0 ? -average(unseen) : null,
    chosen: score.chosen,
    gap,
  };
}

function fitMixture(cell: EarthCell, train: EarthData, validation: EarthData, { components }: EarthSettings) {
  let best: { nll: number; chosen: number; logDensity: (points: Float64Array) => Float64Array } | undefined;
  for (const count of components) {
    if (count > train.locations) continue;
    const mixture = fitVonMisesFisherMixture(spherePoints(train.points), {
      components: count,
      key: split(randomKey(cell.seed), `mixture ${count}`),
      starts: 1,
      iterations: 100,
      largestConcentration: 1e4,
    });
    const nll = -average(mixtureLogDensity(mixture, spherePoints(validation.points)));
    if (best === undefined || nll < best.nll)
      best = { nll, chosen: count, logDensity: (points) => mixtureLogDensity(mixture, spherePoints(points)) };
  }
  return best!;
}

async function fitFlow(
  cell: EarthCell,
  train: EarthData,
  validation: EarthData,
  settings: EarthSettings,
  options: ExperimentOptions,
) {
  const { steps, integrationSteps, smoothness, agreement } = settings;
  const riemannian = cell.model === "riemannian";
  const { hidden, batchSize, learningRate } = riemannian ? settings.riemannian : settings.stereographic;
  const { flow, history } = await trainCell(
    { points: spherePoints(train.points), name: cell.data },
    {
      flow: {
        manifold: { kind: "sphere", dimension: 2 },
        method: cell.model as "stereographic" | "riemannian",
        ...(riemannian ? { field: "potential", centres: settings.riemannian.centres } : { activation: "swish" }),
        hidden: [...hidden],
        steps: integrationSteps,
      },
      stepsPerEpoch: Math.ceil(steps / EPOCHS),
      epochs: EPOCHS,
      patience: EPOCHS, // never stops early, but keeps the parameters that do best on the validation part
      heldOut: spherePoints(validation.points),
      batchSize,
      learningRate,
      smoothness,
      agreement,
      seed: cell.seed,
      ...(cell.seed === options.seed && cell.fraction === 1
        ? { out: join(options.out, "flows", cellName(cell)), overwrite: true }
        : {}),
    },
    options,
  );
  const scores = history.map(({ score }) => score ?? Number.NEGATIVE_INFINITY);
  const logDensity = (points: Float64Array) => logDensities(flow, spherePoints(points), { threads: options.threads });
  return { flow, logDensity, chosen: 1 + scores.indexOf(Math.max(...scores)) };
}

/** The cells of `vmf-flows`: loss x concentration x method x seed; one flow trained and measured. */
import { vonMisesFisher } from "../../distributions/von-mises-fisher.js";
import { type FlowMethod, vonMisesFisherTarget } from "../../flows/index.js";
import { sphere } from "../../manifolds/index.js";
import { randomKey, split } from "../../numerics/random.js";
import {
  average,
  carefulDensities,
  carefulSamples,
  type FlowCellSettings,
  flowCellSettings,
  keepField,
  logDensities,
  trainCell,
} from "../flow-report.js";
import { type ExperimentOptions, seedsOf } from "../options.js";
import { capView, globeView, mapGrid, massOnMap } from "../world-map.js";

export const losses = ["likelihood", "kl"] as const;
export const methods = ["stereographic", "riemannian"] as const satisfies FlowMethod[];

/** The pole that the stereographic projection leaves out: there the two methods differ most. */
export const pole = [0, 0, 1] as const;

/** Radius in degrees of the cap that is drawn around the pole. */
export const CAP = 40;

export interface VmfCell {
  readonly loss: (typeof losses)[number];
  readonly concentration: number;
  readonly method: (typeof methods)[number];
  readonly seed: number;
}

export interface VmfSettings extends FlowCellSettings {
  /** Weight on the integration's estimated error: without it a reverse KL falls below 0 by the errors of fixed steps. */
  readonly agreement: number;
  /** Fresh draws to measure on. */
  readonly measured: number;
  /** Cells across the cap. */
  readonly mapColumns: number;
}

export interface VmfResult {
  /** Negative log-likelihood of fresh draws, or KL(flow || target). */
  readonly value: number;
  /** Standard error of `value` by the number of draws. */
  readonly error: number;
  /** Mass on an equal-area grid of the sphere. */
  readonly mass: number;
  /** What the fixed steps make of the mean log density minus what the adaptive integrator does; null: that one failed. */
  readonly gap: number | null;
}

export function settingsOf(options: ExperimentOptions): VmfSettings {
  const { fast } = options;
  // at 0.01 narrow targets are fitted by the errors of the steps, the weight on them notwithstanding
  const more = { learningRate: 3e-3, agreement: 0.3, measured: 10_000, mapColumns: fast ? 60 : 160 };
  return { ...flowCellSettings(options), ...more };
}

export function vmfCells({ fast, seed, repetitions }: ExperimentOptions): VmfCell[] {
  const seeds = seedsOf({ seed, repetitions }, fast ? 1 : 3);
  return seeds.flatMap((s) =>
    (fast ? [10] : [100, 50, 10]).flatMap((concentration) =>
      losses.flatMap((loss) => methods.map((method): VmfCell => ({ loss, concentration, method, seed: s }))),
    ),
  );
}

/** "likelihood-100-riemannian-seed0" */
export function cellName({ loss, concentration, method, seed }: VmfCell): string {
  return `${loss}-${concentration}-${method}-seed${seed}`;
}

const vmf = vonMisesFisher(sphere(2));

/** The target's entropy: no negative log-likelihood lies below it but by chance. */
export function floorOf(loss: VmfCell["loss"], concentration: number): number {
  return loss === "likelihood" ? vmf.entropy(concentration) : 0;
}

/** The grid on which masses are measured. */
const globeOf = ({ mapColumns }: VmfSettings) => mapGrid(globeView(), Math.min(4 * mapColumns, 400));

/** The target's mass on that grid, which is coarse for narrow ones: off 1 by the grid's error alone. */
export function massOfTarget(concentration: number, settings: VmfSettings): number {
  const { data, shape } = globeOf(settings).points;
  return massOnMap(
    Float64Array.from({ length: shape[0] }, (_, i) =>
      vmf.logDensity(data.subarray(3 * i, 3 * i + 3) as Float64Array, pole, concentration),
    ),
  );
}

const EPOCHS = 10;

export async function fitVmfCell(cell: VmfCell, settings: VmfSettings, options: ExperimentOptions): Promise<VmfResult> {
  const { loss, concentration, method, seed } = cell;
  const { threads } = options;
  const key = split(randomKey(seed), `vmf ${concentration}`);
  const name = `von Mises-Fisher, concentration ${concentration}`;
  const goal =
    loss === "likelihood"
      ? { points: vmf.sample(pole, concentration, split(key, "train"), settings.draws), name }
      : { target: vonMisesFisherTarget(pole, concentration) };
  const { flow } = await trainCell(
    goal,
    {
      flow: {
        manifold: { kind: "sphere", dimension: 2 },
        method,
        hidden: [...settings.hidden],
        activation: "swish",
        steps: settings.integrationSteps,
      },
      stepsPerEpoch: Math.ceil(settings.steps / EPOCHS),
      epochs: EPOCHS,
      batchSize: settings.batchSize,
      learningRate: settings.learningRate,
      agreement: settings.agreement,
      seed,
    },
    options,
  );
  let values: Float64Array;
  let gap: number | null;
  if (loss === "likelihood") {
    const test = vmf.sample(pole, concentration, split(key, "test"), settings.measured);
    const careful = await carefulDensities(flow, test, threads);
    gap = careful.gap;
    values = careful.logDensity.map((value) => -value);
  } else {
    const drawn = await carefulSamples(flow, split(key, "draws"), settings.measured, threads);
    gap = drawn.gap;
    values = drawn.logDensity.map((value, i) => {
      const x = Array.from({ length: 3 }, (_, j) => drawn.points.data[3 * i + j] as number);
      const length = Math.hypot(...x);
      return (
        value -
        vmf.logDensity(
          x.map((c) => c / length),
          pole,
          concentration,
        )
      );
    });
  }
  if (loss === "likelihood" && seed === options.seed) {
    const cap = mapGrid(capView([0, 90], CAP), settings.mapColumns);
    keepField(options.out, cellName(cell), await logDensities(flow, cap.points, { threads }));
  }
  const mass = massOnMap(await logDensities(flow, globeOf(settings).points, { threads }));
  const value = average(values);
  const variance = (average(values.map((v) => (v - value) ** 2)) * values.length) / (values.length - 1);
  return { value, error: Math.sqrt(variance / values.length), mass, gap };
}

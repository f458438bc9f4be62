/** One cell: trains a digit feature network, keeps its weights, and measures what its Frechet distance makes of digits. */
import { loadDataset, splitDataset } from "../../data/index.js";
import { type NdArray, ndarray, takeRows } from "../../engine/index.js";
import { digitFeatures, frechetScore, saveDigitFeatures, trainDigitFeatures } from "../../evaluation/index.js";
import { principalComponents, project } from "../../numerics/principal-components.js";
import { permutation, randomKey } from "../../numerics/random.js";
import type { ExperimentOptions } from "../options.js";
import { disturbances } from "./disturbances.js";

export interface FeaturesCell {
  readonly data: string;
  readonly trainRows: number;
  readonly testRows: number;
  readonly epochs: number;
  /** Share of the test images classified right. */
  readonly accuracy: number;
  /** Images on either side of each Frechet distance. */
  readonly images: number;
  readonly calibration: readonly {
    readonly disturbance: string;
    readonly level: number;
    readonly distance: number;
    readonly standardError: number;
  }[];
  /** First two principal components of features of test images, with their classes. */
  readonly plane: { readonly x: readonly number[]; readonly y: readonly number[]; readonly labels: readonly number[] };
}

export const DEFAULT_EPOCHS = 3;

/** Trains on the data of that name and saves the weights into `folder`. */
export async function trainCell(name: string, folder: string, options: ExperimentOptions): Promise<FeaturesCell> {
  const { fast, seed, threads, report } = options;
  const epochs = options.epochs ?? (fast ? 1 : DEFAULT_EPOCHS);
  const whole = splitDataset(await loadDataset(name, fast && name === "strokes" ? { count: 1500 } : {}), { seed: 0 });
  const few = (data: typeof whole.train, count: number) =>
    fast && data.n > count
      ? {
          ...data,
          n: count,
          rows: data.rows.subarray(0, count * data.dimension),
          labels: data.labels!.subarray(0, count),
        }
      : data;
  const [train, test] = [few(whole.train, 1200), few(whole.test, 400)];
  let told = -1;
  const classifier = await trainDigitFeatures(train, test, {
    epochs,
    seed,
    threads,
    onProgress: ({ epoch, batch, batches, loss }) => {
      const tenth = Math.floor((10 * (epoch - 1 + batch / batches)) / epochs);
      if (tenth === told) return;
      told = tenth;
      report(`${name}: epoch ${epoch} of ${epochs}, cross entropy ${loss.toFixed(3)}`);
    },
  });
  saveDigitFeatures(folder, classifier);
  report(`${name}: ${(100 * classifier.accuracy).toFixed(2)} % of ${test.n} test digits right; weights in ${folder}`);
  const network = digitFeatures(classifier, { threads });
  const images = Math.min(2000, Math.floor(test.n / 2));
  const order = permutation(randomKey(seed), test.n);
  const part = (from: number) => {
    const rows = order.slice(from, from + images);
    const picked = takeRows(ndarray(test.rows, [test.n, test.dimension]), rows);
    const labels = Int32Array.from(rows, (row) => test.labels![row]);
    return { ...test, n: images, rows: picked.data as Float32Array, labels };
  };
  // one half is real, the other is disturbed, so that no image is on both sides
  const [real, other] = [part(0), part(images)];
  const features = (rows: NdArray) => network.features(rows);
  const ofReal = await features(ndarray(real.rows, [images, test.dimension]));
  const calibration: FeaturesCell["calibration"][number][] = [];
  for (const { name: disturbance, levels, images: spoil } of disturbances)
    for (const level of levels) {
      const made = await features(spoil(other, level, images, seed));
      const { value, standardError } = frechetScore(ofReal, made, { features: "digit-feature", draws: fast ? 5 : 20 });
      calibration.push({ disturbance, level, distance: value, standardError });
    }
  return {
    data: name,
    trainRows: train.n,
    testRows: test.n,
    epochs,
    accuracy: classifier.accuracy,
    images,
    calibration,
    plane: plane(ofReal, real.labels),
  };
}

function plane(features: NdArray, labels: Int32Array): FeaturesCell["plane"] {
  const count = Math.min(1000, labels.length);
  const width = features.shape[1];
  const rows = Float64Array.from(features.data.subarray(0, count * width));
  const both = project(principalComponents(rows, width, 2), rows);
  const column = (k: number) => Array.from({ length: count }, (_, i) => Number(both[2 * i + k].toPrecision(4)));
  return { x: column(0), y: column(1), labels: Array.from(labels.subarray(0, count)) };
}

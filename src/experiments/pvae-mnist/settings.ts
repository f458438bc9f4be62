/** The rows of the MNIST table (Mathieu et al., NeurIPS 2019, tables 2 and 3): settings, and what was published. */
import type { PvaeOptions } from "../../autoencoders/pvae/index.js";

export type Law = "euclidean" | "wrapped" | "riemannian";

/** One row of the table at one latent dimension. */
export interface Setting {
  readonly law: Law;
  /** c, for curvature -c; 0 for the Euclidean VAE. */
  readonly curvature: number;
  /** d */
  readonly dimension: number;
}

/** Latent dimensions of the table; rows at d = 2 are repeated over seeds. */
export const DIMENSIONS = [2, 5, 10, 20] as const;
/** Curvatures that are run unless others are asked for: of d = 2, and of more dimensions. */
export const CURVATURES = { plane: [0, 0.7, 1.4], more: [0, 0.7] } as const;

/** Published bounds, by law and curvature, at d = 2, 5, 10, 20; undefined where the published run failed numerically. */
const PUBLISHED: Readonly<Record<string, readonly (number | undefined)[]>> = {
  "euclidean 0": [144.5, 114.7, 100.2, 97.6],
  "wrapped 0.1": [143.9, 115.5, 100.2, 97.2],
  "wrapped 0.2": [144.2, 115.3, 100.0, 97.1],
  "wrapped 0.7": [143.8, 115.1, 100.2, 97.5],
  "wrapped 1.4": [144.0, 114.7, 100.7, 98.0],
  "riemannian 0.1": [143.7, 115.2, 99.9, 97.0],
  "riemannian 0.2": [143.8, 114.7, 99.7, 97.4],
  "riemannian 0.7": [143.1, 114.1, 101.2, undefined],
  "riemannian 1.4": [142.5, 115.5, undefined, undefined],
};

/** Published percentages of the digits 0 to 9 that a classifier of two-dimensional latents gets right. */
export const PUBLISHED_DIGITS = {
  euclidean: [89, 97, 81, 75, 59, 43, 89, 78, 68, 57],
  hyperbolic: [94, 97, 82, 79, 69, 47, 90, 77, 68, 53],
} as const;

/** The published number of a setting: nats, "failed" where the published run did, undefined where there is none. */
export function publishedBound({ law, curvature, dimension }: Setting): number | "failed" | undefined {
  const row = PUBLISHED[`${law} ${curvature}`];
  const column = (DIMENSIONS as readonly number[]).indexOf(dimension);
  return row === undefined || column < 0 ? undefined : (row[column] ?? "failed");
}

/** The published spread: within such numbers of a value. */
export function publishedSpread({ law, dimension }: Setting): string {
  if (law === "euclidean") return dimension === 2 ? "0.4" : "0.1";
  return dimension === 2 ? "0.4 to 0.6" : "0.1 to 0.3";
}

/** Curvatures with which the published table has a row. */
export const publishedCurvatures = [0, 0.1, 0.2, 0.7, 1.4] as const;

/** The rows at some dimensions and curvatures. */
export function settingsOf(dimensions: readonly number[], curvatures?: readonly number[]): Setting[] {
  return dimensions.flatMap((dimension) =>
    (curvatures ?? (dimension === 2 ? CURVATURES.plane : CURVATURES.more)).flatMap((curvature) =>
      (curvature === 0 ? (["euclidean"] as const) : (["wrapped", "riemannian"] as const)).map(
        (law): Setting => ({ law, curvature, dimension }),
      ),
    ),
  );
}

/** The name of a setting in names of cells: "d2-wrapped-c0.7". */
export function nameOf({ law, curvature, dimension }: Setting): string {
  return law === "euclidean" ? `d${dimension}-euclidean` : `d${dimension}-${law}-c${curvature}`;
}

/** The name of a setting in reports. */
export function titleOf({ law, curvature }: Omit<Setting, "dimension">): string {
  return law === "euclidean" ? "Euclidean" : `${law === "wrapped" ? "wrapped" : "Riemannian"}, c = ${curvature}`;
}

/** How the published models were trained: 784-600-d-600-784 ReLU, Adam 5e-4, batches of 128. */
export function modelOptions({ law, curvature, dimension }: Setting): PvaeOptions {
  const law_ = law === "euclidean" ? "wrapped" : law;
  return {
    latentDimension: dimension,
    encoderHidden: [600],
    decoderHidden: [600],
    activation: "relu",
    likelihood: "bernoulli",
    curvature,
    posterior: law_,
    prior: law_,
    decoder: "gyroplane",
    learningRate: 5e-4,
    batchSize: 128,
  };
}

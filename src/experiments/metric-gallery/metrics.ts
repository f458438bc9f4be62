/**
 * The metrics of the gallery: everything that one Bernoulli VAE of pictures allows, each with the question it answers.
 *
 * Axes: N points, D pixels.
 */
import { type DistributionMetrics, decoderOf, decoderWithUncertainty, type Vae } from "../../autoencoders/index.js";
import { categorical } from "../../distributions/families/index.js";
import {
  concat,
  div,
  matmul,
  mul,
  type NdArray,
  ndarray,
  reshape,
  stack,
  sum,
  type Tensor,
} from "../../engine/index.js";
import {
  expectedPullback,
  featureMetric,
  impurityMetric,
  type LatentMetric,
  posteriorMetricOf,
  pullback,
} from "../../metrics/index.js";

export interface GalleryEntry {
  readonly name: string;
  readonly title: string;
  readonly question: string;
  readonly metric: LatentMetric;
  /** Whether the calibrated uncertainty of the gate is in it. */
  readonly gated: boolean;
}

/** Of the posterior metric: about twice what the paper's rule gives, so that its wells run together. */
const RHO = 1;

export function galleryOf(
  model: Vae,
  codes: NdArray,
  logVariances: NdArray,
  imageShape: readonly [number, number],
  gated: DistributionMetrics,
  plain: DistributionMetrics,
): GalleryEntry[] {
  const d = model.shape.latentDimension;
  return [
    {
      name: "euclidean",
      title: "Euclidean pullback",
      question: "How much do decoded means differ?",
      metric: pullback(decoderOf(model), d),
      gated: false,
    },
    {
      name: "expected",
      title: "Expected pullback (2-Wasserstein of Gaussians)",
      question: "... with the decoder's uncertainty (precision network)?",
      metric: expectedPullback(decoderWithUncertainty(model), d),
      gated: false,
    },
    {
      name: "fisher-rao-plain",
      title: "Fisher-Rao, not calibrated",
      question: "How well can neighbours be told apart by samples?",
      metric: plain.metric("fisher-rao"),
      gated: false,
    },
    {
      name: "fisher-rao",
      title: "Fisher-Rao, calibrated",
      question: "... where no codes are, nothing is known",
      metric: gated.metric("fisher-rao"),
      gated: true,
    },
    {
      name: "probabilities",
      title: "Probability differences (1-Wasserstein)",
      question: "How much do probabilities change?",
      metric: gated.metric("probabilities"),
      gated: true,
    },
    {
      name: "impurity",
      title: "Class impurity, conformal",
      question: "Which paths avoid uncertain pixels?",
      metric: impurityMetric(
        (z) => {
          const { logits } = gated.decoder(z);
          return { logits: stack([logits, mul(logits, 0)], 2) }; // two classes a pixel: [N, D, 2]
        },
        categorical({ classes: 2 }),
        d,
      ),
      gated: true,
    },
    {
      name: "feature",
      title: "Pullback of features: place and amount of ink",
      question: "How do some properties of the output change?",
      metric: featureMetric(decoderOf(model), inkOf(imageShape), d),
      gated: false,
    },
    {
      name: "posterior",
      title: `Posterior covariance, rho = ${RHO}`,
      question: "Where do posteriors say that data are?",
      metric: posteriorMetricOf(codes, logVariances, { rho: RHO }),
      gated: false,
    },
  ];
}

/** Column and row of the centre of mass of a picture in pixels, and a tenth of its ink, [N, D] -> [N, 3]. Traceable. */
function inkOf([height, width]: readonly [number, number]): (x: Tensor) => Tensor {
  const places = new Float64Array(2 * height * width);
  for (let pixel = 0; pixel < height * width; pixel++) {
    places[2 * pixel] = pixel % width;
    places[2 * pixel + 1] = Math.floor(pixel / width);
  }
  const coordinates = ndarray(places, [height * width, 2]);
  return (x) => {
    const ink = reshape(sum(x, 1), [x.shape[0], 1]);
    return concat([div(matmul(x, coordinates), ink), mul(ink, 0.1)], 1);
  };
}

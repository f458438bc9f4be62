/**
 * The metrics that a decoder implies.
 *
 * - Euclidean pullback of the mean: `G = J_mean^T J_mean`.
 * - Expected pullback of a Gaussian decoder x = mean(z) + std(z) eps: `E[J^T J] = J_mean^T J_mean + J_std^T J_std`
 *   (Arvanitidis, Hansen, Hauberg, "Latent Space Oddity", ICLR 2018, theorem 1; std is the standard deviation). It is
 *   the pullback by the embedding z -> (mean(z), std(z)), and the 2-Wasserstein metric of the decoded Gaussians too.
 *
 * Large uncertainty alone does not make these metrics large, only its change does: far from the data, where std has
 * become constant, the expected metric can be nearly zero and shortest paths may pass there. See `withFloor`.
 */
import { concat, type Tensor } from "../engine/index.js";
import { UsageError } from "../errors.js";
import { flattenRows } from "./checks.js";
import { type EmbeddedMetric, embeddedMetric } from "./embedded.js";
import type { Decoder } from "./metric.js";

type Decoded = ReturnType<Decoder>;

/**
 * Euclidean pullback of a decoder's mean.
 * @param decoder `[N, d] -> [N, ...]`, or `{ mean, std }`, of which the mean counts
 * @param dimension d
 * @example const metric = pullback((z) => tanh(matmul(z, weights)), 2);
 */
export function pullback(decoder: Decoder, dimension: number): EmbeddedMetric {
  return embeddedMetric((z) => meanOf(decoder(z)), { dimension, name: "Euclidean pullback" });
}

/**
 * Expected pullback of a decoder with uncertainty; the embedding is (mean, std), of 2 D dimensions.
 * @param decoder `[N, d] -> { mean, std }`, both `[N, ...]`, std the standard deviation
 * @param dimension d
 * @throws UsageError, when first traced, if the decoder gives no standard deviation
 */
export function expectedPullback(decoder: Decoder, dimension: number): EmbeddedMetric {
  return embeddedMetric(
    (z) => {
      const decoded = decoder(z);
      if (!hasDeviation(decoded))
        throw new UsageError(
          "expectedPullback: the decoder returned one tensor; return { mean, std }, or use pullback for the mean alone.",
        );
      return meanAndDeviation(decoded);
    },
    { dimension, name: "expected pullback" },
  );
}

/**
 * A metric from your own function: any traceable map of points `[N, d]` to `[N, D]` is an embedding, and the metric is
 * its pullback; a map to `{ mean, std }` gives the expected pullback.
 * @example
 *   // the paraboloid x3 = x1^2 + x2^2
 *   const metric = metricFrom((z) => concat([z, sum(square(z), 1, { keepDimensions: true })], 1), { dimension: 2 });
 */
export function metricFrom(
  decoder: Decoder,
  options: { readonly dimension: number; readonly name?: string },
): EmbeddedMetric {
  return embeddedMetric(
    (z) => {
      const decoded = decoder(z);
      return hasDeviation(decoded) ? meanAndDeviation(decoded) : decoded;
    },
    { dimension: options.dimension, name: options.name ?? "pullback of a function" },
  );
}

type WithDeviation = { readonly mean: Tensor; readonly std: Tensor };

// A tensor has a shape; a decoded distribution has not.
function hasDeviation(decoded: Decoded): decoded is WithDeviation {
  return !("shape" in decoded);
}

function meanOf(decoded: Decoded): Tensor {
  return hasDeviation(decoded) ? decoded.mean : decoded;
}

function meanAndDeviation({ mean, std }: WithDeviation): Tensor {
  return concat([flattenRows(mean), flattenRows(std)], 1);
}

/**
 * Two metrics of decoders of sequences (S sites, K classes, probabilities p) beside Fisher-Rao:
 *
 * - Squared differences of probabilities, `E = sum_t |p_(t+1) - p_t|^2`: the pullback by z -> p(z) (Detlefsen, Hauberg,
 *   Boomsma, "Learning meaningful representations of protein sequences", Nature Communications 2022, as stated there).
 * - What that paper's published code minimises instead: `2 sum_sites (1 - p_t . p_(t+1)) |z_(t+1) - z_t|`. With
 *   independent one-hot draws X ~ p, Y ~ q it is E|X - Y|^2 = |p - q|^2 + (1 - |p|^2) + (1 - |q|^2), whose impurity
 *   terms do not vanish between neighbours: as steps shrink, only the length `int 2 sum_sites (1 - |p|^2) |z'| dt`
 *   remains. That is a conformal metric, which shuns uncertain regions and does not see differences of p at all.
 */
import type { Family } from "../distributions/families/index.js";
import { log, mul, square, sub, sum, type Tensor } from "../engine/index.js";
import { conformalMetric, euclideanMetric } from "./combine.js";
import { type EmbeddedMetric, embeddedMetric } from "./embedded.js";
import type { DistributionDecoder } from "./fisher-rao.js";
import type { LatentMetric } from "./metric.js";

/**
 * Squared differences of probabilities: the pullback by the probabilities of all sites.
 * @param family categorical (its mean is the probabilities), or any other: then the pullback of the mean
 * @param dimension d
 */
export function probabilityDifferences(
  decoder: DistributionDecoder,
  family: Family,
  dimension: number,
): EmbeddedMetric {
  return embeddedMetric((z) => family.mean(decoder(z)), { dimension, name: "squared probability differences" });
}

/**
 * The limit of the published code's energy: `G = (2 sum_sites (1 - |p|^2))^2 I`, conformally flat. Zero where all
 * sites are certain: see `withFloor`.
 * @param family categorical
 */
export function impurityMetric(decoder: DistributionDecoder, family: Family, dimension: number): LatentMetric {
  const logFactor = (z: Tensor): Tensor => {
    const parameters = decoder(z);
    const sites = parameters.logits.shape[1];
    const purity = sum(square(family.mean(parameters)), -1); // sum over sites of |p|^2
    return log(mul(2, sub(sites, purity)));
  };
  return conformalMetric(euclideanMetric(dimension), logFactor, "class impurity (conformal)");
}

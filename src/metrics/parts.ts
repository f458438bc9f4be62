/**
 * Metrics of a part of what is decoded: of some columns, of one block of a mixed likelihood, or of a feature of the
 * output; and weighted sums of such metrics.
 */
import type { Parameters } from "../distributions/families/index.js";
import { type Tensor, take } from "../engine/index.js";
import { expectThat, UsageError } from "../errors.js";
import { scaledMetric, sumMetric } from "./combine.js";
import { type EmbeddedMetric, embeddedMetric } from "./embedded.js";
import type { DistributionDecoder } from "./fisher-rao.js";
import type { Decoder, LatentMetric } from "./metric.js";

/**
 * The pullback by a feature of the decoded mean: `z -> feature(mean(z))`. What the feature does not see costs nothing.
 * @param feature traceable `[N, D] -> [N, F]`, row by row
 * @example const pose = featureMetric(decoder, (x) => matmul(x, jointsOfInterest), 2);
 */
export function featureMetric(
  decoder: Decoder,
  feature: (x: Tensor) => Tensor,
  dimension: number,
  name = "pullback of a feature",
): EmbeddedMetric {
  return embeddedMetric(
    (z) => {
      const decoded = decoder(z);
      return feature("shape" in decoded ? decoded : decoded.mean);
    },
    { dimension, name },
  );
}

/**
 * The law of some columns (of sites or blocks, for families whose columns come in groups): their parameters alone.
 * @param columns numbers from 0 along the parameters' second axis
 * @throws UsageError, when traced, where parameters do not belong to columns (full normal, products: see `blockOf`)
 */
export function columnsOf(decoder: DistributionDecoder, columns: readonly number[]): DistributionDecoder {
  expectThat(columns.length > 0, "columnsOf: the list of columns is empty; give at least one.");
  return (z) => {
    const entries = Object.entries(decoder(z));
    const counts = entries.map(([, value]) => value.shape[1]);
    for (const [i, [name]] of entries.entries())
      if (name.includes(".") || counts[i] !== counts[0])
        throw new UsageError(
          `columnsOf: the parameters ${entries.map(([each]) => each).join(", ")} do not go column by column; use blockOf for a product, or another part.`,
        );
    const bad = columns.find((j) => !(Number.isInteger(j) && j >= 0 && j < counts[0]));
    expectThat(
      bad === undefined,
      () => `columnsOf: ${bad} is no column of the decoder; give whole numbers from 0 to ${counts[0] - 1}.`,
    );
    return Object.fromEntries(entries.map(([name, value]) => [name, take(value, columns, 1)]));
  };
}

/**
 * One block of a decoder into a product of families: the parameters "block.parameter" under their own names.
 * @throws UsageError, when traced, if there is no such block
 */
export function blockOf(decoder: DistributionDecoder, block: string): DistributionDecoder {
  return (z) => {
    const all = decoder(z);
    const start = `${block}.`;
    const own: [string, Tensor][] = Object.entries(all)
      .filter(([name]) => name.startsWith(start))
      .map(([name, value]) => [name.slice(start.length), value]);
    if (own.length === 0)
      throw new UsageError(`blockOf: "${block}" is no block; the parameters are ${Object.keys(all).join(", ")}.`);
    return Object.fromEntries(own) as Parameters;
  };
}

/**
 * `sum_i w_i G_i`: metrics of several heads, each with its weight (lengths of a part grow by sqrt(w)).
 * @throws UsageError for an empty list, weights that are not positive, or metrics of different dimensions
 * @example const motion = weightedSum([{ metric: position, weight: 1 }, { metric: orientation, weight: 0.1 }]);
 */
export function weightedSum(
  parts: readonly { readonly metric: LatentMetric; readonly weight?: number }[],
  name?: string,
): LatentMetric {
  return sumMetric(
    parts.map(({ metric, weight = 1 }) => (weight === 1 ? metric : scaledMetric(metric, weight))),
    name,
  );
}

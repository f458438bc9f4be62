/** Metrics of mixed data as sums over its blocks, each with its weight. */
import type { Family } from "../distributions/families/index.js";
import { UsageError } from "../errors.js";
import { type LatentMetric, weightedSum } from "../metrics/index.js";

/**
 * The sum of the blocks' metrics; weight 0 leaves a block out, a block without one has weight 1.
 * @param title what is summed; the names of the blocks follow, with their weights
 * @throws UsageError where no block is left
 */
export function sumOfBlocks<B extends { readonly name: string; readonly family: Family }>(
  blocks: readonly B[],
  weights: Readonly<Record<string, number>>,
  title: string,
  metricOf: (block: B) => LatentMetric,
): LatentMetric {
  const counted = blocks.filter(({ name }) => (weights[name] ?? 1) !== 0);
  if (counted.length === 0)
    throw new UsageError(
      `metric: all blocks have weight 0 (${blocks.map(({ name }) => name).join(", ")}), so that nothing is left to measure; give one a weight above 0.`,
    );
  const parts = counted.map((block) => ({ metric: metricOf(block), weight: weights[block.name] ?? 1 }));
  const words = counted.map(({ name }, i) => (parts[i].weight === 1 ? name : `${parts[i].weight} x ${name}`));
  return weightedSum(parts, `${title} of ${words.join(", ")}`);
}

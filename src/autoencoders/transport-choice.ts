/**
 * Wasserstein metrics by name, "wasserstein" (order 2) and "wasserstein1": the form that a family gets, from what the
 * likelihood says about its columns and what the user gives; of mixed data block by block, added.
 */
import type { Family } from "../distributions/families/index.js";
import { UsageError } from "../errors.js";
import {
  blockOf,
  type DistributionDecoder,
  type LatentMetric,
  type Values,
  wasserstein1,
  wasserstein2,
} from "../metrics/index.js";
import { sumOfBlocks } from "./sum-of-blocks.js";

export type TransportName = "wasserstein" | "wasserstein1";

/** Ground distances |f(x) - f(y)| by name, for values that are not negative (of "log" positive). */
const grounds = { log: Math.log, sqrt: Math.sqrt, square: (x: number) => x * x } as const;

export type GroundName = keyof typeof grounds;

export interface TransportOptions {
  /**
   * Values of the columns: mass beyond their range does not count. Default the likelihood's own; for "wasserstein" the
   * closed form where there is one, which knows no range.
   */
  readonly values?: Values;
  /** Of mixed data: the values of a block's columns, by its name. */
  readonly blockValues?: Readonly<Record<string, Values>>;
  /**
   * "wasserstein1": between the bins of `values` (the published energy), or on the line by the family's closed form. Default
   * "bins" where there are values, given or of the likelihood, else "closed".
   */
  readonly form?: "bins" | "closed";
  /** "wasserstein1" between bins: a ground distance other than |x - y|, |log x - log y| for "log". */
  readonly ground?: GroundName;
}

/** A family of columns, with the values that they take, where the likelihood says it. */
interface Part {
  readonly name?: string;
  readonly family: Family;
  readonly values?: Values;
}

/** Does the family have it? */
export function hasTransport(name: TransportName, family: Family): boolean {
  if (name === "wasserstein1") return family.distributionFunction !== undefined;
  return hasClosed2(family) || (family.distributionFunction !== undefined && family.marginalDensity !== undefined);
}

const hasClosed2 = (family: Family): boolean =>
  family.wasserstein2Embedding !== undefined || family.wasserstein2Root !== undefined || family.name === "full normal";

/**
 * @throws UsageError for options that do not go with the name or the family, and where a range is needed and missing
 */
export function transportMetric(
  name: TransportName,
  decoder: DistributionDecoder,
  part: Part,
  dimension: number,
  { values: given, form: wanted, ground }: TransportOptions,
): LatentMetric {
  const { family } = part;
  const whose = part.name === undefined ? `a ${family.name} likelihood` : `block "${part.name}" (${family.name})`;
  const values = given ?? part.values;
  const closed = hasClosed2(family);
  const closed1 = family.wasserstein1 !== undefined && family.wasserstein2Embedding !== undefined;
  const form = wanted ?? (values === undefined && closed1 && ground === undefined ? "closed" : "bins");
  if (name === "wasserstein" && (wanted ?? ground) !== undefined)
    throw new UsageError(
      `metric: a ${wanted ? "form" : "ground distance"} goes with wasserstein1, not with wasserstein.`,
    );
  if (wanted === "closed" && (given !== undefined || ground !== undefined || !closed1))
    throw new UsageError(
      closed1
        ? `metric: the closed form of wasserstein1 has no bins; leave its ${ground === undefined ? "values" : "ground distance"} out.`
        : `metric: wasserstein1 of ${whose} has no closed form; leave the form out.`,
    );
  if (values === undefined && ((name === "wasserstein1" && form === "bins") || (name === "wasserstein" && !closed))) {
    const key = part.name === undefined ? "" : `${part.name}.`;
    throw new UsageError(
      `metric: ${name} of ${whose} needs the range of the data; give values such as { low: 0, high: 1 }, or --metric ${name}:${key}low=0,${key}high=1 on the command line.`,
    );
  }
  if (name === "wasserstein") return wasserstein2(decoder, family, dimension, { values: closed ? given : values });
  if (form === "closed") return wasserstein1(decoder, family, dimension);
  if (ground !== undefined && !(ground === "log" ? values!.low > 0 : values!.low >= 0))
    throw new UsageError(
      `metric: the ground distance "${ground}" wants values ${ground === "log" ? "above 0" : "from 0 on"}, and those of ${whose} begin at ${values!.low}; give a range that begins higher.`,
    );
  return wasserstein1(decoder, family, dimension, { values, ...(ground && { place: grounds[ground] }) });
}

/**
 * The sum over the blocks of mixed data, each with its weight (0 leaves one out). Squared distances add: of order 2 that is
 * the metric of the product law, of order 1 the root-sum-square over all columns.
 * @throws UsageError also for blocks that have no such metric and are not left out
 */
export function transportOfBlocks(
  name: TransportName,
  decoder: DistributionDecoder,
  blocks: readonly (Part & { readonly name: string })[],
  dimension: number,
  weights: Readonly<Record<string, number>>,
  { values, blockValues = {}, ...options }: TransportOptions,
): LatentMetric {
  if (values !== undefined)
    throw new UsageError(
      `metric: ${name} of mixed data takes a range for each block; give blockValues, or --metric ${name}:${blocks[0].name}.low=0,${blocks[0].name}.high=1 on the command line.`,
    );
  return sumOfBlocks(blocks, weights, `${name === "wasserstein" ? 2 : 1}-Wasserstein`, (block) => {
    if (!hasTransport(name, block.family))
      throw new UsageError(
        `metric: ${name} does not go with block "${block.name}" (${block.family.name}); give it weight 0, --metric ${name}:${block.name}=0 on the command line, or use fisher-rao.`,
      );
    return transportMetric(name, blockOf(decoder, block.name), block, dimension, {
      ...options,
      values: blockValues[block.name],
    });
  });
}

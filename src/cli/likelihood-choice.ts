/**
 * Parts of a likelihood's metric from the command line, behind its name: `wasserstein:low=0,high=8,count=64` (the
 * values that columns take), `wasserstein:amount.low=0,amount.high=8` (those of a block of mixed data),
 * `wasserstein1:form=closed` (not between bins), `wasserstein1:ground=sqrt` (a ground distance), `fisher-rao:columns=0-3+7`
 * (the columns or sites that count), `fisher-rao:heading=0.5` (the weight of a block), `fisher-rao:floor=0.01` (a multiple of
 * the identity is added).
 */
import type { DistributionMetricName, DistributionMetricOptions } from "../autoencoders/index.js";
import { UsageError } from "../errors.js";
import type { Values } from "../metrics/index.js";
import { finiteNumber, namedValues, numberFromZero, oneOf, wholeNumber } from "./options.js";

const ranges = ["low", "high", "count"] as const;

/**
 * The list behind the name as options.
 * @param blocks names of the likelihood's blocks, where it has any
 * @throws UsageError for names that this metric does not take, and values that do not fit
 */
export function likelihoodParts(
  name: DistributionMetricName,
  list: string,
  blocks: readonly string[],
): DistributionMetricOptions {
  const option = `--metric ${name}`;
  const transports = name.startsWith("wasserstein");
  const weighed = transports || name.startsWith("fisher-rao") || name === "position-orientation" ? blocks : [];
  const ranged = !transports ? [] : blocks.length === 0 ? [""] : blocks.map((block) => `${block}.`);
  const known = [
    ...ranged.flatMap((prefix) => ranges.map((each) => `${prefix}${each}`)),
    ...(name === "wasserstein1" ? ["form", "ground"] : []),
    ...(blocks.length === 0 ? ["columns"] : []),
    "floor",
    ...weighed,
  ];
  const given = namedValues(option, list, known);
  const number = (key: string) => finiteNumber(`${option} ${key}`, given.get(key)!);
  const valuesBehind = (prefix: string): Values | undefined => {
    const [low, high, count] = ranges.map((each) => given.has(`${prefix}${each}`));
    if (low !== high || (count && !low))
      throw new UsageError(
        `${option}: give low and high together, such as ${name}:${prefix}low=0,${prefix}high=1,${prefix}count=64.`,
      );
    if (!low) return undefined;
    return {
      low: number(`${prefix}low`),
      high: number(`${prefix}high`),
      ...(count && { count: wholeNumber(`${option} ${prefix}count`, given.get(`${prefix}count`)!, 2, 65536) }),
    };
  };
  const special = (key: string): boolean => name === "wasserstein1" && given.has(key);
  const form = special("form") ? oneOf(`${option} form`, given.get("form")!, ["bins", "closed"] as const) : undefined;
  const ground = special("ground")
    ? oneOf(`${option} ground`, given.get("ground")!, ["log", "sqrt", "square"] as const)
    : undefined;
  const weights = weighed.filter((block) => given.has(block));
  const values = blocks.length === 0 ? valuesBehind("") : undefined;
  const byBlock = blocks.flatMap((block) => {
    const own = valuesBehind(`${block}.`);
    return own === undefined ? [] : [[block, own] as const];
  });
  return {
    ...(values && { values }),
    ...(byBlock.length > 0 && { blockValues: Object.fromEntries(byBlock) }),
    ...(form && { form }),
    ...(ground && { ground }),
    ...(given.has("columns") && { columns: columnList(`${option} columns`, given.get("columns")!) }),
    ...(given.has("floor") && { floor: numberFromZero(`${option} floor`, given.get("floor")!) }),
    ...(weights.length > 0 && {
      weights: Object.fromEntries(
        weights.map((block) => [block, numberFromZero(`${option} ${block}`, given.get(block)!)]),
      ),
    }),
  };
}

/**
 * `floor=0.01` behind a metric that takes nothing else; 0 is none.
 * @throws UsageError for anything but that
 */
export function floorPart(name: string, list: string): number {
  const [key, value, ...more] = list.split("=").map((piece) => piece.trim());
  if (key !== "floor" || value === undefined || more.length > 0)
    throw new UsageError(
      `--metric ${name}:${list}: nothing but a floor goes behind ${name}; write --metric ${name}, or ${name}:floor=0.01 say.`,
    );
  return numberFromZero(`--metric ${name} floor`, value);
}

/** `0-3+7` as 0, 1, 2, 3, 7. */
function columnList(option: string, text: string): number[] {
  return text.split("+").flatMap((piece) => {
    const [first, last] = piece.split("-").map((part) => wholeNumber(option, part.trim()));
    if (piece.split("-").length > 2 || last < first)
      throw new UsageError(`${option}: "${piece}" is no column or range of columns; write 0-3+7 say.`);
    return Array.from({ length: (last ?? first) - first + 1 }, (_, k) => first + k);
  });
}

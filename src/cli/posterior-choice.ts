/**
 * The posterior metric with numbers of one's own: `--metric posterior:rho=4,lambda=0.1`, and the potential metric that
 * comes from it, `--metric potential` or `potential:exponent=1,rho=4`. Samplers take the same list, `--posterior rho=4`.
 */
import type { NdArray } from "../engine/index.js";
import { UsageError } from "../errors.js";
import type { LatentMetric, PosteriorOfCodes } from "../metrics/index.js";
import { finiteNumber, wholeNumber } from "./options.js";

const numbers = ["rho", "lambda", "tau"] as const;
const counts = ["centroids", "seed"] as const;

/** What of an opened run the metric is made of. */
interface RunWithPosteriors {
  readonly folder: string;
  /** [N, d] */
  readonly codes: NdArray;
  /** [N, d] */
  readonly logVariances?: () => NdArray;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** `rho=4,lambda=0.1` as options. @throws UsageError for other names, and values that are no numbers. */
export function posteriorOptions(option: string, text: string): PosteriorOfCodes;
export function posteriorOptions(
  option: string,
  text: string,
  more: "exponent",
): PosteriorOfCodes & { exponent?: number };
export function posteriorOptions(option: string, text: string, more?: "exponent") {
  const found: Mutable<PosteriorOfCodes> & { exponent?: number } = {};
  for (const part of text.split(",").filter((piece) => piece.trim() !== "")) {
    const [name, value] = part.split("=").map((piece) => piece.trim());
    const given = value ?? "";
    if (numbers.includes(name as (typeof numbers)[number]))
      found[name as (typeof numbers)[number]] = finiteNumber(`${option} ${name}`, given);
    else if (counts.includes(name as (typeof counts)[number]))
      found[name as (typeof counts)[number]] = wholeNumber(`${option} ${name}`, given);
    else if (more !== undefined && name === more) found.exponent = finiteNumber(`${option} ${name}`, given, 0);
    else
      throw new UsageError(
        `${option}: "${part}" is not of the form name=number with a name of ${[...numbers, ...counts, ...(more ? [more] : [])].join(", ")}.`,
      );
  }
  return found;
}

/** Whether `--metric` names a metric of this file. */
export function isPosteriorChoice(name: string): boolean {
  return /^(posterior:|potential(:|$))/.test(name);
}

/** What helps where a solve under a metric of that name did not come to rest; nothing for other metrics. */
export function posteriorRemedy(name: string | undefined): string | undefined {
  if (name === undefined || !(name === "posterior" || isPosteriorChoice(name))) return undefined;
  return "where posteriors are narrow the metric is a flat floor between its centroids, on which a solve may find no rest; try a larger rho, such as --metric posterior:rho=4 (docs/sampling.md)";
}

/** The metric that such a name stands for. @throws UsageError for a run without posterior variances, and bad numbers. */
export async function posteriorChoice(run: RunWithPosteriors, name: string): Promise<LatentMetric> {
  const [kind, list = ""] = name.split(/:(.*)/s);
  if (run.logVariances === undefined)
    throw new UsageError(
      `--metric ${kind}: ${run.folder} holds no posterior variances of its codes (an import, or a model without); use another metric.`,
    );
  const { posteriorMetricOf, potentialMetric } = await import("../metrics/index.js");
  if (kind === "posterior")
    return posteriorMetricOf(run.codes, run.logVariances(), posteriorOptions("--metric posterior", list));
  const { exponent, ...posterior } = posteriorOptions("--metric potential", list, "exponent");
  return potentialMetric(posteriorMetricOf(run.codes, run.logVariances(), posterior), { exponent });
}

/** Which options of `atlas train` go with which kind of model; those of other kinds are refused, not ignored. */
import type { Command } from "commander";
import { UsageError } from "../errors.js";

type Kind = "vae" | "pvae" | "family";

/** Models of the family that have a likelihood of the pixels, whose scale can be chosen. */
const withLikelihood = ["beta-vae", "vamp", "hvae", "rhvae", "iwae"] as const;

/** Options that not all models take, by their attribute names; takers are kinds, or models of the family by name. */
const takenBy: Readonly<Record<string, readonly (Kind | (typeof withLikelihood)[number])[]>> = {
  network: ["family"],
  image: ["family"],
  channels: ["family"],
  option: ["vae", "family"],
  variance: withLikelihood,
  bounded: ["family"],
  curvature: ["pvae"],
  posterior: ["pvae"],
  prior: ["pvae"],
  priorScale: ["pvae"],
  schema: ["vae"],
  classes: ["vae"],
  identity: ["vae"],
  uncertainty: ["vae"],
  optimizer: ["vae", "pvae"],
  klWarmUp: ["vae", "pvae"],
};

const models: Readonly<Record<string, string>> = {
  vae: "vae",
  pvae: "pvae",
  family: "beta-vae, or another of the family",
};

/** @throws UsageError for an option on the command line that this model does not take */
export function checkModelOptions(model: string, command: Command): void {
  const kind: Kind = model === "vae" || model === "pvae" ? model : "family";
  for (const option of command.options) {
    const name = option.attributeName();
    const takers = takenBy[name];
    if (
      takers === undefined ||
      takers.some((taker) => taker === kind || taker === model) ||
      command.getOptionValueSource(name) !== "cli"
    )
      continue;
    throw new UsageError(
      `${option.long}: a model of kind ${model} takes no such option; leave it out, or use --model ${takers.map((each) => models[each] ?? each).join(", or ")}.`,
    );
  }
}

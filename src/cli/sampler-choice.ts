/** Options of samplers, for `atlas sample` and `atlas evaluate`: one that the sampler at hand does not take is refused. */
import type { Command } from "commander";
import { UsageError } from "../errors.js";
import type { SamplerOptions, SamplerSource } from "../samplers/index.js";
import { finiteNumber, wholeNumber } from "./options.js";
import { posteriorOptions } from "./posterior-choice.js";

export interface SamplerFlags {
  centroids?: string;
  posterior?: string;
  transitions?: string;
  leapfrog?: string;
  ball?: string;
  components?: string;
}

/** Which samplers take an option. */
const takenBy: Readonly<Record<keyof SamplerFlags, readonly string[]>> = {
  centroids: ["riemannian", "published"],
  posterior: ["riemannian", "published"],
  transitions: ["riemannian", "rhvae", "published"],
  leapfrog: ["riemannian", "rhvae", "published"],
  ball: ["riemannian"],
  components: ["gaussian-mixture"],
};

/** Adds the options. */
export function withSamplerFlags(command: Command): Command {
  return command
    .option("--centroids <k>", "riemannian, published: medoids of the posterior metric; default 100")
    .option(
      "--posterior <list>",
      "riemannian, published: of the posterior metric, such as rho=2,lambda=0.1,tau=0,seed=0 (docs/sampling.md)",
    )
    .option(
      "--transitions <n>",
      "riemannian, rhvae: Hamiltonian transitions for each draw, default 2; published: of a chain, default 100",
    )
    .option("--leapfrog <n>", "riemannian, rhvae, published: leapfrog steps of a transition; default 10")
    .option(
      "--ball <radius>",
      "riemannian: restrict the law to a ball around the mean of the centroids; default: let the metric's floor decay",
    )
    .option("--components <k>", "gaussian-mixture: components fitted to the codes; default 10");
}

/** As the library takes them. @throws UsageError for values that are no such numbers */
export function samplerOptions(flags: SamplerFlags): SamplerOptions {
  const whole = (name: keyof SamplerFlags, least: number) =>
    flags[name] === undefined ? undefined : wholeNumber(`--${name}`, flags[name], least, 100_000);
  const [centroids, transitions, leapfrogSteps] = [
    whole("centroids", 1),
    whole("transitions", 1),
    whole("leapfrog", 1),
  ];
  const components = whole("components", 1);
  const chains = { ...(transitions !== undefined && { transitions }), ...(leapfrogSteps && { leapfrogSteps }) };
  return {
    posterior: {
      ...posteriorOptions("--posterior", flags.posterior ?? ""),
      ...(centroids !== undefined && { centroids }),
    },
    riemannian: {
      ...chains,
      ...(flags.ball !== undefined && { proper: { ball: finiteNumber("--ball", flags.ball, 0) } }),
    },
    published: chains,
    chains,
    mixture: components === undefined ? {} : { components },
  };
}

/** @throws UsageError for an option that the sampler of that name does not take */
export function checkSamplerFlags(flags: SamplerFlags, name: string, source: SamplerSource): void {
  const sampler = name === "own" ? (source.own?.[0]?.name ?? "prior") : name;
  for (const option of Object.keys(takenBy) as (keyof SamplerFlags)[]) {
    if (flags[option] === undefined || takenBy[option].includes(sampler)) continue;
    throw new UsageError(
      `--${option}: the sampler ${sampler} takes no such option; leave it out, or use --sampler ${takenBy[option].join(", or ")}.`,
    );
  }
}

/** `atlas reproduce`: the experiments of the papers, with the published number beside ours. */
import { join } from "node:path";
import type { Command } from "commander";
import type { ExperimentOptions } from "../../experiments/options.js";
import { interruptible } from "../interruptible.js";
import { numberFromZero, oneOf, wholeNumber } from "../options.js";
import { createReport } from "../report.js";

interface ReproduceOptions {
  fast?: boolean;
  seed: string;
  repetitions?: string;
  epochs?: string;
  steps?: string;
  samples?: string;
  curvatures?: string;
  cells?: string;
  threads?: string;
  out?: string;
  json?: boolean;
}

interface Experiment {
  readonly about: string;
  run(options: ExperimentOptions): Promise<unknown>;
}

const experiments: Record<string, Experiment> = {
  "branching-diffusion": {
    about: "Poincare VAE on a synthetic tree, test bound by curvature (seeds from 0)",
    run: async (options) => (await import("../../experiments/branching-diffusion.js")).run(options),
  },
  "pvae-mnist": {
    about: "Poincare VAE on MNIST, test bound by curvature and dimension, digits by their codes (needs MNIST)",
    run: async (options) => (await import("../../experiments/pvae-mnist.js")).run(options),
  },
  "vmf-flows": {
    about: "flows on the sphere fitted to von Mises-Fisher densities",
    run: async (options) => (await import("../../experiments/vmf-flows.js")).run(options),
  },
  earth: {
    about: "flows on the sphere fitted to volcanoes, earthquakes, floods and fires (needs ATLAS_DATA/earth)",
    run: async (options) => (await import("../../experiments/earth.js")).run(options),
  },
  features: {
    about: "the digit features that atlas evaluate measures on; their weights go to the data cache",
    run: async (options) => (await import("../../experiments/features.js")).run(options),
  },
  "toy-families": {
    about: "one circle of codes under twelve likelihoods: Fisher-Rao geodesics follow it",
    run: async (options) => (await import("../../experiments/toy-families.js")).run(options),
  },
  oddity: {
    about: "a Gaussian decoder of digits before and after calibration; clusters by geodesic distances",
    run: async (options) => (await import("../../experiments/oddity.js")).run(options),
  },
  "information-vs-euclidean": {
    about: "Fisher-Rao geodesics of a Gaussian decoder of ones beside those of the expected metric",
    run: async (options) => (await import("../../experiments/information-vs-euclidean.js")).run(options),
  },
  "latent-transport": {
    about: "Wasserstein geodesics of digits against straight lines and mixtures of pixels",
    run: async (options) => (await import("../../experiments/latent-transport.js")).run(options),
  },
  "metric-gallery": {
    about: "one latent space of generated digits under each metric: the picture of docs/metrics.md",
    run: async (options) => (await import("../../experiments/metric-gallery.js")).run(options),
  },
  mocap: {
    about: "a walk as a curve in a latent plane: geodesics between poses (needs ATLAS_DATA/mocap)",
    run: async (options) => (await import("../../experiments/mocap.js")).run(options),
  },
  "motion-skills": {
    about: "handwriting as motions on R² x S² and R³ x S³, around obstacles that move (needs ATLAS_DATA/lasa)",
    run: async (options) => (await import("../../experiments/motion-skills.js")).run(options),
  },
  sequences: {
    about: "RNA sequences: geodesic, Euclidean and evolutionary distances (needs ATLAS_DATA/rna)",
    run: async (options) => (await import("../../experiments/sequences.js")).run(options),
  },
  "posterior-pictures": {
    about: "the posterior metric in pictures: volume, distance maps, interpolations",
    run: async (options) => (await import("../../experiments/posterior-pictures.js")).run(options),
  },
  torus: {
    about: "a density on the torus across its seams",
    run: async (options) => (await import("../../experiments/torus.js")).run(options),
  },
  "geometric-sampling": {
    about: "models and samplers by Frechet distance and PRD: the table of the geometric perspective (needs MNIST)",
    run: async (options) => (await import("../../experiments/geometric-sampling.js")).run(options),
  },
  centroids: {
    about: "samples of the posterior metric by its number of centroids (needs MNIST)",
    run: async (options) => (await import("../../experiments/centroids.js")).run(options),
  },
  lambda: {
    about: "samples of the posterior metric by its floor lambda (needs MNIST)",
    run: async (options) => (await import("../../experiments/lambda.js")).run(options),
  },
  "few-samples": {
    about: "samplers of VAEs of few training images (needs MNIST)",
    run: async (options) => (await import("../../experiments/few-samples.js")).run(options),
  },
  "other-models": {
    about: "the posterior metric's sampler against the prior: VAMP, IWAE, AAE, VAE/GAN (needs MNIST)",
    run: async (options) => (await import("../../experiments/other-models.js")).run(options),
  },
};

export function registerReproduce(program: Command): void {
  const list = Object.entries(experiments).map(([name, { about }]) => `  ${name.padEnd(20)} ${about}`);
  program
    .command("reproduce")
    .description(
      "Run an experiment of the papers: pictures, a CSV and report.md with the published number beside ours.",
    )
    .argument("<name>", Object.keys(experiments).join(", "))
    .option("--fast", "a version of a minute or so: to look, not for its numbers")
    .option("--seed <n>", "of everything random", "0")
    .option("--repetitions <n>", "seeds or splits; default: the experiment's own")
    .option("--epochs <n>", "passes over the data in each training; default: the experiment's own")
    .option("--steps <n>", "steps of the optimiser (for flows); default: the experiment's own")
    .option("--samples <n>", "draws of a bound, or images of a sampler; default: the experiment's own")
    .option("--curvatures <list>", "curvatures c, of -c, with commas; default: the experiment's own")
    .option("--cells <texts>", "compute only the parts whose name contains one of these texts (commas)")
    .option("--threads <n>", "threads of the runtime; default: all cores")
    .option("--out <folder>", "where everything goes; default runs/NAME")
    .option("--json", "print one JSON document")
    .addHelpText("after", `\nExperiments:\n${list.join("\n")}\n\nExample:\n  atlas reproduce torus --fast`)
    .action(async (given: string, options: ReproduceOptions) => {
      const report = createReport(options.json === true);
      const name = oneOf("name", given, Object.keys(experiments));
      const out = options.out ?? join("runs", name);
      const started = performance.now();
      const count = (option: "repetitions" | "epochs" | "steps" | "samples" | "threads") => {
        const text = options[option];
        return text === undefined ? undefined : wholeNumber(`--${option}`, text, 1);
      };
      const asked: Omit<ExperimentOptions, "signal"> = {
        fast: options.fast === true,
        seed: wholeNumber("--seed", options.seed),
        repetitions: count("repetitions"),
        epochs: count("epochs"),
        steps: count("steps"),
        samples: count("samples"),
        threads: count("threads"),
        curvatures: options.curvatures?.split(",").map((text) => numberFromZero("--curvatures", text.trim())),
        cells: options.cells?.split(",").map((text) => text.trim()),
        out,
        report: (line) => process.stderr.write(`${line}\n`),
      };
      await interruptible(report, (signal) => experiments[name].run({ ...asked, signal }));
      const seconds = (performance.now() - started) / 1000;
      report.say(`${name}: ${join(out, "report.md")}`);
      report.result({ name, out, report: join(out, "report.md"), seconds });
    });
}

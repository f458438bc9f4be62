/** `atlas flow`: densities on curved spaces by continuous normalising flows: train, sample, density. */
import type { Command } from "commander";
import type { FlowDensityOptions } from "../flow/density.js";
import type { FlowSampleOptions } from "../flow/sample.js";
import type { FlowTrainOptions } from "../flow/train-options.js";

export function registerFlow(program: Command): void {
  const flow = program
    .command("flow")
    .description(
      "Densities on spheres, tori and hyperbolic space by continuous normalising flows: train, sample, density.",
    )
    .addHelpText(
      "after",
      "\nExample:\n  atlas flow train --data places.csv --manifold sphere --out runs/places\n  atlas flow density runs/places --mark places.csv --out places-density\n  atlas flow sample runs/places -n 1000 --out drawn.csv",
    );
  registerTrain(flow);
  registerSample(flow);
  registerDensity(flow);
  for (const command of flow.commands) command.exitOverride().configureOutput({ outputError: () => {} });
}

function registerTrain(flow: Command): void {
  flow
    .command("train")
    .description("Learn a density from points (maximum likelihood) or from an unnormalised density (reverse KL).")
    .option("--data <file>", ".csv or .npy file of points, a row each (with --resume: where they are now)")
    .option("--target <name>", "learn this density instead: von-mises-fisher, axes, backbone or ring (docs/flows.md)")
    .option("--concentration <k>", "of the target's modes; default 10")
    .option("--manifold <name>", "sphere, torus, hyperbolic or euclidean", "sphere")
    .option("--dimension <d>", "of the manifold; default: what the columns say (targets: 2)")
    .option("--curvature <c>", "hyperbolic: c > 0, for sectional curvature -c; default 1")
    .option(
      "--coordinates <name>",
      "sphere: lat-lon (two columns, degrees) or unit; torus: radians or degrees; hyperbolic: ball; default: by columns (two of length 1 in every row: none)",
    )
    .option("--project", "take the nearest points of the manifold for points off it, and wrap angles")
    .option("--deduplicate", "use one row of each place")
    .option("--split-by <unit>", "hold out whole places, or rows whatever their copies do: place or row", "place")
    .option("--test-fraction <share>", "part held out, by which the best epoch is chosen; 0: none", "0.1")
    .option(
      "--method <name>",
      "riemannian, or a baseline: stereographic (spheres), wrapped (any; tori of at most 5 angles), mixture (spheres; of von Mises-Fisher)",
      "riemannian",
    )
    .option("--components <list>", "mixture: numbers of components to choose from", "4,8,16,32,64")
    .option(
      "--field <name>",
      "generators, ambient, chart, or (spheres) potential: the gradient of bumps around --centres, which trains fastest; default: generators, on spheres beyond d = 5 ambient",
    )
    .option(
      "--centres <n>",
      "spheres, tori: the network sees bumps around so many learned centres; default 0: coordinates",
    )
    .option("--hidden <units>", "hidden layers; default 64,64; for the field potential, its degree in time: 3")
    .option("--activation <name>", "tanh, swish, gelu, softplus, sigmoid, elu", "swish")
    .option("--integration-steps <n>", "Runge-Kutta steps of the training; default 8")
    .option(
      "--base <name>",
      "spheres: uniform (the default) or wrapped-normal; tori: uniform; hyperbolic, euclidean and the methods stereographic and wrapped: wrapped-normal",
    )
    .option("--base-std <s>", "of the wrapped normal; default 1")
    .option("--divergence <name>", "exact, or hutchinson: a random estimate while training (pays from d = 5 or so)")
    .option("--smoothness <weight>", "of the squared divergence in the loss; raise it for sharp densities", "0.003")
    .option(
      "--agreement <weight>",
      "of the integration's estimated error in the loss, which keeps its steps exact; default: 0.3 for a target and for the field potential, else 0",
    )
    .option("--epochs <n>", "with a checkpoint after each", "20")
    .option("--steps-per-epoch <n>", "steps of the optimiser; default 100")
    .option("--batch <n>", "points in a step; default 256")
    .option("--learning-rate <rate>", "of Adam", "0.005")
    .option("--schedule <name>", "constant, cosine or exponential; default cosine")
    .option("--warm-up <share>", "share of the steps over which the learning rate rises; default 0.05")
    .option("--clip <norm>", "largest norm of a gradient; default 10")
    .option("--patience <epochs>", "stop after so many epochs without a better held-out likelihood")
    .option("--seed <n>", "of weights, batches, noise and split", "0")
    .option("--threads <n>", "threads of the runtime; default: all cores")
    .requiredOption("--out <folder>", "the run's folder")
    .option(
      "--resume",
      "continue the run in --out (to --epochs, where given; on --data, where they have moved), bit for bit",
    )
    .option("--overwrite", "replace the run in --out")
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      "\nExample:\n  atlas flow train --data places.csv --manifold sphere --coordinates lat-lon --centres 64 --hidden 64 --out runs/places\n  atlas flow train --target axes --concentration 20 --out runs/axes",
    )
    .action(async (options: FlowTrainOptions, command: Command) =>
      (await import("../flow/train.js")).trainFlowRun(options, command),
    );
}

function registerSample(flow: Command): void {
  evaluated(
    flow
      .command("sample")
      .description("Draw points from a trained flow or mixture, in the coordinates of its data.")
      .argument("<run>", "the folder of a run of atlas flow train")
      .option("-n, --number <n>", "how many", "1000")
      .option("--coordinates <name>", "to write; default: those of the data")
      .option("--log-density", "add a last column: the log density of each draw")
      .option("--seed <n>", "of the draws", "0")
      .requiredOption("--out <file>", ".csv or .npy"),
  )
    .addHelpText("after", "\nExample:\n  atlas flow sample runs/places -n 1000 --out drawn.csv")
    .action(async (folder: string, options: FlowSampleOptions) =>
      (await import("../flow/sample.js")).sampleFlowRun(folder, options),
    );
}

function registerDensity(flow: Command): void {
  evaluated(
    flow
      .command("density")
      .description("Log densities on a grid with a picture (S^2, T^2, H^2), or of your points (--at).")
      .argument("<run>", "the folder of a run of atlas flow train")
      .option("--at <file>", "log densities of these points instead of a grid: .csv or .npy")
      .option("--mark <file>", "points to mark in the picture: .csv or .npy")
      .option("--coordinates <name>", "of these files and of what is written; default: those of the data")
      .option("--project", "take the nearest points of the manifold for points off it, and wrap angles")
      .option("--grid <n>", "points along the shorter direction of the grid", "60")
      .option(
        "--extent <r>",
        "hyperbolic, euclidean: how far the grid goes from the origin; default: 8 standard deviations of the base distribution",
      )
      .option("--resolution <n>", "cells across the picture", "240")
      .option("--coastlines", "draw them (default: where the data are latitudes and longitudes)")
      .option("--no-coastlines", "do not draw them")
      .option(
        "--title <text>",
        "of the picture; default: the density of the data, by their file's name without its ending",
      )
      .option("--no-picture", "only the table")
      .requiredOption("--out <prefix>", "writes PREFIX.csv, PREFIX.npy and, on a grid, PREFIX.png"),
  )
    .addHelpText("after", "\nExample:\n  atlas flow density runs/places --mark places.csv --out places-density")
    .action(async (folder: string, options: FlowDensityOptions, command: Command) =>
      (await import("../flow/density.js")).densityOfFlowRun(folder, options, command),
    );
}

/** The options of what uses a trained flow. */
function evaluated(command: Command): Command {
  return command
    .option("--integrator <name>", "fixed (the steps of the training; the default) or adaptive (Dormand-Prince)")
    .option("--tolerance <error>", "of the adaptive integrator, in one step; default 1e-6")
    .option("--threads <n>", "threads of the runtime; default: all cores")
    .option("--json", "print one JSON document");
}

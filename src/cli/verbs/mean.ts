/** `atlas mean`: the Frechet mean of some codes or points of a run. */
import type { Command } from "commander";
import { UsageError } from "../../errors.js";
import { inClosedForm, metricWithTensor, openRun, pointsFrom } from "../open-run.js";
import { createReport, table } from "../report.js";

interface MeanOptions {
  points?: string;
  indices?: string;
  metric?: string;
  out?: string;
  json?: boolean;
}

export function registerMean(program: Command): void {
  program
    .command("mean")
    .description(
      "The Frechet mean of codes (by index) or points (from a file): the point with least squared distances.",
    )
    .argument("<run>", "the folder of a run")
    .option("--indices <list>", "indices of codes, separated by commas")
    .option("--points <file>", "latent points, one a row, .csv or .npy")
    .option(
      "--metric <name>",
      "expected, euclidean, posterior, fisher-rao, wasserstein, ... (docs/metrics.md); pvae: hyperbolic",
    )
    .option("--out <file.npy>", "also write the mean as .npy")
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  atlas mean runs/demo --indices 3,14,15,92")
    .action(async (folder: string, options: MeanOptions) => {
      const report = createReport(options.json === true);
      if (options.out !== undefined && !options.out.endsWith(".npy"))
        throw new UsageError(`--out: "${options.out}" does not end in .npy; the mean is written in that form.`);
      const run = await openRun(folder);
      const { points } = await pointsFrom(run, options);
      const metric = await metricWithTensor(run, options.metric, "mean by its gradient");
      const { frechetMean } = await import("../../geodesics/index.js");
      const ball = inClosedForm(run, options.metric);
      const result =
        ball !== undefined
          ? await (await import("../hyperbolic.js")).hyperbolicMean(ball, points)
          : await frechetMean(metric, points, {});
      const mean = Array.from(result.mean.data);
      if (options.out !== undefined) {
        const { writeNpy } = await import("../../numerics/npy.js");
        writeNpy(options.out, result.mean);
      }
      report.say(
        table([
          ["mean", mean.map((v) => v.toPrecision(6)).join(", ")],
          ["variance", result.variance.toPrecision(6)],
          ["converged", `${result.converged} (${result.message})`],
          ["iterations", String(result.iterations)],
        ]),
      );
      report.result({
        n: points.shape[0],
        mean,
        variance: result.variance,
        converged: result.converged,
        reason: result.reason,
        iterations: result.iterations,
      });
      if (!result.converged) process.exitCode = 1;
    });
}

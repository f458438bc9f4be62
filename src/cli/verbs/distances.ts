/** `atlas distances`: the matrix of geodesic distances between points of a run. */
import type { Command } from "commander";
import { UsageError } from "../../errors.js";
import { inClosedForm, knownCodes, metricChoice, openRun, pointsFrom } from "../open-run.js";
import { posteriorRemedy } from "../posterior-choice.js";
import { createReport, duration } from "../report.js";

interface DistancesOptions {
  points?: string;
  indices?: string;
  metric?: string;
  method?: string;
  out: string;
  plot?: string;
  json?: boolean;
}

export function registerDistances(program: Command): void {
  program
    .command("distances")
    .description("Geodesic distances between all pairs of some points of a run, as a .npy matrix.")
    .argument("<run>", "the folder of a run")
    .option("--points <file>", "latent points, one a row, .csv or .npy")
    .option("--indices <list>", "indices of codes, separated by commas")
    .option(
      "--metric <name>",
      "expected, euclidean, posterior, fisher-rao, wasserstein, ... (docs/metrics.md); pvae: hyperbolic",
    )
    .option("--method <name>", "exact (a solve for each pair) or graph (a neighbour graph, refined)", "exact")
    .requiredOption("--out <file.npy>", "where the matrix goes")
    .option("--plot <prefix>", "also draw the matrix, to PREFIX.svg and PREFIX.png")
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  atlas distances runs/demo --indices 0,5,9 --out distances.npy")
    .action(async (folder: string, options: DistancesOptions) => {
      const report = createReport(options.json === true);
      if (!options.out.endsWith(".npy"))
        throw new UsageError(`--out: "${options.out}" does not end in .npy; the matrix is written in that form.`);
      const { oneOf } = await import("../options.js");
      const method = oneOf("--method", options.method ?? "exact", ["exact", "graph"] as const);
      const run = await openRun(folder);
      const { points, labels } = await pointsFrom(run, options);
      const metric = await metricChoice(run, options.metric);
      const { distanceMatrix } = await import("../../geodesics/index.js");
      const started = performance.now();
      const ball = inClosedForm(run, options.metric);
      if (method === "graph" && ball !== undefined)
        throw new UsageError("--method graph: distances of the ball are known in closed form; leave it out.");
      const result =
        ball !== undefined
          ? await (await import("../hyperbolic.js")).hyperbolicDistances(ball, points)
          : await distanceMatrix(metric, points, {
              method,
              ...knownCodes(run),
              onProgress: (done, total) => report.progress(done, total, `${done} of ${total} pairs`),
            });
      report.progressDone();
      const seconds = (performance.now() - started) / 1000;
      const { writeNpy } = await import("../../numerics/npy.js");
      writeNpy(options.out, result.distances);
      const n = points.shape[0];
      if (options.plot !== undefined) {
        const [plots, { writeAtomically }] = await Promise.all([
          import("../../plots/index.js"),
          import("../../numerics/files.js"),
        ]);
        const svg = await plots.distanceMatrix({
          distances: result.distances.data,
          labels,
          labelNames: run.labelNames,
          valueLabel: "geodesic distance",
        });
        writeAtomically(`${options.plot}.svg`, svg);
        writeAtomically(`${options.plot}.png`, await plots.svgToPng(svg, { scale: 2 }));
      }
      const pairs = (n * (n - 1)) / 2;
      report.say(`${n} points, ${pairs} pairs, ${result.converged} converged, ${duration(seconds)}: ${options.out}`);
      if (result.failed.length > 0)
        report.say(
          `not converged (rows of the matrix): ${result.failed
            .slice(0, 10)
            .map(([i, j]) => `${i}-${j}`)
            .join(", ")}${result.failed.length > 10 ? ", ..." : ""}; atlas geodesic tells why for a pair`,
        );
      const remedy = result.failed.length > 0 ? posteriorRemedy(options.metric) : undefined;
      if (remedy !== undefined) report.say(`note: ${remedy}`);
      report.result({ n, out: options.out, converged: result.converged, seconds });
      if (result.converged < pairs) process.exitCode = 1;
    });
}

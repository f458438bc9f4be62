/** `atlas geodesic`: the geodesic between two codes or points of a run. */
import type { Command } from "commander";
import type { NdArray } from "../../engine/index.js";
import { UsageError } from "../../errors.js";
import { inClosedForm, knownCodes, metricChoice, type OpenRun, openRun } from "../open-run.js";
import { pointOrIndex } from "../options.js";
import { posteriorRemedy } from "../posterior-choice.js";
import { createReport, table } from "../report.js";
import { writeCurve } from "../write-curve.js";

interface GeodesicOptions {
  from: string;
  to: string;
  metric?: string;
  graph?: boolean;
  points?: string;
  out?: string;
  json?: boolean;
}

export function registerGeodesic(program: Command): void {
  program
    .command("geodesic")
    .description("Solve for the geodesic between two codes (by index) or points (by coordinates) of a run.")
    .argument("<run>", "the folder of a run")
    .requiredOption(
      "--from <point>",
      "index of a code, or coordinates x,y,... (--from=-1,2 where negative; in one dimension 0.5, or 3, with a comma)",
    )
    .requiredOption("--to <point>", "index of a code, or coordinates x,y,...")
    .option(
      "--metric <name>",
      "expected, euclidean, posterior, or of the likelihood: fisher-rao, wasserstein, ... (docs/metrics.md); pvae: hyperbolic",
    )
    .option("--graph", "start from the shortest path of a graph over the codes (default: the better of several starts)")
    .option("--out <file>", "also write the curve as .csv or .npy")
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  atlas geodesic runs/demo --from 0 --to 7 --json")
    .action(async (folder: string, options: GeodesicOptions) => {
      const report = createReport(options.json === true);
      const run = await openRun(folder);
      const codes = { data: run.codes.data, n: run.codes.shape[0] };
      const from = pointOrIndex("--from", options.from, codes, run.dimension);
      const to = pointOrIndex("--to", options.to, codes, run.dimension);
      run.ball?.checkPoint("--from", from.point);
      run.ball?.checkPoint("--to", to.point);
      const metric = await metricChoice(run, options.metric);
      const ball = inClosedForm(run, options.metric);
      if (options.graph && ball !== undefined)
        throw new UsageError(
          "--graph: geodesics of the ball are known in closed form and start from nothing; leave it out.",
        );
      if (options.graph && run.codes.shape[0] === 0)
        throw new UsageError(`--graph: ${folder} holds no codes to make a graph of; leave it out.`);
      const { connect } = await import("../../geodesics/index.js");
      const solved =
        ball !== undefined
          ? await (await import("../hyperbolic.js")).hyperbolicGeodesic(ball, from.point, to.point)
          : await connect(metric, from.point, to.point, {
              ...knownCodes(run),
              // The better of two starts, unless the graph's alone is wanted.
              start: options.graph ? "graph" : run.codes.shape[0] > 0 ? ["graph", "straight"] : "straight",
            });
      // Outside of the ball a decoder has values, but no meaning.
      const left = run.ball !== undefined && leaves(run.ball, solved.curve);
      const result = left
        ? { ...solved, converged: false, reason: "leftDomain" as const, message: "The curve leaves the Poincare ball." }
        : solved;
      const [T, d] = result.curve.shape;
      const curve = Array.from({ length: T }, (_, i) => Array.from(result.curve.data.subarray(i * d, (i + 1) * d)));
      if (options.out !== undefined) writeCurve(options.out, curve);
      for (const warning of result.warnings) report.say(`note: ${warning}`);
      report.say(
        table([
          ["metric", metric.name],
          ["length", result.length.toPrecision(6)],
          [
            "straight line",
            `${result.straightLength.toPrecision(6)}${result.length > 0 ? ` (${(result.straightLength / result.length).toFixed(2)} times as long)` : ""}`,
          ],
          ["energy", result.energy.toPrecision(6)],
          ["converged", `${result.converged} (${result.message})`],
          ["iterations", String(result.iterations)],
        ]),
      );
      const remedy = !result.converged ? posteriorRemedy(options.metric) : undefined;
      if (remedy !== undefined) report.say(`note: ${remedy}`);
      report.result({
        from: from.index ?? from.point,
        to: to.index ?? to.point,
        length: result.length,
        straightLength: result.straightLength,
        energy: result.energy,
        converged: result.converged,
        reason: result.reason,
        iterations: result.iterations,
        curve,
      });
      if (!result.converged) process.exitCode = 1;
    });
}

/** Whether a curve [T, d] has points outside of the ball. */
function leaves(ball: NonNullable<OpenRun["ball"]>, { data, shape }: NdArray): boolean {
  return Array.from({ length: shape[0] }, (_, t) => data.subarray(t * shape[1], (t + 1) * shape[1])).some(
    (point) => ball.whyNotAPoint(point) !== undefined,
  );
}

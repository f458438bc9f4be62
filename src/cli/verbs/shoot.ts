/** `atlas shoot`: the geodesic that leaves a code or point of a run with a given velocity (the exponential map). */
import type { Command } from "commander";
import { UsageError } from "../../errors.js";
import { metricChoice, openRun } from "../open-run.js";
import { finiteNumber, pointOrIndex, wholeNumber } from "../options.js";
import { createReport, table } from "../report.js";
import { writeCurve } from "../write-curve.js";

interface ShootVerbOptions {
  from: string;
  velocity: string;
  time: string;
  points: string;
  metric?: string;
  out?: string;
  json?: boolean;
}

export function registerShoot(program: Command): void {
  program
    .command("shoot")
    .description("Follow the geodesic that leaves a code or point of a run with a given velocity (exponential map).")
    .argument("<run>", "the folder of a run")
    .requiredOption(
      "--from <point>",
      "index of a code, or coordinates x,y,... (--from=-1,2 where negative; in one dimension 0.5, or 3, with a comma)",
    )
    .requiredOption("--velocity <vector>", "components in latent coordinates (write --velocity=-1,2 where negative)")
    .option("--time <t>", "how long to follow it; negative: backwards", "1")
    .option("--points <n>", "points of the curve, at equal times", "65")
    .option("--metric <name>", "as for atlas geodesic")
    .option("--out <file>", "also write the curve as .csv or .npy")
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  atlas shoot runs/demo --from 0 --velocity 0.5,-0.2 --json")
    .action(async (folder: string, options: ShootVerbOptions) => {
      const report = createReport(options.json === true);
      const run = await openRun(folder);
      const from = pointOrIndex("--from", options.from, { data: run.codes.data, n: run.codes.shape[0] }, run.dimension);
      run.ball?.checkPoint("--from", from.point);
      const velocity = options.velocity.split(",").map((part) => finiteNumber("--velocity", part.trim()));
      if (velocity.length !== run.dimension)
        throw new UsageError(
          `--velocity: "${options.velocity}" has ${velocity.length} components, the latent space of this run has ${run.dimension}.`,
        );
      const time = finiteNumber("--time", options.time);
      if (time === 0) throw new UsageError("--time: 0 follows nothing; give another number, such as 1.");
      const points = wholeNumber("--points", options.points, 2, 100_000);
      const metric = await metricChoice(run, options.metric);
      const { shoot } = await import("../../geodesics/index.js");
      const times = Float64Array.from({ length: points }, (_, i) => (Math.abs(time) * i) / (points - 1));
      const result = await shoot(metric, [from.point], [velocity], { time, times });
      const [converged, reason, message] = [result.converged[0], result.reason[0], result.message[0]];
      const d = run.dimension;
      // Where it was stopped early the rest of the path was not reached.
      const reached = Array.from({ length: points }, (_, i) =>
        Array.from(result.path.data.subarray(i * d, (i + 1) * d)),
      ).filter((point) => point.every(Number.isFinite));
      if (options.out !== undefined) writeCurve(options.out, reached);
      const endPoint = Array.from(result.endPoint.data);
      report.say(
        table([
          ["metric", metric.name],
          ["end point", endPoint.map((x) => x.toPrecision(6)).join(", ")],
          ["length", Number.isFinite(result.length[0]) ? result.length[0].toPrecision(6) : "-"],
          ["converged", `${converged} (${message})`],
          ["steps", String(result.steps[0])],
        ]),
      );
      report.result({
        from: from.index ?? from.point,
        velocity,
        time,
        endPoint,
        endVelocity: Array.from(result.endVelocity.data),
        length: Number.isFinite(result.length[0]) ? result.length[0] : null,
        energyDrift: Number.isFinite(result.energyDrift[0]) ? result.energyDrift[0] : null,
        converged,
        reason,
        curve: reached,
      });
      if (!converged) process.exitCode = 1;
    });
}

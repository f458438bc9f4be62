/** `atlas map`: the picture of a run's latent space. */
import type { Command } from "commander";
import { UsageError } from "../../errors.js";
import type { LatentMetric } from "../../metrics/index.js";
import { drawMap } from "../draw-map.js";
import { metricWithTensor, type OpenRun, openRun } from "../open-run.js";
import { wholeNumber } from "../options.js";
import { createReport, type Report } from "../report.js";

interface MapOptions {
  out: string;
  metric?: string;
  resolution?: string;
  geodesics?: string;
  seed?: string;
  axes?: string;
  distanceFrom?: string;
  json?: boolean;
}

export function registerMap(program: Command): void {
  program
    .command("map")
    .description(
      "Draw the latent space of a run: log magnification factor, codes, geodesics against straight lines; of a Poincare VAE the disk, with the geometry of prior and decoder side by side.",
    )
    .argument("<run>", "the folder of a run")
    .requiredOption("--out <prefix>", "writes PREFIX.svg and PREFIX.png")
    .option("--metric <name>", "expected, euclidean, posterior, fisher-rao, wasserstein, ... (docs/metrics.md)")
    .option("--resolution <n>", "cells along each side of the heat map", "160")
    .option("--geodesics <n>", "how many geodesics between random codes to draw; default 0")
    .option("--seed <n>", "which random codes; default 0")
    .option(
      "--axes <i,j>",
      "which two latent axes (counted from 0; default 0,1); the others stay at the mean of the codes",
    )
    .option("--distance-from <point>", "draw distances from this code (its index) or point (x,y,...) instead")
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  atlas map runs/demo --out map --geodesics 20")
    .action(async (folder: string, options: MapOptions) => {
      const report = createReport(options.json === true);
      const run = await openRun(folder);
      if (options.distanceFrom !== undefined && options.geodesics !== undefined)
        throw new UsageError("--geodesics: a map of distances draws none; leave it out, or leave out --distance-from.");
      if (options.seed !== undefined && options.geodesics === undefined)
        throw new UsageError("--seed: it says between which codes geodesics go; leave it out, or add --geodesics N.");
      if (options.axes !== undefined && run.ball !== undefined)
        throw new UsageError("--axes: the disk of a Poincare VAE has its two only; leave it out.");
      const { wholeNumbers } = await import("../options.js");
      const axes = wholeNumbers("--axes", options.axes ?? "0,1");
      if (axes.length !== 2 || axes[0] === axes[1] || axes.some((a) => a >= run.dimension))
        throw new UsageError(
          `--axes: "${options.axes ?? "0,1"}" does not name two of the ${run.dimension} latent axes 0 to ${run.dimension - 1}.`,
        );
      if (run.ball !== undefined && run.dimension !== 2)
        throw new UsageError(
          `${folder} has codes in the Poincare ball of dimension ${run.dimension}, and the map is of the disk, two latent dimensions; train with --latent 2, or use atlas distances.`,
        );
      // On the disk the hyperbolic geometry is drawn beside the decoder's in any case.
      const name = options.metric === "hyperbolic" && run.ball ? "euclidean" : options.metric;
      const metric = await metricWithTensor(run, name, "map to draw");
      const geodesics = wholeNumber("--geodesics", options.geodesics ?? "0", 0, 1000);
      const shared = {
        resolution: wholeNumber("--resolution", options.resolution ?? "160", 8, 1024),
        pairs: geodesics,
        seed: wholeNumber("--seed", options.seed ?? "0"),
        report,
      };
      if (options.distanceFrom !== undefined) {
        await drawDistances(run, metric, [axes[0], axes[1]], options, report);
        return;
      }
      const drawn =
        run.ball !== undefined
          ? await (await import("../draw-disk.js")).drawDisk(run, metric, shared)
          : await drawMap(run, metric, { ...shared, axes: [axes[0], axes[1]] });
      const { writeAtomically } = await import("../../numerics/files.js");
      const { svgToPng } = await import("../../plots/index.js");
      const files = [`${options.out}.svg`, `${options.out}.png`];
      writeAtomically(files[0], drawn.svg);
      writeAtomically(files[1], await svgToPng(drawn.svg, { scale: 2 }));
      report.say(
        run.ball !== undefined
          ? `Disk of ${folder}, the geometry of its prior and of its decoder: ${files.join(", ")}`
          : `Map of ${folder} under the ${metric.name} metric: ${files.join(", ")}`,
      );
      report.result({ run: folder, metric: metric.name, files, logMagnification: drawn.range, box: drawn.box });
    });
}

/** `--distance-from`: distances under the metric, and Euclidean ones beside them. */
async function drawDistances(
  run: OpenRun,
  metric: LatentMetric,
  axes: readonly [number, number],
  options: MapOptions,
  report: Report,
): Promise<void> {
  if (run.ball !== undefined)
    throw new UsageError(
      `--distance-from: ${run.folder} has codes in the Poincare ball; use atlas distances --metric hyperbolic.`,
    );
  const [{ drawDistanceMap }, { pointOrIndex }, { writeAtomically }, { svgToPng }] = await Promise.all([
    import("../draw-distance-map.js"),
    import("../options.js"),
    import("../../numerics/files.js"),
    import("../../plots/index.js"),
  ]);
  const codes = { data: run.codes.data, n: run.codes.shape[0] };
  const from = pointOrIndex("--distance-from", options.distanceFrom!, codes, run.dimension);
  const resolution = wholeNumber("--resolution", options.resolution ?? "160", 8, 1024);
  const { svg, largest, box } = await drawDistanceMap(run, metric, from.point, { resolution, axes, report });
  const files = [`${options.out}.svg`, `${options.out}.png`];
  writeAtomically(files[0], svg);
  writeAtomically(files[1], await svgToPng(svg, { scale: 2 }));
  report.say(`Distances of ${run.folder} under the ${metric.name} metric, and Euclidean: ${files.join(", ")}`);
  report.result({ run: run.folder, metric: metric.name, from: from.index ?? from.point, files, largest, box });
}

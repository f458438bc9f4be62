/** `atlas sample`: draws from the latent space of a run, decoded. */
import type { Command } from "commander";
import { openRun } from "../open-run.js";
import { wholeNumber } from "../options.js";
import { createReport } from "../report.js";

interface SampleOptions {
  sampler: string;
  number: string;
  centroids?: string;
  seed: string;
  out: string;
  json?: boolean;
}

/** Samples on the sheet. */
const SHOWN = 100;

export function registerSample(program: Command): void {
  program
    .command("sample")
    .description("Draw latents from a run and decode them: as .npy files and, where they are pictures, as a sheet.")
    .argument("<run>", "the folder of a run")
    .option(
      "--sampler <name>",
      "prior, gaussian-mixture, aggregated-posterior, riemannian (uniform law of the posterior metric), published",
      "prior",
    )
    .option("-n, --number <n>", "how many", "100")
    .option("--centroids <k>", "medoids of the posterior metric; default 100")
    .option("--seed <n>", "of the draws", "0")
    .requiredOption("--out <prefix>", "writes PREFIX.npy, PREFIX-latents.npy and PREFIX.png")
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  atlas sample runs/demo --sampler riemannian -n 100 --out samples")
    .action(async (folder: string, options: SampleOptions) => {
      const report = createReport(options.json === true);
      const count = wholeNumber("--number", options.number, 1, 1_000_000);
      const seed = wholeNumber("--seed", options.seed);
      const run = await openRun(folder);
      const [{ chooseSampler, diagnosticLines }, { compile, takeRows }, { writeNpy }] = await Promise.all([
        import("../../samplers/index.js"),
        import("../../engine/index.js"),
        import("../../numerics/npy.js"),
      ]);
      const centroids = options.centroids === undefined ? undefined : wholeNumber("--centroids", options.centroids, 1);
      const source = {
        dimension: run.dimension,
        ...(run.codes.shape[0] > 0 && { codes: run.codes }),
        logVariances: run.logVariances?.(),
        standardPrior: run.standardPrior,
      };
      const sampler = chooseSampler(options.sampler, source, { posterior: { centroids } });
      report.progress(0, 1, `drawing ${count} samples: ${sampler.name}`);
      const { latents, diagnostics } = await sampler.draw(count, seed);
      report.progressDone();
      const decode = compile(run.mean);
      const chunk = Math.min(256, count);
      const decoded = new Float32Array(count * run.dataDimension);
      for (let start = 0; start < count; start += chunk) {
        const rows = Int32Array.from({ length: chunk }, (_, i) => Math.min(start + i, count - 1));
        const part = (await decode(takeRows(latents, rows))).data as Float32Array;
        const used = Math.min(chunk, count - start);
        decoded.set(part.subarray(0, used * run.dataDimension), start * run.dataDimension);
      }
      await decode.dispose();
      const shape = run.imageShape === undefined ? [count, run.dataDimension] : [count, ...run.imageShape];
      const files = [`${options.out}.npy`, `${options.out}-latents.npy`];
      writeNpy(files[0], { data: decoded, shape, dtype: "float32" });
      writeNpy(files[1], latents);
      if (run.imageShape !== undefined) {
        const [{ imageSheet }, { writeAtomically }] = await Promise.all([
          import("../../plots/index.js"),
          import("../../numerics/files.js"),
        ]);
        const [height, width] = run.imageShape;
        const size = height * width;
        const shown = Array.from({ length: Math.min(SHOWN, count) }, (_, i) =>
          decoded.subarray(i * size, (i + 1) * size),
        );
        writeAtomically(`${options.out}.png`, imageSheet(shown, height, width, 10, { zoom: 2 }));
        files.push(`${options.out}.png`);
      }
      report.say(`${count} samples, ${sampler.description}: ${files.join(", ")}`);
      for (const line of diagnosticLines(diagnostics)) report.say(`  ${line}`);
      report.result({ n: count, sampler: sampler.name, files, diagnostics });
    });
}

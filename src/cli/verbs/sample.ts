/** `atlas sample`: draws from the latent space of a run, decoded. */
import type { Command } from "commander";
import { wholeNumber } from "../options.js";
import { createReport } from "../report.js";
import { checkSamplerFlags, type SamplerFlags, samplerOptions, withSamplerFlags } from "../sampler-choice.js";
import { defaultSampler, openScored } from "../scored-model.js";

interface SampleOptions extends SamplerFlags {
  sampler?: string;
  number: string;
  seed: string;
  threads?: string;
  out: string;
  json?: boolean;
}

export function registerSample(program: Command): void {
  const command = program
    .command("sample")
    .description("Draw latents from a run and decode them: as .npy files and, where they are pictures, as a sheet.")
    .argument("<run>", "the folder of a run")
    .option(
      "--sampler <name>",
      "prior, gaussian-mixture, aggregated-posterior, riemannian (uniform law of the posterior metric), published, or own: what the model brings (vamp, rhvae, the prior of a pvae); default: own, or gaussian-mixture where there is none",
    )
    .option("-n, --number <n>", "how many", "100");
  withSamplerFlags(command)
    .option("--seed <n>", "of the draws", "0")
    .option("--threads <n>", "threads of the runtime; default: all cores")
    .requiredOption("--out <prefix>", "writes PREFIX.npy, PREFIX-latents.npy and PREFIX.png")
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  atlas sample runs/demo --sampler riemannian -n 100 --out samples")
    .action(async (folder: string, options: SampleOptions) => {
      const report = createReport(options.json === true);
      const count = wholeNumber("--number", options.number, 1, 1_000_000);
      const seed = wholeNumber("--seed", options.seed);
      const told = samplerOptions(options);
      const threads = options.threads === undefined ? undefined : wholeNumber("--threads", options.threads, 1, 256);
      const model = await openScored(folder, { threads, samplers: told });
      const { run, samplers, picture, decode } = model;
      const [{ chooseSampler, diagnosticLines }, { writeNpy }] = await Promise.all([
        import("../../samplers/index.js"),
        import("../../numerics/npy.js"),
      ]);
      const name = options.sampler ?? defaultSampler(model);
      checkSamplerFlags(options, name, samplers);
      const sampler = chooseSampler(name, samplers, told);
      report.progress(0, 2, `drawing ${count} samples: ${sampler.name}`);
      const { latents, diagnostics } = await sampler.draw(count, seed);
      report.progress(1, 2, "decoding");
      const decoded = await decode(latents);
      report.progressDone();
      const files = [`${options.out}.npy`, `${options.out}-latents.npy`];
      // pictures keep their size; colours their planes, as the rows of the data have them
      const shape =
        picture === undefined
          ? [count, run.dataDimension]
          : picture.channels === 1
            ? [count, picture.height, picture.width]
            : [count, picture.channels, picture.height, picture.width];
      writeNpy(files[0], { data: decoded.data as Float32Array, shape, dtype: "float32" });
      writeNpy(files[1], latents);
      if (picture !== undefined) {
        const [{ sampleSheet }, { writeAtomically }] = await Promise.all([
          import("../pictures.js"),
          import("../../numerics/files.js"),
        ]);
        writeAtomically(`${options.out}.png`, await sampleSheet(decoded, picture));
        files.push(`${options.out}.png`);
      }
      report.say(`${count} samples, ${sampler.description}: ${files.join(", ")}`);
      for (const line of diagnosticLines(diagnostics)) report.say(`  ${line}`);
      report.result({ n: count, sampler: sampler.name, files, diagnostics });
    });
}

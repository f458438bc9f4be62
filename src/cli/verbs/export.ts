/** `atlas export`: the networks of a run, and its metric, as ONNX files that any runtime runs. */
import { join } from "node:path";
import type { Command } from "commander";
import { metricWithTensor, openRun } from "../open-run.js";
import { wholeNumber } from "../options.js";
import { createReport, table } from "../report.js";

interface ExportOptions {
  out: string;
  batch?: string;
  metric?: string;
  json?: boolean;
}

export function registerExport(program: Command): void {
  program
    .command("export")
    .description("Write decoder, encoder and metric tensor of a run as ONNX files that a bare ONNX runtime runs.")
    .argument("<run>", "the folder of a run")
    .requiredOption("--out <folder>", "where the files go")
    .option("--batch <n>", "points in one call of metric.onnx (decoder and encoder take any number)", "1")
    .option("--metric <name>", "expected, euclidean, posterior, fisher-rao, wasserstein, ... (docs/metrics.md)")
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  atlas export runs/demo --out exported")
    .action(async (folder: string, options: ExportOptions) => {
      const report = createReport(options.json === true);
      const batch = wholeNumber("--batch", options.batch ?? "1", 1, 65536);
      const run = await openRun(folder);
      const metric = await metricWithTensor(run, options.metric, "tensor to export");
      const [{ toOnnx, zerosArray }, { writeAtomically }] = await Promise.all([
        import("../../engine/index.js"),
        import("../../numerics/files.js"),
      ]);
      const z = zerosArray([batch, run.dimension], "float32");
      const files: Record<string, Uint8Array> = {
        "decoder.onnx": await toOnnx((p) => run.decoderOutputs(p), [z], {
          inputNames: ["z"],
          outputNames: run.decoderOutputNames,
          freeBatch: true,
        }),
        "metric.onnx": await toOnnx((p) => metric.metricTensor(p), [z], { inputNames: ["z"], outputNames: ["metric"] }),
      };
      if (run.encoderOutputs !== undefined) {
        const x = zerosArray([batch, run.dataDimension], "float32");
        const encode = run.encoderOutputs;
        files["encoder.onnx"] = await toOnnx((p) => encode(p), [x], {
          inputNames: ["x"],
          outputNames: ["mean", "logVariance"],
          freeBatch: true,
        });
      }
      const written: Record<string, string> = {};
      for (const [name, bytes] of Object.entries(files)) {
        written[name] = join(options.out, name);
        writeAtomically(written[name], bytes);
      }
      report.say(
        table(
          Object.entries(written).map(([name, path]) => [name, path, `${(files[name].length / 1024).toFixed(0)} kB`]),
        ),
      );
      report.result({ out: options.out, files: written, batch });
    });
}

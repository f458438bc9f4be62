/** `atlas data`: what data sets there are, what is in one, and how to get MNIST. */
import type { Command } from "commander";
import { columnOf, finiteNumber, oneOf } from "../options.js";
import { createReport, table } from "../report.js";

export function registerData(program: Command): void {
  program
    .command("data")
    .description("Describe a data set (mnist, strokes, cifar10, or a .npy, .csv or FASTA file), or download MNIST.")
    .argument("[name]", "mnist, strokes, cifar10, or a path; without it, all that is known is listed")
    .option("--download", "download MNIST to the cache if it is not there")
    .option(
      "--label-column <column>",
      "the column of a .csv or .npy file that holds classes (its header, or its index from 0; FASTA: the part of headers split at |)",
    )
    .option("--alphabet <name>", "of aligned sequences: rna, dna or protein (default: what the letters say)")
    .option("--identity <share>", "count aligned sequences by how many share this part of their sites, such as 0.8")
    .option("--sheet <file.png>", "also write a sheet of the first 100 pictures")
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExample:\n  atlas data strokes --sheet strokes.png")
    .action(
      async (
        name: string | undefined,
        options: {
          download?: boolean;
          labelColumn?: string;
          alphabet?: string;
          identity?: string;
          sheet?: string;
          json?: boolean;
        },
      ) => {
        const report = createReport(options.json === true);
        const { cifar10Folder, datasetNames, describeDataset, findMnist, loadDataset } = await import(
          "../../data/index.js"
        );
        if (name === undefined) {
          const folder = findMnist();
          report.say(`mnist    ${folder ?? "not found: atlas data mnist --download, or set ATLAS_DATA"}`);
          report.say("strokes  generated: 20,000 handwriting-like digits with their generating factors");
          const pictures = cifar10Folder();
          report.say(`cifar10  ${pictures ?? "not found: put its binary files into $ATLAS_DATA/cifar10"}`);
          report.say(
            "Or give the path of your own .npy, .csv or FASTA file (aligned sequences: .fasta, .fa, ..., .gz).",
          );
          report.result({ known: datasetNames, mnist: folder ?? null, cifar10: pictures ?? null });
          return;
        }
        const dataset = await loadDataset(name, {
          download: options.download,
          labelColumn: columnOf(options.labelColumn),
          alphabet:
            options.alphabet === undefined
              ? undefined
              : oneOf("--alphabet", options.alphabet, ["rna", "dna", "protein"] as const),
          identity: options.identity === undefined ? undefined : finiteNumber("--identity", options.identity, 0),
          onProgress: ({ received, total, file }) =>
            report.progress(received, total ?? 0, `${file}: ${(received / 1e6).toFixed(1)} MB`),
        });
        report.progressDone();
        const description = describeDataset(dataset);
        if (options.sheet !== undefined) {
          const { UsageError } = await import("../../errors.js");
          if (dataset.imageShape === undefined)
            throw new UsageError(`--sheet: ${name} holds no pictures; leave it out.`);
          const [{ imageSheet }, { writeAtomically }] = await Promise.all([
            import("../../plots/index.js"),
            import("../../numerics/files.js"),
          ]);
          const [height, width] = dataset.imageShape;
          const count = Math.min(100, dataset.n);
          const range = [description.minimum, description.maximum] as const;
          const size = height * width;
          const images = Array.from({ length: count }, (_, i) => dataset.rows.subarray(i * size, (i + 1) * size));
          writeAtomically(options.sheet, imageSheet(images, height, width, 10, { range }));
        }
        report.say(
          table(
            Object.entries(description).map(([key, value]) => [
              key,
              typeof value === "object" ? JSON.stringify(value) : String(value),
            ]),
          ),
        );
        report.result(description);
      },
    );
}

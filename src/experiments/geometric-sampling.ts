/**
 * The table of "A geometric perspective on variational autoencoders" (Chadebec and Allassonniere, 2022): models and
 * samplers compared by Frechet distance and PRD, MNIST (all rows that the family covers) and a part of CIFAR-10 (five rows).
 */
import { cifar10Folder } from "../data/cifar10.js";
import { runCells } from "./cells.js";
import { writeFiles } from "./flow-report.js";
import { budgetOf, cifarTask, mnistTask, once } from "./geometric/task.js";
import { type AnyCell, cellsOf } from "./geometric-sampling/cells.js";
import { reportOf } from "./geometric-sampling/report.js";
import { type ExperimentOptions, seedsOf, takesOnly } from "./options.js";

/** Runs the cells and writes report.md, results.csv and pictures. @throws UsageError where MNIST is not there. */
export async function run(options: ExperimentOptions): Promise<{ readonly files: readonly string[] }> {
  takesOnly("geometric-sampling", options, ["repetitions", "epochs", "samples"]);
  const { fast } = options;
  const seeds = seedsOf(options, fast ? 1 : 2);
  const mnist = cellsOf(
    "mnist",
    once(() => mnistTask(options)),
    seeds,
  );
  const cifar = cellsOf(
    "cifar10",
    once(() => cifarTask(options)),
    seeds.slice(0, 1),
  );
  // The fast version leaves out what takes long to compile.
  const slow = ["hvae", "rhvae", "vamp", "wae-mmd", "rae-gp", "rae-sn", "rae-l2"];
  const cells = [
    ...mnist.filter(({ name }) => !fast || !slow.some((model) => name.includes(`mnist-${model}-`))),
    ...(fast || cifar10Folder() === undefined ? [] : cifar),
  ];
  const settings = { fast, mnist: budgetOf("mnist", options), cifar10: budgetOf("cifar10", options) };
  const results = await runCells<AnyCell>(cells, settings, options);
  return { files: await writeFiles(options.out, await reportOf(results, options)) };
}

/**
 * The `atlas` command: reads the command line, hands over to one verb, turns errors into a sentence and an exit code
 * (0 fine, 1 failed, 2 bad usage). Verbs load what they need when they run, so that `--help` is immediate.
 */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { RunError, UsageError } from "../errors.js";
import { registerData } from "./verbs/data.js";
import { registerDemo } from "./verbs/demo.js";
import { registerDistances } from "./verbs/distances.js";
import { registerEvaluate } from "./verbs/evaluate.js";
import { registerExport } from "./verbs/export.js";
import { registerFlow } from "./verbs/flow.js";
import { registerGeodesic } from "./verbs/geodesic.js";
import { registerImport } from "./verbs/import.js";
import { registerMap } from "./verbs/map.js";
import { registerMean } from "./verbs/mean.js";
import { registerReproduce } from "./verbs/reproduce.js";
import { registerSample } from "./verbs/sample.js";
import { registerShoot } from "./verbs/shoot.js";
import { registerTrain } from "./verbs/train.js";
import { inCommandWords } from "./words.js";

const verbs = [
  registerDemo,
  registerTrain,
  registerMap,
  registerGeodesic,
  registerShoot,
  registerDistances,
  registerMean,
  registerSample,
  registerEvaluate,
  registerImport,
  registerExport,
  registerFlow,
  registerData,
  registerReproduce,
];

/** Runs the command line `argv` (as `process.argv`) and sets `process.exitCode`. */
export async function main(argv: readonly string[]): Promise<void> {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(); // whoever was reading (head, a pager) has read enough
  });
  const program = createProgram();
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    process.exitCode = explain(error);
  }
}

/** The whole command, with every verb registered. */
export function createProgram(): Command {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const program = new Command("atlas")
    .description("The Riemannian geometry of deep generative models: train one, map its latent space, measure in it.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .configureOutput({ outputError: () => {} }) // the sentence is printed once, by `explain`
    .showSuggestionAfterError(true)
    .exitOverride();
  program.addHelpText("after", "\nExample:\n  atlas demo\n\nEach verb has its own help: atlas <verb> --help");
  for (const register of verbs) register(program);
  for (const command of program.commands) command.exitOverride().configureOutput({ outputError: () => {} });
  return program;
}

/** Prints what went wrong as one sentence on standard error; returns the exit code. */
function explain(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0; // help and version
    if (error.code === "commander.help") return 2; // no verb was given: the help was printed
    console.error(
      `atlas: ${error.message
        .replace(/^error: /, "")
        .replace(/\n\(?/, " (")
        .trim()}`,
    );
    return 2;
  }
  if (error instanceof UsageError) {
    console.error(`atlas: ${inCommandWords(error.message)}`);
    return 2;
  }
  const message = error instanceof Error ? error.message : String(error);
  console.error(`atlas: ${inCommandWords(message)}`);
  if (!(error instanceof RunError) && process.env.ATLAS_DEBUG && error instanceof Error) console.error(error.stack);
  return 1;
}

/** Runs benchmarks by name and writes their sections of `RESULTS.md`. */
import { engineFigures } from "./engine.js";
import { markdownTable, writeSection } from "./results.js";
import { startFigures } from "./start.js";

const benchmarks: Record<string, () => Promise<void>> = {
  async engine() {
    const { limit, figures } = await engineFigures();
    const rows = figures.map((f) => [
      f.work,
      f.milliseconds.toFixed(2),
      f.limitMilliseconds.toFixed(2),
      `${f.ratio.toFixed(2)}x`,
      `<= ${f.asked}x`,
    ]);
    writeSection(
      "Engine",
      "npm run bench -- engine",
      `The limit: ${limit.toFixed(0)} GFLOP/s, a 1024^3 float32 MatMul through the runtime, measured before each work.\n\n${markdownTable([["work", "ms", "FLOPs / limit, ms", "ratio", "asked"], ...rows])}`,
    );
  },
  async start() {
    const { help, empty } = startFigures();
    writeSection(
      "Start of the command",
      "npm run bench -- start",
      markdownTable([
        ["work", "s", "asked"],
        ["`atlas --help`", help.toFixed(3), "< 0.4"],
        ["an empty Node.js program", empty.toFixed(3), ""],
      ]),
    );
  },
};

const wanted = process.argv.slice(2);
for (const name of wanted)
  if (!(name in benchmarks)) {
    console.error(`bench: "${name}" is not one of ${Object.keys(benchmarks).join(", ")}.`);
    process.exit(2);
  }
for (const name of wanted.length > 0 ? wanted : Object.keys(benchmarks)) {
  console.error(`bench: ${name} ...`);
  await benchmarks[name]();
}
console.error("bench: written to bench/RESULTS.md");

/** How long the command takes to answer. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { median } from "./measure.js";

/** Median seconds of `atlas --help`, and of an empty Node.js program for comparison. */
export function startFigures(runs = 15): { help: number; empty: number } {
  const program = fileURLToPath(new URL("../../bin/atlas.js", import.meta.url));
  const time = (parameters: string[]) => {
    const start = performance.now();
    spawnSync(process.execPath, parameters, { stdio: "ignore" });
    return (performance.now() - start) / 1000;
  };
  const [help, empty]: [number[], number[]] = [[], []];
  for (let i = 0; i < runs; i++) {
    help.push(time([program, "--help"]));
    empty.push(time(["-e", "0"]));
  }
  return { help: median(help), empty: median(empty) };
}

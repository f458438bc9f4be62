/** The worker's side of `pool.ts`: solves the pairs that it is sent. */
import { parentPort, workerData } from "node:worker_threads";
import type { Program } from "../engine/index.js";
import type { SolveJob } from "./pool.js";
import { createPrograms } from "./programs.js";
import { type Solution, type SolverSettings, solvePair } from "./solve.js";

const settings = workerData as SolverSettings;
const port = parentPort!;
const waiting = new Map<string, { resolve: (program: Program) => void; reject: (error: Error) => void }>();

const programs = createPrograms(
  (kind, points) =>
    new Promise((resolve, reject) => {
      waiting.set(`${kind} ${points}`, { resolve, reject });
      port.postMessage({ type: "program", kind, points });
    }),
  settings.dimension,
  settings.precision,
  1,
);
const context = { ...settings, programs };

interface ProgramAnswer {
  type: "program";
  kind: string;
  points: number;
  program?: Program;
  error?: string;
}

let queue: Promise<void> = Promise.resolve();

port.on("message", (message: SolveJob | ProgramAnswer) => {
  if (message.type === "program") {
    const key = `${message.kind} ${message.points}`;
    const asked = waiting.get(key);
    waiting.delete(key);
    if (message.program) asked?.resolve(message.program);
    else asked?.reject(new Error(message.error));
    return;
  }
  queue = queue.then(() => work(message));
});

async function work({ first, from, to, starts }: SolveJob): Promise<void> {
  const d = settings.dimension;
  try {
    const solutions: Solution[] = [];
    for (let i = 0; i < from.length; i += d) {
      solutions.push(await solvePair(context, from.slice(i, i + d), to.slice(i, i + d), starts));
    }
    port.postMessage({ type: "solved", first, solutions });
  } catch (error) {
    port.postMessage({ type: "failed", error: (error as Error).message });
  }
}

/** The worker's side of `pool.ts`: does the jobs that it is sent. */
import { parentPort, workerData } from "node:worker_threads";
import type { Program } from "../engine/index.js";
import type { SolverSettings } from "./context.js";
import { distanceRow } from "./distance-row.js";
import type { Job } from "./pool.js";
import { createPrograms } from "./programs.js";
import { type Solution, solvePair } from "./solve.js";

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

interface JobMessage {
  type?: undefined;
  index: number;
  job: Job;
}

let queue: Promise<void> = Promise.resolve();

port.on("message", (message: JobMessage | ProgramAnswer) => {
  if (message.type === "program") {
    const key = `${message.kind} ${message.points}`;
    const asked = waiting.get(key);
    waiting.delete(key);
    if (message.program) asked?.resolve(message.program);
    else asked?.reject(new Error(message.error));
    return;
  }
  queue = queue.then(() => answer(message));
});

async function answer({ index, job }: JobMessage): Promise<void> {
  try {
    port.postMessage({ type: "done", index, answer: await work(job) });
  } catch (error) {
    port.postMessage({ type: "failed", error: (error as Error).message });
  }
}

function work(job: Job): Promise<Solution | Float64Array> {
  if (job.type === "row") return distanceRow(context, job.points, job.row, job.refine);
  return solvePair(context, job.from, job.to, job.starts);
}

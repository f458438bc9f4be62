/**
 * Worker threads that solve geodesics, each with native sessions of one thread: a run of a session blocks its
 * JavaScript thread, and several sessions of several threads would fight for the cores. Pairs are handed out a few at
 * a time; lowered programs are plain data, made once in the calling thread and sent when a worker asks for them.
 */
import type { KernelKind } from "./kernels.js";
import type { ProgramSource } from "./programs.js";
import { abortedSolution, type Solution, type SolveHooks, type SolverSettings, type SolverStart } from "./solve.js";

export interface Pool {
  solve(from: Float64Array, to: Float64Array, starts: readonly SolverStart[], hooks: SolveHooks): Promise<Solution[]>;
  dispose(): Promise<void>;
}

export interface SolveJob {
  type: "solve";
  first: number;
  from: Float64Array;
  to: Float64Array;
  starts: readonly SolverStart[];
}

/** Pairs a job. Small, so that no worker waits long for another at the end. */
const JOB_PAIRS = 2;

/** Starts the workers; undefined where there are no worker threads (in a browser). */
export async function createPool(
  settings: SolverSettings,
  source: ProgramSource,
  count: number | undefined,
): Promise<Pool | undefined> {
  if (typeof process === "undefined" || !process.versions?.node) return undefined;
  const [{ Worker }, { availableParallelism }, url] = await Promise.all([
    import("node:worker_threads"),
    import("node:os"),
    workerUrl(),
  ]);
  const d = settings.dimension;
  const workers = Array.from({ length: count ?? availableParallelism() }, () => {
    const worker = new Worker(url, { workerData: settings, execArgv: [] });
    worker.unref();
    return worker;
  });
  for (const worker of workers) {
    worker.on("message", async (message: { type: string; kind: KernelKind; points: number }) => {
      if (message.type !== "program") return;
      const { kind, points } = message;
      try {
        worker.postMessage({ type: "program", kind, points, program: await source(kind, points) });
      } catch (error) {
        worker.postMessage({ type: "program", kind, points, error: String((error as Error).message ?? error) });
      }
    });
  }
  let busy: Promise<unknown> = Promise.resolve();

  function runAll(
    from: Float64Array,
    to: Float64Array,
    starts: readonly SolverStart[],
    hooks: SolveHooks,
  ): Promise<Solution[]> {
    const total = from.length / d;
    const solutions = new Array<Solution>(total);
    let next = 0;
    let done = 0;
    return new Promise((resolve, reject) => {
      const detach: (() => void)[] = [];
      const end = (finish: () => void) => {
        for (const remove of detach) remove();
        for (const worker of workers) worker.unref();
        finish();
      };
      const give = (worker: (typeof workers)[number]) => {
        while (next < total && hooks.signal?.aborted) {
          solutions[next] = abortedSolution(settings, row(from, next), row(to, next));
          next++;
          done++;
        }
        if (done === total) return end(() => resolve(solutions));
        if (next >= total) return;
        const last = Math.min(total, next + JOB_PAIRS);
        const job: SolveJob = {
          type: "solve",
          first: next,
          from: from.slice(next * d, last * d),
          to: to.slice(next * d, last * d),
          starts,
        };
        next = last;
        worker.postMessage(job);
      };
      for (const worker of workers) {
        const onMessage = (message: { type: string; first: number; solutions: Solution[]; error?: string }) => {
          if (message.type === "failed") return end(() => reject(new Error(message.error)));
          if (message.type !== "solved") return;
          message.solutions.forEach((solution, i) => {
            solutions[message.first + i] = solution;
          });
          done += message.solutions.length;
          hooks.onProgress?.(done, total);
          give(worker);
        };
        const onError = (error: Error) => end(() => reject(error));
        worker.on("message", onMessage);
        worker.on("error", onError);
        detach.push(() => {
          worker.off("message", onMessage);
          worker.off("error", onError);
        });
        worker.ref();
        // Two jobs each: one to work on while the answer to the other travels.
        give(worker);
        give(worker);
      }
    });
  }

  const row = (points: Float64Array, i: number) => points.slice(i * d, (i + 1) * d);

  return {
    solve(from, to, starts, hooks) {
      const run = busy.then(() => runAll(from, to, starts, hooks));
      busy = run.catch(() => undefined);
      return run;
    },
    async dispose() {
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}

/**
 * Where the worker's code lies. Node.js loads JavaScript only: under a test runner, which loads the TypeScript sources
 * themselves, it is the translated file in dist/.
 */
async function workerUrl(): Promise<URL> {
  const beside = new URL("./worker.js", import.meta.url);
  const { existsSync } = await import("node:fs");
  if (existsSync(beside)) return beside;
  return new URL(beside.href.replace(/\/src\/geodesics\/worker\.js$/, "/dist/geodesics/worker.js"));
}

/**
 * Worker threads that solve geodesics, each with native sessions of one thread: a run of a session blocks its
 * JavaScript thread, and several sessions of several threads would fight for the cores. Jobs are handed
 * out as workers get free; lowered programs are plain data, made once in the calling thread and sent when a worker asks for them.
 */
import type { SolverSettings, SolverStart } from "./context.js";
import type { ProgramKind } from "./kernels.js";
import type { ProgramSource } from "./programs.js";
import type { Solution } from "./solve.js";

export interface SolveJob {
  type: "solve";
  from: Float64Array;
  to: Float64Array;
  starts: readonly SolverStart[];
}

/** A row of a distance matrix, see `distance-row.ts`. */
export interface RowJob {
  type: "row";
  points: Float64Array;
  row: number;
  refine: boolean;
}

export type Job = SolveJob | RowJob;
export type Answer<J extends Job> = J extends SolveJob ? Solution : Float64Array;

export interface Pool {
  /**
   * Runs `count` jobs, made when a worker is free. Answers come in any order. A job that is `undefined` ends the run
   * early (after those under way).
   */
  run<J extends Job>(
    count: number,
    job: (index: number) => J | undefined,
    answered: (index: number, answer: Answer<J>) => void,
  ): Promise<void>;
  dispose(): Promise<void>;
}

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
  const workers = Array.from({ length: count ?? availableParallelism() }, () => {
    const worker = new Worker(url, { workerData: settings, execArgv: [] });
    worker.unref();
    return worker;
  });
  for (const worker of workers) {
    worker.on("message", async (message: { type: string; kind: ProgramKind; points: number }) => {
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
    count: number,
    jobOf: (index: number) => Job | undefined,
    answered: (index: number, answer: any) => void,
  ): Promise<void> {
    let next = 0;
    let running = 0;
    return new Promise((resolve, reject) => {
      const detach: (() => void)[] = [];
      const end = (finish: () => void) => {
        for (const remove of detach) remove();
        for (const worker of workers) worker.unref();
        finish();
      };
      const give = (worker: (typeof workers)[number]) => {
        const job = next < count ? jobOf(next) : undefined;
        if (job === undefined) {
          next = count;
          if (running === 0) end(resolve);
          return;
        }
        running++;
        worker.postMessage({ index: next++, job });
      };
      for (const worker of workers) {
        const onMessage = (message: { type: string; index: number; answer: unknown; error?: string }) => {
          if (message.type === "failed") return end(() => reject(new Error(message.error)));
          if (message.type !== "done") return;
          running--;
          answered(message.index, message.answer);
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
      }
      // Two jobs each: one to work on while the answer to the other travels.
      for (const worker of [...workers, ...workers]) if (next < count) give(worker);
    });
  }

  return {
    run(number, jobOf, answered) {
      const run = busy.then(() => (number === 0 ? undefined : runAll(number, jobOf, answered)));
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

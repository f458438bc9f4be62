/** Ctrl-C during long work. */
import type { Report } from "./report.js";

/** Runs work that Ctrl-C stops: the first stops it cleanly, a second one at once. */
export async function interruptible<T>(report: Report, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(1);
    controller.abort();
    report.say("Stopping after this step; the checkpoint is kept. (Again to stop at once.)");
  };
  process.on("SIGINT", stop);
  try {
    return await work(controller.signal);
  } finally {
    process.off("SIGINT", stop);
  }
}

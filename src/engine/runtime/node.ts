/** ONNX Runtime with native kernels, in Node.js. */
import { availableParallelism } from "node:os";
import * as ort from "onnxruntime-node";
import type { Runtime } from "./session.js";
import { createSessionWith } from "./shared.js";

export const runtime: Runtime = {
  createSession: (program, options) =>
    createSessionWith(ort as any, program, {
      device: options.device ?? "cpu",
      threads: options.threads ?? availableParallelism(),
      // Threads that wait in a busy loop starve the other sessions: stop them between runs. What fails is thrown, and
      // nothing of the log is for the terminal.
      sessionOptions: { extra: { session: { force_spinning_stop: "1" } }, logSeverityLevel: 4 },
    }),
};

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
      // What fails is thrown, and nothing else is for the terminal. Threads that wait in a busy loop starve the other sessions: stop them between runs.
      sessionOptions: { extra: { session: { force_spinning_stop: "1" } }, logSeverityLevel: 4 },
    }),
};

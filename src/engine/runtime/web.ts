/** ONNX Runtime in WebAssembly (and WebGPU), in a browser. */
import * as ort from "onnxruntime-web";
import type { Runtime } from "./session.js";
import { createSessionWith } from "./shared.js";

/** Where the `.wasm` files of onnxruntime-web are served, when not beside the script. */
export function setWasmPath(path: string): void {
  ort.env.wasm.wasmPaths = path;
}

export const runtime: Runtime = {
  createSession: (program, options) => {
    const isolated = (globalThis as any).crossOriginIsolated === true;
    ort.env.wasm.numThreads = isolated ? (options.threads ?? navigator.hardwareConcurrency) : 1;
    return createSessionWith(ort as any, program, {
      device: options.device ?? "cpu",
      threads: ort.env.wasm.numThreads ?? 1,
      sessionOptions: { logSeverityLevel: 4 },
      cpuProvider: "wasm",
      copiesResults: true,
    });
  },
};

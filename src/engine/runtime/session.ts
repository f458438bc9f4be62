/** What the engine asks of a runtime: sessions that run a program on host arrays. */
import type { NdArray } from "../arrays.js";

export type Device = "cpu" | "webgpu";

export interface SessionOptions {
  /** Threads inside one operation; default: all cores in Node.js, one in a browser without cross-origin isolation. */
  readonly threads?: number;
  readonly device?: Device;
}

export interface Session {
  /** The device that really runs it (webgpu falls back to cpu where there is no adapter). */
  readonly device: Device;
  /** Runs the program. `into` are arrays for the outputs that may be overwritten, in the order of the outputs. */
  run(feeds: readonly NdArray[], into?: readonly (NdArray | undefined)[]): Promise<NdArray[]>;
  release(): Promise<void>;
}

export interface ProgramFile {
  readonly bytes: Uint8Array;
  readonly precision?: "float32" | "float64";
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
}

export interface Runtime {
  createSession(program: ProgramFile, options: SessionOptions): Promise<Session>;
}

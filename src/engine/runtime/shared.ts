/** What the two packages of ONNX Runtime have in common: tensors, sessions, runs. */

import { UsageError } from "../../errors.js";
import { allocate, type DType, type NdArray } from "../arrays.js";
import type { Device, ProgramFile, Session } from "./session.js";

interface Settings {
  readonly device: Device;
  readonly threads: number;
  readonly sessionOptions: Record<string, unknown>;
  readonly cpuProvider?: string;
  /** The runtime does not write into given outputs (WebAssembly has its own memory): copy its results there. */
  readonly copiesResults?: boolean;
}

const asOnnx = (dtype: DType): string => dtype;

export async function createSessionWith(ort: any, program: ProgramFile, settings: Settings): Promise<Session> {
  const cpu = settings.cpuProvider ?? "cpu";
  const common = {
    ...settings.sessionOptions,
    intraOpNumThreads: settings.threads,
    interOpNumThreads: 1,
    // Beyond "basic" the optimiser moves scalar factors into attributes of products, which are float32: it would cost
    // a float64 program its precision.
    graphOptimizationLevel: program.precision === "float64" ? "basic" : "all",
  };
  const { device } = settings;
  let session: any;
  if (device === "webgpu") {
    try {
      session = await ort.InferenceSession.create(program.bytes, { ...common, executionProviders: ["webgpu", cpu] });
    } catch (error) {
      const reason = /Failed to [^.\n]*|no available backend[^.\n]*/.exec(String((error as Error).message ?? error));
      throw new UsageError(
        `device: "webgpu" is not to be had here${reason === null ? "" : ` (${reason[0]})`}; use "cpu", or a machine whose runtime finds a graphics adapter.`,
      );
    }
  }
  session ??= await ort.InferenceSession.create(program.bytes, { ...common, executionProviders: [cpu] });
  const { inputNames, outputNames } = program;
  const held = new WeakMap<NdArray, any>();
  const tensorOf = (a: NdArray): any => {
    let tensor = held.get(a);
    if (tensor === undefined) {
      tensor = new ort.Tensor(asOnnx(a.dtype), a.data, a.shape);
      held.set(a, tensor);
    }
    return tensor;
  };
  // Inputs that the program does not use were dropped from the file's graph by the runtime's own optimiser, not by us.
  return {
    device,
    async run(feeds, into) {
      const inputs: Record<string, unknown> = {};
      inputNames.forEach((name, i) => {
        inputs[name] = tensorOf(feeds[i]);
      });
      const fetches: Record<string, unknown> = {};
      outputNames.forEach((name, i) => {
        const target = into?.[i];
        fetches[name] = target === undefined || settings.copiesResults ? null : tensorOf(target);
      });
      const results = await session.run(inputs, fetches);
      return outputNames.map((name, i) => {
        const target = into?.[i];
        if (target === undefined) return toNdArray(results[name]);
        if (settings.copiesResults) target.data.set(toNdArray(results[name]).data);
        return target;
      });
    },
    release: () => session.release(),
  };
}

function toNdArray(tensor: any): NdArray {
  if (tensor.type === "bool") return { data: tensor.data as Uint8Array, shape: [...tensor.dims], dtype: "bool" };
  if (tensor.type === "int64") {
    const data = allocate("int32", tensor.data.length);
    for (let i = 0; i < data.length; i++) data[i] = Number(tensor.data[i]);
    return { data, shape: [...tensor.dims], dtype: "int32" };
  }
  return { data: tensor.data, shape: [...tensor.dims], dtype: tensor.type };
}

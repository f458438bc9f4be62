/**
 * The compiled kernels of one metric, by kind and number of nodes, each loaded when it is first needed. Inputs and
 * outputs are reused from run to run. Where the lowered programs come from is left open: the main thread lowers them,
 * a worker thread asks the main thread for them.
 */
import {
  allocate,
  type LoadedProgram,
  loadProgram,
  lowerProgram,
  type NdArray,
  ndarray,
  type Precision,
  type Program,
  zerosArray,
} from "../engine/index.js";
import type { LatentMetric } from "../metrics/metric.js";
import { type KernelKind, kernel, type ProgramKind, productKernel } from "./kernels.js";

/** Numbers of one run; the arrays are overwritten by the next run of the same kind and size. */
export interface KernelValues {
  steps: ArrayLike<number>;
  coarse: ArrayLike<number>;
  gradient: ArrayLike<number>;
  blocks: ArrayLike<number>;
  lower: ArrayLike<number>;
}

/** Gives the lowered program of a kind for T nodes. */
export type ProgramSource = (kind: ProgramKind, points: number) => Promise<Program>;

export interface Programs {
  /** Runs a kernel at nodes [T, d]. */
  run(kind: KernelKind, nodes: Float64Array): Promise<KernelValues>;
  /** H v at nodes [T, d] for a direction of the inner nodes [n, d]; overwritten by the next run. [n, d] */
  product(nodes: Float64Array, direction: Float64Array): Promise<ArrayLike<number>>;
  release(): Promise<void>;
}

/** Lowers kernels of a metric; each kind and size once. */
export function loweringSource(metric: LatentMetric, precision: Precision): ProgramSource {
  const known = new Map<string, Promise<Program>>();
  return (kind, points) => {
    const key = `${kind} ${points}`;
    let program = known.get(key);
    if (!program) {
      const nodes = zerosArray([points, metric.dimension], precision);
      program =
        kind === "product"
          ? lowerProgram(productKernel(metric), [nodes, nodes], { precision })
          : lowerProgram(kernel(metric, kind), [nodes], { precision });
      known.set(key, program);
    }
    return program;
  };
}

interface Loaded {
  readonly program: LoadedProgram;
  readonly inputs: NdArray[];
  readonly outputs: NdArray[];
}

const nothing = new Float64Array(0);

export function createPrograms(
  source: ProgramSource,
  dimension: number,
  precision: Precision,
  threads: number | undefined,
): Programs {
  const loaded = new Map<string, Promise<Loaded>>();
  const load = async (kind: ProgramKind, points: number): Promise<Loaded> => {
    const program = await source(kind, points);
    const input = () => ndarray(allocate(precision, points * dimension), [points, dimension]);
    return {
      program: await loadProgram(program, { threads }),
      inputs: kind === "product" ? [input(), input()] : [input()],
      outputs: program.outputs.map((type) => zerosArray(type.shape, type.dtype)),
    };
  };
  const entryOf = (kind: ProgramKind, points: number): Promise<Loaded> => {
    const key = `${kind} ${points}`;
    let entry = loaded.get(key);
    if (!entry) {
      entry = load(kind, points);
      loaded.set(key, entry);
    }
    return entry;
  };
  return {
    async run(kind, nodes) {
      const { program, inputs, outputs } = await entryOf(kind, nodes.length / dimension);
      (inputs[0].data as Float64Array).set(nodes);
      await program.run(inputs, outputs);
      const [steps, coarse, gradient, blocks, lower] = outputs.map((output) => output.data);
      return { steps, coarse, gradient: gradient ?? nothing, blocks: blocks ?? nothing, lower: lower ?? nothing };
    },
    async product(nodes, direction) {
      const { program, inputs, outputs } = await entryOf("product", nodes.length / dimension);
      (inputs[0].data as Float64Array).set(nodes);
      (inputs[1].data as Float64Array).set(direction, dimension);
      await program.run(inputs, outputs);
      return outputs[0].data;
    },
    async release() {
      for (const entry of loaded.values()) await (await entry).program.release();
      loaded.clear();
    },
  };
}

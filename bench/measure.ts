/** Measuring on a shared, noisy machine: warm up, alternate the candidates, take medians, report ratios of one run. */
import { availableParallelism, cpus } from "node:os";
import { compile, matmul, ndarray, type Tensor } from "../src/engine/index.js";

/** Median seconds of `run`, after warming up; stops after `seconds` or `most` runs. */
export async function medianSeconds(run: () => unknown, { seconds = 3, least = 5, most = 400 } = {}): Promise<number> {
  for (let i = 0; i < 3; i++) await run();
  const times: number[] = [];
  const end = performance.now() + seconds * 1000;
  while (times.length < least || (times.length < most && performance.now() < end)) {
    const start = performance.now();
    await run();
    times.push(performance.now() - start);
  }
  return median(times) / 1000;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** Numbers that are the same in every run. */
export function fixedNumbers(shape: readonly number[], scale = 1, seed = 1) {
  let state = seed >>> 0;
  const size = shape.reduce((p, n) => p * n, 1);
  const data = Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 4294967296 - 0.5) * 2 * scale;
  });
  return ndarray(data, shape);
}

/** The limit that ratios refer to: GFLOP/s of a 1024^3 float32 product through the runtime, now, on this machine. */
export async function limitGflops(threads?: number, forSeconds = 2): Promise<number> {
  const [a, b] = [fixedNumbers([1024, 1024]), fixedNumbers([1024, 1024], 1, 2)];
  const product = compile((x: Tensor, y: Tensor) => matmul(x, y), { threads, donate: [] });
  const seconds = await medianSeconds(() => product(a, b), { seconds: forSeconds });
  await product.dispose();
  return (2 * 1024 ** 3) / seconds / 1e9;
}

export function machine(): string {
  return `${cpus()[0]?.model ?? "unknown processor"}, ${availableParallelism()} cores, Node.js ${process.versions.node}`;
}

// The device of a program: WebGPU where there is an adapter, otherwise a sentence, never the CPU in its place.

import { expect, it } from "vitest";
import { array, compile, matmul, sum, type Tensor, tanh } from "../../src/engine/index.js";
import { UsageError } from "../../src/errors.js";

it("WebGPU gives the CPU's numbers, or says that it is not to be had", async () => {
  const f = (x: Tensor) => sum(tanh(matmul(x, x)));
  const x = array([
    [0.1, 0.2],
    [0.3, -0.4],
  ]);
  const onCpu = compile(f, { precision: "float32" });
  const onGpu = compile(f, { precision: "float32", device: "webgpu" });
  const expected = (await onCpu(x)).data[0];
  try {
    expect((await onGpu(x)).data[0]).toBeCloseTo(expected, 5);
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toMatch(/^device: "webgpu" is not to be had here.*use "cpu"/);
  }
  await onCpu.dispose();
  await onGpu.dispose();
});

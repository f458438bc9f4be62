/** What `browser.test.ts` computes, once in Node.js and once in the page. */

import type { NdArray, Tensor } from "../../src/engine/index.js";
import * as e from "../../src/engine/index.js";
import { randomKey, uniformArray } from "../../src/numerics/random.js";

const random = (shape: number[], seed: number): NdArray =>
  e.ndarray(
    uniformArray(
      randomKey(seed),
      shape.reduce((n, k) => n * k, 1),
    ).map((u) => 2 * u - 1),
    shape,
  );

/** Energy of curves `z [B, T, 2]` under a decoder 2-16-30, and its gradient; then a loop that gives up its state. */
export async function results(): Promise<Record<string, number[]>> {
  const [W1, W2] = [random([2, 16], 1), random([16, 30], 2)];
  const decoder = (z: Tensor) => e.sigmoid(e.matmul(e.tanh(e.matmul(z, W1)), W2));
  const energy = (z: Tensor) => {
    const [B, T] = z.shape;
    const x = e.reshape(decoder(e.reshape(z, [B * T, 2])), [B, T, 30]);
    const steps = e.sub(e.slice(x, [null, [1]]), e.slice(x, [null, [0, -1]]));
    return e.mul(e.sum(e.square(steps)), T - 1);
  };
  const curves = random([3, 10, 2], 3);
  const found: Record<string, number[]> = {};
  for (const precision of ["float32", "float64"] as const) {
    const both = e.compile(e.valueAndGrad(energy), { precision });
    const [value, gradient] = await both(curves);
    found[`${precision} energy`] = [...value.data];
    found[`${precision} gradient`] = [...gradient.data];
    await both.dispose();
  }
  const image = e.compile((x: Tensor, k: Tensor) =>
    e.grad((z: Tensor) => e.sum(e.square(e.conv2d(z, k, { stride: 2 }))))(x),
  ); // prettier-ignore
  found.convolution = [...(await image(random([1, 2, 5, 5], 4), random([3, 2, 3, 3], 5))).data];
  const step = e.compile((s: any) => ({ x: e.mul(s.x, 0.5), n: e.add(s.n, 1) }), { donate: [0] });
  let state = { x: random([4], 6), n: e.array(0) };
  for (let i = 0; i < 7; i++) state = await step(state);
  found.loop = [...state.x.data, ...state.n.data];
  const order = e.compile((x: Tensor) => [e.argsort(x), e.less(x, 0)]);
  for (const list of await order(random([6], 7))) found.order = [...(found.order ?? []), ...list.data];
  return found;
}

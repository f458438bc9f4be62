/** Constants that are one number everywhere are simplified away, but never the axes that they bring. */
import { describe, expect, it } from "vitest";
import {
  add,
  array,
  compile,
  div,
  matmul,
  maximum,
  minimum,
  mul,
  ndarray,
  pow,
  sub,
  sum,
  type Tensor,
} from "../../../src/engine/index.js";

const z = array([[1.5, 2.5]]); // [1, 2]
const operations = {
  add: [add, (a: number, b: number) => a + b],
  sub: [sub, (a: number, b: number) => a - b],
  mul: [mul, (a: number, b: number) => a * b],
  div: [div, (a: number, b: number) => a / b],
  maximum: [maximum, Math.max],
  minimum: [minimum, Math.min],
} as const;

describe.each(Object.entries(operations))("%s with a uniform constant", (_name, [operation, plain]) => {
  it.each([-2, -1, 0, 0.5, 1, 2])("of %d keeps the shape of the broadcast, on either side", async (value) => {
    for (const shape of [[3, 1], [2, 1, 1], [3, 2], [1]]) {
      const c = ndarray(new Float64Array(shape.reduce((p, n) => p * n, 1)).fill(value), shape);
      const expectedShape = shape.length === 3 ? [2, 1, 2] : [shape[0] === 1 ? 1 : 3, 2];
      for (const [f, exact] of [
        [(x: Tensor) => operation(c, x), (x: number) => plain(value, x)],
        [(x: Tensor) => operation(x, c), (x: number) => plain(x, value)],
      ] as const) {
        if (f === undefined || (operation === div && value === 0)) continue;
        const program = compile((x: Tensor) => ({ all: f(x), total: sum(f(x)) }), { precision: "float64" });
        const { all, total } = await program(z);
        await program.dispose();
        expect(all.shape).toEqual(expectedShape);
        const wanted = Array.from(all.data as Float64Array, (_, i) => exact(z.data[i % 2]));
        wanted.forEach((v, i) => expect(all.data[i]).toBeCloseTo(v, 12));
        expect(total.data[0]).toBeCloseTo(
          wanted.reduce((s, v) => s + v, 0),
          11,
        );
      }
    }
  });
});

describe("constant metric tensors", () => {
  it("keep their batch axis in products and powers", async () => {
    const minus = ndarray(Float64Array.of(-1, 0, 0, -1), [1, 2, 2]);
    const f = compile(
      (x: Tensor) => [
        matmul(x, mul(minus, ndarray(new Float64Array(3).fill(1), [3, 1, 1]))),
        pow(ndarray(new Float64Array(3).fill(-1), [3, 1]), 3),
      ],
      { precision: "float64" },
    );
    const [product, power] = await f(array([[[1, 2]]]));
    expect(product.shape).toEqual([3, 1, 2]);
    expect(Array.from(product.data)).toEqual([-1, -2, -1, -2, -1, -2]);
    expect(Array.from(power.data)).toEqual([-1, -1, -1]);
  });
});

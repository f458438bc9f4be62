/** What is written: only what is needed, each thing once, with the fused forms of ONNX. */
import { describe, expect, it } from "vitest";
import {
  add,
  div,
  exp,
  lowerProgram,
  matmul,
  mul,
  square,
  sub,
  sum,
  type Tensor,
  toOnnx,
  transpose,
} from "../../../src/engine/index.js";
import { randomArray, run } from "../agreement.js";
import { counts } from "./nodes.js";

const x = randomArray([3, 4], 1);
const y = randomArray([3, 4], 2);

describe("emission", () => {
  it("drops dead code", async () => {
    const f = (x: Tensor) => {
      exp(matmul(x, transpose(x)));
      return add(x, 1);
    };
    expect(await counts(f, [x])).toEqual({ Add: 1 });
  });

  it("shares common subexpressions", async () => {
    const f = (x: Tensor, y: Tensor) => [add(exp(mul(x, y)), 1), sum(exp(mul(y, x))), exp(mul(x, y))];
    const found = await counts(f, [x, y]);
    expect([found.Exp, found.Mul, found.ReduceSum]).toEqual([1, 1, 1]);
  });

  it("writes differences and quotients as such", async () => {
    expect(await counts((x: Tensor, y: Tensor) => div(sub(x, y), y), [x, y])).toEqual({ Sub: 1, Div: 1 });
  });

  it("copies only what must be: an input, or one value under two names", async () => {
    expect(await counts((x: Tensor) => x, [x])).toEqual({ Identity: 1 });
    const same = (x: Tensor) => {
      const e = square(x);
      return { first: e, second: e, third: x };
    };
    expect(await counts(same, [x])).toEqual({ Mul: 1, Identity: 2 });
    const [a, b, c] = await run(same, [x]);
    expect([a.data, c.data]).toEqual([b.data, x.data]);
  });

  it("a product used transposed is computed so", async () => {
    const f = (x: Tensor, y: Tensor) => transpose(matmul(x, transpose(y)));
    expect(await counts(f, [x, y])).toEqual({ Gemm: 1 });
    const [z] = await run(f, [x, y]);
    const [w] = await run((x: Tensor, y: Tensor) => matmul(y, transpose(x)), [x, y]);
    z.data.forEach((v, i) => expect(v).toBeCloseTo(w.data[i], 12));
  });

  it("is the same for the same function, byte for byte", async () => {
    const f = (x: Tensor, y: Tensor) => sum(exp(mul(x, y)));
    expect(await toOnnx(f, [x, y])).toEqual(await toOnnx(f, [x, y]));
  });

  it("goes through chains longer than the JavaScript stack", async () => {
    const f = (x: Tensor) => {
      let z = x;
      for (let i = 0; i < 20_000; i++) z = mul(add(z, 1e-3), i % 2 ? z : x);
      return z;
    };
    const { operations } = await lowerProgram(f, [randomArray([1], 1)]);
    expect(operations).toEqual({ Add: 20_000, Mul: 20_000 });
  });
});

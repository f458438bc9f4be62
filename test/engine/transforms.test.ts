/** Derivatives and vectorisation: against finite differences by slope, against each other, nested. */
import { describe, expect, it } from "vitest";
import type { NdArray, Tensor } from "../../src/engine/index.js";
import * as e from "../../src/engine/index.js";
import { expectAgreement, expectClose, randomArray, run } from "./agreement.js";

const A = randomArray([4, 3], 1);
const w = randomArray([4], 2);
/** A smooth function R^3 -> R^4 with every kind of node in it, and a scalar one. */
const map = (x: Tensor) => e.mul(e.tanh(e.matmul(A, x)), e.exp(e.mul(0.3, e.sin(e.matmul(A, x)))));
const scalar = (x: Tensor) => e.add(e.logSumExp(map(x)), e.sum(e.mul(w, e.square(map(x)))));
const x = randomArray([3], 3, -1, 1);
const v = randomArray([3], 4);
const u = randomArray([3], 5);

const shifted = (a: NdArray, h: number, b: NdArray) =>
  e.ndarray(a.data.map((c, i) => c + h * b.data[i]) as Float64Array, a.shape); // prettier-ignore
const dot = (a: NdArray, b: NdArray) => Array.from(a.data).reduce((s, c, i) => s + c * b.data[i], 0);

/** The error of central differences falls with h^2: twice the step, four times the error. */
async function expectSlopeTwo(value: (x: NdArray) => Promise<number>, derivative: number) {
  const errors: number[] = [];
  for (const h of [2e-3, 4e-3, 8e-3])
    errors.push(Math.abs(((await value(shifted(x, h, v))) - (await value(shifted(x, -h, v)))) / (2 * h) - derivative));
  for (const i of [1, 2]) expect(Math.log2(errors[i] / errors[i - 1])).toBeCloseTo(2, 1);
  expect(errors[0]).toBeLessThan(1e-3 * (1 + Math.abs(derivative)));
}

describe("derivatives", () => {
  it("grad agrees with finite differences, with the right slope", async () => {
    const program = e.compile(scalar, { precision: "float64", threads: 1 });
    const [g] = await run(e.grad(scalar), [x]);
    await expectSlopeTwo(async (z) => (await program(z)).data[0], dot(g, v));
    await program.dispose();
  });

  it("jvp of grad is the slope of the gradient, and grad of grad agrees with it", async () => {
    const gradient = e.compile((z: Tensor) => e.sum(e.mul(e.grad(scalar)(z), u)), { precision: "float64", threads: 1 });
    const forward = (x: Tensor, v: Tensor) => e.sum(e.mul(e.jvp(e.grad(scalar), [x], [v])[1], u));
    const reverse = (x: Tensor, v: Tensor) =>
      e.sum(e.mul(e.grad((z: Tensor) => e.sum(e.mul(e.grad(scalar)(z), u)))(x), v)); // prettier-ignore
    const swapped = (x: Tensor, v: Tensor) => e.sum(e.mul(e.grad((z: Tensor) => e.jvp(scalar, [z], [v])[1])(x), u));
    const [h] = await run(forward, [x, v]);
    await expectSlopeTwo(async (z) => (await gradient(z)).data[0], h.data[0]);
    for (const other of [reverse, swapped]) expectClose(await run(other, [x, v]), [h], 1e-12);
    await gradient.dispose();
  });

  it("third derivatives by three routes agree", async () => {
    const along = (f: (x: Tensor) => Tensor) => (x: Tensor) => e.jvp(f, [x], [v])[1];
    const routes = [
      along(along(along(scalar))),
      (x: Tensor) => e.sum(e.mul(e.grad(along(along(scalar)))(x), v)),
      along((x: Tensor) => e.sum(e.mul(e.grad(along(scalar))(x), v))),
    ];
    const [first, ...others] = await Promise.all(routes.map((f) => run(f, [x])));
    for (const other of others) expectClose(other, first, 1e-11);
    const second = e.compile(along(along(scalar)), { precision: "float64", threads: 1 });
    await expectSlopeTwo(async (z) => (await second(z)).data[0], first[0].data[0]);
    await second.dispose();
  });

  it("jacobian: both modes agree with each other and with columns of jvp, in the shape [output, input]", async () => {
    const f = (z: Tensor) => e.reshape(map(e.reshape(z, [3])), [2, 2]);
    const [forward, reverse, chosen, direction] = await run(
      (z: Tensor) => [
        e.jacobian(f, { mode: "forward" })(z),
        e.jacobian(f, { mode: "reverse" })(z),
        e.jacobian(f)(z),
        e.jvp(f, [z], [e.reshape(v, [3, 1])])[1],
      ],
      [e.ndarray(x.data, [3, 1])],
    );
    expect(forward.shape).toEqual([2, 2, 3, 1]);
    expectClose([reverse, chosen], [forward, forward], 1e-12);
    const product = Float64Array.from({ length: 4 }, (_, i) => dot(e.ndarray(forward.data.slice(3 * i, 3 * i + 3)), v));
    expectClose([direction], [e.ndarray(product, [2, 2])], 1e-12);
  });

  it("vjp is the transpose of jvp, and its pullback may be called twice", async () => {
    const c = randomArray([4], 7);
    const [twice, forward] = await run(
      (x: Tensor) => {
        const [, pullback] = e.vjp(map, [x]);
        return [e.add(pullback(c)[0], pullback(e.mul(c, 2))[0]), e.jvp(map, [x], [v])[1]];
      },
      [x],
    );
    expect(dot(twice, v) / 3).toBeCloseTo(dot(forward, c), 10);
  });

  it("works on trees, by argument, and leaves integers alone", async () => {
    const parameters = { layers: [{ w: randomArray([3, 4], 1), b: randomArray([4], 2) }], scale: 2 };
    const loss = (p: any, x: Tensor) =>
      e.mul(p.scale, e.sum(e.square(e.add(e.matmul(x, p.layers[0].w), p.layers[0].b))));
    await expectAgreement((p: any, x: Tensor) => e.valueAndGrad(loss)(p, x), [parameters, x]);
    await expectAgreement((p: any, x: Tensor) => e.grad(loss, { argument: 1 })(p, x), [parameters, x]);
  });

  it("stopGradient has the value and no derivative", async () => {
    const [y, g] = await run(
      (x: Tensor) => [e.stopGradient(x), e.grad((z: Tensor) => e.sum(e.mul(z, e.stopGradient(z))))(x)],
      [x],
    ); // prettier-ignore
    expectClose([y, g], [x, x], 0);
  });

  it("says what is wrong with a function that does not return a scalar", async () => {
    await expect(run(e.grad(map as any), [x])).rejects.toThrow("must return a scalar tensor, it returned shape [4]");
    await expect(run((x: Tensor) => e.rowJacobian(map, x).value, [x])).rejects.toThrow(
      "points have shape [3]; give [N, d]",
    ); // prettier-ignore
  });
});

describe("vmap", () => {
  const xs = randomArray([5, 3], 8, -1, 1);
  const vs = randomArray([5, 3], 9);
  const row = (a: NdArray, i: number) => e.ndarray(a.data.slice(3 * i, 3 * i + 3), [3]);
  const stacked = async (f: (...a: any[]) => any, ...args: NdArray[]) => {
    const rows = await Promise.all(
      Array.from({ length: 5 }, (_, i) =>
        run(
          f,
          args.map((a) => row(a, i)),
        ),
      ),
    ); // prettier-ignore
    return e.ndarray(Float64Array.from(rows.flatMap(([r]) => [...r.data])), [5, ...rows[0][0].shape]);
  };

  it("of a function, of jvp, of grad, of jvp of grad, of jacobian equals one after another", async () => {
    const cases: ((x: Tensor, v: Tensor) => Tensor)[] = [
      (x, _) => map(x),
      (x, v) => e.jvp(map, [x], [v])[1],
      (x, _) => e.grad(scalar)(x),
      (x, v) => e.jvp(e.grad(scalar), [x], [v])[1],
      (x, _) => e.jacobian(map)(x),
    ];
    for (const f of cases) expectClose(await run(e.vmap(f), [xs, vs]), [await stacked(f, xs, vs)], 1e-12);
  });

  it("over some arguments, nested, and inside a gradient", async () => {
    const pairs = e.vmap(
      e.vmap((a: Tensor, b: Tensor) => e.sum(e.mul(map(a), map(b))), [false, true]),
      [true, false],
    );
    const total = (x: Tensor, y: Tensor) => e.sum(e.square(pairs(x, y)));
    const direct = (x: Tensor, y: Tensor) => {
      const rows = (z: Tensor) => e.stack(Array.from({ length: 5 }, (_, i) => map(e.slice(z, [i]))));
      return e.sum(e.square(e.matmul(rows(x), e.transpose(rows(y)))));
    };
    const both = (f: any) => (x: Tensor, y: Tensor) => [f(x, y), e.grad(f)(x, y), e.grad(f, { argument: 1 })(x, y)];
    expectClose(await run(both(total), [xs, vs]), await run(both(direct), [xs, vs]), 1e-11);
  });

  it("rowJacobian equals the jacobian row by row", async () => {
    const layer = (z: Tensor) => e.tanh(e.matmul(z, randomArray([3, 6], 11)));
    const [value, jacobian] = await run(
      (z: Tensor) => {
        const r = e.rowJacobian(layer, z);
        return [r.value, r.jacobian];
      },
      [xs],
    ); // prettier-ignore
    expect(value.shape).toEqual([5, 6]);
    expectClose([jacobian], [await stacked((z: Tensor) => e.jacobian(layer)(z), xs)], 1e-12);
  });
});

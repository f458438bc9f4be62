/** Primitives of the tracing library that the public operations reach seldom, and those without a lowering. */
import * as jax from "@jax-js/jax";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { array, compile, grad, jvp, type NdArray, sum, type Tensor } from "../../src/engine/index.js";
import { primitives } from "../../src/engine/lowering/primitives/index.js";
import { lift, np, type Tracer } from "../../src/engine/tensor.js";
import { broadcastable, expectAgreement, randomArray, run } from "./agreement.js";

const whole = (a: NdArray) => array(a, "int32");
const seeds = fc.nat(1e6);

describe("whole numbers", () => {
  it("arithmetic and comparisons", async () => {
    await fc.assert(
      fc.asyncProperty(broadcastable(2), seeds, async ([sa, sb], seed) => {
        const a = whole(randomArray(sa, seed, -20, 20));
        const b = whole(randomArray(sb, seed + 1, 1, 6));
        const f = (a: Tracer, b: Tracer) => [
          np.add(lift(a), lift(b)),
          np.multiply(lift(a), lift(b)),
          np.minimum(lift(a), lift(b)),
          np.maximum(lift(a), lift(b)),
          np.negative(lift(a)),
          lift(a).notEqual(lift(b)),
          lift(a).less(lift(b)),
          lift(a).mul(1),
          np.sum(lift(a)),
          np.prod(lift(b)),
          np.sort(np.ravel(lift(a))),
          lift(a).astype("float64"),
          lift(a).astype("bool"),
          np.where(lift(a).less(lift(b)), lift(a), lift(b)),
        ];
        await expectAgreement(f, [a, b]);
      }),
      { numRuns: 8 },
    );
  });

  it("quotients cut towards zero, remainders have the sign of the numerator", async () => {
    const [q, r] = await run(
      (a: Tracer, b: Tracer) => [lift(a).div(lift(b)), lift(a).mod(lift(b))],
      [array([7, -7, 7, -7], "int32"), array([2, 2, -2, -2], "int32")],
    );
    expect([...q.data]).toEqual([3, -3, -3, 3]);
    expect([...r.data]).toEqual([1, -1, 1, -1]);
  });
});

// jax-js itself gets quotients wrong where the numerators are all equal (its algebra of index expressions): the
// definition decides.
describe("remainders of numbers", () => {
  it("mod with its derivative: x - b trunc(x / b)", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(4), seeds, async (n, seed) => {
        const [a, b, da, db] = [
          randomArray([n], seed, -9, 9),
          randomArray([n], seed + 1, 0.5, 3),
          randomArray([n], 1),
          randomArray([n], 2),
        ]; // prettier-ignore
        const f = (a: Tracer, b: Tracer) => lift(a).mod(lift(b));
        const [y, dy, g] = await run(
          (a: Tensor, b: Tensor) => [...jvp(f, [a, b], [da, db]), grad((b: Tensor) => sum(f(a, b)))(b)],
          [a, b],
        );
        for (let i = 0; i < n; i++) {
          const q = Math.trunc(a.data[i] / b.data[i]);
          expect(y.data[i]).toBe(a.data[i] % b.data[i]);
          expect(dy.data[i]).toBeCloseTo(da.data[i] - q * db.data[i], 12);
          expect(g.data[i]).toBeCloseTo(-q, 12);
        }
      }),
      { numRuns: 6 },
    );
  });

  it("the derivative of x mod 49 with respect to the divisor is the whole quotient, exactly", async () => {
    // 49 * (1 / 49) is less than 1 in floating point: the quotient must not be formed that way.
    const f = (m: Tensor) => jvp((m: Tracer) => np.array(98, { dtype: "float64" }).mod(lift(m)), [m], [array(1)])[1];
    expect((await run(f, [array(49)]))[0].data[0]).toBe(-2);
    const constant = () =>
      jvp((m: Tracer) => np.array(98, { dtype: "float64" }).mod(lift(m)), [array(49)], [array(1)])[1];
    expect((await run(constant, []))[0].data[0]).toBe(-2);
  });
});

describe("bools", () => {
  it("any, all, equality, joining", async () => {
    await fc.assert(
      fc.asyncProperty(broadcastable(2), seeds, async ([sa, sb], seed) => {
        const [a, b] = [randomArray(sa, seed), randomArray(sb, seed + 1)];
        const f = (a: Tracer, b: Tracer) => {
          const [p, q] = [lift(a).less(lift(0)), lift(b).less(lift(0))];
          return [
            p.ref.any(),
            p.ref.all(),
            p.ref.equal(q.ref),
            p.ref.notEqual(q.ref),
            p.ref.reshape([-1]),
            np.minimum(p.ref, q.ref),
            np.maximum(p.ref, q.ref),
            np.concatenate([np.ravel(p), np.ravel(q)]),
          ];
        };
        await expectAgreement(f, [a, b]);
      }),
      { numRuns: 8 },
    );
  });
});

describe("order of bools", () => {
  it("false comes before true", async () => {
    const f = (p: Tracer, q: Tracer) => [lift(p).less(lift(q)), lift(p).lessEqual(lift(q)), np.sort(lift(q))];
    const [less, lessEqual, sorted] = await run(f, [array([0, 0, 1, 1], "bool"), array([0, 1, 0, 1], "bool")]);
    expect([[...less.data], [...lessEqual.data], [...sorted.data]]).toEqual([
      [0, 1, 0, 0],
      [1, 1, 0, 1],
      [0, 0, 1, 1],
    ]); // prettier-ignore
  });
});

describe("asin of the tracing library", () => {
  it("agrees, with its derivative", async () => {
    const x = randomArray([5], 1, -0.9, 0.9);
    const f = (x: Tracer) => jvp((z: Tracer) => np.arcsin(lift(z)), [x], [array([1, 1, 1, 1, 1])]);
    await expectAgreement(f, [x], { float64: 1e-4 });
  });
});

describe("what has no lowering", () => {
  const a = randomArray([2, 3, 3], 1);
  const missing: Record<string, (x: Tracer) => Tracer> = {
    cholesky: (x) => (jax.lax as any).linalg.cholesky(lift(x)),
    triangular_solve: (x) => (jax.lax as any).linalg.triangularSolve(lift(x), lift(x), { leftSide: true }),
    lu: (x) => (jax.lax as any).linalg.lu(lift(x))[0],
    erfc: (x) => (jax.lax as any).erfc(lift(x)),
    bitcast: (x) => lift(x).astype("float32").view("int32"),
    fft: (x) => (np.fft as any).fft({ real: lift(x).slice(0, 0), imag: lift(x).slice(0, 0) }).real,
    random_bits: (x) =>
      (jax as any).random.uniform((jax as any).random.key(1), [3]).add(np.sum(lift(x).astype("float32"))),
  };
  for (const [name, f] of Object.entries(missing))
    it(`${name} is named in the error`, async () => {
      expect(primitives[name]).toBeUndefined();
      await expect(compile(f)(a)).rejects.toThrow(`the operation "${name}" on shapes`);
    });
});

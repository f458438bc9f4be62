/** Compares a function of the engine and its first three derivatives with the tables of `derivative-values.ts`. */
import { expect } from "vitest";
import { array, compile, grad, jvp, ones, sum, type Tensor } from "../../src/engine/index.js";
import { derivativeValues } from "./derivative-values.js";

export const precisions = [
  { precision: "float64" as const, unit: 2 ** -52 },
  { precision: "float32" as const, unit: 2 ** -23 },
];
export type Unary = (x: Tensor) => Tensor;

/** f' by forward mode. */
export const derivative =
  (f: Unary): Unary =>
  (x) =>
    jvp(f, [x], [ones(x.shape)])[1];

/**
 * Values and derivatives within `ulps` units of the larger of 1 and the expected number; where `relative`, values
 * within `ulps` units of themselves, so that small results keep their digits. Forward and reverse mode.
 */
export async function expectDerivatives(
  name: string,
  f: Unary,
  { precision, unit }: (typeof precisions)[number],
  { ulps = 8, relative = true } = {},
): Promise<void> {
  const rows = derivativeValues[name];
  const d = derivative;
  const program = compile(
    (x: Tensor) => [f(x), d(f)(x), d(d(f))(x), d(d(d(f)))(x), grad((t: Tensor) => sum(f(t)))(x)],
    {
      precision,
      threads: 1,
    },
  );
  const results = await program(array(rows.map((row) => row[0])));
  const misses: string[] = [];
  [1, 2, 3, 4, 2].forEach((column, k) => {
    rows.forEach((row, i) => {
      const [expected, got] = [row[column], results[k].data[i]];
      if (precision === "float32" && Math.abs(expected) > 3e38) return;
      const scale = k === 0 && relative ? Math.abs(expected) : Math.max(1, Math.abs(expected));
      if (!(Math.abs(got - expected) <= ulps * unit * scale))
        misses.push(`${name}, column ${k}, x = ${row[0]}: ${got}, expected ${expected}`);
    });
  });
  expect(misses).toEqual([]);
  await program.dispose();
}

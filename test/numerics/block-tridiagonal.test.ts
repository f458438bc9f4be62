import { describe, expect, it } from "vitest";
import {
  blockTridiagonalWorkspace,
  factorAndSolve,
  factorise,
  solveFactored,
} from "../../src/numerics/block-tridiagonal.js";
import { largestDifference, plainSolve, testRandom } from "./helpers.js";

/** H = K K^T + shift I with K block lower bidiagonal and random: block tridiagonal; SPD for shift >= 0. */
function randomSystem(n: number, d: number, seed: number, shift: number) {
  const random = testRandom(seed);
  const size = n * d;
  const k = Array.from({ length: size }, (_, r) =>
    Array.from({ length: size }, (_, c) => {
      const [i, j] = [Math.floor(r / d), Math.floor(c / d)];
      return i === j || i === j + 1 ? random.normal() : 0;
    }),
  );
  const h = k.map((row, r) =>
    k.map((other, c) => row.reduce((s, v, q) => s + v * other[q], 0) + (r === c ? shift : 0)),
  );
  const diagonal = new Float64Array(n * d * d);
  const lower = new Float64Array((n - 1) * d * d);
  for (let i = 0; i < n; i++)
    for (let a = 0; a < d; a++)
      for (let b = 0; b < d; b++) {
        diagonal[(i * d + a) * d + b] = h[i * d + a][i * d + b];
        if (i + 1 < n) lower[(i * d + a) * d + b] = h[(i + 1) * d + a][i * d + b];
      }
  const rhs = Float64Array.from({ length: size }, () => random.normal());
  return { h, diagonal, lower, rhs };
}

describe.each([1, 2, 3, 8, 32])("block-tridiagonal systems with blocks of size %i", (d) => {
  const n = d === 32 ? 5 : 9;

  it("agree with dense elimination, and the quadratic form is b.x", () => {
    for (let seed = 1; seed <= 4; seed++) {
      const { h, diagonal, lower, rhs } = randomSystem(n, d, seed, 0.5);
      const out = new Float64Array(n * d);
      const quadratic = factorAndSolve(blockTridiagonalWorkspace(n, d), diagonal, lower, rhs, out);
      const expected = plainSolve(h, [...rhs]);
      expect(largestDifference(out, expected)).toBeLessThan(1e-10);
      const byHand = expected.reduce((s, x, i) => s + x * rhs[i], 0);
      expect(Math.abs((quadratic as number) - byHand)).toBeLessThan(1e-10 * Math.abs(byHand));
    }
  });

  it("solve further right-hand sides with the factor kept, in place, in a larger workspace", () => {
    const { h, diagonal, lower, rhs } = randomSystem(n, d, 11, 0.5);
    const workspace = blockTridiagonalWorkspace(n + 4, d);
    workspace.factor.fill(Number.NaN);
    workspace.coupling.fill(Number.NaN);
    expect(factorise(workspace, diagonal, lower, n)).toBe(true);
    for (const scale of [1, -3]) {
      const b = rhs.map((v, i) => scale * v + i);
      const expected = plainSolve(h, [...b]);
      solveFactored(workspace, b, b, n);
      expect(largestDifference(b, expected)).toBeLessThan(1e-10);
    }
  });

  it("read only the lower triangles of the diagonal blocks", () => {
    const { diagonal, lower, rhs } = randomSystem(n, d, 5, 0.5);
    const out = new Float64Array(n * d);
    const again = new Float64Array(n * d);
    factorAndSolve(blockTridiagonalWorkspace(n, d), diagonal, lower, rhs, out);
    for (let i = 0; i < n; i++)
      for (let a = 0; a < d; a++) for (let b = a + 1; b < d; b++) diagonal[(i * d + a) * d + b] = Number.NaN;
    factorAndSolve(blockTridiagonalWorkspace(n, d), diagonal, lower, rhs, again);
    expect(again).toEqual(out);
  });

  it("are refused where indefinite, singular or not finite, and leave the output alone", () => {
    const workspace = blockTridiagonalWorkspace(n, d);
    const out = new Float64Array(n * d).fill(7);
    for (const where of [0, Math.floor(n / 2), n - 1])
      for (const value of [-1, 0, Number.NaN, Number.POSITIVE_INFINITY]) {
        const { diagonal, lower, rhs } = randomSystem(n, d, 3, 0.5);
        diagonal[where * d * d + d * d - 1] = value;
        expect(factorAndSolve(workspace, diagonal, lower, rhs, out)).toBe(false);
      }
    // Indefinite although each diagonal block is positive definite: the coupling is too strong.
    const { diagonal, lower, rhs } = randomSystem(n, d, 3, 0.5);
    for (let i = 0; i < lower.length; i++) lower[i] *= 30;
    expect(factorAndSolve(workspace, diagonal, lower, rhs, out)).toBe(false);
    expect(out.every((v) => v === 7)).toBe(true);
  });

  it("one block alone is a dense solve", () => {
    const { h, diagonal, lower, rhs } = randomSystem(1, d, 8, 0.5);
    const out = new Float64Array(d);
    expect(factorAndSolve(blockTridiagonalWorkspace(1, d), diagonal, lower, rhs, out)).not.toBe(false);
    expect(largestDifference(out, plainSolve(h, [...rhs]))).toBeLessThan(1e-9);
  });
});

it("the sign of the smallest eigenvalue decides: the discrete Laplacian shifted across its first eigenvalue", () => {
  const n = 40;
  const first = 2 - 2 * Math.cos(Math.PI / (n + 1));
  const lower = new Float64Array(n - 1).fill(-1);
  const workspace = blockTridiagonalWorkspace(n, 1);
  for (const [share, definite] of [
    [1 - 1e-9, true],
    [1 + 1e-9, false],
  ] as const) {
    expect(factorise(workspace, new Float64Array(n).fill(2 - share * first), lower)).toBe(definite);
  }
});

it("arrays that are too short are refused with one sentence", () => {
  const workspace = blockTridiagonalWorkspace(4, 2);
  expect(() => factorise(workspace, new Float64Array(15), new Float64Array(12))).toThrow(/diagonal/);
  expect(() => solveFactored(workspace, new Float64Array(7), new Float64Array(8))).toThrow(/n\*d/);
  expect(() => blockTridiagonalWorkspace(0, 2)).toThrow(/positive integers/);
});

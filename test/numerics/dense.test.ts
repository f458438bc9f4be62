import { describe, expect, it } from "vitest";
import {
  cholesky,
  choleskyBatch,
  choleskySolve,
  determinant,
  determinantBatch,
  gram,
  identity,
  inverse,
  inverseBatch,
  logDeterminant,
  multiply,
  solve,
  solveBatch,
  transpose,
} from "../../src/numerics/dense.js";
import { generalisedEigen, symmetricEigen, symmetricEigenvaluesBatch } from "../../src/numerics/eigen.js";
import { leastSquares, qr, triangularFactor } from "../../src/numerics/qr.js";
import { largestDifference, plainSolve, testRandom } from "./helpers.js";

const randomMatrix = (rows: number, columns: number, seed: number) => {
  const random = testRandom(seed);
  return Float64Array.from({ length: rows * columns }, () => random.normal());
};
const randomDefinite = (n: number, seed: number) => {
  const a = gram(randomMatrix(n + 3, n, seed), n + 3, n);
  return a;
};
const hilbert = (n: number) => Float64Array.from({ length: n * n }, (_, q) => 1 / (Math.floor(q / n) + (q % n) + 1));
/** Known to be the exact integer inverse. */
const hilbertInverse = (n: number) => {
  const binomial = (a: number, b: number) => {
    let r = 1;
    for (let i = 1; i <= b; i++) r = (r * (a - b + i)) / i;
    return r;
  };
  return Float64Array.from({ length: n * n }, (_, q) => {
    const [i, j] = [Math.floor(q / n) + 1, (q % n) + 1];
    return (
      (-1) ** (i + j) *
      (i + j - 1) *
      binomial(n + i - 1, n - j) *
      binomial(n + j - 1, n - i) *
      binomial(i + j - 2, i - 1) ** 2
    );
  });
};
const norm = (a: Float64Array) => Math.sqrt(a.reduce((s, v) => s + v * v, 0));

describe("products", () => {
  it("agree with sums by hand", () => {
    const [a, b] = [randomMatrix(3, 4, 1), randomMatrix(4, 5, 2)];
    const c = multiply(a, b, 3, 4, 5);
    for (let i = 0; i < 3; i++)
      for (let j = 0; j < 5; j++)
        expect(c[i * 5 + j]).toBeCloseTo(
          [0, 1, 2, 3].reduce((s, k) => s + a[i * 4 + k] * b[k * 5 + j], 0),
          13,
        );
    expect(largestDifference(gram(a, 3, 4), multiply(transpose(a, 3, 4), a, 4, 3, 4))).toBeLessThan(1e-14);
    expect(() => multiply(a, b, 3, 5, 4)).toThrow(/3 x 5/);
  });
});

describe.each([1, 2, 3, 8, 25])("factorisations of size %i", (n) => {
  const definite = randomDefinite(n, n);
  const general = randomMatrix(n, n, 50 + n);

  it("Cholesky multiplies back and solves", () => {
    const l = cholesky(definite, n) as Float64Array;
    expect(largestDifference(multiply(l, transpose(l, n, n), n, n, n), definite)).toBeLessThan(1e-12 * norm(definite));
    for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) expect(l[i * n + j]).toBe(0);
    const b = randomMatrix(n, 3, 7);
    const x = choleskySolve(l, n, b, 3);
    expect(largestDifference(multiply(definite, x, n, n, 3), b)).toBeLessThan(1e-9);
    const spoilt = definite.slice();
    spoilt[n * n - 1] = -1;
    expect(cholesky(spoilt, n)).toBe(false);
    spoilt[n * n - 1] = Number.NaN;
    expect(cholesky(spoilt, n)).toBe(false);
  });

  it("LU: solve, inverse, determinant, log-determinant", () => {
    const b = randomMatrix(n, 2, 8);
    const x = solve(general, n, b, 2) as Float64Array;
    const rows = Array.from({ length: n }, (_, i) => [...general.slice(i * n, (i + 1) * n)]);
    const expected = plainSolve(
      rows,
      Array.from({ length: n }, (_, i) => b[2 * i + 1]),
    );
    for (let i = 0; i < n; i++) expect(x[2 * i + 1]).toBeCloseTo(expected[i], 9);
    expect(largestDifference(multiply(general, x, n, n, 2), b)).toBeLessThan(1e-10);
    expect(
      largestDifference(multiply(general, inverse(general, n) as Float64Array, n, n, n), identity(n)),
    ).toBeLessThan(1e-10);
    const det = determinant(general, n);
    const { sign, logAbsolute } = logDeterminant(general, n);
    expect(sign * Math.exp(logAbsolute)).toBeCloseTo(det, -Math.log10(Math.abs(det)) + 10);
    const l = cholesky(definite, n) as Float64Array;
    let sum = 0;
    for (let i = 0; i < n; i++) sum += 2 * Math.log(l[i * n + i]);
    expect(logDeterminant(definite, n).logAbsolute).toBeCloseTo(sum, 10);
    expect(logDeterminant(definite, n).sign).toBe(1);
    if (n > 1) {
      const singular = general.slice();
      singular.copyWithin(0, n, 2 * n);
      expect(Math.abs(determinant(singular, n))).toBeLessThan(1e-10 * Math.max(1, Math.abs(det)));
    }
    expect(solve(new Float64Array(n * n), n, new Float64Array(n))).toBe(false);
    expect(logDeterminant(new Float64Array(n * n), n)).toEqual({ sign: 0, logAbsolute: -Infinity });
  });

  it("QR multiplies back with orthonormal Q and unique R; least squares has an orthogonal residual", () => {
    const rows = n + 4;
    const a = randomMatrix(rows, n, 3 * n);
    const { q, r } = qr(a, rows, n);
    expect(largestDifference(multiply(q, r, rows, n, n), a)).toBeLessThan(1e-12);
    expect(largestDifference(gram(q, rows, n), identity(n))).toBeLessThan(1e-13);
    expect(largestDifference(triangularFactor(a, rows, n), r)).toBe(0);
    const l = cholesky(gram(a, rows, n), n) as Float64Array;
    expect(largestDifference(transpose(l, n, n), r)).toBeLessThan(1e-10);
    const b = randomMatrix(rows, 2, 4);
    const x = leastSquares(a, rows, n, b, 2) as Float64Array;
    const residual = multiply(a, x, rows, n, 2).map((v, i) => b[i] - v);
    expect(
      largestDifference(multiply(transpose(a, rows, n), residual, n, rows, 2), new Float64Array(2 * n)),
    ).toBeLessThan(1e-11);
    if (n > 1) {
      for (let i = 0; i < rows; i++) a[i * n] = 2 * a[i * n + 1];
      expect(leastSquares(a, rows, n, b, 2)).toBe(false);
    }
  });

  it.each(["jacobi", "ql"] as const)("eigendecomposition by %s multiplies back, in order, orthonormal", (method) => {
    const symmetric = general.map((v, q) => v + general[(q % n) * n + Math.floor(q / n)]);
    const { values, vectors } = symmetricEigen(symmetric, n, method);
    const scaled = vectors.map((v, q) => v * values[q % n]);
    expect(largestDifference(multiply(scaled, transpose(vectors, n, n), n, n, n), symmetric)).toBeLessThan(1e-12);
    expect(largestDifference(gram(vectors, n, n), identity(n))).toBeLessThan(1e-13);
    for (let i = 1; i < n; i++) expect(values[i]).toBeGreaterThanOrEqual(values[i - 1]);
  });

  it("generalised eigenproblem: A V = B V diag, V^T B V = I", () => {
    const symmetric = general.map((v, q) => v + general[(q % n) * n + Math.floor(q / n)]);
    const { values, vectors } = generalisedEigen(symmetric, definite, n) as {
      values: Float64Array;
      vectors: Float64Array;
    };
    const left = multiply(symmetric, vectors, n, n, n);
    const bv = multiply(definite, vectors, n, n, n);
    expect(
      largestDifference(
        left,
        bv.map((v, q) => v * values[q % n]),
      ),
    ).toBeLessThan(1e-9);
    expect(largestDifference(multiply(transpose(vectors, n, n), bv, n, n, n), identity(n))).toBeLessThan(1e-10);
    expect(generalisedEigen(symmetric, new Float64Array(n * n), n)).toBe(false);
  });
});

describe("eigenvalues", () => {
  it("of the discrete Laplacian of 60 nodes are 2 - 2 cos(k pi / 61), by both methods", () => {
    const n = 60;
    const a = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
      a[i * n + i] = 2;
      if (i > 0) a[i * n + i - 1] = a[(i - 1) * n + i] = -1;
    }
    const exact = Float64Array.from({ length: n }, (_, k) => 2 - 2 * Math.cos(((k + 1) * Math.PI) / (n + 1)));
    for (const method of ["jacobi", "ql"] as const)
      expect(largestDifference(symmetricEigen(a, n, method).values, exact)).toBeLessThan(1e-13);
    expect(largestDifference(symmetricEigen(a, n).values, exact)).toBeLessThan(1e-13);
  });

  it("repeated, zero, one by one, and in batches", () => {
    for (const method of ["jacobi", "ql"] as const) {
      expect([...symmetricEigen(new Float64Array(9), 3, method).values]).toEqual([0, 0, 0]);
      expect(
        largestDifference(symmetricEigen(new Float64Array(16).fill(1), 4, method).values, [0, 0, 0, 4]),
      ).toBeLessThan(1e-14);
      expect([...symmetricEigen(Float64Array.from([5]), 1, method).values]).toEqual([5]);
    }
    // rank 3 of 30: 27 eigenvalues are zero
    const factor = randomMatrix(3, 30, 6);
    for (const method of ["jacobi", "ql"] as const) {
      const { values } = symmetricEigen(gram(factor, 3, 30), 30, method);
      expect(largestDifference(values.slice(0, 27), new Float64Array(27))).toBeLessThan(1e-12);
      const small = symmetricEigen(multiply(factor, transpose(factor, 3, 30), 3, 30, 3), 3).values;
      expect(largestDifference(values.slice(27), small)).toBeLessThan(1e-12);
    }
    const pairs = Float64Array.from([...randomMatrix(2, 2, 1), ...randomMatrix(2, 2, 2), 0, 0, 0, 0, -3, 1, 1, -2]);
    for (let i = 0; i < 4; i++) {
      const one = symmetricEigen(pairs.slice(4 * i, 4 * i + 4), 2).values;
      expect(largestDifference(symmetricEigenvaluesBatch(pairs, 4, 2).slice(2 * i, 2 * i + 2), one)).toBeLessThan(
        1e-14,
      );
    }
    const batch = Float64Array.from([...randomDefinite(3, 1), ...randomDefinite(3, 2)]);
    const values = symmetricEigenvaluesBatch(batch, 2, 3);
    expect([...values.slice(3)]).toEqual([...symmetricEigen(randomDefinite(3, 2), 3).values]);
    expect(() => symmetricEigen(Float64Array.from([1, 0, 0, Number.NaN]), 2)).toThrow(/finite/);
  });

  it("Jacobi keeps the digits of the small eigenvalues of graded matrices (to 1e-10 over a condition of 1e20)", () => {
    const scale = [1, 1e-5, 1e-10];
    const core = [2, 0.5, 0.3, 0.5, 3, 0.2, 0.3, 0.2, 1.5];
    const a = Float64Array.from(core, (v, q) => v * scale[Math.floor(q / 3)] * scale[q % 3]);
    const { values } = symmetricEigen(a, 3, "jacobi");
    // the smallest one as det / (product of the others); det in closed form
    const det = 2 * (3 * 1.5 - 0.04) - 0.5 * (0.75 - 0.06) + 0.3 * (0.1 - 0.9);
    expect((values[0] * values[1] * values[2]) / (det * 1e-30)).toBeCloseTo(1, 10);
    expect(values[0]).toBeGreaterThan(0);
  });
});

describe("ill-conditioned: Hilbert matrices (condition 1.5e7 at 6, 1.5e10 at 8)", () => {
  it.each([6, 8])("n = %i: inverse right to condition x rounding, solutions backward stable", (n) => {
    const a = hilbert(n);
    const exact = hilbertInverse(n);
    const condition = norm(a) * norm(exact);
    const computed = inverse(a, n) as Float64Array;
    expect(largestDifference(computed, exact) / norm(exact)).toBeLessThan(condition * 4e-16);
    const l = cholesky(a, n) as Float64Array;
    expect(l).not.toBe(false);
    const b = randomMatrix(n, 1, 3);
    for (const x of [choleskySolve(l, n, b), solve(a, n, b) as Float64Array]) {
      const residual = multiply(a, x, n, n, 1).map((v, i) => v - b[i]);
      expect(norm(residual) / (norm(a) * norm(x))).toBeLessThan(1e-15);
    }
    const { values } = symmetricEigen(a, n);
    expect(values[n - 1] / values[0]).toBeGreaterThan(1e6);
    expect(1 / values[0] / norm(exact)).toBeCloseTo(1, 3);
  });

  it("least squares on a Vandermonde matrix (condition > 1e7) finds the polynomial", () => {
    const [rows, columns] = [30, 10];
    const a = Float64Array.from(
      { length: rows * columns },
      (_, q) => (Math.floor(q / columns) / (rows - 1)) ** (q % columns),
    );
    const truth = randomMatrix(columns, 1, 2);
    const x = leastSquares(a, rows, columns, multiply(a, truth, rows, columns, 1)) as Float64Array;
    expect(largestDifference(x, truth)).toBeLessThan(1e-7);
  });
});

it("batches are their matrices one by one, and count what cannot be done", () => {
  const n = 3;
  const a = Float64Array.from([...randomMatrix(3, 3, 1), ...new Float64Array(9), ...randomMatrix(3, 3, 2)]);
  const b = randomMatrix(3, 3, 5);
  const { x, singular } = solveBatch(a, 3, n, b);
  expect(singular).toBe(1);
  expect([...x.slice(6)]).toEqual([...(solve(a.slice(18), n, b.slice(6)) as Float64Array)]);
  expect(x.slice(3, 6).every(Number.isNaN)).toBe(true);
  const inverses = inverseBatch(a, 3, n);
  expect(inverses.singular).toBe(1);
  expect([...inverses.inverses.slice(0, 9)]).toEqual([...(inverse(a.slice(0, 9), n) as Float64Array)]);
  expect([...determinantBatch(a, 3, n)]).toEqual([determinant(a.slice(0, 9), n), 0, determinant(a.slice(18), n)]);
  const definite = Float64Array.from([...randomDefinite(3, 1), ...new Float64Array(9)]);
  const l = new Float64Array(18);
  expect(choleskyBatch(definite, 2, n, l)).toBe(1);
  expect([...l.slice(0, 9)]).toEqual([...(cholesky(definite.slice(0, 9), n) as Float64Array)]);
});

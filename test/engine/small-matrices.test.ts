import { describe, expect, it } from "vitest";
import {
  add,
  array,
  cholesky,
  compile,
  eigenvalues,
  einsum,
  grad,
  inverse,
  jvp,
  logDeterminant,
  matmul,
  matrixTranspose,
  mul,
  type NdArray,
  ndarray,
  type Operand,
  solve,
  solveTriangular,
  square,
  stream,
  sub,
  sum,
  type Tensor,
  valueAndGrad,
  vmap,
} from "../../src/engine/index.js";
import { symmetricEigen } from "../../src/numerics/eigen.js";
import { randomKey } from "../../src/numerics/random.js";

const float64 = { precision: "float64" as const, threads: 1 };

/** Symmetric matrices Q diag(spectrum) Q^T with random orthogonal Q. [B, d, d] */
function withSpectrum(count: number, spectrum: readonly number[], seed: number): NdArray {
  const d = spectrum.length;
  const random = stream(randomKey(seed));
  const data = new Float64Array(count * d * d);
  for (let b = 0; b < count; b++) {
    const q: number[][] = [];
    for (let i = 0; i < d; i++) {
      let v = Array.from({ length: d }, () => random.normal());
      for (let twice = 0; twice < 2; twice++)
        for (const u of q) {
          const projection = u.reduce((s, x, k) => s + x * v[k], 0);
          v = v.map((x, k) => x - projection * u[k]);
        }
      const length = Math.hypot(...v);
      q.push(v.map((x) => x / length));
    }
    for (let i = 0; i < d; i++)
      for (let j = 0; j <= i; j++) {
        let entry = 0;
        for (let k = 0; k < d; k++) entry += q[k][i] * q[k][j] * spectrum[k];
        data[b * d * d + i * d + j] = data[b * d * d + j * d + i] = entry;
      }
  }
  return ndarray(data, [count, d, d]);
}
const graded = (d: number, condition: number) =>
  Array.from({ length: d }, (_, k) => condition ** (d > 1 ? -k / (d - 1) : 0));
const vectors = (shape: number[], seed: number): NdArray => {
  const random = stream(randomKey(seed));
  return ndarray(
    Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()),
    shape,
  );
};
const identity = (d: number) =>
  array(Array.from({ length: d }, (_, i) => Array.from({ length: d }, (_, j) => Number(i === j))));
const largest = (a: NdArray) => {
  let worst = 0;
  for (const v of a.data) worst = Number.isNaN(v) ? Number.POSITIVE_INFINITY : Math.max(worst, Math.abs(v));
  return worst;
};
const nodes = (operations: Readonly<Record<string, number>>) => Object.values(operations).reduce((a, b) => a + b, 0);

const sizes = [1, 2, 3, 4, 5, 8, 9, 17, 33, 64];

describe("values", () => {
  it.each(sizes)("d = %d: products give back the matrix, at condition number 1e6 in float64", async (d) => {
    const condition = 1e6;
    const a = withSpectrum(4, graded(d, condition), d);
    const f = compile((a: Tensor, b: Tensor, c: Tensor) => {
      const l = cholesky(a);
      return {
        factor: sub(matmul(l, matrixTranspose(l)), a),
        upper: mul(l, upperMask(d)),
        inverse: sub(matmul(a, inverse(a)), identity(d)),
        vector: sub(einsum("bij,bj->bi", a, solve(a, b)), b),
        matrix: sub(matmul(a, solve(a, c)), c),
        forward: sub(einsum("bij,bj->bi", l, solveTriangular(l, b)), b),
        backward: sub(matmul(matrixTranspose(l), solveTriangular(l, c, { transpose: true })), c),
        logDeterminant: logDeterminant(a),
      };
    }, float64);
    const r = await f(a, vectors([4, d], 1), vectors([4, d, 3], 2));
    expect(largest(r.factor)).toBeLessThan(1e-15);
    expect(largest(r.upper)).toBe(0);
    expect(largest(r.inverse)).toBeLessThan(1e-15 * condition);
    expect(largest(r.vector)).toBeLessThan(2e-15 * condition);
    expect(largest(r.matrix)).toBeLessThan(2e-15 * condition);
    expect(largest(r.forward)).toBeLessThan(1e-15 * Math.sqrt(condition) * 4);
    expect(largest(r.backward)).toBeLessThan(1e-15 * Math.sqrt(condition) * 4);
    const expected = d === 1 ? 0 : (-Math.log(condition) * d) / 2;
    for (const value of r.logDeterminant.data) expect(Math.abs(value - expected)).toBeLessThan(1e-16 * condition * d);
    await f.dispose();
  });

  it("float32: the same to its own precision, at condition number 1e3", async () => {
    for (const d of [2, 3, 6, 40]) {
      const a = withSpectrum(4, graded(d, 1e3), d);
      const f = compile((a: Tensor) => [sub(matmul(a, inverse(a)), identity(d)), logDeterminant(a)], { threads: 1 });
      const [product, log] = await f(a);
      expect(largest(product)).toBeLessThan(1e-3);
      for (const value of log.data) expect(Math.abs(value + (Math.log(1e3) * d) / 2)).toBeLessThan(2e-4 * d);
      await f.dispose();
    }
  });

  it("leading axes: none, several, broadcast", async () => {
    const one = withSpectrum(1, graded(4, 10), 3);
    const single = ndarray(one.data, [4, 4]);
    const f = compile(
      (a: Tensor, b: Tensor) => ({
        l: cholesky(a),
        log: logDeterminant(a),
        x: solve(a, b),
        eigen: eigenvalues(a),
        grid: inverse(add(a, mul(0, onesArray([2, 3, 1, 1])))),
        broadcast: solve(a, onesArray([5, 4, 2])),
        scalar: solve(array([[[2]], [[4]]]), array([[1], [1]])),
      }),
      float64,
    );
    const r = await f(single, vectors([4], 5));
    expect([r.l.shape, r.log.shape, r.x.shape, r.eigen.shape, r.grid.shape, r.broadcast.shape]).toEqual([
      [4, 4],
      [],
      [4],
      [4],
      [2, 3, 4, 4],
      [5, 4, 2],
    ]);
    expect([...r.scalar.data]).toEqual([0.5, 0.25]);
    await f.dispose();
  });

  it("not positive definite: NaN for that matrix, and for that one only", async () => {
    for (const d of [1, 2, 3, 5, 12]) {
      const good = withSpectrum(1, graded(d, 10), 1).data;
      const bad = withSpectrum(
        1,
        graded(d, 10).map((x, i) => (i === d - 1 ? -x : x)),
        2,
      ).data;
      const a = ndarray(Float64Array.of(...good, ...bad), [2, d, d]);
      const f = compile(
        (a: Tensor) => [
          sum(cholesky(a), [1, 2]),
          logDeterminant(a),
          sum(inverse(a), [1, 2]),
          sum(solve(a, onesArray([2, d])), 1),
        ],
        float64,
      );
      for (const result of await f(a)) {
        expect(result.data[0]).not.toBeNaN();
        expect(result.data[1]).toBeNaN();
      }
      await f.dispose();
    }
  });
});

const functions: [string, (a: Tensor, b: Operand) => Tensor][] = [
  ["logDeterminant", (a) => sum(square(logDeterminant(a)))],
  ["inverse", (a) => sum(square(inverse(a)))],
  ["cholesky", (a) => sum(mul(cholesky(a), square(cholesky(a))))],
  ["solve", (a, b) => sum(square(solve(a, b)))],
  ["solveTriangular", (a, b) => sum(square(solveTriangular(a, b)))],
  ["solveTriangular, transposed", (a, b) => sum(square(solveTriangular(a, b, { transpose: true })))],
];

describe("derivatives", () => {
  // Along a line A + t D the value is v0 + g t + h t^2 / 2 + k t^3 / 6: central differences of order 4, in float64.
  it.each(functions)("%s: first, second and third derivative, forward over reverse", async (_name, f) => {
    for (const d of [1, 2, 3, 4, 9]) {
      const a = withSpectrum(2, graded(d, 8), 20 + d);
      const change = withSpectrum(2, vectors([d], 40 + d).data as unknown as number[], 60 + d);
      const b = vectors([2, d], 80 + d);
      const value = compile((t: Tensor) => f(add(a, mul(t, change)), b), float64);
      const along = (g: (t: Tensor) => Tensor) => (t: Tensor) => jvp(g, [t], [1])[1];
      const line = (t: Tensor) => f(add(a, mul(t, change)), b);
      const derivatives = compile((t: Tensor) => {
        const slope = (s: Tensor) => sum(mul(change, grad((x: Tensor) => f(x, b))(add(a, mul(s, change)))));
        return [slope(t), along(slope)(t), along(along(slope))(t), along(along(line))(t)];
      }, float64);
      const [g, h, k, forward] = (await derivatives(0)).map((x: NdArray) => x.data[0]);
      const step = 1e-3;
      const at = async (m: number) => (await value(m * step)).data[0];
      const [m2, m1, zero, p1, p2] = [await at(-2), await at(-1), await at(0), await at(1), await at(2)];
      const slope = (8 * (p1 - m1) - (p2 - m2)) / (12 * step);
      const second = (16 * (p1 + m1) - (p2 + m2) - 30 * zero) / (12 * step ** 2);
      const third = (p2 - m2 - 2 * (p1 - m1)) / (2 * step ** 3);
      const scale = Math.max(1, Math.abs(g), Math.abs(h), Math.abs(k));
      expect(Math.abs(g - slope) / scale).toBeLessThan(1e-6);
      expect(Math.abs(h - second) / scale).toBeLessThan(1e-5);
      expect(Math.abs(forward - h) / scale).toBeLessThan(1e-10);
      expect(Math.abs(k - third) / scale).toBeLessThan(5e-3);
      await value.dispose();
      await derivatives.dispose();
    }
  });

  it("agrees with closed derivatives: d log det = tr A^-1 dA, d A^-1 = -A^-1 dA A^-1, and by right-hand side", async () => {
    for (const d of [2, 3, 7, 20]) {
      const a = withSpectrum(3, graded(d, 20), d);
      const change = withSpectrum(3, vectors([d], 9).data as unknown as number[], 10);
      const b = vectors([3, d], 11);
      const f = compile((a: Tensor, b: Tensor) => {
        const x = inverse(a);
        return [
          sub(grad((t: Tensor) => sum(logDeterminant(t)))(a), x),
          add(jvp(inverse, [a], [change])[1], matmul(matmul(x, change), x)),
          sub(grad((t: Tensor) => sum(solve(a, t)))(b), solve(a, onesArray([3, d]))),
          // the third derivative of x^-1 along the matrix itself: A^-1 (1 + t)^-1 has -6 A^-1
          add(
            jvp(
              (s: Tensor) => jvp((t: Tensor) => jvp((u: Tensor) => inverse(mul(a, u)), [t], [1])[1], [s], [1])[1],
              [onesArray([])],
              [1],
            )[1],
            mul(6, x),
          ),
        ];
      }, float64);
      for (const difference of await f(a, b)) expect(largest(difference)).toBeLessThan(1e-10);
      await f.dispose();
    }
  });

  it("maps over another axis", async () => {
    const a = withSpectrum(3, graded(5, 10), 4);
    const f = compile((a: Tensor) => sub(vmap((m: Tensor) => logDeterminant(m))(a), logDeterminant(a)), float64);
    expect(largest(await f(a))).toBeLessThan(1e-14);
    await f.dispose();
  });

  it("differentiates by closed forms: an inverse and its gradient take few products of matrices", async () => {
    const a = withSpectrum(2, graded(4, 10), 4);
    const products = async (f: (x: Tensor) => unknown) => {
      const program = compile(f, float64);
      const { MatMul = 0, Gemm = 0 } = await program.operations(a);
      await program.dispose();
      return MatMul + Gemm;
    };
    // 2 for the inverse of the 4 x 4 factor, 1 for its product with itself; X (dX) X for the gradient.
    expect(await products(inverse)).toBe(3);
    expect(await products(grad((x: Tensor) => sum(square(inverse(x)))))).toBeLessThanOrEqual(6);
    expect(await products(logDeterminant)).toBe(0);
    expect(await products(grad((x: Tensor) => sum(logDeterminant(x))))).toBeLessThanOrEqual(4);
  });

  it("d = 64: about 14 nodes a column, derivatives hardly more", async () => {
    const a = withSpectrum(1, graded(64, 10), 4);
    const f = (x: Tensor) => sum(logDeterminant(x));
    const first = compile(valueAndGrad(f), float64);
    const second = compile((x: Tensor) => jvp(grad(f), [x], [a])[1], float64);
    expect(nodes(await first.operations(a))).toBeLessThan(950);
    expect(nodes(await second.operations(a))).toBeLessThan(950);
    await first.dispose();
    await second.dispose();
  });
});

describe("eigenvalues", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 33])("d = %d, whatever the spectrum", async (d) => {
    const spectra = [
      Array.from({ length: d }, (_, i) => 3 * Math.sin(3 * i + 1)),
      graded(d, 1e6),
      graded(d, 1e12),
      Array.from({ length: d }, (_, i) => (i % 2) + Number(d === 1)),
      Array.from({ length: d }, () => 1),
      Array.from({ length: d }, (_, i) => 1 + 1e-9 * i),
      Array.from({ length: d }, (_, i) => (i === 0 ? -100 : 0)),
    ].map((spectrum) => spectrum.sort((x, y) => x - y));
    const a = ndarray(Float64Array.from(spectra.flatMap((spectrum, i) => [...withSpectrum(1, spectrum, i).data])), [
      spectra.length,
      d,
      d,
    ]);
    for (const [precision, unit] of [
      ["float64", 4e-16],
      ["float32", 2e-7],
    ] as const) {
      const f = compile((a: Tensor) => eigenvalues(a), { precision, threads: 1 });
      const { data } = await f(a);
      spectra.forEach((spectrum, i) => {
        const scale = Math.max(...spectrum.map(Math.abs));
        const second = symmetricEigen((a.data as Float64Array).slice(i * d * d, (i + 1) * d * d), d).values;
        spectrum.forEach((value, k) => {
          expect(Math.abs(data[i * d + k] - value)).toBeLessThan(unit * scale * (10 + d));
          expect(Math.abs(data[i * d + k] - second[k])).toBeLessThan(unit * scale * (10 + d));
        });
      });
      await f.dispose();
    }
  });

  it("zero and tiny matrices, NaN in NaN out, derivative zero", async () => {
    for (const d of [2, 3, 12]) {
      const f = compile((a: Tensor) => [eigenvalues(a), grad((t: Tensor) => sum(eigenvalues(t)))(a)], float64);
      const [zero, slope] = await f(ndarray(new Float64Array(d * d), [d, d]));
      expect(largest(zero)).toBeLessThan(1e-14);
      expect(largest(slope)).toBe(0);
      const small = withSpectrum(1, graded(d, 2), 3);
      const tiny = await f(ndarray(small.data.map((x) => x * 1e-20) as Float64Array, [d, d]));
      expect(Math.abs(tiny[0].data[0] - 0.5e-20)).toBeLessThan(1e-33);
      const [broken] = await f(ndarray(new Float64Array(d * d).fill(Number.NaN), [d, d]));
      expect([...broken.data].every(Number.isNaN)).toBe(true);
      await f.dispose();
    }
  });
});

it("shapes that do not fit are told in a sentence that names the operation", async () => {
  const a = ndarray(new Float64Array(6), [2, 3]);
  await expect(compile((a: Tensor) => cholesky(a))(a)).rejects.toThrow("cholesky: shape [2,3]");
  await expect(compile((a: Tensor) => inverse(a))(ndarray(new Float64Array(65 * 65), [65, 65]))).rejects.toThrow("65");
  const square = ndarray(new Float64Array(9), [3, 3]);
  await expect(compile((a: Tensor) => solve(a, onesArray([4])))(square)).rejects.toThrow(
    "solve: right-hand sides of shape [4]",
  );
});

function onesArray(shape: number[]): NdArray {
  return ndarray(new Float64Array(shape.reduce((a, b) => a * b, 1)).fill(1), shape);
}

function upperMask(d: number): NdArray {
  return array(Array.from({ length: d }, (_, i) => Array.from({ length: d }, (_, j) => Number(j > i))));
}

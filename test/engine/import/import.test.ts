/** The import as a whole: round trips, files that PyTorch wrote, fixed numbers of rows, and what is refused. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  add,
  astype,
  compile,
  conv2d,
  convTranspose2d,
  elu,
  exp,
  type ImportedModel,
  importOnnx,
  matmul,
  type NdArray,
  ndarray,
  type Operand,
  type Precision,
  reshape,
  rowJacobian,
  sigmoid,
  sin,
  softplus,
  square,
  sum,
  type Tensor,
  tanh,
  toOnnx,
  transpose,
} from "../../../src/engine/index.js";
import { UsageError } from "../../../src/errors.js";
import { decodeNpy } from "../../../src/numerics/npy.js";
import { expectClose, randomArray } from "../agreement.js";
import { type GraphSpec, integersOf, onnxFile, runOriginal } from "./graphs.js";

const fixture = (name: string): Uint8Array => readFileSync(new URL(`../../fixtures/onnx/${name}`, import.meta.url));
const table = (name: string): NdArray => {
  const { data, shape } = decodeNpy(fixture(name), name);
  return ndarray(data as Float32Array, shape);
};

async function evaluate<T>(f: (z: Tensor) => T, z: NdArray, precision: Precision = "float64"): Promise<any> {
  const program = compile(f, { precision, threads: 1 });
  try {
    return await program(z);
  } finally {
    await program.dispose();
  }
}

describe("round trips", () => {
  const [w1, w2, w3] = [randomArray([2, 20], 1), randomArray([20, 7], 2), randomArray([20, 7], 3, -0.3, 0.3)];
  const perceptron = (z: Operand) => {
    const h = tanh(matmul(z, w1));
    return { mean: sigmoid(matmul(h, w2)), std: softplus(add(elu(matmul(h, w3)), 0.2)) };
  };
  const [k1, k2] = [randomArray([3, 4, 4, 4], 4, -0.5, 0.5), randomArray([2, 4, 3, 3], 5, -0.5, 0.5)];
  const pictures = (z: Operand) => {
    const image = reshape(matmul(z, randomArray([2, 27], 6)), [-1, 3, 3, 3]);
    const large = convTranspose2d(tanh(image), k1, { stride: 2, padding: 1 });
    return { mean: conv2d(tanh(large), k2, { padding: 1 }) };
  };

  it.each([
    ["a perceptron, float32", perceptron, "float32", 2e-5],
    ["a perceptron, float64", perceptron, "float64", 1e-12],
    ["convolutions, float32", pictures, "float32", 2e-5],
    ["convolutions, float64", pictures, "float64", 1e-12],
  ] as const)("%s: values and Jacobians are the same", async (_, decoder, precision, tolerance) => {
    const example = randomArray([1, 2], 7);
    const names = decoder === perceptron ? ["mean", "std"] : ["mean"];
    const bytes = await toOnnx(decoder, [example], { precision, inputNames: ["z"], outputNames: names });
    const model = await importOnnx(bytes, "round-trip.onnx");
    expect(model.fixedRows).toBe(1);
    expect(model.inputs[0]).toEqual({ name: "z", shape: [null, 2], dtype: precision });
    expect(model.outputs.map((output) => output.name)).toEqual(names);
    const z = randomArray([5, 2], 8);
    for (const output of names) {
      const jacobians = (f: (z: Tensor) => any) =>
        evaluate((x) => rowJacobian((points) => f(points)[output], x), z, "float64");
      const [ours, theirs] = [await jacobians(decoder), await jacobians(model.apply)];
      expectClose([theirs.value, theirs.jacobian], [ours.value, ours.jacobian], tolerance, output);
    }
  });

  it("tells what was imported", async () => {
    const bytes = await toOnnx(perceptron, [randomArray([1, 2], 7)], {
      inputNames: ["z"],
      outputNames: ["mean", "std"],
    });
    const model = await importOnnx(bytes, "decoder.onnx");
    expect(model.outputs.map(({ shape }) => shape)).toEqual([
      [null, 7],
      [null, 7],
    ]);
    expect(model.parameters).toBeGreaterThanOrEqual(2 * 20 + 2 * 20 * 7);
    expect(model.parameterBytes).toBeGreaterThanOrEqual(4 * (2 * 20 + 2 * 20 * 7));
    expect(model.operators.MatMul).toBe(3);
    expect(model.check.against).toBe("the file");
    expect(model.check.difference).toBeLessThan(1e-5);
  });

  it("leaves out what only other outputs need", async () => {
    const bytes = onnxFile({
      nodes: [
        ["Tanh", ["z"], ["y"]],
        ["Hardmax", ["z"], ["other"], {}, "strange"],
      ],
      outputs: ["y", "other"],
    });
    const model = await importOnnx(bytes, "two.onnx", { outputs: () => ["y"] });
    expect(model.outputs.map(({ name }) => name)).toEqual(["y"]);
    await expect(importOnnx(bytes, "two.onnx", { outputs: () => ["x"] })).rejects.toThrow(
      /no output "x".*"y", "other"/,
    );
  });
});

describe("files that PyTorch wrote", () => {
  const points = table("torch-points.npy");

  it.each(["torch-conv.onnx", "torch-conv-script-one-row.onnx"])("%s", async (name) => {
    const model = await importOnnx(fixture(name), name);
    expect(model.outputs[0].shape).toEqual([null, 1, 28, 28]);
    const expected = table("torch-conv-mean.npy");
    for (const precision of ["float32", "float64"] as const)
      expectClose([await evaluate((z) => reshape(model.apply(z).mean, [4, 784]), points, precision)], [expected], 2e-6);
    await expectJacobian(model, "mean");
  });

  it.each(["torch-mlp-one-row.onnx", "torch-mlp-script.onnx"])("%s", async (name) => {
    const model = await importOnnx(fixture(name), name);
    const { mean, logvar } = await evaluate(model.apply, points, "float32");
    expectClose([mean, logvar], [table("torch-mlp-mean.npy"), table("torch-mlp-logvar.npy")], 2e-6);
    await expectJacobian(model, "mean");
  });

  // Jacobians against central differences: the error falls with the square of the step.
  async function expectJacobian(model: ImportedModel, output: string): Promise<void> {
    const z = astype(points, "float64");
    const f = (x: Operand) => reshape(model.apply(x)[output], [4, -1]);
    const { jacobian } = await evaluate((x) => rowJacobian(f, x), z);
    const errors: number[] = [];
    for (const h of [1e-2, 1e-3]) {
      const [ahead, behind] = [h, -h].map((step) => {
        const moved = Float64Array.from(z.data, (v, i) => v + (i % 2 === 0 ? step : 0));
        return ndarray(moved, z.shape);
      });
      const [a, b] = [await evaluate(f, ahead), await evaluate(f, behind)];
      errors.push(
        a.data.reduce(
          (worst: number, v: number, i: number) =>
            Math.max(worst, Math.abs((v - b.data[i]) / (2 * h) - jacobian.data[2 * i])),
          0,
        ),
      );
    }
    expect(errors[1]).toBeLessThan(errors[0] / 30);
    expect(errors[1]).toBeLessThan(1e-4);
  }
});

describe("files for a fixed number of rows", () => {
  const w = randomArray([6, 12], 9);
  // rows, the target of the first Reshape, the target of the last
  const files: [string, number, number[], number[]][] = [
    ["one row, written out", 1, [1, 2, 3, 2], [1, 12]],
    ["one row, the size inferred", 1, [1, 2, 3, -1], [1, -1]],
    ["one row, the rows inferred", 1, [-1, 2, 3, 2], [-1, 12]],
    ["four rows, written out", 4, [4, 2, 3, 2], [4, 12]],
    ["four rows, the size inferred", 4, [4, -1, 3, 2], [4, -1]],
    ["three rows, rows and heads in one axis", 3, [6, 6, 1], [3, 12]],
    ["three rows, the same, the size inferred", 3, [6, -1], [3, -1]],
    ["one row, rows and heads in one axis", 1, [2, 6, 1], [1, 12]],
  ];
  it.each(files)("%s", async (_, rows, first, last) => {
    const bytes = onnxFile({
      inputs: { z: [rows, 6] },
      nodes: [
        ["MatMul", ["z", "w"], ["a"]],
        ["Reshape", ["a", "first"], ["b"]],
        ["Sin", ["b"], ["c"]],
        ["Reshape", ["c", "last"], ["y"]],
      ],
      constants: { w, first: integersOf(first), last: integersOf(last) },
    });
    const model = await importOnnx(bytes, "fixed.onnx");
    expect(model.fixedRows).toBe(rows);
    expect(model.inBlocks).toBe(false);
    for (const N of [1, rows, 7]) {
      const z = randomArray([N, 6], 10 + N);
      const got = await evaluate((x) => model.apply(x).y, z, "float32");
      const parts: number[] = [];
      for (let i = 0; i < N; i += rows) {
        // The file is run on its own number of rows; the last ones are filled up with zeros.
        const part = new Float32Array(rows * 6);
        part.set(z.data.slice(i * 6, (i + rows) * 6));
        const [y] = await runOriginal(bytes, ndarray(part, [rows, 6]));
        parts.push(...y.data);
      }
      expectClose([got], [ndarray(Float64Array.from(parts.slice(0, N * 12)), [N, 12])], 2e-5);
    }
  });

  it("a number that stands where it cannot be replaced: blocks of so many rows", async () => {
    const bytes = onnxFile({
      inputs: { z: [3, 6] },
      nodes: [
        ["Transpose", ["z"], ["t"]],
        ["Reshape", ["t", "shape"], ["r"]], // [2, 3, rows]
        ["Sin", ["r"], ["s"]],
        ["Transpose", ["s"], ["y"], { perm: [2, 1, 0] }],
      ],
      constants: { shape: integersOf([2, 3, 3]) },
    });
    const model = await importOnnx(bytes, "fixed.onnx");
    expect(model.inBlocks).toBe(true);
    for (const N of [1, 3, 7]) {
      const z = randomArray([N, 6], N);
      const got = await evaluate((x) => rowJacobian((p) => model.apply(p).y, x), z);
      const expected = await evaluate(
        (x) => rowJacobian((p) => transpose(sin(reshape(p, [N, 2, 3])), [0, 2, 1]), x),
        z,
      );
      expectClose([got.value, got.jacobian], [expected.value, expected.jacobian], 1e-12);
    }
  });

  it("sizes to enlarge to", async () => {
    const bytes = onnxFile({
      inputs: { z: [2, 1, 2, 3] },
      nodes: [["Resize", ["z", "", "", "sizes"], ["y"], { mode: "nearest" }]],
      constants: { sizes: integersOf([2, 1, 4, 6]) },
    });
    const model = await importOnnx(bytes, "fixed.onnx");
    const z = randomArray([5, 1, 2, 3], 3);
    const { data, shape } = await evaluate((x) => model.apply(x).y, z);
    expect([shape, model.inBlocks]).toEqual([[5, 1, 4, 6], false]);
    for (let i = 0; i < data.length; i++) {
      const [n, row, column] = [Math.floor(i / 24), Math.floor((i % 24) / 6), i % 6];
      expect(data[i]).toBe(z.data[6 * n + 3 * Math.floor(row / 2) + Math.floor(column / 2)]);
    }
  });

  it("shapes to repeat to and to fill", async () => {
    const bytes = onnxFile({
      inputs: { z: [4, 1, 6] },
      nodes: [
        ["Expand", ["z", "wide"], ["a"]],
        ["ConstantOfShape", ["wide"], ["ones"], { value: ndarray(Float64Array.of(0.5)) }],
        ["Mul", ["a", "ones"], ["y"]],
      ],
      constants: { wide: integersOf([4, 3, 6]) },
    });
    const model = await importOnnx(bytes, "fixed.onnx");
    const z = randomArray([2, 1, 6], 3);
    const y = await evaluate((x) => model.apply(x).y, z);
    expect(y.shape).toEqual([2, 3, 6]);
    expect(y.data[6]).toBeCloseTo(0.5 * z.data[0], 12);
  });
});

describe("outputs that do not depend on the input", () => {
  const row = randomArray([5], 2);
  const repeated = (rows: number): NdArray =>
    ndarray(
      Float64Array.from({ length: 5 * rows }, (_, i) => row.data[i % 5]),
      [rows, 5],
    );
  it.each([
    ["no rows", "N", row],
    ["one row", "N", repeated(1)],
    ["the file's three rows", 3, repeated(3)],
  ] as const)("with %s are given for every row", async (_, rows, s) => {
    const bytes = onnxFile({
      inputs: { z: [rows, 6] },
      nodes: [
        ["Gemm", ["z", "w"], ["y"]],
        ["Exp", ["s"], ["std"]],
      ],
      constants: { w: randomArray([6, 5], 1), s },
      outputs: ["y", "std"],
    });
    const model = await importOnnx(bytes, "constant.onnx");
    for (const N of [1, 2, 3, 7]) {
      const { std } = await evaluate(model.apply, randomArray([N, 6], 3));
      expect(std.shape).toEqual([N, 5]);
      for (let i = 0; i < 5 * N; i++) expect(std.data[i]).toBeCloseTo(Math.exp(row.data[i % 5]), 6);
    }
  });
});

describe("what is refused, in one sentence", () => {
  const simple: GraphSpec = {
    nodes: [["Gemm", ["z", "w"], ["y"], {}, "first"]],
    constants: { w: randomArray([6, 3], 1) },
  };

  async function refusal(bytes: Uint8Array): Promise<string> {
    const error = await importOnnx(bytes, "decoder.onnx").then(
      () => undefined,
      (reason) => reason,
    );
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toMatch(/^decoder\.onnx[^\n]*\.$/);
    return error.message;
  }

  it("bytes that are no ONNX file", async () => {
    expect(await refusal(new Uint8Array())).toMatch(/is empty/);
    expect(await refusal(new TextEncoder().encode("hello, this is a text"))).toMatch(/not an ONNX file/);
    expect(await refusal(Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]))).toMatch(/not an ONNX file/);
    expect(await refusal(new TextEncoder().encode("PK\u0003\u0004rest"))).toMatch(/zip archive/);
  });

  it("truncated files, wherever they end", async () => {
    const whole = onnxFile(simple);
    for (let part = 1; part < 20; part++)
      expect(await refusal(whole.slice(0, Math.floor((whole.length * part) / 20)))).toMatch(
        /truncated|not an ONNX file|damaged|no graph/,
      );
  });

  it("weights whose bytes do not fit their shape", async () => {
    const broken = onnxFile({ ...simple, constants: { w: { ...randomArray([6, 3], 1), shape: [6, 4] } } });
    expect(await refusal(broken)).toMatch(/damaged: "w" of shape \[6,4\] holds 18 numbers/);
  });

  it("several inputs, none, or one of another type", async () => {
    expect(await refusal(onnxFile({ ...simple, inputs: { z: ["N", 6], c: ["N", 2] } }))).toMatch(
      /2 inputs \("z", "c"\)/,
    );
    expect(await refusal(onnxFile({ ...simple, inputs: {} }))).toMatch(/no input/);
  });

  it("sizes that only a run would tell", async () => {
    expect(await refusal(onnxFile({ ...simple, inputs: { z: ["N", "d"] } }))).toMatch(
      /input "z" \[\?, \?\] is free in an axis other than the first/,
    );
    const dynamic = onnxFile({
      nodes: [
        ["ReduceSum", ["z"], ["s"], { keepdims: 0 }],
        ["Cast", ["s"], ["n"], { to: 7 }],
        ["Unsqueeze", ["n", "axes"], ["m"]],
        ["Expand", ["z", "m"], ["y"], {}, "widen"],
      ],
      constants: { axes: integersOf([0]) },
    });
    expect(await refusal(dynamic)).toMatch(/node "widen" \(Expand\): the shape depends on the values of the input/);
  });

  it("operators without translation, each with a node", async () => {
    const bytes = onnxFile({
      nodes: [
        ["NonZero", ["z"], ["a"], {}, "search"],
        ["com.example.Magic", ["a"], ["b"], {}, "wand"],
        ["Tanh", ["b"], ["y"]],
      ],
    });
    const message = await refusal(bytes);
    expect(message).toMatch(/NonZero \(node "search"\)/);
    expect(message).toMatch(/com\.example\.Magic \(node "wand"\)/);
  });

  it("modes without translation, with the node", async () => {
    const bytes = onnxFile({
      inputs: { z: ["N", 1, 3, 3] },
      nodes: [["Resize", ["z", "", "s"], ["y"], { mode: "cubic" }, "enlarge"]],
      constants: { s: ndarray(Float64Array.of(1, 1, 2, 2)) },
    });
    expect(await refusal(bytes)).toMatch(/node "enlarge" \(Resize\): mode "cubic" is not supported/);
  });

  it("what the runtime itself refuses, in its words but for its source files", async () => {
    const bytes = onnxFile({
      inputs: { z: ["N", 2, 2, 2, 2, 2] },
      nodes: [["Resize", ["z", "", "s"], ["y"], { mode: "linear" }]],
      constants: { s: ndarray(Float64Array.of(1, 1, 2, 2, 2, 2)) },
    });
    const message = await refusal(bytes);
    expect(message).toMatch(/cannot be run by ONNX Runtime \('Linear' mode only supports: .*\); export it again\.$/);
    expect(message).not.toMatch(/\.(h|cc):|\n/);
  });

  it("shapes that do not fit, with the node", async () => {
    const bytes = onnxFile({ ...simple, constants: { w: randomArray([5, 3], 1) } });
    expect(await refusal(bytes)).toMatch(/node "first" \(Gemm\) cannot be imported: matmul: shapes/);
  });

  it("outputs that change by steps only", async () => {
    const steps = (nodes: GraphSpec["nodes"], constants = {}) => refusal(onnxFile({ nodes, constants }));
    expect(
      await steps([
        ["Floor", ["z"], ["f"], {}, "quantise"],
        ["Mul", ["f", "f"], ["y"]],
      ]),
    ).toMatch(/node "quantise" \(Floor\) cannot be differentiated: output "y"/);
    expect(
      await steps(
        [
          ["Greater", ["z", "c"], ["g"], {}, "threshold"],
          ["Cast", ["g"], ["y"], { to: 1 }],
        ],
        { c: ndarray(Float64Array.of(0), []) },
      ),
    ).toMatch(/node "threshold" \(Greater\) cannot be differentiated/);
    expect(
      await steps([
        ["Cast", ["z"], ["i"], { to: 7 }, "whole"],
        ["Cast", ["i"], ["y"], { to: 1 }],
      ]),
    ).toMatch(/node "whole" \(Cast\)/);
  });

  it("rows that depend on each other", async () => {
    expect(await refusal(onnxFile({ nodes: [["Softmax", ["z"], ["y"], { axis: 0 }]] }))).toMatch(
      /output "y" of a point changes with the other rows/,
    );
  });

  it("layers in training mode", async () => {
    const constants = {
      s: randomArray([6], 1),
      b: randomArray([6], 2),
      m: randomArray([6], 3),
      v: randomArray([6], 4, 1, 2),
    };
    const bytes = onnxFile({
      nodes: [["BatchNormalization", ["z", "s", "b", "m", "v"], ["y", "m2", "v2"], { training_mode: 1 }, "norm"]],
      constants,
    });
    expect(await refusal(bytes)).toMatch(/node "norm" \(BatchNormalization\): .*model\.eval\(\)/);
  });

  it("whole numbers as output, old files, constants of other types", async () => {
    expect(await refusal(onnxFile({ nodes: [["ArgMax", ["z"], ["y"]]], outputType: 7 }))).toMatch(/whole numbers/);
    expect(await refusal(onnxFile({ ...simple, opset: 6 }))).toMatch(/operator set 6/);
  });

  it("points of another shape, when traced", async () => {
    const model = await importOnnx(onnxFile(simple), "decoder.onnx");
    await expect(evaluate((z) => model.apply(z).y, randomArray([2, 5], 1))).rejects.toThrow(
      /decoder\.onnx: points have shape \[2,5\]; give \[N, 6\]/,
    );
  });
});

describe("differentiation through an import", () => {
  it("nests: the Hessian of an energy is that of the formula", async () => {
    const w = randomArray([3, 4], 1);
    const bytes = onnxFile({
      inputs: { z: ["N", 3] },
      nodes: [
        ["Gemm", ["z", "w"], ["h"]],
        ["Exp", ["h"], ["y"]],
      ],
      constants: { w },
      dtype: "float64",
    });
    const model = await importOnnx(bytes, "exp.onnx");
    const z = randomArray([1, 3], 2);
    const gradient = (f: (z: Operand) => Tensor) => (x: Tensor) =>
      rowJacobian((p) => reshape(sum(square(f(p))), [1, 1]), x).jacobian;
    const hessian = (f: (z: Operand) => Tensor) => (x: Tensor) =>
      rowJacobian((p) => reshape(gradient(f)(p), [1, 3]), x).jacobian;
    const ours = await evaluate(
      hessian((p) => exp(matmul(p, w))),
      z,
    );
    const theirs = await evaluate(
      hessian((p) => model.apply(p).y),
      z,
    );
    expectClose([theirs], [ours], 1e-12);
  });
});

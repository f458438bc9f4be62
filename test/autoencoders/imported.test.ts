/** Decoders from ONNX files: which output is what, with and without a likelihood. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type ImportDecoderOptions, importDecoder } from "../../src/autoencoders/imported.js";
import {
  bernoulli,
  categorical,
  exponential,
  fisherQuadratic,
  gamma,
  normal,
  poisson,
} from "../../src/distributions/families/index.js";
import * as ops from "../../src/engine/index.js";
import {
  compile,
  exp,
  type NdArray,
  ndarray,
  sigmoid,
  softmax,
  softplus,
  type Tensor,
  toOnnx,
} from "../../src/engine/index.js";
import { UsageError } from "../../src/errors.js";
import { expectedPullback, pullback } from "../../src/metrics/index.js";
import { expectClose, randomArray } from "../engine/agreement.js";

const w = randomArray([2, 12], 1);
const v = randomArray([2, 12], 2, -0.4, 0.4);
const heads = {
  mean: (z: Tensor) => ops.tanh(ops.matmul(z, w)),
  picture: (z: Tensor) => ops.reshape(sigmoid(ops.matmul(z, w)), [-1, 1, 3, 4]),
  probabilities: (z: Tensor) => sigmoid(ops.matmul(z, w)),
  logits: (z: Tensor) => ops.matmul(z, w),
  std: (z: Tensor) => softplus(ops.matmul(z, v)),
  logvar: (z: Tensor) => ops.matmul(z, v),
  one: (z: Tensor) => softplus(ops.slice(ops.matmul(z, v), [null, [0, 1]])),
};

/** A file with these heads under these names. */
function fileOf(outputs: Record<string, keyof typeof heads>): Promise<Uint8Array> {
  return toOnnx((z) => Object.values(outputs).map((head) => heads[head](z)), [randomArray([1, 2], 3)], {
    inputNames: ["z"],
    outputNames: Object.keys(outputs),
  });
}

async function evaluate(f: (z: Tensor) => any, z: NdArray): Promise<any> {
  const program = compile(f, { precision: "float64", threads: 1 });
  try {
    return await program(z);
  } finally {
    await program.dispose();
  }
}

const z = randomArray([4, 2], 5);
const open = async (outputs: Record<string, keyof typeof heads>, options: ImportDecoderOptions = {}) =>
  importDecoder(await fileOf(outputs), options);

describe("roles by name", () => {
  it.each([
    [
      { mean: "mean", std: "std" },
      { mean: "mean", std: "std" },
    ],
    [
      { mu: "mean", Sigma: "std" },
      { mean: "mu", std: "Sigma" },
    ],
    [
      { log_var: "logvar", mu: "mean" },
      { mean: "mu", logvar: "log_var" },
    ],
    [
      { mean: "mean", logVariance: "logvar" },
      { mean: "mean", logvar: "logVariance" },
    ],
    [
      { mean: "mean", log_sigma: "logvar" },
      { mean: "mean", logstd: "log_sigma" },
    ],
    [{ output_17: "mean" }, { mean: "output_17" }],
    [{ loc: "mean", hidden: "logvar" }, { mean: "loc" }],
  ] as const)("%j", async (outputs, roles) => {
    const imported = await open(outputs as any);
    expect(imported.roles).toEqual(roles);
    expect([imported.dimension, imported.dataDimension]).toEqual([2, 12]);
    expect(imported.ignored).toEqual(Object.keys(outputs).filter((o) => !Object.values(roles).includes(o as never)));
  });

  it("or by option", async () => {
    const outputs = { a: "logvar", b: "mean" } as const;
    await expect(open(outputs)).rejects.toThrow(/outputs "a", "b", none of which is known to be the mean/);
    const imported = await open(outputs, { outputs: { mean: "b", logvar: "a" } });
    const { mean, std } = await evaluate((x) => imported.decoder(x), z);
    const expected = await evaluate((x) => [heads.mean(x), exp(ops.mul(0.5, heads.logvar(x)))], z);
    expectClose([mean, std], expected, 2e-6);
    await expect(open(outputs, { outputs: { mean: "c" } })).rejects.toThrow(/no output "c" to be the mean/);
    await expect(open(outputs, { outputs: { average: "b" } as any })).rejects.toThrow(/"average" is no role/);
  });
});

describe("what the decoder gives", () => {
  it("the mean, flat, with the shape of a picture kept", async () => {
    const imported = await open({ mean: "picture" });
    expect(imported.outputShape).toEqual([1, 3, 4]);
    expect(imported.imageShape).toEqual([3, 4]);
    const mean = await evaluate((x) => imported.decoder(x), z);
    expectClose([mean], [await evaluate(heads.probabilities, z)], 2e-6);
  });

  it("standard deviations, one a column or one for all", async () => {
    for (const head of ["std", "one"] as const) {
      const imported = await open({ mean: "mean", std: head });
      const { mean, std } = await evaluate((x) => imported.decoder(x), z);
      expect(mean.shape).toEqual([4, 12]);
      expectClose([std], [await evaluate((x) => ops.broadcastTo(heads[head](x), [4, 12]), z)], 2e-6);
    }
  });

  it("a metric that is that of the decoder itself", async () => {
    const imported = await open({ mean: "mean", std: "std" });
    const own = (x: Tensor) => ({ mean: heads.mean(x), std: heads.std(x) });
    for (const metric of [pullback, expectedPullback] as const) {
      const [theirs, ours] = [imported.decoder, own].map((decoder) => metric(decoder, 2));
      expectClose(
        [await evaluate((x) => theirs.metricTensor(x), z)],
        [await evaluate((x) => ours.metricTensor(x), z)],
        5e-6,
      );
    }
  });

  it("of a file that PyTorch wrote", async () => {
    const bytes = readFileSync(new URL("../fixtures/onnx/torch-mlp-one-row.onnx", import.meta.url));
    const imported = await importDecoder(bytes, { name: "torch-mlp-one-row.onnx", likelihood: normal() });
    expect(imported.roles).toEqual({ mean: "mean", logvar: "logvar" });
    const { mean, std } = (await evaluate((x) => imported.decoder(x), z)) as { mean: NdArray; std: NdArray };
    expect([mean.shape, std.shape]).toEqual([
      [4, 12],
      [4, 12],
    ]);
    expect(std.data.every((s) => s > 0)).toBe(true);
  });
});

describe("likelihoods", () => {
  const direction = randomArray([4, 2], 6);
  /** The squared Fisher-Rao length of a step, through the imported decoder's parameters. */
  const length = (parameters: (x: Tensor) => any, family: any) => (x: Tensor) => {
    const [value, tangent] = ops.jvp(parameters, [x], [direction]);
    return fisherQuadratic(family, value, tangent);
  };

  it("Bernoulli: by logits or by probabilities, the same geometry", async () => {
    const family = bernoulli();
    const byLogits = await open({ logits: "logits" }, { likelihood: family });
    const byMean = await open({ mean: "probabilities" }, { likelihood: family });
    const expected = await evaluate(
      length((x) => ({ logits: heads.logits(x) }), family),
      z,
    );
    for (const imported of [byLogits, byMean]) {
      expectClose([await evaluate(length(imported.parameters!, family), z)], [expected], 1e-5);
      expectClose([await evaluate((x) => imported.decoder(x), z)], [await evaluate(heads.probabilities, z)], 1e-6);
    }
  });

  it("categorical: classes in the last place", async () => {
    const family = categorical({ classes: 4 });
    const imported = await open({ logits: "logits" }, { likelihood: family });
    expect(imported.dataDimension).toBe(12);
    const mean = await evaluate((x) => imported.decoder(x), z);
    const expected = await evaluate((x) => ops.reshape(softmax(ops.reshape(heads.logits(x), [4, 3, 4])), [4, 12]), z);
    expectClose([mean], [expected], 1e-6);
    await expect(open({ logits: "logits" }, { likelihood: categorical({ classes: 5 }) })).rejects.toThrow(
      /does not fit its likelihood: .*5/,
    );
  });

  it("normal: log standard deviations from any of the three forms", async () => {
    for (const [name, head] of [
      ["std", "std"],
      ["logvar", "logvar"],
      ["logstd", "logvar"],
    ] as const) {
      const imported = await open({ mean: "mean", [name]: head }, { likelihood: normal() });
      const { logDeviation } = await evaluate((x) => imported.parameters!(x), z);
      const form = { std: ops.log, logvar: (t: Tensor) => ops.mul(0.5, t), logstd: (t: Tensor) => t }[name];
      expectClose([logDeviation], [await evaluate((x) => form(heads[head](x)), z)], 3e-6);
    }
    const fixed = await open({ mean: "mean" }, { likelihood: normal({ standardDeviation: 0.1 }) });
    expect(Object.keys(await evaluate((x) => fixed.parameters!(x), z))).toEqual(["mean"]);
  });

  it("Poisson and exponential: the mean says all", async () => {
    for (const family of [poisson(), exponential()]) {
      const imported = await open({ mean: "std" }, { likelihood: family });
      expectClose([await evaluate((x) => imported.decoder(x), z)], [await evaluate(heads.std, z)], 2e-6);
      const mean = (x: Tensor) => family.mean(imported.parameters!(x));
      expectClose([await evaluate(mean, z)], [await evaluate(heads.std, z)], 5e-6);
    }
  });

  it("others: from the network's own outputs", async () => {
    const imported = await open({ output: "logits" }, { likelihood: poisson() });
    expect(imported.roles).toEqual({ parameters: "output" });
    const expected = await evaluate((x) => poisson().mean(poisson().fromNetwork(heads.logits(x))), z);
    expectClose([await evaluate((x) => imported.decoder(x), z)], [expected], 1e-5);
  });
});

describe("what is refused, in one sentence", () => {
  const refusal = async (bytes: Uint8Array, options: ImportDecoderOptions = {}): Promise<string> => {
    const error = await importDecoder(bytes, { name: "decoder.onnx", ...options }).then(
      () => undefined,
      (reason) => reason,
    );
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toMatch(/^[^\n]*\.$/);
    return error.message;
  };

  it("an input of another rank", async () => {
    const bytes = await toOnnx((x) => ops.reshape(x, [1, 12]), [ndarray(new Float32Array(12), [1, 3, 4])], {
      inputNames: ["x"],
      outputNames: ["mean"],
    });
    expect(await refusal(bytes)).toMatch(/input "x" has shape \[N, 3, 4\]; give a decoder of latent points \[N, d\]/);
  });

  it("logits without a likelihood", async () => {
    expect(await refusal(await fileOf({ logits: "logits" }))).toMatch(/"logits" holds logits, which need a likelihood/);
  });

  it("a standard deviation that is not positive, of another size, or beside logits", async () => {
    expect(await refusal(await fileOf({ mean: "mean", std: "logvar" }))).toMatch(
      /"std" is -.* must be positive; .*logvar/,
    );
    const uneven = await toOnnx(
      (x) => [heads.mean(x), ops.slice(heads.std(x), [null, [0, 5]])],
      [randomArray([1, 2], 3)],
      { inputNames: ["z"], outputNames: ["mean", "std"] },
    );
    expect(await refusal(uneven)).toMatch(/"std" has 5 numbers a row, output "mean" 12/);
    expect(await refusal(await fileOf({ logits: "logits", std: "std" }), { likelihood: bernoulli() })).toMatch(
      /goes with a mean/,
    );
  });

  it("a mean that the likelihood cannot have: logits, classes that do not sum to one, negative rates", async () => {
    expect(await refusal(await fileOf({ output: "logits" }), { likelihood: bernoulli() })).toMatch(
      /not give means of a bernoulli likelihood \(output "output" .*--logits output/,
    );
    expect(await refusal(await fileOf({ mean: "probabilities" }), { likelihood: categorical({ classes: 3 }) })).toMatch(
      /not give means of a categorical likelihood .*sum/,
    );
    expect(await refusal(await fileOf({ mean: "mean" }), { likelihood: poisson() })).toMatch(
      /"mean" is -.*mean of a poisson likelihood is positive; .*--parameters mean/,
    );
  });

  it("an output that does not depend on z", async () => {
    const still = await toOnnx((x) => ops.add(ops.mul(ops.matmul(x, w), 0), 0.5), [randomArray([1, 2], 3)], {
      inputNames: ["z"],
      outputNames: ["mean"],
    });
    expect(await refusal(still)).toMatch(/output "mean" is the same at 2 standard normal points/);
  });

  it("a mean from which the likelihood's parameters do not follow", async () => {
    expect(await refusal(await fileOf({ mean: "mean" }), { likelihood: gamma() })).toMatch(/gamma .*"parameters"/);
    expect(await refusal(await fileOf({ mean: "mean" }), { likelihood: normal() })).toMatch(/no standard deviation/);
  });

  it("bytes that are no ONNX file, by the name of the file", async () => {
    expect(await refusal(new Uint8Array([1, 2, 3]))).toMatch(/^decoder\.onnx is truncated or not an ONNX file/);
  });
});

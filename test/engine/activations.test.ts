import { describe, expect, it } from "vitest";
import * as engine from "../../src/engine/index.js";
import { array, compile, grad, jvp, type Tensor } from "../../src/engine/index.js";
import { derivative, expectDerivatives, precisions } from "./derivatives.js";

describe.each(precisions)("activations in $precision, |x| from 1e-15 to 1000", (where) => {
  // The runtime's kernels are right absolutely; tanh, softplus and elu keep the digits of small values as well.
  it.each(["tanh", "softplus", "logSigmoid", "elu"])("%s and three derivatives", (name) =>
    expectDerivatives(name, (x) => (engine as any)[name](x), where),
  );
  it.each(["sigmoid", "swish", "gelu"])("%s and three derivatives", (name) =>
    expectDerivatives(name, (x) => (engine as any)[name](x), where, { relative: false, ulps: 12 }),
  );

  it("relu and leakyRelu, with the gradient of the left side at a kink", async () => {
    const f = compile(
      (x: Tensor) => [
        engine.relu(x),
        engine.leakyRelu(x, 0.1),
        derivative((t) => engine.relu(t))(x),
        derivative((t) => engine.leakyRelu(t, 0.1))(x),
      ],
      { precision: where.precision, threads: 1 },
    );
    const [relu, leaky, reluSlope, leakySlope] = await f(array([-2, 3]));
    expect([...relu.data]).toEqual([0, 3]);
    expect(leaky.data[0]).toBeCloseTo(-0.2, 6);
    expect([...reluSlope.data]).toEqual([0, 1]);
    expect(leakySlope.data[0]).toBeCloseTo(0.1, 6);
    expect(leakySlope.data[1]).toBe(1);
    await f.dispose();
  });

  it("logSumExp, softmax, logSoftmax: no overflow, sums are one, gradients are what they must be", async () => {
    const rows = [
      [1000, 1001, 999],
      [-1000, -1000, -3000],
      [0.1, 0.2, 0.3],
    ];
    const f = compile(
      (x: Tensor) => [
        engine.logSumExp(x),
        engine.softmax(x),
        engine.logSoftmax(x),
        grad((t: Tensor) => engine.sum(engine.logSumExp(t)))(x),
        jvp(
          (t: Tensor) => engine.softmax(t),
          [x],
          [
            array([
              [1, 1, 1],
              [1, 0, 0],
              [0, 1, 0],
            ]),
          ],
        )[1],
      ],
      { precision: where.precision, threads: 1 },
    );
    const [log, probabilities, logs, gradient, change] = await f(array(rows));
    const tolerance = 8 * where.unit;
    rows.forEach((row, i) => {
      const m = Math.max(...row);
      const total = row.reduce((s, v) => s + Math.exp(v - m), 0);
      const p = row.map((v) => Math.exp(v - m) / total);
      expect(Math.abs(log.data[i] - (m + Math.log(total)))).toBeLessThan(tolerance * Math.max(1, Math.abs(m)));
      const direction = [
        [1, 1, 1],
        [1, 0, 0],
        [0, 1, 0],
      ][i];
      const along = p.reduce((s, q, j) => s + q * direction[j], 0);
      p.forEach((q, j) => {
        expect(Math.abs(probabilities.data[3 * i + j] - q)).toBeLessThan(tolerance);
        expect(Math.abs(gradient.data[3 * i + j] - q)).toBeLessThan(tolerance);
        expect(Math.abs(logs.data[3 * i + j] - (row[j] - m - Math.log(total)))).toBeLessThan(
          tolerance * Math.max(1, Math.abs(row[j])),
        );
        expect(Math.abs(change.data[3 * i + j] - q * (direction[j] - along))).toBeLessThan(tolerance);
      });
    });
    await f.dispose();
  });

  it("logSumExp of minus infinities is minus infinity", async () => {
    const f = compile((x: Tensor) => engine.logSumExp(x), { precision: where.precision, threads: 1 });
    const low = Number.NEGATIVE_INFINITY;
    const { data } = await f(
      array([
        [low, low],
        [low, 2],
      ]),
    );
    expect([...data]).toEqual([low, 2]);
    await f.dispose();
  });
});

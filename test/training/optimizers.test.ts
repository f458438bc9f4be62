import { describe, expect, it } from "vitest";
import { array, compile, grad, square, sub, sum } from "../../src/engine/index.js";
import { UsageError } from "../../src/errors.js";
import { type AdamOptions, adam, adamW, clipByGlobalNorm } from "../../src/training/index.js";

/** Algorithm 1 of Kingma and Ba (with decoupled decay), as printed, on plain numbers. */
function textbook(
  start: number[],
  gradients: number[][],
  rate: number,
  options: AdamOptions,
  decays: boolean,
): number[] {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 } = options;
  const p = [...start];
  const m = p.map(() => 0);
  const v = p.map(() => 0);
  gradients.forEach((g, i) => {
    const t = i + 1;
    p.forEach((_, j) => {
      m[j] = beta1 * m[j] + (1 - beta1) * g[j];
      v[j] = beta2 * v[j] + (1 - beta2) * g[j] ** 2;
      const decay = decays ? rate * weightDecay * p[j] : 0;
      p[j] -= (rate * (m[j] / (1 - beta1 ** t))) / (Math.sqrt(v[j] / (1 - beta2 ** t)) + epsilon) + decay;
    });
  });
  return p;
}

describe("adam", () => {
  it.each([
    ["default", {}],
    ["other decays", { beta1: 0.5, beta2: 0.9, epsilon: 1e-2 }],
    ["no momentum", { beta1: 0 }],
    ["weight decay", { weightDecay: 0.1 }],
  ] as [string, AdamOptions][])("takes the steps of the textbook: %s", async (_, options) => {
    const optimizer = adam(options);
    const gradients = [0.3, -2, 0.01, 0.5, 0].map((a, i) => [a, 0.1 * i, -a, 1e-6]);
    const tree = (list: number[]) => ({ weight: array([list.slice(0, 2)]), bias: array(list.slice(2)) });
    const start = [1, -2, 0.5, 3];
    const update = compile((p: any, g: any, s: any, scalars: any) => optimizer.update(p, g, s, scalars), {
      precision: "float64",
    });
    let parameters: any = tree(start);
    let state: any = optimizer.initialize(parameters);
    for (const [i, g] of gradients.entries())
      [parameters, state] = await update(parameters, tree(g), state, optimizer.scalars(i + 1, 0.05));
    // weight decay acts on weights, not on biases
    const weight = textbook(
      start.slice(0, 2),
      gradients.map((g) => g.slice(0, 2)),
      0.05,
      options,
      true,
    );
    const bias = textbook(
      start.slice(2),
      gradients.map((g) => g.slice(2)),
      0.05,
      options,
      false,
    );
    [...weight, ...bias].forEach((value, i) =>
      expect((i < 2 ? parameters.weight : parameters.bias).data[i % 2]).toBeCloseTo(value, 12),
    );
    await update.dispose();
  });

  it("costs eleven operations a parameter array", async () => {
    const optimizer = adam();
    const p = array([[1, 2]]);
    const update = compile((q: any, g: any, s: any, scalars: any) => optimizer.update(q, g, s, scalars));
    const operations = await update.operations(p, p, optimizer.initialize(p), optimizer.scalars(1, 0.1));
    const { Identity: _, ...real } = operations;
    expect(Object.values(real).reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(11);
    await update.dispose();
  });

  it("keeps moments out of the subnormal numbers where gradients have become 0, and parameters still", async () => {
    const optimizer = adam();
    const step = compile((x: any, s: any, g: any, scalars: any) => optimizer.update(x, g, s, scalars), {
      donate: [0, 1],
    });
    let [x, state]: any[] = [array([0.5, 0], "float32"), optimizer.initialize(array([0, 0], "float32"))];
    [x, state] = await step(x, state, array([1e-3, 0], "float32"), optimizer.scalars(1, 1e-3));
    for (let i = 2; i <= 1200; i++)
      [x, state] = await step(x, state, array([0, 0], "float32"), optimizer.scalars(i, 1e-3));
    for (const m of state.first.data) expect(m === 0 || Math.abs(m) >= 2 ** -126).toBe(true);
    expect(Math.abs(x.data[1])).toBeLessThan(1e-20); // never had a gradient
    await step.dispose();
  });

  it("finds the minimum of a quadratic", async () => {
    const optimizer = adam();
    const gradient = grad((x: any) => sum(square(sub(x, array([3, -1])))));
    const step = compile((x: any, s: any, scalars: any) => optimizer.update(x, gradient(x), s, scalars), {
      donate: [0, 1],
    });
    let [x, state]: any[] = [array([0, 0], "float32"), optimizer.initialize(array([0, 0], "float32"))];
    for (let i = 1; i <= 600; i++) [x, state] = await step(x, state, optimizer.scalars(i, 0.1 * 0.99 ** i));
    expect(x.data[0]).toBeCloseTo(3, 2);
    expect(x.data[1]).toBeCloseTo(-1, 2);
    await step.dispose();
  });

  it("refuses impossible options", () => {
    expect(() => adam({ beta1: 1 })).toThrow(UsageError);
    expect(() => adam({ epsilon: -1 })).toThrow(/epsilon: -1/);
    expect(adamW().options.weightDecay).toBe(0.01);
  });
});

describe("clipByGlobalNorm", () => {
  it("scales to the limit, and leaves small gradients alone", async () => {
    const clip = compile((g: any) => clipByGlobalNorm(g, 2), { precision: "float64" });
    const large = await clip({ a: array([3, 0]), b: array([[4]]) }); // norm 5
    [1.2, 0, 1.6].forEach((v, i) => expect([...large.a.data, ...large.b.data][i]).toBeCloseTo(v, 14));
    const small = await clip({ a: array([0.3, 0]), b: array([[0.4]]) });
    expect([...small.a.data, ...small.b.data]).toEqual([0.3, 0, 0.4]); // exactly: the scale is 1
    const none = await clip({ a: array([0, 0]), b: array([[0]]) });
    expect([...none.a.data, ...none.b.data]).toEqual([0, 0, 0]);
    await clip.dispose();
    expect(() => clipByGlobalNorm({}, 0)).toThrow(UsageError);
  });
});

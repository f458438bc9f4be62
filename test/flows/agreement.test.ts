/** The middle stages' disagreement: in closed form for a linear equation, and what its weight does in training. */
import { expect, it } from "vitest";
import { vonMisesFisher } from "../../src/distributions/von-mises-fisher.js";
import { compile, mul, ndarray, slice, type Tensor } from "../../src/engine/index.js";
import { flowLogDensityAndEffort, rungeKutta, trainFlow } from "../../src/flows/index.js";
import { sphere } from "../../src/manifolds/index.js";
import { randomKey } from "../../src/numerics/random.js";

it("for x' = c x and a divergence that is x, is the sum over steps of h (x (h c / 2)^2)^2", async () => {
  const [c, steps] = [1.3, 3];
  const field = (x: Tensor) => ({ velocity: mul(c, x), divergence: slice(x, [null, 0]) });
  const f = compile((x: Tensor) => rungeKutta(field, (y) => y, x, steps, "forward").disagreement, {
    precision: "float64",
  });
  const start = [0.4, -2];
  const { data } = await f(ndarray(Float64Array.from(start), [2, 1]));
  const h = 1 / steps;
  const growth = 1 + h * c + (h * c) ** 2 / 2 + (h * c) ** 3 / 6 + (h * c) ** 4 / 24;
  start.forEach((x, i) => {
    let total = 0;
    for (let step = 0; step < steps; step++) total += h * (x * growth ** step * (h * c * 0.5) ** 2) ** 2;
    expect(data[i]).toBeCloseTo(total, 12);
  });
  await f.dispose();
});

it("its weight in training lowers it, and the loss counts it", async () => {
  const points = vonMisesFisher(sphere(2)).sample([0, 0, 1], 30, randomKey(5), 400);
  const after = async (agreement: number) => {
    const { flow, history } = await trainFlow(
      { points },
      {
        flow: { manifold: { kind: "sphere", dimension: 2 }, field: "potential", centres: 16, steps: 2 },
        agreement,
        smoothness: 0.01,
        epochs: 2,
        stepsPerEpoch: 40,
        batchSize: 64,
        learningRate: 1e-2,
        threads: 1,
      },
    );
    const program = compile((x: Tensor) => flowLogDensityAndEffort(flow.shape, flow.parameters, x) as any);
    const { logDensity, disagreement } = await program(points);
    await program.dispose();
    const mean = (a: any) => (a.data as Float32Array).reduce((t, v) => t + v, 0) / a.data.length;
    return { disagreement: mean(disagreement), nll: -mean(logDensity), loss: history.at(-1)!.terms[0] };
  };
  const [free, bound] = [await after(0), await after(30)];
  expect(bound.disagreement).toBeLessThan(0.5 * free.disagreement);
  expect(free.nll).toBeLessThan(bound.nll);
  expect(bound.loss).toBeGreaterThan(bound.nll + 0.1 * 30 * bound.disagreement);
});

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { vonMisesFisher } from "../../src/distributions/von-mises-fisher.js";
import { constant, log, mul, type NdArray, ndarray, square, sub, sum, type Tensor } from "../../src/engine/index.js";
import {
  evaluateFlow,
  flowShape,
  loadFlow,
  resumeFlow,
  type TrainFlowOptions,
  trainFlow,
  vonMisesFisherTarget,
} from "../../src/flows/index.js";
import { sphere } from "../../src/manifolds/index.js";
import { randomKey } from "../../src/numerics/random.js";

const folder = mkdtempSync(join(tmpdir(), "flows-"));
afterAll(() => rmSync(folder, { recursive: true }));

const KAPPA = 4;
const mean = [0.6, 0, 0.8];
const vmf = vonMisesFisher(sphere(2));
const manifold = { kind: "sphere", dimension: 2 } as const;
const small: TrainFlowOptions = {
  flow: { manifold, hidden: [16], steps: 4 },
  epochs: 4,
  stepsPerEpoch: 5,
  batchSize: 32,
  threads: 1,
};
const points = vmf.sample(mean, KAPPA, randomKey(1), 2000);
const target = {
  name: "vMF",
  logDensity: (x: Tensor) => mul(-KAPPA / 2, sum(square(sub(x, constant(ndarray(Float64Array.from(mean))))), -1)),
};

function weights(flow: { parameters: readonly { weight: NdArray }[] }): number[] {
  return flow.parameters.flatMap(({ weight }) => Array.from(weight.data as Float32Array));
}

describe("training a flow", () => {
  it("comes close to a known density, and never below its entropy beyond Monte Carlo error", async () => {
    const { flow } = await trainFlow(
      { points: vmf.sample(mean, KAPPA, randomKey(1), 10_000) },
      { ...small, epochs: 10, stepsPerEpoch: 25, batchSize: 256, learningRate: 1e-2 },
    );
    const test = vmf.sample(mean, KAPPA, randomKey(2), 4000);
    const evaluator = evaluateFlow(flow, { integrator: "adaptive", precision: "float32", tolerance: 1e-5 });
    const values = await evaluator.logDensity(test);
    await evaluator.dispose();
    // The excess over the truth on the same draws is an unbiased estimate of KL(target || flow) >= 0.
    const excess = values.map((value, i) => {
      const x = test.data.subarray(3 * i, 3 * i + 3) as Float64Array;
      return vmf.logDensity(x, mean, KAPPA) - value;
    });
    const average = excess.reduce((a, b) => a + b, 0) / excess.length;
    const spread = Math.sqrt(excess.reduce((a, b) => a + (b - average) ** 2, 0) / excess.length ** 2);
    expect(average).toBeGreaterThan(-4 * spread); // a false alarm in 30,000
    expect(average).toBeLessThan(0.05);
  });

  it("by reverse KL lowers the divergence to the target's constant", async () => {
    const { history } = await trainFlow(
      { target },
      { ...small, epochs: 6, stepsPerEpoch: 20, batchSize: 128, learningRate: 1e-2 },
    );
    // KL(flow || target) >= 0: the loss stays above -log of the normaliser of the unnormalised target.
    const floor = vmf.logDensity(mean, mean, KAPPA);
    const [first, last] = [history[0].terms[0], history[5].terms[0]];
    expect(first).toBeGreaterThan(last + 0.3);
    expect(last - floor).toBeGreaterThan(-0.02);
    expect(last - floor).toBeLessThan(0.15);
  });

  it("with Hutchinson's estimate follows the exact divergence on average", async () => {
    const exact = await trainFlow({ points }, { ...small, epochs: 3, stepsPerEpoch: 20, batchSize: 128 });
    const estimated = await trainFlow(
      { points },
      { ...small, epochs: 3, stepsPerEpoch: 20, batchSize: 128, divergence: "hutchinson" },
    );
    const [a, b] = [exact, estimated].map(({ history }) => history[2].terms[0]);
    expect(b).not.toBe(a);
    expect(Math.abs(a - b)).toBeLessThan(0.15);
  });

  it("that was to keep the best of its epochs goes on through all of more epochs, better or not", async () => {
    const still = {
      ...small,
      epochs: 2,
      patience: 2,
      learningRate: 1e-12,
      heldOut: points,
      out: join(folder, "still"),
    };
    await trainFlow({ points }, still);
    const { history, reason } = await resumeFlow(still.out, { points }, { epochs: 5, heldOut: points, threads: 1 });
    expect({ epochs: history.length, reason }).toEqual({ epochs: 5, reason: "finished" });
  });

  it("is the same again with the same seed, and continued after a stop", async () => {
    const whole = await trainFlow({ points }, { ...small, out: join(folder, "whole") });
    const other = await trainFlow({ points }, { ...small, seed: 1 });
    expect(weights(other.flow)).not.toEqual(weights(whole.flow));
    const stopper = new AbortController();
    const cut = await trainFlow(
      { points },
      {
        ...small,
        out: join(folder, "cut"),
        signal: stopper.signal,
        onProgress: ({ epoch, epochEnded }) => {
          if (epoch === 2 && epochEnded) stopper.abort();
        },
      },
    );
    // The signal is seen between steps, at the latest after 50 ms.
    if (cut.reason === "stopped") expect(cut.history.length).toBeLessThan(4);
    const continued = await resumeFlow(join(folder, "cut"), { points }, { threads: 1 });
    expect(continued.reason).toBe("finished");
    expect(weights(continued.flow)).toEqual(weights(whole.flow));
    const { flow, config } = loadFlow(join(folder, "cut"));
    expect(weights(flow)).toEqual(weights(whole.flow));
    expect(config.progress.state).toBe("finished");
    await expect(resumeFlow(join(folder, "cut"), { target })).rejects.toThrow(/was trained on points, which is not/);
    await expect(resumeFlow(join(folder, "cut"), { points }, { epochs: 3 })).rejects.toThrow(
      /epochs: 3 is not a whole number from 4 on, the epochs done so far/,
    );
    const named = (n: number, key: number) => ({ points: vmf.sample(mean, KAPPA, randomKey(key), n), name: "a.csv" });
    await expect(resumeFlow(join(folder, "cut"), named(1999, 1))).rejects.toThrow(
      /cut was trained on points with other content than a\.csv has now \(2000 points .* then, 1999 now\); give what/,
    );
    await expect(resumeFlow(join(folder, "cut"), named(2000, 2))).rejects.toThrow(
      /other content than a\.csv has now \(2000 points to learn from then as now, but not the same\)/,
    );
    await expect(trainFlow({ points }, { ...small, out: join(folder, "cut") })).rejects.toThrow(/holds a run already/);
    expect(
      readFileSync(join(folder, "cut", "training.csv"), "utf8")
        .trim()
        .split("\n"),
    ).toHaveLength(5);
  });

  it("that blows up stops with a sentence and keeps the checkpoint before", async () => {
    const out = join(folder, "blown");
    const good = await trainFlow({ points }, { ...small, epochs: 1, out });
    const bad = { name: "bad", logDensity: (x: Tensor) => log(sub(sum(x, -1), 5)) }; // the logarithm of a negative number
    await expect(trainFlow({ target: bad }, { ...small, epochs: 1, out, overwrite: true })).rejects.toThrow(
      /training diverged in epoch 1 after 0 batches: its KL divergence became NaN; this run had saved nothing: train again/,
    );
    expect(weights(loadFlow(out).flow)).toEqual(weights(good.flow));
    await expect(trainFlow({ target: bad }, { ...small, epochs: 1 })).rejects.toThrow(/no checkpoint was asked for/);
  });

  it("a reverse KL that lives on the steps' errors is stopped: no draws are thinner than the uniform law's", async () => {
    const options = { stepsPerEpoch: 50, epochs: 6, batchSize: 64, learningRate: 0.1, seed: 0, threads: 1 } as const;
    const sphere2 = { kind: "sphere", dimension: 2 } as const;
    const flow = { manifold: sphere2, hidden: [16], activation: "swish" as const, steps: 2 };
    const target = vonMisesFisherTarget([0, 0, 1], 100);
    const fast = { ...options, flow, schedule: { kind: "constant" } } as const;
    await expect(trainFlow({ target }, { ...fast, agreement: 0 })).rejects.toThrow(
      /training diverged: .* \(mean log density -\d\S* of its own draws, which no density .* agreement\.$/,
    );
    // the default weight on the integration's error keeps the same training sound
    const kept = await trainFlow({ target }, fast);
    expect(kept.reason).toBe("finished");
  });

  it("refuses what cannot be, in one sentence", async () => {
    const off = ndarray(Float64Array.of(1, 1, 0), [1, 3]);
    await expect(trainFlow({ points: off }, small)).rejects.toThrow(
      /row 0.*0\.414 outside the unit sphere.*projectPoint/,
    );
    await expect(trainFlow({ points: ndarray(Float64Array.of(1, 0), [1, 2]) }, small)).rejects.toThrow(
      /\[1,2\].*\[N, 3\]/,
    );
    await expect(trainFlow({ points }, { ...small, patience: 2 })).rejects.toThrow(/patience.*held-out/);
    await expect(trainFlow({ points }, { ...small, learningRate: -1 })).rejects.toThrow(/learningRate: -1/);
    await expect(trainFlow({ points }, { ...small, batchSize: 0 })).rejects.toThrow(/batchSize: 0/);
    const refused: [any, RegExp][] = [
      [{ manifold: { kind: "cube", dimension: 2 } }, /manifold\.kind: "cube"/],
      [{ manifold: { kind: "poincare-ball", dimension: 2, curvature: -1 } }, /manifold\.curvature: -1/],
      [{ manifold: { kind: "sphere", dimension: 0 } }, /manifold\.dimension: 0/],
      [{ manifold, baseStd: 0 }, /baseStd: 0/],
      [{ manifold: { kind: "torus", dimension: 2 }, method: "stereographic" }, /stereographic needs a sphere/],
      [{ manifold: { kind: "torus", dimension: 6 }, method: "wrapped" }, /3\^d preimages.*d is 6 .*use riemannian\.$/],
      [{ manifold: { kind: "poincare-ball", dimension: 2 }, base: "uniform" }, /infinite volume/],
      [
        { manifold: { kind: "torus", dimension: 2 }, base: "wrapped-normal" },
        /torus has the uniform base only.*use unif/,
      ],
      [{ manifold: { kind: "sphere", dimension: 3 }, field: "chart" }, /S\^2 only/],
    ];
    for (const [options, sentence] of refused) expect(() => flowShape(options)).toThrow(sentence);
    expect(flowShape({ manifold: { kind: "torus", dimension: 5 }, method: "wrapped" }).base).toBe("wrapped-normal");
    expect(flowShape({ manifold: { kind: "torus", dimension: 12 } }).method).toBe("riemannian");
    expect(() => loadFlow(join(folder, "none"))).toThrow(/does not exist/);
    writeFileSync(join(folder, "whole", "model.safetensors"), "broken");
    expect(() => loadFlow(join(folder, "whole"))).toThrow(/model.safetensors is damaged/);
    expect(existsSync(join(folder, "whole", "README.md"))).toBe(true);
  });
});

/** compile: caching, trees, donation, errors, memory; programs as files and as data. */
import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import type { NdArray, Tensor } from "../../src/engine/index.js";
import * as e from "../../src/engine/index.js";
import { UsageError } from "../../src/errors.js";
import { randomArray } from "./agreement.js";

const double = { precision: "float64", threads: 1 } as const;

describe("compile", () => {
  it("traces once for each combination of shapes, types and structure", async () => {
    let traces = 0;
    const f = e.compile((x: any) => {
      traces++;
      return Array.isArray(x) ? e.add(x[0], x[1]) : e.mul(x, 2);
    }, double);
    for (let i = 0; i < 3; i++) {
      expect([...(await f(e.array([1, 2]))).data]).toEqual([2, 4]);
      expect([...(await f(e.array([1, 2, 3]))).data]).toEqual([2, 4, 6]);
      expect([...(await f([e.array([1, 2]), e.array([3, 4])])).data]).toEqual([4, 6]);
      expect((await f(7)).data[0]).toBe(14);
    }
    await Promise.all([f(e.array([1, 2, 3, 4])), f(e.array([1, 2, 3, 4]))]);
    expect(traces).toBe(5);
    // float32 and float64 arguments of one shape are one program
    await f(e.array([5, 6], "float32"));
    expect(traces).toBe(5);
    await f(e.array([5, 6], "int32"));
    expect(traces).toBe(6);
    await f.dispose();
  });

  it("takes and gives trees; numbers are scalar inputs, not constants", async () => {
    const f = e.compile(
      (p: any, rate: Tensor) => ({
        layers: p.layers.map((l: any) => ({ w: e.mul(l.w, rate) })),
        sum: [e.add(p.bias, rate)],
        fixed: e.array([1, 2]),
      }),
      double,
    ); // prettier-ignore
    const p = { layers: [{ w: e.array([1, 2]) }, { w: e.array([[3]]) }], bias: 4 };
    for (const rate of [2, 3]) {
      const r = await f(p, rate);
      expect(r.layers.map((l: any) => [...l.w.data])).toEqual([[rate, 2 * rate], [3 * rate]]);
      expect(r.sum[0]).toEqual({ data: Float64Array.of(4 + rate), shape: [], dtype: "float64" });
      expect([...r.fixed.data]).toEqual([1, 2]);
    }
    expect(await f.operations(p, 1)).toEqual({ Mul: 2, Add: 1, Identity: 1 });
    await f.dispose();
  });

  it("runs in the precision asked for", async () => {
    const third = (x: Tensor) => e.div(x, 3);
    const [single, full] = [e.compile(third, { threads: 1 }), e.compile(third, double)];
    expect((await single(e.array(1))).data[0]).toBe(Math.fround(1 / 3));
    expect((await full(e.array(1, "float32"))).data[0]).toBe(1 / 3);
    expect([single.device(), (await single(2)).dtype, (await full(2)).dtype]).toEqual(["cpu", "float32", "float64"]);
    await Promise.all([single.dispose(), full.dispose()]);
  });

  it("programs without inputs, with unused inputs, with empty arrays and with bool and whole inputs run", async () => {
    const run = async (f: (...a: any[]) => any, ...args: any[]) => {
      const program = e.compile(f, double);
      const result = await program(...args);
      await program.dispose();
      return result;
    };
    expect([...(await run(() => e.ones([2]))).data]).toEqual([1, 1]);
    expect([...(await run((_: Tensor, y: Tensor) => e.add(y, 1), e.array([1]), e.array([2]))).data]).toEqual([3]);
    expect((await run((x: Tensor) => e.mul(x, 2), e.zerosArray([0, 3]))).shape).toEqual([0, 3]);
    const chosen = await run(
      (c: Tensor, i: Tensor, x: Tensor) => e.where(c, e.take(x, i), 0),
      e.array([1, 0], "bool"),
      e.array([1, 1], "int32"),
      e.array([3, 4]),
    ); // prettier-ignore
    expect([...chosen.data]).toEqual([4, 0]);
  });

  it("two calls at once do not disturb each other", async () => {
    const f = e.compile((x: Tensor) => e.mul(x, 2), { ...double, donate: [0] });
    const results = await Promise.all(Array.from({ length: 20 }, (_, i) => f(e.array([i, i]))));
    results.forEach((r, i) => expect([...r.data]).toEqual([2 * i, 2 * i]));
    await f.dispose();
  });

  it("says in one sentence what is wrong with the arguments or the function", async () => {
    const f = e.compile((p: any) => e.add(p.a, p.b), double);
    await expect(f({ a: e.array([1]), b: "two" })).rejects.toThrow(
      new UsageError("compile: argument 0.b is string; give an NdArray or a number."),
    );
    await expect(f({ a: e.array([1]), b: null })).rejects.toThrow("argument 0.b is null");
    await expect(f({ a: e.array([1, 2, 3]), b: e.array([1, 2]) })).rejects.toThrow(
      "add: shapes [3] and [2] do not broadcast",
    );
    await expect(f({ a: e.array([1]) })).rejects.toThrow("an operation got undefined");
    // An error does not spoil the cache.
    expect([...(await f({ a: e.array([1]), b: 2 })).data]).toEqual([3]);
    await f.dispose();
    await expect(f({ a: e.array([1]), b: 2 })).rejects.toThrow("this program was disposed of");
    await f.dispose();
  });
});

describe("donation", () => {
  // A rotation and a counter: after n steps the state is known.
  const [c, s] = [Math.cos(0.1), Math.sin(0.1)];
  const turn = (state: any) => ({
    x: e.sub(e.mul(state.x, c), e.mul(state.y, s)),
    y: e.add(e.mul(state.x, s), e.mul(state.y, c)),
    n: e.add(state.n, 1),
  });
  const start = () => ({ x: e.array([1, 2]), y: e.array([0, 0]), n: e.array(0) });

  it("a long loop in two sets of buffers gives the right numbers", async () => {
    const step = e.compile(turn, { ...double, donate: [0] });
    let state = start() as any;
    const buffers = new Set<unknown>();
    for (let i = 0; i < 1000; i++) {
      state = await step(state);
      for (const leaf of [state.x, state.y, state.n]) buffers.add(leaf.data.buffer);
    }
    expect(state.n.data[0]).toBe(1000);
    expect(state.x.data[1]).toBeCloseTo(2 * Math.cos(100), 10);
    expect(state.y.data[0]).toBeCloseTo(Math.sin(100), 10);
    expect(buffers.size).toBeLessThanOrEqual(6);
    await step.dispose();
  });

  it("without it, results stay what they are", async () => {
    const step = e.compile((x: Tensor) => e.add(x, 1), double);
    const history: NdArray[] = [e.array([0])];
    for (let i = 0; i < 50; i++) history.push(await step(history[i]));
    expect(history.map((h) => h.data[0])).toEqual(history.map((_, i) => i));
    await step.dispose();
  });

  it("one array in two places, as two donated leaves or beside an argument that is kept", async () => {
    const pair = e.compile((p: any) => ({ a: e.add(p.a, 1), b: e.add(p.b, 10) }), { ...double, donate: [0] });
    const shared = e.array([0]);
    let state = { a: shared, b: shared };
    for (let i = 0; i < 100; i++) state = await pair(state);
    expect([state.a.data[0], state.b.data[0]]).toEqual([100, 1000]);
    const beside = e.compile((x: Tensor, y: Tensor) => e.add(x, e.mul(y, 2)), { ...double, donate: [0] });
    const both = e.array([5]);
    expect((await beside(both, both)).data[0]).toBe(15);
    await Promise.all([pair.dispose(), beside.dispose()]);
  });

  it("an argument that comes back as a result is not recycled under it", async () => {
    const f = e.compile((x: Tensor, y: Tensor) => [x, e.add(x, y)], { ...double, donate: [0] });
    let x = e.array([3]);
    const kept: NdArray[] = [];
    for (let i = 0; i < 20; i++) {
      const [same, sum] = await f(x, i);
      kept.push(sum);
      x = same;
    }
    expect(x.data[0]).toBe(3);
    expect(kept.map((k) => k.data[0])).toEqual(kept.map((_, i) => 3 + i));
    await f.dispose();
  });

  it("using a donated array again is an error, not other numbers", async () => {
    const f = e.compile((x: Tensor) => e.add(x, 1), { ...double, donate: [0] });
    const x = e.array([1, 2]);
    const y = await f(x);
    await expect(f(x)).rejects.toThrow("argument 0 of shape [2] was donated to an earlier call");
    const other = e.compile((x: Tensor) => e.mul(x, 2), double);
    await expect(other(x)).rejects.toThrow("was donated");
    expect([...(await other(y)).data]).toEqual([4, 6]);
    await Promise.all([f.dispose(), other.dispose()]);
  });

  it("arguments that fit no result are not hoarded", async () => {
    const f = e.compile((x: Tensor) => e.sum(x), { ...double, donate: [0] });
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 60; i++) await f(e.zerosArray([1 << 17])); // 1 MiB each
    (globalThis as any).gc?.();
    // Rubbish that was not collected yet counts too: the claim is only that some of it can be.
    const held = new FinalizationRegistry<number>(() => collected++);
    let collected = 0;
    for (let i = 0; i < 200; i++) {
      const x = e.zerosArray([1 << 17]);
      held.register(x, i);
      await f(x);
    }
    await new Promise((done) => setTimeout(done, 50));
    expect(collected).toBeGreaterThan(0);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(200 * 2 ** 20);
    await f.dispose();
  });
});

describe("memory", () => {
  const resident = () => {
    (globalThis as any).gc?.();
    return process.memoryUsage().rss / 2 ** 20;
  };
  async function growth(calls: number, call: () => Promise<unknown>): Promise<number> {
    for (let i = 0; i < calls / 5; i++) await call(); // until pools and compilers have settled
    const before = resident();
    for (let i = 0; i < calls; i++) await call();
    return resident() - before;
  }

  // Tolerance: 30 MiB over 10,000 calls, which would be 3 kB a call; a leaked tensor with its host array, name
  // strings and native handle is more, and what is leaked a call shows ten-thousandfold.
  it("10,000 calls on small arrays do not grow the process by more than 30 MiB", async () => {
    const f = e.compile((x: Tensor, y: Tensor) => [e.add(e.tanh(e.matmul(x, y)), 1), e.sum(x)], { threads: 1 });
    const [x, y] = [e.array(randomArray([8, 8], 1), "float32"), e.array(randomArray([8, 8], 2), "float32")];
    expect(await growth(10_000, () => f(x, y))).toBeLessThan(30);
    await f.dispose();
  });

  // Tolerance: 40 MiB, ten states of 4 MiB; 500 calls without reuse would make 2,000 MiB.
  it("500 steps of a 4 MiB state given up at each do not grow it by more than 40 MiB", async () => {
    const f = e.compile((x: Tensor) => e.mul(x, 0.999), { threads: 1, donate: [0] });
    let state = e.zerosArray([1 << 20], "float32");
    const step = async () => {
      state = await f(state);
    };
    expect(await growth(500, step)).toBeLessThan(40);
    await f.dispose();
  });
});

describe("memory of the tracer", () => {
  // jax-js keeps the numbers of a constant that is read in a WebAssembly memory, which never shrinks
  it("does not grow with the number of programs: constants are read and let go", async () => {
    const grow = WebAssembly.Memory.prototype.grow;
    let pages = 0;
    WebAssembly.Memory.prototype.grow = function (count: number) {
      pages += count;
      return grow.call(this, count);
    };
    try {
      const n = 100_000;
      for (let i = 0; i < 6; i++) {
        const f = e.compile((x: Tensor) => e.grad((y: Tensor) => e.sum(e.mul(e.stopGradient(y), y)))(x), {
          threads: 1,
        });
        await f(e.zerosArray([n]));
        await f.dispose();
      }
      expect(pages * 65536).toBeLessThan(2 * 8 * n); // room for two such constants, where six are read
    } finally {
      WebAssembly.Memory.prototype.grow = grow;
    }
  });
});

describe("programs as files and as data", () => {
  it("toOnnx writes a file that a bare ONNX Runtime session runs, with the names asked for", async () => {
    const w = randomArray([3, 2], 1);
    const f = (x: Tensor, p: any) => ({ y: e.tanh(e.add(e.matmul(x, w), p.b)), n: e.norm(x) });
    const x = randomArray([4, 3], 2);
    const bytes = await e.toOnnx(f, [x, { b: e.array([0.5, -0.5]) }], {
      inputNames: ["x", "bias"],
      outputNames: ["y", "norms"],
    }); // prettier-ignore
    const session = await ort.InferenceSession.create(bytes);
    expect([session.inputNames, session.outputNames].map((list) => [...list])).toEqual([
      ["x", "bias"],
      ["y", "norms"],
    ]); // prettier-ignore
    const result = await session.run({
      x: new ort.Tensor("float32", Float32Array.from(x.data), [4, 3]),
      bias: new ort.Tensor("float32", Float32Array.of(0.5, -0.5), [2]),
    });
    expect(result.y.dims).toEqual([4, 2]);
    for (let i = 0; i < 4; i++)
      for (let j = 0; j < 2; j++) {
        let t = j === 0 ? 0.5 : -0.5;
        for (let k = 0; k < 3; k++) t += x.data[3 * i + k] * w.data[2 * k + j];
        expect((result.y.data as Float32Array)[2 * i + j]).toBeCloseTo(Math.tanh(t), 5);
      }
    expect((result.norms.data as Float32Array)[0]).toBeCloseTo(Math.hypot(...x.data.slice(0, 3)), 5);
    await session.release();
  });

  it("names of inputs and outputs may be any words, also those that the writer would use", async () => {
    const names = ["v0", "v1", "v2", "v3", "c1", "i0"];
    const f = (...x: Tensor[]) => x.map((t, i) => e.reshape(e.add(e.exp(t), x[(i + 1) % 3]), [2, 1]));
    const inputs = [e.array([1, 2]), e.array([3, 4]), e.array([5, 6])];
    const bytes = await e.toOnnx(f, inputs, {
      inputNames: names.slice(3),
      outputNames: names.slice(0, 3),
      precision: "float64",
    }); // prettier-ignore
    const session = await ort.InferenceSession.create(bytes);
    const feeds = Object.fromEntries(
      inputs.map((x, i) => [names[3 + i], new ort.Tensor("float64", x.data as Float64Array, [2])]),
    ); // prettier-ignore
    const result = await session.run(feeds);
    for (let i = 0; i < 3; i++)
      expect((result[names[i]].data as Float64Array)[1]).toBeCloseTo(
        Math.exp(inputs[i].data[1]) + inputs[(i + 1) % 3].data[1],
        12,
      );
    await session.release();
    await expect(e.toOnnx(f, inputs, { inputNames: ["a", "a", "b"] })).rejects.toThrow('the name "a" is used twice');
  });

  it("lowerProgram gives plain data that survives being sent, and loadProgram runs it into given arrays", async () => {
    const f = (x: Tensor) => [e.square(x), e.argsort(x)];
    const sent = structuredClone(await e.lowerProgram(f, [e.array([3, 1, 2])], { precision: "float64" }));
    const loaded = await e.loadProgram(sent, { threads: 1 });
    const into = e.zerosArray([3]);
    const [y, order] = await loaded.run([e.array([3, 1, 2])], [into, undefined]);
    expect(y).toBe(into);
    expect([[...y.data], [...order.data]]).toEqual([
      [9, 1, 4],
      [1, 2, 0],
    ]); // prettier-ignore
    await loaded.release();
  });
});

describe("options of compile", () => {
  it.each([
    [{ precision: "float16" }, /precision "float16" is not known/],
    [{ device: "tpu" }, /device "tpu" is not known/],
    [{ threads: -3 }, /threads is -3/],
    [{ donate: [-1] }, /donate is \[-1\]/],
  ])("%j is refused in a sentence", (options, sentence) => {
    expect(() => e.compile((x: Tensor) => x, options as any)).toThrow(sentence);
  });
});

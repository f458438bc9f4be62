import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/errors.js";
import { normalQuantile, portableExp, portableLog } from "../../src/numerics/portable.js";
import {
  fillNormal,
  foldIn,
  gammaArray,
  normalArray,
  permutation,
  randomKey,
  split,
  stream,
  streamFromState,
  threefry2x32,
  uniformArray,
} from "../../src/numerics/random.js";

// Statistical tests below accept |z| < 5 under the null hypothesis: false-alarm rate 6e-7 each. The seeds are fixed,
// so a test that passes once passes always; the rate says how likely a sound generator would have failed it at all.
const LIMIT = 5;

function moments(x: ArrayLike<number>): { mean: number; variance: number } {
  let sum = 0;
  let square = 0;
  for (let i = 0; i < x.length; i++) sum += x[i];
  const mean = sum / x.length;
  for (let i = 0; i < x.length; i++) square += (x[i] - mean) ** 2;
  return { mean, variance: square / x.length };
}

function correlation(x: ArrayLike<number>, y: ArrayLike<number>): number {
  const a = moments(x);
  const b = moments(y);
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += (x[i] - a.mean) * (y[i] - b.mean);
  return sum / x.length / Math.sqrt(a.variance * b.variance);
}

describe("Threefry-2x32-20", () => {
  it("gives the published known answers (Random123 kat_vectors)", () => {
    expect(threefry2x32([0, 0], [0, 0])).toEqual([0x6b200159, 0x99ba4efe]);
    expect(threefry2x32([0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff])).toEqual([0x1cb996fc, 0xbb002be7]);
    expect(threefry2x32([0x13198a2e, 0x03707344], [0x243f6a88, 0x85a308d3])).toEqual([0xc4923a9c, 0x483df7a0]);
  });

  it("is what the stream is made of, also where the counter passes 2^32", () => {
    const [a, b] = threefry2x32([3, 4], [5, 1]);
    const u = streamFromState({ key: [3, 4], counter: 4294967296 + 5 }).uniform();
    expect(u).toBe(((a >>> 5) * 2 ** 26 + (b >>> 6)) / 2 ** 53);
  });
});

describe("portable functions", () => {
  it("agree with Math.log and Math.exp to one unit in the last place", () => {
    const u = uniformArray(randomKey(1), 2000);
    for (const x of u) {
      const wide = 10 ** (600 * x - 300);
      expect(Math.abs(portableLog(wide) - Math.log(wide))).toBeLessThanOrEqual(2.3e-16 * Math.abs(Math.log(wide)));
      const near = 0.5 + x;
      expect(Math.abs(portableLog(near) - Math.log(near))).toBeLessThanOrEqual(2.3e-16 * Math.abs(Math.log(near)));
      const y = 1400 * x - 700;
      expect(Math.abs(portableExp(y) / Math.exp(y) - 1)).toBeLessThanOrEqual(4.5e-16);
    }
    expect(portableLog(5e-324)).toBeCloseTo(Math.log(5e-324), 10);
    expect([portableLog(0), portableLog(1), portableLog(-1), portableLog(Infinity)]).toEqual([
      -Infinity,
      0,
      Number.NaN,
      Infinity,
    ]);
    expect([portableExp(0), portableExp(800), portableExp(-800)]).toEqual([1, Infinity, 0]);
    expect(portableExp(-740) / Math.exp(-740)).toBeCloseTo(1, 3); // subnormal: few digits left
  });

  it("give the normal quantiles of Wichura's paper and others", () => {
    const known = [
      [0.25, -0.6744897501960817],
      [0.001, -3.090232306167814],
      [1e-20, -9.26234008979841],
      [0.975, 1.959963984540054],
      [0.5, 0],
    ];
    for (const [p, x] of known) expect(normalQuantile(p)).toBeCloseTo(x, 13);
    expect([normalQuantile(0), normalQuantile(1), normalQuantile(2)]).toEqual([-Infinity, Infinity, Number.NaN]);
  });
});

describe("distributions", () => {
  const n = 200_000;

  it("uniforms: mean, variance, and 64 cells filled evenly", () => {
    const u = uniformArray(randomKey(2), n);
    const { mean, variance } = moments(u);
    expect(Math.abs(mean - 0.5) / Math.sqrt(1 / 12 / n)).toBeLessThan(LIMIT);
    expect(Math.abs(variance - 1 / 12) / Math.sqrt(1 / 180 / n)).toBeLessThan(LIMIT);
    const cells = new Float64Array(64);
    for (const x of u) cells[Math.floor(x * 64)]++;
    const chi = cells.reduce((sum, c) => sum + (c - n / 64) ** 2 / (n / 64), 0);
    expect(Math.abs(chi - 63) / Math.sqrt(126)).toBeLessThan(LIMIT);
  });

  it("normals: the first four moments, and what lies beyond 2", () => {
    for (const x of [normalArray(randomKey(3), n), fillNormal(stream(randomKey(4)), new Float32Array(n))]) {
      let [m1, m2, m3, m4, beyond] = [0, 0, 0, 0, 0];
      for (const v of x) {
        m1 += v / n;
        m2 += v ** 2 / n;
        m3 += v ** 3 / n;
        m4 += v ** 4 / n;
        if (v > 2) beyond++;
      }
      expect(Math.abs(m1) * Math.sqrt(n)).toBeLessThan(LIMIT);
      expect(Math.abs(m2 - 1) * Math.sqrt(n / 2)).toBeLessThan(LIMIT);
      expect(Math.abs(m3) * Math.sqrt(n / 15)).toBeLessThan(LIMIT);
      expect(Math.abs(m4 - 3) * Math.sqrt(n / 96)).toBeLessThan(LIMIT);
      const p = 0.022750131948179195;
      expect(Math.abs(beyond - n * p) / Math.sqrt(n * p * (1 - p))).toBeLessThan(LIMIT);
    }
  });

  it("gammas: mean and variance are the shape, below and above 1", () => {
    for (const shape of [0.3, 1, 2.5, 40]) {
      const m = 50_000;
      const x = gammaArray(randomKey(5), shape, m);
      const { mean, variance } = moments(x);
      expect(Math.abs(mean - shape) / Math.sqrt(shape / m)).toBeLessThan(LIMIT);
      const fourth = 3 * shape * shape + 6 * shape; // fourth central moment
      expect(Math.abs(variance - shape) / Math.sqrt((fourth - shape * shape) / m)).toBeLessThan(LIMIT);
      expect(Math.min(...x.subarray(0, 1000))).toBeGreaterThan(0);
    }
  });

  it("categorical follows the weights and never draws a zero weight", () => {
    const from = stream(randomKey(6));
    const weights = [0, 1, 3, 0, 6, 0];
    const counts = [0, 0, 0, 0, 0, 0];
    const m = 50_000;
    for (let i = 0; i < m; i++) counts[from.categorical(weights)]++;
    weights.forEach((w, i) => {
      const p = w / 10;
      if (w === 0) expect(counts[i]).toBe(0);
      else expect(Math.abs(counts[i] - m * p) / Math.sqrt(m * p * (1 - p))).toBeLessThan(LIMIT);
    });
    expect(() => from.categorical([1, -1])).toThrow(/weight 1 is -1/);
    expect(() => from.categorical([0, 0])).toThrow(UsageError);
  });

  it("permutations hold every index once; all 24 of four are equally likely", () => {
    expect([...permutation(randomKey(7), 1000)].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 1000 }, (_, i) => i),
    );
    const counts = new Map<string, number>();
    const m = 24_000;
    for (let i = 0; i < m; i++) {
      const word = permutation(foldIn(randomKey(8), i), 4).join("");
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    const chi = [...counts.values()].reduce((sum, c) => sum + (c - m / 24) ** 2 / (m / 24), 0);
    expect(Math.abs(chi - 23) / Math.sqrt(46)).toBeLessThan(LIMIT);
  });
});

describe("keys", () => {
  it("split into sequences without correlation with each other, the parent, or neighbouring seeds", () => {
    const n = 20_000;
    const parent = randomKey(9);
    const keys = [parent, ...split(parent, 3), split(parent, "a"), split(parent, "b"), randomKey(10), randomKey(11)];
    const sequences = keys.map((key) => uniformArray(key, n));
    // 28 pairs: false-alarm rate 28 * 6e-7 = 2e-5 together.
    for (let i = 0; i < keys.length; i++)
      for (let j = 0; j < i; j++)
        expect(Math.abs(correlation(sequences[i], sequences[j])) * Math.sqrt(n)).toBeLessThan(LIMIT);
    // Lag one inside a sequence.
    expect(
      Math.abs(correlation(sequences[0].subarray(1), sequences[0].subarray(0, n - 1))) * Math.sqrt(n),
    ).toBeLessThan(LIMIT);
  });

  it("are all different: labels, numbers, seeds beyond 32 bits, and the words drawn from the key itself", () => {
    const key = randomKey(0);
    const all = [
      ...split(key, 1000),
      ...["", "a", "b", "aa", "ab", "ba", "a\u0001", "\u0000"].map((label) => split(key, label)),
      split(split(key, "a"), "b"),
      randomKey(2 ** 32),
      randomKey(2 ** 53 - 1),
      ...Array.from({ length: 1000 }, (_, i) => threefry2x32(key, [i, 0])),
    ];
    expect(new Set(all.map(String)).size).toBe(all.length);
    expect(split(key, 2)[1]).toEqual(split(key, 7)[1]);
    expect(foldIn(key, 1)).toEqual(split(key, 2)[1]);
  });

  it("refuses seeds that are no whole numbers", () => {
    for (const seed of [-1, 0.5, Number.NaN, 2 ** 53]) expect(() => randomKey(seed)).toThrow(UsageError);
    expect(() => stream(randomKey(1)).integer(0)).toThrow(UsageError);
    expect(() => split(randomKey(1), -1)).toThrow(UsageError);
  });
});

describe("streams", () => {
  it("continue bit for bit from a state that went through JSON", () => {
    const from = stream(randomKey(12));
    from.normal();
    fillNormal(from, new Float32Array(5));
    from.gamma(0.4);
    const again = streamFromState(JSON.parse(JSON.stringify(from.getState())));
    const draw = (s: typeof from) => [
      s.uniform(),
      s.normal(),
      s.integer(10),
      s.gamma(3),
      ...fillNormal(s, new Float32Array(3)),
    ];
    expect(draw(again)).toEqual(draw(from));
    expect(() => streamFromState({ key: [1, 2], counter: -1 })).toThrow(UsageError);
  });

  it("gives these numbers for seed 0 on every platform (frozen: saved runs depend on them)", () => {
    const from = stream(randomKey(0));
    expect([from.uniform(), from.normal(), from.integer(1000), from.gamma(2), from.gamma(0.5)]).toMatchInlineSnapshot(`
      [
        0.41845711022987275,
        -0.482623007162241,
        393,
        2.5450008973308553,
        0.5549716319041634,
      ]
    `);
    expect([...fillNormal(from, new Float32Array(3))]).toMatchInlineSnapshot(`
      [
        -0.9310823082923889,
        0.013023991137742996,
        -0.9296965003013611,
      ]
    `);
    expect([...permutation(split(randomKey(0), "order"), 8)]).toMatchInlineSnapshot(`
      [
        3,
        2,
        5,
        4,
        1,
        0,
        6,
        7,
      ]
    `);
  });
});

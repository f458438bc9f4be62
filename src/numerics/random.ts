/**
 * Seeded random numbers: one splittable, counter-based generator, equal bit for bit on every platform.
 *
 * A key is two 32-bit words; block i of its sequence is Threefry-2x32 with 20 rounds of the counter i under the key
 * (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 4.3). Keys are split
 * with counters that no sequence uses, so a key may both be split and be drawn from. Everything above the integers
 * uses + - * / and sqrt only (`portable.ts`), so normals and gammas are equal everywhere too.
 *
 * @example
 * const key = randomKey(7);
 * const noise = normalArray(split(key, "noise"), 100);
 * const order = permutation(split(key, "order"), 100);
 */
import { UsageError } from "../errors.js";
import { normalQuantile, portableExp, portableLog } from "./portable.js";

/** An immutable key of the generator: two unsigned 32-bit words. */
export type RandomKey = readonly [number, number];

/** Where a stream stands; plain JSON. `streamFromState` continues bit for bit. */
export interface RandomState {
  readonly key: RandomKey;
  /** Blocks drawn so far, below 2^53. */
  readonly counter: number;
}

/** A sequence of random numbers under one key; each call moves it on. */
export interface RandomStream {
  /** Uniform on [0, 1), 53 bits. */
  uniform(): number;
  /** Standard normal (mean 0, variance 1). */
  normal(): number;
  /** Uniform on {0, ..., n - 1}; n a positive integer up to 2^32 (bias below n / 2^53). */
  integer(n: number): number;
  /** An index, with probability proportional to its weight. @throws UsageError on negative, NaN or all-zero weights. */
  categorical(weights: ArrayLike<number>): number;
  /** Gamma with this shape and scale 1 (mean = variance = shape). @throws UsageError unless shape > 0. */
  gamma(shape: number): number;
  /** The state, to save and continue from. */
  getState(): RandomState;
}

// The words of the last block; variables of the module, since an array a block would cost more than the block.
let word0 = 0;
let word1 = 0;

function block(key0: number, key1: number, counter0: number, counter1: number): void {
  const key2 = key0 ^ key1 ^ 0x1bd11bda;
  let x = (counter0 + key0) | 0;
  let y = (counter1 + key1) | 0;
  x = (x + y) | 0;
  y = ((y << 13) | (y >>> 19)) ^ x;
  x = (x + y) | 0;
  y = ((y << 15) | (y >>> 17)) ^ x;
  x = (x + y) | 0;
  y = ((y << 26) | (y >>> 6)) ^ x;
  x = (x + y) | 0;
  y = ((y << 6) | (y >>> 26)) ^ x;
  x = (x + key1) | 0;
  y = (y + key2 + 1) | 0;
  x = (x + y) | 0;
  y = ((y << 17) | (y >>> 15)) ^ x;
  x = (x + y) | 0;
  y = ((y << 29) | (y >>> 3)) ^ x;
  x = (x + y) | 0;
  y = ((y << 16) | (y >>> 16)) ^ x;
  x = (x + y) | 0;
  y = ((y << 24) | (y >>> 8)) ^ x;
  x = (x + key2) | 0;
  y = (y + key0 + 2) | 0;
  x = (x + y) | 0;
  y = ((y << 13) | (y >>> 19)) ^ x;
  x = (x + y) | 0;
  y = ((y << 15) | (y >>> 17)) ^ x;
  x = (x + y) | 0;
  y = ((y << 26) | (y >>> 6)) ^ x;
  x = (x + y) | 0;
  y = ((y << 6) | (y >>> 26)) ^ x;
  x = (x + key0) | 0;
  y = (y + key1 + 3) | 0;
  x = (x + y) | 0;
  y = ((y << 17) | (y >>> 15)) ^ x;
  x = (x + y) | 0;
  y = ((y << 29) | (y >>> 3)) ^ x;
  x = (x + y) | 0;
  y = ((y << 16) | (y >>> 16)) ^ x;
  x = (x + y) | 0;
  y = ((y << 24) | (y >>> 8)) ^ x;
  x = (x + key1) | 0;
  y = (y + key2 + 4) | 0;
  x = (x + y) | 0;
  y = ((y << 13) | (y >>> 19)) ^ x;
  x = (x + y) | 0;
  y = ((y << 15) | (y >>> 17)) ^ x;
  x = (x + y) | 0;
  y = ((y << 26) | (y >>> 6)) ^ x;
  x = (x + y) | 0;
  y = ((y << 6) | (y >>> 26)) ^ x;
  word0 = (x + key2) >>> 0;
  word1 = (y + key0 + 5) >>> 0;
}

/** Threefry-2x32-20 itself: the block of `counter` under `key`, as two unsigned 32-bit words. */
export function threefry2x32(key: RandomKey, counter: readonly [number, number]): [number, number] {
  block(key[0] | 0, key[1] | 0, counter[0] | 0, counter[1] | 0);
  return [word0, word1];
}

/** The key of a seed. @param seed an integer from 0 to 2^53 - 1. @throws UsageError otherwise. */
export function randomKey(seed: number): RandomKey {
  if (!(Number.isSafeInteger(seed) && seed >= 0))
    throw new UsageError(`seed: ${seed} is not a whole number from 0 to 2^53 - 1; give one, for example 0.`);
  return [seed >>> 0, Math.floor(seed / 4294967296)];
}

// Second counter words: sequences stay below 2^21, the splits have a range each.
const SPLIT_BY_NUMBER = 0x80000000;
const SPLIT_BY_LABEL = 0xc0000000;

/**
 * Independent keys from a key: `split(key, n)` gives n of them, `split(key, "name")` the one of that name.
 * The n keys are the first n of a fixed list: `split(key, 2)[0]` equals `split(key, 5)[0]`.
 */
export function split(key: RandomKey, count: number): RandomKey[];
export function split(key: RandomKey, label: string): RandomKey;
export function split(key: RandomKey, by: number | string): RandomKey[] | RandomKey {
  if (typeof by === "number") return Array.from({ length: wholeNumber("split: count", by) }, (_, i) => foldIn(key, i));
  // The label is absorbed one UTF-16 unit after another; its length closes it, so that no label is part of another.
  let [a, b] = key;
  for (let i = 0; i <= by.length; i++) {
    const closing = i === by.length;
    block(a, b, closing ? by.length : by.charCodeAt(i), SPLIT_BY_LABEL | (closing ? 1 : 0));
    a = word0;
    b = word1;
  }
  return [a, b];
}

/** The independent key number `index` of `key` (`split(key, n)[index]` without the list), for steps of a loop. */
export function foldIn(key: RandomKey, index: number): RandomKey {
  if (!(Number.isInteger(index) && index >= 0 && index < 4294967296))
    throw new UsageError(`foldIn: index ${index} is not a whole number from 0 to 2^32 - 1.`);
  block(key[0], key[1], index, SPLIT_BY_NUMBER);
  return [word0, word1];
}

/** The sequence of random numbers of a key, from its start. */
export function stream(key: RandomKey): RandomStream {
  return streamFromState({ key, counter: 0 });
}

/** A stream that continues where `getState()` was taken. @throws UsageError if the state is damaged. */
export function streamFromState(state: RandomState): RandomStream {
  const isWord = (x: unknown): boolean => Number.isInteger(x) && (x as number) >= 0 && (x as number) < 4294967296;
  if (
    !(state?.key?.length === 2 && state.key.every(isWord) && Number.isSafeInteger(state.counter) && state.counter >= 0)
  )
    throw new UsageError(
      `random state: ${JSON.stringify(state)} is not { key: [32-bit, 32-bit], counter: whole number }; use one from getState().`,
    );
  const [key0, key1] = state.key;
  let counter = state.counter;
  const next = (): void => {
    block(key0, key1, counter, Math.floor(counter / 4294967296));
    counter++;
  };
  const uniform = (): number => {
    next();
    return ((word0 >>> 5) * 67108864 + (word1 >>> 6)) / 9007199254740992;
  };
  const normal = (): number => {
    next();
    // 52 bits and a half: strictly inside (0, 1), symmetric about 1/2, exact in float64.
    return normalQuantile(((word0 >>> 6) * 67108864 + (word1 >>> 6) + 0.5) / 4503599627370496);
  };
  const gamma = (shape: number): number => {
    if (!(shape > 0 && shape < Infinity))
      throw new UsageError(`gamma: shape ${shape} is not positive and finite; give a number above 0.`);
    // Below 1: Gamma(a) = Gamma(a + 1) * U^(1/a). From 1 on: Marsaglia and Tsang, ACM TOMS 26 (2000), p. 363.
    if (shape < 1) return gamma(shape + 1) * portableExp(portableLog(1 - uniform()) / shape);
    const d = shape - 1 / 3;
    const c = 1 / Math.sqrt(9 * d);
    for (;;) {
      const x = normal();
      const root = 1 + c * x;
      if (root <= 0) continue;
      const v = root * root * root;
      const u = 1 - uniform();
      if (portableLog(u) < 0.5 * x * x + d - d * v + d * portableLog(v)) return d * v;
    }
  };
  const fill: FillFloat32 = (out) => {
    for (let i = 0; i < out.length; i += 2) {
      next();
      const second = word1;
      out[i] = normalQuantile((word0 + 0.5) / 4294967296);
      if (i + 1 < out.length) out[i + 1] = normalQuantile((second + 0.5) / 4294967296);
    }
  };
  const self: RandomStream = {
    uniform,
    normal,
    gamma,
    integer: (n) => {
      if (!(Number.isInteger(n) && n > 0 && n <= 4294967296))
        throw new UsageError(`integer: n = ${n} is not a whole number from 1 to 2^32; give how many values there are.`);
      return Math.floor(uniform() * n);
    },
    categorical: (weights) => categorical(uniform(), weights),
    getState: () => ({ key: [key0, key1], counter }),
  };
  fillers.set(self, fill);
  return self;
}

type FillFloat32 = (out: Float32Array) => void;
const fillers = new WeakMap<RandomStream, FillFloat32>();

/**
 * Fills `out` with standard normals, two a block: twice as fast as `normal()`, at the resolution of float32
 * (32 bits each, so that none lies beyond 6.4 standard deviations).
 */
export function fillNormal(from: RandomStream, out: Float32Array): Float32Array {
  fillers.get(from)!(out);
  return out;
}

/** n uniforms on [0, 1): the first n of `stream(key)`. */
export function uniformArray(key: RandomKey, n: number): Float64Array {
  const from = stream(key);
  const out = new Float64Array(wholeNumber("uniformArray: n", n));
  for (let i = 0; i < n; i++) out[i] = from.uniform();
  return out;
}

/** n standard normals: the first n of `stream(key)`. */
export function normalArray(key: RandomKey, n: number): Float64Array {
  const from = stream(key);
  const out = new Float64Array(wholeNumber("normalArray: n", n));
  for (let i = 0; i < n; i++) out[i] = from.normal();
  return out;
}

/** n gammas of one shape and scale 1. */
export function gammaArray(key: RandomKey, shape: number, n: number): Float64Array {
  const from = stream(key);
  const out = new Float64Array(wholeNumber("gammaArray: n", n));
  for (let i = 0; i < n; i++) out[i] = from.gamma(shape);
  return out;
}

/** A uniformly random order of 0, ..., n - 1 (Fisher-Yates). */
export function permutation(key: RandomKey, n: number): Int32Array {
  const from = stream(key);
  const order = Int32Array.from({ length: wholeNumber("permutation: n", n) }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = from.integer(i + 1);
    const held = order[i];
    order[i] = order[j];
    order[j] = held;
  }
  return order;
}

function categorical(u: number, weights: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < weights.length; i++) {
    if (!(weights[i] >= 0 && weights[i] < Infinity))
      throw new UsageError(`categorical: weight ${i} is ${weights[i]}; weights must be finite and not negative.`);
    total += weights[i];
  }
  if (!(total > 0 && total < Infinity))
    throw new UsageError(`categorical: the ${weights.length} weights sum to ${total}; at least one must be positive.`);
  let left = u * total;
  let last = 0;
  for (let i = 0; i < weights.length; i++) {
    if (weights[i] === 0) continue;
    last = i; // rounding may leave a rest after the last positive weight
    if (left < weights[i]) return i;
    left -= weights[i];
  }
  return last;
}

function wholeNumber(name: string, n: number): number {
  if (!(Number.isSafeInteger(n) && n >= 0))
    throw new UsageError(`${name} = ${n} is not a whole number from 0 on; give how many are wanted.`);
  return n;
}

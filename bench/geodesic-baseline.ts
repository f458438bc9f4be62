/**
 * The baseline of the geodesic benchmarks: what the published codes do. A cubic spline with fixed ends (5 knots: 3
 * inner values and 2 end slopes a dimension) added to the straight line, the energy of its 20 points by chords of the
 * decoder, 150 steps of Adam at rate 0.1. One program a step (energy, gradient and Adam together) on our own engine,
 * with buffers that go round, so that the comparison is one of methods and not of runtimes.
 */
import {
  add,
  div,
  type LoadedProgram,
  loadProgram,
  lowerProgram,
  matmul,
  mul,
  type NdArray,
  ndarray,
  reshape,
  slice,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  valueAndGrad,
  zerosArray,
} from "../src/engine/index.js";

const POINTS = 20;
const KNOTS = 5;
const PARAMETERS = KNOTS; // values at the inner knots, slopes at both ends
const STEPS = 150;
const RATE = 0.1;

/** Values at `count` even parameters of the clamped cubic splines that are one parameter each. [count, PARAMETERS] */
export function splineBasis(count: number): Float64Array {
  const out = new Float64Array(count * PARAMETERS);
  const h = 1 / (KNOTS - 1);
  for (let p = 0; p < PARAMETERS; p++) {
    const values = new Float64Array(KNOTS);
    const slopes = new Float64Array(KNOTS);
    if (p < KNOTS - 2) values[p + 1] = 1;
    else slopes[p === KNOTS - 2 ? 0 : KNOTS - 1] = 1;
    // slopes of the inner knots: s_{i-1} + 4 s_i + s_{i+1} = 3 (v_{i+1} - v_{i-1}) / h
    const n = KNOTS - 2;
    const upper = new Float64Array(n);
    const right = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      let b = (3 * (values[i + 2] - values[i])) / h;
      if (i === 0) b -= slopes[0];
      if (i === n - 1) b -= slopes[KNOTS - 1];
      const pivot = 4 - (i > 0 ? upper[i - 1] : 0);
      upper[i] = 1 / pivot;
      right[i] = (b - (i > 0 ? right[i - 1] : 0)) / pivot;
    }
    for (let i = n - 1; i >= 0; i--) slopes[i + 1] = right[i] - (i < n - 1 ? upper[i] * slopes[i + 2] : 0);
    for (let k = 0; k < count; k++) {
      const t = k / (count - 1);
      const i = Math.min(Math.floor(t / h), KNOTS - 2);
      const u = t / h - i;
      const v = 1 - u;
      out[k * PARAMETERS + p] =
        v * v * (1 + 2 * u) * values[i] +
        u * u * (1 + 2 * v) * values[i + 1] +
        h * u * v * (v * slopes[i] - u * slopes[i + 1]);
    }
  }
  return out;
}

export interface Baseline {
  /** Spline parameters of `curves` pairs. from, to [B, 2] -> [B, PARAMETERS, 2] */
  solve(from: Float32Array, to: Float32Array): Promise<Float32Array>;
  release(): Promise<void>;
}

/**
 * Compiles the step for `curves` curves at once, with the chords of a decoder [N, 2] -> [N, D] as energy, or with any
 * measure of the steps between neighbours, [N, 2], [N, 2] -> [N].
 */
export async function baseline(
  measure: { readonly decode: (z: Tensor) => Tensor } | { readonly steps: (a: Tensor, b: Tensor) => Tensor },
  curves: number,
  threads: number,
): Promise<Baseline> {
  const basis = ndarray(splineBasis(POINTS), [POINTS, PARAMETERS]);
  const times = ndarray(
    Float64Array.from({ length: POINTS }, (_, i) => i / (POINTS - 1)),
    [POINTS, 1],
  );
  const step = (w: Tensor, m: Tensor, v: Tensor, from: Tensor, to: Tensor, corrections: Tensor) => {
    const energy = (parameters: Tensor) => {
      const a = reshape(from, [curves, 1, 2]);
      const line = add(a, mul(times, sub(reshape(to, [curves, 1, 2]), a))); // [B, T, 2]
      const curve = add(line, matmul(basis, parameters));
      if ("steps" in measure) {
        const ends = [0, 1].map((k) => reshape(slice(curve, [null, [k, POINTS - 1 + k]]), [curves * (POINTS - 1), 2]));
        return mul(POINTS - 1, sum(measure.steps(ends[0], ends[1])));
      }
      const decoded = reshape(measure.decode(reshape(curve, [curves * POINTS, 2])), [curves, POINTS, -1]);
      const chords = sub(slice(decoded, [null, [1, POINTS]]), slice(decoded, [null, [0, POINTS - 1]]));
      return mul(POINTS - 1, sum(square(chords)));
    };
    const [, gradient] = valueAndGrad(energy)(w);
    const first = add(mul(m, 0.9), mul(gradient, 0.1));
    const second = add(mul(v, 0.999), mul(square(gradient), 0.001));
    const direction = div(mul(first, slice(corrections, [0])), add(sqrt(mul(second, slice(corrections, [1]))), 1e-8));
    return [sub(w, mul(direction, RATE)), first, second];
  };
  const shape = [curves, PARAMETERS, 2];
  const examples = [shape, shape, shape, [curves, 2], [curves, 2], [2]].map((s) => zerosArray(s, "float32"));
  const program: LoadedProgram = await loadProgram(await lowerProgram(step, examples), { threads });
  const [one, other] = [0, 1].map(() => [0, 1, 2].map(() => zerosArray(shape, "float32")));
  const corrections = zerosArray([2], "float32");
  const [a, b] = [zerosArray([curves, 2], "float32"), zerosArray([curves, 2], "float32")];
  return {
    async solve(from, to) {
      a.data.set(from);
      b.data.set(to);
      let [state, next]: NdArray[][] = [one, other];
      for (const array of state) array.data.fill(0);
      for (let i = 1; i <= STEPS; i++) {
        corrections.data[0] = 1 / (1 - 0.9 ** i);
        corrections.data[1] = 1 / (1 - 0.999 ** i);
        await program.run([...state, a, b, corrections], next);
        [state, next] = [next, state];
      }
      return Float32Array.from(state[0].data);
    },
    release: () => program.release(),
  };
}

/** The spline of one curve at `count` points. [count, 2] */
export function baselineCurve(
  parameters: Float32Array,
  from: ArrayLike<number>,
  to: ArrayLike<number>,
  count: number,
): Float64Array {
  const basis = splineBasis(count);
  const curve = new Float64Array(count * 2);
  for (let i = 0; i < count; i++) {
    const t = i / (count - 1);
    for (let k = 0; k < 2; k++) {
      let value = (1 - t) * from[k] + t * to[k];
      for (let p = 0; p < PARAMETERS; p++) value += basis[i * PARAMETERS + p] * parameters[2 * p + k];
      curve[2 * i + k] = value;
    }
  }
  return curve;
}

/**
 * The explicit Runge-Kutta pair of order 5(4) of Dormand and Prince (1980) on the host, for a batch of independent
 * autonomous systems y' = f(y), each with a step size of its own. Between steps the continuous extension of order 4
 * of Hairer, Norsett and Wanner (Solving Ordinary Differential Equations I, II.6) gives the solution at any time.
 *
 * Axes: N trajectories, m values of the state.
 */

/** The right-hand side for the whole batch: `[N * m] -> [N * m]`. Values that are not finite make a step fail. */
export type RightHandSide = (states: Float64Array) => Promise<Float64Array>;

export interface IntegrationOptions {
  /** Integrate over [0, duration]. */
  readonly duration: number;
  /** Local error allowed in one step, relative to `scale`. */
  readonly tolerance: number;
  /** Steps allowed for each trajectory, refused ones included. */
  readonly maxSteps: number;
  /** Sizes of the state's values that errors are measured against: `scale(states, slopes)[N * m]`, above zero. */
  readonly scale: (states: Float64Array, slopes: Float64Array) => Float64Array;
  /** This many equal steps without error control, for measurements of the order. */
  readonly fixedSteps?: number;
  /** Rising times within [0, duration] at which the solution is wanted. */
  readonly times?: ArrayLike<number>;
  readonly signal?: AbortSignal;
}

/** How one trajectory ended. */
export type Ending = "finished" | "notFinite" | "stepLimit" | "aborted";

export interface Integration {
  /** States at the end, or where the trajectory stopped. [N * m] */
  readonly states: Float64Array;
  /** The time reached. [N] */
  readonly reached: Float64Array;
  readonly endings: readonly Ending[];
  /** Steps taken, refused ones included. [N] */
  readonly steps: Int32Array;
  /** States at `times`, NaN at times that were not reached. [N * times * m] */
  readonly path: Float64Array;
}

const A = [
  [1 / 5],
  [3 / 40, 9 / 40],
  [44 / 45, -56 / 15, 32 / 9],
  [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
  [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
  [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
];
// Order 5 minus order 4.
const E = [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40];
// The continuous extension.
const D = [
  -12715105075 / 11282082432,
  0,
  87487479700 / 32700410799,
  -10690763975 / 1880347072,
  701980252875 / 199316789632,
  -1453857185 / 822651844,
  69997945 / 29380423,
];
const SMALLEST = 1e-13; // of the duration: a step below this means that the solution cannot go on

/** Integrates a batch from `initial`, `[N * m]`. Trajectories that stop early say so; nothing throws. */
export async function integrate(
  f: RightHandSide,
  initial: Float64Array,
  count: number,
  options: IntegrationOptions,
): Promise<Integration> {
  const m = initial.length / count;
  const { duration, tolerance, maxSteps, times = [], fixedSteps } = options;
  const y = Float64Array.from(initial);
  const reached = new Float64Array(count);
  const step = new Float64Array(count).fill(fixedSteps ? duration / fixedSteps : duration / 20);
  const steps = new Int32Array(count);
  const endings: (Ending | undefined)[] = new Array(count).fill(duration === 0 ? "finished" : undefined);
  const path = new Float64Array(count * times.length * m).fill(Number.NaN);
  const nextTime = new Int32Array(count);
  const record = (i: number, from: number, to: number, at: (theta: number, k: number) => number) => {
    for (; nextTime[i] < times.length && times[nextTime[i]] <= to; nextTime[i]++) {
      const theta = to === from ? 0 : (times[nextTime[i]] - from) / (to - from);
      for (let k = 0; k < m; k++) path[(i * times.length + nextTime[i]) * m + k] = at(theta, k);
    }
  };
  for (let i = 0; i < count; i++) record(i, 0, 0, (_, k) => y[i * m + k]);
  const slopes: Float64Array[] = [Float64Array.from(await f(y))];
  const stage = new Float64Array(y.length);
  const finiteAt = (values: Float64Array, i: number) => values.subarray(i * m, (i + 1) * m).every(Number.isFinite);
  for (let i = 0; i < count; i++) if (!finiteAt(slopes[0], i) || !finiteAt(y, i)) endings[i] ??= "notFinite";

  while (endings.includes(undefined)) {
    for (let i = 0; i < count; i++) {
      if (options.signal?.aborted) endings[i] ??= "aborted";
      if (steps[i] >= maxSteps) endings[i] ??= "stepLimit";
      if (endings[i] !== undefined) step[i] = 0;
      else if (reached[i] + 1.01 * step[i] >= duration) step[i] = duration - reached[i];
    }
    if (!endings.includes(undefined)) break;
    for (let s = 0; s < 6; s++) {
      for (let i = 0; i < count; i++)
        for (let q = i * m; q < (i + 1) * m; q++) {
          let change = 0;
          if (step[i] !== 0) for (let r = 0; r <= s; r++) change += A[s][r] * slopes[r][q];
          stage[q] = y[q] + step[i] * change;
        }
      slopes[s + 1] = Float64Array.from(await f(stage));
    }
    const scale = options.scale(y, slopes[0]); // the last stage is the new state
    for (let i = 0; i < count; i++) {
      if (endings[i] !== undefined) continue;
      steps[i]++;
      const h = step[i];
      const finite = slopes.every((k) => finiteAt(k, i)) && finiteAt(stage, i);
      let error = 0;
      for (let q = i * m; q < (i + 1) * m; q++) {
        let e = 0;
        for (let r = 0; r < 7; r++) e += E[r] * slopes[r][q];
        error += ((h * e) / (tolerance * scale[q])) ** 2; // squares of tiny sizes would vanish
      }
      error = Math.sqrt(error / m);
      if (!finite || (fixedSteps === undefined && !(error <= 1))) {
        step[i] = finite ? h * Math.max(0.2, 0.9 * error ** -0.2) : h / 4;
        if (step[i] < SMALLEST * duration || fixedSteps !== undefined) endings[i] = "notFinite";
        continue;
      }
      const before = reached[i];
      const done = fixedSteps === undefined ? h === duration - before : steps[i] >= fixedSteps;
      reached[i] = done ? duration : before + h;
      record(i, before, reached[i], (theta, k) => {
        const q = i * m + k;
        const rise = stage[q] - y[q];
        const start = h * slopes[0][q] - rise;
        const end = rise - h * slopes[6][q] - start;
        let rest = 0;
        for (let r = 0; r < 7; r++) rest += h * D[r] * slopes[r][q];
        const back = 1 - theta;
        return y[q] + theta * (rise + back * (start + theta * (end + back * rest)));
      });
      y.set(stage.subarray(i * m, (i + 1) * m), i * m);
      slopes[0].set(slopes[6].subarray(i * m, (i + 1) * m), i * m);
      if (done) endings[i] = "finished";
      else if (fixedSteps === undefined) step[i] = h * Math.min(5, Math.max(0.2, 0.9 * error ** -0.2));
    }
  }
  return { states: y, reached, endings: endings as Ending[], steps, path };
}

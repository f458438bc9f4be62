/**
 * A trained flow on the host: log densities of points, samples with their log densities. Two integrators:
 *
 * - fixed: the Runge-Kutta steps that the flow was trained with, in one compiled program;
 * - adaptive: Dormand-Prince 5(4) with a step size for each point and an error bound (`geodesics/dormand-prince.ts`).
 *   The field is asked at projections to the manifold, so a path cannot leave it by more than the tolerance, and ends
 *   are projected.
 *
 * Axes: N points, n coordinates, m values of the state (z, time, int div f).
 */
import {
  add,
  type Compiled,
  compile,
  concat,
  expandDims,
  type NdArray,
  ndarray,
  neg,
  slice,
  sub,
  type Tensor,
} from "../engine/index.js";
import { expectThat, RunError } from "../errors.js";
import { type IntegrationOptions, integrate } from "../geodesics/dormand-prince.js";
import { checkPoints } from "../manifolds/index.js";
import type { RandomKey } from "../numerics/random.js";
import { chartOf } from "./charts.js";
import { velocityAndDivergence } from "./fields.js";
import {
  baseLogDensity,
  carryFixed,
  type Flow,
  flowFromBase,
  flowLogDensity,
  formOf,
  sampleFlowBase,
} from "./model.js";
import { checkReach } from "./reach.js";
import { flowSpace, manifoldOf } from "./shape.js";

export interface EvaluateFlowOptions {
  /** Default "fixed". */
  readonly integrator?: "fixed" | "adaptive";
  /** Of the adaptive integrator: error allowed in one step; default 1e-6. */
  readonly tolerance?: number;
  /** Steps allowed for a point; default 2,000. */
  readonly maxSteps?: number;
  /** Default: float32 for fixed steps, float64 for adaptive ones. */
  readonly precision?: "float32" | "float64";
  /** Points in one run of the program; default 1,024. */
  readonly chunk?: number;
  readonly threads?: number;
}

export interface FlowSamples {
  /** [count, n] */
  readonly points: NdArray;
  /** [count] */
  readonly logDensity: Float64Array;
}

export interface FlowEvaluator {
  /**
   * log p of points [N, n], with respect to the Riemannian volume.
   * @throws UsageError for points off the manifold or beyond the reach of flows (`reach.ts`); RunError naming the first point whose integration fails
   */
  logDensity(points: NdArray): Promise<Float64Array>;
  /** `count` draws. */
  sample(key: RandomKey, count: number): Promise<FlowSamples>;
  /** Where the flow carries points of its own space, and int div f along the way: for tests and pictures. */
  carry(z: NdArray, direction: "forward" | "backward"): Promise<{ end: NdArray; divergence: Float64Array }>;
  dispose(): Promise<void>;
}

/** @throws UsageError for a tolerance or chunk out of range */
export function evaluateFlow(flow: Flow, options: EvaluateFlowOptions = {}): FlowEvaluator {
  const { integrator = "fixed", tolerance = 1e-6, maxSteps = 2000, chunk = 1024, threads } = options;
  const precision = options.precision ?? (integrator === "fixed" ? "float32" : "float64");
  expectThat(
    tolerance >= 1e-12 && tolerance <= 0.1,
    () => `evaluateFlow: tolerance is ${tolerance}; give an error a step from 1e-12 to 0.1.`,
  );
  expectThat(
    Number.isInteger(chunk) && chunk >= 1,
    () => `evaluateFlow: chunk is ${chunk}; give a whole number of points from 1.`,
  );
  const { shape, parameters } = flow;
  const manifold = manifoldOf(shape.manifold);
  const space = flowSpace(shape);
  const chart = chartOf(shape);
  const form = formOf(shape);
  const [n, own] = [manifold.coordinates, space.coordinates];
  const programs: Compiled[] = [];
  const program = (f: (...args: any[]) => any): Compiled => {
    const compiled = compile(f, { precision, threads });
    programs.push(compiled);
    return compiled;
  };

  /** A program over rows, fed in chunks of one size (the last one filled up with its first row). */
  const inChunks = async (
    inputs: readonly NdArray[],
    run: (rows: NdArray[], start: number, size: number) => Promise<NdArray[]>,
  ): Promise<Float64Array[]> => {
    const N = inputs[0].shape[0];
    const rows = Math.min(chunk, Math.max(N, 1));
    const results: Float64Array[] = [];
    for (let start = 0; start < N; start += rows) {
      const size = Math.min(rows, N - start);
      const parts = inputs.map(({ data, shape: s }) => {
        const width = data.length / N;
        const part = new Float64Array(rows * width);
        for (let i = 0; i < rows; i++) {
          const from = (start + (i < size ? i : 0)) * width;
          for (let j = 0; j < width; j++) part[i * width + j] = data[from + j] as number;
        }
        return ndarray(part, [rows, ...s.slice(1)]);
      });
      const out = await run(parts, start, size);
      out.forEach((array, k) => {
        const width = array.data.length / rows;
        results[k] ??= new Float64Array(N * width);
        for (let i = 0; i < size * width; i++) results[k][start * width + i] = array.data[i] as number;
      });
    }
    return results;
  };

  const density = program((x: Tensor) => [flowLogDensity(shape, parameters, x)]);
  const fromBase = program((z: Tensor) => {
    const { points, logDensity } = flowFromBase(shape, parameters, z);
    return [points, logDensity];
  });
  const toFlow = program((x: Tensor) => [chart.toFlow(x)]);
  const finish = program((x: Tensor, z: Tensor, end: Tensor, divergence: Tensor) => [
    chart.logDensity(x, z, add(baseLogDensity(shape, end), slice(divergence, [null, 0]))),
  ]);
  const leave = program((z: Tensor) => [chart.fromFlow(z)]);
  const baseDensity = program((z: Tensor) => [baseLogDensity(shape, z)]);
  const slopeProgram = (sign: 1 | -1) =>
    program((state: Tensor) => {
      const z = space.traced.projectPoint(slice(state, [null, [0, own]]));
      const t = slice(state, [null, [own, own + 1]]);
      const value = velocityAndDivergence(form, shape, parameters, z, t);
      const one = add(sub(t, t), sign);
      const velocity = sign > 0 ? value.velocity : neg(value.velocity);
      return concat([velocity, one, expandDims(value.divergence, 1)], -1);
    });
  const slopes = { forward: slopeProgram(1), backward: slopeProgram(-1) };

  /** Dormand-Prince for rows [N, own]. */
  const carryAdaptively = async (z: NdArray, direction: "forward" | "backward", label: (row: number) => string) => {
    const m = own + 2;
    const [end, divergence] = await inChunks([z], async ([rows], start, size) => {
      const count = rows.shape[0];
      const state = new Float64Array(count * m);
      for (let i = 0; i < count; i++) {
        state.set(rows.data.subarray(i * own, (i + 1) * own) as Float64Array, i * m);
        state[i * m + own] = direction === "forward" ? 0 : 1;
      }
      const settings: IntegrationOptions = {
        duration: 1,
        tolerance,
        maxSteps,
        scale: (states) => new Float64Array(states.length).fill(1),
      };
      const f = async (states: Float64Array) => {
        const out: NdArray = await slopes[direction](ndarray(states, [count, m]));
        return Float64Array.from(out.data as ArrayLike<number>);
      };
      const result = await integrate(f, state, count, settings);
      for (let i = 0; i < size; i++)
        if (result.endings[i] !== "finished")
          throw new RunError(
            `${label(start + i)}: the flow could not be integrated beyond time ${result.reached[i].toPrecision(3)} of 1 (${result.endings[i] === "stepLimit" ? `more than ${maxSteps} steps` : "its field is not finite there"}); use a larger tolerance, or train with a smaller learning rate.`,
          );
      const ends = new Float64Array(count * own);
      for (let i = 0; i < count; i++) ends.set(space.projectPoint(result.states.subarray(i * m, i * m + own)), i * own);
      const gains = Float64Array.from({ length: count }, (_, i) => result.states[i * m + own + 1]);
      return [ndarray(ends, [count, own]), ndarray(gains, [count, 1])];
    });
    return { end: ndarray(end, [z.shape[0], own]), divergence: ndarray(divergence, [z.shape[0], 1]) };
  };

  const checkFinite = (values: Float64Array, label: string) => {
    const bad = values.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0)
      throw new RunError(
        `${label} ${bad}: the log density became ${values[bad]}, so the flow blows up there; use the adaptive integrator, or train with a smaller learning rate.`,
      );
    return values;
  };

  const logDensity = async (points: NdArray): Promise<Float64Array> => {
    checkPoints(manifold, "points", points);
    checkReach(manifold, "points", points);
    if (integrator === "fixed") {
      const [values] = await inChunks([points], async ([x]) => density(x));
      return checkFinite(values ?? new Float64Array(), "point");
    }
    const [values] = await inChunks([points], async ([x], start) => {
      const [z]: NdArray[] = await toFlow(x);
      const count = x.shape[0];
      const { end, divergence } = await carryAdaptively(z, "forward", (row) => `point ${start + (row % count)}`);
      return finish(x, z, end, divergence);
    });
    return checkFinite(values ?? new Float64Array(), "point");
  };

  return {
    logDensity,
    async sample(key, count) {
      expectThat(Number.isInteger(count) && count >= 1, () => `sample: count is ${count}; give a whole number from 1.`);
      const base = sampleFlowBase(shape, key, count);
      if (integrator === "fixed") {
        const [points, values] = await inChunks([base], async ([z]) => fromBase(z));
        return { points: ndarray(points, [count, n]), logDensity: checkFinite(values, "draw") };
      }
      const { end, divergence } = await carryAdaptively(base, "backward", (row) => `draw ${row}`);
      const [points] = await inChunks([end], async ([z]) => leave(z));
      const drawn = ndarray(points, [count, n]);
      if (shape.method !== "riemannian") return { points: drawn, logDensity: await logDensity(drawn) };
      const [atBase] = await inChunks([base], async ([z]) => baseDensity(z));
      return { points: drawn, logDensity: atBase.map((value, i) => value + (divergence.data[i] as number)) };
    },
    async carry(z, direction) {
      if (integrator === "adaptive") {
        const { end, divergence } = await carryAdaptively(z, direction, (row) => `point ${row}`);
        return { end, divergence: Float64Array.from(divergence.data as ArrayLike<number>) };
      }
      const fixed = program((start: Tensor) => {
        const result = carryFixed(flow, start, direction);
        return [result.end, result.divergence];
      });
      const [end, divergence] = await inChunks([z], async ([rows]) => fixed(rows));
      return { end: ndarray(end, z.shape), divergence };
    },
    async dispose() {
      await Promise.all(programs.map((compiled) => compiled.dispose()));
    },
  };
}

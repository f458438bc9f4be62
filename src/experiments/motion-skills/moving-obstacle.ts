/**
 * Geodesics around obstacles that move, at the pace of a display. What does not change is tabulated once over the latent
 * plane: the tensor P of the part that obstacles multiply, the tensor R of the rest, the decoded positions p. For obstacles
 * at new places the table of
 *
 *   G = (1 + sum_k s_k exp(-|p - o_k|^2 / (2 r_k^2))) P + R
 *
 * is put together on the host, and Newton's method in plain JavaScript goes on from the last curve (see
 * `geodesics/surrogate.ts`). Nothing is compiled again. A search from scratch takes the shortest path on a grid over
 * the same table.
 *
 * Axes: M nodes of the table, T points of a curve, D coordinates of a position.
 */
import { compile, concat, type NdArray, ndarray, reshape, type Tensor } from "../../engine/index.js";
import { feedNewton, type NewtonStatus, newtonMachine, startNewton } from "../../geodesics/newton.js";
import {
  type Box,
  buildSurrogate,
  evaluateSurrogate,
  type Surrogate,
  surrogateWorkspace,
} from "../../geodesics/surrogate.js";
import type { LatentMetric, Obstacle } from "../../metrics/index.js";
import { constantSpeed } from "../../numerics/resample.js";
import { type GridPath, geodesicsOnTable, stepsOnTable } from "../mocap/grid-geodesic.js";

export interface MovingObstacles {
  /**
   * The shortest of the geodesics around the obstacles that descent from `starts` [T, 2] leads to: the last curve, and the
   * free geodesic, so that a curve that an obstacle drags along lets go when it is past.
   */
  follow(starts: readonly Float64Array[], obstacles: readonly Obstacle[]): Promise<MovedGeodesic>;
  /** The shortest path around the obstacles, from scratch. */
  search(
    from: readonly number[],
    to: readonly number[],
    points: number,
    obstacles: readonly Obstacle[],
  ): Promise<GridPath>;
  /** Length of a curve [T, 2] among obstacles. */
  lengthOf(curve: Float64Array, obstacles: readonly Obstacle[]): Promise<number>;
}

export interface MovedGeodesic {
  /** At constant speed. [T, 2] */
  readonly curve: Float64Array;
  readonly length: number;
  readonly iterations: number;
  readonly converged: boolean;
  /** With making the table. */
  readonly milliseconds: number;
}

/** Nodes of the table along each side. */
const SIZE = 112;

/** Tabulates `hindered` (the part that obstacles multiply), `rest` and positions over a box. */
export async function movingObstacles(
  hindered: LatentMetric,
  rest: LatentMetric,
  position: (z: Tensor) => Tensor,
  box: Box,
  options: { readonly size?: number; readonly threads?: number } = {},
): Promise<MovingObstacles> {
  const { size = SIZE, threads = 1 } = options;
  const program = compile(
    (z: Tensor) => {
      const flat = (metric: LatentMetric) => reshape(metric.metricTensor(z), [z.shape[0], 4]);
      return concat([flat(hindered), flat(rest), position(z)], 1);
    },
    { threads },
  );
  const pieces: Float32Array[] = [];
  let width = 0;
  // One pass in the order of the table's nodes; what this surrogate is, is of no use.
  await buildSurrogate(
    async (points) => {
      const values: NdArray = await program(ndarray(Float32Array.from(points), [points.length / 2, 2]));
      width = values.shape[1];
      pieces.push(Float32Array.from(values.data));
      return new Float64Array(2 * points.length);
    },
    box,
    size,
  );
  await program.dispose();
  const D = width - 8;

  const tableOf = (obstacles: readonly Obstacle[]): Promise<Surrogate> => {
    let chunk = 0;
    return buildSurrogate(
      async (points) => {
        const stored = pieces[chunk++];
        const M = points.length / 2;
        const out = new Float64Array(4 * M);
        for (let i = 0; i < M; i++) {
          const at = i * width;
          let factor = 1;
          for (const { centre, radius, strength = 100 } of obstacles) {
            let square = 0;
            for (let k = 0; k < D; k++) square += (stored[at + 8 + k] - centre[k]) ** 2;
            factor += strength * Math.exp(-square / (2 * radius * radius));
          }
          for (let k = 0; k < 4; k++) out[4 * i + k] = factor * stored[at + k] + stored[at + 4 + k];
        }
        return out;
      },
      box,
      size,
    );
  };
  const descend = (table: Surrogate, start: Float64Array) => {
    const T = start.length / 2;
    const [machine, workspace] = [newtonMachine(T, 2), surrogateWorkspace(T)];
    const diagonal = Math.hypot(box.upper[0] - box.lower[0], box.upper[1] - box.lower[1]);
    startNewton(machine, start);
    let status: NewtonStatus = "running";
    while (status === "running") {
      evaluateSurrogate(table, machine.trial, workspace);
      if (!workspace.inside && machine.iterations > 0) workspace.energy = Number.POSITIVE_INFINITY;
      status = feedNewton(machine, workspace, {
        tolerance: 1e-4,
        maxIterations: 60,
        noise: 1e-13,
        maxStep: 0.02 * diagonal,
      });
    }
    const steps = stepsOnTable(table, machine.nodes);
    return {
      curve: constantSpeed(machine.nodes, 2, steps, T, true),
      length: sum(steps),
      iterations: machine.iterations,
      converged: status === "converged",
    };
  };
  const sum = (values: Float64Array) => values.reduce((total, x) => total + x, 0);
  return {
    async follow(starts, obstacles) {
      const begun = performance.now();
      const table = await tableOf(obstacles);
      const ways = starts.map((start) => descend(table, start));
      const best = ways.reduce((a, b) => (b.length < a.length ? b : a));
      return { ...best, milliseconds: performance.now() - begun };
    },
    async search(from, to, points, obstacles) {
      const begun = performance.now();
      const grid = await geodesicsOnTable(await tableOf(obstacles));
      const path = grid.between(from, to, points);
      return { ...path, milliseconds: performance.now() - begun };
    },
    lengthOf: async (curve, obstacles) => sum(stepsOnTable(await tableOf(obstacles), curve)),
  };
}

/**
 * Obstacles: any metric made dear where what is decoded comes near to given places, so that geodesics go around them.
 * With p(z) the decoded position, centres o_k, radii r_k and strengths s_k,
 *
 *   G_o(z) = (1 + sum_k s_k exp(-|p(z) - o_k|^2 / (2 r_k^2))) G(z),
 *
 * the pullback of the ambient metric that Beik-Mohammadi, Hauberg, Arvanitidis, Neumann and Rozo, "Learning Riemannian
 * manifolds for geodesic motion skills" (RSS 2021), put around obstacles. A conformal factor: angles stay, and lengths
 * grow by up to sqrt(1 + s) at a centre. A bump has no edge, and a path goes through it where a detour is dearer: raise
 * the strength, or draw the curves of `obstacleFactor`. For a metric of several parts (position and orientation), give
 * obstacles to the part that they are about and add the others (`sumMetric`).
 *
 * Axes: N points, D coordinates of a position, K obstacles.
 */
import {
  add,
  array,
  div,
  exp,
  log,
  mul,
  type NdArray,
  type Operand,
  reshape,
  square,
  sub,
  sum,
  type Tensor,
} from "../engine/index.js";
import { expectThat } from "../errors.js";
import { conformalMetric } from "./combine.js";
import type { LatentMetric } from "./metric.js";

/** A place to go around. */
export interface Obstacle {
  /** o, in the position's units. [D] */
  readonly centre: readonly number[];
  /** r, in the same units: half of the strength is left at 1.18 r. */
  readonly radius: number;
  /** s: G grows by 1 + s at the centre; default 100, which makes lengths ten times as long. */
  readonly strength?: number;
}

/** Obstacles as arrays, or as inputs of a compiled program: then they can move without compiling again. */
export interface ObstacleArrays {
  /** [K, D] */
  readonly centres: Operand;
  /** [K] */
  readonly radii: Operand;
  /** [K] */
  readonly strengths: Operand;
}

const DEFAULT_STRENGTH = 100;

/**
 * `metric` with obstacles in the space of decoded positions.
 * @param position p, traceable `[N, d] -> [N, D]`, row by row, such as the decoder's mean
 * @throws UsageError for an empty list, centres of different sizes, radii or strengths that are not positive
 * @example
 *   const around = withObstacles(metric, (z) => decoder(z).mean, [{ centre: [0.5, 0], radius: 0.1 }]);
 *   const { curve } = await connect(around, from, to);
 */
export function withObstacles(
  metric: LatentMetric,
  position: (z: Tensor) => Tensor,
  obstacles: readonly Obstacle[] | ObstacleArrays,
): LatentMetric {
  const arrays = isList(obstacles) ? obstacleArrays(obstacles) : obstacles;
  return conformalMetric(
    metric,
    (z) => mul(0.5, log(obstacleFactor(position(z), arrays))),
    `${metric.name}, with obstacles`,
  );
}

/**
 * `1 + sum_k s_k exp(-|p - o_k|^2 / (2 r_k^2))` at positions, `[N, D] -> [N]`: 1 far from all. Traceable; its contours
 * are worth a picture.
 */
export function obstacleFactor(positions: Operand, obstacles: readonly Obstacle[] | ObstacleArrays): Tensor {
  const { centres, radii, strengths } = isList(obstacles) ? obstacleArrays(obstacles) : obstacles;
  const [n, D] = (positions as Tensor).shape;
  const K = (centres as Tensor).shape[0];
  expectThat(
    (centres as Tensor).shape[1] === D,
    () => `withObstacles: centres have ${(centres as Tensor).shape[1]} coordinates, and positions ${D}; give ${D}.`,
  );
  const offsets = sub(reshape(positions, [n, 1, D]), reshape(centres, [1, K, D])); // [N, K, D]
  const bumps = exp(mul(-0.5, div(sum(square(offsets), -1), square(radii)))); // [N, K]
  return add(1, sum(mul(strengths, bumps), -1));
}

function isList(obstacles: readonly Obstacle[] | ObstacleArrays): obstacles is readonly Obstacle[] {
  return Array.isArray(obstacles);
}

/**
 * A list of obstacles as arrays: what a compiled program takes as input.
 * @throws UsageError as `withObstacles`
 */
export function obstacleArrays(obstacles: readonly Obstacle[]): {
  readonly centres: NdArray;
  readonly radii: NdArray;
  readonly strengths: NdArray;
} {
  expectThat(
    obstacles.length > 0,
    "withObstacles: the list of obstacles is empty; give one, or take the metric itself.",
  );
  const D = obstacles[0].centre.length;
  obstacles.forEach(({ centre, radius, strength = DEFAULT_STRENGTH }, k) => {
    expectThat(
      centre.length === D && centre.length > 0 && centre.every(Number.isFinite),
      () => `withObstacles: the centre of obstacle ${k} is [${centre}]; give ${D} finite numbers.`,
    );
    expectThat(
      radius > 0 && radius < Infinity,
      () => `withObstacles: the radius of obstacle ${k} is ${radius}; give a number above 0, in units of the position.`,
    );
    expectThat(
      strength > 0 && strength < Infinity,
      () => `withObstacles: the strength of obstacle ${k} is ${strength}; give a number above 0, such as 100.`,
    );
  });
  return {
    centres: array(obstacles.map(({ centre }) => [...centre])),
    radii: array(obstacles.map(({ radius }) => radius)),
    strengths: array(obstacles.map(({ strength = DEFAULT_STRENGTH }) => strength)),
  };
}

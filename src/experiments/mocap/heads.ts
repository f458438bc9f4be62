/**
 * Decoder heads for poses and motions: how a network's outputs become parameters of a family, in units taken from the
 * data, so that an untrained network is the best constant law and outputs of size one are changes that matter.
 *
 *   position      mean = m + s u,        deviation^2 = s^2 (e^(2 t) + floor^2)          (normal)
 *   direction     mu = (m + s u) / |m + s u|,   1 / kappa = 1 / (k e^t) + 1 / cap       (von Mises-Fisher on blocks of p)
 *   angle         the same with p = 2 on (cos, sin)                                       (von Mises)
 *   axis          as direction, with the density of q and -q equal (unit quaternions)      (see motion-skills/antipodal)
 *
 * m, s, k: mean, spread, concentration of the training rows; u, t: outputs of the network. The direct form, theta = the
 * outputs, needs outputs of size kappa (thousands for a walk), and a VAE of it collapses or learns for minutes.
 *
 * Axes: N rows, B blocks of p coordinates.
 */
import { type Family, normal, vonMises, vonMisesFisher } from "../../distributions/families/index.js";
import {
  add,
  array,
  cos,
  div,
  exp,
  expandDims,
  log,
  mul,
  type NdArray,
  ndarray,
  neg,
  reciprocal,
  reshape,
  sin,
  slice,
  sqrt,
  square,
  stack,
  sub,
  sum,
  type Tensor,
} from "../../engine/index.js";

/** Columns of the data with one family. */
export interface Head {
  readonly name: string;
  readonly family: Family;
  readonly columns: readonly number[];
  /** What the encoder sees of the columns, `[N, E]`, of size one. Traceable. */
  features(x: Tensor): Tensor;
  /** P, outputs of the decoder's network. */
  readonly outputs: number;
  /** Outputs `[N, P]` to the family's parameters. Traceable. */
  parameters(outputs: Tensor): Record<string, Tensor>;
}

/** Least spread that counts, in units of a direction or of a radian. */
const LEAST_SPREAD = 1e-2;
/** Largest concentration: 1 / sqrt(cap) is 1.8 degrees about each axis, about what strides of one walk differ by. */
const CAP = 1e3;

/** Columns of real numbers with a normal law. `floor`: of the deviation, as a share of each column's. */
export function positionHead(name: string, columns: readonly number[], rows: NdArray, floor = 0.02): Head {
  const D = columns.length;
  const means = columns.map((j) => meanOf(rows, j));
  const spreads = columns.map((j, k) => Math.sqrt(meanOf(rows, j, (x) => (x - means[k]) ** 2)) || 1);
  const [m, s] = [array(means), array(spreads)];
  return {
    name,
    family: normal(),
    columns,
    features: (x) => div(sub(x, m), s),
    outputs: 2 * D,
    parameters(outputs) {
      const [u, t] = [slice(outputs, [null, [0, D]]), slice(outputs, [null, [D, 2 * D]])];
      const variance = add(exp(mul(2, t)), floor * floor);
      return { mean: add(m, mul(s, u)), logDeviation: add(mul(0.5, log(variance)), array(spreads.map(Math.log))) };
    },
  };
}

/** Unit vectors in blocks of `p` columns. */
export function directionHead(name: string, columns: readonly number[], rows: NdArray, p = 3): Head {
  const blocks = blocksOf(rows, columns, p);
  const head = blockHead(name, p, blocks);
  return {
    name,
    family: vonMisesFisher({ dimension: p }),
    columns,
    features: (x) => head.features(x),
    outputs: head.outputs,
    parameters: (outputs) => head.parameters(outputs),
  };
}

/** Angles in radians. */
export function angleHead(name: string, columns: readonly number[], rows: NdArray): Head {
  const [N, D] = rows.shape;
  const circles = new Float64Array(2 * N * columns.length);
  for (let i = 0; i < N; i++)
    columns.forEach((j, k) => {
      const angle = rows.data[i * D + j];
      circles[2 * (i * columns.length + k)] = Math.cos(angle);
      circles[2 * (i * columns.length + k) + 1] = Math.sin(angle);
    });
  const all = Array.from({ length: 2 * columns.length }, (_, k) => k);
  const head = blockHead(name, 2, blocksOf(ndarray(circles, [N, 2 * columns.length]), all, 2));
  return {
    name,
    family: vonMises(),
    columns,
    features: (x) => head.features(reshape(stack([cos(x), sin(x)], -1), [x.shape[0], 2 * columns.length])),
    outputs: head.outputs,
    parameters: (outputs) => head.parameters(outputs),
  };
}

/** Mean direction, spread and concentration of blocks of directions. */
export interface BlockStatistics {
  /** m, unit vectors. [B, p] */
  readonly means: number[][];
  /** s: root mean square deviation of a coordinate. [B] */
  readonly spreads: number[];
  /** k: the maximum-likelihood concentration, by its usual approximation. [B] */
  readonly concentrations: number[];
}

function blocksOf(rows: NdArray, columns: readonly number[], p: number): BlockStatistics {
  const [N, D] = rows.shape;
  const statistics: BlockStatistics = { means: [], spreads: [], concentrations: [] };
  for (let b = 0; b < columns.length / p; b++) {
    const sums = Array.from({ length: p }, (_, k) => {
      let total = 0;
      for (let i = 0; i < N; i++) total += rows.data[i * D + columns[b * p + k]] / N;
      return total;
    });
    addBlock(statistics, sums, p);
  }
  return statistics;
}

/** The statistics of one block from the mean of its unit vectors, R m. */
export function addBlock(statistics: BlockStatistics, mean: readonly number[], p: number): void {
  const R = Math.min(Math.hypot(...mean), 1 - 1e-12);
  statistics.means.push(mean.map((x) => x / Math.max(R, 1e-12)));
  statistics.spreads.push(Math.max(LEAST_SPREAD, Math.sqrt((1 - R * R) / (p - 1))));
  // Banerjee et al. (2005): kappa = R (p - R^2) / (1 - R^2)
  statistics.concentrations.push(Math.min(CAP / 2, Math.max(0.1, (R * (p - R * R)) / (1 - R * R))));
}

/** Features, outputs and theta of blocks of directions. */
export function blockHead(
  name: string,
  p: number,
  { means, spreads, concentrations }: BlockStatistics,
): Pick<Head, "features" | "outputs" | "parameters"> & { readonly name: string } {
  const B = means.length;
  const [m, s, k] = [array(means), array(spreads.map((x) => [x])), array(concentrations.map(Math.log))];
  return {
    name,
    outputs: B * (p + 1),
    features: (x) => reshape(div(sub(reshape(x, [x.shape[0], B, p]), m), s), [x.shape[0], B * p]),
    parameters(outputs) {
      const both = reshape(outputs, [outputs.shape[0], B, p + 1]);
      const u = slice(both, [null, null, [0, p]]);
      const t = slice(both, [null, null, p]); // [N, B]
      const towards = add(m, mul(s, u));
      const mu = div(towards, sqrt(add(sum(square(towards), -1, { keepDimensions: true }), 1e-12)));
      const kappa = reciprocal(add(exp(neg(add(k, t))), 1 / CAP));
      return { theta: mul(mu, expandDims(kappa, -1)) };
    },
  };
}

function meanOf(rows: NdArray, column: number, f: (x: number) => number = (x) => x): number {
  const [N, D] = rows.shape;
  let total = 0;
  for (let i = 0; i < N; i++) total += f(rows.data[i * D + column]) / N;
  return total;
}

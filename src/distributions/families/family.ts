/**
 * What a family of probability distributions is to the rest of the project: the likelihood of a decoder, p(x | eta),
 * one member for each row, with what its geometry needs.
 *
 * Parameters are a flat record of tensors, named, each with the rows first. They are kept in natural or logarithmic
 * coordinates (logits, log rates, kappa mu), in which straight interpolation stays inside the family and differences
 * of neighbours do not cancel. Data are rows of numbers, [N, D]; columns are independent unless a family says
 * otherwise. Wherever parameters and data meet, a single row on one side goes with all rows of the other.
 *
 * The Fisher information I(eta) is given by a root: a linear map A(eta) with A^T A = I(eta). With it
 *   w^T I w = |A w|^2 >= 0,    and the pullback by a decoder h is    J^T I J = (A J)^T (A J),
 * so that no P x P matrix is formed and no rounding makes a metric indefinite.
 */
import {
  add,
  mul,
  type NdArray,
  ndarray,
  type Operand,
  reshape,
  sizeOf,
  slice,
  square,
  sub,
  sum,
  type Tensor,
  transpose,
} from "../../engine/index.js";
import { UsageError } from "../../errors.js";
import type { RandomStream } from "../../numerics/random.js";
import type { Marginal } from "./marginals.js";

/** Named parameters, one member a row: tensors in a trace, host arrays outside. */
export type Parameters<T = Tensor> = { readonly [name: string]: T };

/** Which member `uncertain` means, where a family has no most uncertain one. */
export interface UncertainOptions {
  /** Normal: its standard deviation; exponential, gamma and Poisson: their mean. In units of the data. */
  readonly scale?: number;
}

/** Names for messages. */
export interface CheckOptions {
  /** What the data are called; default "data". */
  readonly name?: string;
  /** For a slice: the columns' numbers in the whole table; default 0, 1, ... */
  readonly columns?: readonly number[];
  /** What the whole table's columns are called; default 0, 1, ... */
  readonly columnWords?: readonly string[];
  /** The numbers that the rows have in their file; default 0, 1, ... */
  readonly rowNumbers?: readonly number[];
}

/**
 * Each column is location + scale xi, xi one law that is symmetric about 0 (in whatever unit makes `balance` simplest).
 * `balance` and `reach` are the slopes of E|a + b xi| = a balance(a / b) + b reach(a / b), b > 0. Traceable.
 */
export interface LocationScale {
  /** -> [N, D] each */
  at(parameters: Parameters<Operand>): { readonly location: Tensor; readonly scale: Tensor };
  /** P(xi < r) - P(xi > r) = 2 F(r) - 1, of each number. */
  balance(r: Tensor): Tensor;
  /** E[xi sgn(xi + r)], of each number. */
  reach(r: Tensor): Tensor;
}

export interface Family {
  readonly name: string;

  /**
   * P, the number of network outputs for D data columns.
   * @throws UsageError if the family has no members with D columns.
   */
  parameterCount(dataDimension: number): number;

  /** D, from P. @throws UsageError if P is no number of outputs of this family. */
  dataDimension(parameterCount: number): number;

  /**
   * Is every row in the support?
   * @param data [N, D] @throws UsageError, one sentence with row and column (counted from 0), value and remedy.
   */
  checkData(data: NdArray, options?: CheckOptions): void;

  /** Any real outputs of a network to parameters, smooth and safe in float32. [N, P]. Traceable. */
  fromNetwork(outputs: Operand): Parameters;

  /** log p(x | eta) of each row, in nats. x [N, D] -> [N]. Traceable. */
  logDensity(parameters: Parameters<Operand>, x: Operand): Tensor;

  /**
   * The expectation, in data space; for directional families the mean direction. -> [N, D]. Traceable.
   */
  mean(parameters: Parameters<Operand>): Tensor;

  /**
   * Where coordinates of the mean jump (angles): coordinates in which chords of neighbours measure how far the means
   * are apart, -> [N, E]; see `meanCoordinates`. Traceable.
   */
  meanEmbedding?(parameters: Parameters<Operand>): Tensor;

  /** Differential (or Shannon) entropy in nats, -> [N]. Traceable. */
  entropy(parameters: Parameters<Operand>): Tensor;

  /** KL(p || q) in nats, by terms that do not cancel for neighbours, -> [N]. Traceable. */
  klDivergence(p: Parameters<Operand>, q: Parameters<Operand>): Tensor;

  /**
   * A root of the Fisher information at `parameters`: a linear map from changes of the parameters (a record like
   * them, as `jvp` gives) to [N, M], with |A w|^2 = w^T I w. Traceable.
   */
  fisherRoot(parameters: Parameters<Operand>): (tangent: Parameters<Operand>) => Tensor;

  /** An isometric embedding of Fisher-Rao into flat space, -> [N, E], where the family has one. Traceable. */
  embedding?(parameters: Parameters<Operand>): Tensor;

  /**
   * Where Fisher-Rao has no flat embedding, but squared distances that agree with it to second order from values at
   * both ends alone: those values, [N, ...] each, and the squared distance, [N]. Traceable.
   */
  readonly chord?: {
    at(parameters: Parameters<Operand>): Parameters;
    squared(a: Parameters, b: Parameters): Tensor;
  };

  /** An isometric embedding of the 2-Wasserstein metric of the columns, -> [N, E], where closed. Traceable. */
  wasserstein2Embedding?(parameters: Parameters<Operand>): Tensor;

  /**
   * Where the 2-Wasserstein metric of the columns is closed but not flat (on the circle): a root of it, a linear map
   * from changes of the parameters to [N, M], like `fisherRoot`. Traceable.
   */
  wasserstein2Root?(parameters: Parameters<Operand>): (tangent: Parameters<Operand>) => Tensor;

  /** 1-Wasserstein distance of each column, -> [N, D], where there is a closed form. Traceable. */
  wasserstein1?(p: Parameters<Operand>, q: Parameters<Operand>): Tensor;

  /** Where columns are location-scale laws: what transport between them is made of. */
  readonly locationScale?: LocationScale;

  /** Squared 2-Wasserstein distance of each column, -> [N, D], where there is a closed form. Traceable. */
  wasserstein2Squared?(p: Parameters<Operand>, q: Parameters<Operand>): Tensor;

  /**
   * P(column <= point), -> [N, D, G] for G rising points, where it is elementary or a finite sum; of gamma and beta laws by
   * bins between the points, with an error of the second order in their distance (`binned.ts`). Traceable.
   */
  distributionFunction?(parameters: Parameters<Operand>, points: readonly number[]): Tensor;

  /** The density of each column at points (of the continuous law, where data are binned), -> [N, D, G]. Traceable. */
  marginalDensity?(parameters: Parameters<Operand>, points: readonly number[]): Tensor;

  /** The member of largest uncertainty, of the same shape as `parameters`. Blend with `interpolate`. Traceable. */
  uncertain(parameters: Parameters<Operand>, options?: UncertainOptions): Parameters;

  /** One draw a row, float64. Host. -> [N, D] */
  sample(parameters: Parameters<NdArray>, random: RandomStream): NdArray;

  /** The law of each column, [row][column], where columns are real numbers or angles, and independent. Host. */
  marginals?(parameters: Parameters<NdArray>): Marginal[][];

  /** Where data are binned: the law before binning, whose Wasserstein geometry is smooth. Host. */
  continuousMarginals?(parameters: Parameters<NdArray>): Marginal[][];
}

/** The mean in coordinates without jumps: the mean itself, and (cos, sin) where it is an angle. -> [N, E]. Traceable. */
export function meanCoordinates(family: Family, parameters: Parameters<Operand>): Tensor {
  return family.meanEmbedding?.(parameters) ?? family.mean(parameters);
}

/** `w^T I(eta) w` of each row: the squared Fisher-Rao length of a change w of the parameters. -> [N]. Traceable. */
export function fisherQuadratic(family: Family, parameters: Parameters<Operand>, tangent: Parameters<Operand>): Tensor {
  return sum(square(family.fisherRoot(parameters)(tangent)), -1);
}

/**
 * `(1 - weight) p + weight q`, coordinate by coordinate (natural or logarithmic ones: see above). Traceable.
 * @param weight [N], 0 to 1
 */
export function interpolate(p: Parameters<Operand>, q: Parameters<Operand>, weight: Operand): Parameters {
  return mapParameters(p, (value, name) => {
    const shape = shapeOfOperand(value);
    const rows = shapeOfOperand(weight);
    const w = rows.length === 0 ? weight : reshape(weight, [...rows, ...shape.slice(1).map(() => 1)]);
    return add(value, mul(w, sub(q[name], value)));
  });
}

/** A record with `f` applied to every parameter. */
export function mapParameters<T, R>(parameters: Parameters<T>, f: (value: T, name: string) => R): Parameters<R> {
  return Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, f(value, name)]));
}

export function shapeOfOperand(x: Operand): readonly number[] {
  return typeof x === "number" ? [] : x.shape;
}

/** Everything but the rows in one axis: [N, ...] -> [N, M]. */
export function flatRows(x: Tensor): Tensor {
  return x.shape.length === 2 ? x : reshape(x, [x.shape[0], sizeOf(x.shape.slice(1))]);
}

/** Sum over all axes but the rows. */
export function sumRows(x: Tensor): Tensor {
  return sum(
    x,
    x.shape.slice(1).map((_, i) => i + 1),
  );
}

/** [N, groups * size] -> [N, groups, size]. */
export function grouped(x: Operand, size: number): Tensor {
  const [rows, width] = shapeOfOperand(x);
  return reshape(x, [rows, width / size, size]);
}

/**
 * Groups in front, [..., K] -> [K, ...]: one slab for each number of a group. Sums over a group and what its members
 * share then run along whole slabs; the runtime is tens of times slower at them along a last axis of a few elements, and
 * at anything along a last axis of one. (By a transposition of two axes between reshapes, here and on the way back:
 * others the runtime's optimiser moves behind the work, to meet and cancel.)
 */
export function groupsFirst(x: Operand): Tensor {
  const shape = shapeOfOperand(x);
  const [K, others] = [shape[shape.length - 1], shape.slice(0, -1)];
  return reshape(transpose(reshape(x, [sizeOf(others), K])), [K, ...others]);
}

/** Groups behind again, in one axis with the columns: [K, N, S] -> [N, S K]. */
export function flatGroups(x: Tensor): Tensor {
  const [K, N, S] = x.shape;
  return reshape(transpose(reshape(x, [K, N * S])), [N, S * K]);
}

/** Sum over the first axis, which stays: [K, ...] -> [1, ...]. Few slabs are added one by one, which is faster. */
export function sumSlabs(x: Tensor): Tensor {
  const K = x.shape[0];
  if (K > 4) return sum(x, 0, { keepDimensions: true });
  return Array.from({ length: K }, (_, k) => slice(x, [[k, k + 1]])).reduce((a, b) => add(a, b));
}

/** P = each * D and back, for families whose columns come in groups of `group` with `each` outputs a group. */
export function countsPerGroup(
  name: string,
  group: number,
  each: number,
): Pick<Family, "parameterCount" | "dataDimension"> {
  const whole = (n: number, size: number) => Number.isInteger(n) && n >= 1 && n % size === 0;
  return {
    parameterCount(dataDimension) {
      if (!whole(dataDimension, group))
        throw new UsageError(
          `${name}: ${dataDimension} data columns do not form groups of ${group}; give a multiple of ${group}.`,
        );
      return (dataDimension / group) * each;
    },
    dataDimension(parameterCount) {
      if (!whole(parameterCount, each))
        throw new UsageError(
          `${name}: ${parameterCount} network outputs do not fit; it takes ${each} for every ${group === 1 ? "data column" : `${group} data columns`}.`,
        );
      return (parameterCount / each) * group;
    },
  };
}

/** [N, k * D] -> k parts [N, D]: the outputs of a network, parameter after parameter. */
export function outputShape(outputs: Operand): [number, number] {
  const shape = shapeOfOperand(outputs);
  if (shape.length !== 2) throw new UsageError(`fromNetwork: outputs have shape [${shape}]; give [N, P].`);
  return [shape[0], shape[1]];
}

/** Tests every number of the data; `problem` gives what is wanted and the remedy, or nothing where all is well. */
export function checkEach(
  family: string,
  data: NdArray,
  options: CheckOptions | undefined,
  wanted: string,
  accepts: (value: number) => boolean,
): void {
  const width = checkTable(data, options);
  for (let i = 0; i < data.data.length; i++) {
    const value = data.data[i];
    if (accepts(value)) continue;
    throw new UsageError(
      `${at(options, Math.floor(i / width), i % width)} is ${value}; the ${family} likelihood needs ${wanted}.`,
    );
  }
}

/** Tests groups of neighbouring columns (a site's probabilities, a direction's coordinates). */
export function checkGroups(
  family: string,
  data: NdArray,
  options: CheckOptions | undefined,
  size: number,
  wanted: string,
  problem: (group: ArrayLike<number>) => string | undefined,
): void {
  const width = checkTable(data, options);
  for (let row = 0; row < data.shape[0]; row++) {
    for (let start = 0; start < width; start += size) {
      const group = data.data.subarray(row * width + start, row * width + start + size);
      const found = problem(group);
      if (found === undefined) continue;
      throw new UsageError(
        `${at(options, row, start, start + size - 1)} ${found}; the ${family} likelihood needs ${wanted}.`,
      );
    }
  }
}

const column = (options: CheckOptions | undefined, j: number): number => options?.columns?.[j] ?? j;

/**
 * "data: row 3, column 2 (counted from 0)", "columns 2 to 4" with a last one; where the file has its own numbers of rows
 * and words for columns, those: `counts.csv: row 5, column "b"`.
 */
export function at(options: CheckOptions | undefined, row: number, first: number, last = first): string {
  const { name = "data", columnWords, rowNumbers } = options ?? {};
  const call = (j: number) => columnWords?.[column(options, j)] ?? `${column(options, j)}`;
  const columns = first === last ? `column ${call(first)}` : `columns ${call(first)} to ${call(last)}`;
  const counted = rowNumbers === undefined || columnWords === undefined ? " (counted from 0)" : "";
  return `${name}: row ${rowNumbers?.[row] ?? row}, ${columns}${counted}`;
}

function checkTable(data: NdArray, options: CheckOptions | undefined): number {
  if (data.shape.length !== 2)
    throw new UsageError(`${options?.name ?? "data"}: shape [${data.shape}] is no table; give [N, D].`);
  return data.shape[1];
}

/** A host array of draws, filled number by number. */
export function drawEach(shape: readonly number[], draw: (index: number) => number): NdArray {
  const data = new Float64Array(sizeOf(shape));
  for (let i = 0; i < data.length; i++) data[i] = draw(i);
  return ndarray(data, shape);
}

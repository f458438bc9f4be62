/**
 * Normal with a full covariance S = L L^T, for few columns (up to 8). L = diag(e^t) U with U unit lower triangular;
 * parameters the mean m [N, D], t [N, D] and the entries of U below the diagonal [N, D (D - 1) / 2], row by row.
 *
 *   log p = -1/2 |L^-1 (x - m)|^2 - sum t - D/2 log 2 pi;
 *   KL(1 || 2) = 1/2 [ sum_{i>j} M_ij^2 + sum_i psi(2 (t1_i - t2_i)) + |L2^-1 (m1 - m2)|^2 ],  M = L2^-1 L1;
 *   ds^2 = |L^-1 dm|^2 + 1/2 |A + A^T|^2 = |L^-1 dm|^2 + 2 sum A_ii^2 + sum_{i>j} A_ij^2,  A = L^-1 dL.
 */
import {
  add,
  array,
  concat,
  exp,
  expandDims,
  matmul,
  mul,
  type NdArray,
  ndarray,
  neg,
  type Operand,
  reshape,
  slice,
  solveTriangular,
  square,
  sub,
  sum,
  type Tensor,
  tanh,
  zeros,
} from "../../engine/index.js";
import { UsageError } from "../../errors.js";
import { checkEach, type Family, outputShape, type Parameters, shapeOfOperand } from "./family.js";
import { expMinusTangent, logPositive } from "./stable.js";

const HALF_LOG_TWO_PI = 0.5 * Math.log(2 * Math.PI);
const largestDimension = 8;
/** Bound of the entries of U that a network can give: correlations up to 0.99995. */
const largestEntry = 100;

/**
 * The normal family with full covariance. Parameters `mean`, `logDiagonal` (t) and `lower` (entries of U).
 * `uncertain` keeps the mean, with independent columns of standard deviation `scale` (default 10).
 */
export function fullNormal(options: { readonly smallest?: number } = {}): Family {
  const smallest = options.smallest ?? 1e-3;
  return {
    name: "full normal",
    parameterCount(D) {
      if (!(Number.isInteger(D) && D >= 1 && D <= largestDimension))
        throw new UsageError(
          `full normal: ${D} data columns are not supported; give 1 to ${largestDimension}, or use normal.`,
        );
      return (D * (D + 3)) / 2;
    },
    dataDimension: columnsFor,
    checkData(data, options) {
      checkEach(
        "full normal",
        data,
        options,
        "finite numbers; replace the value or leave the row out",
        Number.isFinite,
      );
    },
    fromNetwork(outputs) {
      const [, P] = outputShape(outputs);
      const D = columnsFor(P);
      return {
        mean: slice(outputs, [null, [0, D]]),
        logDiagonal: logPositive(slice(outputs, [null, [D, 2 * D]]), smallest),
        lower: mul(largestEntry, tanh(mul(1 / largestEntry, slice(outputs, [null, [2 * D, P]])))),
      };
    },
    logDensity(parameters, x) {
      const D = shapeOfOperand(parameters.mean)[1];
      const y = solve(parameters, columns(sub(x, parameters.mean)));
      return neg(add(mul(0.5, sumOfSquares(y)), add(sum(parameters.logDiagonal, -1), D * HALF_LOG_TWO_PI)));
    },
    mean: ({ mean }) => mul(mean, 1),
    entropy: ({ logDiagonal }) => sum(add(logDiagonal, HALF_LOG_TWO_PI + 0.5), -1),
    klDivergence(p, q) {
      const D = shapeOfOperand(p.mean)[1];
      const [L1, L2] = [factor(p), factor(q)];
      let total = sum(expMinusTangent(mul(2, sub(p.logDiagonal, q.logDiagonal))), -1);
      total = add(total, sumOfSquares(solve(q, columns(sub(p.mean, q.mean)))));
      for (let j = 0; j < D - 1; j++) {
        // below the diagonal L2^-1 L1 equals L2^-1 (L1 - L2), where neighbours do not cancel
        const difference = L1.map((line, i) => (j <= i ? sub(line[j], L2[i][j]) : undefined));
        total = add(total, sumOfSquares(solve(q, difference).slice(j + 1)));
      }
      return mul(0.5, total);
    },
    fisherRoot(parameters) {
      const [N, D] = shapeOfOperand(parameters.mean);
      const inverse = exp(neg(parameters.logDiagonal)); // 1 / s, L = diag(s) U
      const U = add(lowerMatrix(parameters.lower, N, D), identity(D));
      const doubled = array(triangle(D, (i, j) => (i > j ? 1 : i === j ? Math.SQRT2 : 0)));
      return (tangent) => {
        // L^-1 dm = U^-1 (dm / s) and L^-1 dL = U^-1 (diag(dt) U + dU), solved together
        const shift = expandDims(mul(tangent.mean, inverse), -1); // [N, D, 1]
        const change = add(mul(expandDims(tangent.logDiagonal, -1), U), lowerMatrix(tangent.lower, N, D));
        const solved = solveTriangular(U, concat([shift, change], 2)); // [N, D, D + 1]
        const A = mul(slice(solved, [null, null, [1, D + 1]]), doubled);
        return concat([reshape(slice(solved, [null, null, 0]), [N, D]), reshape(A, [N, D * D])], 1);
      };
    },
    uncertain: ({ mean, logDiagonal, lower }, { scale = 10 } = {}) => ({
      mean: mul(mean, 1),
      logDiagonal: add(mul(logDiagonal, 0), Math.log(scale)),
      lower: mul(lower, 0),
    }),
    sample({ mean, logDiagonal, lower }, random) {
      const [N, D] = mean.shape;
      const entriesOfRow = (D * (D - 1)) / 2;
      const data = new Float64Array(N * D);
      for (let n = 0; n < N; n++) {
        const noise = Float64Array.from({ length: D }, () => random.normal());
        let k = n * entriesOfRow;
        for (let i = 0; i < D; i++) {
          let y = noise[i];
          for (let j = 0; j < i; j++) y += lower.data[k++] * noise[j];
          data[n * D + i] = mean.data[n * D + i] + Math.exp(logDiagonal.data[n * D + i]) * y;
        }
      }
      return ndarray(data, [N, D]);
    },
  };
}

/** D, from P = D (D + 3) / 2. */
function columnsFor(P: number): number {
  for (let D = 1; D <= largestDimension; D++) if ((D * (D + 3)) / 2 === P) return D;
  throw new UsageError(
    `full normal: ${P} network outputs do not fit; it takes D (D + 3) / 2 for D columns, D up to ${largestDimension}.`,
  );
}

type Column = Tensor | undefined; // undefined: zeros

function columns(x: Operand): Tensor[] {
  return Array.from({ length: shapeOfOperand(x)[1] }, (_, j) => slice(x, [null, j]));
}

/** Entries below the diagonal, [i][j], from their list. */
function entries(lower: Operand, D: number): Column[][] {
  let k = 0;
  return Array.from({ length: D }, (_, i) => Array.from({ length: i }, () => slice(lower, [null, k++])));
}

/** [D][D] of numbers by row and column. */
function triangle(D: number, entry: (i: number, j: number) => number): number[][] {
  return Array.from({ length: D }, (_, i) => Array.from({ length: D }, (_, j) => entry(i, j)));
}

const identity = (D: number): NdArray => array(triangle(D, (i, j) => Number(i === j)));

/** Entries below the diagonal in their places, zeros elsewhere. [N, D (D - 1) / 2] -> [N, D, D] */
function lowerMatrix(lower: Operand, N: number, D: number): Tensor {
  if (D === 1) return zeros([N, 1, 1]);
  const places = triangle(D, (i, j) => i * D + j).flatMap((line, i) => line.slice(0, i));
  const spread = places.map((place) => Array.from({ length: D * D }, (_, k) => Number(k === place)));
  return reshape(matmul(lower, array(spread)), [N, D, D]);
}

function unitFactor({ mean, lower }: Parameters<Operand>): Column[][] {
  return entries(lower, shapeOfOperand(mean)[1]);
}

/** L, [i][j] for j <= i. */
function factor(parameters: Parameters<Operand>): Tensor[][] {
  const scales = columns(exp(parameters.logDiagonal));
  return unitFactor(parameters).map((line, i) => [...line.map((u) => mul(scales[i], u!)), scales[i]]);
}

/** L^-1 v by forward substitution; leading undefined entries are zeros. */
function solve(parameters: Parameters<Operand>, v: readonly Column[]): Column[] {
  const inverse = columns(exp(neg(parameters.logDiagonal)));
  const U = unitFactor(parameters);
  const y: Column[] = [];
  for (let i = 0; i < v.length; i++) {
    let value = v[i] && mul(v[i]!, inverse[i]);
    for (let j = 0; j < i; j++) {
      if (y[j] === undefined) continue;
      const term = mul(U[i][j]!, y[j]!);
      value = value === undefined ? neg(term) : sub(value, term);
    }
    y.push(value);
  }
  return y;
}

function sumOfSquares(parts: readonly Column[]): Tensor {
  return parts.map((part) => square(part!)).reduce((a, b) => add(a, b));
}

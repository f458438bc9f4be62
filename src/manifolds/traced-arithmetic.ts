/** Arithmetic inside a traced program: vectors are tensors [..., n], scalars tensors [..., 1]. See `arithmetic.ts`. */
import {
  add,
  atan,
  concat,
  constant,
  cos,
  div,
  exp,
  floor,
  less,
  log,
  logSumExp,
  maximum,
  minimum,
  mul,
  ndarray,
  type Operand,
  sin,
  slice,
  sqrt,
  stopGradient,
  sub,
  sum,
  type Tensor,
  tanh,
  where,
} from "../engine/index.js";
import type { Arithmetic } from "./arithmetic.js";
import { rule64 } from "./gauss-legendre.js";

const positions = ndarray(rule64.nodes.map((x) => (x + 1) / 2)); // in [0, 1]
const logWeights = ndarray(rule64.weights.map((w) => Math.log(w / 2)));

function lastAxis(x: Tensor, start: number, end: number): Tensor {
  if (start === 0 && end === x.shape[x.shape.length - 1]) return x;
  return slice(x, [...x.shape.slice(0, -1).map(() => null), [start, end] as const]);
}

export const traced: Arithmetic<Tensor, Tensor> = {
  add,
  sub,
  mul,
  div,
  max: maximum,
  min: minimum,
  sqrt,
  exp,
  log,
  sin,
  cos,
  tanh,
  atan,
  ifLess: (a, b, then, otherwise) => where(less(a, b), then, otherwise),
  frozen: stopGradient,
  logIntegral(logIntegrand, low, high) {
    const [from, to] = [stopGradient(low as Operand), stopGradient(high as Operand)];
    const width = sub(to, from); // [..., 1]
    const nodes = add(from, mul(width, positions)); // [..., 64]
    return add(log(width), logSumExp(add(logIntegrand(nodes), logWeights), -1, { keepDimensions: true }));
  },
  plus: add,
  minus: sub,
  times: mul,
  quotient: div,
  scale: mul,
  dot: (u, v) => sum(mul(u, v), -1, { keepDimensions: true }),
  sumOfLogarithms: (v) => sum(log(v), -1, { keepDimensions: true }),
  nearestWhole: (v) => floor(add(v, 0.5)),
  vector: (values) => constant(ndarray(Float64Array.from(values))),
  part: lastAxis,
  component: (v, index) => lastAxis(v, index, index + 1),
  join: (parts) => concat(parts, -1),
  asVector: (a) => a,
};

/**
 * Modified Bessel functions I_nu of the first kind, in logarithms and ratios, for a real order nu >= 0 and every
 * magnitude of the argument by one formula without branches.
 *
 * At a large order N = nu + n >= 20 the uniform expansion of Debye holds for all x (DLMF 10.41.3; its logarithm here):
 *   log I_N(x) = R - N log((N + R) / x) - 1/2 log(2 pi R) + sum_k D_k(N / R) / N^k,   R = sqrt(N^2 + x^2).
 * From there the recurrence I_{j-1} = I_{j+1} + (2 j / x) I_j leads down to nu. It has positive terms only, so nothing
 * cancels. The y_j below are I_j(x) ((N + R) / x)^(j - N) / I_N(x) divided by their value at x = 0: 1 at 0, and
 * never above 5e7.
 * Error of the expansion below 1e-15 (compared with 40-digit values for N from 20 on).
 */
import { UsageError } from "../../errors.js";
import { lift, type Operand, shapeOf, type Tensor } from "../tensor.js";
import { jvp } from "../transforms.js";
import { add, div, mul, neg, reciprocal, square, sub } from "./arithmetic.js";
import { asTensor, stopGradient } from "./common.js";
import { log, log1p, sqrt } from "./exponential.js";
import { ones } from "./shape.js";

const smallestExpanded = 20;
const expansionTerms = 11;

export interface BesselOptions {
  /** Subtract the argument: the logarithm of `e^-x` times the function, without cancellation; default false. */
  scaled?: boolean;
}

/**
 * `log I_nu(x)`, element by element, for x > 0 (at 0 it is 0 or minus infinity); with `scaled`, `log I_nu(x) - x`.
 * All derivatives are right to float precision; that of the logarithm is I_{nu+1}/I_nu + nu/x.
 * @param nu order, a real number >= 0. @throws UsageError for other orders.
 */
export function logBesselI(nu: number, x: Operand, options: BesselOptions = {}): Tensor {
  checkOrder("logBesselI", nu);
  const state = expansion(nu, x);
  const core = logarithm(state, options.scaled ?? false);
  if (nu === 0) return core;
  // nu log(x / (N + R)), without losing digits where the quotient is near 1
  const { order, root, x: argument } = state;
  const excess = div(add(div(order * order, add(root, argument)), order), argument);
  return sub(core, mul(nu, log1p(excess)));
}

/**
 * `I_{nu+1}(x) / I_nu(x)`, element by element, for x >= 0; with nu = p/2 - 1 this is A_p, the mean resultant length
 * of the von Mises-Fisher distribution on the sphere in R^p. Full relative precision, near 0 too.
 * @throws UsageError for an order that is not a number >= 0.
 */
export function besselRatio(nu: number, x: Operand): Tensor {
  checkOrder("besselRatio", nu);
  const state = expansion(nu, stopGradient(x));
  const [value, next] = descend(state);
  const ratio = div(mul(mul(state.x, state.u), mul(state.order / (nu + 1), next)), value);
  // The complement has the better derivatives: lend them.
  const complement = besselRatioComplement(nu, x);
  return add(ratio, sub(stopGradient(complement), complement));
}

/**
 * `1 - I_{nu+1}(x) / I_nu(x)`, element by element, for x >= 0, without the cancellation that the subtraction has for
 * large x.
 * @throws UsageError for an order that is not a number >= 0.
 */
export function besselRatioComplement(nu: number, x: Operand): Tensor {
  checkOrder("besselRatioComplement", nu);
  const argument = asTensor(lift(x));
  const value = (t: Tensor) => withoutPower(expansion(nu, t), true);
  return neg(jvp(value, [argument], [ones(shapeOf(argument))])[1]);
}

/**
 * `Phi(kappa) = log int exp(kappa mu.x) dx` over the unit sphere in R^p: the von Mises-Fisher log density is
 * `kappa mu.x - Phi(kappa)`. With `scaled`, `Phi(kappa) - kappa`, which stays small. Smooth through kappa = 0.
 * Phi' = A_p = `besselRatio(p / 2 - 1, kappa)`.
 * @param dimension p >= 2, the dimension of the space around the sphere. @param kappa concentrations >= 0, any shape
 * @throws UsageError for a dimension that is not a whole number >= 2.
 */
export function logVonMisesFisherNormalizer(dimension: number, kappa: Operand, options: BesselOptions = {}): Tensor {
  if (!(Number.isInteger(dimension) && dimension >= 2))
    throw new UsageError(
      `logVonMisesFisherNormalizer: dimension ${dimension} is no whole number >= 2; give that of the space around the sphere.`,
    );
  const nu = dimension / 2 - 1;
  return add(withoutPower(expansion(nu, kappa), options.scaled ?? false), (nu + 1) * Math.log(2 * Math.PI));
}

function checkOrder(operation: string, nu: number): void {
  if (!(Number.isFinite(nu) && nu >= 0))
    throw new UsageError(`${operation}: order ${nu} is not supported; give a finite number >= 0.`);
}

/** `log I_nu(x) + nu log((N + R) / x)`, less x if `scaled`: an even smooth function of x but for that x. */
function logarithm(state: Expansion, scaled: boolean): Tensor {
  const { nu, order, root, x, sum } = state;
  // R - N, or R - N - x
  const rise = scaled ? neg(mul(div(x, sum), add(div(order * order, add(root, x)), order))) : div(square(x), sum);
  const result = sub(
    add(rise, polynomial(debyeSum(order), state.t)),
    add(mul(0.5, log(root)), Math.log(2 * Math.PI) / 2 - order - startingLogarithm(nu, order)),
  );
  return order === nu ? result : add(result, log(descend(state)[0]));
}

/** log of y_nu at x = 0: sum of log(j / N) over the steps. */
function startingLogarithm(nu: number, order: number): number {
  let total = 0;
  for (let j = order; j > nu; j--) total += Math.log(j / order);
  return total;
}

/** `log(I_nu(x) / x^nu)`, less x if `scaled`. */
function withoutPower(state: Expansion, scaled: boolean): Tensor {
  const core = logarithm(state, scaled);
  return state.nu === 0 ? core : sub(core, mul(state.nu, log(state.sum)));
}

interface Expansion {
  readonly nu: number;
  /** N >= 20, a whole number of steps above nu. */
  readonly order: number;
  readonly x: Tensor;
  /** R = sqrt(N^2 + x^2). */
  readonly root: Tensor;
  /** N + R, and its reciprocal u. */
  readonly sum: Tensor;
  readonly u: Tensor;
  /** N / R. */
  readonly t: Tensor;
}

function expansion(nu: number, x: Operand): Expansion {
  const order = nu >= smallestExpanded ? nu : nu + Math.ceil(smallestExpanded - nu);
  const argument = asTensor(lift(x));
  const root = sqrt(add(square(argument), order * order));
  const sum = add(root, order);
  return { nu, order, x: argument, root, sum, u: reciprocal(sum), t: div(order, root) };
}

/** y_nu and y_{nu+1}, from y_N = 1 and y_{N+1} by the derivative of the expansion. */
function descend(state: Expansion): [Tensor, Tensor] {
  const { nu, order, x, root, sum, u, t } = state;
  let next: Tensor;
  let value: Tensor | number = 1;
  // I_{N+1} / (x I_N) = 1 / (N + R) - 1 / (2 R^2) - P'(t) N / R^3
  const inverse = reciprocal(root);
  const start = add(
    mul(0.5, square(inverse)),
    mul(polynomial(derivativeOf(debyeSum(order)), t), mul(order, mul(inverse, square(inverse)))),
  );
  next = mul((order + 1) / order, sub(1, mul(start, sum)));
  const [factor, squared] = [mul(2 * order, u), square(mul(mul(order, x), u))];
  for (let j = order; j > nu; j--)
    [value, next] = [add(mul(factor, value), mul(mul(1 / (j * (j + 1)), squared), next)), asTensor(lift(value))];
  return [asTensor(lift(value)), next];
}

/** Horner's rule; coefficients from the constant on. */
function polynomial(coefficients: readonly number[], x: Tensor): Tensor {
  let sum: Operand = coefficients[coefficients.length - 1];
  for (let i = coefficients.length - 2; i >= 0; i--)
    sum = coefficients[i] === 0 ? mul(sum, x) : add(mul(sum, x), coefficients[i]);
  return asTensor(lift(sum));
}

const derivativeOf = (c: readonly number[]): number[] => c.slice(1).map((value, i) => value * (i + 1));

const sums = new Map<number, readonly number[]>();

/** Coefficients of P(t) = sum_k D_k(t) / N^k, without the terms that are too small to count. */
function debyeSum(order: number): readonly number[] {
  let known = sums.get(order);
  if (known === undefined) {
    const total = Array<number>(3 * expansionTerms + 1).fill(0);
    debyeLogarithms().forEach((d, k) => {
      d.forEach((c, i) => {
        total[i] += c / order ** (k + 1);
      });
    });
    while (Math.abs(total[total.length - 1]) < 1e-20) total.pop();
    known = total;
    sums.set(order, known);
  }
  return known;
}

let logarithms: readonly (readonly number[])[] | undefined;

/**
 * The polynomials D_1, D_2, ... of the logarithm of Debye's series: with T = t^2 (1 - t^2),
 *   D_1' = (1 - 5 t^2) / 8,   D_{k+1}' = (T D_k')' / 2 + T / 2 sum_{i+j=k} D_i' D_j',
 * which follows from the recursion of Debye's polynomials (DLMF 10.41.9) for U = e^(sum D_k / N^k).
 */
function debyeLogarithms(): readonly (readonly number[])[] {
  if (logarithms !== undefined) return logarithms;
  const factor = [0, 0, 0.5, 0, -0.5];
  const slopes = [[1 / 8, 0, -5 / 8]];
  while (slopes.length < expansionTerms) {
    const k = slopes.length;
    const terms = [derivativeOf(times(factor, slopes[k - 1]))];
    for (let i = 0; i < k - 1; i++) terms.push(times(factor, times(slopes[i], slopes[k - 2 - i])));
    const length = Math.max(...terms.map((term) => term.length));
    slopes.push(Array.from({ length }, (_, i) => terms.reduce((total, term) => total + (term[i] ?? 0), 0)));
  }
  logarithms = slopes.map((slope) => [0, ...slope.map((c, i) => c / (i + 1))]);
  return logarithms;
}

function times(a: readonly number[], b: readonly number[]): number[] {
  const product = Array<number>(a.length + b.length - 1).fill(0);
  a.forEach((x, i) => {
    b.forEach((y, j) => {
      product[i + j] += x * y;
    });
  });
  return product;
}

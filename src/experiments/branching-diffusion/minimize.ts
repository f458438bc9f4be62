/**
 * A smooth function of many variables brought down by L-BFGS with backtracking (Nocedal and Wright, Numerical
 * Optimization, 2nd edition, algorithms 7.4 and 3.1; pairs of positive curvature only). On the host, in float64.
 */

export interface Minimum {
  readonly x: Float64Array;
  readonly value: number;
  /** Steps taken. */
  readonly steps: number;
  /** Largest entry of the gradient in size. */
  readonly gradient: number;
}

export interface MinimizeOptions {
  /** 200 unless given. */
  readonly steps?: number;
  /** Stops where no entry of the gradient is larger. 1e-5 unless given. */
  readonly tolerance?: number;
  /** Remembered pairs. 10 unless given. */
  readonly memory?: number;
  readonly onStep?: (step: number, value: number) => void;
}

/** @param f value and gradient; a value that is not finite counts as too far a step */
export function minimize(
  f: (x: Float64Array) => { value: number; gradient: Float64Array },
  start: Float64Array,
  options: MinimizeOptions = {},
): Minimum {
  const { steps = 200, tolerance = 1e-5, memory = 10, onStep } = options;
  let x: Float64Array = start.slice();
  let { value, gradient } = f(x);
  const pairs: { s: Float64Array; y: Float64Array; rho: number }[] = [];
  let step = 0;
  for (; step < steps && largest(gradient) > tolerance; step++) {
    const direction = descent(gradient, pairs);
    const slope = dot(direction, gradient);
    let length = pairs.length === 0 ? Math.min(1, 1 / Math.sqrt(dot(gradient, gradient))) : 1;
    let next = moved(x, direction, length);
    let there = f(next);
    for (let halved = 0; !(there.value <= value + 1e-4 * length * slope); halved++) {
      if (halved === 30) return { x, value, steps: step, gradient: largest(gradient) };
      length /= 2;
      next = moved(x, direction, length);
      there = f(next);
    }
    const s = next.map((entry, i) => entry - x[i]);
    const y = there.gradient.map((entry, i) => entry - gradient[i]);
    const curvature = dot(s, y);
    if (curvature > 1e-10 * dot(y, y)) pairs.push({ s, y, rho: 1 / curvature });
    if (pairs.length > memory) pairs.shift();
    [x, value, gradient] = [next, there.value, there.gradient];
    onStep?.(step + 1, value);
  }
  return { x, value, steps: step, gradient: largest(gradient) };
}

/** Minus the inverse Hessian of the pairs times the gradient: the two-loop recursion. */
function descent(
  gradient: Float64Array,
  pairs: readonly { s: Float64Array; y: Float64Array; rho: number }[],
): Float64Array {
  const q = gradient.map((entry) => -entry);
  const alphas: number[] = [];
  for (const { s, y, rho } of [...pairs].reverse()) {
    const alpha = rho * dot(s, q);
    alphas.push(alpha);
    for (let i = 0; i < q.length; i++) q[i] -= alpha * y[i];
  }
  const last = pairs[pairs.length - 1];
  if (last) {
    const scale = 1 / (last.rho * dot(last.y, last.y));
    for (let i = 0; i < q.length; i++) q[i] *= scale;
  }
  for (const { s, y, rho } of pairs) {
    const beta = alphas.pop()! - rho * dot(y, q);
    for (let i = 0; i < q.length; i++) q[i] += beta * s[i];
  }
  return q;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function moved(x: Float64Array, direction: Float64Array, length: number): Float64Array {
  return x.map((entry, i) => entry + length * direction[i]);
}

function largest(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

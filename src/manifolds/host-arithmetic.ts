/** Arithmetic on the host: scalars are numbers, vectors Float64Arrays. See `arithmetic.ts`. */
import type { Arithmetic } from "./arithmetic.js";
import { rule64 } from "./gauss-legendre.js";

export const host: Arithmetic<number, Float64Array> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  max: Math.max,
  min: Math.min,
  sqrt: Math.sqrt,
  exp: Math.exp,
  log: Math.log,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  atan: Math.atan,
  ifLess: (a, b, then, otherwise) => (a < b ? then : otherwise),
  frozen: (a) => a,
  logIntegral(logIntegrand, low, high) {
    const half = (high - low) / 2;
    const { nodes, weights } = rule64;
    const logs = new Float64Array(nodes.length);
    let top = -Infinity;
    for (let i = 0; i < logs.length; i++) {
      logs[i] = logIntegrand(low + half * (nodes[i] + 1));
      if (logs[i] > top) top = logs[i];
    }
    let total = 0;
    for (let i = 0; i < logs.length; i++) total += weights[i] * Math.exp(logs[i] - top);
    return top + Math.log(half * total);
  },
  plus: (u, v) => u.map((x, i) => x + v[i]),
  minus: (u, v) => u.map((x, i) => x - v[i]),
  times: (u, v) => u.map((x, i) => x * v[i]),
  quotient: (u, v) => u.map((x, i) => x / v[i]),
  scale: (a, v) => v.map((x) => a * x),
  dot(u, v) {
    let total = 0;
    for (let i = 0; i < u.length; i++) total += u[i] * v[i];
    return total;
  },
  sumOfLogarithms: (v) => v.reduce((total, x) => total + Math.log(x), 0),
  nearestWhole: (v) => v.map((x) => Math.floor(x + 0.5)),
  vector: (values) => Float64Array.from(values),
  part: (v, start, end) => v.subarray(start, end),
  component: (v, index) => v[index],
  join(parts) {
    const out = new Float64Array(parts.reduce((n, p) => n + p.length, 0));
    let position = 0;
    for (const p of parts) {
      out.set(p, position);
      position += p.length;
    }
    return out;
  },
  asVector: (a) => Float64Array.of(a),
};

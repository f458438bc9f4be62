/**
 * 2-Wasserstein geometry of von Mises laws on the circle, with arcs as ground distances.
 *
 * Mass may go either way round, so the flow w that makes the change dp, w' = -dp, is free up to a constant c:
 *
 *   g = min_c int (dF - c)^2 / p dx,   c = int dF / p dx / int 1 / p dx.
 *
 * A turn by dmu has dF = -p dmu, whose best counterflow goes through where the density is least; a change of kappa has an
 * odd dF about mu, c = 0, and does not mix with turns:
 *
 *   g = a(k) dmu^2 + b(k) dk^2,   a = 1 - 4 pi^2 / int 1 / p dx = 1 - 1 / I_0(k)^2,   b = int (dF / dk)^2 / p dx.
 *
 * Turning the uniform law costs nothing; near it g = |dtheta|^2 / 2. For large k, a = 1 and b = 1 / (4 k^3): the law is
 * normal of deviation k^(-1/2) there. Both are even in k; they are fitted once, as polynomials in
 * t = s / sqrt(k^2 + s^2), to values on the host:
 *
 *   a / k^2 = U / (k^2 + 2),   b = V / (4 (k^2 + 2^(-2/3))^(3/2)),   U = V = 1 at k = 0 and far out.
 */
import { add, div, mul, type Operand, reciprocal, sqrt, type Tensor } from "../../engine/index.js";
import { chebyshevCoefficients, powerCoefficients } from "../../numerics/chebyshev.js";
import { gaussLegendre } from "../../numerics/special-functions.js";
import type { Marginal } from "./marginals.js";

/** s, in t = s / sqrt(k^2 + s^2). */
const SCALE = 2;
const [BEND_A, BEND_B] = [2, 2 ** (-2 / 3)];

/** a / k^2 and b from k^2, element by element, to 1e-5 of their values, 3e-5 in float32. Traceable. */
export function circularTransport(squared: Operand): { readonly across: Tensor; readonly along: Tensor } {
  const { U, V } = fitted();
  const x = add(div(2 * SCALE, sqrt(add(squared, SCALE * SCALE))), -1); // 2 t - 1
  const bent = add(squared, BEND_B);
  return {
    across: div(polynomial(U, x), add(squared, BEND_A)),
    along: mul(polynomial(V, x), reciprocal(mul(mul(4, bent), sqrt(bent)))),
  };
}

/** By Horner's rule. */
function polynomial(coefficients: readonly number[], x: Tensor): Tensor {
  return coefficients.reduceRight<Operand>((sum, c) => add(mul(sum, x), c), 0) as Tensor;
}

let known: { readonly U: number[]; readonly V: number[] } | undefined;

function fitted(): { readonly U: number[]; readonly V: number[] } {
  known ??= {
    U: polynomialOf((k) => (k < 1e-4 ? 1 - (k * k) / 8 : ((k * k + BEND_A) / (k * k)) * turning(k))),
    V: polynomialOf((k) => 4 * (k * k + BEND_B) ** 1.5 * concentrating(k)),
  };
  return known;
}

function polynomialOf(f: (k: number) => number): number[] {
  const chebyshev = chebyshevCoefficients((x) => f(SCALE * Math.sqrt(1 / ((x + 1) / 2) ** 2 - 1)));
  let last = chebyshev.length - 1;
  while (Math.abs(chebyshev[last]) < 1e-7) last--;
  return powerCoefficients(chebyshev.slice(0, last + 1));
}

/** a(k) = 1 - 1 / I_0(k)^2. Host. */
export function turning(k: number): number {
  const { density, panels } = halfCircle(k);
  const scaled = panels.reduce((sum, [low, high]) => sum + integral(density, low, high), 0); // pi I_0 e^-k
  return -Math.expm1(-2 * (Math.log(scaled / Math.PI) + k));
}

/** b(k) = int (dF / dk)^2 / p dx. Host. */
export function concentrating(k: number): number {
  const { density, panels } = halfCircle(k);
  const over = (f: (t: number) => number) => panels.map(([low, high]) => integral(f, low, high));
  const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
  const lift = (t: number) => 2 * Math.sin(t / 2) ** 2; // 1 - cos t
  const mass = total(over(density));
  const mean = total(over((t) => lift(t) * density(t))) / mass; // 1 - A
  // dF / dk = int_0^x (cos t - A) p dt; in the outer half from the other end, where it is 0 as well
  const slope = (t: number) => (mean - lift(t)) * density(t);
  const pieces = over(slope);
  const change = (j: number, t: number): number => {
    const [low, high] = panels[j];
    return 2 * j < panels.length
      ? total(pieces.slice(0, j)) + integral(slope, low, t)
      : -total(pieces.slice(j + 1)) - integral(slope, t, high);
  };
  const squares = panels.map(([low, high], j) => integral((t) => change(j, t) ** 2 / density(t), low, high));
  return total(squares) / mass; // the density goes to [0, pi] alone, where it has mass 1 / 2: both sides together
}

const PANELS = 40;
const rule = gaussLegendre(12, 0, 1);

/** The density but for its factor, and panels that cover its mass on one side of its mean. */
function halfCircle(k: number) {
  const end = Math.min(Math.PI, 14 / Math.sqrt(k));
  const panels = Array.from({ length: PANELS }, (_, j) => [(end * j) / PANELS, (end * (j + 1)) / PANELS] as const);
  return { density: (t: number) => Math.exp(-2 * k * Math.sin(t / 2) ** 2), panels };
}

function integral(f: (t: number) => number, low: number, high: number): number {
  return rule.nodes.reduce((sum, u, i) => sum + rule.weights[i] * f(low + u * (high - low)), 0) * (high - low);
}

/** The von Mises law of an angle, cut opposite of its mean: quantiles lie in (mu - pi, mu + pi). Host. */
export function vonMisesMarginal(mu: number, k: number): Marginal {
  const { density, panels } = halfCircle(k);
  const pieces = panels.map(([low, high]) => integral(density, low, high));
  const sums = pieces.map((_, j) => pieces.slice(0, j + 1).reduce((a, b) => a + b, 0));
  const mass = sums[PANELS - 1];
  const width = panels[0][1];
  // P(0 <= X - mu <= t), 1/2 in all
  const half = (t: number): number => {
    const j = Math.min(Math.floor(t / width), PANELS - 1);
    return Math.min((sums[j] - pieces[j] + integral(density, panels[j][0], t)) / (2 * mass), 0.5);
  };
  const halfInverse = (share: number): number => {
    const j = Math.min(
      sums.findIndex((sum) => sum >= share * 2 * mass),
      PANELS - 1,
    );
    const [low, high] = panels[j < 0 ? PANELS - 1 : j];
    let t = (low + high) / 2;
    for (let step = 0; step < 30; step++) {
      const next = Math.min(Math.max(t - ((half(t) - share) * 2 * mass) / density(t), low), high); // Newton's
      if (Math.abs(next - t) < 1e-14) return next;
      t = next;
    }
    return t;
  };
  const along = (t: number): number => 0.5 + Math.sign(t) * half(Math.abs(t));
  const around = (t: number): number => t - 2 * Math.PI * Math.round(t / (2 * Math.PI));
  return {
    kind: "circle",
    distribution: (x) => along(around(x - mu)),
    quantile: (share) => mu + Math.sign(share - 0.5) * halfInverse(Math.abs(share - 0.5)),
  };
}

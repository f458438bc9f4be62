/**
 * The Riemannian (maximum-entropy) normal on hyperbolic space: density proportional to `exp(-d(mean, z)^2 / 2 std^2)`
 * with respect to the Riemannian volume (Pennec 2006; Mathieu et al., NeurIPS 2019, appendix B.2). Isotropic.
 *
 * In polar coordinates around the mean the direction is uniform and the radius has density
 *   rho(r) / Z_r,   rho(r) = exp(-r^2 / 2 std^2) (sinh(sqrt(c) r) / sqrt(c))^(d-1),   Z = area(S^(d-1)) Z_r.
 *
 * Deviation from the paper: Z_r is printed there as an alternating sum over binomials, which cancels completely for
 * small sqrt(c) std and large d and overflows for large ones. Here it is a 64-node quadrature of log rho, exact to
 * 1e-11 for all d, c, std of use. Nor is the radius drawn by adaptive rejection, but by inverting the distribution
 * function, which gives the exact reparametrised gradient by the implicit function theorem:
 *   dr/dstd = -(dF/dstd) / (rho/Z_r)   with F taken from the nearer tail, so that nothing cancels.
 */
import {
  add,
  broadcastTo,
  clip,
  div,
  exp,
  expandDims,
  matmul,
  max,
  maximum,
  mul,
  type NdArray,
  ndarray,
  type Operand,
  type RandomKey,
  slice,
  squeeze,
  stopGradient,
  stream,
  sub,
  sum,
  type Tensor,
} from "../engine/index.js";
import { expectThat } from "../errors.js";
import {
  type Arithmetic,
  type Coordinates,
  checkCount,
  host,
  logSinhRatio,
  logSphereArea,
  type Manifold,
  sinhRatio,
  tanhRatio,
  traced,
} from "../manifolds/index.js";

/** The law of the radius over any arithmetic; curvature c and std may be scalars of it. */
export function radiusLaw<S, V>(A: Arithmetic<S, V>, dimension: number, c: S | number, std: S) {
  const d = dimension;
  const logDensityOf = (r: S): S => {
    const ratio = A.div(r, std);
    const gaussian = A.mul(-0.5, A.mul(ratio, ratio));
    if (d === 1) return gaussian;
    return A.add(gaussian, A.mul(d - 1, A.add(A.log(r), logSinhRatio(A, A.mul(c, A.mul(r, r))))));
  };
  // In units of std, t = r/std and a = sqrt(c) std: the mode solves t = (d-1) a coth(a t), by Newton's method from a
  // bound above it; the curvature of log rho there is between 1 and 2.
  const frozenStd = A.frozen(std);
  const a2 = A.mul(A.mul(c, frozenStd), frozenStd);
  let mode: S = A.mul(frozenStd, 0);
  let deviation: S = A.add(mode, 1);
  if (d > 1) {
    mode = A.add(A.mul(d - 1, A.sqrt(a2)), Math.sqrt(d - 1));
    for (let step = 0; step < 5; step++) {
      const at2 = A.mul(a2, A.mul(mode, mode));
      const slope = A.div(d - 1, A.mul(mode, tanhRatio(A, at2))); // (d-1) a coth(a t)
      const sinh = A.mul(mode, sinhRatio(A, A.min(at2, 1600))); // sinh(a t) / a
      const curvature = A.add(1, A.div(d - 1, A.mul(sinh, sinh)));
      deviation = A.div(1, A.sqrt(curvature));
      mode = A.max(A.sub(mode, A.div(A.sub(mode, slope), curvature)), 1e-3);
    }
  }
  // To the right the tail is that of a normal of std 1 (in t) at most.
  const low = A.frozen(A.mul(frozenStd, A.max(A.sub(mode, A.mul(9, deviation)), 0)));
  const high = A.frozen(A.mul(frozenStd, A.add(mode, 9)));
  const logNormalizer = A.logIntegral(logDensityOf, low, high);
  return {
    /** Where all but 1e-16 of the mass lies. */
    low,
    high,
    /** log Z_r. */
    logNormalizer,
    /** log rho(r), not normalised. */
    logDensityOf,
    /** log F(r), or log(1 - F(r)). */
    logBelow: (r: S): S => A.sub(A.logIntegral(logDensityOf, low, r), logNormalizer),
    logAbove: (r: S): S => A.sub(A.logIntegral(logDensityOf, r, high), logNormalizer),
    /**
     * The radius with `F(r) = u`, from a rough value of it: Newton on the logarithm of the smaller tail as a function
     * of log r, in which the lower tail, F ~ r^d, is straight. The last step carries the exact derivative with
     * respect to std and c.
     */
    refine(rough: S, u: S, steps: number): S {
      const logTarget = A.log(A.max(A.ifLess(u, 0.5, u, A.sub(1, u)), 1e-37));
      const least = A.max(A.mul(1 + 1e-6, low), A.mul(1e-15, high));
      const step = (from: S) => {
        const r = A.frozen(A.min(A.max(from, least), A.mul(1 - 1e-6, high)));
        // One integral for both cases: [low, r] below the median, [r, high] above it.
        const logTail = A.sub(
          A.logIntegral(logDensityOf, A.ifLess(u, 0.5, low, r), A.ifLess(u, 0.5, r, high)),
          logNormalizer,
        );
        const inverseSlope = A.frozen(A.exp(A.sub(A.add(logTail, logNormalizer), logDensityOf(r)))); // |dr / d logTail|
        const move = A.div(A.mul(inverseSlope, A.sub(logTarget, logTail)), r);
        return A.mul(r, A.exp(A.min(A.max(A.ifLess(u, 0.5, move, A.sub(0, move)), -40), 40)));
      };
      let r = rough;
      for (let i = 0; i < steps; i++) r = step(r);
      return r;
    },
  };
}

export interface RiemannianNormal {
  readonly manifold: Manifold;
  /** log of the normaliser with respect to the Riemannian volume, area(S^(d-1)) Z_r. */
  logNormalizer(std: number): number;
  logDensity(z: Coordinates, mean: Coordinates, std: number): number;
  /** The distribution function of the distance from the mean. */
  radiusCumulative(r: number, std: number): number;
  /** The radius below which a fraction u in (0, 1) of the mass lies. */
  radiusQuantile(u: number, std: number): number;
  /** `count` draws, `[count, n]`. */
  sample(mean: Coordinates, std: number, key: RandomKey, count: number): NdArray;
  /** The random numbers that `traced.fromNoise` takes: normal `direction` [count, d], `uniform` [count, 1]. */
  noise(key: RandomKey, count: number): { direction: NdArray; uniform: NdArray };
  /** In compiled programs; leading axes broadcast; std is `[..., 1]` or a number. */
  readonly traced: {
    /** `[...]`. */
    logNormalizer(std: Operand): Tensor;
    /** `[...]`. */
    logDensity(z: Tensor, mean: Tensor, std: Operand): Tensor;
    /** Radii `[..., 1]` for uniforms `[..., 1]`, with the exact gradient with respect to std. */
    radius(std: Operand, uniform: Tensor): Tensor;
    /** z `[..., n]`, reparametrised. Uniforms count as at most 1 - 6e-8, the last float32 before 1. */
    fromNoise(mean: Tensor, std: Operand, noise: { direction: Tensor; uniform: Tensor }): Tensor;
    /**
     * z as `fromNoise` gives it, with its log density `[...]`, which comes from the radius: no logarithmic map has to
     * undo the exponential one. That is cheaper, and exact where z lies so far out that its coordinates do not tell
     * (in the Poincare ball beyond its margin; radii are about `(d-1) sqrt(c) std^2`).
     */
    draw(
      mean: Tensor,
      std: Operand,
      noise: { direction: Tensor; uniform: Tensor },
    ): {
      z: Tensor;
      logDensity: Tensor;
      /** The step from mean to z in an orthonormal frame at the mean: z = exp_mean(step). [..., d] */
      step: Tensor;
    };
  };
}

/** Points of the table that gives Newton's method its start. */
const TABLE = 128;

/**
 * Riemannian normals on hyperbolic space of any dimension and curvature.
 * @param manifold a Poincare ball or a hyperboloid. @throws UsageError for other manifolds, and for std <= 0
 */
export function riemannianNormal(manifold: Manifold): RiemannianNormal {
  expectThat(
    manifold.kind === "poincare-ball" || manifold.kind === "hyperboloid",
    () =>
      `riemannianNormal: the ${manifold.name} is not hyperbolic; give a Poincare ball or a hyperboloid, or use a wrapped normal.`,
  );
  const d = manifold.dimension;
  const c = -manifold.curvature!;
  const logArea = logSphereArea(d - 1);
  type HostLaw = ReturnType<typeof radiusLaw<number, Float64Array>>;
  let last: { readonly std: number; readonly law: HostLaw } | undefined; // many calls come with one std
  const lawOf = (std: number): HostLaw => {
    expectThat(std > 0 && std < Infinity, () => `riemannianNormal: std is ${std}; give a finite number above zero.`);
    if (last?.std !== std) last = { std, law: radiusLaw(host, d, c, std) };
    return last.law;
  };
  const quantileBy = (law: HostLaw) => {
    const table = cumulativeTable(law);
    return (u: number) => law.refine(roughQuantile(table, law, u), u, 3);
  };
  const scalarOf = (std: Operand): Tensor =>
    typeof std === "number" ? broadcastTo(std, [1]) : std.shape.length === 0 ? expandDims(std, 0) : (std as Tensor);
  const tracedLaw = (std: Operand) => radiusLaw(traced, d, c, scalarOf(std));
  const radiusBy = (law: ReturnType<typeof tracedLaw>, uniform: Tensor) => {
    const u = clip(uniform, 1e-37, 1 - 6e-8);
    return law.refine(roughTracedQuantile(law, u), u, 2); // two steps: 1e-8, measured
  };
  const tracedDraw = (mean: Tensor, std: Operand, noise: { direction: Tensor; uniform: Tensor }) => {
    const law = tracedLaw(std);
    const r = radiusBy(law, noise.uniform);
    const ratio = div(r, scalarOf(std));
    const { direction } = noise;
    const length2 = maximum(sum(mul(direction, direction), -1, { keepDimensions: true }), 1e-30);
    const e = mul(div(r, traced.sqrt(length2)), direction);
    const logDensity = sub(mul(-0.5, mul(ratio, ratio)), add(law.logNormalizer, logArea));
    return {
      z: manifold.traced.exponentialMap(mean, manifold.traced.fromFrame(mean, e)),
      logDensity: squeeze(logDensity, -1),
      step: e,
    };
  };
  return {
    manifold,
    logNormalizer: (std) => logArea + lawOf(std).logNormalizer,
    logDensity(z, mean, std) {
      const s = manifold.squaredDistance(mean, z);
      return -s / (2 * std * std) - logArea - lawOf(std).logNormalizer;
    },
    radiusCumulative(r, std) {
      const law = lawOf(std);
      if (r <= law.low) return 0;
      if (r >= law.high) return 1;
      const [below, above] = [law.logBelow(r), law.logAbove(r)];
      return below < above ? Math.exp(below) : -Math.expm1(above);
    },
    radiusQuantile(u, std) {
      expectThat(u > 0 && u < 1, () => `radiusQuantile: u is ${u}; give a probability strictly between 0 and 1.`);
      return quantileBy(lawOf(std))(u);
    },
    sample(mean, std, key, count) {
      checkCount(count);
      manifold.checkPoint("mean", mean);
      const [random, quantile] = [stream(key), quantileBy(lawOf(std))];
      const data = new Float64Array(count * manifold.coordinates);
      for (let i = 0; i < count; i++) {
        const r = quantile(Math.max(random.uniform(), 1e-300));
        const e = Float64Array.from({ length: d }, () => random.normal());
        const scale = r / Math.hypot(...e);
        data.set(
          manifold.exponentialMap(
            mean,
            manifold.fromFrame(
              mean,
              e.map((value) => scale * value),
            ),
          ),
          i * manifold.coordinates,
        );
      }
      return ndarray(data, [count, manifold.coordinates]);
    },
    noise(key, count) {
      checkCount(count);
      const random = stream(key);
      const direction = new Float64Array(count * d).map(() => random.normal());
      const uniform = new Float64Array(count).map(() => random.uniform());
      return { direction: ndarray(direction, [count, d]), uniform: ndarray(uniform, [count, 1]) };
    },
    traced: {
      logNormalizer: (std) => add(squeeze(tracedLaw(std).logNormalizer, -1), logArea),
      logDensity(z, mean, std) {
        const s = manifold.traced.squaredDistance(mean, z);
        const one = scalarOf(std);
        const variance = squeeze(mul(one, one), -1);
        return sub(div(s, mul(-2, variance)), add(squeeze(tracedLaw(std).logNormalizer, -1), logArea));
      },
      radius: (std, uniform) => radiusBy(tracedLaw(std), uniform),
      fromNoise: (mean, std, noise) => tracedDraw(mean, std, noise).z,
      draw: tracedDraw,
    },
  };
}

/** The distribution function at `TABLE` equal steps from low to high, by the trapezoid rule. */
function cumulativeTable(law: { low: number; high: number; logDensityOf(r: number): number }): Float64Array {
  const h = (law.high - law.low) / (TABLE - 1);
  const logs = Float64Array.from({ length: TABLE }, (_, i) => law.logDensityOf(law.low + h * i));
  const top = logs.reduce((a, b) => Math.max(a, b), -Infinity);
  const cumulative = new Float64Array(TABLE);
  for (let i = 1; i < TABLE; i++)
    cumulative[i] = cumulative[i - 1] + Math.exp(logs[i - 1] - top) + Math.exp(logs[i] - top);
  return cumulative.map((value) => value / cumulative[TABLE - 1]);
}

function roughQuantile(table: Float64Array, law: { low: number; high: number }, u: number): number {
  let [below, above] = [0, TABLE - 1];
  while (above - below > 1) {
    const middle = (below + above) >> 1;
    if (table[middle] < u) below = middle;
    else above = middle;
  }
  const share = (u - table[below]) / Math.max(table[above] - table[below], 1e-300);
  return law.low + ((law.high - law.low) * (below + Math.min(Math.max(share, 0), 1))) / (TABLE - 1);
}

const steps = ndarray(Float64Array.from({ length: TABLE }, (_, i) => i / (TABLE - 1)));

const upTo = ndarray(
  Float64Array.from({ length: (TABLE - 1) ** 2 }, (_, i) => Number(Math.floor(i / (TABLE - 1)) <= i % (TABLE - 1))),
  [TABLE - 1, TABLE - 1],
);

/** The same without look-up: every cell of the table counts by the share of it that lies below u. */
function roughTracedQuantile(law: { low: Tensor; high: Tensor; logDensityOf(r: Tensor): Tensor }, u: Tensor): Tensor {
  const width = sub(law.high, law.low);
  const r = add(law.low, mul(width, maximum(steps, 1e-6))); // [..., TABLE]
  const logs = stopGradient(law.logDensityOf(r));
  const heights = exp(sub(logs, max(logs, -1, { keepDimensions: true })));
  const cut = (t: Tensor, from: number, to: number) =>
    slice(t, [...t.shape.slice(0, -1).map(() => null), [from, to] as const]);
  const cells = add(cut(heights, 0, TABLE - 1), cut(heights, 1, TABLE)); // [..., TABLE - 1]
  const upper = matmul(cells, upTo); // sums over the cells up to each, as one product
  const total = sum(cells, -1, { keepDimensions: true });
  const target = mul(u, total);
  const share = clip(div(sub(target, sub(upper, cells)), maximum(cells, 1e-37)), 0, 1);
  const position = mul(sum(share, -1, { keepDimensions: true }), 1 / (TABLE - 1));
  return stopGradient(add(law.low, mul(width, position)));
}

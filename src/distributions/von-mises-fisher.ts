/**
 * The von Mises-Fisher distribution on the unit sphere in R^p: log density `kappa mean.x - Phi(kappa)` with respect to
 * the area; the uniform distribution at kappa = 0. In the form `-(kappa/2) |x - mean|^2 - (Phi(kappa) - kappa)` no
 * digits are lost for large kappa.
 *
 * Drawing: the cosine w = mean.x in closed form for p = 3 (inverse distribution function), else by the rejection
 * scheme of Wood (Communications in Statistics 1994) around Ulrich's envelope, until accepted; the rest uniform on the
 * orthogonal sphere. 1 - w is formed directly, so that large concentrations keep their digits.
 */
import {
  add,
  besselRatio,
  logVonMisesFisherNormalizer,
  mul,
  type NdArray,
  ndarray,
  neg,
  type Operand,
  type RandomKey,
  type RandomStream,
  square,
  stream,
  sub,
  sum,
  type Tensor,
} from "../engine/index.js";
import { expectThat } from "../errors.js";
import { type Coordinates, checkCount, logSphereArea, type Manifold } from "../manifolds/index.js";
import { vonMisesFisherConstants } from "./von-mises-fisher-normalizer.js";

export interface VonMisesFisher {
  readonly manifold: Manifold;
  logDensity(x: Coordinates, mean: Coordinates, concentration: number): number;
  /** `Phi(kappa) - kappa A(kappa)`. */
  entropy(concentration: number): number;
  /** `count` draws, `[count, p]`. */
  sample(mean: Coordinates, concentration: number, key: RandomKey, count: number): NdArray;
  /** In compiled programs; leading axes broadcast. */
  readonly traced: {
    /** `[...]` from x and unit mean `[..., p]`, concentration `[...]`. */
    logDensity(x: Tensor, mean: Tensor, concentration: Operand): Tensor;
    /** KL to the uniform distribution, `kappa A - Phi + log area`, `[...]`. */
    klToUniform(concentration: Operand): Tensor;
  };
}

/** @throws UsageError unless the manifold is a sphere; later for means off it or negative concentrations */
export function vonMisesFisher(manifold: Manifold): VonMisesFisher {
  expectThat(
    manifold.kind === "sphere",
    () => `vonMisesFisher: the ${manifold.name} is not a sphere; give sphere(d), or use a wrapped normal.`,
  );
  const p = manifold.coordinates;
  return {
    manifold,
    logDensity(x, mean, concentration) {
      manifold.checkPoint("x", x);
      manifold.checkPoint("mean", mean);
      return (
        -0.5 * concentration * squaredChord(x, mean) - vonMisesFisherConstants(p, concentration).scaledLogNormalizer
      );
    },
    entropy(concentration) {
      const { scaledLogNormalizer, complement } = vonMisesFisherConstants(p, concentration);
      return scaledLogNormalizer + concentration * complement;
    },
    sample(mean, concentration, key, count) {
      checkCount(count);
      manifold.checkPoint("mean", mean);
      const [random, draw] = [stream(key), vonMisesFisherDrawer(p, concentration)];
      const [data, mu] = [new Float64Array(count * p), Float64Array.from(mean as ArrayLike<number>)];
      for (let i = 0; i < count; i++) data.set(draw(mu, random), i * p);
      return ndarray(data, [count, p]);
    },
    traced: {
      logDensity: (x, mean, concentration) =>
        sub(
          mul(mul(-0.5, concentration), sum(square(sub(x, mean)), -1)),
          logVonMisesFisherNormalizer(p, concentration, { scaled: true }),
        ),
      klToUniform: (concentration) =>
        add(
          sub(
            neg(mul(concentration, sub(1, besselRatio(p / 2 - 1, concentration)))),
            logVonMisesFisherNormalizer(p, concentration, { scaled: true }),
          ),
          logSphereArea(p - 1),
        ),
    },
  };
}

function squaredChord(x: Coordinates, y: Coordinates): number {
  let total = 0;
  for (let i = 0; i < x.length; i++) total += (x[i] - y[i]) ** 2;
  return total;
}

/** A function that draws points around unit vectors of R^p with this concentration. */
export function vonMisesFisherDrawer(
  p: number,
  concentration: number,
): (mean: Float64Array, random: RandomStream) => Float64Array {
  vonMisesFisherConstants(p, concentration); // refuses bad arguments
  const kappa = concentration;
  // Wood's constants: b without cancellation for large kappa.
  const b = (p - 1) / (2 * kappa + Math.sqrt(4 * kappa * kappa + (p - 1) ** 2));
  const x0 = (1 - b) / (1 + b);
  const c = kappa * x0 + (p - 1) * Math.log(1 - x0 * x0);
  /** 1 - w. */
  const drawFall = (random: RandomStream): number => {
    if (p === 3 && kappa > 0) {
      const u = random.uniform();
      // w = 1 + log(u + (1 - u) e^(-2 kappa)) / kappa
      return Math.min(-Math.log(Math.max(u + (1 - u) * Math.exp(-2 * kappa), 1e-300)) / kappa, 2);
    }
    for (;;) {
      const [left, right] = [random.gamma((p - 1) / 2), random.gamma((p - 1) / 2)];
      const z = left / (left + right); // Beta((p-1)/2, (p-1)/2)
      const fall = (2 * b * z) / (1 - (1 - b) * z);
      const w = 1 - fall;
      if (kappa * w + (p - 1) * Math.log(1 - x0 * w) - c >= Math.log(1 - random.uniform())) return fall;
    }
  };
  return (mean, random) => {
    const fall = drawFall(random);
    const across = Float64Array.from({ length: p }, () => random.normal());
    let along = 0;
    for (let i = 0; i < p; i++) along += across[i] * mean[i];
    let length = 0;
    for (let i = 0; i < p; i++) length += (across[i] -= along * mean[i]) ** 2;
    const sine = Math.sqrt(fall * (2 - fall)) / Math.sqrt(length);
    return mean.map((m, i) => (1 - fall) * m + sine * across[i]);
  };
}

/**
 * The constants of the von Mises-Fisher distribution on the sphere in R^p, on the host in float64, for any p >= 2 and
 * any concentration kappa >= 0 (compiled programs have `logVonMisesFisherNormalizer` and `besselRatio`).
 *
 *   Phi(kappa) = log int exp(kappa mu.x) dx over the sphere,     A = Phi' = I_{p/2}(kappa) / I_{p/2-1}(kappa),
 * A the mean resultant length. Two forms, each where it converges quickly:
 *   kappa below p^2/2 and 30: the power series of I (all terms positive, scaled against overflow; kappa/2 terms);
 *   above: A = 1 + sum_j a_j kappa^-j with the coefficients of its Riccati equation A' = 1 - A^2 - (p-1) A / kappa:
 *     2 a_n = (n - p) a_{n-1} - sum_{i=1}^{n-1} a_i a_{n-i},  a_0 = 1,
 *   whose terms at kappa >= p^2/2 fall below 1e-17 before the series turns.
 */
import { expectThat } from "../errors.js";
import { logSphereArea } from "../manifolds/index.js";

export interface VonMisesFisherConstants {
  /** Phi(kappa) - kappa, which stays small: the log density at the mean direction is minus it. */
  readonly scaledLogNormalizer: number;
  /** A. */
  readonly resultantLength: number;
  /** 1 - A, without cancellation for large kappa. */
  readonly complement: number;
  /** A' = dA/dkappa = 1 - A^2 - (p-1) A / kappa, without cancellation. */
  readonly slope: number;
}

/** @param p dimension of the space around the sphere. @throws UsageError unless p is whole, >= 2, and kappa >= 0 */
export function vonMisesFisherConstants(p: number, kappa: number): VonMisesFisherConstants {
  expectThat(Number.isInteger(p) && p >= 2, () => `von Mises-Fisher: p is ${p}; give a whole number from 2.`);
  expectThat(
    kappa >= 0 && kappa < Infinity,
    () => `von Mises-Fisher: the concentration is ${kappa}; give a finite number from 0.`,
  );
  return kappa > Math.max(30, (p * p) / 2) ? byAsymptoticSeries(p, kappa) : byPowerSeries(p, kappa);
}

function byPowerSeries(p: number, kappa: number): VonMisesFisherConstants {
  const nu = p / 2 - 1;
  const x = (kappa * kappa) / 4;
  // term_j = x^j / (j! (nu+1)...(nu+j)); of order nu + 1 and nu + 2 the terms are (nu+1)/(nu+1+j) times it, and so on.
  let [term, sum, sumNext, sumSecond, logScale] = [1, 1, 1, 1, 0];
  for (let j = 1; ; j++) {
    term *= x / (j * (j + nu));
    sum += term;
    sumNext += (term * (nu + 1)) / (nu + 1 + j);
    sumSecond += (term * (nu + 1) * (nu + 2)) / ((nu + 1 + j) * (nu + 2 + j));
    if (sum > 1e250) {
      [term, sum, sumNext, sumSecond] = [term, sum, sumNext, sumSecond].map((value) => value * 1e-250);
      logScale += 250 * Math.LN10;
    }
    if (term < 1e-18 * sum && j * (j + nu) > x) break;
  }
  const share = sumNext / sum; // p A / kappa
  const resultantLength = (kappa / p) * share;
  const next = ((kappa / (p + 2)) * sumSecond) / sumNext; // I_{nu+2} / I_{nu+1}
  return {
    scaledLogNormalizer: logSphereArea(p - 1) + logScale + Math.log(sum) - kappa,
    resultantLength,
    complement: 1 - resultantLength,
    // A' = A/kappa + A (A_{p+2} - A), from the recurrences; A/kappa is share/p, without 0/0 at 0.
    slope: share / p + resultantLength * (next - resultantLength),
  };
}

function byAsymptoticSeries(p: number, kappa: number): VonMisesFisherConstants {
  const a = [1];
  let [complement, slope, tail, power] = [0, 0, 0, 1];
  for (let n = 1; n < 60; n++) {
    let value = (n - p) * a[n - 1];
    for (let i = 1; i < n; i++) value -= a[i] * a[n - i];
    a.push(value / 2);
    power /= kappa;
    const term = a[n] * power;
    complement -= term;
    slope -= (n * term) / kappa;
    if (n >= 2) tail += (term * kappa) / (n - 1);
    if (n > 2 && Math.abs(term) < 1e-18 * Math.abs(complement)) break;
  }
  return {
    scaledLogNormalizer: ((p - 1) / 2) * Math.log((2 * Math.PI) / kappa) - tail,
    resultantLength: 1 - complement,
    complement,
    slope,
  };
}

/**
 * The concentration with mean resultant length R in [0, 1), by Newton's method from `R (p - R^2) / (1 - R^2)`
 * (Banerjee et al., JMLR 2005; Sra, Computational Statistics 2012), at most `largest`.
 */
export function concentrationOf(p: number, resultantLength: number, largest = 1e5): number {
  const R = resultantLength;
  expectThat(R >= 0 && R <= 1 + 1e-12, () => `concentrationOf: R is ${R}; give a mean resultant length in [0, 1].`);
  if (R === 0) return 0;
  if (1 - R <= vonMisesFisherConstants(p, largest).complement) return largest;
  let kappa = Math.min((R * (p - R * R)) / (1 - R * R), largest);
  for (let step = 0; step < 50; step++) {
    const { complement, slope } = vonMisesFisherConstants(p, kappa);
    const next = Math.min(Math.max(kappa - (1 - R - complement) / slope, kappa / 4), 4 * kappa, largest);
    if (Math.abs(next - kappa) <= 1e-13 * kappa) return next;
    kappa = next;
  }
  return kappa;
}

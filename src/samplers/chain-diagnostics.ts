/**
 * Diagnostics of Markov chains: split R-hat and effective sample size over several chains, as in Gelman et al.,
 * "Bayesian Data Analysis" (3rd edition, section 11.4 and 11.5), with Geyer's initial monotone sequence (1992).
 *
 * Every chain is split in two, so that a chain that drifts disagrees with itself. Axes: T draws of a chain, C chains.
 */
import { expectThat } from "../errors.js";

/** Draws of one scalar: `values[t * chains + c]` is draw t of chain c. [T, C] */
export interface ScalarDraws {
  readonly values: ArrayLike<number>;
  readonly chains: number;
}

interface HalfChains {
  /** m half chains of n draws each. */
  readonly m: number;
  readonly n: number;
  at(t: number, c: number): number;
  readonly means: Float64Array;
  /** Mean of the variances within the half chains. */
  readonly within: number;
  /** ((n - 1) / n) W + B / n: the variance over all draws, from above where chains have not met. */
  readonly pooled: number;
}

function halves({ values, chains }: ScalarDraws): HalfChains {
  const length = values.length / chains;
  expectThat(
    Number.isInteger(length) && length >= 4,
    () => `chain diagnostics: ${values.length} draws of ${chains} chains; give at least 4 draws for each chain.`,
  );
  const n = length >> 1;
  const m = 2 * chains;
  const skip = length - 2 * n; // of an odd number the first draw is left out
  const at = (t: number, c: number) => values[(skip + (c < chains ? t : t + n)) * chains + (c % chains)];
  const means = new Float64Array(m);
  let within = 0;
  for (let c = 0; c < m; c++) {
    // from the first draw on, so that a chain that stands still has no variance at all, not one of rounding
    means[c] = at(0, c);
    for (let t = 1; t < n; t++) means[c] += (at(t, c) - at(0, c)) / n;
    for (let t = 0; t < n; t++) within += (at(t, c) - means[c]) ** 2 / ((n - 1) * m);
  }
  const grand = means.reduce((a, b) => a + b, 0) / m;
  const between = means.reduce((s, x) => s + (x - grand) ** 2, 0) / (m - 1); // B / n
  return { m, n, at, means, within, pooled: ((n - 1) / n) * within + between };
}

/** Split R-hat: 1 where the chains agree; above 1.05 they do not. Infinite for chains that stand still apart. */
export function splitRHat(draws: ScalarDraws): number {
  const { within, pooled } = halves(draws);
  if (pooled === 0) return 1;
  return Math.sqrt(pooled / within);
}

/**
 * Number of independent draws that estimate the mean as well; at most the number of draws times log10 of it (chains
 * that alternate can be better than independent ones). Chains that have not met count for little, however many draws.
 */
export function effectiveSampleSize(draws: ScalarDraws): number {
  const { m, n, at, means, within, pooled } = halves(draws);
  const total = m * n;
  if (pooled === 0) return 1; // one value only: nothing is known of its law
  // rho_t = 1 - (W - mean autocovariance at lag t) / pooled
  const correlation = (lag: number) => {
    let sum = 0;
    for (let c = 0; c < m; c++)
      for (let t = 0; t + lag < n; t++) sum += (at(t, c) - means[c]) * (at(t + lag, c) - means[c]);
    return 1 - (within - (sum / (m * n)) * (n / (n - 1))) / pooled;
  };
  // Sums of neighbouring pairs are positive and fall for reversible chains; stop where they no longer do.
  let time = -1;
  let last = Number.POSITIVE_INFINITY;
  for (let lag = 0; lag + 1 < n; lag += 2) {
    const pair = (lag === 0 ? 1 : correlation(lag)) + correlation(lag + 1);
    if (!(pair > 0)) break;
    last = Math.min(last, pair);
    time += 2 * last;
  }
  return total / Math.max(time, 1 / Math.log10(Math.max(total, 10)));
}

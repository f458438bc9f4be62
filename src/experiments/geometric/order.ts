/** Whether two lists of numbers rank things alike: pairs in the same order, and Kendall's tau. */

export interface Agreement {
  readonly pairs: number;
  readonly concordant: number;
  /** (concordant - discordant) / pairs, from -1 to 1; pairs tied in either list count for neither. */
  readonly tau: number;
}

/** @param a, b numbers about the same things, in the same order; at least two */
export function agreement(a: readonly number[], b: readonly number[]): Agreement {
  let [pairs, concordant, discordant] = [0, 0, 0];
  for (let i = 0; i < a.length; i++)
    for (let j = 0; j < i; j++) {
      pairs++;
      const sign = Math.sign(a[i] - a[j]) * Math.sign(b[i] - b[j]);
      if (sign > 0) concordant++;
      if (sign < 0) discordant++;
    }
  return { pairs, concordant, tau: pairs === 0 ? 0 : (concordant - discordant) / pairs };
}

/**
 * Probability that the tau of two random orders of n things without ties is at least this large: exact, by counting
 * permutations by their number of inversions.
 */
export function chanceOf(tau: number, n: number): number {
  let counts = [1];
  for (let m = 2; m <= n; m++) {
    const next = new Array<number>(counts.length + m - 1).fill(0);
    counts.forEach((count, inversions) => {
      for (let k = 0; k < m; k++) next[inversions + k] += count / m;
    });
    counts = next;
  }
  const pairs = (n * (n - 1)) / 2;
  const most = Math.floor((pairs * (1 - tau)) / 2 + 1e-9); // inversions that leave tau as large
  return counts.slice(0, most + 1).reduce((total, p) => total + p, 0);
}

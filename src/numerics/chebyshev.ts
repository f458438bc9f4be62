/** Functions on [-1, 1] as polynomials, through their values at the Chebyshev nodes. */

/** Coefficients of the Chebyshev polynomials up to degree 63 that interpolate f on [-1, 1]. */
export function chebyshevCoefficients(f: (x: number) => number): number[] {
  const n = 64;
  const angles = Array.from({ length: n }, (_, i) => (Math.PI * (i + 0.5)) / n);
  const values = angles.map((angle) => f(Math.cos(angle)));
  return angles.map((_, k) => {
    const sum = values.reduce((total, value, i) => total + value * Math.cos(k * angles[i]), 0);
    return (sum * (k === 0 ? 1 : 2)) / n;
  });
}

/** Sums of Chebyshev polynomials as sums of powers; they lose no digits where coefficients fall as fast as here. */
export function powerCoefficients(chebyshev: readonly number[]): number[] {
  const powers = chebyshev.map(() => 0);
  let [before, polynomial] = [[0, 1], [1]]; // T_{-1} = T_1, T_0
  for (const c of chebyshev) {
    polynomial.forEach((value, i) => {
      powers[i] += c * value;
    });
    const next = [0, ...polynomial.map((value) => 2 * value)];
    before.forEach((value, i) => {
      next[i] -= value;
    });
    [before, polynomial] = [polynomial, next];
  }
  return powers;
}

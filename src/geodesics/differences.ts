/**
 * Derivatives of a curve that is known at equally spaced parameters, by the polynomial through the nearest points.
 *
 * Axes: T points, d latent dimensions.
 */

/**
 * c' at every point, of order `width - 1` in the spacing, one-sided near the ends.
 * @param curve `[T * d]`, at t = 0, 1 / (T - 1), .., 1; T >= 2
 * @param width points that each derivative uses, by default 7 or all where there are fewer
 * @returns `[T * d]`
 */
export function curveVelocities(curve: ArrayLike<number>, d: number, width = 7): Float64Array {
  const count = curve.length / d;
  const used = Math.min(width, count);
  const out = new Float64Array(count * d);
  const weights = Array.from({ length: used }, (_, at) => derivativeWeights(used, at));
  for (let t = 0; t < count; t++) {
    const first = Math.min(Math.max(t - Math.floor(used / 2), 0), count - used);
    const weight = weights[t - first];
    for (let k = 0; k < d; k++) {
      let sum = 0;
      for (let j = 0; j < used; j++) sum += weight[j] * curve[(first + j) * d + k];
      out[t * d + k] = sum * (count - 1);
    }
  }
  return out;
}

/** Weights of the values at 0, 1, .., n - 1 for the derivative at the node `at` (of Lagrange's polynomial). */
function derivativeWeights(n: number, at: number): Float64Array {
  const scale = Array.from({ length: n }, (_, j) => {
    let product = 1;
    for (let i = 0; i < n; i++) if (i !== j) product *= j - i;
    return product;
  });
  const weights = Float64Array.from({ length: n }, (_, j) => (j === at ? 0 : scale[at] / scale[j] / (at - j)));
  weights[at] = -weights.reduce((a, b) => a + b, 0);
  return weights;
}

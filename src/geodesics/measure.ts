/**
 * Length and energy of a curve from the squared lengths of its segments. A chord is shorter than its arc, by
 * L - L_N = (1 / 24 N^2) int kappa^2 v^3 dt + O(1 / N^4): the same curve measured on every second node tells the bias,
 * and Richardson's extrapolation, (4 L_N - L_{N/2}) / 3, removes it; so for the energy, E_N = N sum_i e_i.
 */

export interface CurveMeasure {
  /** F = sum of squared segment lengths, E_N = N F. */
  sum: number;
  /** E_N, and Richardson's E. */
  discreteEnergy: number;
  energy: number;
  /** L_N, and Richardson's L. */
  discreteLength: number;
  length: number;
}

/**
 * @param steps e_i, squared lengths of the N segments
 * @param coarse see `KernelOutputs`: |w_i|^2 [N - 1] where `embedded`, squared lengths over two segments [N / 2] else
 */
export function measureSteps(steps: ArrayLike<number>, coarse: ArrayLike<number>, embedded: boolean): CurveMeasure {
  const N = steps.length;
  let sum = 0;
  let discreteLength = 0;
  let coarseSum = 0;
  let coarseLength = 0;
  for (let i = 0; i < N; i += 2) {
    const first = steps[i];
    const second = steps[i + 1];
    sum += first + second;
    discreteLength += Math.sqrt(Math.max(0, first)) + Math.sqrt(Math.max(0, second));
    const both = Math.max(0, embedded ? 2 * (first + second) - coarse[i] : coarse[i / 2]);
    coarseSum += both;
    coarseLength += Math.sqrt(both);
  }
  const discreteEnergy = N * sum;
  const coarseEnergy = (N / 2) * coarseSum;
  return {
    sum,
    discreteEnergy,
    energy: extrapolated(discreteEnergy, coarseEnergy),
    discreteLength,
    length: extrapolated(discreteLength, coarseLength),
  };
}

/**
 * (4 fine - coarse) / 3 where the two are near enough for it to mean anything; otherwise the curve is not resolved (a
 * midpoint of the coarse one lies on a ridge, say), and the finer value is the better one. Never below zero.
 */
function extrapolated(fine: number, coarse: number): number {
  return Math.abs(coarse - fine) > fine ? fine : (4 * fine - coarse) / 3;
}

/** Squared lengths of segments added up in float64; NaN where one is not finite or below zero. */
export function sumOf(steps: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < steps.length; i++) {
    if (!(steps[i] >= 0)) return Number.NaN;
    sum += steps[i];
  }
  return sum;
}

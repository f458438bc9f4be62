/** Random numbers of the gamma law in logarithms, so that shapes near 0 neither underflow nor give 0 / 0. Host. */
import type { RandomStream } from "../../numerics/random.js";

/** The logarithm of a gamma number of this shape and scale 1: below 1, Gamma(a) = Gamma(a + 1) U^(1/a). */
export function drawLogGamma(shape: number, random: RandomStream): number {
  if (shape >= 1) return Math.log(random.gamma(shape));
  return Math.log(random.gamma(shape + 1)) + Math.log(1 - random.uniform()) / shape;
}

/** Shares of a Dirichlet law of these concentrations, each at least 1e-300, summing to 1. */
export function drawShares(concentrations: ArrayLike<number>, random: RandomStream): Float64Array {
  const logs = Float64Array.from(concentrations, (a) => drawLogGamma(a, random));
  const largest = Math.max(...logs);
  let total = 0;
  for (let k = 0; k < logs.length; k++) total += logs[k] = Math.max(Math.exp(logs[k] - largest), 1e-300);
  for (let k = 0; k < logs.length; k++) logs[k] = Math.max(logs[k] / total, 1e-300);
  return logs;
}

/**
 * Step sizes by dual averaging (Hoffman and Gelman, "The no-U-turn sampler", 2014, section 3.2): the step size moves so
 * that the mean acceptance probability tends to a target, and its average over the iterations is what is kept.
 */

export interface DualAveraging {
  /** The step size to try next. */
  readonly current: number;
  /** The averaged step size, to keep after adaptation. */
  readonly averaged: number;
  /** Takes in the acceptance probability that `current` gave. */
  update(acceptance: number): void;
}

/** @param first step size to start from @param target wanted mean acceptance; default 0.8 */
export function dualAveraging(first: number, target = 0.8): DualAveraging {
  const [gamma, t0, kappa] = [0.05, 10, 0.75]; // the paper's values
  const middle = Math.log(10 * first);
  let [logStep, logAverage, error, count] = [Math.log(first), 0, 0, 0];
  return {
    get current() {
      return Math.exp(logStep);
    },
    get averaged() {
      return count === 0 ? first : Math.exp(logAverage);
    },
    update(acceptance) {
      count++;
      error += (target - acceptance - error) / (count + t0);
      logStep = middle - (Math.sqrt(count) / gamma) * error;
      const share = count ** -kappa;
      logAverage = share * logStep + (1 - share) * logAverage;
    },
  };
}

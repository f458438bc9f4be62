export * from "./bernoulli.js";
export { categorical, oneHot } from "./categorical.js";
export * from "./exponential.js";
export {
  type CheckOptions,
  type Family,
  fisherQuadratic,
  interpolate,
  type Parameters,
  type UncertainOptions,
} from "./family.js";
export { type Marginal, wassersteinDistance } from "./marginals.js";
export * from "./normal.js";
export * from "./poisson.js";

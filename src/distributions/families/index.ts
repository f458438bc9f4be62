export * from "./bernoulli.js";
export { beta } from "./beta.js";
export { categorical, oneHot } from "./categorical.js";
export { type DirectionalRatio, directionalRatio } from "./directional-ratio.js";
export { dirichlet } from "./dirichlet.js";
export * from "./discretised-logistic.js";
export * from "./exponential.js";
export {
  type CheckOptions,
  type Family,
  fisherQuadratic,
  interpolate,
  type LocationScale,
  meanCoordinates,
  type Parameters,
  type UncertainOptions,
} from "./family.js";
export * from "./gamma.js";
export { type Marginal, wassersteinDistance } from "./marginals.js";
export { type FamilyName, familyNamed, familyNames } from "./named.js";
export * from "./normal.js";
export * from "./normal-full.js";
export * from "./poisson.js";
export { type Block, product } from "./product.js";
export { type DataSchema, readSchema } from "./schema.js";
export * from "./von-mises.js";
export { type VonMisesFisherOptions, vonMisesFisher } from "./von-mises-fisher.js";

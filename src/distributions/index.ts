export * as families from "./families/index.js";
export { type RiemannianNormal, riemannianNormal } from "./riemannian-normal.js";
export { type Uniform, uniform } from "./uniform.js";
export { type VonMisesFisher, vonMisesFisher } from "./von-mises-fisher.js";
export {
  fitVonMisesFisherMixture,
  type MixtureFit,
  type MixtureOptions,
  mixtureLogDensity,
  sampleMixture,
  type VonMisesFisherMixture,
} from "./von-mises-fisher-mixture.js";
export { type WrappedNormal, wrappedNormal } from "./wrapped-normal.js";

export {
  type DistributionMetricName,
  type DistributionMetricOptions,
  type DistributionMetrics,
  type DistributionMetricsOptions,
  type DistributionModel,
  distributionMetricNames,
  distributionMetrics,
  distributionModel,
  meanCoordinatesOf,
  metricsOf,
} from "./distribution-metrics.js";
export {
  type ImportDecoderOptions,
  type ImportedDecoder,
  importDecoder,
  type OutputRole,
} from "./imported.js";
export { type ImportDescription, type ImportedRun, importRun, loadImportedRun } from "./imported-run.js";
export {
  applySchema,
  familyLikelihoods,
  type LikelihoodChoice,
  likelihoodFamily,
  type Units,
} from "./likelihood.js";
export { precision, precisionStd, type Uncertainty, type UncertaintyFit } from "./precision-network.js";
export type { Rows } from "./rows.js";
export {
  resumeVae,
  type TrainVaeOptions,
  type TrainVaeResult,
  trainVae,
  type VaeProgress,
  type VaeRunOptions,
} from "./train-vae.js";
export { fitUncertainty, type UncertaintyOptions } from "./uncertainty.js";
export { decode, decoderOf, decoderWithUncertainty, type Elbo, encode, heldOutElbo, type Vae } from "./vae.js";
export { loadVae, type SavedVae, saveUncertainty, type VaeConfig } from "./vae-checkpoint.js";
export {
  decodeMean,
  decodeParameters,
  type ElboTerms,
  elboRows,
  elboTerms,
  encodeRows,
  hasFamily,
  initializeVae,
  type Likelihood,
  likelihoodNames,
  type VaeParameters,
  type VaeShape,
} from "./vae-model.js";
export { checkRows, resolveVaeOptions, type VaeOptions, type VaeSettings } from "./vae-settings.js";
export { type VaeStepScalars, type VaeTrainingState, vaeTrainingStep } from "./vae-step.js";

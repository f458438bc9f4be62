/** The family of autoencoders: one interface, one way to train, save and use them. */
export {
  type FamilyConfig,
  familyCheckpointKind,
  familyOnnxFiles,
  isFamilyCheckpoint,
  loadFamily,
  type SavedFamily,
} from "./checkpoint.js";
export { familyFromVae } from "./from-vae.js";
export type { AutoencoderModel, FamilyShape, LossContext, LossResult } from "./model.js";
export { applyDecoder, applyEncoder, initializeDecoder, initializeEncoder, type NetworkShape } from "./networks.js";
export { familyModel, familyNames } from "./registry.js";
export { type RhvaeMetric, rhvaeInverseMetric } from "./rhvae.js";
export type { FamilyOptions, FamilySettings } from "./settings.js";
export { type FamilyState, familyStep } from "./step.js";
export {
  type FamilyProgress,
  type FamilyRunOptions,
  resumeFamily,
  type TrainFamilyOptions,
  type TrainFamilyResult,
  trainFamily,
} from "./train.js";
export {
  decodeFamily,
  encodeFamily,
  familyDecoderOf,
  familyEncoderOf,
  type LatentVariableModel,
  latentVariableModelOf,
  rhvaeMetricOf,
  type TrainedAutoencoder,
  vampComponentsOf,
} from "./trained.js";
export { logMixture } from "./vamp.js";

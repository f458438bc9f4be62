export { loadPvae, type PvaeConfig, type SavedPvae } from "./checkpoint.js";
export {
  encodePvae,
  initializePvae,
  latentSpaceOf,
  type PvaeNoise,
  type PvaeParameters,
  type PvaeShape,
  pvaeDecoders,
  pvaeElboRows,
  pvaeEncoders,
  pvaeLaws,
  pvaeLogPrior,
} from "./model.js";
export {
  chordLength,
  type ExactMean,
  exactDistances,
  exactGeodesic,
  exactMean,
  manifoldMetric,
} from "./prior-geometry.js";
export {
  decodeFromBall,
  drawsAtEdge,
  encodeToBall,
  importanceWeightedBound,
  type Pvae,
  type PvaeElbo,
  pvaeDecoderOf,
  pvaeElbo,
} from "./pvae.js";
export type { PvaeOptions, PvaeSettings } from "./settings.js";
export { type PvaeTrainingState, pvaeTrainingStep } from "./step.js";
export { type PvaeRunOptions, resumePvae, type TrainPvaeOptions, type TrainPvaeResult, trainPvae } from "./train.js";

/** Scores of what a model generates, reconstructs and assigns likelihood to. */
export {
  type AnnealedEstimate,
  type AnnealingOptions,
  annealedLogLikelihood,
} from "./annealed-importance-sampling.js";
export {
  type Evaluation,
  type EvaluationGiven,
  type EvaluationOptions,
  evaluateGenerated,
  type GeneratedScoreName,
  generatedScoreNames,
  type PartialEvaluation,
  type PartialOptions,
  scoreGenerated,
} from "./evaluate.js";
export {
  type DigitClassifier,
  digitFeatures,
  digitFeaturesFolder,
  type FeatureNetwork,
  hasDigitFeatures,
  loadDigitFeatures,
  type OnnxFeatureOptions,
  onnxFeatures,
  saveDigitFeatures,
  type TrainDigitOptions,
  trainDigitFeatures,
} from "./features.js";
export { frechetDistance, frechetScore, type Moments, momentsOf } from "./frechet.js";
export { frechetScoreOf, wideFrechetScore } from "./frechet-wide.js";
export { importanceLogLikelihood, type LikelihoodEstimate, type LikelihoodOptions } from "./importance-sampling.js";
export { improvedPrecisionRecall } from "./improved-precision-recall.js";
export { type MemorisationTest, mannWhitney, memorisationTest } from "./memorisation.js";
export { type NearestRows, nearestRows } from "./nearest.js";
export {
  bestF,
  type PrecisionRecallCurve,
  type PrecisionRecallOptions,
  type PrecisionRecallResult,
  precisionRecallCurve,
  precisionRecallForDistributions,
} from "./precision-recall.js";
export { reconstructionError } from "./reconstruction.js";
export { bootstrapError, type Score } from "./score.js";
export { likelihoodModelOfVae } from "./vae-likelihood.js";

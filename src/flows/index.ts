export { backboneLogDensity, backboneRegions, sampleBackbone } from "./backbone-angles.js";
export { type Chart, chartOf } from "./charts.js";
export { type FlowConfig, type FlowTrainingState, loadFlow, loadFlowRun } from "./checkpoint.js";
export { type EvaluateFlowOptions, evaluateFlow, type FlowEvaluator, type FlowSamples } from "./evaluate.js";
export type { FieldValue } from "./field-value.js";
export { type FieldForm, fieldForm, velocity, velocityAndDivergence, velocityAndEstimate } from "./fields.js";
export { type FlowEnd, rungeKutta, type TimedField } from "./integrate.js";
export { loadMixture, type MixtureConfig, saveMixture } from "./mixture-run.js";
export {
  baseLogDensity,
  carryFixed,
  type Flow,
  flowFromBase,
  flowLogDensity,
  flowLogDensityAndEffort,
  formOf,
  initializeFlow,
  sampleFlowBase,
} from "./model.js";
export { type ManifoldQuadrature, manifoldQuadrature, massOf } from "./quadrature.js";
export { flowReach, rowsBeyondReach, withinReach } from "./reach.js";
export * from "./shape.js";
export { describeTargets, namedTarget, targetNames, vonMisesFisherTarget } from "./targets.js";
export * from "./train.js";

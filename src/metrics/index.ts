export * from "./combine.js";
export { type EmbeddedMetric, embeddedMetric } from "./embedded.js";
export * from "./metric.js";
export * from "./pullback.js";
export * from "./tensor-metric.js";

export type { Points } from "./batches.js";
export {
  type ConnectOptions,
  connect,
  type PreparedConnect,
  prepareConnect,
  type Start,
} from "./connect.js";
export { type DistanceMap, type DistanceMapOptions, distanceMap } from "./distance-map.js";
export { type DistanceOptions, type DistanceResult, distanceMatrix } from "./distances.js";
export * from "./logarithm.js";
export * from "./mean.js";
export * from "./result.js";
export * from "./shoot.js";
export type { SolverOptions } from "./solver.js";
export * from "./transport.js";

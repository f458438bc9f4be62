/** The seeded, splittable generator (kept with the plain numerics, since data and solvers use it without the engine). */
export * from "../numerics/random.js";
export { split as splitKey } from "../numerics/random.js";

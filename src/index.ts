/**
 * Latent Atlas as a library: the Riemannian geometry of deep generative models.
 *
 * The rooms in the order in which data flows: data, autoencoders (with training and networks), metrics, geodesics;
 * below them the engine, closed-form manifolds and probability families, beside them the pictures.
 */
export * as family from "./autoencoders/family/index.js";
export * from "./autoencoders/index.js";
export * as pvae from "./autoencoders/pvae/index.js";
export * from "./data/index.js";
export * as families from "./distributions/families/index.js";
export * as distributions from "./distributions/index.js";
export * from "./engine/index.js";
export { RunError, UsageError } from "./errors.js";
export * as evaluation from "./evaluation/index.js";
export * as flows from "./flows/index.js";
export * from "./geodesics/index.js";
export * as manifolds from "./manifolds/index.js";
export * from "./metrics/index.js";
export * as networks from "./networks/index.js";
export { readNpy, writeNpy } from "./numerics/npy.js";
export * as plots from "./plots/index.js";
export * as samplers from "./samplers/index.js";
export * as training from "./training/index.js";

export * from "./activations.js";
export * from "./batch-normalization.js";
export * from "./convolution.js";
export * from "./dense.js";
export * from "./hyperbolic.js";
export * from "./initializers.js";
export * from "./mlp.js";
export * from "./spectral-normalization.js";

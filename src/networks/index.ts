export * from "./activations.js";
export * from "./dense.js";
export * from "./initializers.js";
export * from "./mlp.js";

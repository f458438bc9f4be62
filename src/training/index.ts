export * from "./checkpoint.js";
export * from "./loop.js";
export * from "./optimizers.js";
export * from "./safetensors.js";
export * from "./schedules.js";
export * from "./stored-run.js";
export * from "./stored-trees.js";

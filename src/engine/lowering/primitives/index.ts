import { arithmetic } from "./arithmetic.js";
import { convolution } from "./convolution.js";
import { indexing } from "./indexing.js";
import { movement } from "./movement.js";
import { reduction } from "./reduction.js";
import type { Lowering } from "./registry.js";
import { sorting } from "./sorting.js";

/** All primitives that have a lowering, by the name jax-js gives them. */
export const primitives: Readonly<Record<string, Lowering>> = {
  ...arithmetic,
  ...movement,
  ...reduction,
  ...indexing,
  ...sorting,
  ...convolution,
};

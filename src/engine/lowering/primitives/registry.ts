/** What each primitive of a trace becomes in the graph. One table, filled by the files beside this one. */
import type { Builder, Value, ValueType } from "../graph.js";

export interface OutputType {
  readonly shape: readonly number[];
  readonly dtype: ValueType;
}

/** Inputs, parameters as jax-js names them, types of the outputs, builder: the output values. */
export type Lowering = (
  inputs: readonly Value[],
  params: any,
  outputs: readonly OutputType[],
  build: Builder,
) => Value[];

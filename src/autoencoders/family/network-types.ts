/** What the encoders and decoders of the family take and give. */
import type { Tensor } from "../../engine/index.js";

/** A network's arrays: host arrays outside a trace, tensors or constants inside. */
export interface Network<P = any, B = any> {
  readonly parameters: P;
  readonly buffers: B;
}

export interface NetworkOutput {
  /** Linear in the last layer. */
  readonly output: Tensor;
  /** The last hidden layer, flattened. [N, units] */
  readonly hidden: Tensor;
  /** The buffers after this pass. */
  readonly buffers: any;
}

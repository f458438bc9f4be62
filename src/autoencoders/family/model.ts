/**
 * What every model of the family is: parameters and buffers, a loss for each group of parameters that has an optimiser
 * of its own (one group for most, two or three for the adversarial ones), and the terms that are told while training.
 *
 * Inside, models see standardised data (`standardization.ts`); what is outside of training sees the data's own units.
 * Axes: N rows, D data dimensions, d latent dimensions.
 */
import type { NdArray, Operand, Tensor } from "../../engine/index.js";
import type { RandomKey } from "../../numerics/random.js";
import type { NetworkShape } from "./networks.js";

export type FamilyLikelihood = "gaussian" | "bernoulli";

/** Shape of a model: plain data, stored in its checkpoint. */
export interface FamilyShape {
  /** D */
  readonly dataDimension: number;
  /** d */
  readonly latentDimension: number;
  readonly network: NetworkShape;
  /**
   * "gaussian": N(mu(z), sigma^2 I); "bernoulli": prod_j f_j^x_j (1 - f_j)^(1 - x_j), f = sigmoid(logits), for data in
   * [0, 1]. Models without a likelihood (AE, WAE, RAE, AAE) use its deviance: the sum of squared errors, or the cross
   * entropy.
   */
  readonly likelihood: FamilyLikelihood;
  /** Gaussian: sigma^2 in the data's own units, or "learned" (one for all outputs). */
  readonly variance: number | "learned";
  /** Gaussian: whether the decoder's mean is a sigmoid, for data in [0, 1]; otherwise it is linear. */
  readonly bounded: boolean;
  /** The model's own numbers, by name. */
  readonly options: Readonly<Record<string, number>>;
}

/** Trees by name of the part: "encoder", "decoder", and what the model adds. */
export type Parts<T = any> = Readonly<Record<string, T>>;

export interface LossContext {
  readonly shape: FamilyShape;
  readonly parameters: Parts;
  readonly buffers: Parts;
  /** [N, D] */
  readonly x: Operand;
  /** Standard normal draws, of the shapes that `noise` asked for. */
  readonly noise: Readonly<Record<string, Operand>>;
  readonly training: boolean;
}

export interface LossResult {
  /** For each group of parameters the scalar that it descends. */
  readonly losses: Readonly<Record<string, Tensor>>;
  /** Scalars, by the names in `terms`. */
  readonly terms: Readonly<Record<string, Tensor>>;
  readonly buffers: Parts;
  /** Groups that stand still in this step where their scalar is 0. */
  readonly gates?: Readonly<Record<string, Tensor>>;
  /** Hamiltonian models: the bound of each row, of which the loss is minus the mean. [N] */
  readonly bounds?: Tensor;
  /** Larger is better; default: minus the loss of the first group. */
  readonly score?: Tensor;
}

/** What `initialize` may look at: standardised rows of the training data, in random order. */
export interface InitialRows {
  readonly data: Float32Array;
  readonly n: number;
}

/** A number of a model's own. */
export interface ModelOption {
  readonly default: number;
  readonly says: string;
  readonly min: number;
  /** "rows": at most as many as the training data have, which the default gives way to. */
  readonly max?: number | "rows";
}

export interface AutoencoderModel {
  readonly name: string;
  /** In words, for model cards. */
  readonly title: string;
  /** Paper. */
  readonly source: string;
  /** Whether the encoder gives a law (mean and log variance) instead of a point. */
  readonly stochastic: boolean;
  /** Whether decoder, prior and encoder are those of a latent variable model, with a marginal likelihood. */
  readonly hasLikelihood: boolean;
  /** The model's own numbers and their defaults. */
  readonly options: Readonly<Record<string, ModelOption>>;
  /** Which of them may be to blame where training diverges, as in "a smaller stepSize (--option stepSize)". */
  readonly remedy?: string;
  /** Which parts each optimiser trains; the first group's loss is the model's objective. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
  /** Names of the terms, in order; larger numbers are worse unless they say otherwise. */
  readonly terms: readonly string[];
  initialize(key: RandomKey, shape: FamilyShape, rows: InitialRows): { parameters: Parts; buffers: Parts };
  /** Shapes of the standard normal draws that a step on N rows needs. */
  noise(shape: FamilyShape, N: number): Readonly<Record<string, readonly number[]>>;
  /** Traceable. */
  losses(context: LossContext): LossResult;
  /** Once training has ended: buffers made from the training data, given the encoder. */
  finish?(given: {
    readonly shape: FamilyShape;
    readonly parameters: Parts<any>;
    readonly buffers: Parts<any>;
    readonly rows: InitialRows;
    readonly threads?: number;
  }): Promise<Parts<any>>;
}

export type HostArrays = Parts<NdArray>;

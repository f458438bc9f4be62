/**
 * One step of training a VAE, loss, gradient and optimiser, as one traceable function: compiled with
 * `compile(step, { donate: [0] })` it is one native program whose state goes round in the runtime's own buffers.
 */
import { type NdArray, type Operand, vjp } from "../engine/index.js";
import { type Adam, type AdamScalars, type AdamState, clipByGlobalNorm } from "../training/optimizers.js";
import { type ElboTerms, elboTerms, type VaeParameters, type VaeShape } from "./vae-model.js";

/** What goes round: the parameters and the optimiser's moments. */
export interface VaeTrainingState<T = NdArray> {
  readonly parameters: VaeParameters<T>;
  readonly optimizer: AdamState<T>;
}

/** Scalar inputs of a step. */
export interface VaeStepScalars<T = number> {
  readonly optimizer: AdamScalars<T>;
  /** Weight of the KL term: 1, or less during its warm-up. */
  readonly klWeight: T;
}

/**
 * The training step of a VAE.
 *
 * @returns a traceable function `(state, x [N, D], noise [N, d], scalars, weights? [N]) -> [state, terms]`, which descends
 *   loss = -(reconstruction - klWeight * divergence), averaged over the batch, and tells the two terms before the step.
 * @example
 *   const step = compile(vaeTrainingStep(shape, adam()), { donate: [0] });
 *   [state, terms] = await step(state, x, noise, { optimizer: adam().scalars(1, 1e-3), klWeight: 1 });
 */
export function vaeTrainingStep(
  shape: VaeShape,
  optimizer: Adam,
  options: { readonly clipNorm?: number } = {},
): (
  state: VaeTrainingState<any>,
  x: Operand,
  noise: Operand,
  scalars: VaeStepScalars<any>,
  weights?: Operand,
) => [VaeTrainingState<any>, ElboTerms] {
  return (state, x, noise, scalars, weights) => {
    const objective = (parameters: VaeParameters<any>) => elboTerms(shape, parameters, x, noise, weights);
    // One reverse pass for both terms: the gradient of -reconstruction + klWeight * divergence.
    const [terms, pullback] = vjp(objective, [state.parameters]);
    const [raw] = pullback({ reconstruction: -1, divergence: scalars.klWeight });
    const gradients = options.clipNorm === undefined ? raw : clipByGlobalNorm(raw, options.clipNorm);
    const [parameters, moments] = optimizer.update(state.parameters, gradients, state.optimizer, scalars.optimizer);
    return [{ parameters, optimizer: moments }, terms];
  };
}

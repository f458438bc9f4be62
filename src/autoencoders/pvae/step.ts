/** One step of training a Poincare VAE, loss, gradient and optimiser, as one traceable function. */
import { mean as meanOf, type NdArray, type Operand, type Tensor, vjp } from "../../engine/index.js";
import { type Adam, type AdamScalars, type AdamState, clipByGlobalNorm } from "../../training/optimizers.js";
import type { ElboTerms } from "../vae-model.js";
import { type PvaeNoise, type PvaeParameters, type PvaeShape, pvaeElboRows } from "./model.js";

/** What goes round: the parameters and the optimiser's moments. */
export interface PvaeTrainingState<T = NdArray> {
  readonly parameters: PvaeParameters<T>;
  readonly optimizer: AdamState<T>;
}

/**
 * The training step: `(state, x [N, D], noise, scalars) -> [state, terms]`, a descent of
 * -(reconstruction - klWeight divergence), averaged over the batch; the terms are those before the step.
 */
export function pvaeTrainingStep(
  shape: PvaeShape,
  optimizer: Adam,
  options: { readonly clipNorm?: number } = {},
): (
  state: PvaeTrainingState<any>,
  x: Operand,
  noise: PvaeNoise<any>,
  scalars: { readonly optimizer: AdamScalars<any>; readonly klWeight: any },
) => [PvaeTrainingState<any>, ElboTerms<Tensor>] {
  return (state, x, noise, scalars) => {
    const objective = (parameters: PvaeParameters<any>) => {
      const rows = pvaeElboRows(shape, parameters, x, noise);
      return { reconstruction: meanOf(rows.reconstruction), divergence: meanOf(rows.divergence) };
    };
    const [terms, pullback] = vjp(objective, [state.parameters]);
    const [raw] = pullback({ reconstruction: -1, divergence: scalars.klWeight });
    const gradients = options.clipNorm === undefined ? raw : clipByGlobalNorm(raw, options.clipNorm);
    const [parameters, moments] = optimizer.update(state.parameters, gradients, state.optimizer, scalars.optimizer);
    return [{ parameters, optimizer: moments }, terms];
  };
}

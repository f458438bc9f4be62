/**
 * The training step of any model of the family: for each group of parameters the gradient of its own loss, at the same
 * point, then Adam; groups whose gate is 0 stand still, moments and all. Parts that several losses share are traced
 * more than once and merged by the compiler.
 */
import {
  add,
  div,
  expm1,
  grad,
  greater,
  mul,
  neg,
  type Operand,
  sqrt,
  type Tensor,
  where,
  zerosArray,
  zipTrees,
} from "../../engine/index.js";
import { type Adam, type AdamState, clipByGlobalNorm } from "../../training/optimizers.js";
import type { AutoencoderModel, FamilyShape, Parts } from "./model.js";

/** What goes round. */
export interface FamilyState {
  readonly parameters: Parts;
  readonly buffers: Parts;
  /** Adam's moments by group. */
  readonly moments: Readonly<Record<string, AdamState<any>>>;
  /** How often each group has moved. [] each */
  readonly updates: Readonly<Record<string, any>>;
}

/** The state before the first step. */
export function initialState(
  model: AutoencoderModel,
  start: { parameters: Parts; buffers: Parts },
  optimizer: Adam,
): FamilyState {
  const groups = Object.keys(model.groups);
  return {
    ...start,
    moments: Object.fromEntries(
      groups.map((group) => [group, optimizer.initialize(partsOf(model, group, start.parameters))]),
    ),
    updates: Object.fromEntries(groups.map((group) => [group, zerosArray([], "float32")])),
  };
}

/**
 * `(state, x [N, D], noise, learningRate) -> [state, terms]`, traceable; the terms are those before the step.
 */
export function familyStep(
  model: AutoencoderModel,
  shape: FamilyShape,
  optimizer: Adam,
  options: { readonly clipNorm?: number } = {},
): (state: FamilyState, x: Operand, noise: any, learningRate: Operand) => [FamilyState, Record<string, Tensor>] {
  return (state, x, noise, learningRate) => {
    const { parameters, buffers } = state;
    const groups = Object.keys(model.groups);
    const at = (part: Parts) =>
      model.losses({ shape, parameters: { ...parameters, ...part }, buffers, x, noise, training: true });
    const { terms, gates = {}, buffers: kept } = at({});

    const after = { parameters: { ...parameters } as Record<string, any>, moments: {} as any, updates: {} as any };
    groups.forEach((group) => {
      const part = partsOf(model, group, parameters);
      const gradients = grad((own: Parts) => at(own).losses[group])(part);
      const clipped = options.clipNorm === undefined ? gradients : clipByGlobalNorm(gradients, options.clipNorm);
      const count = add(state.updates[group], 1);
      const scalars = adamScalars(optimizer, count, learningRate);
      const [moved, moments] = optimizer.update(part, clipped, state.moments[group], scalars);
      const gate = gates[group];
      const chosen = (now: any, before: any) =>
        gate === undefined ? now : zipTrees((a, b) => where(greater(gate, 0.5), a, b), now, before);
      Object.assign(after.parameters, chosen(moved, part));
      after.moments[group] = chosen(moments, state.moments[group]);
      after.updates[group] = chosen(count, state.updates[group]);
    });
    return [{ ...after, buffers: kept }, terms as Record<string, Tensor>];
  };
}

/** `(parameters, buffers, x, noise) -> { score, terms }` outside of training, traceable. */
export function familyScore(
  model: AutoencoderModel,
  shape: FamilyShape,
): (parameters: Parts, buffers: Parts, x: Operand, noise: any) => { score: Tensor; terms: Record<string, Tensor> } {
  return (parameters, buffers, x, noise) => {
    const { losses, terms, score } = model.losses({ shape, parameters, buffers, x, noise, training: false });
    return { score: score ?? neg(losses[Object.keys(model.groups)[0]]), terms: terms as Record<string, Tensor> };
  };
}

/** The group's own parts; "noise" only where the model has it. */
function partsOf(model: AutoencoderModel, group: string, parameters: Parts): Parts {
  return Object.fromEntries(
    model.groups[group].filter((name) => name in parameters).map((name) => [name, parameters[name]]),
  );
}

/** `adam.scalars` with the number of the step as a tensor, since a group may have stood still. */
function adamScalars({ options }: Adam, count: Tensor, learningRate: Operand) {
  const { beta1, beta2, epsilon, weightDecay } = options;
  const grown = (beta: number) => (beta === 0 ? 1 : neg(expm1(mul(count, Math.log(beta))))); // 1 - beta^count
  const meanScale = div(1 - beta1, grown(beta1));
  const rootScale = sqrt(div(1 - beta2, grown(beta2)));
  return {
    stepSize: div(mul(learningRate, meanScale), rootScale),
    epsilon: div(epsilon, rootScale),
    shrink: mul(learningRate, weightDecay),
  };
}

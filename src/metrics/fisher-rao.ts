/**
 * The Fisher-Rao pullback: how well neighbouring latent points can be told apart by samples of what they decode to.
 * For a decoder h that gives the parameters of a family p(x | eta),
 *
 *   G(z) = J_h(z)^T I(h(z)) J_h(z),      KL(p_z || p_{z + v}) = 1/2 v^T G v + O(|v|^3)
 *
 * (Arvanitidis, Gonzalez-Duque, Pouplin, Kalatzis, Hauberg, "Pulling back information geometry", AISTATS 2022).
 * Three forms, which agree to second order in the step:
 *
 *   embedding  where the family has an isometric one (Bernoulli 2 arcsin sqrt p, categorical 2 sqrt p, Poisson
 *              2 sqrt lambda, exponential log lambda, ...): chords, no Fisher matrix, Gauss-Newton steps;
 *   tensor     |R(eta) J_h v|^2 with a root R of the Fisher information, at the midpoint of a step; where the family
 *              has chords (normal: of the hyperboloid), "auto" takes those for steps, which need no derivatives;
 *   kl         KL(p_a || p_b) + KL(p_b || p_a) of the ends of a step. The one-sided 2 KL of the paper is of first order
 *              only (-0.4 % at 160 segments, where this is 1e-4 off).
 *
 * Energies carry the factor 2 that makes them agree with G; with d^2 = KL lengths would be smaller by sqrt 2.
 */
import { type Family, fisherQuadratic, type Parameters } from "../distributions/families/index.js";
import { add, jvp, type Tensor } from "../engine/index.js";
import { UsageError } from "../errors.js";
import { embeddedMetric } from "./embedded.js";
import type { LatentMetric } from "./metric.js";
import { rootMetric } from "./root-metric.js";

/** A decoder into a family: points `[N, d]` to the family's parameters, one member for each row. Traceable. */
export type DistributionDecoder = (z: Tensor) => Parameters;

/** How steps are measured; "auto": by the embedding where there is one of reasonable width, else by the tensor. */
export type FisherRaoForm = "auto" | "embedding" | "tensor" | "kl";

export interface FisherRaoOptions {
  readonly form?: FisherRaoForm;
  readonly name?: string;
}

/**
 * The Fisher-Rao pullback metric of a decoder into a family. Products of families (mixed heads) are families too:
 * their metrics add.
 * @param decoder `[N, d] -> parameters`
 * @param dimension d
 * @throws UsageError for an unknown form, or the form "embedding" of a family that has none
 * @example
 *   // the hyperbolic plane of curvature -1/2
 *   const plane = fisherRao((z) => ({ mean: slice(z, [null, [0, 1]]), logDeviation: slice(z, [null, [1, 2]]) }), normal(), 2);
 */
export function fisherRao(
  decoder: DistributionDecoder,
  family: Family,
  dimension: number,
  options: FisherRaoOptions = {},
): LatentMetric {
  const { form = "auto", name = `Fisher-Rao of ${family.name}` } = options;
  const { embedding } = family;
  if (!forms.includes(form)) throw new UsageError(`fisherRao: form "${form}" is not known; use ${forms.join(", ")}.`);
  if (form === "embedding" && !embedding)
    throw new UsageError(`fisherRao: the ${family.name} family has no isometric embedding; use the form "tensor".`);
  if (embedding && (form === "embedding" || (form === "auto" && !wideEmbedding(family))))
    return embeddedMetric((z) => embedding.call(family, decoder(z)), { dimension, name });
  const root = (z: Tensor) => {
    const rootAt = family.fisherRoot(decoder(z));
    return (v: Tensor): Tensor => rootAt(jvp(decoder, [z], [v])[1] as Parameters);
  };
  const { chord } = family;
  if (form !== "kl") {
    const ends =
      form === "auto" && chord ? { at: (z: Tensor) => chord.at(decoder(z)), energy: chord.squared } : undefined;
    return rootMetric(root, { dimension, name, ends });
  }
  const divergence = (p: Parameters, q: Parameters) => add(family.klDivergence(p, q), family.klDivergence(q, p));
  return rootMetric(root, { dimension, name: `${name}, by KL`, ends: { at: decoder, energy: divergence } });
}

/** 256 numbers a column cost more than Gauss-Newton steps save: 200,704 for a picture of 28 x 28 grey values. */
const wideEmbedding = (family: Family): boolean => family.name === "discretised logistic";

const forms: readonly FisherRaoForm[] = ["auto", "embedding", "tensor", "kl"];

/**
 * `v^T G(z) v` by one forward derivative, `[N]`: the squared Fisher-Rao speed. Traceable.
 * @param v `[N, d]`
 */
export function fisherRaoSpeed(decoder: DistributionDecoder, family: Family, z: Tensor, v: Tensor): Tensor {
  const [eta, change] = jvp(decoder, [z], [v]) as [Parameters, Parameters];
  return fisherQuadratic(family, eta, change);
}

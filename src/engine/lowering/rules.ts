/** The order in which simplifications are tried on each new node. */
import type { Precision } from "./emit.js";
import type { Rule } from "./graph.js";
import { activations } from "./passes/activations.js";
import { mergeExpands, reduceRepeated, repeatLate } from "./passes/broadcasts.js";
import { foldNumbers, gatherNumbers } from "./passes/constants.js";
import { convolutionAsProduct, transposedConvolutionAsConvolution } from "./passes/convolutions.js";
import { emptyResults, reductionsOfNothing } from "./passes/empty.js";
import { float64Activations, float64Functions } from "./passes/float64.js";
import { choices, inverses, magnitudes, negations, neutralElements } from "./passes/identities.js";
import { mergeReversals, mergeSlices, moveBeforeRepeating } from "./passes/moves.js";
import { sumsOfProducts } from "./passes/products.js";
import { emptyMoves, emptyReductions, mergeReshapes, mergeTransposes } from "./passes/views.js";
import { zeroJoins, zeroProducts, zeroRearrangements } from "./passes/zeros.js";

export const rules: readonly Rule[] = [
  emptyResults,
  reductionsOfNothing,
  mergeExpands,
  mergeReshapes,
  mergeTransposes,
  emptyMoves,
  emptyReductions,
  mergeReversals,
  mergeSlices,
  moveBeforeRepeating,
  foldNumbers,
  zeroProducts,
  zeroRearrangements,
  zeroJoins,
  neutralElements,
  choices,
  repeatLate,
  reduceRepeated,
  sumsOfProducts,
  gatherNumbers,
  negations,
  inverses,
  magnitudes,
  activations,
];

/** Rules for what the runtime has or does well in float32 only; they come last, when all simpler ones were tried. */
const float64Rules: readonly Rule[] = [
  convolutionAsProduct,
  transposedConvolutionAsConvolution,
  float64Activations,
  float64Functions,
];

/** The rules for a program of the given precision. */
export function rulesFor(precision: Precision): readonly Rule[] {
  return precision === "float64" ? [...rules.filter((rule) => rule !== activations), ...float64Rules] : rules;
}

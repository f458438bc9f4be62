/** The order in which simplifications are tried on each new node. */
import type { Rule } from "./graph.js";
import { activations } from "./passes/activations.js";
import { mergeExpands, reduceRepeated, repeatLate } from "./passes/broadcasts.js";
import { foldNumbers, gatherNumbers } from "./passes/constants.js";
import { choices, inverses, negations, neutralElements } from "./passes/identities.js";
import { emptyMoves, emptyReductions, mergeReshapes, mergeTransposes } from "./passes/views.js";
import { zeroJoins, zeroProducts, zeroRearrangements } from "./passes/zeros.js";

export const rules: readonly Rule[] = [
  mergeExpands,
  mergeReshapes,
  mergeTransposes,
  emptyMoves,
  emptyReductions,
  foldNumbers,
  zeroProducts,
  zeroRearrangements,
  zeroJoins,
  neutralElements,
  choices,
  repeatLate,
  reduceRepeated,
  gatherNumbers,
  negations,
  inverses,
  activations,
];

/** The families, each with members to test, a grid over its data space, and data that it must refuse. */

import {
  bernoulli,
  categorical,
  exponential,
  type Family,
  normal,
  type Parameters,
  poisson,
} from "../../src/distributions/families/index.js";
import { array, type NdArray, type Nested } from "../../src/engine/index.js";
import { atoms, type Grid, line, oneHotRows, positiveLine, wholeNumbers } from "./quadrature.js";

export interface FamilyCase {
  readonly name: string;
  readonly family: Family;
  /** Members, one a row. */
  readonly members: Parameters<NdArray>;
  /** D */
  readonly columns: number;
  /** Integrals over the data space of every member. */
  readonly grid: () => Grid;
  /** Of integrals, relative or absolute; default 1e-9. */
  readonly tolerance?: number;
  /** Of KL divergences of neighbours in float32, relative; default 2e-3. */
  readonly float32?: number;
  /** Is the mean an expectation (not a mean direction)? Default yes. */
  readonly linearMean?: boolean;
  /** Rows of data that are fine, for gradients. */
  readonly data: number[][];
  /** Rows that it refuses, and what the sentence says. */
  readonly refuses: readonly (readonly [number[], RegExp])[];
}

const members = (values: { [name: string]: Nested }): Parameters<NdArray> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, array(value)]));

export const cases: readonly FamilyCase[] = [
  {
    name: "normal",
    family: normal(),
    members: members({ mean: [[0.3], [-2], [1], [0]], logDeviation: [[0], [0.7], [-1.5], [-0.2]] }),
    columns: 1,
    grid: () => line(-40, 40, 8001),
    data: [[0.1], [-3], [1000]],
    refuses: [[[Number.NaN], /column 0 .* is NaN; the normal likelihood needs finite/]],
  },
  {
    name: "normal, fixed deviation",
    family: normal({ standardDeviation: 0.4 }),
    members: members({ mean: [[0.3], [-2], [1]] }),
    columns: 1,
    grid: () => line(-10, 10, 2001),
    data: [[0.1], [-3], [1000]],
    refuses: [[[Infinity], /is Infinity/]],
  },
  {
    name: "Bernoulli",
    family: bernoulli(),
    members: members({ logits: [[0], [2], [-5], [0.3]] }),
    columns: 1,
    grid: () => atoms([0, 1]),
    data: [[0], [1]],
    refuses: [
      [[1.5], /column 0 .* is 1.5; the bernoulli likelihood needs 0 or 1/],
      [[-1], /is -1/],
    ],
  },
  {
    name: "categorical",
    family: categorical({ classes: 3 }),
    members: members({
      logits: [
        [
          [0, 0, 0],
          [1, -1, 2],
        ],
        [
          [3, 0, -3],
          [0.1, 0.2, -6],
        ],
        [
          [-1, 2, 0.5],
          [2, 2, 2],
        ],
      ],
    }),
    columns: 6,
    grid: () => oneHotRows(2, 3),
    data: [
      [1, 0, 0, 0, 0, 1],
      [0, 1, 0, 0, 1, 0],
    ],
    refuses: [
      [[1, 0, 0, 0.5, 0.3, 0.3], /columns 3 to 5 .* sum to 1.1; the categorical likelihood needs 3 probabilities/],
      [[2, -1, 0, 1, 0, 0], /columns 0 to 2 .* hold -1/],
    ],
  },
  {
    name: "Poisson",
    family: poisson(),
    members: members({ logRate: [[-3], [0], [1.2], [Math.log(19)], [Math.log(60)]] }),
    columns: 1,
    grid: () => wholeNumbers(0, 260),
    tolerance: 3e-7, // of the entropy's asymptotic series
    data: [[0], [1], [7], [1000]],
    refuses: [
      [[-2], /is -2; the poisson likelihood needs counts/],
      [[1.5], /is 1.5/],
    ],
  },
  {
    name: "exponential",
    family: exponential(),
    members: members({ logRate: [[0], [2], [-1.5], [0.2]] }),
    columns: 1,
    grid: () => positiveLine(),
    data: [[0.01], [3], [100]],
    refuses: [[[-0.1], /is -0.1; the exponential likelihood needs finite numbers from 0 on/]],
  },
];

/** The families, each with members to test, a grid over its data space, and data that it must refuse. */

import {
  bernoulli,
  beta,
  categorical,
  dirichlet,
  discretisedLogistic,
  exponential,
  type Family,
  fullNormal,
  gamma,
  normal,
  type Parameters,
  poisson,
  product,
  vonMises,
  vonMisesFisher,
} from "../../src/distributions/families/index.js";
import { array, type NdArray, type Nested } from "../../src/engine/index.js";
import {
  atoms,
  circle,
  type Grid,
  line,
  oneHotRows,
  plane,
  positiveLine,
  sphere,
  triangle,
  unitInterval,
  wholeNumbers,
} from "./quadrature.js";

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
  /** Do two copies of the columns make a member again, with twice of everything? Default yes. */
  readonly additive?: boolean;
  /** Do parameters lie on unit spheres (so that changes of them have to be tangent, along great circles)? */
  readonly constrained?: boolean;
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
  {
    name: "normal, full covariance",
    family: fullNormal(),
    members: members({
      mean: [
        [0.3, 1],
        [-1, 0.5],
        [0, 0],
      ],
      logDiagonal: [
        [0, 0.3],
        [-0.5, 0.2],
        [0.1, -0.7],
      ],
      lower: [[0], [0.8], [-1.5]],
    }),
    columns: 2,
    grid: () => plane(16, 321),
    additive: false,
    data: [
      [0.1, 0.2],
      [-3, 1],
      [1000, -5],
    ],
    refuses: [[[0, Number.NaN], /column 1 .* is NaN/]],
  },
  {
    name: "beta",
    family: beta(),
    members: members({ logA: [[0], [Math.log(2)], [-0.9], [3]], logB: [[0], [Math.log(3)], [0.6], [2.5]] }),
    columns: 1,
    grid: () => unitInterval(90),
    data: [[0.2], [1e-5], [0.999]],
    refuses: [
      [[1], /is 1; the beta likelihood needs numbers strictly between 0 and 1/],
      [[0], /is 0/],
    ],
  },
  {
    name: "Dirichlet",
    family: dirichlet({ classes: 3 }),
    members: members({ logConcentration: [[[0, 0.7, 1.1]], [[0, 0, 0]], [[-0.2, 0.4, 2]], [[2.2, 1.5, 2]]] }),
    columns: 3,
    grid: () => triangle(38, 241),
    data: [
      [0.2, 0.3, 0.5],
      [1e-5, 0.99, 0.00999],
    ],
    refuses: [
      [[0.2, 0.3, 0.6], /columns 0 to 2 .* sum to 1.1; the dirichlet likelihood needs 3 shares above 0/],
      [[0, 0.5, 0.5], /hold 0/],
    ],
  },
  {
    name: "gamma",
    family: gamma(),
    members: members({ logShape: [[Math.log(2)], [0], [-0.7], [4]], logMean: [[0.5], [-1], [0.3], [1]] }),
    columns: 1,
    grid: () => positiveLine(-80),
    data: [[0.01], [3], [100]],
    refuses: [[[0], /is 0; the gamma likelihood needs finite numbers above 0/]],
  },
  {
    name: "von Mises",
    family: vonMises(),
    members: members({ theta: [[[0, 0]], [[1, -0.5]], [[-20, 3]], [[0.01, 0.02]]] }),
    columns: 1,
    grid: () => circle(),
    linearMean: false,
    data: [[0.3], [-3]],
    refuses: [[[90], /is 90; the von Mises likelihood needs angles in radians.* multiply degrees/]],
  },
  ...[2, 3, 4].map(
    (p): FamilyCase => ({
      name: `von Mises-Fisher, p = ${p}`,
      family: vonMisesFisher({ dimension: p }),
      members: members({
        theta: [
          [1, -0.5, 0.3, 2],
          [0, 0, 0, 0],
          [-9, 4, 1, 3],
          [0.001, 0.002, 0, -0.001],
          [12, 3, -4, 2],
        ].map((v) => [v.slice(0, p)]),
      }),
      columns: p,
      grid: () => sphere(p, p === 4 ? 40 : 80),
      tolerance: 1e-8,
      linearMean: false,
      data: [
        [1, 0, 0, 0],
        [0, -1, 0, 0],
        [0.6, -0.8, 0, 0],
      ].map((v) => v.slice(0, p)),
      refuses: [
        [[0.6, 0.7, 0, 0].slice(0, p), /have norm 0.921954; the von Mises-Fisher likelihood needs unit vectors/],
      ],
    }),
  ),
  {
    name: "von Mises-Fisher, fixed concentration",
    family: vonMisesFisher({ dimension: 3, concentration: 7 }),
    members: members({ direction: [[[0.6, 0, 0.8]], [[0, 1, 0]], [[-0.48, 0.6, 0.64]]] }),
    constrained: true,
    columns: 3,
    grid: () => sphere(3, 80),
    tolerance: 1e-8,
    linearMean: false,
    data: [
      [1, 0, 0],
      [0, -1, 0],
    ],
    refuses: [[[0.6, 0.7, 0], /have norm/]],
  },
  {
    name: "discretised logistic",
    family: discretisedLogistic({ bins: 12, low: -1, high: 2 }),
    members: members({ mean: [[0.3], [-1.5], [1], [4]], logScale: [[-1], [-0.5], [-3], [0.5]] }),
    columns: 1,
    grid: () => atoms(Array.from({ length: 12 }, (_, k) => -1 + (3 * k) / 11)),
    data: [[-1], [2], [0.4]],
    refuses: [[[2.5], /is 2.5; the discretised logistic likelihood needs values from -1 to 2/]],
  },
  {
    name: "mixture of discretised logistics",
    family: discretisedLogistic({ bins: 16, low: 0, high: 15, components: 2 }),
    members: members({
      logits: [[[0, 0.5]], [[1, -1]], [[0, 0]]],
      mean: [[[3, 11]], [[5, 6]], [[-2, 7]]],
      logScale: [[[0, 0.3]], [[1, -1]], [[0.5, 1.5]]],
    }),
    columns: 1,
    grid: () => wholeNumbers(0, 15),
    data: [[0], [15], [7.2]],
    refuses: [[[-1], /is -1; the discretised logistic likelihood needs values from 0 to 15/]],
  },
  {
    name: "product",
    family: product([
      { name: "kind", family: bernoulli(), columns: [2] },
      { name: "direction", family: vonMisesFisher({ dimension: 2 }), columns: [3, 1] },
      { name: "level", family: discretisedLogistic({ bins: 3, low: 0, high: 2 }), columns: [0] },
    ]),
    members: members({
      "kind.logits": [[1], [-0.3]],
      "direction.theta": [[[1, 2]], [[0.3, -0.2]]],
      "level.mean": [[0.5], [1.8]],
      "level.logScale": [[-1], [0]],
    }),
    columns: 4,
    grid: () => {
      // [level, y, kind, x]
      const directions = sphere(2, 30);
      const rows: number[][] = [];
      const weights: number[] = [];
      for (let i = 0; i < directions.weights.length; i++)
        for (const level of [0, 1, 2])
          for (const kind of [0, 1]) {
            rows.push([level, directions.points.data[2 * i + 1], kind, directions.points.data[2 * i]]);
            weights.push(directions.weights[i]);
          }
      return { points: array(rows), weights };
    },
    linearMean: false,
    additive: false,
    data: [
      [0, 0.6, 1, 0.8],
      [2, -1, 0, 0],
    ],
    refuses: [
      [[0, 0.6, 7, 0.8], /column 2 .* is 7; the bernoulli/],
      [[0, 0.6, 1, 0.7], /have norm 0.921954/],
      [[3, 0.6, 1, 0.8], /column 0 .* is 3; the discretised logistic/],
    ],
  },
];

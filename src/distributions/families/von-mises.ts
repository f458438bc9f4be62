/**
 * Von Mises on the circle: independent angles in radians. It is von Mises-Fisher with p = 2 on (cos x, sin x), which
 * does the work; parameter theta = kappa (cos mu, sin mu), [N, D, 2].
 */
import {
  atan2,
  concat,
  cos,
  less,
  mul,
  type Operand,
  sin,
  slice,
  square,
  stack,
  sum,
  type Tensor,
  where,
} from "../../engine/index.js";
import { circularTransport, vonMisesMarginal } from "./circular-transport.js";
import {
  checkEach,
  countsPerGroup,
  drawEach,
  type Family,
  flatGroups,
  grouped,
  groupsFirst,
  outputShape,
  sumRows,
} from "./family.js";
import { marginalTable } from "./marginals.js";
import {
  directionalDivergence,
  directionalEntropy,
  directionalLogDensity,
  directionalRoot,
  drawDirection,
} from "./von-mises-fisher.js";

const FULL_TURN = 2 * Math.PI;

/**
 * The von Mises family. Parameter `theta` [N, D, 2], the network's outputs in pairs. Most uncertain: theta = 0, the
 * uniform law. `mean` is the mean direction as an angle in (-pi, pi]. Data: radians within one turn either way.
 * Wasserstein distances are along the circle, see `circular-transport.ts`.
 */
export function vonMises(): Family {
  return {
    name: "von Mises",
    ...countsPerGroup("von Mises", 1, 2),
    checkData(data, options) {
      checkEach(
        "von Mises",
        data,
        options,
        "angles in radians, from -2 pi to 2 pi; multiply degrees by pi / 180",
        (x) => Math.abs(x) <= FULL_TURN + 1e-5,
      );
    },
    fromNetwork(outputs) {
      outputShape(outputs);
      return { theta: grouped(outputs, 2) };
    },
    logDensity: ({ theta }, x) => sumRows(directionalLogDensity(theta, stack([cos(x), sin(x)], -1))),
    mean: ({ theta }) => angleOf(theta),
    meanEmbedding(parameters) {
      const angles = angleOf(parameters.theta);
      return concat([cos(angles), sin(angles)], 1);
    },
    entropy: ({ theta }) => sumRows(directionalEntropy(theta)),
    klDivergence: (p, q) => sumRows(directionalDivergence(groupsFirst(p.theta), groupsFirst(q.theta))),
    fisherRoot({ theta }) {
      const root = directionalRoot(groupsFirst(theta));
      return (tangent) => flatGroups(root(groupsFirst(tangent.theta)));
    },
    wasserstein2Root({ theta }) {
      const root = directionalRoot(groupsFirst(theta), circularTransport);
      return (tangent) => flatGroups(root(groupsFirst(tangent.theta)));
    },
    uncertain: ({ theta }) => ({ theta: mul(theta, 0) }),
    sample: ({ theta }, random) =>
      drawEach(theta.shape.slice(0, 2), (i) => {
        const [x, y] = drawDirection(theta.data.subarray(2 * i, 2 * i + 2), random);
        return Math.atan2(y, x);
      }),
    marginals: ({ theta }) =>
      marginalTable(theta.shape.slice(0, 2), (i) => {
        const [x, y] = [theta.data[2 * i], theta.data[2 * i + 1]];
        return vonMisesMarginal(Math.atan2(y, x), Math.hypot(x, y));
      }),
  };
}

function angleOf(theta: Operand): Tensor {
  const [x, y] = [slice(theta, [null, null, 0]), slice(theta, [null, null, 1])];
  const nowhere = less(sum(square(theta), -1), 1e-24); // no direction: 0, with a finite gradient
  return atan2(where(nowhere, 0, y), where(nowhere, 1, x));
}

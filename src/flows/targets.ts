/**
 * Densities to fit by reverse KL, by name. All but the ring are normalised, so that the loss is the divergence itself;
 * any traceable function serves as well (`FlowTarget`).
 */
import { vonMisesFisherConstants } from "../distributions/von-mises-fisher-normalizer.js";
import {
  add,
  concat,
  constant,
  expandDims,
  logSumExp,
  mul,
  ndarray,
  slice,
  square,
  sub,
  sum,
  type Tensor,
} from "../engine/index.js";
import { expectThat, UsageError } from "../errors.js";
import type { Manifold } from "../manifolds/index.js";
import { backboneLogDensity } from "./backbone-angles.js";
import type { FlowTarget } from "./train.js";

/** A von Mises-Fisher density on the sphere of `mean`: log p(x) = -(kappa/2) |x - mean|^2 - (Phi(kappa) - kappa). */
export function vonMisesFisherTarget(mean: readonly number[], concentration: number): FlowTarget {
  const { scaledLogNormalizer } = vonMisesFisherConstants(mean.length, concentration);
  return {
    name: `von Mises-Fisher, concentration ${concentration}`,
    logDensity: (x) => {
      const centre = constant(ndarray(Float64Array.from(mean)));
      return sub(mul(-concentration / 2, sum(square(sub(x, centre)), -1)), scaledLogNormalizer);
    },
  };
}

interface Entry {
  readonly about: string;
  /** Why it cannot be on this manifold, or nothing. */
  readonly unfit: (manifold: Manifold) => string | undefined;
  readonly build: (manifold: Manifold, concentration: number) => FlowTarget;
}

const onSpheres = ({ kind }: Manifold) => (kind === "sphere" ? undefined : "it is made for spheres");

const table: Readonly<Record<string, Entry>> = {
  "von-mises-fisher": {
    about: "spheres: one mode, at the last axis",
    unfit: onSpheres,
    build: ({ origin }, concentration) => vonMisesFisherTarget(Array.from(origin), concentration),
  },
  axes: {
    about: "spheres: a mode of von Mises-Fisher on either side of each axis, all of the same weight",
    unfit: onSpheres,
    build: ({ coordinates: n }, concentration) => ({
      name: `modes on the axes, concentration ${concentration}`,
      logDensity(x) {
        const modes = Array.from({ length: 2 * n }, (_, k) =>
          Array.from({ length: n }, (_, i) => (i === k >> 1 ? 1 - 2 * (k & 1) : 0)),
        );
        const each = modes.map((mode) => expandDims(vonMisesFisherTarget(mode, concentration).logDensity(x), 0));
        return sub(logSumExp(concat(each, 0), 0), Math.log(2 * n));
      },
    }),
  },
  backbone: {
    about: "the torus of dimension 2: like the backbone angles of proteins, across the seams",
    unfit: ({ kind, dimension }) =>
      kind === "torus" && dimension === 2 ? undefined : "it is made for the torus of dimension 2",
    build: () => ({ name: "backbone angles", logDensity: backboneLogDensity }),
  },
  ring: {
    about: "any: a shell at distance 1.5 from the origin, of standard deviation 0.2 (not normalised)",
    unfit: () => undefined,
    build: (manifold) => ({
      name: "ring at distance 1.5",
      logDensity(x) {
        const origin = add(constant(ndarray(manifold.origin, [1, manifold.coordinates])), mul(0, firstColumn(x)));
        return mul(-0.5 / 0.2 ** 2, square(sub(manifold.traced.distance(origin, x), 1.5)));
      },
    }),
  },
};

export const targetNames = Object.keys(table);

/** One line for each name: what it is and where. */
export function describeTargets(): string[] {
  return targetNames.map((name) => `${name}: ${table[name].about}`);
}

/**
 * The target called `name` on a manifold.
 * @param concentration of the von Mises-Fisher modes; default 10
 * @throws UsageError for unknown names, and manifolds that the target is not made for
 */
export function namedTarget(name: string, manifold: Manifold, concentration = 10): FlowTarget {
  if (!Object.hasOwn(table, name))
    throw new UsageError(`target: "${name}" is not known; use one of ${targetNames.join(", ")}.`);
  const why = table[name].unfit(manifold);
  if (why !== undefined)
    throw new UsageError(
      `target: "${name}" does not fit the ${manifold.name} (${why}); use one of ${targetNames.filter((other) => table[other].unfit(manifold) === undefined).join(", ")}.`,
    );
  expectThat(
    concentration > 0 && concentration <= 1e4,
    () => `target: the concentration is ${concentration}; give a number above 0, up to 10,000.`,
  );
  return table[name].build(manifold, concentration);
}

function firstColumn(x: Tensor): Tensor {
  return slice(x, [null, [0, 1]]);
}

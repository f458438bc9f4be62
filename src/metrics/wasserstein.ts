/**
 * Wasserstein geometry of a decoder: how far the decoded laws are apart as heaps of mass. Columns (pixels) are taken as
 * independent and one-dimensional, with distribution functions F and quantile functions Q.
 *
 * Order 1, as in "Optimal latent transport": W1 = int |F_a - F_b| dx, for data in bins sum_k delta_k |F_a(e_k) - F_b(e_k)|
 * over the inner edges e_k, F being the model's own distribution function there and delta_k the ground distance
 * between the two values next to the edge (the paper leaves out the bin width). The columns are combined as
 *   "root-sum-square"  sqrt(sum W1^2), the paper's choice. It is not the W1 of the product law (a lower bound of the one
 *                      with Euclidean ground distance), hence the name;
 *   "sum"              sum W1, which is the W1 of the product law with the city-block ground distance.
 * As steps shrink W1 becomes int |dF| dx, a norm that no inner product gives: a Finsler geometry. There are lengths and
 * energies, and no metric tensor.
 *
 * Order 2, which the paper leaves open, is Riemannian: mass moves with velocity -dF/p, so
 *
 *   g(v, v) = sum_columns int (dF.v)^2 / p dx = sum_columns int_0^1 (dQ.v)^2 du,
 *
 * flat in one dimension: z -> Q_z(.) is an isometric embedding. Location-scale laws have it in closed form
 * (mean, scale times the deviation of the standard law), all others through their quantiles or the integral over F.
 * Gaussians with full covariance: the Bures metric |dm|^2 + tr(X A X), X A + A X = dA. Angles (von Mises): along the
 * circle, closed but not flat (`circular-transport.ts`). For bins take the continuous law
 * before binning (distribution function and density at the edges): on fixed atoms W2^2 grows like |dz|, not |dz|^2.
 *
 * Axes: N points, d latent dimensions, D columns, G edges.
 */
import type { Family, Parameters } from "../distributions/families/index.js";
import {
  array,
  clip,
  div,
  expandDims,
  jvp,
  maximum,
  mul,
  slice,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
} from "../engine/index.js";
import { UsageError } from "../errors.js";
import { buresMetric } from "./bures.js";
import { flattenRows } from "./checks.js";
import { type EmbeddedMetric, embeddedMetric } from "./embedded.js";
import type { DistributionDecoder } from "./fisher-rao.js";
import {
  binnedBound,
  binnedEnds,
  binnedNorm,
  type Combine,
  closedEnds,
  closedNorm,
  type Edges,
  planeTensor,
  size,
  smoothed,
} from "./location-scale.js";
import { energyOfEnds, type LatentMetric, type StepEnds } from "./metric.js";
import { rootMetric } from "./root-metric.js";

/** Evenly spaced values of a column: `count` of them from low to high, each the middle of its bin. */
export interface Values {
  readonly low: number;
  readonly high: number;
  /** Default 256. Fewer, wider bins are faster. */
  readonly count?: number;
}

export interface Wasserstein1Options {
  /**
   * The values that a column takes: the published energy, between their bins. Without them the laws are taken on the line, by
   * the family's closed form: the limit of fine bins over a wide range.
   */
  readonly values?: Values;
  /** Place of a value, rising: the ground distance is |place(x) - place(y)|. Default the value itself. */
  readonly place?: (value: number) => number;
  readonly columns?: "root-sum-square" | "sum";
  /** |u| is taken as sqrt(u^2 + smoothing^2) - smoothing, u a difference of F; default 0. */
  readonly smoothing?: number;
}

/** A geometry of lengths and energies alone. */
export interface FinslerMetric extends LatentMetric {
  readonly finsler: true;
}

/**
 * 1-Wasserstein energies and lengths: `segmentEnergy` is the squared (combined) W1 between the ends of a step. The
 * result goes to `connect` like any metric. Its `metricTensor` is no metric but a quadratic form near the squared norm: for
 * location-scale families on a latent plane one that agrees with it on average, else an upper bound, in bins
 * (sum delta |dF|)^2 <= (sum delta p) (sum delta dF^2 / p). Solvers precondition with it; `evaluate` refuses it.
 * Between bins location-scale families (normal, one logistic) cost least; in closed form about as much as 2-Wasserstein.
 * @param family with a `distributionFunction`. That of gamma and beta laws, and of the shares of Dirichlet laws, each a beta
 *   law, is itself made of the bins: their width should be a fifth of the narrowest law's standard deviation or less
 * @throws UsageError for a family that has none, one without a closed form where there are no values, or options out of range
 */
export function wasserstein1(
  decoder: DistributionDecoder,
  family: Family,
  dimension: number,
  options: Wasserstein1Options = {},
): FinslerMetric {
  const { place, columns = "root-sum-square", smoothing = 0 } = options;
  if (!["root-sum-square", "sum"].includes(columns))
    throw new UsageError(`wasserstein1: columns is "${columns}"; give "root-sum-square" or "sum".`);
  if (!(smoothing >= 0 && smoothing < 1))
    throw new UsageError(`wasserstein1: smoothing is ${smoothing}; give a number from 0 to 1, such as 1e-4.`);
  if (options.values === undefined) {
    if (!hasClosedForm(family))
      throw new UsageError(
        `wasserstein1: values is missing, and the ${family.name} family has no closed form; give the range of the data, such as { low: 0, high: 1 }.`,
      );
    if (place !== undefined || smoothing > 0)
      throw new UsageError(
        `wasserstein1: ${place === undefined ? "smoothing" : "place"} goes with bins only; give values too.`,
      );
    return wasserstein1Closed(decoder, family, dimension, { columns });
  }
  const edges = edgesOf(options.values, place);
  const combine = combineBy(columns);
  const { ends, root } = binnedTransport(decoder, family, edges, smoothing, combine);
  const { locationScale } = family;
  const name = columns === "sum" ? "1-Wasserstein (sum over columns)" : "root-sum-square of marginal 1-Wasserstein";
  return {
    ...rootMetric(root, { dimension, name, ends }),
    ...(locationScale &&
      dimension <= 2 && {
        metricTensor: planeTensor(decoder, locationScale, binnedNorm(locationScale, edges, combine)),
      }),
    finsler: true,
  };
}

const combineBy =
  (columns: Wasserstein1Options["columns"]): Combine =>
  (each) =>
    columns === "sum" ? square(sum(each, -1)) : sum(square(each), -1);

/** Edges between neighbouring values, and the ground distances across them. */
function edgesOf(given: Values, place: (x: number) => number = (x) => x): Edges {
  const values = valuesOf("wasserstein1", given);
  const gaps = values.slice(1).map((value, k) => place(value) - place(values[k]));
  if (!gaps.every((gap) => gap > 0 && gap < Infinity))
    throw new UsageError("wasserstein1: place does not rise from value to value; give a rising function.");
  return { places: values.slice(1).map((value, k) => (value + values[k]) / 2), gaps };
}

/** Energies in bins, and the root of their bound: edge by edge for location-scale laws, else from F at all edges at once. */
function binnedTransport(
  decoder: DistributionDecoder,
  family: Family,
  edges: Edges,
  smoothing: number,
  combine: Combine,
): { ends: StepEnds; root: (z: Tensor) => (v: Tensor) => Tensor } {
  const { locationScale } = family;
  if (locationScale)
    return {
      ends: binnedEnds(decoder, locationScale, edges, smoothing, combine),
      root: binnedBound(decoder, locationScale, edges),
    };
  const { places } = edges;
  const distribution = distributionOf("wasserstein1", decoder, family);
  const gaps = array([...edges.gaps]);
  const magnitude = smoothing === 0 ? size : (u: Tensor) => smoothed(u, smoothing);
  const root = (z: Tensor) => {
    const density = family.marginalDensity && floored(family.marginalDensity(decoder(z), places), places);
    // weights w with (sum delta |dF|)^2 <= sum (delta dF^2 / w) sum (delta w); the density is nearly the best one
    const weight = density ?? array(places.map(() => 1));
    const total = sum(mul(weight, gaps), -1, { keepDimensions: true });
    const factor = sqrt(mul(gaps, div(total, weight)));
    return (v: Tensor): Tensor => {
      const [, change] = jvp((x: Tensor) => distribution(x, places), [z], [v]) as [Tensor, Tensor];
      return flattenRows(mul(change, factor));
    };
  };
  const ends: StepEnds = {
    at: (z) => ({ F: distribution(z, places) }), // [N, D, G]
    energy: (a, b) => combine(sum(mul(magnitude(sub(b.F, a.F)), gaps), -1)),
  };
  return { ends, root };
}

const hasClosedForm = ({ wasserstein1: closed, wasserstein2Embedding: flat }: Family): boolean =>
  closed !== undefined && flat !== undefined;

/**
 * 1-Wasserstein by the family's closed form of each column, where it has one, on the continuous (unbinned) laws; the
 * `metricTensor` is near the squared norm for location-scale families on a latent plane, else the 2-Wasserstein one, an
 * upper bound.
 * @throws UsageError for a family without closed forms
 */
export function wasserstein1Closed(
  decoder: DistributionDecoder,
  family: Family,
  dimension: number,
  options: Pick<Wasserstein1Options, "columns"> = {},
): FinslerMetric {
  const { wasserstein1: closed, wasserstein2Embedding: flat, locationScale } = family;
  if (!closed || !flat)
    throw new UsageError(
      `wasserstein1Closed: the ${family.name} family has no closed form; use wasserstein1 with its values.`,
    );
  const bound = embeddedMetric((z) => flat.call(family, decoder(z)), { dimension, name: "" });
  const combine = combineBy(options.columns);
  const ends: StepEnds = locationScale
    ? closedEnds(decoder, locationScale, combine)
    : { at: decoder, energy: (a, b) => combine(closed.call(family, a, b)) };
  return {
    name: "1-Wasserstein, closed form",
    dimension,
    finsler: true,
    metricTensor:
      locationScale && dimension <= 2
        ? planeTensor(decoder, locationScale, closedNorm(locationScale, combine))
        : bound.metricTensor,
    ends,
    segmentEnergy: energyOfEnds(ends),
  };
}

export interface Wasserstein2Options {
  /**
   * "embedding": the family's closed form; "tensor": the integral over F; "quantiles": the embedding by quantiles;
   * "auto" (default): without values the closed form (Bures for full covariances) where there is one, else the tensor.
   */
  readonly form?: "auto" | "embedding" | "tensor" | "quantiles";
  /** Range and grid of the integral over F, which "tensor" and "quantiles" need. Mass beyond the range does not count. */
  readonly values?: Values;
  /** Quantiles of each column, default 32. */
  readonly quantiles?: number;
}

/**
 * The 2-Wasserstein pullback metric, from closed forms, the integral over F, or quantiles.
 * @throws UsageError where the family does not have what the form needs, or the form takes no values
 * @example const transport = wasserstein2(decoder, discretisedLogistic(), 2); // embedded by (m, pi s / sqrt 3)
 */
export function wasserstein2(
  decoder: DistributionDecoder,
  family: Family,
  dimension: number,
  options: Wasserstein2Options = {},
): LatentMetric {
  const { form = "auto", quantiles = 32 } = options;
  const { wasserstein2Embedding } = family;
  if (!["auto", "embedding", "tensor", "quantiles"].includes(form))
    throw new UsageError(`wasserstein2: form "${form}" is not known; use auto, embedding, tensor or quantiles.`);
  const unbounded = form === "embedding" || (form === "auto" && options.values === undefined);
  if (form === "embedding" && options.values !== undefined)
    throw new UsageError(
      'wasserstein2: the form "embedding" knows no range; leave values out, or use the form "tensor".',
    );
  if (wasserstein2Embedding && unbounded)
    return embeddedMetric((z) => wasserstein2Embedding.call(family, decoder(z)), { dimension, name: "2-Wasserstein" });
  if (family.wasserstein2Root) return rootedMetric(decoder, family, dimension, options);
  if (family.name === "full normal" && form === "auto") {
    if (options.values !== undefined)
      throw new UsageError("wasserstein2: the closed form of full covariances knows no range; leave values out.");
    return buresMetric(decoder, dimension);
  }
  if (form === "embedding")
    throw new UsageError(
      `wasserstein2: the ${family.name} family has no embedding in closed form; use the form "tensor" or "quantiles".`,
    );
  const distribution = distributionOf("wasserstein2", decoder, family);
  const values = valuesOf("wasserstein2", options.values);
  if (form === "quantiles") return quantileMetric(distribution, dimension, values, quantiles);
  const { marginalDensity } = family;
  if (!marginalDensity)
    throw new UsageError(
      `wasserstein2: the ${family.name} family has no density, and W2 of atoms has no metric tensor; use wasserstein1.`,
    );
  const width = values[1] - values[0];
  // the trapezoid rule
  const weights = array(values.map((_, k) => Math.sqrt(width * (k === 0 || k === values.length - 1 ? 0.5 : 1))));
  const root = (z: Tensor) => {
    const density = floored(marginalDensity.call(family, decoder(z), values), values);
    const factor = mul(div(1, sqrt(density)), weights);
    return (v: Tensor): Tensor => {
      const [, change] = jvp((x: Tensor) => distribution(x, values), [z], [v]) as [Tensor, Tensor];
      return flattenRows(mul(change, factor)); // [N, D G]
    };
  };
  return rootMetric(root, { dimension, name: "2-Wasserstein" });
}

/** Closed, but not flat: angles. */
function rootedMetric(
  decoder: DistributionDecoder,
  family: Family,
  dimension: number,
  { form = "auto", values }: Wasserstein2Options,
): LatentMetric {
  if (form !== "auto" || values !== undefined)
    throw new UsageError(
      `wasserstein2: the ${family.name} family has a metric tensor in closed form alone; leave ${values === undefined ? "the form" : "values"} out.`,
    );
  const root = (z: Tensor) => {
    const rootAt = family.wasserstein2Root!(decoder(z));
    return (v: Tensor): Tensor => rootAt(jvp(decoder, [z], [v])[1] as Parameters);
  };
  return rootMetric(root, { dimension, name: "circular 2-Wasserstein" });
}

/** Density below which mass moves for free: 1e-6 over the range. It keeps dF^2 / p finite where p underflows. */
function floored(density: Tensor, values: readonly number[]): Tensor {
  return maximum(density, 1e-6 / (values[values.length - 1] - values[0]));
}

/**
 * Embedding by quantiles: `sqrt(1/n) Q(u_l)`, u_l = (l - 1/2) / n, of each column, from F at the grid:
 * `Q(u) = low + sum_k h clip((u - F_k) / (F_(k+1) - F_k), 0, 1)`, the inverse of F with straight lines between grid
 * points. Finite steps are measured by `int (Q_b - Q_a)^2 du`, which stays tame where dF^2 / p explodes: between the
 * parts of a mixture whose weights change. Right to some percent at 32 quantiles, see the tests.
 */
function quantileMetric(
  distribution: (z: Tensor, points: readonly number[]) => Tensor,
  dimension: number,
  values: readonly number[],
  count: number,
): EmbeddedMetric {
  if (!(Number.isInteger(count) && count >= 1))
    throw new UsageError(`wasserstein2: quantiles is ${count}; give a whole number from 1.`);
  const shares = array(Array.from({ length: count }, (_, l) => [(l + 0.5) / count])); // [n, 1]
  const width = values[1] - values[0];
  return embeddedMetric(
    (z) => {
      const F = expandDims(distribution(z, values), 2); // [N, D, 1, G]
      const G = values.length;
      const low = slice(F, [null, null, null, [0, G - 1]]);
      const mass = maximum(sub(slice(F, [null, null, null, [1, G]]), low), 1e-12);
      const filled = clip(div(sub(shares, low), mass), 0, 1); // [N, D, n, G - 1]
      return flattenRows(mul(sum(filled, -1), width / Math.sqrt(count)));
    },
    { dimension, name: "2-Wasserstein by quantiles" },
  );
}

/** F of the decoded law at points, `[N, d] -> [N, D, G]`. */
function distributionOf(
  caller: string,
  decoder: DistributionDecoder,
  family: Family,
): (z: Tensor, points: readonly number[]) => Tensor {
  const { distributionFunction } = family;
  if (!distributionFunction)
    throw new UsageError(
      `${caller}: the ${family.name} family has no distribution function of its columns here; use a family of numbers (normal, exponential, gamma, beta, poisson, ...), or the Fisher-Rao metric.`,
    );
  return (z, points) => distributionFunction.call(family, decoder(z), points);
}

function valuesOf(caller: string, values: Values | undefined): number[] {
  if (values === undefined)
    throw new UsageError(`${caller}: values is missing; give the range of the data, such as { low: 0, high: 1 }.`);
  const { low, high, count = 256 } = values;
  if (!(Number.isFinite(high - low) && low < high && Number.isInteger(count) && count >= 2))
    throw new UsageError(
      `${caller}: values are ${count} from ${low} to ${high}; give two or more from a lower to a higher number.`,
    );
  return Array.from({ length: count }, (_, k) => low + ((high - low) * k) / (count - 1));
}

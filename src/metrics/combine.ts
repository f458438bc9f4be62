/**
 * Metrics from metrics: multiples, sums, conformal changes, a floor, and new coordinates. An embedding is kept
 * wherever the result has one; a part without a metric tensor (1-Wasserstein) leaves the result without one.
 */
import {
  add,
  broadcastTo,
  concat,
  einsum,
  exp,
  mul,
  reshape,
  rowJacobian,
  square,
  sub,
  sum,
  type Tensor,
} from "../engine/index.js";
import { UsageError } from "../errors.js";
import { checkDimension, checkPositive, flattenRows } from "./checks.js";
import { embeddedMetric } from "./embedded.js";
import { identityMatrix } from "./linear-algebra.js";
import type { EndValues, LatentMetric, StepEnds } from "./metric.js";

/**
 * `c G`: lengths grow by sqrt(c), sectional curvature by 1/c.
 * @throws UsageError unless c > 0
 */
export function scaledMetric(base: LatentMetric, c: number): LatentMetric {
  checkPositive("scaledMetric", "c", c);
  const { embedding, ends } = base;
  return {
    name: `${c} x ${base.name}`,
    dimension: base.dimension,
    metricTensor: (z) => mul(base.metricTensor(z), c),
    segmentEnergy: (a, b) => mul(base.segmentEnergy(a, b), c),
    ...(embedding && { embedding: (z: Tensor) => mul(embedding.call(base, z), Math.sqrt(c)) }),
    ...(ends && { ends: { at: ends.at, energy: (a: EndValues, b: EndValues) => mul(ends.energy(a, b), c) } }),
    ...finslerOf(base),
  };
}

/**
 * `G_1 + G_2 + ...`. Where all have an embedding, so has the sum: the embeddings side by side.
 * @throws UsageError for an empty list or metrics of different dimensions
 */
export function sumMetric(metrics: readonly LatentMetric[], name?: string): LatentMetric {
  if (metrics.length === 0) throw new UsageError("sumMetric: the list of metrics is empty; give at least one.");
  const { dimension } = metrics[0];
  for (const metric of metrics)
    if (metric.dimension !== dimension)
      throw new UsageError(
        `sumMetric: "${metrics[0].name}" has dimension ${dimension} and "${metric.name}" ${metric.dimension}; give metrics of one latent space.`,
      );
  const total = (terms: Tensor[]) => terms.reduce((a, b) => add(a, b));
  const ends = metrics.map(endsOf);
  return {
    name: name ?? metrics.map((metric) => metric.name).join(" + "),
    dimension,
    metricTensor: (z) => total(metrics.map((metric) => metric.metricTensor(z))),
    segmentEnergy: (a, b) => total(metrics.map((metric) => metric.segmentEnergy(a, b))),
    ...(metrics.every((metric) => metric.embedding) && {
      embedding: (z: Tensor) =>
        concat(
          metrics.map((metric) => metric.embedding!(z)),
          1,
        ),
    }),
    ...(ends.every((each) => each !== undefined) && { ends: sumOfEnds(ends) }),
    ...finslerOf(...metrics),
  };
}

/** The mark of metrics without a tensor, where one of these has it. */
function finslerOf(...metrics: readonly LatentMetric[]): Pick<LatentMetric, "finsler"> {
  return metrics.some((metric) => metric.finsler) ? { finsler: true } : {};
}

/** What a metric's steps depend on at their ends: its own, or the embedded points. */
function endsOf(metric: LatentMetric): StepEnds | undefined {
  if (metric.ends || !metric.embedding) return metric.ends;
  return {
    at: (z) => ({ embedded: flattenRows(metric.embedding!(z)) }),
    energy: (a, b) => sum(square(sub(b.embedded, a.embedded)), -1),
  };
}

/** Values side by side under numbered names, energies added. */
function sumOfEnds(parts: readonly StepEnds[]): StepEnds {
  const own = (values: EndValues, k: number): EndValues =>
    Object.fromEntries(
      Object.entries(values).flatMap(([name, value]) =>
        name.startsWith(`${k}:`) ? [[name.slice(`${k}:`.length), value]] : [],
      ),
    );
  return {
    at: (z) =>
      Object.fromEntries(
        parts.flatMap(({ at }, k) => Object.entries(at(z)).map(([name, value]) => [`${k}:${name}`, value])),
      ),
    energy: (a, b) => parts.map(({ energy }, k) => energy(own(a, k), own(b, k))).reduce((x, y) => add(x, y)),
  };
}

/**
 * Conformal change `e^(2 a(z)) G(z)`: lengths grow by e^a, angles stay. Steps are weighted at their midpoint.
 * @param logFactor a, a traceable function `[N, d] -> [N]`
 */
export function conformalMetric(base: LatentMetric, logFactor: (z: Tensor) => Tensor, name?: string): LatentMetric {
  const factor = (z: Tensor) => exp(mul(reshape(logFactor(z), [z.shape[0]]), 2)); // [N]
  return {
    name: name ?? `conformal change of ${base.name}`,
    dimension: base.dimension,
    metricTensor: (z) => mul(reshape(factor(z), [z.shape[0], 1, 1]), base.metricTensor(z)),
    segmentEnergy: (a, b) => mul(factor(mul(add(a, b), 0.5)), base.segmentEnergy(a, b)),
    ...finslerOf(base),
  };
}

/**
 * `G + epsilon I`: a floor below which no direction gets, so that every solver is well posed and no path is free.
 * The floor is in latent coordinates and changes distances: report it.
 * @throws UsageError unless epsilon > 0
 */
export function withFloor(metric: LatentMetric, epsilon: number): LatentMetric {
  checkPositive("withFloor", "epsilon", epsilon);
  const floor = scaledMetric(euclideanMetric(metric.dimension), epsilon);
  return sumMetric([metric, floor], `${metric.name} + ${epsilon} I`);
}

/** The flat metric `G = I` of R^d, embedded by the identity. */
export function euclideanMetric(dimension: number): LatentMetric {
  const flat = embeddedMetric((z) => z, { dimension, name: "Euclidean" });
  return { ...flat, metricTensor: (z) => broadcastTo(identityMatrix(dimension), [z.shape[0], dimension, dimension]) };
}

/**
 * The same geometry in other coordinates w, where `z = diffeomorphism(w)`: `G'(w) = P^T G(z) P` with P the Jacobian
 * of the diffeomorphism. Distances, angles, volumes and curvature must not change (a test of everything downstream).
 * @param diffeomorphism traceable map `[N, d'] -> [N, d]`, row by row, injective with a Jacobian of full rank
 * @param dimension d', by default that of the metric
 */
export function reparametrised(
  metric: LatentMetric,
  diffeomorphism: (w: Tensor) => Tensor,
  dimension = metric.dimension,
): LatentMetric {
  checkDimension("reparametrised", dimension);
  const { embedding, ends } = metric;
  const name = `${metric.name}, reparametrised`;
  if (embedding) return embeddedMetric((w) => embedding.call(metric, diffeomorphism(w)), { dimension, name });
  return {
    name,
    dimension,
    metricTensor(w) {
      const { value, jacobian } = rowJacobian(diffeomorphism, w); // [N, d, d']
      return einsum("nai,nab,nbj->nij", jacobian, metric.metricTensor(value), jacobian);
    },
    segmentEnergy: (a, b) => metric.segmentEnergy(diffeomorphism(a), diffeomorphism(b)),
    ...(ends && { ends: { at: (w: Tensor) => ends.at(diffeomorphism(w)), energy: ends.energy } }),
    ...finslerOf(metric),
  };
}

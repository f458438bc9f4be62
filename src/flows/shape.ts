/** What a flow is, as plain data that a checkpoint can hold: the manifold, the method, the field, the network, the base. */
import { z } from "zod";
import { expectThat, UsageError } from "../errors.js";
import { euclidean, type Manifold, poincareBall, sphere, torus } from "../manifolds/index.js";
import { activationNames } from "../networks/index.js";
import { firstProblem } from "../numerics/schema-issues.js";

export const manifoldSchema = z.object({
  kind: z.enum(["sphere", "torus", "poincare-ball", "euclidean"]),
  dimension: z.int().min(1),
  /** Of the Poincare ball only: c > 0, for sectional curvature -c. */
  curvature: z.number().positive().optional(),
});

export const flowMethods = ["riemannian", "stereographic", "wrapped"] as const;
export const fieldNames = ["generators", "ambient", "chart", "potential"] as const;

export const flowShapeSchema = z.object({
  manifold: manifoldSchema,
  /**
   * riemannian: the flow runs on the manifold itself. stereographic (spheres): on R^d, then inverse stereographic
   * projection. wrapped: on R^d, then the exponential map at the origin.
   */
  method: z.enum(flowMethods),
  /** How the network's output becomes a tangent vector (`fields.ts`), or the gradient of bumps (`potential.ts`). */
  field: z.enum(fieldNames),
  /**
   * Spheres and tori: the network sees bumps exp(k (<e(x), e(c)> - |e(c)|^2)) around so many learned centres c, of learned
   * widths, instead of coordinates e(x); functions of the geodesic distance to c. 0: coordinates. The field potential is
   * made of them.
   */
  centres: z.int().min(0).max(4096).default(0),
  /** Hidden layers of the network; for the field potential (which has no activation), the degree of its polynomials of time. */
  hidden: z.array(z.int().min(1)).min(1),
  activation: z.enum(activationNames as unknown as [string, ...string[]]),
  /** Runge-Kutta steps over [0, 1]. */
  steps: z.int().min(1).max(64),
  /**
   * uniform (spheres and tori), or a wrapped normal at the origin (all but tori). Where the flow runs on R^d: the normal.
   */
  base: z.enum(["uniform", "wrapped-normal"]),
  /** Of the wrapped normal. */
  baseStd: z.number().positive(),
});

export type FlowManifold = Readonly<z.infer<typeof manifoldSchema>>;
export type FlowMethod = (typeof flowMethods)[number];
export type FieldName = (typeof fieldNames)[number];
export type FlowShape = Readonly<z.infer<typeof flowShapeSchema>>;

export type FlowOptions = { readonly manifold: FlowManifold } & Partial<Omit<FlowShape, "manifold">>;

/** Angles of a torus up to which the method wrapped is taken: it follows 3^d preimages of each point, 243 of them here. */
const MOST_WRAPPED_ANGLES = 5;

/**
 * A whole shape from what was asked for: by default a Riemannian flow with a network of 2 x 64 tanh units, 8 steps;
 * divergence-free generators up to d = 5 and ambient projection beyond on spheres; uniform base where the volume is
 * finite, else the wrapped standard normal.
 * @throws UsageError for what cannot be, with the remedy
 */
export function flowShape(options: FlowOptions): FlowShape {
  const { manifold, method = "riemannian" } = options;
  const finite = manifold.kind === "sphere" || manifold.kind === "torus";
  const onManifold = method === "riemannian" && finite;
  const whole = {
    method,
    field: manifold.kind === "sphere" && manifold.dimension > 5 ? "ambient" : "generators",
    hidden: options.field === "potential" ? [3] : [64, 64],
    centres: 0,
    activation: "tanh",
    steps: 8,
    base: onManifold ? "uniform" : "wrapped-normal",
    baseStd: 1,
    ...options,
  };
  const parsed = flowShapeSchema.safeParse(whole);
  if (!parsed.success)
    throw new UsageError(`flow: ${firstProblem(parsed.error, whole)} (docs/flows.md says what can be given).`);
  const shape = parsed.data;
  expectThat(
    shape.method !== "stereographic" || manifold.kind === "sphere",
    () => `flow: the method stereographic needs a sphere, the manifold is ${manifold.kind}; use riemannian or wrapped.`,
  );
  expectThat(
    shape.method !== "wrapped" || manifold.kind !== "torus" || manifold.dimension <= MOST_WRAPPED_ANGLES,
    () =>
      `flow: the method wrapped follows 3^d preimages of each point of a torus, and d is ${manifold.dimension} (at most ${MOST_WRAPPED_ANGLES} are taken); use riemannian.`,
  );
  expectThat(
    shape.base !== "uniform" || onManifold,
    () =>
      `flow: base is uniform, but the flow runs on a space of infinite volume (${manifold.kind}, ${shape.method}); use wrapped-normal.`,
  );
  expectThat(
    shape.base !== "wrapped-normal" || shape.method !== "riemannian" || manifold.kind !== "torus",
    "flow: base is wrapped-normal, but a torus has the uniform base only (the wrapped normal: spheres, hyperbolic and Euclidean space, the method wrapped); use uniform.",
  );
  expectThat(
    shape.field !== "chart" || shape.method !== "riemannian" || manifold.kind !== "sphere" || manifold.dimension === 2,
    () =>
      `flow: the field chart (longitude and colatitude) exists on S^2 only, the sphere has dimension ${manifold.dimension}; use generators or ambient.`,
  );
  expectThat(
    shape.centres === 0 || onManifold,
    () =>
      `flow: centres is ${shape.centres}, but bumps around centres are for flows that run on a sphere or torus (this one: ${manifold.kind}, ${shape.method}); leave it out.`,
  );
  expectThat(
    shape.field !== "potential" || shape.hidden.length === 1,
    () => `flow: hidden is [${shape.hidden}], but a potential has one number there, its degree in time; give [3], say.`,
  );
  expectThat(
    shape.field !== "potential" || (onManifold && manifold.kind === "sphere" && shape.centres > 0),
    () =>
      `flow: the field potential is made of bumps on a sphere (this one: ${manifold.kind}, ${shape.method}, ${shape.centres} centres); give centres, 256 say, or use generators.`,
  );
  return shape;
}

/** The manifold that data and densities live on. */
export function manifoldOf({ kind, dimension, curvature }: FlowManifold): Manifold {
  expectThat(
    curvature === undefined || kind === "poincare-ball",
    () => `flow: curvature is ${curvature}, but a ${kind} has none to choose; leave it out.`,
  );
  if (kind === "sphere") return sphere(dimension);
  if (kind === "torus") return torus(dimension);
  if (kind === "poincare-ball") return poincareBall({ dimension, curvature });
  return euclidean(dimension);
}

/** The manifold that the differential equation runs on: the data's, or for the baselines R^d. */
export function flowSpace(shape: FlowShape): Manifold {
  return shape.method === "riemannian" ? manifoldOf(shape.manifold) : euclidean(shape.manifold.dimension);
}

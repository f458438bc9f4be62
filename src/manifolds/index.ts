export { type Arithmetic, polynomial, rootOrZero } from "./arithmetic.js";
export { euclidean } from "./euclidean.js";
export { gaussLegendre, type Quadrature } from "./gauss-legendre.js";
export type { Coordinates, Geometry, GeometryCore, Manifold, TracedGeometry } from "./geometry.js";
export { host } from "./host-arithmetic.js";
export { type HyperbolicIsometry, hyperbolicIsometry } from "./hyperbolic-models.js";
export { hyperboloid, hyperboloidFormulas } from "./hyperboloid.js";
export { checkCount, checkPoints, projectPoints } from "./make-manifold.js";
export {
  conformalFactor,
  gyroplaneDistance,
  mobiusAdd,
  mobiusScale,
  type PoincareBallOptions,
  poincareBall,
  poincareBallFormulas,
  projectToBall,
  TRACED_MARGIN,
} from "./poincare-ball.js";
export { productManifold } from "./product.js";
export * from "./ratios.js";
export { logSphereArea, sphere, sphereArea } from "./sphere.js";
export { torus } from "./torus.js";
export { traced } from "./traced-arithmetic.js";

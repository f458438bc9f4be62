/** A diffeomorphism for invariance tests. */
import { add, einsum, mul, ndarray, type Tensor, tanh } from "../../src/engine/index.js";
import { testRandom } from "../numerics/helpers.js";

/** A smooth random map of R^d to itself, `[N, d]`, injective: the identity plus a map of Lipschitz constant < 1/2. */
export function bend(z: Tensor): Tensor {
  const d = z.shape[1];
  const random = testRandom(5 + d);
  const matrix = ndarray(
    Float64Array.from({ length: d * d }, () => (0.5 * (2 * random.uniform() - 1)) / Math.sqrt(d)),
    [d, d],
  );
  return add(z, mul(tanh(einsum("ni,ij->nj", z, matrix)), 0.9));
}

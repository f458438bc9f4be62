/**
 * Unit quaternions as data: q and -q are one rotation, so the law has the density of both alike, the symmetrised von
 * Mises-Fisher law (an equal mixture of theta and -theta):
 *
 *   log p(q) = log(e^(theta.q) + e^(-theta.q)) - log 2 - Phi(kappa) = |theta.q| + log(1 + e^(-2 |theta.q|)) - log 2 - Phi(kappa)
 *
 * and the encoder sees the products q_i q_j, which are the same for both, so that their codes agree exactly. Its
 * geometry is taken from theta as it is decoded, that is of von Mises-Fisher with the sign known: where kappa is large
 * the two lobes do not meet and that is the Fisher information of the mixture too; where it is small it is larger.
 *
 * Axes: N rows, p coordinates (4), B = 1.
 */
import { type Family, vonMisesFisher } from "../../distributions/families/index.js";
import {
  abs,
  add,
  array,
  div,
  exp,
  log1p,
  logVonMisesFisherNormalizer,
  mul,
  type NdArray,
  type Operand,
  reshape,
  slice,
  sqrt,
  square,
  stack,
  sub,
  sum,
  type Tensor,
} from "../../engine/index.js";
import { addBlock, type BlockStatistics, blockHead, type Head } from "../mocap/heads.js";

/** von Mises-Fisher whose log density does not tell q from -q. */
export function antipodalVonMisesFisher(p: number): Family {
  const family = vonMisesFisher({ dimension: p });
  return {
    ...family,
    logDensity({ theta }, x) {
      const [N] = (x as Tensor).shape;
      const fit = abs(sum(mul(theta, reshape(x as Tensor, [N, 1, p])), -1)); // [N, 1]
      const kappa = sqrt(add(sum(square(theta as Operand), -1), 1e-16));
      const scaled = logVonMisesFisherNormalizer(p, kappa, { scaled: true });
      const density = sub(add(sub(fit, kappa), log1p(exp(mul(-2, fit)))), add(scaled, Math.LN2));
      return reshape(density, [N]);
    },
  };
}

/** A head for one unit quaternion (or axis) in `columns`. */
export function axisHead(name: string, columns: readonly number[], rows: NdArray): Head {
  const p = columns.length;
  const [N, D] = rows.shape;
  const quaternions = Array.from({ length: N }, (_, i) => columns.map((j) => rows.data[i * D + j]));
  const middle = principalAxis(quaternions);
  const aligned = quaternions.map((q) => {
    const sign = q.reduce((dot, x, k) => dot + x * middle[k], 0) < 0 ? -1 : 1;
    return q.map((x) => sign * x);
  });
  const statistics: BlockStatistics = { means: [], spreads: [], concentrations: [] };
  addBlock(
    statistics,
    middle.map((_, k) => aligned.reduce((total, q) => total + q[k] / N, 0)),
    p,
  );
  const products = columns.flatMap((_, i) => columns.slice(i).map((_c, k) => [i, i + k] as const));
  const means = products.map(([i, j]) => quaternions.reduce((total, q) => total + (q[i] * q[j]) / N, 0));
  const spreads = products.map(([i, j], k) =>
    Math.max(1e-2, Math.sqrt(quaternions.reduce((total, q) => total + (q[i] * q[j] - means[k]) ** 2 / N, 0))),
  );
  const head = blockHead(name, p, statistics);
  return {
    name,
    family: antipodalVonMisesFisher(p),
    columns,
    features(x) {
      const even = products.map(([i, j]) => mul(slice(x, [null, i]), slice(x, [null, j])));
      return div(sub(stack(even, 1), array(means)), array(spreads));
    },
    outputs: head.outputs,
    parameters: (outputs) => head.parameters(outputs),
  };
}

/** The unit vector m that maximises sum (q.m)^2, by power iteration. */
export function principalAxis(vectors: readonly (readonly number[])[]): number[] {
  let m = [...vectors[0]];
  for (let step = 0; step < 200; step++) {
    const next = m.map(() => 0);
    for (const q of vectors) {
      const dot = q.reduce((total, x, k) => total + x * m[k], 0);
      q.forEach((x, k) => {
        next[k] += dot * x;
      });
    }
    const norm = Math.hypot(...next);
    m = next.map((x) => x / norm);
  }
  return m;
}

/**
 * A density on the torus T^2 like that of the backbone angles (phi, psi) of proteins, generated since no measured one
 * is part of this project: a mixture of products of von Mises densities around the usual regions (alpha helix, beta
 * sheet, polyproline, left-handed helix), two of which reach across the seam at +-180 degrees.
 */
import {
  add,
  constant,
  cos,
  logSumExp,
  mul,
  type NdArray,
  ndarray,
  stack,
  sub,
  sum,
  type Tensor,
} from "../engine/index.js";
import { torus } from "../manifolds/index.js";
import { type RandomKey, stream } from "../numerics/random.js";

const DEGREE = Math.PI / 180;

interface Region {
  readonly name: string;
  readonly weight: number;
  /** Degrees. */
  readonly centre: readonly [number, number];
  /** Concentrations of the two angles. */
  readonly concentration: readonly [number, number];
}

export const backboneRegions: readonly Region[] = [
  { name: "right-handed helix", weight: 0.45, centre: [-63, -42], concentration: [40, 30] },
  { name: "sheet, across the seam", weight: 0.3, centre: [-120, 165], concentration: [8, 8] },
  { name: "polyproline", weight: 0.18, centre: [-70, 150], concentration: [25, 20] },
  { name: "left-handed helix", weight: 0.07, centre: [57, 42], concentration: [30, 20] },
];

/** log I_0(k) by its integral, (1/pi) int_0^pi exp(k cos t) dt: trapezoid, spectral accuracy. */
function logBessel0(k: number): number {
  let total = 0;
  const count = 256;
  for (let i = 0; i < count; i++) total += Math.exp(k * (Math.cos((2 * Math.PI * i) / count) - 1)) / count;
  return k + Math.log(total);
}

/** The log density per square radian, traceable: [N, 2] -> [N]. */
export function backboneLogDensity(x: Tensor): Tensor {
  const terms = backboneRegions.map(({ weight, centre, concentration }) => {
    const angles = constant(ndarray(Float64Array.from(centre, (degrees) => degrees * DEGREE)));
    const kappa = constant(ndarray(Float64Array.from(concentration)));
    const offset = Math.log(weight) - concentration.reduce((s, k) => s + logBessel0(k), 0) - 2 * Math.log(2 * Math.PI);
    return add(sum(mul(kappa, cos(sub(x, angles))), -1), offset);
  });
  return logSumExp(stack(terms, 0), 0);
}

/** Draws by the rejection scheme of Best and Fisher (Applied Statistics 1979), in radians. [count, 2] */
export function sampleBackbone(key: RandomKey, count: number): NdArray {
  const random = stream(key);
  const vonMises = (k: number): number => {
    const tau = 1 + Math.sqrt(1 + 4 * k * k);
    const rho = (tau - Math.sqrt(2 * tau)) / (2 * k);
    const r = (1 + rho * rho) / (2 * rho);
    for (;;) {
      const z = Math.cos(Math.PI * random.uniform());
      const f = (1 + r * z) / (r + z);
      const c = k * (r - f);
      const u = 1 - random.uniform();
      if (c * (2 - c) > u || Math.log(c / u) + 1 >= c)
        return Math.acos(Math.max(-1, Math.min(1, f))) * (random.uniform() < 0.5 ? -1 : 1);
    }
  };
  const T2 = torus(2);
  const data = new Float64Array(2 * count);
  for (let i = 0; i < count; i++) {
    const { centre, concentration } = backboneRegions[random.categorical(backboneRegions.map(({ weight }) => weight))];
    const angles = centre.map((degrees, j) => degrees * DEGREE + vonMises(concentration[j]));
    data.set(T2.projectPoint(angles), 2 * i);
  }
  return ndarray(data, [count, 2]);
}

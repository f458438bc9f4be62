/** Special functions. */
export {
  type BesselOptions,
  besselRatio,
  besselRatioComplement,
  logBesselI,
  logVonMisesFisherNormalizer,
} from "./bessel.js";
export { erf } from "./erf.js";
export { digamma, lbeta, lgamma, trigamma } from "./gamma.js";

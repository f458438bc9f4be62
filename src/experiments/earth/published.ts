/**
 * Negative log-likelihoods as printed: Mathieu and Nickel (NeurIPS 2020, table 2) for the mixture, the stereographic
 * and the Riemannian flow; De Bortoli et al. (NeurIPS 2022) for a later run of the Riemannian flow.
 */
import type { EarthModel } from "./plan.js";

export const published: Readonly<Record<string, Readonly<Record<EarthModel | "later", string>>>> = {
  volcano: {
    mixture: "-0.31 ± 0.07",
    stereographic: "-0.64 ± 0.20",
    riemannian: "-0.97 ± 0.15",
    later: "-6.05 ± 0.61",
  },
  earthquake: { mixture: "0.59 ± 0.01", stereographic: "0.43 ± 0.06", riemannian: "0.18 ± 0.05", later: "0.14 ± 0.23" },
  flood: { mixture: "1.09 ± 0.01", stereographic: "0.99 ± 0.04", riemannian: "0.90 ± 0.03", later: "1.11 ± 0.19" },
  fire: { mixture: "-0.23 ± 0.02", stereographic: "-0.40 ± 0.06", riemannian: "-0.66 ± 0.05", later: "-0.80 ± 0.54" },
};

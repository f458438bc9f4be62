/** Mathieu and Nickel (NeurIPS 2020, table 1), as printed: mean and half-width of the 95 % interval. */
export const published: Readonly<Record<string, string>> = {
  "likelihood stereographic 100": "63.60 ± 3.56",
  "likelihood riemannian 100": "-1.78 ± 0.01",
  "likelihood stereographic 50": "32.68 ± 3.15",
  "likelihood riemannian 50": "-1.09 ± 0.01",
  "likelihood stereographic 10": "6.45 ± 2.42",
  "likelihood riemannian 10": "0.52 ± 0.01",
  "kl stereographic 100": "1.56 ± 0.34",
  "kl riemannian 100": "0.04 ± 0.02",
  "kl stereographic 50": "0.68 ± 0.16",
  "kl riemannian 50": "0.03 ± 0.02",
  "kl stereographic 10": "0.12 ± 0.01",
  "kl riemannian 10": "0.01 ± 0.00",
};

/** Reconstruction: the squared error of each row and its decoded code. */
import type { NdArray } from "../engine/index.js";
import { mean, standardDeviation } from "../numerics/statistics.js";
import { checkRows, checkSameWidth, type Score, score } from "./score.js";

/** The mean over rows of |x - x~|^2 / D, with its standard error over rows. @param rows, reconstructions [N, D] */
export function reconstructionError(rows: NdArray, reconstructions: NdArray, seed = 0): Score {
  const [a, b] = [checkRows("rows", rows), checkRows("reconstructions", reconstructions)];
  checkSameWidth("reconstructionError", a.width, b.width);
  checkSameWidth("reconstructionError (numbers of rows)", a.n, b.n);
  const errors = new Float64Array(a.n);
  for (let i = 0; i < rows.data.length; i++)
    errors[Math.floor(i / a.width)] += (rows.data[i] - reconstructions.data[i]) ** 2 / a.width;
  return score({
    name: "reconstruction error (mean square)",
    value: mean(errors),
    standardError: standardDeviation(errors) / Math.sqrt(a.n),
    uncertainty: "over rows",
    images: a.n,
    seed,
  });
}

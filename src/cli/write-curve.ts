/** A curve of latent points as a file. */
import { UsageError } from "../errors.js";
import { writeAtomically } from "../numerics/files.js";
import { writeNpy } from "../numerics/npy.js";

/**
 * Writes points [T][d] as `.csv` (with a header z1, z2, ...) or `.npy` (float64).
 * @throws UsageError for another ending
 */
export function writeCurve(path: string, points: readonly (readonly number[])[]): void {
  if (path.endsWith(".npy")) {
    writeNpy(path, {
      data: Float64Array.from(points.flat()),
      shape: [points.length, points[0].length],
      dtype: "float64",
    });
    return;
  }
  if (!path.endsWith(".csv")) throw new UsageError(`--out: "${path}" ends in neither .csv nor .npy; name such a file.`);
  const header = points[0].map((_, i) => `z${i + 1}`).join(",");
  writeAtomically(path, `${[header, ...points.map((row) => row.join(","))].join("\n")}\n`);
}

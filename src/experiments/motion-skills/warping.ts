/**
 * Motions compared whatever their pace: dynamic time warping. Two sequences are aligned by a path of pairs (i, j) that
 * never goes back in either and has the least sum of distances; a millimetre counts as much as a degree.
 */
import { type MotionName, orientationAngle, positionDistance } from "./motions.js";

/** A motion: positions and orientations, one row a moment. */
export interface Sequence {
  readonly positions: readonly (readonly number[])[];
  readonly orientations: readonly (readonly number[])[];
}

/** Means along the best alignment. */
export interface WarpedDistance {
  readonly millimetres: number;
  readonly degrees: number;
}

/** The distance of two motions along their best alignment. */
export function warpedDistance(name: MotionName, a: Sequence, b: Sequence): WarpedDistance {
  const [n, m] = [a.positions.length, b.positions.length];
  const far = (i: number, j: number) => positionDistance(a.positions[i], b.positions[j]);
  const turned = (i: number, j: number) => orientationAngle(name, a.orientations[i], b.orientations[j]);
  const cost = new Float64Array(n * m);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < m; j++) {
      const before = Math.min(
        i > 0 ? cost[(i - 1) * m + j] : Infinity,
        j > 0 ? cost[i * m + j - 1] : Infinity,
        i > 0 && j > 0 ? cost[(i - 1) * m + j - 1] : Infinity,
      );
      cost[i * m + j] = far(i, j) + turned(i, j) + (i === 0 && j === 0 ? 0 : before);
    }
  let [i, j, count] = [n - 1, m - 1, 0];
  const sums = [0, 0];
  for (;;) {
    sums[0] += far(i, j);
    sums[1] += turned(i, j);
    count++;
    if (i === 0 && j === 0) break;
    const diagonal = i > 0 && j > 0 ? cost[(i - 1) * m + j - 1] : Infinity;
    const up = i > 0 ? cost[(i - 1) * m + j] : Infinity;
    const left = j > 0 ? cost[i * m + j - 1] : Infinity;
    if (diagonal <= up && diagonal <= left) [i, j] = [i - 1, j - 1];
    else if (up <= left) i--;
    else j--;
  }
  return { millimetres: sums[0] / count, degrees: sums[1] / count };
}

/** The distance to the demonstration that is nearest in all (millimetres and degrees added). */
export function nearestDemonstration(name: MotionName, motion: Sequence, all: readonly Sequence[]): WarpedDistance {
  const distances = all.map((demonstration) => warpedDistance(name, motion, demonstration));
  return distances.reduce((best, each) =>
    each.millimetres + each.degrees < best.millimetres + best.degrees ? each : best,
  );
}

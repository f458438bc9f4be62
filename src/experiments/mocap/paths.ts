/** Paths between two poses and what is measured of them: how far from the recorded poses, from the codes, from stiffness. */
import type { NdArray } from "../../engine/index.js";
import { poseDistance, type Representation, type Walk } from "./walk.js";

/** What is measured of one path. Degrees are mean angles between bones of two poses. */
export interface PathNumbers {
  /** Degrees to the nearest pose of the training part: mean and largest over the path. */
  readonly poseMean: number;
  readonly poseMax: number;
  /** Latent distance to the nearest code; 0 for a path that is in no latent space. */
  readonly codeMean: number;
  readonly codeMax: number;
  /** Largest change of a bone's length over the path, as a share of it. */
  readonly lengthDrift: number;
}

/**
 * Measures a path.
 * @param directions of the kept bones, [T, B, 3] @param ends of the same, metres, [T, B, 3]
 * @param training directions of the training poses, [n, B, 3]
 * @param latent the path in the latent plane and the codes, [T, 2] and [n, 2]
 */
export function measurePath(
  walk: Walk,
  directions: Float64Array,
  ends: Float64Array,
  training: Float64Array,
  latent?: { readonly path: ArrayLike<number>; readonly codes: ArrayLike<number> },
): PathNumbers {
  const width = 3 * walk.bones.length;
  const poses = Array.from({ length: directions.length / width }, (_, t) =>
    nearestPose(directions.subarray(t * width, (t + 1) * width), training),
  );
  const codes = latent ? nearestCodes(latent.path, latent.codes) : [0];
  return {
    poseMean: mean(poses),
    poseMax: Math.max(...poses),
    codeMean: mean(codes),
    codeMax: Math.max(...codes),
    lengthDrift: lengthDrift(walk, ends),
  };
}

/** Degrees from a pose to the nearest of others. */
export function nearestPose(pose: ArrayLike<number>, others: Float64Array): number {
  let nearest = Number.POSITIVE_INFINITY;
  for (let start = 0; start < others.length; start += pose.length)
    nearest = Math.min(nearest, poseDistance(pose, others.subarray(start, start + pose.length)));
  return nearest;
}

/** Latent distances of points [T, 2] to the nearest of codes [n, 2]. */
export function nearestCodes(path: ArrayLike<number>, codes: ArrayLike<number>): number[] {
  return Array.from({ length: path.length / 2 }, (_, t) => {
    let nearest = Number.POSITIVE_INFINITY;
    for (let i = 0; i < codes.length; i += 2)
      nearest = Math.min(nearest, Math.hypot(path[2 * t] - codes[i], path[2 * t + 1] - codes[i + 1]));
    return nearest;
  });
}

/** Largest |length / true length - 1| of a bone over figures [T, B, 3] with the root at the origin. */
export function lengthDrift({ bones }: Walk, ends: Float64Array): number {
  let largest = 0;
  const width = 3 * bones.length;
  for (let start = 0; start < ends.length; start += width)
    bones.forEach(({ parent, length }, b) => {
      const step = [0, 1, 2].map((k) => ends[start + 3 * b + k] - (parent < 0 ? 0 : ends[start + 3 * parent + k]));
      largest = Math.max(largest, Math.abs(Math.hypot(...step) / length - 1));
    });
  return largest;
}

/** The straight line between two figures, joint by joint: what interpolation of recorded marker places does. [T, B, 3] */
export function blendedFigures(from: Float64Array, to: Float64Array, points: number): Float64Array {
  const out = new Float64Array(points * from.length);
  for (let t = 0; t < points; t++)
    for (let k = 0; k < from.length; k++) {
      const share = t / (points - 1);
      out[t * from.length + k] = (1 - share) * from[k] + share * to[k];
    }
  return out;
}

/** Directions of figures' bones, [T, B, 3]. */
export function directionsOfFigures({ bones }: Walk, ends: Float64Array): Float64Array {
  const out = new Float64Array(ends.length);
  const width = 3 * bones.length;
  for (let start = 0; start < ends.length; start += width)
    bones.forEach(({ parent }, b) => {
      const step = [0, 1, 2].map((k) => ends[start + 3 * b + k] - (parent < 0 ? 0 : ends[start + 3 * parent + k]));
      const norm = Math.hypot(...step) || 1;
      for (let k = 0; k < 3; k++) out[start + 3 * b + k] = step[k] / norm;
    });
  return out;
}

/** The rows of one path decoded, measured in latent space too. */
export function measureDecoded(
  walk: Walk,
  representation: Representation,
  decoded: NdArray,
  path: ArrayLike<number>,
  training: Float64Array,
  codes: ArrayLike<number>,
): PathNumbers {
  return measurePath(walk, representation.directions(decoded), representation.ends(decoded), training, { path, codes });
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

/**
 * Motions made of handwriting: a position and an orientation at each moment, from the letters J and C of LASA, the
 * k-th demonstration of one with the k-th of the other, sample by sample (both have 500; every fifth is kept).
 *
 *   plane-sphere       p = J in the plane (R^2);  x = Exp_n(a C) on S^2, n the north pole: the letter drawn on the tangent
 *                      plane at n and wrapped onto the sphere along great circles, a = 0.03 rad / mm
 *   space-quaternion   p = (J_x, J_y, C_y) in R^3;  q on S^3, the rotation by the vector a (C_x, C_y, J_x):
 *                      q = (cos(w / 2), sin(w / 2) u), w u that vector; every sample's sign drawn at random, as q and -q are
 *                      one rotation and a sensor may give either
 *
 * Positions in decimetres. Axes: n samples, m demonstrations, D columns.
 */
import { loadLasa } from "../../data/lasa.js";
import { type NdArray, ndarray } from "../../engine/index.js";
import { randomKey, split, stream } from "../../numerics/random.js";

export type MotionName = "plane-sphere" | "space-quaternion";

export interface Motions {
  readonly name: MotionName;
  /** Columns of the position (first) and of the orientation. */
  readonly positionColumns: readonly number[];
  readonly orientationColumns: readonly number[];
  /** All samples, one demonstration after another. [m n, D] */
  readonly rows: NdArray;
  readonly demonstrations: number;
  /** n, of each demonstration. */
  readonly samples: number;
}

/** Radians a millimetre. */
const BEND = 0.03;
const DECIMETRE = 100;

/** The motions of one kind, from `$ATLAS_DATA/lasa`, `samples` of each demonstration. */
export function loadMotions(
  name: MotionName,
  options: { samples?: number; demonstrations?: number; seed?: number } = {},
): Motions {
  const { samples = 100, demonstrations = 7, seed = 0 } = options;
  const [js, cs] = ["JShape", "CShape"].map((shape) => loadLasa(shape).slice(0, demonstrations));
  const signs = stream(split(randomKey(seed), "signs"));
  const rows: number[] = [];
  for (let k = 0; k < demonstrations; k++)
    for (let i = 0; i < samples; i++) {
      const at = Math.round((i * (js[k].samples - 1)) / (samples - 1));
      const [jx, jy, cx, cy] = [
        ...js[k].points.subarray(2 * at, 2 * at + 2),
        ...cs[k].points.subarray(2 * at, 2 * at + 2),
      ];
      if (name === "plane-sphere") {
        const w = BEND * Math.hypot(cx, cy);
        const along = w > 0 ? (Math.sin(w) / w) * BEND : BEND;
        rows.push(jx / DECIMETRE, jy / DECIMETRE, along * cx, along * cy, Math.cos(w));
      } else {
        const q = quaternionOf([BEND * cx, BEND * cy, BEND * jx]);
        const sign = signs.uniform() < 0.5 ? -1 : 1;
        rows.push(jx / DECIMETRE, jy / DECIMETRE, cy / DECIMETRE, ...q.map((x) => sign * x));
      }
    }
  const [P, Q] = name === "plane-sphere" ? [2, 3] : [3, 4];
  return {
    name,
    positionColumns: Array.from({ length: P }, (_, j) => j),
    orientationColumns: Array.from({ length: Q }, (_, j) => P + j),
    rows: ndarray(Float64Array.from(rows), [demonstrations * samples, P + Q]),
    demonstrations,
    samples,
  };
}

/** The unit quaternion of the rotation by a vector (axis times angle in radians). */
export function quaternionOf(vector: readonly number[]): number[] {
  const angle = Math.hypot(...vector);
  const share = angle > 0 ? Math.sin(angle / 2) / angle : 0.5;
  return [Math.cos(angle / 2), ...vector.map((x) => share * x)];
}

/** Where a rotation takes the tool's axis e_z: a point of S^2 that q and -q agree on. */
export function toolAxis([w, x, y, z]: ArrayLike<number> & Iterable<number>): [number, number, number] {
  return [2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)];
}

/**
 * Degrees between two orientations: the angle on S^2, or the angle of the rotation between two quaternions, which is
 * 2 acos |q.r|: q and -q are alike.
 */
export function orientationAngle(name: MotionName, a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [dot, norms] = [0, [0, 0]];
  for (let k = 0; k < a.length; k++) {
    dot += a[k] * b[k];
    norms = [norms[0] + a[k] ** 2, norms[1] + b[k] ** 2];
  }
  const cosine = Math.max(-1, Math.min(1, dot / Math.sqrt(norms[0] * norms[1] || 1)));
  return ((name === "plane-sphere" ? Math.acos(cosine) : 2 * Math.acos(Math.abs(cosine))) * 180) / Math.PI;
}

/** Millimetres between two positions. */
export function positionDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let square = 0;
  for (let k = 0; k < a.length; k++) square += (a[k] - b[k]) ** 2;
  return DECIMETRE * Math.sqrt(square);
}

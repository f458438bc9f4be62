/**
 * The walk as data: which bones, which angles, what a row of each representation is, and back to a stick figure.
 *
 *   directions   unit vectors along the bones, the body turned to face forward                   [24 x 3]
 *   angles       angles of the joints and of the root, turned to face forward                    [D]
 *
 * Hands, fingers and thumbs are left out (marker noise, no part of the walk), and with the angles those channels that
 * stay within a degree. Axes: n frames, B bones, D columns.
 */
import {
  endsFromDirections,
  facingForward,
  headingOf,
  loadMocap,
  type Motion,
  type Poses,
  posesOf,
  type Skeleton,
} from "../../data/mocap.js";
import { type NdArray, ndarray } from "../../engine/index.js";
import { angleHead, directionHead, type Head } from "./heads.js";

export type RepresentationName = "directions" | "angles";

/** A walk in one representation. */
export interface Representation {
  readonly name: RepresentationName;
  /** Every frame. [n, D] */
  readonly rows: NdArray;
  head(train: NdArray): Head;
  /** Unit vectors of the kept bones of rows, [n, D] -> [n, B, 3]. */
  directions(rows: NdArray): Float64Array;
  /** Where the kept bones end (root at the origin), in metres, [n, D] -> [n, B, 3]. */
  ends(rows: NdArray): Float64Array;
}

export interface Walk {
  readonly frames: number;
  readonly seconds: number;
  /** The kept bones, parents before children. */
  readonly bones: readonly { readonly name: string; readonly parent: number; readonly length: number }[];
  /** Frames of one stride (two steps). */
  readonly stride: number;
  readonly representations: Readonly<Record<RepresentationName, Representation>>;
}

const LEFT_OUT = /hand|finger|thumb/;
/** Frames a second of the recording. */
const RATE = 120;
/** Angles that stay within this many radians say nothing. */
const STILL = Math.PI / 180;

/** Subject 35, trial 01 of the CMU library, from `$ATLAS_DATA/mocap`, every `every`-th frame. */
export function loadWalk(every = 1): Walk {
  const { skeleton: whole, motion: all } = loadMocap("35", "01");
  const recorded = thinned(all, every);
  const skeleton = part(whole);
  const kept = skeleton.bones.map(({ name }) => whole.bones.findIndex((bone) => bone.name === name));
  const poses = posesOf(whole, recorded);
  const motion = withoutHeading(recorded, poses);
  const [n, B] = [motion.frames, kept.length];
  const facing = facingForward(poses, poses.directions);
  const directions = new Float64Array(3 * B * n);
  for (let t = 0; t < n; t++)
    kept.forEach((b, k) => {
      directions.set(
        facing.subarray(3 * (t * whole.bones.length + b), 3 * (t * whole.bones.length + b) + 3),
        3 * (t * B + k),
      );
    });

  const isKept = (channel: string) =>
    !LEFT_OUT.test(channel) && !channel.startsWith("root.t") && range(motion, channel) > STILL;
  const channels = motion.channels.filter(isKept);
  const angles = new Float64Array(n * channels.length);
  for (let t = 0; t < n; t++)
    channels.forEach((name, k) => {
      angles[t * channels.length + k] = motion.values[t * motion.channels.length + motion.channels.indexOf(name)];
    });
  /** Still channels at their mean: part of the skeleton, not of the data. */
  const still = motion.channels.filter((name) => /\.r/.test(name) && !channels.includes(name));
  const fromAngles = (rows: NdArray): Motion => {
    const [count, width] = rows.shape;
    const values = new Float64Array(count * (width + still.length));
    for (let t = 0; t < count; t++) {
      values.set(rows.data.subarray(t * width, (t + 1) * width), t * (width + still.length));
      values.set(
        still.map((name) => average(motion, name)),
        t * (width + still.length) + width,
      );
    }
    return { name: "decoded", channels: [...channels, ...still], frames: count, values };
  };
  const directionsOfAngles = (rows: NdArray): Float64Array => {
    const own = posesOf(whole, fromAngles(rows));
    const forward = facingForward(own, own.directions);
    const out = new Float64Array(3 * B * own.frames);
    for (let t = 0; t < own.frames; t++)
      kept.forEach((b, k) => {
        out.set(forward.subarray(3 * (t * own.bones + b), 3 * (t * own.bones + b) + 3), 3 * (t * B + k));
      });
    return out;
  };
  const inMetres = (vectors: ArrayLike<number>): Float64Array =>
    endsFromDirections(skeleton, vectors).map((x) => x * skeleton.metresPerUnit);
  const columns = (width: number) => Array.from({ length: width }, (_, j) => j);
  return {
    frames: n,
    seconds: (n * every) / RATE,
    bones: skeleton.bones.map(({ name, parent, length }) => ({
      name,
      parent,
      length: length * skeleton.metresPerUnit,
    })),
    stride: strideOf(directions, n, B),
    representations: {
      directions: {
        name: "directions",
        rows: ndarray(directions, [n, 3 * B]),
        head: (train) => directionHead("directions", columns(3 * B), train),
        directions: (rows) => unitVectors(rows.data),
        ends: (rows) => inMetres(unitVectors(rows.data)),
      },
      angles: {
        name: "angles",
        rows: ndarray(angles, [n, channels.length]),
        head: (train) => angleHead("angles", columns(channels.length), train),
        directions: directionsOfAngles,
        ends: (rows) => inMetres(directionsOfAngles(rows)),
      },
    },
  };
}

function thinned(motion: Motion, every: number): Motion {
  const C = motion.channels.length;
  const frames = Math.ceil(motion.frames / every);
  const values = new Float64Array(frames * C);
  for (let t = 0; t < frames; t++) values.set(motion.values.subarray(t * every * C, (t * every + 1) * C), t * C);
  return { ...motion, frames, values };
}

/** The motion with the body facing forward: the root's angles are those of its rotation turned by minus its heading. */
function withoutHeading(motion: Motion, poses: Poses): Motion {
  const values = motion.values.slice();
  const C = motion.channels.length;
  const columns = ["root.rx", "root.ry", "root.rz"].map((name) => motion.channels.indexOf(name));
  for (let t = 0; t < motion.frames; t++) {
    const R = poses.turns.subarray(9 * t, 9 * t + 9);
    const heading = headingOf(R);
    const [c, s] = [Math.cos(heading), Math.sin(heading)];
    const turned = (i: number, j: number) =>
      i === 0 ? c * R[j] - s * R[6 + j] : i === 1 ? R[3 + j] : s * R[j] + c * R[6 + j];
    // R = R_z R_y R_x
    const angles = [
      Math.atan2(turned(2, 1), turned(2, 2)),
      -Math.asin(Math.max(-1, Math.min(1, turned(2, 0)))),
      Math.atan2(turned(1, 0), turned(0, 0)),
    ];
    columns.forEach((j, k) => {
      values[t * C + j] = angles[k];
    });
  }
  return { ...motion, values };
}

/** The skeleton without the bones left out (they are at the ends of the tree). */
function part(skeleton: Skeleton): Skeleton {
  const kept = skeleton.bones.filter(({ name }) => !LEFT_OUT.test(name));
  const place = new Map(kept.map(({ name }, k) => [name, k]));
  return {
    ...skeleton,
    bones: kept.map((bone) => ({
      ...bone,
      parent: bone.parent < 0 ? -1 : place.get(skeleton.bones[bone.parent].name)!,
    })),
  };
}

function column({ channels, frames, values }: Motion, channel: string): Float64Array {
  const j = channels.indexOf(channel);
  return Float64Array.from({ length: frames }, (_, t) => values[t * channels.length + j]);
}

function range(motion: Motion, channel: string): number {
  const values = column(motion, channel);
  return values.reduce((a, b) => Math.max(a, b)) - values.reduce((a, b) => Math.min(a, b));
}

function average(motion: Motion, channel: string): number {
  return column(motion, channel).reduce((total, x) => total + x, 0) / motion.frames;
}

function unitVectors(vectors: ArrayLike<number>): Float64Array {
  const out = Float64Array.from(vectors);
  for (let i = 0; i < out.length; i += 3) {
    const norm = Math.hypot(out[i], out[i + 1], out[i + 2]);
    for (let k = 0; k < 3; k++) out[i + k] /= norm;
  }
  return out;
}

/** Degrees between two poses: the mean angle between their bones. [B, 3] each */
export function poseDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < a.length; i += 3) {
    const [dx, dy, dz] = [a[i] - b[i], a[i + 1] - b[i + 1], a[i + 2] - b[i + 2]];
    total += 2 * Math.asin(Math.min(1, Math.hypot(dx, dy, dz) / 2));
  }
  return (total / (a.length / 3)) * (180 / Math.PI);
}

/** The lag, after the first half of a second or so, at which poses come back most nearly. */
function strideOf(directions: Float64Array, n: number, B: number): number {
  const pose = (t: number) => directions.subarray(3 * B * t, 3 * B * (t + 1));
  let best = { lag: Math.floor(n / 3), distance: Number.POSITIVE_INFINITY };
  for (let lag = Math.floor(n / 5); lag < n / 2; lag++) {
    let distance = 0;
    for (let t = 0; t + lag < n; t++) distance += poseDistance(pose(t), pose(t + lag)) / (n - lag);
    if (distance < best.distance) best = { lag, distance };
  }
  return best.lag;
}

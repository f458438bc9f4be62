/**
 * Recorded human motion: a skeleton (a tree of stiff bones) and angles of its joints over time, with forward
 * kinematics. Files are Acclaim's ASF (skeleton) and AMC (motion), as the Carnegie Mellon motion capture library has
 * them; `mocap.ts` reads them.
 *
 * Forward kinematics. Column vectors; "XYZ" means that the turn about x is done first, R = R_z R_y R_x. A bone has at
 * rest a unit direction b and a length l in the world's axes, and an axis C in which its joint's angles are counted;
 * with M its angles' rotation about x, y, z,
 *
 *   R = R_parent C M C^-1,      end = end of the parent + R (l b).
 *
 * The root has a position and an angle triple of the same kind. No turn changes a length: |end - start| = l always.
 *
 * Axes: n frames, B bones (parents before children), C channels.
 */
import { expectThat } from "../errors.js";

/** Rotation matrices are row-major. [9] */
export type Rotation = readonly number[];

/** An angle of a joint, or (root only) a coordinate. */
export type ChannelKind = "tx" | "ty" | "tz" | "rx" | "ry" | "rz";

/** A stiff bone; its joint is at its start, the end of its parent. */
export interface Bone {
  readonly name: string;
  /** Index of the parent bone, or -1 for the root. */
  readonly parent: number;
  /** Unit vector at rest, in the world's axes. */
  readonly direction: readonly [number, number, number];
  /** In the file's unit. */
  readonly length: number;
  /** C, in which the angles are counted. */
  readonly axis: Rotation;
  /** Which angles the joint has, in the file's order; none for a bone that is stiff with its parent. */
  readonly angles: readonly ("rx" | "ry" | "rz")[];
  /** Lowest and highest value of each angle as the file has them, in radians; empty where it has none. */
  readonly limits: readonly (readonly [number, number])[];
}

export interface Skeleton {
  readonly name: string;
  /** Parents before children. */
  readonly bones: readonly Bone[];
  readonly root: {
    readonly channels: readonly ChannelKind[];
    /** In which order the root's turns are done, such as "XYZ". */
    readonly order: string;
    readonly position: readonly [number, number, number];
    readonly axis: Rotation;
  };
  /** Of the angles in the file (in memory they are radians). */
  readonly fileAngles: "degrees" | "radians";
  /** One unit of length in metres, by Carnegie Mellon's rule for its files, 0.0254 / (the file's `length`). */
  readonly metresPerUnit: number;
}

/** Angles over time. */
export interface Motion {
  readonly name: string;
  /** "root.tx" or "lfemur.rx": which number each column is. [C] */
  readonly channels: readonly string[];
  readonly frames: number;
  /** Row-major; angles in radians, coordinates in the skeleton's unit of length. [n, C] */
  readonly values: Float64Array;
}

/** Places and directions of all bones, frame by frame. */
export interface Poses {
  readonly frames: number;
  /** B */
  readonly bones: number;
  /** Of the root, in the skeleton's unit of length. [n, 3] */
  readonly root: Float64Array;
  /** Ends of the bones, likewise. [n, B, 3] */
  readonly ends: Float64Array;
  /** Unit vectors along the bones. [n, B, 3] */
  readonly directions: Float64Array;
  /** The root's rotation. [n, 9] */
  readonly turns: Float64Array;
}

/** All channels of a skeleton in the order in which `readAmc` gives them: root first, then bone by bone. */
export function channelsOf(skeleton: Skeleton): string[] {
  return [
    ...skeleton.root.channels.map((kind) => `root.${kind}`),
    ...skeleton.bones.flatMap((bone) => bone.angles.map((kind) => `${bone.name}.${kind}`)),
  ];
}

/**
 * Forward kinematics of a motion. Channels that the motion does not have count as zero, so that a part of them (or of
 * the frames) can be given.
 * @throws UsageError for a channel that the skeleton does not have
 */
export function posesOf(skeleton: Skeleton, motion: Motion): Poses {
  const { frames, channels, values } = motion;
  const B = skeleton.bones.length;
  const column = new Map(channels.map((name, j) => [name, j]));
  const known = new Set(channelsOf(skeleton));
  for (const name of channels)
    expectThat(known.has(name), () => `posesOf: the skeleton ${skeleton.name} has no channel "${name}".`);
  const columnsOf = (bone: string) =>
    (["tx", "ty", "tz", "rx", "ry", "rz"] as const).map((k) => column.get(`${bone}.${k}`));
  const rootColumns = columnsOf("root");
  const boneColumns = skeleton.bones.map(({ name }) => columnsOf(name));
  const rootAxis = skeleton.root.axis;
  const inverses = skeleton.bones.map(({ axis }) => transposed(axis));
  const rootInverse = transposed(rootAxis);
  const root = new Float64Array(3 * frames);
  const ends = new Float64Array(3 * B * frames);
  const directions = new Float64Array(3 * B * frames);
  const turns = new Float64Array(9 * frames);
  for (let t = 0; t < frames; t++) {
    const at = (j: number | undefined) => (j === undefined ? 0 : values[t * channels.length + j]);
    const [tx, ty, tz, ...angles] = rootColumns.map(at);
    const place = [tx, ty, tz].map((x, k) => x + skeleton.root.position[k]);
    const turn = product(product(rootAxis, eulerRotation(angles, skeleton.root.order)), rootInverse);
    root.set(place, 3 * t);
    turns.set(turn, 9 * t);
    const turnsOfBones: Rotation[] = [];
    skeleton.bones.forEach((bone, b) => {
      const parent = bone.parent < 0 ? turn : turnsOfBones[bone.parent];
      const moved = boneColumns[b].slice(3).map(at);
      const R =
        bone.angles.length === 0
          ? parent
          : product(product(product(parent, bone.axis), eulerRotation(moved)), inverses[b]);
      turnsOfBones.push(R);
      const from = bone.parent < 0 ? root.subarray(3 * t, 3 * t + 3) : ends.subarray(3 * (t * B + bone.parent));
      for (let k = 0; k < 3; k++) {
        const along =
          R[3 * k] * bone.direction[0] + R[3 * k + 1] * bone.direction[1] + R[3 * k + 2] * bone.direction[2];
        directions[3 * (t * B + b) + k] = along;
        ends[3 * (t * B + b) + k] = from[k] + bone.length * along;
      }
    });
  }
  return { frames, bones: B, root, ends, directions, turns };
}

/**
 * Ends of the bones from their directions alone, the root at the origin: what a model of directions decodes to.
 * @param directions unit vectors, [n, B, 3]
 * @returns [n, B, 3], in the skeleton's unit of length
 */
export function endsFromDirections(skeleton: Skeleton, directions: ArrayLike<number>): Float64Array {
  const B = skeleton.bones.length;
  const ends = new Float64Array(directions.length);
  for (let start = 0; start < directions.length; start += 3 * B)
    skeleton.bones.forEach(({ parent, length }, b) => {
      for (let k = 0; k < 3; k++)
        ends[start + 3 * b + k] =
          (parent < 0 ? 0 : ends[start + 3 * parent + k]) + length * directions[start + 3 * b + k];
    });
  return ends;
}

/**
 * Which way the body looks: the angle about the vertical (y) of what was forward (z) at rest, in radians.
 * @param turn the root's rotation, [9]
 */
export function headingOf(turn: ArrayLike<number>): number {
  return Math.atan2(turn[2], turn[8]);
}

/** Vectors turned about the vertical (y) by minus each frame's heading. [n, B, 3] */
export function facingForward(poses: Poses, vectors: Float64Array): Float64Array {
  const turned = new Float64Array(vectors.length);
  const width = vectors.length / poses.frames;
  for (let i = 0; i < vectors.length; i += 3) {
    const heading = headingOf(poses.turns.subarray(9 * Math.floor(i / width)));
    const [c, s] = [Math.cos(heading), Math.sin(heading)];
    turned[i] = c * vectors[i] - s * vectors[i + 2];
    turned[i + 1] = vectors[i + 1];
    turned[i + 2] = s * vectors[i] + c * vectors[i + 2];
  }
  return turned;
}

/** The rotation by angles about x, y and z, done in this order: "XYZ" gives R_z R_y R_x. */
export function eulerRotation([x, y, z]: ArrayLike<number> & Iterable<number>, order = "XYZ"): Rotation {
  const about: Record<string, Rotation> = {
    X: [1, 0, 0, 0, Math.cos(x), -Math.sin(x), 0, Math.sin(x), Math.cos(x)],
    Y: [Math.cos(y), 0, Math.sin(y), 0, 1, 0, -Math.sin(y), 0, Math.cos(y)],
    Z: [Math.cos(z), -Math.sin(z), 0, Math.sin(z), Math.cos(z), 0, 0, 0, 1],
  };
  return [...order].reduce<Rotation>((R, letter) => product(about[letter], R), [1, 0, 0, 0, 1, 0, 0, 0, 1]);
}

function product(a: Rotation, b: Rotation): Rotation {
  return Array.from({ length: 9 }, (_, k) => {
    const [i, j] = [Math.floor(k / 3), k % 3];
    return a[3 * i] * b[j] + a[3 * i + 1] * b[3 + j] + a[3 * i + 2] * b[6 + j];
  });
}

function transposed(a: Rotation): Rotation {
  return [a[0], a[3], a[6], a[1], a[4], a[7], a[2], a[5], a[8]];
}

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  channelsOf,
  endsFromDirections,
  eulerRotation,
  facingForward,
  headingOf,
  loadMocap,
  type Motion,
  mocapFolder,
  parseAmc,
  parseAsf,
  posesOf,
  readAsf,
} from "../../src/data/mocap.js";

/** An arm of two bones along x, the second with an axis turned by 90 degrees about z, and a stiff third along y. */
const asf = `# a small arm
:version 1.10
:name arm
:units
  mass 1.0
  length 0.45
  angle deg
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 1
   orientation 0 0 0
:bonedata
  begin
     id 1
     name upper
     direction 2 0 0
     length 3
     axis 0 0 0 XYZ
    dof rx ry rz
    limits (-160.0 20.0)
           (-inf inf)
           (-60.0 70.0)
  end
  begin
     id 2
     name lower
     direction 1 0 0
     length 2
     axis 0 0 90 XYZ
    dof rx
    limits (-10 170)
  end
  begin
     id 3
     name thumb
     direction 0 1 0
     length 0.5
     axis 0 0 0 XYZ
  end
:hierarchy
  begin
    root upper
    upper lower
    lower thumb
  end
`;

const amc = (lines: string) => `#!OML:ASF arm\n:FULLY-SPECIFIED\n:DEGREES\n${lines}`;
const skeleton = parseAsf(asf);
const frame = "root 1 2 3 0 0 0\nupper 0 0 0\nlower 0\n";

describe("skeletons and motions of a small arm", () => {
  it("reads the tree, lengths, unit directions and limits in radians", () => {
    expect(skeleton.bones.map(({ name, parent, length }) => [name, parent, length])).toEqual([
      ["upper", -1, 3],
      ["lower", 0, 2],
      ["thumb", 1, 0.5],
    ]);
    expect(skeleton.bones[0].direction).toEqual([1, 0, 0]);
    expect(skeleton.bones[0].limits[1]).toEqual([-Infinity, Infinity]);
    expect(skeleton.bones[1].limits[0][1]).toBeCloseTo((170 * Math.PI) / 180, 14);
    expect(skeleton.metresPerUnit).toBeCloseTo(0.0254 / 0.45, 15);
    expect(channelsOf(skeleton)).toEqual([
      ...["tx", "ty", "tz", "rx", "ry", "rz"].map((kind) => `root.${kind}`),
      ...["upper.rx", "upper.ry", "upper.rz", "lower.rx"],
    ]);
  });

  it("places bones: at rest, with the root's position and translation", () => {
    const { root, ends } = posesOf(skeleton, parseAmc(amc(`1\n${frame}`), skeleton));
    expect([...root]).toEqual([1, 2, 4]);
    expect([...ends]).toEqual([4, 2, 4, 6, 2, 4, 6, 2.5, 4]);
  });

  it("turns: about the root's axes, children with their parents, in the bone's own axes", () => {
    const turned = (text: string) => posesOf(skeleton, parseAmc(amc(`1\n${text}`), skeleton));
    // root by 90 degrees about y: x goes to -z
    const yaw = turned("root 0 0 0 0 90 0\nupper 0 0 0\nlower 0\n");
    close(yaw.ends, [0, 0, -2, 0, 0, -4, 0, 0.5, -4]);
    expect(headingOf(yaw.turns)).toBeCloseTo(Math.PI / 2, 12);
    // upper by 90 about z: x to y; lower and thumb follow
    close(turned("root 0 0 0 0 0 0\nupper 0 0 90\nlower 0\n").ends, [0, 3, 1, 0, 5, 1, -0.5, 5, 1]);
    // lower's rx turns about its own x axis, which is the world's y: x goes to -z; the thumb along y stays
    close(turned("root 0 0 0 0 0 0\nupper 0 0 0\nlower 90\n").ends, [3, 0, 1, 3, 0, -1, 3, 0.5, -1]);
    // the order: x first, then y, then z. R_z R_y R_x on y: rx 90 takes y to z, ry 90 z to x, rz 90 x to y
    close(eulerRotationOn([0, 1, 0], [90, 90, 90]), [0, 1, 0]);
    close(eulerRotationOn([0, 0, 1], [90, 0, 90]), [1, 0, 0]);
  });

  it("keeps bone lengths for any angles, and gives the directions that the ends have", () => {
    const angle = fc.double({ min: -180, max: 180, noNaN: true });
    fc.assert(
      fc.property(fc.array(angle, { minLength: 7, maxLength: 7 }), (a) => {
        const motion = parseAmc(
          amc(`1\nroot 1 -2 0.5 ${a.slice(0, 3).join(" ")}\nupper ${a.slice(3, 6).join(" ")}\nlower ${a[6]}\n`),
          skeleton,
        );
        const { root, ends, directions } = posesOf(skeleton, motion);
        skeleton.bones.forEach(({ parent, length }, b) => {
          const start = parent < 0 ? root : ends.subarray(3 * parent, 3 * parent + 3);
          const step = [0, 1, 2].map((k) => ends[3 * b + k] - start[k]);
          expect(Math.hypot(...step)).toBeCloseTo(length, 12);
          step.forEach((x, k) => {
            expect(directions[3 * b + k]).toBeCloseTo(x / length, 12);
          });
        });
        const local = endsFromDirections(skeleton, directions);
        for (let k = 0; k < 9; k++) expect(local[k] + root[k % 3]).toBeCloseTo(ends[k], 12);
      }),
      { numRuns: 50 },
    );
  });

  it("forgets the heading and nothing else", () => {
    const at = (yaw: number) =>
      posesOf(skeleton, parseAmc(amc(`1\nroot 0 0 0 20 ${yaw} 0\nupper 10 20 30\nlower 40\n`), skeleton));
    const [a, b] = [at(0), at(0)];
    // a yaw on top: the whole pose turned about the vertical
    const spin = eulerRotation([0, 1.1, 0]);
    const spun = b.directions.map((_, i) => {
      const [k, start] = [i % 3, i - (i % 3)];
      return (
        spin[3 * k] * b.directions[start] +
        spin[3 * k + 1] * b.directions[start + 1] +
        spin[3 * k + 2] * b.directions[start + 2]
      );
    });
    const turns = Float64Array.from({ length: 9 }, (_, k) =>
      [0, 1, 2].reduce((sum, j) => sum + spin[3 * Math.floor(k / 3) + j] * b.turns[3 * j + (k % 3)], 0),
    );
    const [first, second] = [facingForward(a, a.directions), facingForward({ ...b, turns }, spun)];
    first.forEach((x, k) => {
      expect(second[k]).toBeCloseTo(x, 12);
    });
  });

  it("takes radians where the file says so, and counts channels that are not there as zero", () => {
    const text = `:RADIANS\n1\nroot 0 0 0 0 0 0\nupper 0 0 ${Math.PI / 2}\nlower 0\n`;
    close(posesOf(skeleton, parseAmc(text, skeleton)).ends.subarray(0, 3), [0, 3, 1]);
    const motion: Motion = { name: "part", channels: ["upper.rz"], frames: 1, values: Float64Array.of(Math.PI / 2) };
    close(posesOf(skeleton, motion).ends.subarray(0, 3), [0, 3, 1]);
    expect(() => posesOf(skeleton, { ...motion, channels: ["knee.rx"] })).toThrow('no channel "knee.rx"');
  });
});

describe("what is wrong with a file is said in one sentence with its line", () => {
  const broken = (from: string, to: string) => () => parseAsf(asf.replace(from, to), "arm.asf");
  it.each([
    ["direction 1 0 0", "direction 1 up 0", 'arm.asf: line 28: "1 up 0" does not begin with 3 numbers'],
    ["length 2", "length -2", "arm.asf: line 29: the length of lower is -2"],
    ["dof rx ry rz", "dof rx tz", 'arm.asf: line 20: the degree of freedom "tz"'],
    ["axis 0 0 90 XYZ", "axis 0 0 90 XYX", 'line 30: the order "XYX"'],
    ["upper lower", "upper elbow", 'line 44: "elbow" is not among the bones'],
    ["lower thumb", "lower upper", 'line 45: "upper" is in the tree already'],
    ["    lower thumb\n", "", 'the bone "thumb" is not in the :hierarchy'],
    [":hierarchy", ":tree", "there is no section :hierarchy"],
    ["angle deg", "angle gon", 'line 7: the unit of angles is "gon"'],
    ["name lower", "name upper", 'line 27: the bone\'s name "upper"'],
    ["(-60.0 70.0)", "(70 -60)", "line 23: the limits"],
  ])("ASF: %s -> %s", (from, to, message) => {
    expect(broken(from, to)).toThrow(message);
  });

  it.each([
    [`1\n${frame}`.replace("upper 0 0 0", "upper 0 0"), 'walk.amc: line 6: "upper" has 2 numbers, and 3 channels'],
    [`1\n${frame}`.replace("lower 0", "lower 1e"), 'line 7: "1e" of "lower" is no finite number'],
    [`1\n${frame}`.replace("lower 0", "wing 0"), 'line 7: "wing" is no moving bone of the skeleton arm'],
    [`1\nroot 0 0 0 0 0 0\nlower 0\n2\n${frame}`, 'the frame that begins in line 4 has no numbers for "upper"'],
    [`1\n${frame}lower 0\n`, '"lower" comes twice'],
    [frame, "stands before the first frame"],
    ["", "there is no frame"],
  ])("AMC %#", (text, message) => {
    expect(() => parseAmc(amc(text), skeleton, "walk.amc")).toThrow(message);
  });

  it("names the folder that is missing", () => {
    expect(() => readAsf("/nowhere/35.asf")).toThrow("/nowhere/35.asf does not exist");
    expect(() => loadMocap("35", "01", "/nowhere")).toThrow("/nowhere/35.asf does not exist");
  });
});

const folder = mocapFolder();
describe.skipIf(folder === undefined)("the walk of subject 35", () => {
  const { skeleton, motion } = folder ? loadMocap("35", "01") : ({} as ReturnType<typeof loadMocap>);

  it("has 30 bones, 358 frames, and angles that are radians", () => {
    expect(skeleton.bones).toHaveLength(30);
    expect(motion.frames).toBe(358);
    expect(motion.channels).toHaveLength(62);
    expect(motion.values[motion.channels.indexOf("rtibia.rx")]).toBeCloseTo((25.6934 * Math.PI) / 180, 12);
  });

  it("walks: on the floor, upright, forward, with feet in turns", () => {
    const { ends, root, directions, turns } = posesOf(skeleton, motion);
    const at = (name: string) => skeleton.bones.findIndex((bone) => bone.name === name);
    const height = (name: string, t: number) => ends[3 * (30 * t + at(name)) + 1] * skeleton.metresPerUnit;
    const lowest: number[] = [];
    const leads: number[] = [];
    let travelled = 0;
    for (let t = 0; t < 358; t++) {
      lowest.push(Math.min(height("ltoes", t), height("rtoes", t)));
      expect(height("head", t)).toBeGreaterThan(1.5); // metres
      expect(height("head", t)).toBeLessThan(2);
      const forward = Math.hypot(root[3 * t] - root[0], root[3 * t + 2] - root[2]) * skeleton.metresPerUnit;
      travelled = Math.max(travelled, forward);
      const heading = headingOf(turns.subarray(9 * t));
      const along = (name: string) =>
        ends[3 * (30 * t + at(name))] * Math.sin(heading) + ends[3 * (30 * t + at(name)) + 2] * Math.cos(heading);
      leads.push(Math.sign(along("ltoes") - along("rtoes")));
    }
    expect(Math.max(...lowest) - Math.min(...lowest)).toBeLessThan(0.06); // the foot that stands stays on the floor
    expect(travelled).toBeGreaterThan(2.5); // metres in three seconds
    expect(leads.filter((lead, t) => t > 0 && lead !== leads[t - 1]).length).toBeGreaterThanOrEqual(4);
    for (let i = 0; i < directions.length; i += 3)
      expect(Math.hypot(directions[i], directions[i + 1], directions[i + 2])).toBeCloseTo(1, 12);
  });
});

function eulerRotationOn(v: number[], degrees: number[]): number[] {
  const R = eulerRotation(degrees.map((x) => (x * Math.PI) / 180));
  return [0, 1, 2].map((k) => R[3 * k] * v[0] + R[3 * k + 1] * v[1] + R[3 * k + 2] * v[2]);
}

function close(found: ArrayLike<number>, wanted: readonly number[]): void {
  expect(found.length).toBe(wanted.length);
  wanted.forEach((x, k) => {
    expect(found[k]).toBeCloseTo(x, 12);
  });
}

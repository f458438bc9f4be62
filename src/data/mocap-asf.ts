/**
 * Acclaim's skeleton files (ASF): sections that begin with a colon, bones between `begin` and `end`, a tree of names.
 * What is read: `:name`, `:units` (length, angle), `:root` (order, axis, position, orientation), `:bonedata` (name,
 * direction, length, axis, dof, limits), `:hierarchy`. Other sections are skipped. Angles come in degrees as a rule and
 * leave in radians.
 */
import { UsageError } from "../errors.js";
import type { Bone, ChannelKind, Rotation, Skeleton } from "./mocap-kinematics.js";
import { eulerRotation } from "./mocap-kinematics.js";

interface Line {
  readonly words: readonly string[];
  /** From 1. */
  readonly number: number;
}

/**
 * A skeleton from the text of an ASF file.
 * @param path what messages call the text
 * @throws UsageError with path and line
 */
export function parseAsf(text: string, path = "the ASF text"): Skeleton {
  const fail = (line: Line | undefined, problem: string): never => {
    throw new UsageError(`${path}${line ? `: line ${line.number}` : ""}: ${problem}`);
  };
  const numbers = (line: Line, words: readonly string[], count: number): number[] => {
    const values = words.slice(0, count).map(Number);
    if (values.length < count || values.some((value) => !Number.isFinite(value)))
      fail(
        line,
        `"${words.join(" ")}" does not begin with ${count} number${count === 1 ? "" : "s"}; correct the line.`,
      );
    return values;
  };
  const sections = sectionsOf(text, fail);
  const need = (name: string): Line[] =>
    sections.get(name)?.lines ?? fail(undefined, `there is no section :${name}; give an ASF skeleton.`);

  const unitLines = sections.get("units")?.lines ?? [];
  const unit = (name: string) => unitLines.find(({ words }) => words[0] === name);
  const lengthLine = unit("length");
  const length = lengthLine ? numbers(lengthLine, lengthLine.words.slice(1), 1)[0] : 1;
  if (!(length > 0)) fail(lengthLine, `the unit of length is ${length}; give a number above 0.`);
  const angleWord = unit("angle")?.words[1] ?? "deg";
  if (angleWord !== "deg" && angleWord !== "rad")
    fail(unit("angle"), `the unit of angles is "${angleWord}"; give deg or rad.`);
  const radians = angleWord === "rad" ? 1 : Math.PI / 180;

  const orientation = (line: Line, words: readonly string[], order: string): Rotation => {
    if (!/^(?!.*(.).*\1)[XYZ]{3}$/.test(order)) fail(line, `the order "${order}" is none of XYZ, XZY, ...; give one.`);
    const angles = numbers(line, words, 3).map((angle) => angle * radians);
    return eulerRotation(angles, order);
  };

  const bones = new Map<string, Omit<Bone, "parent">>();
  for (const { begin, lines } of blocksOf(need("bonedata"), fail)) {
    const of = (key: string): Line =>
      lines.find(({ words }) => words[0] === key) ?? fail(begin, `the bone that begins here has no ${key}; add it.`);
    const name = of("name").words[1];
    if (name === undefined || name === "root" || bones.has(name))
      fail(of("name"), `the bone's name "${name ?? ""}" is missing, taken, or "root"; give each bone its own.`);
    const direction = numbers(of("direction"), of("direction").words.slice(1), 3);
    const norm = Math.hypot(...direction);
    if (!(norm > 0)) fail(of("direction"), `the direction of ${name} is zero; give a vector.`);
    const [size] = numbers(of("length"), of("length").words.slice(1), 1);
    if (!(size >= 0)) fail(of("length"), `the length of ${name} is ${size}; give a number from 0 on.`);
    const axisLine = of("axis");
    const axis = orientation(axisLine, axisLine.words.slice(1), (axisLine.words[4] ?? "").toUpperCase());
    const dof = lines.find(({ words }) => words[0] === "dof");
    const angles = (dof?.words.slice(1) ?? []).map((word) => word.toLowerCase());
    const bad = angles.find((word) => !["rx", "ry", "rz"].includes(word));
    if (bad !== undefined) fail(dof, `the degree of freedom "${bad}" of ${name} is none of rx, ry, rz.`);
    bones.set(name, {
      name,
      direction: direction.map((x) => x / norm) as unknown as Bone["direction"],
      length: size,
      axis,
      angles: angles as Bone["angles"],
      limits: limitsOf(lines, fail).map(([low, high]) => [low * radians, high * radians] as const),
    });
  }

  const rootLines = need("root");
  const rootLine = (key: string): Line =>
    rootLines.find(({ words }) => words[0] === key) ??
    fail({ words: [], number: sections.get("root")!.number }, `the root has no ${key}; add it.`);
  const channels = rootLine("order")
    .words.slice(1)
    .map((word) => word.toLowerCase());
  const unknown = channels.find((word) => !/^[tr][xyz]$/.test(word));
  if (unknown !== undefined) fail(rootLine("order"), `the root's channel "${unknown}" is none of TX, ..., RZ.`);
  const order = (rootLine("axis").words[1] ?? "").toUpperCase();
  const axis = orientation(rootLine("orientation"), rootLine("orientation").words.slice(1), order);
  const position = numbers(rootLine("position"), rootLine("position").words.slice(1), 3);

  return {
    name: sections.get("name")?.words[0] ?? path,
    bones: inOrder(bones, need("hierarchy"), fail),
    root: {
      channels: channels as ChannelKind[],
      order,
      position: position as unknown as readonly [number, number, number],
      axis,
    },
    fileAngles: angleWord === "rad" ? "radians" : "degrees",
    metresPerUnit: 0.0254 / length,
  };
}

type Fail = (line: Line | undefined, problem: string) => never;

/** Lines by section, without comments. */
function sectionsOf(text: string, fail: Fail): Map<string, { lines: Line[]; number: number; words: string[] }> {
  const sections = new Map<string, { lines: Line[]; number: number; words: string[] }>();
  let current: Line[] | undefined;
  text.split(/\r?\n/).forEach((raw, i) => {
    const words = raw.replace(/#.*/, "").trim().split(/\s+/).filter(Boolean);
    if (words.length === 0) return;
    const line = { words, number: i + 1 };
    if (words[0].startsWith(":")) {
      const name = words[0].slice(1).toLowerCase();
      current = [];
      sections.set(name, { lines: current, number: i + 1, words: words.slice(1) });
    } else if (current === undefined)
      fail(line, `"${words[0]}" stands before the first section; give an ASF skeleton.`);
    else current.push(line);
  });
  return sections;
}

/** What stands between `begin` and `end`. */
function blocksOf(lines: readonly Line[], fail: Fail): { begin: Line; lines: Line[] }[] {
  const blocks: { begin: Line; lines: Line[] }[] = [];
  let open: { begin: Line; lines: Line[] } | undefined;
  for (const line of lines) {
    if (line.words[0] === "begin") {
      if (open) fail(line, `begin, but the block of line ${open.begin.number} has no end; add it.`);
      open = { begin: line, lines: [] };
    } else if (line.words[0] === "end") {
      if (!open) fail(line, "end without begin; remove it.");
      blocks.push(open!);
      open = undefined;
    } else if (!open) fail(line, `"${line.words[0]}" stands outside of begin and end.`);
    else open.lines.push(line);
  }
  if (open) fail(open.begin, "begin without end; the file is cut short.");
  return blocks;
}

/** `limits (low high)`, one pair a line, the first on the line of the keyword; `inf` is allowed. */
function limitsOf(lines: readonly Line[], fail: Fail): [number, number][] {
  const start = lines.findIndex(({ words }) => words[0] === "limits");
  if (start < 0) return [];
  const pairs: [number, number][] = [];
  for (const line of lines.slice(start)) {
    const text = line.words
      .join(" ")
      .replace(/^limits/, "")
      .trim();
    if (!text.startsWith("(")) break;
    const words = text.replace(/[()]/g, " ").trim().split(/\s+/);
    const [low, high] = words.map((word) =>
      /^[+-]?inf$/i.test(word) ? Number(word.replace(/inf/i, "Infinity")) : Number(word),
    );
    if (!(words.length === 2 && low <= high)) fail(line, `the limits ${text} are not two numbers (low high).`);
    pairs.push([low, high]);
  }
  return pairs;
}

/** Bones with the numbers of their parents, parents first. */
function inOrder(bones: ReadonlyMap<string, Omit<Bone, "parent">>, lines: readonly Line[], fail: Fail): Bone[] {
  const ordered: Bone[] = [];
  const place = new Map<string, number>([["root", -1]]);
  for (const line of blocksOf(lines, fail).flatMap((block) => block.lines)) {
    const [parent, ...children] = line.words;
    if (!place.has(parent))
      fail(line, `"${parent}" is no bone that a line above puts into the tree; reorder the lines.`);
    for (const child of children) {
      const bone = bones.get(child);
      if (!bone) fail(line, `"${child}" is not among the bones of :bonedata.`);
      if (place.has(child)) fail(line, `"${child}" is in the tree already; give each bone one parent.`);
      place.set(child, ordered.length);
      ordered.push({ ...bone!, parent: place.get(parent)! });
    }
  }
  const lost = [...bones.keys()].find((name) => !place.has(name));
  if (lost !== undefined) fail(undefined, `the bone "${lost}" is not in the :hierarchy; give it a parent.`);
  return ordered;
}

/**
 * Acclaim's motion files (AMC): frames, each a line with its number and a line for the root and for each bone that
 * moves, with the numbers of its channels in the skeleton's order. Angles are in degrees (`:DEGREES`) or radians
 * (`:RADIANS`), by default as in the skeleton, and leave in radians.
 */
import { UsageError } from "../errors.js";
import type { Motion, Skeleton } from "./mocap-kinematics.js";

/**
 * A motion from the text of an AMC file.
 * @param path what messages call the text
 * @throws UsageError with path and line
 */
export function parseAmc(text: string, skeleton: Skeleton, path = "the AMC text"): Motion {
  const fail = (line: number, problem: string): never => {
    throw new UsageError(`${path}: line ${line}: ${problem}`);
  };
  const parts = new Map<string, { readonly kinds: readonly string[]; readonly start: number }>();
  const channels: string[] = [];
  const add = (name: string, kinds: readonly string[]) => {
    if (kinds.length === 0) return;
    parts.set(name, { kinds, start: channels.length });
    channels.push(...kinds.map((kind) => `${name}.${kind}`));
  };
  add("root", skeleton.root.channels);
  for (const { name, angles } of skeleton.bones) add(name, angles);

  let degrees = skeleton.fileAngles === "degrees";
  const rows: Float64Array[] = [];
  let seen = new Set<string>();
  let begun = 0;
  const close = (line: number) => {
    if (rows.length === 0) return;
    const missing = [...parts.keys()].find((name) => !seen.has(name));
    if (missing !== undefined)
      fail(line, `the frame that begins in line ${begun} has no numbers for "${missing}"; give all of the skeleton's.`);
  };
  const lines = text.split(/\r?\n/);
  lines.forEach((raw, i) => {
    const words = raw.replace(/#.*/, "").trim().split(/\s+/).filter(Boolean);
    const line = i + 1;
    if (words.length === 0) return;
    if (words[0].startsWith(":")) {
      const word = words[0].toUpperCase();
      if (word === ":DEGREES" || word === ":RADIANS") degrees = word === ":DEGREES";
      return;
    }
    if (/^\d+$/.test(words[0]) && words.length === 1) {
      close(line);
      rows.push(new Float64Array(channels.length));
      seen = new Set();
      begun = line;
      return;
    }
    const [name, ...given] = words;
    if (rows.length === 0) fail(line, `"${name}" stands before the first frame's number; give an AMC motion.`);
    const part = parts.get(name);
    if (!part)
      return fail(
        line,
        `"${name}" is no moving bone of the skeleton ${skeleton.name}; give the skeleton of this motion.`,
      );
    if (seen.has(name)) fail(line, `"${name}" comes twice in one frame; remove one.`);
    if (given.length !== part.kinds.length)
      fail(
        line,
        `"${name}" has ${given.length} numbers, and ${part.kinds.length} channels (${part.kinds.join(", ")}).`,
      );
    seen.add(name);
    const row = rows[rows.length - 1];
    part.kinds.forEach((kind, k) => {
      const value = Number(given[k]);
      if (!Number.isFinite(value)) fail(line, `"${given[k]}" of "${name}" is no finite number; correct it.`);
      row[part.start + k] = kind.startsWith("r") && degrees ? (value * Math.PI) / 180 : value;
    });
  });
  if (rows.length === 0) throw new UsageError(`${path}: there is no frame in it; give an AMC motion.`);
  close(lines.length);
  const values = new Float64Array(rows.length * channels.length);
  rows.forEach((row, t) => {
    values.set(row, t * channels.length);
  });
  return { name: path.replace(/^.*[\\/]/, ""), channels, frames: rows.length, values };
}

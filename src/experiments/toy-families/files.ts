/** Writing what an experiment hands over: texts as they are, pictures (SVG text under a name in .png) as PNG. */
import { join } from "node:path";
import { writeAtomically } from "../../numerics/files.js";
import { svgToPng } from "../../plots/index.js";

/** Writes files below `out`, pictures at one and a half times their drawn size; returns the paths. */
export async function writeOutputs(
  out: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<string[]> {
  const written: string[] = [];
  for (const [name, content] of Object.entries(files)) {
    const path = join(out, name);
    const drawn = name.endsWith(".png") && typeof content === "string";
    writeAtomically(path, drawn ? await svgToPng(content, { scale: 1.5 }) : content);
    written.push(path);
  }
  return written;
}

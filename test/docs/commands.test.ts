/**
 * Command lines of README.md and docs/ run as printed, in their order, each page in a folder of its own.
 *
 * Small data stand in for what a line names, and pictures and samples are small: words are only added, since a later
 * option wins. What is not run is listed; that its options exist is tested in `examples.test.ts`.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadDataset } from "../../src/data/index.js";
import { writeNpy } from "../../src/numerics/npy.js";
import { temporaryFolder } from "../cli/atlas.js";
import { commandLines, root } from "./blocks.js";

const program = fileURLToPath(new URL("../../bin/atlas.js", import.meta.url));
const { folder, remove } = temporaryFolder();
afterAll(remove);

/** Pages whose lines build on each other and are quick. (On others they are alternatives, need MNIST, or take minutes.) */
const pages = ["README.md", "docs/data.md", "docs/flows.md"];

/** Minutes of work, or the network. `evaluate` needs the features that `reproduce features` trains. */
const NOT_RUN = /^atlas (demo|reproduce|evaluate|data mnist --download)\b/;

/** Words added to a line, so that it is quick. */
function standIns([, verb, ...words]: readonly string[]): string[] {
  const has = (word: string) => words.includes(word);
  if (verb === "train" && (has("strokes") || has("mnist"))) return ["--data", "digits.npy", "--epochs", "100"];
  if (verb === "map") return ["--resolution", "16"];
  if (verb === "sample") return ["-n", "4", "--centroids", "20"];
  if (verb === "flow" && has("train"))
    return "--epochs 1 --steps-per-epoch 5 --batch 32 --integration-steps 2".split(" ");
  if (verb === "flow" && has("density")) return has("--at") ? [] : ["--grid", "12", "--resolution", "64"];
  return [];
}

describe.each(pages)("%s", (page) => {
  const home = join(folder, page.replace(/\W/g, "-"));
  const lines = commandLines.filter((each) => each.page === page && !NOT_RUN.test(each.line)).map(({ line }) => line);

  beforeAll(() => writeStandIns(home));
  it.each(lines)(
    "%s",
    (line) => {
      const words = line.split(/\s+/);
      const { ATLAS_DATA: _, ...environment } = process.env;
      const { status, stderr } = spawnSync(process.execPath, [program, ...words.slice(1), ...standIns(words)], {
        cwd: home,
        env: { ...environment, ATLAS_CACHE: join(folder, "cache") },
        encoding: "utf8",
      });
      expect(status, stderr).toBe(0);
    },
    180_000,
  );
});

/** The files that the pages speak of, in small. */
async function writeStandIns(home: string): Promise<void> {
  mkdirSync(home, { recursive: true });
  const write = (name: string, content: string | Uint8Array) => writeFileSync(join(home, name), content);
  const table = (name: string, header: string, rows: number, row: (i: number) => readonly (number | string)[]) =>
    write(name, `${[header, ...Array.from({ length: rows }, (_, i) => row(i).join(","))].join("\n")}\n`);
  const { sin, cos } = Math;

  const { rows, n, dimension } = await loadDataset("strokes", { count: 600 });
  writeNpy(join(home, "digits.npy"), { data: rows, shape: [n, dimension], dtype: "float32" });
  table("mine.csv", "a,b,species", 120, (i) => [cos(i / 20), sin(i / 20), i < 60 ? "cat" : "dog"]);
  table("places.csv", "latitude,longitude", 200, (i) => [36 + 4 * sin(i), 138 + 4 * cos(1.7 * i)]);
  table("elsewhere.csv", "latitude,longitude", 3, (i) => [10 * i, 20 * i]);
  const sequences = (letters: string) =>
    Array.from({ length: 60 }, (_, i) => {
      const site = (j: number) => letters[(j * j + (j % 5 === 0 ? i : 0)) % letters.length];
      return `>s${i}\n${Array.from({ length: 32 }, (_, j) => site(j)).join("")}\n`;
    }).join("");
  write("family.fasta", sequences("ACGU"));
  write("family.fasta.gz", gzipSync(sequences("ACDEFGHIKLMNPQRSTVWY")));
  copyFileSync(join(root, "test", "fixtures", "onnx", "torch-conv.onnx"), join(home, "decoder.onnx"));
}

import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { atlas, outcome, refusedIn, start, temporaryFolder, writeTable } from "./atlas.js";

const { folder, remove } = temporaryFolder();
afterAll(remove);

/** One sentence on standard error, nothing on standard output, exit code 2. */
const refused = (...parameters: string[]) => refusedIn(folder, ...parameters);

describe("atlas --help", () => {
  it("lists every verb, and each verb's help shows an example that begins with its name", async () => {
    const { code, out } = await atlas(folder, "--help");
    expect(code).toBe(0);
    for (const verb of [
      "demo",
      "train",
      "map",
      "geodesic",
      "shoot",
      "distances",
      "mean",
      "sample",
      "evaluate",
      "import",
      "export",
      "data",
    ]) {
      expect(out).toContain(`\n  ${verb} `);
      const help = await atlas(folder, verb, "--help");
      expect(help.code).toBe(0);
      expect(help.out).toMatch(new RegExp(`Example:\\n  atlas ${verb} `));
      expect(help.out).toContain("--json");
    }
  });
});

describe("atlas ... | head", () => {
  it("ends quietly where nobody reads on", async () => {
    const child = start(folder, ["train", "--help"]);
    child.stdout?.destroy(); // before anything is written
    const { err } = await outcome(child);
    expect(err).toBe("");
  });
});

describe("bad usage is one sentence and exit code 2", () => {
  it("unknown verbs and options, missing options", async () => {
    expect(await refused("nonsense")).toMatchInlineSnapshot(`"atlas: unknown command 'nonsense'"`);
    expect(await refused("train", "--dta", "x", "--out", "r")).toContain(
      "unknown option '--dta' (Did you mean --data?)",
    );
    expect(await refused("train", "--data", "strokes")).toContain("--out <folder>");
    expect(await refused("train", "--out", "r", "--json")).toContain("--data: name the data set");
  });
  it("values that are no numbers, or out of range", async () => {
    expect(
      await refused("train", "--data", "strokes", "--out", "r", "--epochs", "many", "--json"),
    ).toMatchInlineSnapshot(`"atlas: --epochs: "many" is not a whole number from 1 to 1000000."`);
    expect(await refused("train", "--data", "strokes", "--out", "r", "--latent", "0", "--json")).toContain("--latent");
    writeFileSync(join(folder, "unit.csv"), "0.1,0.2\n0.3,0.4\n".repeat(20));
    expect(await refused("train", "--data", "unit.csv", "--out", "r", "--likelihood", "poison", "--json")).toContain(
      '"poison" is not known',
    );
  });
  it("files that are absent, empty, ragged, or hold words and NaNs", async () => {
    const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
    write("words.csv", "a,b\n1,2\n3,abc\n");
    write("ragged.csv", "1,2\n3\n");
    write("empty.csv", "");
    write("nan.csv", "1,2\nNaN,3\n");
    expect(await refused("train", "--data", "absent.csv", "--out", "r", "--json")).toContain("absent.csv");
    expect(await refused("train", "--data", "words.csv", "--out", "r", "--json")).toContain("abc");
    expect(await refused("train", "--data", "ragged.csv", "--out", "r", "--json")).toContain("ragged.csv");
    expect(await refused("train", "--data", "empty.csv", "--out", "r", "--json")).toContain("empty.csv");
    expect(await refused("train", "--data", "nan.csv", "--out", "r", "--json")).toMatch(/NaN/);
    expect(await refused("train", "--data", "nowhere", "--out", "r", "--json")).toContain("nowhere");
  });
  it("a likelihood that the data does not fit", async () => {
    writeTable(join(folder, "table.csv"));
    const sentence = await refused(
      "train",
      "--data",
      "table.csv",
      "--label-column",
      "half",
      "--likelihood",
      "bernoulli",
      "--out",
      "r",
      "--json",
    );
    expect(sentence).toContain("from 0 to 1");
    expect(existsSync(join(folder, "r"))).toBe(false);
  });
  it("folders that are no runs", async () => {
    for (const verb of [
      ["geodesic", "none", "--from", "0", "--to", "1"],
      ["map", "none", "--out", "m"],
      ["shoot", "none", "--from", "0", "--velocity", "1,0"],
      ["mean", "none", "--indices", "0,1"],
      ["export", "none", "--out", "e"],
      ["distances", "none", "--indices", "0,1", "--out", "d.npy"],
    ])
      expect(await refused(...verb, "--json")).toMatch(/none does not exist/);
  });
});

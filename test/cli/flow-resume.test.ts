/** What `atlas flow train --resume` goes on with, and what it says where it cannot. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { atlas, commandsIn, temporaryFolder } from "./atlas.js";

const { folder, remove } = temporaryFolder();
afterAll(remove);

const { json, refused } = commandsIn(folder);

const place = (i: number) => `${(36 + 4 * Math.sin(7 * i)).toFixed(3)},${(140 + 3 * Math.cos(5 * i)).toFixed(3)}`;
const places = Array.from({ length: 40 }, (_, i) => place(i));
const write = (name: string, rows: readonly string[]) => writeFileSync(join(folder, name), `${rows.join("\n")}\n`);

beforeAll(async () => {
  write("places.csv", places);
  const small = "--hidden 4 --integration-steps 2 --steps-per-epoch 2 --batch 8 --threads 1".split(" ");
  await json`flow train --data places.csv --epochs 2 --out run ${small}`;
});

const stored = () => JSON.parse(readFileSync(join(folder, "run", "data.json"), "utf8"));

describe("the data", () => {
  it("are found from another working directory", async () => {
    expect(stored().data).toBe(join(folder, "places.csv"));
    mkdirSync(join(folder, "elsewhere"));
    const resumed = await commandsIn(join(folder, "elsewhere")).json`flow train --resume --epochs 3 --out ../run`;
    expect(resumed.epochs).toBe(3);
  });

  it("may have moved: --data says where they are now, and the run remembers", async () => {
    renameSync(join(folder, "places.csv"), join(folder, "moved.csv"));
    expect(await refused`flow train --resume --epochs 4 --out run`).toMatch(
      /run was trained on .*places\.csv, which cannot be read from here; name the data with --data \(.*does not exist/,
    );
    expect((await json`flow train --resume --epochs 4 --data moved.csv --out run`).epochs).toBe(4);
    expect(stored().data).toBe(join(folder, "moved.csv"));
    renameSync(join(folder, "moved.csv"), join(folder, "places.csv"));
  });

  it("of a run that names them as they were given, from the folder of its training", async () => {
    writeFileSync(join(folder, "run", "data.json"), JSON.stringify({ ...stored(), data: "places.csv" }));
    expect((await json`flow train --resume --epochs 5 --out run`).epochs).toBe(5);
  });

  it("whose content is another one are refused, with their numbers", async () => {
    write("fewer.csv", places.slice(0, 30));
    expect(await refused`flow train --resume --epochs 9 --data fewer.csv --out run`).toMatch(
      /run was trained on places\.csv with other content than fewer\.csv has now \(36 points to learn from then, 27 now\)/,
    );
    expect(stored().data).toBe(join(folder, "places.csv"));
  });
});

describe("the epochs", () => {
  it("are done: nothing is left, which is said; fewer are refused", async () => {
    const done = (await json`flow train --resume --out run`).epochs;
    const { code, out } = await atlas(folder, "flow", "train", "--resume", "--out", "run");
    expect(code).toBe(0);
    expect(out).toContain(
      `Nothing was left to do: run has all of its ${done} epochs; give more with --epochs to go on.`,
    );
    expect(await refused`flow train --resume --epochs ${done - 1} --out run`).toBe(
      `atlas: epochs: ${done - 1} is not a whole number from ${done} on, the epochs done so far.`,
    );
  });
});

describe("a mixture", () => {
  const fit = ["flow", "train", "--data", "places.csv", "--method", "mixture", "--out", "mixture"];
  it("says that its held-out score chose the number of components, where it did", async () => {
    const one = await atlas(folder, ...fit, "--components", "1");
    expect(one.out).toMatch(/^Mixture of 1: .* training, \S+ held out, \d.* s: mixture$/m);
    const several = await atlas(folder, ...fit, "--components", "1,2", "--overwrite");
    expect(several.out).toMatch(/ training, \S+ held out, which chose the number of components, \d.* s: mixture$/m);
  });

  it("has nothing to resume", async () => {
    expect(await refused`flow train --resume --out mixture`).toMatch(
      /--resume: mixture holds a mixture, which was fitted in one go and has nothing to resume; .*--overwrite/,
    );
  });
});

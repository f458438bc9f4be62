/** The data of a run, found again by what its folder says. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { describeData } from "../../src/autoencoders/run-checkpoint.js";
import { storeChoice } from "../../src/cli/data-choice.js";
import { dataOfRun } from "../../src/cli/run-data.js";
import { loadDataset, splitDataset } from "../../src/data/index.js";
import { writeCheckpoint } from "../../src/training/index.js";
import { temporaryFolder } from "./atlas.js";

const { folder, remove } = temporaryFolder();
afterAll(remove);

it("are weighted as at the training, where they are aligned sequences weighed by identity", async () => {
  const path = join(folder, "family.fasta");
  const site = (i: number, j: number) => "ACGU"[(j * j + (j < 3 ? i : 0)) % 4];
  const row = (i: number) => Array.from({ length: 8 }, (_, j) => site(i % 7, j)).join("");
  writeFileSync(path, Array.from({ length: 30 }, (_, i) => `>s${i}\n${row(i)}\n`).join(""));
  const { train } = splitDataset(await loadDataset(path, { identity: 0.8 }), { seed: 2 });
  expect(new Set(train.weights).size).toBeGreaterThan(1);
  const run = join(folder, "run");
  writeCheckpoint(run, { model: "vae", data: describeData(train) }, {});
  storeChoice(run, { data: path, identity: 0.8, seed: 2 });
  expect((await dataOfRun(run)).train.weights).toEqual(train.weights);
});

it("have to be named where the folder's account of them is damaged", async () => {
  const run = join(folder, "damaged");
  mkdirSync(run);
  writeCheckpoint(run, { model: "vae" }, {});
  writeFileSync(join(run, "data.json"), '{ "data": ');
  await expect(dataOfRun(run)).rejects.toThrow(/data\.json is damaged; delete it and name the data with --data/);
});

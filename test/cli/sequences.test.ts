/** Aligned sequences from the command line: described, trained on, mapped with the gate's scale, measured, resumed. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { atlas, temporaryFolder } from "./atlas.js";

const { folder, remove } = temporaryFolder();
afterAll(remove);

/** Two families of sequences, with a mutation each and an ambiguity code now and then. */
beforeAll(() => {
  const letters = "ACGU";
  const records = Array.from({ length: 120 }, (_, i) => {
    const sequence = [...(i % 2 ? "ACGUACGUAC" : "GG-AUUCCGA")];
    sequence[(i * 7) % 10] = letters[(i * 3) % 4];
    if (i % 10 === 0) sequence[9] = "N";
    return `>s${i}|${i % 2 ? "left" : "right"}\n${sequence.join("")}`;
  });
  writeFileSync(join(folder, "two.fasta"), `${records.join("\n")}\n`);
});

describe("atlas and aligned sequences", () => {
  it("data describes them", async () => {
    const { code, out } = await atlas(folder, "data", "two.fasta", "--identity", "0.8", "--json");
    expect(code).toBe(0);
    const told = JSON.parse(out);
    expect(told.alignment).toMatchObject({ alphabet: "rna", letters: "ACGU-", sites: 10, ambiguous: 12 });
    expect(told.effectiveRows).toBeLessThan(20);
    expect(told.effectiveRows).toBeGreaterThan(2);
  });
  it("train takes them as categorical, and the run can be mapped, measured and resumed", async () => {
    const sizes = ["--encoder", "16", "--decoder", "16", "--threads", "1"];
    const trained = await atlas(
      folder,
      ...["train", "--data", "two.fasta", "--label-column", "1", "--identity", "0.8", "--epochs", "60"],
      ...[...sizes, "--out", "run"],
    );
    expect(trained.code, trained.err).toBe(0);
    expect(trained.out).toMatch(
      /rna sequences of 10 sites, letters ACGU- \(the gap is one; 12 ambiguous ones as equal shares/,
    );
    const { shape } = JSON.parse(readFileSync(join(folder, "run", "config.json"), "utf8"));
    expect(shape).toMatchObject({ likelihood: "categorical", likelihoodOptions: { classes: 5 }, dataDimension: 50 });

    const mapped = await atlas(folder, "map", "run", "--out", "map", "--resolution", "24");
    expect(mapped.code, mapped.err).toBe(0);
    const svg = readFileSync(join(folder, "map.svg"), "utf8");
    expect(svg).toMatch(/gate ½ \(D = [\d.e-]+\)/);
    expect(svg).toContain("Uncertainty gate: D is the smooth squared distance");
    expect(svg).toContain("left"); // classes from the headers
    const euclidean = await atlas(folder, "map", "run", "--metric", "euclidean", "--out", "map", "--resolution", "24");
    expect(euclidean.code, euclidean.err).toBe(0);
    expect(readFileSync(join(folder, "map.svg"), "utf8")).not.toContain("gate");

    for (const metric of ["fisher-rao", "probabilities", "impurity"]) {
      const { code, out, err } = await atlas(
        folder,
        ...["geodesic", "run", "--from", "0", "--to", "2", "--metric", metric, "--json"],
      );
      expect(code, err).toBe(0);
      expect(JSON.parse(out).length).toBeGreaterThan(0);
    }
    const resumed = await atlas(folder, "train", "--resume", "--out", "run", "--epochs", "62", "--threads", "1");
    expect(resumed.code, resumed.err).toBe(0);
    expect(resumed.out).toContain("62 epochs");
  }, 60_000);
});

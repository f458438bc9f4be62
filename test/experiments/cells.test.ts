// Cells of an experiment: kept, read back, chosen, recomputed when the settings change, never with a NaN in them.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RunError, UsageError } from "../../src/errors.js";
import { type Cell, runCells } from "../../src/experiments/cells.js";
import { takesOnly } from "../../src/experiments/options.js";

let out: string;
beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), "cells-"));
});
afterEach(() => rmSync(out, { recursive: true, force: true }));

const report = () => {};

function counting(names: readonly string[]): { cells: Cell<{ length: number }>[]; computed: string[] } {
  const computed: string[] = [];
  const cells = names.map((name) => ({
    name,
    async compute() {
      computed.push(name);
      return { length: name.length };
    },
  }));
  return { cells, computed };
}

describe("cells", () => {
  it("are not begun where their folder cannot be", async () => {
    const { cells, computed } = counting(["vae-0"]);
    writeFileSync(join(out, "file"), "");
    for (const bad of [join(out, "file"), "/proc/nope"])
      await expect(runCells(cells, {}, { out: bad, report })).rejects.toThrow(
        /cells cannot be made \(E[A-Z]+\); choose/,
      );
    expect(computed).toEqual([]);
  });
  it("are computed once, and read back in the order of the list", async () => {
    const { cells, computed } = counting(["vae-0", "rae-0", "vae-1"]);
    const some = await runCells(cells, { epochs: 3 }, { out, report, cells: ["vae"] });
    expect(some.map(({ name }) => name)).toEqual(["vae-0", "vae-1"]);
    expect(computed).toEqual(["vae-0", "vae-1"]);
    const all = await runCells(cells, { epochs: 3 }, { out, report });
    expect(all.map(({ name, value }) => [name, value.length])).toEqual([
      ["vae-0", 5],
      ["rae-0", 5],
      ["vae-1", 5],
    ]);
    expect(computed).toEqual(["vae-0", "vae-1", "rae-0"]);
  });

  it("are computed again with other settings", async () => {
    const { cells, computed } = counting(["a"]);
    await runCells(cells, { epochs: 3 }, { out, report });
    await runCells(cells, { epochs: 4 }, { out, report });
    expect(computed).toEqual(["a", "a"]);
  });

  it("of which none is asked for is an error that names them", async () => {
    const { cells } = counting(["a", "b"]);
    await expect(runCells(cells, {}, { out, report, cells: ["c"] })).rejects.toThrow(UsageError);
    await expect(runCells(cells, {}, { out, report, cells: ["c"] })).rejects.toThrow(/"c"; there are a, b/);
  });

  it("with a number that is not finite are not kept", async () => {
    const cells = [{ name: "a", compute: async () => ({ rows: [1, Number.NaN] }) }];
    await expect(runCells(cells, {}, { out, report })).rejects.toThrow(RunError);
    expect(readdirSync(join(out, "cells"))).toEqual([]);
  });

  it("stop between two of them, keeping what is done", async () => {
    const stop = new AbortController();
    const cells = ["a", "b"].map((name) => ({
      name,
      async compute() {
        stop.abort();
        return name;
      },
    }));
    await expect(runCells(cells, {}, { out, report, signal: stop.signal })).rejects.toThrow(/before the cell b/);
    expect(readdirSync(join(out, "cells"))).toEqual(["a.json"]);
  });
});

it("an experiment refuses options that it does not take", () => {
  const options = { fast: true, seed: 0, out, report, epochs: 3 };
  expect(() => takesOnly("torus", options, ["steps"])).toThrow(/--epochs: the experiment "torus" .* takes --steps/);
  expect(() => takesOnly("torus", options, ["epochs"])).not.toThrow();
});

/** FEATURES.md is true: what works has code, a test, and a way to see it that exists. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createProgram } from "../../src/cli/main.js";
import * as library from "../../src/index.js";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const exists = (path: string) => existsSync(new URL(`../../${path}`, import.meta.url));

const rows = read("FEATURES.md")
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| method"))
  .map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
  .map(([method, source, state, code, test, see]) => ({ method, source, state, code, test, see }));

const plain = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map((m) => m[1]);

describe("FEATURES.md", () => {
  it("has a row for at least thirty methods, each in one of three states", () => {
    expect(rows.length).toBeGreaterThanOrEqual(30);
    for (const row of rows) expect(row.state, row.method).toMatch(/^(works|not yet|partly: .+)$/);
  });
  it.each(rows.filter((row) => row.state !== "not yet"))(
    "$method: has code, tests and a way to see it",
    ({ code, test, see }) => {
      for (const path of [...plain(code), ...plain(test)]) expect(exists(path), path).toBe(true);
      expect(plain(code).length).toBeGreaterThan(0);
      expect(plain(test).length).toBeGreaterThan(0);
      const program = createProgram();
      expect(plain(see).length).toBeGreaterThan(0);
      for (const way of plain(see)) {
        if (!way.startsWith("atlas ")) {
          expect(Object.keys(library), way).toContain(way);
          continue;
        }
        const [, verb, ...words] = way.split(" ");
        const command = program.commands.find((c) => c.name() === verb);
        expect(command, way).toBeDefined();
        for (const option of words.filter((word) => word.startsWith("--")))
          expect(
            command!.options.some((o) => o.long === option),
            way,
          ).toBe(true);
      }
    },
  );
  it.each(rows.filter((row) => row.state === "not yet"))("$method: claims nothing", ({ code, test, see }) => {
    expect([code, test, see]).toEqual(["-", "-", "-"]);
  });
});

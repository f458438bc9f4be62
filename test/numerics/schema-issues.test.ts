import { describe, expect, it } from "vitest";
import { z } from "zod";
import { fieldOf, firstProblem } from "../../src/numerics/schema-issues.js";

const schema = z.strictObject({
  name: z.string().regex(/^[a-z]+$/, "A name of small letters is needed"),
  count: z.number().int().min(1).max(9),
  share: z.number().positive().lt(1).optional(),
  kind: z.enum(["a", "b"]),
  model: z.literal("vae"),
  list: z.array(z.strictObject({ column: z.union([z.number().int(), z.string()]) })).min(1),
});
const good = { name: "x", count: 2, kind: "a", model: "vae", list: [{ column: 0 }] };

describe("what a schema found, in words", () => {
  it.each<[string, object, string]>([
    ["a missing number", { count: undefined }, "count: it is missing; give a number"],
    ["a text for a number", { count: "two" }, 'count: "two" is not a number'],
    ["a fraction", { count: 1.5 }, "count: 1.5 is not a whole number"],
    ["too small", { count: 0 }, "count: 0 is too small; give at least 1"],
    ["too large", { count: 10 }, "count: 10 is too large; give at most 9"],
    ["not above 0", { share: 0 }, "share: 0 is too small; give more than 0"],
    ["not below 1", { share: 1 }, "share: 1 is too large; give less than 1"],
    ["no number", { share: Number.NaN }, "share: NaN is not a number"],
    ["no choice", { kind: "c" }, 'kind: "c" is not one of a, b'],
    ["another constant", { model: "gan" }, 'model: "gan" is not "vae"'],
    ["an empty list", { list: [] }, "list: the list has 0 entries; give at least 1"],
    ["neither of two kinds", { list: [{ column: true }] }, "list[0].column: true is not a number or a text"],
    [
      "an unknown field",
      { colour: 1 },
      '"colour" is no field here; known ones are name, count, share, kind, model, list',
    ],
    [
      "a misspelt field, before the one that is missing",
      { list: [{ colum: 0 }] },
      'list[0]: "colum" is no field here; known ones are column',
    ],
    ["a pattern", { name: "X" }, 'name: "X" does not fit; a name of small letters is needed'],
  ])("%s", (_, change, words) => {
    const value = { ...good, ...change };
    const { error } = schema.safeParse(value);
    expect(firstProblem(error!, value, schema)).toBe(words);
  });
  it("a value that is no object at all, shortened", () => {
    const value = "x".repeat(100);
    expect(firstProblem(schema.safeParse(value).error!, value)).toBe(`"${"x".repeat(56)}... is not an object { ... }`);
  });
  it("accepts what is good, and writes paths", () => {
    expect(schema.safeParse(good).success).toBe(true);
    expect(fieldOf(["blocks", 0, "columns", 1])).toBe("blocks[0].columns[1]");
  });
});

/** Mixed data by a schema: what it accepts, where the columns go, and the sentence for everything that is wrong. */
import { describe, expect, it } from "vitest";
import {
  familyNamed,
  familyNames,
  normal,
  poisson,
  product,
  readSchema,
} from "../../src/distributions/families/index.js";
import { array } from "../../src/engine/index.js";
import { UsageError } from "../../src/errors.js";
import { run } from "../engine/agreement.js";

const mixed = {
  blocks: [
    { name: "species", columns: ["kind"], family: "categorical", options: { classes: 3 }, encoding: "class" },
    { name: "place", columns: ["x", 0], family: "normal", options: { standardDeviation: 0.5 } },
    { name: "count", columns: ["n"], family: "poisson" },
  ],
};
const names = ["y", "kind", "n", "x"];

describe("schema of columns", () => {
  it("puts columns into blocks and expands classes", () => {
    const schema = readSchema(mixed, names);
    expect([schema.tableColumns, schema.dataDimension]).toEqual([4, 6]);
    expect(schema.family.parameterCount(6)).toBe(3 + 2 + 1);
    const encoded = schema.encode(
      array([
        [0.1, 2, 7, 0.3],
        [0.2, 0, 1, 0.4],
      ]),
    );
    expect(Array.from(encoded.data)).toEqual([0, 0, 1, 0.3, 0.1, 7, 1, 0, 0, 0.4, 0.2, 1]);
  });

  it("is the likelihood of network outputs: the sum of its blocks'", async () => {
    const schema = readSchema(mixed, names);
    const outputs = array([[0.1, -0.4, 1, 0.2, 0.3, 2]]);
    const x = array([[0, 0, 1, 0.3, 0.1, 7]]);
    const [all] = await run((o, v) => schema.family.logDensity(schema.family.fromNetwork(o), v), [outputs, x]);
    const part = async (name: string, options: object, o: number[], v: number[]) => {
      const family = familyNamed(name, options);
      return (await run((o, v) => family.logDensity(family.fromNetwork(o), v), [array([o]), array([v])]))[0].data[0];
    };
    const parts = [
      await part("categorical", { classes: 3 }, [0.1, -0.4, 1], [0, 0, 1]),
      await part("normal", { standardDeviation: 0.5 }, [0.2, 0.3], [0.3, 0.1]),
      await part("poisson", {}, [2], [7]),
    ];
    expect(all.data[0]).toBeCloseTo(parts[0] + parts[1] + parts[2], 12);
  });

  it("names row and column of the table where a value does not fit", () => {
    const { encode } = readSchema(mixed, names);
    const good = [0.1, 2, 7, 0.3];
    const refuse = (row: number[], sentence: RegExp) =>
      expect(() => encode(array([good, row]), { name: "table.csv" })).toThrow(sentence);
    refuse([0.1, 3, 7, 0.3], /^table.csv: row 1, column 1 .* is 3; .* class number from 0 to 2/);
    refuse([0.1, 2, -7, 0.3], /^table.csv: row 1, column 2 .* is -7; the poisson/);
    refuse([Number.NaN, 2, 7, 0.3], /^table.csv: row 1, column 0 .* is NaN; the normal/);
    expect(() => encode(array([[1, 2]]))).toThrow(/shape \[1,2\] does not fit the schema; it needs \[N, 4\]/);
  });

  const block = (change: object) => ({ blocks: [{ name: "a", columns: [0], family: "normal", ...change }] });
  it.each<[string, unknown, RegExp, string[]?]>([
    ["no blocks", {}, /^schema.blocks: it is missing; give a list\.$/],
    ["an empty list", { blocks: [] }, /^schema.blocks: /],
    ["another type", { blocks: "all" }, /^schema.blocks: "all" is not a list/],
    [
      "an unknown field",
      block({ colour: 1 }),
      /^schema.blocks\[0\]: "colour" is no field here; known ones are name, columns/,
    ],
    ["no columns", block({ columns: [] }), /^schema.blocks\[0\].columns: /],
    [
      "a negative column",
      block({ columns: [-1] }),
      /^schema.blocks\[0\].columns\[0\]: -1 is too small; give at least 0/,
    ],
    [
      "an unknown family",
      block({ family: "normall" }),
      /^schema.blocks\[0\].family: "normall" is not known; use one of normal/,
    ],
    ["an unknown option", block({ options: { deviation: 1 } }), /^schema.blocks\[0\].family \(normal\): .*deviation/],
    [
      "an unfit option",
      block({ options: { standardDeviation: -1 } }),
      /^schema.blocks\[0\].family \(normal\).standardDeviation: -1 is too small; give more than 0/,
    ],
    [
      "a missing option",
      block({ family: "categorical" }),
      /family \(categorical\).classes: it is missing; give a number/,
    ],
    [
      "columns that form no group",
      block({ family: "von-mises-fisher", options: { dimension: 3 }, columns: [0, 1] }),
      /^schema.blocks\[0\].columns: .*2 data columns do not form groups of 3/,
    ],
    ["classes of another family", block({ encoding: "class" }), /encoding: "class" suits the categorical family only/],
    [
      "a name that the table lacks",
      block({ columns: ["z"] }),
      /columns\[0\]: "z" is no column; the table has y, kind/,
      names,
    ],
    ["names without a header", block({ columns: ["z"] }), /"z" is no column; the table has no names/],
    ["a column too far", block({ columns: [9] }), /column 9 does not exist; the table has 4/, names],
    ["a column left out", block({}), /^schema.blocks: column 1 \("kind"\) has no block/, names],
    [
      "a column twice",
      { blocks: [block({}).blocks[0], { ...block({}).blocks[0], name: "b" }] },
      /^schema.blocks\[1\].columns: column 0 is in block "a" already/,
    ],
    ["a dot in a name", block({ name: "a.b" }), /^schema.blocks\[0\].name: "a.b" does not fit; a name without dots/],
  ])("refuses %s", (_, json, sentence, header) => {
    expect(() => readSchema(json, header)).toThrow(UsageError);
    expect(() => readSchema(json, header)).toThrow(sentence);
  });
});

describe("families by name", () => {
  it("makes every family", () => {
    for (const name of familyNames) {
      const needed = { categorical: { classes: 3 }, dirichlet: { classes: 3 }, "von-mises-fisher": { dimension: 3 } };
      const family = familyNamed(name, needed[name as keyof typeof needed] ?? {});
      expect(family.dataDimension(family.parameterCount(3))).toBe(3);
    }
  });

  it("says what is wrong with counts, shapes, and products", () => {
    expect(() => familyNamed("gauss")).toThrow(/^likelihood: "gauss" is not known; use one of normal, full-normal/);
    expect(() => familyNamed("categorical", { classes: 4 }).parameterCount(6)).toThrow(
      /6 data columns .* multiple of 4/,
    );
    expect(() => normal().dataDimension(3)).toThrow(/3 network outputs do not fit; it takes 2 for every data column/);
    expect(() => familyNamed("full-normal").parameterCount(9)).toThrow(/9 data columns .* 1 to 8/);
    expect(() => product([])).toThrow(/no blocks/);
    const at = (name: string, columns: number[]) => ({ name, family: poisson(), columns });
    expect(() => product([at("a", [0]), at("a", [1])])).toThrow(/"a" is given twice/);
    expect(() => product([at("a", [0]), at("b", [0])])).toThrow(/column 0 is in block "a" and again in "b"/);
    expect(() => product([at("a", [0, 3])])).toThrow(/column 3, but the blocks' 2 columns must be 0 to 1/);
    expect(() => normal({ standardDeviation: 0 })).toThrow(/standardDeviation 0 is not a positive number/);
    expect(() => poisson().checkData(array([1, 2]))).toThrow(/shape \[2\] is no table; give \[N, D\]/);
  });
});

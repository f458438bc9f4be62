import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/errors.js";
import { formatNumbers, formatRow, parseNumbers, parseTable } from "../../src/numerics/csv.js";

describe("csv", () => {
  it("reads numbers with and without a header", () => {
    expect(parseNumbers("x,y\n1,-2.5e3\n.5,+3.\n")).toEqual({
      data: Float64Array.of(1, -2500, 0.5, 3),
      rows: 2,
      columns: 2,
      header: ["x", "y"],
    });
    const bare = parseNumbers("1,2\r\n3,4");
    expect(bare.header).toBeUndefined();
    expect([...bare.data]).toEqual([1, 2, 3, 4]);
    // Told so, a first row of numbers is a header.
    expect(parseNumbers("2001,2002\n1,2\n", { header: true }).header).toEqual(["2001", "2002"]);
    expect(() => parseNumbers("x,y\n1,2\n", { header: false })).toThrow(/row 1, column 1: 'x' is not a number/);
  });

  it("understands quotes, spaces, blank lines and a byte order mark", () => {
    expect(parseNumbers('\uFEFF"a, b","say ""x"""\n\n 1 ,"2"\n\n').header).toEqual(["a, b", 'say "x"']);
    expect(parseTable('"two\nlines",1\nx,oops\n', { header: false }).rows).toEqual([
      ["two\nlines", "1"],
      ["x", "oops"],
    ]);
  });

  it("skips comments, and counts them as lines", () => {
    expect([...parseNumbers('# source\n1,2\n# more, with a " in it\n3,4\n#end').data]).toEqual([1, 2, 3, 4]);
    expect(() => parseNumbers("# source\nx,y\n1,a\n")).toThrow(/row 3, column "y"/);
    expect(() => parseNumbers("# nothing else\n")).toThrow(/is empty/);
  });

  it("names row, column and word of what is no finite number", () => {
    expect(() => parseNumbers("x,y\n1,2\nabc,4\n", { name: "a.csv" })).toThrow(
      `a.csv: row 3, column "x": 'abc' is not a number.`,
    );
    expect(() => parseNumbers("1,2\n\n3,4 5\n")).toThrow(/row 3, column 2: '4 5' is not a number/);
    for (const word of ["NaN", "nan", "inf", "-Infinity", "1e999"])
      expect(() => parseNumbers(`x\n1\n${word}\n`)).toThrow(`row 3, column "x": '${word}' is not finite`);
    expect(() => parseNumbers("1,2\n3,\n")).toThrow(/row 2, column 2: the cell is empty/);
    expect(() => parseNumbers("1\n0x10\n")).toThrow(/'0x10' is not a number/);
    // A row number after a quoted line break is still the line of the file.
    expect(() => parseNumbers('"a\nb",y\n1,2\n3,z\n')).toThrow(/row 4, column "y"/);
    // NaN in the first row is bad data, not a header.
    expect(() => parseNumbers("nan,1\n2,3\n")).toThrow(/row 1, column 1: 'nan' is not finite/);
  });

  it("refuses ragged and empty tables and open quotes", () => {
    expect(() => parseNumbers("1,2\n3\n")).toThrow(/row 2 has 1 column but the first has 2/);
    for (const empty of ["", "\n", " \n\n"])
      expect(() => parseNumbers(empty, { name: "a.csv" })).toThrow(/a\.csv is empty/);
    expect(() => parseNumbers("x,y\n")).toThrow(/header but no rows/);
    expect(() => parseNumbers('1,"2\n3,4\n')).toThrow(/row 1, column 2: a quote is opened/);
  });

  it("reads back exactly what it wrote", () => {
    const number = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.array(number, { minLength: 4, maxLength: 24 }),
        (columns, numbers) => {
          const data = numbers.slice(0, Math.floor(numbers.length / columns) * columns);
          const header = ["a", "b,c", 'd"', "e\nf"].slice(0, columns);
          const table = parseNumbers(formatNumbers(data, columns, header));
          expect([...table.data].map((x) => x + 0)).toEqual(data.map((x) => x + 0));
          expect(table.header).toEqual(header);
        },
      ),
    );
    expect(formatRow(["a", 'b"c', 1.5])).toBe('a,"b""c",1.5');
    expect(() => formatNumbers([1, 2, 3], 2)).toThrow(UsageError);
    expect(() => formatNumbers([1, 2], 2, ["x"])).toThrow(UsageError);
  });
});

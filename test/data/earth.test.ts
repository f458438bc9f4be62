import { describe, expect, it } from "vitest";
import { deduplicated, earthFolder, loadEarth, parseEarth, splitEarth } from "../../src/data/earth.js";

const text = "# a comment\nlat,long\n0,0\n0,90\n90,12\n-45,180\n0,90\n";

describe("places on the globe", () => {
  it("become unit vectors, with copies of a place counted once", () => {
    const data = parseEarth(text, "toy");
    expect(data.n).toBe(5);
    expect(data.locations).toBe(4);
    expect(data.location[1]).toBe(data.location[4]);
    const expected = [1, 0, 0, 0, 1, 0, 0, 0, 1, -Math.SQRT1_2, 0, -Math.SQRT1_2, 0, 1, 0];
    data.points.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 14);
    });
    expect(deduplicated(data).n).toBe(4);
  });

  it("are refused beyond 90 degrees, by row", () => {
    expect(() => parseEarth("1,2\n91,3\n", "toy")).toThrow(/row 2 has latitude 91, beyond 90 degrees/);
    expect(() => parseEarth("1,2\n1,400\n", "toy")).toThrow(/row 2 has longitude 400/);
    expect(() => parseEarth("1,2,3\n", "toy")).toThrow(/row 1 has 3 columns/);
    expect(() => loadEarth("tsunami")).toThrow(/"tsunami" is not a data set/);
    expect(() => loadEarth("fire", { folder: "/nowhere" })).toThrow(/is not there; set ATLAS_DATA/);
  });

  it("are split without a place on two sides, or by rows", () => {
    const rows = Array.from({ length: 200 }, (_, i) => `${i % 40},${(i % 40) * 2}`).join("\n");
    const data = parseEarth(`${rows}\n`, "toy");
    const { train, validation, test } = splitEarth(data, { seed: 3 });
    expect(train.n + validation.n + test.n).toBe(200);
    expect([validation.n, test.n]).toEqual([20, 20]); // 4 places of 5 rows each
    const places = new Set(train.latitudes);
    for (const latitude of [...validation.latitudes, ...test.latitudes]) expect(places.has(latitude)).toBe(false);
    const byRow = splitEarth(data, { seed: 3, by: "row" });
    expect(byRow.test.n).toBe(20);
    expect(byRow.test.locations).toBeGreaterThan(4);
    expect(splitEarth(data, { seed: 3 }).test.latitudes).toEqual(test.latitudes);
    expect(splitEarth(data, { seed: 4 }).test.latitudes).not.toEqual(test.latitudes);
  });

  it.skipIf(earthFolder() === undefined)("of the four data sets, where ATLAS_DATA has them", () => {
    expect(loadEarth("volcano").n).toBe(827);
    expect(loadEarth("volcano", { deduplicate: true }).n).toBe(267);
    expect(loadEarth("earthquake").n).toBe(6120);
    expect(loadEarth("flood").n).toBe(4875);
    expect(loadEarth("fire").n).toBe(12809);
  });
});

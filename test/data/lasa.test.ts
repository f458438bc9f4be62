import { describe, expect, it } from "vitest";
import { lasaFolder, lasaShapes, loadLasa, parseLasa } from "../../src/data/lasa.js";

const text = "demo,t,x,y\n0,0,1,2\n0,0.5,3,4\n1,0,5,6\n1,0.25,7,8\n1,0.5,9,10\n";

describe("demonstrations", () => {
  it("are read one after another, with times and points", () => {
    const [first, second, ...rest] = parseLasa(text);
    expect(rest).toHaveLength(0);
    expect([first.samples, second.samples]).toEqual([2, 3]);
    expect([...second.times]).toEqual([0, 0.25, 0.5]);
    expect([...second.points]).toEqual([5, 6, 7, 8, 9, 10]);
  });

  it.each([
    [text.replace("demo,t", "which,t"), "the columns are which, t, x, y"],
    [text.replace("1,0,5,6", "2,0,5,6"), "row 4: the demonstration is 2"],
    [text.replace("1,0.5,9,10", "0,0.5,9,10"), "row 6: the demonstration is 0"],
    [text.replace("0,0.5,3,4", "0,-1,3,4"), "row 3: the time -1 is before"],
    [text.replace("7,8", "seven,8"), "row 5"],
  ])("what is wrong is said with its row: %#", (broken, message) => {
    expect(() => parseLasa(broken, "letters.csv")).toThrow(message);
  });

  it("the file that is missing is named", () => {
    expect(() => loadLasa("QShape", "/nowhere")).toThrow("/nowhere/QShape.csv is not there");
  });
});

describe.skipIf(lasaFolder() === undefined)("the shapes at hand", () => {
  it("have seven demonstrations of 500 samples that end within half a millimetre of the origin", () => {
    for (const shape of lasaShapes) {
      const demonstrations = loadLasa(shape);
      expect(demonstrations).toHaveLength(7);
      for (const { samples, points } of demonstrations) {
        expect(samples).toBe(500);
        expect(Math.hypot(points[998], points[999])).toBeLessThan(0.5); // mm
      }
    }
  });
});

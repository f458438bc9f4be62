import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { digitForms } from "../../src/data/digits.js";
import { drawStrokes, generateStrokes, loadStrokes, strokeFactors } from "../../src/data/strokes.js";
import { UsageError } from "../../src/errors.js";

const folder = mkdtempSync(join(tmpdir(), "strokes-"));
afterAll(() => rmSync(folder, { recursive: true }));

const middle = { slant: 0, thickness: 2.4, curvature: 0, proportion: 1, x: 0, y: 0, form: 0 };
const draw = (digit: number, change: Partial<typeof middle> = {}) =>
  drawStrokes(digit, Object.values({ ...middle, ...change }));
const sum = (image: ArrayLike<number>) => Array.from(image).reduce((total, grey) => total + grey, 0);

/** Widths of the inked box, in pixels. */
function box(image: Float32Array): { width: number; height: number } {
  const on = Array.from(image.keys()).filter((p) => image[p] > 0.5);
  const columns = on.map((p) => p % 28);
  const rows = on.map((p) => Math.floor(p / 28));
  return { width: Math.max(...columns) - Math.min(...columns) + 1, height: Math.max(...rows) - Math.min(...rows) + 1 };
}

describe("strokes", () => {
  const set = generateStrokes(3000, 1);

  it("has the stated shapes, ranges and grey levels", () => {
    expect([set.images.length, set.labels.length, set.factors.length]).toEqual([3000 * 784, 3000, 3000 * 7]);
    expect(set.factorNames).toEqual(["slant", "thickness", "curvature", "proportion", "x", "y", "form"]);
    for (const grey of set.images) {
      if (!(grey >= 0 && grey <= 1 && Math.abs(grey * 255 - Math.round(grey * 255)) < 1e-4)) throw new Error(`${grey}`);
    }
    for (let i = 0; i < 3000; i++) {
      strokeFactors.forEach((factor, j) => {
        expect(set.factors[7 * i + j]).toBeGreaterThanOrEqual(factor.from);
        expect(set.factors[7 * i + j]).toBeLessThan(factor.to);
      });
      expect(set.factors[7 * i + 6]).toBeLessThan(digitForms[set.labels[i]].length);
    }
  });

  it("uses every digit and every form evenly (chi-square, false-alarm rate about 1e-6)", () => {
    const counts = new Array(10).fill(0);
    const forms = new Set<string>();
    set.labels.forEach((label, i) => {
      counts[label]++;
      forms.add(`${label}.${set.factors[7 * i + 6]}`);
    });
    expect(counts.reduce((chi, c) => chi + (c - 300) ** 2 / 300, 0)).toBeLessThan(46);
    expect(forms.size).toBe(digitForms.reduce((total, list) => total + list.length, 0));
  });

  it("is fixed by its seed, on every platform, and a smaller set is the start of a larger one", () => {
    const small = generateStrokes(50, 1);
    expect(small.images).toEqual(set.images.slice(0, 50 * 784));
    expect(small.factors).toEqual(set.factors.slice(0, 50 * 7));
    expect(generateStrokes(50, 2).images).not.toEqual(small.images);
    const bytes = Uint8Array.from(small.images, (grey) => Math.round(255 * grey));
    expect(createHash("md5").update(bytes).digest("hex")).toMatchInlineSnapshot(`"f7d27a5ee4f3fe9e454bf19f5077d474"`);
  });

  it("keeps the ink inside the picture", () => {
    for (let i = 0; i < 3000; i++)
      for (let k = 0; k < 28; k++)
        for (const p of [k, 27 * 28 + k, 28 * k, 28 * k + 27])
          if (!(set.images[784 * i + p] < 0.5)) throw new Error(`image ${i} has ink at pixel ${p}`);
  });

  it("x and y move the picture: one pixel is one pixel, for every digit and form", () => {
    digitForms.forEach((forms, digit) => {
      forms.forEach((_, form) => {
        const image = draw(digit, { form });
        const right = draw(digit, { form, x: 1 });
        const down = draw(digit, { form, y: 1 });
        for (let row = 0; row < 27; row++)
          for (let column = 0; column < 27; column++) {
            expect(Math.abs(right[28 * row + column + 1] - image[28 * row + column])).toBeLessThan(0.005);
            expect(Math.abs(down[28 * (row + 1) + column] - image[28 * row + column])).toBeLessThan(0.005);
          }
      });
    });
  });

  it("a straight pen stroke has the ink of its thickness in each row", () => {
    for (const thickness of [1.5, 2, 2.7, 3.5]) {
      // Averaged over shifts of a tenth of a pixel, sampling at pixel centres is an integral across the stroke.
      for (let row = 9; row < 19; row++) {
        let ink = 0;
        for (let shift = 0; shift < 10; shift++)
          ink += sum(draw(1, { thickness, x: shift / 10 }).subarray(28 * row, 28 * row + 28)) / 10;
        expect(Math.abs(ink / thickness - 1)).toBeLessThan(0.005);
      }
    }
  });

  it("slant leans, proportion widens, curvature bows", () => {
    const centre = (image: Float32Array, row: number) => {
      const line = Array.from(image.subarray(28 * row, 28 * row + 28));
      return line.reduce((total, grey, column) => total + grey * column, 0) / sum(line);
    };
    // 10 rows up, the top of a 1 moves right by slant * 10 pixels.
    for (const slant of [0.1, 0.3]) {
      const leaned = draw(1, { slant });
      const upright = draw(1);
      const lean = centre(leaned, 8) - centre(leaned, 18) - (centre(upright, 8) - centre(upright, 18));
      expect(lean).toBeCloseTo(10 * slant, 0.7);
    }
    expect(box(draw(0, { proportion: 1.25 })).width - box(draw(0, { proportion: 0.75 })).width).toBeGreaterThanOrEqual(
      5,
    );
    expect(box(draw(0, { proportion: 1.25 })).height).toBe(box(draw(0, { proportion: 0.75 })).height);
    expect(centre(draw(1, { curvature: 1 }), 14)).toBeGreaterThan(centre(draw(1, { curvature: -1 }), 14) + 1);
  });

  it("shows ten classes that can be told apart: nearest neighbour is right on more than 97 %", () => {
    const known = 2700;
    let right = 0;
    for (let i = known; i < 3000; i++) {
      const a = set.images.subarray(784 * i, 784 * (i + 1));
      let best = Infinity;
      let label = -1;
      for (let j = 0; j < known; j++) {
        let distance = 0;
        for (let p = 0; p < 784 && distance < best; p++) distance += (a[p] - set.images[784 * j + p]) ** 2;
        if (distance < best) {
          best = distance;
          label = set.labels[j];
        }
      }
      if (label === set.labels[i]) right++;
    }
    expect(right / 300).toBeGreaterThan(0.97);
  });

  it("comes back the same from the cache, and survives a damaged or read-only one", () => {
    const made = loadStrokes(20, 3, folder);
    const [entry] = readdirSync(folder);
    expect(readdirSync(folder)).toEqual([entry]); // no temporary folder left
    expect(loadStrokes(20, 3, folder)).toEqual(made);
    expect(made).toEqual(generateStrokes(20, 3));
    writeFileSync(join(folder, entry, "images-idx3-ubyte"), "damaged");
    expect(loadStrokes(20, 3, folder)).toEqual(made);
    expect(loadStrokes(20, 3, folder)).toEqual(made);
    expect(loadStrokes(20, 3, join(folder, entry, "factors.npy", "no-folder"))).toEqual(made);
    expect(existsSync(join(folder, entry, "factors.npy"))).toBe(true);
  });

  it("refuses counts, seeds, digits and factors that do not exist", () => {
    for (const count of [0, -1, 1.5, 1e9, Number.NaN])
      expect(() => loadStrokes(count, 0, folder)).toThrow(/strokes: count/);
    expect(() => loadStrokes(5, -1, folder)).toThrow(/seed: -1/);
    expect(() => draw(10)).toThrow(UsageError);
    expect(() => draw(0, { form: 9 })).toThrow(UsageError);
    expect(() => drawStrokes(0, [1, 2])).toThrow(UsageError);
  });
});

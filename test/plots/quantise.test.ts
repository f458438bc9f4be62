import { describe, expect, it } from "vitest";
import { decodePng } from "../../src/plots/png.js";
import { quantise } from "../../src/plots/quantise.js";
import { svgToPng } from "../../src/plots/render.js";

const pixelsOf = (colours: readonly (readonly number[])[]) =>
  Uint8Array.from(colours.flatMap(([r, g, b]) => [r, g, b, 255]));

describe("pictures in few colours", () => {
  it("keeps up to 256 colours that lie apart as they are", () => {
    const colours = Array.from({ length: 200 }, (_, i) => [
      (i % 8) * 32,
      (Math.floor(i / 8) % 8) * 32,
      Math.floor(i / 64) * 40,
    ]);
    const { indices, palette } = quantise(pixelsOf(colours));
    colours.forEach((colour, i) =>
      expect(Array.from(palette.subarray(3 * indices[i], 3 * indices[i] + 3))).toEqual(colour),
    );
  });
  it("brings more colours to 256, each pixel near its own", () => {
    const colours = Array.from({ length: 20000 }, (_, i) => [i % 256, (i * 7) % 256, Math.floor(i / 79) % 256]);
    const { indices, palette } = quantise(pixelsOf(colours));
    expect(palette.length).toBe(768);
    const error = colours.reduce(
      (sum, colour, i) => sum + colour.reduce((s, x, c) => s + (x - palette[3 * indices[i] + c]) ** 2, 0) / 20000,
      0,
    );
    expect(Math.sqrt(error / 3)).toBeLessThan(20); // a cube of 256 / 256^(1/3) has a deviation of 12 a channel
  });
  it("makes the same picture as a file that is not larger", async () => {
    const svg =
      '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="60"><rect width="90" height="60" fill="#ffffff"/><circle cx="40" cy="30" r="20" fill="#cc2200"/></svg>';
    const [full, few] = [await svgToPng(svg), await svgToPng(svg, { fewColours: true })];
    expect(few.length).toBeLessThanOrEqual(full.length);
    const { width, height } = decodePng(few);
    expect([width, height]).toEqual([180, 120]);
  });
});

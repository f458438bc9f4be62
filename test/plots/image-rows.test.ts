/** Sheets of named rows of images. */
import { describe, expect, it } from "vitest";
import { decodePng, imageRows } from "../../src/plots/index.js";

const image = (value: number, size = 4) => new Float32Array(size).fill(value);

describe("imageRows", () => {
  it("draws every image once, with names, headings and texts, and as many pixels as it says", async () => {
    const { svg, png } = await imageRows({
      title: "Samples & more",
      height: 2,
      width: 2,
      groups: [
        { heading: "first", rows: [{ name: "samples", images: [image(0), image(1), image(0.5)] }] },
        { rows: [{ name: "nearest", images: [image(0), image(1)], texts: ["0.1", "0.25"] }] },
      ],
    });
    expect(svg.match(/<image /g)).toHaveLength(5);
    for (const text of ["Samples &amp; more", "first", "samples", "nearest", "0.25"]) expect(svg).toContain(text);
    const width = Number(/width="(\d+)"/.exec(svg)![1]);
    expect(decodePng(png).width).toBe(2 * width);
  });

  it("takes colours, and refuses images of another size, or none", async () => {
    const rows = [{ name: "colour", images: [image(0.3, 12)] }];
    const { svg } = await imageRows({ height: 2, width: 2, channels: 3, groups: [{ rows }] });
    expect(svg.match(/<image /g)).toHaveLength(1);
    await expect(imageRows({ height: 2, width: 2, groups: [{ rows }] })).rejects.toThrow(/an image of 2 x 2/);
    await expect(imageRows({ height: 2, width: 2, groups: [] })).rejects.toThrow(/no images to show/);
  });
});

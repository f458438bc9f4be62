// PNG: what is written is read back, by our reader and by resvg's; damaged files are refused.
import { Resvg } from "@resvg/resvg-js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/errors.js";
import { dataUrl, decodePng, encodeIndexedPng, encodePng, type Pixels } from "../../src/plots/png.js";

const pixels = fc
  .record({
    width: fc.integer({ min: 1, max: 17 }),
    height: fc.integer({ min: 1, max: 9 }),
    channels: fc.constantFrom(1, 3, 4),
  })
  .chain(({ width, height, channels }) =>
    fc
      .uint8Array({ minLength: width * height * channels, maxLength: width * height * channels })
      .map((data) => ({ width, height, channels, data }) as Pixels),
  );

describe("PNG", () => {
  it("reads back what it wrote: grey, RGB, RGBA", () => {
    fc.assert(
      fc.property(pixels, (image) => {
        expect(decodePng(encodePng(image))).toEqual(image);
      }),
    );
  });

  it("is read by another decoder to the same colours, for smooth images that use every row filter", () => {
    const [width, height] = [40, 30];
    const data = Uint8Array.from({ length: width * height * 3 }, (_, k) => {
      const [row, column, channel] = [Math.floor(k / 3 / width), Math.floor(k / 3) % width, k % 3];
      return row % 5 === 0 ? column * 6 : row % 5 === 1 ? row * 8 : (row * column * (channel + 1)) % 256;
    });
    const address = dataUrl(encodePng({ width, height, channels: 3, data }));
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><image width="${width}" height="${height}" image-rendering="optimizeSpeed" href="${address}"/></svg>`;
    const drawn = new Resvg(svg).render().pixels;
    for (let k = 0; k < width * height; k++)
      expect([...drawn.subarray(4 * k, 4 * k + 3)]).toEqual([...data.subarray(3 * k, 3 * k + 3)]);
  });

  it("resolves palettes", () => {
    const palette = Uint8Array.from([0, 0, 0, 255, 0, 0, 1, 2, 3]);
    const png = encodeIndexedPng(Uint8Array.from([0, 1, 2, 1]), 2, 2, palette);
    expect(decodePng(png)).toEqual({
      width: 2,
      height: 2,
      channels: 3,
      data: Uint8Array.from([0, 0, 0, 255, 0, 0, 1, 2, 3, 255, 0, 0]),
    });
  });

  it("refuses what does not fit, naming it", () => {
    const image: Pixels = { width: 2, height: 2, channels: 1, data: new Uint8Array(5) };
    expect(() => encodePng(image)).toThrow(/5 bytes.*need 4/);
    expect(() => encodePng({ ...image, width: 0 })).toThrow(UsageError);
    expect(() => encodePng({ ...image, channels: 2 as 1 })).toThrow(/2 channels/);
    expect(() => encodeIndexedPng(Uint8Array.of(3), 1, 1, new Uint8Array(9))).toThrow(/index 3.*3 colours/);
    expect(() => encodeIndexedPng(Uint8Array.of(0), 1, 1, new Uint8Array(8))).toThrow(/8 bytes/);
  });

  it("refuses damaged files", () => {
    const png = encodePng({ width: 4, height: 4, channels: 1, data: new Uint8Array(16).fill(7) });
    expect(() => decodePng(new Uint8Array([1, 2, 3]))).toThrow(/not a PNG/);
    expect(() => decodePng(png.subarray(0, png.length - 12))).toThrow(/breaks off/);
    const damaged = Uint8Array.from(png);
    damaged[45] ^= 1;
    expect(() => decodePng(damaged)).toThrow(/damaged in its IDAT/);
  });
});

// Sheets of images: pixels are the numbers given, rows and columns in their places.
import { describe, expect, it } from "vitest";
import { imageSheet, interpolationSheet } from "../../src/plots/image-strip.js";
import { decodePng } from "../../src/plots/png.js";

const [T, height, width] = [5, 4, 4];
/** Image number t is all of one grey: t / (T - 1), or its complement. */
const ramp = (turned: boolean) =>
  Float32Array.from({ length: T * height * width }, (_, k) => {
    const grey = Math.floor(k / (height * width)) / (T - 1);
    return turned ? 1 - grey : grey;
  });

describe("interpolation sheet", () => {
  it("shows geodesic above straight line, first to last, at twice its size", async () => {
    const { svg, png } = await interpolationSheet({
      pairs: [{ geodesic: ramp(false), straight: ramp(true), label: "3 to 8 & back" }],
      height,
      width,
      T,
      title: "Interpolations",
    });
    const image = decodePng(png);
    expect(image.width).toBe(2 * Number(/width="(\d+)"/.exec(svg)![1]));
    const places = [...svg.matchAll(/<image x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/g)].map(
      (found) => found.slice(1).map(Number),
    );
    expect(places).toHaveLength(2 * T);
    places.forEach(([x, y, w, h], k) => {
      const at = (Math.round(2 * (y + h / 2)) * image.width + Math.round(2 * (x + w / 2))) * image.channels;
      const grey = Math.round((255 * (k < T ? k : 2 * T - 1 - k)) / (T - 1));
      expect([...image.data.subarray(at, at + 3)]).toEqual([grey, grey, grey]);
    });
    for (const text of [">geodesic<", ">straight line<", ">3 to 8 &amp; back<", ">Interpolations<", ">t = 0<", ">1<"])
      expect(svg).toContain(text);
  });

  it("shows colour, and one image a row", async () => {
    const red = Float32Array.from([1, 0, 0]);
    const { svg } = await interpolationSheet({
      pairs: [{ geodesic: red, straight: red, label: "a" }],
      height: 1,
      width: 1,
      T: 1,
      channels: 3,
    });
    const embedded = /base64,([^"]+)"/.exec(svg)![1];
    expect(decodePng(Buffer.from(embedded, "base64")).data).toEqual(Uint8Array.of(255, 0, 0));
  });

  it("names what is wrong", async () => {
    const pair = { geodesic: ramp(false), straight: ramp(true), label: "a" };
    const base = { pairs: [pair], height, width, T };
    await expect(interpolationSheet({ ...base, pairs: [] })).rejects.toThrow(/no pairs/);
    await expect(interpolationSheet({ ...base, T: 6 })).rejects.toThrow(
      /pairs\[0\]\.geodesic has 80 numbers.*needs 96/,
    );
    const hole = ramp(false);
    hole[17] = Number.NaN;
    await expect(interpolationSheet({ ...base, pairs: [{ ...pair, straight: hole }] })).rejects.toThrow(
      /straight\[17\] is NaN/,
    );
    await expect(interpolationSheet({ ...base, range: [1, 0] })).rejects.toThrow(/range is \[1, 0\]/);
  });
});

describe("image sheet", () => {
  it("lays images out row by row with separators; missing ones are white", () => {
    const images = [0.2, 0.4, 0.6].map((grey) => new Float32Array(6).fill(grey));
    const sheet = decodePng(imageSheet(images, 2, 3, 2));
    expect([sheet.width, sheet.height, sheet.channels]).toEqual([9, 7, 1]);
    const at = (row: number, column: number) => sheet.data[row * 9 + column];
    expect([at(1, 1), at(2, 3), at(1, 5), at(4, 1)]).toEqual([51, 51, 102, 153]);
    expect([at(0, 0), at(3, 2), at(1, 4)]).toEqual([0xbb, 0xbb, 0xbb]);
    expect(at(5, 6)).toBe(255);
  });

  it("scales ranges, cuts off what is outside, enlarges", () => {
    const sheet = decodePng(imageSheet([[-5, 0, 5, 20]], 1, 4, 1, { range: [-10, 10], zoom: 3 }));
    expect([sheet.width, sheet.height]).toEqual([14, 5]);
    expect([1, 4, 7, 10, 12].map((column) => sheet.data[2 * 14 + column])).toEqual([64, 128, 191, 255, 255]);
  });

  it("refuses sizes that do not fit", () => {
    expect(() => imageSheet([], 2, 2, 2)).toThrow(/no images/);
    expect(() => imageSheet([[1, 2]], 2, 2, 2)).toThrow(/images\[0\] has 2 numbers/);
    expect(() => imageSheet([[1]], 1, 1, 0)).toThrow(/columns is 0/);
  });
});

// The latent map: every colour, curve, legend entry and limit that it shows is the data's.
import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/errors.js";
import { colourIndex, colourTable, tableColour } from "../../src/plots/colours.js";
import { type LatentMapOptions, latentMap } from "../../src/plots/latent-map.js";
import { decodePng } from "../../src/plots/png.js";
import { svgToPng } from "../../src/plots/render.js";

const xs = Array.from({ length: 24 }, (_, k) => -3 + k * 0.25);
const ys = Array.from({ length: 16 }, (_, k) => 1 + k * 0.25);
const values = ys.flatMap((y) => xs.map((x) => x * y - 0.5 * y));
const plain: LatentMapOptions = { xs, ys, values, clip: "none" };
const geodesics = Array.from({ length: 7 }, (_, k) => [-2, 1.5 + 0.2 * k, 0, 2 + 0.3 * k, 2, 1.5 + 0.2 * k]);
const straightLines = geodesics.map(([a, b, , , c, d]) => [a, b, c, d]);
const codes = Array.from({ length: 60 }, (_, k) => ({
  x: -2 + (k % 12) * 0.3,
  y: 1.2 + Math.floor(k / 12) * 0.6,
  label: k % 3,
}));

const count = (svg: string, text: string) => svg.split(text).length - 1;
const legendNames = (svg: string) =>
  [...svg.matchAll(/class="legend-entry"><title>([^<]*)</g)].map((found) => found[1]);
const barRange = (svg: string) => /data-low="([^"]+)" data-high="([^"]+)"/.exec(svg)!.slice(1).map(Number);

/** Where the plane of the field lies in the drawing, and the colour of the drawn point at (x, y). */
async function reader(svg: string): Promise<(x: number, y: number) => number[]> {
  const image = decodePng(await svgToPng(svg, { scale: 1 }));
  const [, dx, dy] = /<g transform="translate\(([\d.]+) ([\d.]+)\)" text-anchor/.exec(svg)!.map(Number);
  const [, ix, iy, w, h] = /<image x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/.exec(svg)!.map(Number);
  return (x, y) => {
    const column = Math.floor(dx + ix + (w * (x - (xs[0] - 0.125))) / (xs.length * 0.25));
    const row = Math.floor(dy + iy + h * (1 - (y - (ys[0] - 0.125)) / (ys.length * 0.25)));
    const at = (row * image.width + column) * image.channels;
    return [...image.data.subarray(at, at + 3)];
  };
}

describe("latent map", () => {
  it("colours each grid node as the colour map says, the right way up", async () => {
    const at = await reader(await latentMap(plain));
    const [low, high] = [Math.min(...values), Math.max(...values)];
    for (const [row, column] of [
      [0, 0],
      [0, 23],
      [15, 0],
      [15, 23],
      [7, 11],
      [3, 20],
      [12, 5],
    ]) {
      // A frame of one pixel lies over the edge of the outer cells, not over the nodes in their middle.
      const wanted = tableColour(colourTable("viridis"), colourIndex(values[row * 24 + column], low, high));
      expect(at(xs[column], ys[row])).toEqual([...wanted]);
    }
  });

  it("keeps equal lengths equal on both axes", async () => {
    const svg = await latentMap(plain);
    const [, w, h] = /<image x="[\d.]+" y="[\d.]+" width="([\d.]+)" height="([\d.]+)"/.exec(svg)!.map(Number);
    expect(w / h).toBeCloseTo(24 / 16, 2);
  });

  it("has a colour bar with the data's range, label and ticks", async () => {
    const svg = await latentMap(plain);
    expect(barRange(svg)).toEqual([Math.min(...values), Math.max(...values)]);
    expect(svg).toContain(">log √det G<");
    expect(svg).toMatch(/>data from −16\.6 to 10\.7</);
    expect(svg).toContain(">z₁<");
    expect(svg).toContain(">z₂<");
  });

  it("draws every curve and code and names them in the legend", async () => {
    const svg = await latentMap({
      ...plain,
      geodesics,
      straightLines,
      codes,
      labelNames: ["cat & dog", "<b>", "three"],
    });
    expect(count(svg, 'class="geodesic"')).toBe(7);
    expect(count(svg, 'class="straight-line"')).toBe(7);
    expect(count(svg, 'class="endpoint"')).toBe(14);
    expect(legendNames(svg)).toEqual([
      "geodesics (7)",
      "straight lines (7)",
      "endpoints",
      "cat &amp; dog",
      "&lt;b&gt;",
      "three",
    ]);
    const markers = [...svg.matchAll(/<path class="codes" d="([^"]*)"/g)].map((found) => found[1]).join("");
    expect(count(markers, "M")).toBe(60);
    expect((await svgToPng(svg)).length).toBeGreaterThan(10_000); // well-formed: the renderer's parser is strict
  });

  it("puts codes where they are", async () => {
    const at = await reader(await latentMap({ ...plain, codes: [{ x: 0.5, y: 3, label: 2 }] }));
    expect(at(0.5, 3)).toEqual([0xbd, 0x1f, 0x01]);
  });

  it("is the same text each time", async () => {
    expect(await latentMap({ ...plain, codes, geodesics })).toBe(await latentMap({ ...plain, codes, geodesics }));
  });

  it("clips colours at percentiles where a few values would take most of them, and says so", async () => {
    const spiky = values.slice();
    spiky[40] = 500;
    const svg = await latentMap({ ...plain, values: spiky, clip: "auto" });
    const [low, high] = barRange(svg);
    expect(high).toBeLessThan(11);
    expect(low).toBeGreaterThan(-17);
    expect(svg.replace(/<[^>]*>/g, " ")).toMatch(/data from −\d+\.\d to 500;/);
    expect(svg).toContain("percentiles 1 and 99");
    expect(barRange(await latentMap({ ...plain, clip: "auto" }))).toEqual(barRange(await latentMap(plain)));
  });

  it("draws level lines of a second field", async () => {
    const sigma = ys.flatMap((y) => xs.map((x) => Math.hypot(x, y - 3)));
    const svg = await latentMap({ ...plain, contour: { values: sigma, levels: [1, 1.5, 99], label: "σ" } });
    expect(count(svg, 'class="contour"')).toBe(2);
    expect(legendNames(svg)).toEqual(["σ"]);
  });

  it("copes with a constant field, no codes, one class, one pair, hundreds of classes", async () => {
    const constant = await latentMap({ xs, ys, values: values.map(() => 2.5) });
    expect(barRange(constant)).toEqual([2.5, 2.5]);
    expect(constant).toContain(">everywhere 2.5<");
    expect(legendNames(constant)).toEqual([]);
    const one = await latentMap({
      ...plain,
      codes: codes.map(({ x, y }) => ({ x, y })),
      geodesics: geodesics.slice(0, 1),
    });
    expect(legendNames(one)).toEqual(["geodesic", "endpoints", "codes"]);
    const marked = await latentMap({ xs, ys, values, endpoints: [[xs[1], ys[1]]] });
    expect(legendNames(marked)).toEqual(["marked point"]);
    const many = await latentMap({ ...plain, codes: codes.map((code, k) => ({ ...code, label: 3 * k })) });
    expect(legendNames(many)).toHaveLength(60);
    expect(many).toContain("(looks repeat)");
    for (const svg of [constant, one, many]) expect((await svgToPng(svg, { scale: 0.5 })).length).toBeGreaterThan(1000);
  });

  it("cuts off what leaves the field and counts the codes that do", async () => {
    const far = [-2, 2, 0, 900, 2, 2];
    const svg = await latentMap({
      ...plain,
      codes: [...codes, { x: 99, y: 0, label: 0 }],
      geodesics: [far, [50, 50, 60, 60]],
    });
    expect(svg).toContain("1 of 61 codes lie outside of the field shown.");
    const paths = [...svg.matchAll(/class="geodesic" d="([^"]*)"/g)].map((found) => found[1]);
    expect(paths).toHaveLength(1); // the other one is wholly outside
    expect(count(paths[0], "M")).toBe(2);
    expect((await svgToPng(svg)).length).toBeGreaterThan(1000);
  });

  it("names what is wrong with its input", async () => {
    const hole = values.slice();
    hole[2 * 24 + 5] = Number.NaN;
    const refused = async (change: Partial<LatentMapOptions>, words: RegExp) => {
      await expect(latentMap({ ...plain, ...change })).rejects.toThrow(UsageError);
      await expect(latentMap({ ...plain, ...change })).rejects.toThrow(words);
    };
    await refused({ values: hole }, /values\[row 2, column 5, at \(-1\.75, 1\.5\)\] is NaN/);
    await refused({ values: values.slice(1) }, /383 numbers.*16 rows and 24 columns/);
    await refused({ xs: xs.map((x) => x ** 3) }, /xs\[1\].*equal steps/);
    await refused({ xs: [1], values: ys }, /xs has 1 coordinates/);
    await refused({ geodesics: [[0, 0, 1]] }, /geodesics\[0\] has 3 numbers/);
    await refused({ straightLines: [[0, 0, 1, Number.POSITIVE_INFINITY]] }, /straightLines\[0\]\[3\] is Infinity/);
    await refused({ codes: [{ x: 0, y: Number.NaN }] }, /codes\[0\]\[y\] is NaN/);
    await refused({ codes: [{ x: 0, y: 0, label: 1.5 }] }, /codes\[0\]\.label is 1\.5/);
  });
});

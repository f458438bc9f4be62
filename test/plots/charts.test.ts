// Curves, histograms, scatter plots, matrices: counts, positions and words are those of the data.
import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/errors.js";
import { colourTable, tableColour } from "../../src/plots/colours.js";
import { binEdges, countIn } from "../../src/plots/histogram.js";
import {
  decodePng,
  distanceMatrix,
  histogram,
  linePlot,
  lossCurve,
  scatter,
  svgOf,
  svgToPng,
} from "../../src/plots/index.js";
import { correlation } from "../../src/plots/scatter.js";

const count = (svg: string, text: string) => svg.split(text).length - 1;
const names = (svg: string) => [...svg.matchAll(/class="legend-entry"><title>([^<]*)</g)].map((found) => found[1]);
const translation = (svg: string) =>
  /<g transform="translate\(([\d.]+) ([\d.]+)\)" text-anchor/.exec(svg)!.slice(1).map(Number);

async function drawable(svg: string): Promise<void> {
  const image = decodePng(await svgToPng(svg, { width: 900 }));
  expect(image.width).toBe(900);
  expect(new Set(image.data).size).toBeGreaterThan(3); // not blank
}

describe("rendering", () => {
  it("gives PNGs of the size asked for, on white", async () => {
    const svg = await svgOf({ width: 300, height: 200, marks: [] });
    for (const [size, width] of [
      [{ scale: 1 }, 300],
      [{ scale: 1.5 }, 450],
      [{ width: 123 }, 123],
      [{}, 600],
    ] as const) {
      const image = decodePng(await svgToPng(svg, size));
      expect(image.width).toBe(width);
      expect(image.height).toBe(Math.round((width * 2) / 3));
      expect([...image.data.subarray(0, 3)]).toEqual([255, 255, 255]);
    }
  });

  it("draws text with the package's own font", async () => {
    const blank = decodePng(await svgToPng('<svg xmlns="http://www.w3.org/2000/svg" width="60" height="20"/>'));
    const written = decodePng(
      await svgToPng(
        `<svg xmlns="http://www.w3.org/2000/svg" width="60" height="20"><text x="2" y="15" font-family="No Such Font">√z₁</text></svg>`,
      ),
    );
    expect(written.data).not.toEqual(blank.data);
  });

  it("refuses sizes and texts that are none", async () => {
    await expect(svgToPng("<svg/>", { scale: -1 })).rejects.toThrow(/scale of the picture is -1/);
    await expect(svgToPng("<svg><g></svg>")).rejects.toThrow(UsageError);
  });
});

describe("curves", () => {
  const series = ["first & best", "second", "third"].map((name, k) => ({ name, x: [1, 2, 3], y: [k, k + 1, k - 1] }));

  it("has one line and one legend entry a series, and its labels", async () => {
    const svg = await linePlot({
      series,
      xLabel: "time (s)",
      yLabel: "length",
      title: "A title",
      caption: "A caption.",
    });
    expect(count(svg, 'class="curve"')).toBe(3);
    expect(names(svg)).toEqual(["first &amp; best", "second", "third"]);
    for (const text of [">time (s)<", ">length<", ">A title<", ">A caption.<"]) expect(svg).toContain(text);
    await drawable(svg);
  });

  it("draws points at their place: equal steps are equal, larger is higher", async () => {
    const svg = await linePlot({
      series: [{ name: "a", x: [0, 1, 2], y: [0, 1, 2] }],
      xLabel: "x",
      yLabel: "y",
      xDomain: [0, 4],
      yDomain: [0, 4],
    });
    const path = /class="curve" d="M([^"]*)"/.exec(svg)![1];
    const points = path.split("L").map((pair) => pair.split(",").map(Number));
    expect(points[1][0] - points[0][0]).toBeCloseTo(620 / 4, 1);
    expect(points[0][1] - points[1][1]).toBeCloseTo(400 / 4, 1);
  });

  it("marks decades of a logarithmic axis and refuses what is not positive", async () => {
    const svg = await linePlot({
      series: [{ name: "a", x: [1, 2], y: [1e-5, 0.1] }],
      xLabel: "x",
      yLabel: "y",
      yScale: "log",
    });
    expect(svg).toContain(">1e−4<");
    const zero = linePlot({ series: [{ name: "a", x: [1, 2], y: [0, 1] }], xLabel: "x", yLabel: "y", yScale: "log" });
    await expect(zero).rejects.toThrow(/y of the series "a" reaches 0/);
  });

  it("records a training: names the best epoch and says what it leaves out", async () => {
    const train = Array.from({ length: 40 }, (_, k) => -100 - 900 * Math.exp(-k));
    const test = train.map((value, k) => value - 2 - (k > 30 ? k - 30 : 0));
    const svg = await lossCurve({ train, test, title: "Training" });
    expect(names(svg)).toEqual(["training", "held out"]);
    expect(svg).toContain("Best held-out value −102 at epoch 31.");
    expect(svg).toMatch(/\d+ values of the first epochs lie outside of the frame/);
    await drawable(svg);
    const diverged = await lossCurve({ train: train.map((value, k) => (k > 37 ? -5000 : value)) });
    expect(diverged).not.toContain("outside"); // what goes wrong late is never cut off
    const loss = await lossCurve({ train: [3, 1, 2], best: "smallest", yLabel: "loss" });
    expect(loss).toContain("Best training value 1 at epoch 2.");
    expect(loss).not.toContain("outside");
    const ticks = /class="x-ticks"[^>]*>(.*?)<\/g>/.exec(loss)![1];
    expect([...ticks.matchAll(/>([^<]+)</g)].map((found) => found[1])).toEqual(["1", "2", "3"]); // epochs are whole
  });

  it("names what is wrong", async () => {
    const labels = { xLabel: "x", yLabel: "y" };
    await expect(linePlot({ series: [], ...labels })).rejects.toThrow(/no series/);
    await expect(linePlot({ series: [{ name: "a", x: [1], y: [1, 2] }], ...labels })).rejects.toThrow(
      /y of the series "a"/,
    );
    await expect(linePlot({ series: [{ name: "a", x: [1], y: [Number.NaN] }], ...labels })).rejects.toThrow(
      /\[0\] is NaN/,
    );
    await expect(lossCurve({ train: [1, 2], test: [1] })).rejects.toThrow(/test has 1 numbers/);
    await expect(lossCurve({ train: [] })).rejects.toThrow(UsageError);
  });
});

describe("histogram", () => {
  it("counts every value once, the greatest too", () => {
    const values = Array.from({ length: 500 }, (_, k) => Math.sin(k) * 3);
    const edges = binEdges([values]);
    expect(edges[0]).toBeLessThanOrEqual(Math.min(...values));
    expect(edges[edges.length - 1]).toBeGreaterThanOrEqual(Math.max(...values));
    expect(countIn(edges, values).reduce((a, b) => a + b)).toBe(500);
    expect(countIn([0, 1, 2], [0, 0.5, 1, 2])).toEqual([2, 2]);
    expect(countIn(binEdges([[4, 4, 4]]), [4, 4, 4])).toEqual([0, 3, 0]);
  });

  it("draws one outline a sample with its size", async () => {
    const samples = [1, 2].map((k) => ({
      name: `sample ${k}`,
      values: Array.from({ length: 50 * k }, (_, i) => Math.cos(i * k)),
    }));
    const svg = await histogram({ samples, xLabel: "length (decoder units)", yValue: "share" });
    expect(count(svg, 'class="histogram"')).toBe(2);
    expect(names(svg)).toEqual(["sample 1 (n = 50)", "sample 2 (n = 100)"]);
    expect(svg).toContain(">share of the sample<");
    await drawable(svg);
    await expect(histogram({ samples: [{ name: "none", values: [] }], xLabel: "x" })).rejects.toThrow(
      /"none" is empty/,
    );
  });
});

describe("scatter", () => {
  it("states Pearson's correlation and draws y = x on equal axes", async () => {
    expect(correlation([1, 2, 3], [2, 4, 6])).toBeCloseTo(1, 12);
    expect(correlation([1, 2, 3, 4], [1, -1, -1, 1])).toBeCloseTo(0, 12);
    expect(correlation([1, 1], [1, 2])).toBeUndefined();
    const svg = await scatter({
      x: [0, 1, 2, 3],
      y: [0, 2, 1, 3],
      xLabel: "Euclidean",
      yLabel: "geodesic",
      identity: true,
    });
    expect(svg).toContain("r = 0.8 (n = 4)");
    expect(names(svg)).toEqual(["4 points", "y = x"]);
    const [x1, y1, x2, y2] = /class="identity" d="M([\d.]+),([\d.]+)L([\d.]+),([\d.]+)"/
      .exec(svg)!
      .slice(1)
      .map(Number);
    expect(x2 - x1).toBeCloseTo(y1 - y2, 6);
    await drawable(svg);
  });

  it("shows classes, one point, and refuses lengths that differ", async () => {
    const svg = await scatter({
      x: [0, 1, 2],
      y: [1, 1, 1],
      labels: [1, 0, 1],
      labelNames: ["zero", "one"],
      xLabel: "x",
      yLabel: "y",
    });
    expect(names(svg)).toEqual(["zero", "one"]);
    expect(svg).not.toContain("correlation");
    await drawable(await scatter({ x: [5], y: [5], xLabel: "x", yLabel: "y" }));
    await expect(scatter({ x: [1, 2], y: [1], xLabel: "x", yLabel: "y" })).rejects.toThrow(/y has 1 numbers/);
  });
});

describe("distance matrix", () => {
  // Points on a line; the classes alternate, so that ordering by class changes the picture.
  const places = [0, 10, 1, 11, 2, 12];
  const labels = [0, 1, 0, 1, 0, 1];
  const distances = places.flatMap((a) => places.map((b) => Math.abs(a - b)));

  it("orders rows and columns by class; colours are the map's", async () => {
    const svg = await distanceMatrix({ distances, labels, labelNames: ["a", "b"], clip: "none" });
    const image = decodePng(await svgToPng(svg, { scale: 1 }));
    const [dx, dy] = translation(svg);
    const [, ix, iy, side] = /<image x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"/.exec(svg)!.map(Number);
    const sorted = [0, 1, 2, 10, 11, 12];
    for (let row = 0; row < 6; row++)
      for (let column = 0; column < 6; column++) {
        const [px, py] = [dx + ix + ((column + 0.5) * side) / 6, dy + iy + ((row + 0.5) * side) / 6].map(Math.floor);
        const wanted = tableColour(
          colourTable("viridis"),
          Math.round((255 * Math.abs(sorted[row] - sorted[column])) / 12),
        );
        const at = (py * image.width + px) * image.channels;
        expect([...image.data.subarray(at, at + 3)]).toEqual([...wanted]);
      }
    expect(names(svg)).toEqual(["a (3)", "b (3)"]);
    expect(count(svg, 'class="class-bar"')).toBe(4);
    expect(svg).toContain('data-low="0" data-high="12"');
  });

  it("copes with one point, no labels, and refuses what is not square or has holes", async () => {
    await drawable(await distanceMatrix({ distances: [0] }));
    await drawable(await distanceMatrix({ distances }));
    await expect(distanceMatrix({ distances: [1, 2, 3] })).rejects.toThrow(/3 numbers.*N x N/);
    await expect(distanceMatrix({ distances: [0, Number.NaN, 1, 0] })).rejects.toThrow(/row 0, column 1\] is NaN/);
    await expect(distanceMatrix({ distances, labels: [0] })).rejects.toThrow(/labels has 1 numbers/);
  });
});

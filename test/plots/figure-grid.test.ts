import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/errors.js";
import { figureGrid, planeFigure, planeLegend, svgToPng } from "../../src/plots/index.js";

const n = 12;
const axis = Array.from({ length: n }, (_, i) => i / 2);
const values = Array.from({ length: n * n }, (_, i) => (i % n) + Math.floor(i / n));
const plane = (change: object = {}) =>
  planeFigure({
    xs: axis,
    ys: axis,
    values,
    valueLabel: "height",
    codes: [1, 1, 2, 3, 99, 99],
    labels: [0, 1, 1],
    geodesics: [[1, 1, 2, 2, 3, 1]],
    contour: { values, level: 9.5 },
    title: "A plane",
    ...change,
  });

describe("planes and grids of figures", () => {
  it("draws field, codes inside of the frame, curves and the level line", async () => {
    const svg = await plane();
    expect(svg).toContain("A plane");
    expect(svg.match(/class="contour"/g)?.length ?? 0).toBe(1);
    expect(svg.match(/class="geodesic"/g)?.length ?? 0).toBeGreaterThanOrEqual(1);
    const without = await plane({ contour: undefined, geodesics: [] });
    expect(without).not.toContain("contour");
  });
  it("refuses fields of another size, or with values that are not finite", async () => {
    await expect(plane({ values: values.slice(1) })).rejects.toThrow(UsageError);
    await expect(plane({ values: values.map((v, i) => (i === 5 ? Number.NaN : v)) })).rejects.toThrow(/values/);
  });
  it("places figures in rows, one group each, the legend in the free cell", async () => {
    const figure = await plane();
    const [width, height] = [/width="(\d+)"/, /height="(\d+)"/].map((side) => Number(side.exec(figure)![1]));
    const grid = figureGrid([figure, figure, figure], {
      columns: 2,
      title: "Three",
      legend: planeLegend({ geodesics: "geodesic" }, ["first", "second"]),
    });
    const places = [...grid.matchAll(/<g transform="translate\((\d+) (\d+)\)"><text[^>]*>A plane/g)];
    const at = places.length > 0 ? places : [...grid.matchAll(/<g transform="translate\((\d+) (\d+)\)">/g)].slice(0, 3);
    const corners = at.map(([, x, y]) => [Number(x), Number(y)]);
    expect(corners[1][0] - corners[0][0]).toBe(width + 6);
    expect(corners[1][1]).toBe(corners[0][1]);
    expect(corners[2][0]).toBe(corners[0][0]);
    expect(corners[2][1] - corners[0][1]).toBe(height);
    expect(grid).toContain("second");
    expect((await svgToPng(grid)).length).toBeGreaterThan(1000);
  });
  it("refuses no figures and other text", () => {
    expect(() => figureGrid([], { columns: 2 })).toThrow(UsageError);
    expect(() => figureGrid(["<p>no</p>"], { columns: 1 })).toThrow(/not an SVG document/);
  });
});

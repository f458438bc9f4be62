import { describe, expect, it } from "vitest";
import { poincareBall } from "../../src/manifolds/index.js";
import { diskFigure, diskRadius, distanceOfRadius, radiusOfDistance } from "../../src/plots/disk.js";
import { decodePng, svgToPng } from "../../src/plots/index.js";

describe("radii of the disk", () => {
  it("are those of the ball of each curvature, there and back", () => {
    for (const c of [0.1, 0.7, 1, 1.4, 9]) {
      expect(diskRadius(c)).toBeCloseTo(1 / Math.sqrt(c), 14);
      const space = poincareBall({ dimension: 2, curvature: c });
      const r = 0.6 * diskRadius(c);
      expect(distanceOfRadius(r, c)).toBeCloseTo(space.distance([0, 0], [r, 0]), 12);
      expect(radiusOfDistance(distanceOfRadius(r, c), c)).toBeCloseTo(r, 14);
    }
  });
});

/** Centres of the drawn codes of a class, from the first path of its colour. */
const circles = (svg: string) =>
  [...svg.matchAll(/class="codes" d="M([\d.-]+),([\d.-]+)a([\d.]+)/g)].map(([, x, y, r]) => [
    Number(x) + Number(r),
    Number(y),
  ]);

describe("the figure", () => {
  it("puts points where they belong at any curvature: the same shape at the same share of the radius", async () => {
    for (const c of [0.3, 1, 4]) {
      const R = diskRadius(c);
      const svg = await diskFigure({
        size: 400,
        panels: [{ title: "disk", curvature: c, codes: [{ x: 0.5 * R, y: 0.25 * R, label: 0 }] }],
      });
      const [[x, y]] = circles(svg);
      expect(x).toBeCloseTo(300, 1);
      expect(y).toBeCloseTo(150, 1);
      expect(svg).toContain('r="200" fill="none" stroke="#222222" stroke-width="1.6" class="boundary"');
    }
  });

  it("draws circles at the hyperbolic distances that it writes on them", async () => {
    for (const c of [0.05, 0.7, 1, 25]) {
      const svg = await diskFigure({ size: 400, panels: [{ title: "disk", curvature: c }] });
      const radii = [...svg.matchAll(/r="([\d.]+)"[^>]*class="ring"/g)].map(([, r]) => Number(r));
      const texts = [...svg.matchAll(/font-size="10"[^>]*>([\d.]+)</g)].map(([, text]) => Number(text));
      expect(radii.length).toBeGreaterThanOrEqual(2);
      expect(texts).toHaveLength(radii.length);
      for (const [k, distance] of texts.entries())
        expect(radii[k] / 200).toBeCloseTo(radiusOfDistance(distance, c) / diskRadius(c), 3);
    }
  });

  it("paints the field inside of the circle only, with the largest y on top", async () => {
    const n = 60;
    const values = Float64Array.from({ length: n * n }, (_, k) => {
      const [x, y] = [((k % n) + 0.5) / n - 0.5, (Math.floor(k / n) + 0.5) / n - 0.5];
      return Math.hypot(x, y) > 0.5 ? Number.NaN : y;
    });
    const size = 300;
    const svg = await diskFigure({
      size,
      panels: [{ title: "f", curvature: 1, field: { values, size: n, label: "y" } }],
    });
    const { width, channels, data } = decodePng(await svgToPng(svg, { scale: 1 }));
    const [figure] = [...svg.matchAll(/translate\((\d+) (\d+)\)" text-anchor="start"/g)];
    const [, plane] = [...svg.slice(figure.index + 10).matchAll(/<g transform="translate\((\d+) (\d+)\)">/g)];
    const [left, top] = [1, 2].map((k) => Number(figure[k]) + Number(plane[k]));
    const pixel = (x: number, y: number) => {
      const at = ((top + y) * width + left + x) * channels;
      return Array.from(data.subarray(at, at + 3));
    };
    expect(pixel(4, 4)).toEqual([255, 255, 255]); // a corner of the square
    const [high, low] = [pixel(140, 20), pixel(140, 280)]; // off the axis: no ring's label
    expect(high[0]).toBeGreaterThan(150); // yellow
    expect(high[1]).toBeGreaterThan(200);
    expect(low[0]).toBeLessThan(90); // violet
    expect(low[1]).toBeLessThan(40);
  });

  it("refuses points beyond the edge, curvatures that are none, and fields of another size", async () => {
    const panel = (more: object) => diskFigure({ panels: [{ title: "disk", curvature: 1, ...more }] });
    await expect(panel({ codes: [{ x: 1, y: 0.5 }] })).rejects.toThrow(
      /panels\[0\].codes\[0\] is \(1, 0.5\), 0.118 beyond the edge of the disk of radius 1.000/,
    );
    await expect(panel({ curves: [{ name: "c", style: "black", curves: [[0, 0, 2, 0]] }] })).rejects.toThrow(
      /A point of "c".*beyond the edge/,
    );
    await expect(panel({ curvature: -1 })).rejects.toThrow(/curvature is -1, but must be c > 0/);
    await expect(panel({ codes: [{ x: Number.NaN, y: 0 }] })).rejects.toThrow(/NaN/);
    await expect(panel({ field: { values: [1, 2], size: 2, label: "" } })).rejects.toThrow(/2 by 2 cells/);
    await expect(diskFigure({ panels: [] })).rejects.toThrow(/There are no panels/);
  });
});

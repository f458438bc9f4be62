import { describe, expect, it } from "vitest";
import { ndarray } from "../../src/engine/index.js";
import { torusAxis, torusMap } from "../../src/experiments/torus/map.js";
import { decadeTicks, densityScale, openEnded } from "../../src/experiments/world-map/density-bar.js";
import { hyperbolicDisk } from "../../src/experiments/world-map/hyperbolic-disk.js";
import { withPalette } from "../../src/experiments/world-map/palette-png.js";
import { capView, globeView, mapGrid, massOnMap, worldMap, worldMaps } from "../../src/experiments/world-map.js";
import { decodePng, encodePng } from "../../src/plots/index.js";

describe("equal-area views of the sphere", () => {
  const views = [
    ["the globe", globeView(300), 1],
    ["a cap", capView([30, 60], 50, 200), (1 - Math.cos((50 * Math.PI) / 180)) / 2],
  ] as const;

  it.each(views)("%s: pixels and points are inverse to each other", (_, view) => {
    const grid = mapGrid(view, 40);
    const side = view.width / grid.columns;
    grid.cells.forEach((cell, i) => {
      const x = grid.points.data.subarray(3 * i, 3 * i + 3) as Float64Array;
      expect(Math.hypot(...x)).toBeCloseTo(1, 12);
      const [column, row] = view.toPixel(x)!;
      expect(column).toBeCloseTo(((cell % grid.columns) + 0.5) * side, 3);
      expect(row).toBeCloseTo((Math.floor(cell / grid.columns) + 0.5) * side, 3);
    });
  });

  it.each(views)("%s: shows its share of the sphere, each part with its share of the pixels", (_, view, share) => {
    const { points, columns } = mapGrid(view, 300);
    const N = points.shape[0];
    // two regions of equal area inside both views
    const near = (lon: number, lat: number) => {
      const [a, b] = [(lon * Math.PI) / 180, (lat * Math.PI) / 180];
      const c = [Math.cos(b) * Math.cos(a), Math.cos(b) * Math.sin(a), Math.sin(b)];
      let count = 0;
      for (let i = 0; i < N; i++)
        if (c.reduce((t, v, j) => t + v * (points.data[3 * i + j] as number), 0) > Math.cos(Math.PI / 12)) count++;
      return count;
    };
    const [one, other] = [near(30, 62), near(10, 40)];
    expect(one / other).toBeCloseTo(1, 1);
    const capShare = (1 - Math.cos(Math.PI / 12)) / 2;
    expect(one / N).toBeCloseTo(capShare / share, 2);
    expect(columns).toBe(300);
  });

  it("a globe's mean density over its cells, times 4 pi, is the mass", () => {
    const { points } = mapGrid(globeView(), 200);
    const N = points.shape[0];
    expect(massOnMap(new Float64Array(N).fill(-Math.log(4 * Math.PI)))).toBeCloseTo(1, 9);
    // density 3 z^2 / (4 pi): mass 1
    const squared = Float64Array.from({ length: N }, (_, i) =>
      Math.log((3 * (points.data[3 * i + 2] as number) ** 2) / (4 * Math.PI)),
    );
    expect(Math.abs(massOnMap(squared) - 1)).toBeLessThan(0.01); // cells cut by the outline, at the poles, are left out
  });

  it("leaves out what a cap does not show", () => {
    const view = capView([0, 90], 40);
    expect(view.toPixel([0, 0, 1])!.map((v) => v / view.width)).toEqual([0.5, 0.5]);
    expect(view.toPixel([0, 0, -1])).toBeUndefined();
    expect(view.toPixel([1, 0, 0])).toBeUndefined();
  });
});

describe("density maps", () => {
  it("have coastlines where asked for, places, and a bar in density per steradian", () => {
    const view = globeView(200);
    const grid = mapGrid(view, 60);
    const logDensity = new Float64Array(grid.cells.length).map((_, i) => -2 + 0.001 * i);
    const layer = { view, grid, logDensity, places: [0, 0, 1, 1, 0, 0] };
    const plain = worldMap(layer, { title: "Toy" });
    const earth = worldMap({ ...layer, coastlines: true }, { title: "Toy" });
    expect(plain).toContain("density per steradian");
    expect(plain.match(/<circle/g)).toHaveLength(2);
    expect(plain).toContain("<title>Toy</title>");
    expect(earth.length).toBeGreaterThan(plain.length + 10_000);
    const two = worldMaps([layer, { ...layer, heading: "again" }], {});
    expect(two.match(/class="density-bar"/g)).toHaveLength(1);
    expect(two).toContain(">again<");
  });

  it("scales show at most four decades, and name powers of ten", () => {
    const scale = densityScale(Float64Array.from({ length: 1001 }, (_, i) => -9 + 0.01 * i));
    expect(scale.high - scale.low).toBeCloseTo(4, 9);
    expect(scale.below).toBe(true);
    expect(
      decadeTicks(-2.5, 1.2)
        .filter(({ text }) => text !== "")
        .map(({ text }) => text),
    ).toEqual(["0.01", "0.1", "1", "10"]);
    expect(
      decadeTicks(-0.1, 0.8)
        .filter(({ text }) => text !== "")
        .map(({ text }) => text),
    ).toEqual(["1", "2", "5"]);
  });

  it.each([
    [0.06, 0.095],
    [0.21, 0.49],
    [0.0795, 0.0797],
    [3.2e-7, 3.9e-7],
  ])("scales from %d to %d have names enough to be read", (low, high) => {
    const named = decadeTicks(Math.log10(low), Math.log10(high)).filter(({ text }) => text !== "");
    expect(named.length).toBeGreaterThanOrEqual(2);
    expect(named.length).toBeLessThanOrEqual(9);
    for (const { value, text } of named) {
      expect(10 ** value).toBeGreaterThanOrEqual(low * (1 - 1e-9));
      expect(10 ** value).toBeLessThanOrEqual(high * (1 + 1e-9));
      expect(Number(text.replace("−", "-")) / 10 ** value).toBeCloseTo(1, 3);
    }
    expect(new Set(named.map(({ text }) => text)).size).toBe(named.length);
  });

  it("a scale that is given is open where a density lies beyond it", () => {
    const scale = densityScale([-1, 0, 1]);
    expect(openEnded(scale, [[0, 0.5]])).toEqual(scale);
    expect(openEnded(scale, [[0], [1.2]])).toEqual({ ...scale, above: true });
    expect(openEnded(scale, [[-3]])).toEqual({ ...scale, below: true });
  });

  it("on the torus, equal angles a turn apart have equal colours, and points are wrapped into one turn", async () => {
    const axis = torusAxis(54); // 10 degrees each: a turn is 36 cells
    const values = axis.flatMap((psi) =>
      axis.map((phi) => Math.cos((phi * Math.PI) / 180) + Math.sin((psi * Math.PI) / 180)),
    );
    const svg = await torusMap(values, [Math.PI + 0.1, 0], { title: "Torus" });
    const [, x] = /<circle cx="([\d.]+)"/.exec(svg)!;
    const shifted = await torusMap(values, [Math.PI + 0.1 - 2 * Math.PI, 0], { title: "Torus" });
    expect(shifted).toContain(`<circle cx="${x}"`);
    expect(svg).toContain("density per square radian");
    expect(svg).toContain(">−180<");
  });

  it("in the hyperbolic disk, are asked for inside of the ball only", async () => {
    let farthest = 0;
    const svg = await hyperbolicDisk(
      async (points) => {
        const values = new Float64Array(points.shape[0]);
        for (let i = 0; i < values.length; i++) {
          const r = Math.hypot(points.data[2 * i] as number, points.data[2 * i + 1] as number);
          farthest = Math.max(farthest, r);
          values[i] = -r;
        }
        return values;
      },
      { curvature: 4, resolution: 40, points: ndarray(Float64Array.of(0.1, 0.2)).data, words: { title: "Disk" } },
    );
    expect(farthest).toBeLessThan(0.5);
    expect(farthest).toBeGreaterThan(0.45);
    expect(svg).toContain("hyperbolic area");
  });
});

describe("pictures of at most 256 colours", () => {
  const field = (width: number, height: number) => {
    const data = new Uint8Array(3 * width * height);
    for (let i = 0; i < width * height; i++) {
      const [x, y] = [(i % width) / width, Math.floor(i / width) / height];
      data.set([255 * x, 255 * y, 127 * (1 + Math.sin(9 * x * y))].map(Math.floor), 3 * i);
    }
    return { width, height, channels: 3 as const, data };
  };

  it("are smaller, and close in every pixel", () => {
    const pixels = field(200, 150);
    const whole = encodePng(pixels);
    const small = withPalette(whole);
    const again = decodePng(small);
    expect(small.length).toBeLessThan(whole.length);
    expect([again.width, again.height]).toEqual([200, 150]);
    let squared = 0;
    for (let i = 0; i < pixels.data.length; i++) squared += (again.data[i] - pixels.data[i]) ** 2 / pixels.data.length;
    expect(Math.sqrt(squared)).toBeLessThan(8); // a field of two directions through the colour cube: 16 x 16 colours
  });

  it("keep few colours exactly", () => {
    const data = new Uint8Array(3 * 64 * 64);
    for (let i = 0; i < 64 * 64; i++) data.set(i % 7 === 0 ? [250, 40, 60] : [0, 0, 0], 3 * i);
    const again = decodePng(withPalette(encodePng({ width: 64, height: 64, channels: 3, data })));
    expect(Array.from(again.data)).toEqual(Array.from(data));
  });
});

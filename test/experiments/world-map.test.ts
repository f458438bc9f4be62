import { describe, expect, it } from "vitest";
import { inverseMollweide, mapGrid, massOnMap, mollweide, worldMap } from "../../src/experiments/world-map.js";

describe("the equal-area world map", () => {
  it("is inverted, and meets known values", () => {
    for (const [longitude, latitude] of [
      [0, 0],
      [3, 1.4],
      [-2.5, -0.3],
      [1, 1.57],
    ]) {
      const [x, y] = mollweide(longitude, latitude);
      const back = inverseMollweide(x, y)!;
      expect(back[0]).toBeCloseTo(longitude, 6);
      expect(back[1]).toBeCloseTo(latitude, 6);
    }
    expect(mollweide(1, Math.PI / 2)[1]).toBeCloseTo(Math.SQRT2, 12);
    expect(mollweide(Math.PI, 0)[0]).toBeCloseTo(2 * Math.SQRT2, 12);
    expect(inverseMollweide(2.8, 1)).toBeUndefined();
  });

  it("keeps areas: caps get their share of the pixels, and averages of x^2, y^2, z^2 are 1/3", () => {
    const { points } = mapGrid(360);
    const N = points.shape[0];
    let polar = 0;
    const squares = [0, 0, 0];
    for (let i = 0; i < N; i++) {
      if (points.data[3 * i + 2] > 0.5) polar++;
      for (let j = 0; j < 3; j++) squares[j] += (points.data[3 * i + j] as number) ** 2 / N;
    }
    expect(polar / N).toBeCloseTo(0.25, 2);
    for (const value of squares) expect(value).toBeCloseTo(1 / 3, 2);
    expect(massOnMap(new Float64Array(N).fill(-Math.log(4 * Math.PI)))).toBeCloseTo(1, 9);
  });

  it("draws the raster, the graticule, the places and the bar", () => {
    const grid = mapGrid(60);
    const svg = worldMap(
      grid,
      new Float64Array(grid.pixels.length).map((_, i) => -2 + 0.001 * i),
      [0, 0, 1, 1, 0, 0],
      {
        title: "Toy",
      },
    );
    expect(svg).toContain("per steradian");
    expect(svg.match(/<circle/g)).toHaveLength(2);
    expect(svg).toContain("<title>Toy</title>");
  });
});

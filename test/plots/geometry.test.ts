// Cutting at the frame and level lines, against closed forms.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contourPieces } from "../../src/plots/contours.js";
import { cutPath, insideBox } from "../../src/plots/cutting.js";

const box = { left: 0, top: 0, right: 100, bottom: 50 };
const coordinate = fc.integer({ min: -150, max: 250 });
const points = fc.array(fc.tuple(coordinate, coordinate), { minLength: 2, maxLength: 12 });

describe("cutting", () => {
  it("cuts a line where it meets the frame, and starts anew where it returns", () => {
    expect(
      cutPath(
        [
          [-50, 25],
          [150, 25],
        ],
        box,
      ),
    ).toBe("M0,25L100,25");
    expect(
      cutPath(
        [
          [50, 25],
          [50, 90],
          [80, 90],
          [80, 25],
        ],
        box,
      ),
    ).toBe("M50,25L50,50M80,50L80,25");
    expect(
      cutPath(
        [
          [0, 60],
          [100, 70],
        ],
        box,
      ),
    ).toBe("");
    expect(
      cutPath(
        [
          [-10, 20],
          [20, -10],
        ],
        box,
      ),
    ).toBe("M0,10L10,0");
  });

  it("leaves what is inside as it is, and lets nothing out", () => {
    fc.assert(
      fc.property(points, (line) => {
        const drawn = [...cutPath(line, box).matchAll(/([-\d.]+),([-\d.]+)/g)].map((m): [number, number] => [
          +m[1],
          +m[2],
        ]);
        for (const point of drawn) expect(insideBox(point, box)).toBe(true);
        if (line.every((point) => insideBox(point, box))) expect(drawn).toEqual(line);
      }),
    );
  });
});

describe("level lines", () => {
  const xs = Array.from({ length: 81 }, (_, k) => -2 + k / 20);
  const field = (f: (x: number, y: number) => number) => xs.flatMap((y) => xs.map((x) => f(x, y)));

  it("of the distance from the origin are a circle of the right length", () => {
    const pieces = contourPieces(xs, xs, field(Math.hypot), 1.23);
    const length = pieces.reduce((sum, [a, b, c, d]) => sum + Math.hypot(c - a, d - b), 0);
    expect(Math.abs(length / (2 * Math.PI * 1.23) - 1)).toBeLessThan(2e-3);
    for (const [a, b] of pieces) expect(Math.abs(Math.hypot(a, b) - 1.23)).toBeLessThan(1e-3);
  });

  it("of x y = c near the saddle keep to their branches", () => {
    for (const level of [0.0003, -0.0003])
      for (const [a, b, c, d] of contourPieces(
        xs,
        xs,
        field((x, y) => (x + 0.01) * (y + 0.01)),
        level,
      ))
        expect(Math.sign((a + c + 0.02) * (b + d + 0.02))).toBe(Math.sign(level));
  });

  it("are none where the level is not reached", () => {
    expect(contourPieces(xs, xs, field(Math.hypot), 9)).toEqual([]);
  });
});

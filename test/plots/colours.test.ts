// The colour tables against their definitions and against the plotting library's own; the palette under simulated
// colour blindness.
import * as Plot from "@observablehq/plot";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/errors.js";
import {
  type ColourMapName,
  classLook,
  colourIndex,
  colourTable,
  DISTINCT_CLASSES,
  hexOf,
  PALETTE,
  SHAPES,
  shapePath,
  tableColour,
} from "../../src/plots/colours.js";

const linear = (byte: number) => (byte / 255 <= 0.04045 ? byte / 255 / 12.92 : ((byte / 255 + 0.055) / 1.055) ** 2.4);

/** CIELAB (D65) of linear RGB, written apart from the code under test. */
function lab([r, g, b]: number[]): number[] {
  const f = (t: number) => (t > 216 / 24389 ? Math.cbrt(t) : ((24389 / 27) * t + 16) / 116);
  const x = f((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047);
  const y = f(0.2126729 * r + 0.7151522 * g + 0.072175 * b);
  const z = f((0.0193339 * r + 0.119192 * g + 0.9503041 * b) / 1.08883);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

const lightnesses = (name: ColourMapName) =>
  Array.from({ length: 256 }, (_, k) => lab(tableColour(colourTable(name), k).map(linear))[0]);

describe("sequential colour maps", () => {
  it.each(["viridis", "magma", "cividis"] as const)("%s is the plotting library's own", (scheme) => {
    const scale = Plot.scale({ color: { type: "linear", scheme, domain: [0, 255] } });
    for (let k = 0; k < 256; k += 5) {
      const [r, g, b] = (/^#/.test(scale.apply(k)) ? hexParts : rgbParts)(scale.apply(k));
      const mine = tableColour(colourTable(scheme), k);
      for (const [i, part] of [r, g, b].entries()) expect(Math.abs(part - mine[i])).toBeLessThanOrEqual(1);
    }
  });

  it.each(["viridis", "magma", "cividis", "grey"] as const)("%s grows lighter without a step back", (name) => {
    const values = lightnesses(name);
    for (let k = 8; k < 256; k += 8) expect(values[k]).toBeGreaterThan(values[k - 8]);
  });

  it("grey has even steps of lightness", () => {
    const values = lightnesses("grey");
    for (let k = 0; k < 256; k++) expect(Math.abs(values[k] - (15 + (82 * k) / 255))).toBeLessThan(0.3);
  });

  it("coolwarm has Moreland's published ends and middle, and is lightest in the middle", () => {
    const table = colourTable("coolwarm");
    const near = (index: number, wanted: number[]) =>
      tableColour(table, index).forEach((part, i) => {
        expect(Math.abs(part - wanted[i])).toBeLessThanOrEqual(2);
      });
    near(0, [59, 76, 192]);
    near(255, [180, 4, 38]);
    near(127, [221, 221, 221]);
    near(64, [141, 176, 254]); // his table at 0.25
    near(191, [244, 154, 123]); // at 0.75
    const values = lightnesses("coolwarm");
    expect(values.indexOf(Math.max(...values))).toBeGreaterThan(120);
    expect(values.indexOf(Math.max(...values))).toBeLessThan(136);
  });

  it("names the choices for an unknown map", () => {
    expect(() => colourTable("jet" as ColourMapName)).toThrow(UsageError);
    expect(() => colourTable("jet" as ColourMapName)).toThrow(/"jet".*viridis/);
  });
});

it("colour indices keep order, cover the ends, and take the middle where the scale has no extent", () => {
  expect(colourIndex(3, 3, 3)).toBe(128);
  const number = fc.double({ min: -1e6, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(number, number, number, number, (a, b, p, q) => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)];
      fc.pre(high > low);
      expect(colourIndex(low, low, high)).toBe(0);
      expect(colourIndex(high, low, high)).toBe(255);
      expect(colourIndex(Math.min(p, q), low, high)).toBeLessThanOrEqual(colourIndex(Math.max(p, q), low, high));
    }),
  );
});

describe("classes", () => {
  // Severe deficiencies by G. Machado, M. Oliveira, L. Fernandes (2009), on linear RGB.
  const sights = {
    normal: [1, 0, 0, 0, 1, 0, 0, 0, 1],
    deuteranopia: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
    protanopia: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
    tritanopia: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
  };
  it.each(Object.entries(sights))("ten colours stay apart under %s", (_, m) => {
    const seen = PALETTE.map((hex) => {
      const rgb = hexParts(hex).map(linear);
      const turned = [0, 1, 2].map((i) => m[3 * i] * rgb[0] + m[3 * i + 1] * rgb[1] + m[3 * i + 2] * rgb[2]);
      return lab(turned.map((part) => Math.min(1, Math.max(0, part))));
    });
    for (let i = 0; i < seen.length; i++)
      for (let j = 0; j < i; j++)
        expect(Math.hypot(...seen[i].map((part, k) => part - seen[j][k]))).toBeGreaterThan(17);
  });

  it("look different from each other as often as promised", () => {
    const looks = Array.from({ length: DISTINCT_CLASSES }, (_, k) => JSON.stringify(classLook(k)));
    expect(new Set(looks).size).toBe(70);
    expect(classLook(DISTINCT_CLASSES)).toEqual(classLook(0));
  });

  it("have shapes centred at their point, within 1.6 radii", () => {
    for (const shape of SHAPES.filter((name) => name !== "circle")) {
      const corners = [...shapePath(shape, 100, 50, 10).matchAll(/(-?[\d.]+),(-?[\d.]+)/g)].map((m) => [+m[1], +m[2]]);
      const mean = [0, 1].map((axis) => corners.reduce((sum, corner) => sum + corner[axis], 0) / corners.length);
      expect(mean[0]).toBeCloseTo(100, 1);
      expect(mean[1]).toBeCloseTo(50, 1);
      for (const [x, y] of corners) expect(Math.hypot(x - 100, y - 50)).toBeLessThanOrEqual(16.01);
    }
    expect(hexOf([0, 128, 255])).toBe("#0080ff");
  });
});

function hexParts(hex: string): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
}

function rgbParts(text: string): number[] {
  return [...text.matchAll(/\d+/g)].map((found) => Number(found[0]));
}

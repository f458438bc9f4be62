/**
 * Colours that can be read: sequential maps in perceptually uniform steps, a diverging map, a categorical palette that
 * survives colour blindness, and marker shapes so that colour is never the only cue.
 */

import { expectThat } from "../errors.js";
import { CIVIDIS, MAGMA, VIRIDIS } from "./colour-tables.js";

/** Red, green, blue, each 0 to 255 (sRGB). */
export type Colour = readonly [number, number, number];

/** A colour map: 256 colours as bytes `[256 * 3]`, from low to high. */
export type ColourTable = Uint8Array;

/** Sequential maps have lightness that grows evenly; `coolwarm` diverges from a neutral middle. */
export type ColourMapName = "viridis" | "magma" | "cividis" | "grey" | "coolwarm";

const builders: Record<ColourMapName, () => ColourTable> = {
  viridis: () => tableOfHex(VIRIDIS),
  magma: () => tableOfHex(MAGMA),
  cividis: () => tableOfHex(CIVIDIS),
  grey: evenGrey,
  coolwarm,
};
const built = new Map<ColourMapName, ColourTable>();

/**
 * The table of a colour map.
 * @returns bytes `[256 * 3]`, low to high; shared, not to be written to.
 * @throws UsageError for an unknown name.
 */
export function colourTable(name: ColourMapName): ColourTable {
  expectThat(
    Object.hasOwn(builders, name),
    () => `The colour map is "${name}", but must be one of ${Object.keys(builders).join(", ")}: choose one of these.`,
  );
  if (!built.has(name)) built.set(name, builders[name]());
  return built.get(name)!;
}

/**
 * Which of the 256 colours stands for `value` on a scale from `low` to `high`: values outside get the end colours.
 * A scale of no extent (`low == high`) gives the middle colour.
 */
export function colourIndex(value: number, low: number, high: number): number {
  if (!(high > low)) return 128;
  return Math.min(255, Math.max(0, Math.round((255 * (value - low)) / (high - low))));
}

/** The colour of one entry (0 to 255) of a table. */
export function tableColour(table: ColourTable, index: number): Colour {
  return [table[3 * index], table[3 * index + 1], table[3 * index + 2]];
}

/** A colour as SVG writes it: `#rrggbb`. */
export function hexOf(colour: Colour): string {
  return `#${colour.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

/**
 * Ten colours that stay apart for readers with normal sight and with each kind of colour blindness
 * (M. Petroff, "Accessible Color Sequences for Data Visualization", arXiv:2107.02270, ten-colour sequence).
 * The smallest CIELAB distance between two of them, under simulated deuteranopia, protanopia and tritanopia too, is 17;
 * for the eight colours of Okabe and Ito, with grey and wine added, it is 7.
 */
export const PALETTE: readonly string[] = [
  "#3f90da",
  "#ffa90e",
  "#bd1f01",
  "#94a4a2",
  "#832db6",
  "#a96b59",
  "#e76300",
  "#b9ac70",
  "#717581",
  "#92dadd",
];

/** Marker shapes. Seven shapes and ten colours cycle together, so 70 classes look different from each other. */
export const SHAPES = ["circle", "square", "triangle", "diamond", "cross", "triangleDown", "star"] as const;
export type Shape = (typeof SHAPES)[number];

/** How many classes have a look of their own. */
export const DISTINCT_CLASSES = PALETTE.length * SHAPES.length;

/** The look of class number `index` (any whole number from 0): a colour and a marker shape. */
export function classLook(index: number): { colour: string; shape: Shape } {
  return { colour: PALETTE[index % PALETTE.length], shape: SHAPES[index % SHAPES.length] };
}

/** The outline of a marker as SVG path data, centred at (x, y); all shapes cover about the area of a circle of `radius`. */
export function shapePath(shape: Shape, x: number, y: number, radius: number): string {
  if (shape === "circle") {
    const r = short(radius);
    return `M${short(x - radius)},${short(y)}a${r},${r} 0 1,0 ${short(2 * radius)},0a${r},${r} 0 1,0 ${short(-2 * radius)},0Z`;
  }
  const corners = outlines[shape].map(([dx, dy]) => `${short(x + radius * dx)},${short(y + radius * dy)}`);
  return `M${corners.join("L")}Z`;
}

/** A coordinate with two decimals, without trailing zeros. */
export function short(value: number): string {
  return String(Math.round(value * 100) / 100);
}

// Outlines in units of the radius; y points down.
const outlines: Record<Exclude<Shape, "circle">, readonly (readonly [number, number])[]> = {
  square: ring(4, 45, 1.25),
  triangle: ring(3, -90, 1.4),
  diamond: [
    [0, -1.45],
    [1.1, 0],
    [0, 1.45],
    [-1.1, 0],
  ],
  cross: plus(1.3, 0.45),
  triangleDown: ring(3, 90, 1.4),
  star: Array.from({ length: 10 }, (_, k) => polar(36 * k - 90, k % 2 === 0 ? 1.6 : 0.7)),
};

function ring(corners: number, startDegrees: number, radius: number): [number, number][] {
  return Array.from({ length: corners }, (_, k) => polar(startDegrees + (360 * k) / corners, radius));
}

function polar(degrees: number, radius: number): [number, number] {
  const angle = (degrees * Math.PI) / 180;
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}

/** A plus sign with arms of length `a` and half-width `b`. */
function plus(a: number, b: number): [number, number][] {
  const arm: [number, number][] = [
    [b, -b],
    [b, -a],
    [-b, -a],
  ];
  // The same corner three more times, turned by a quarter each.
  return [0, 3, 2, 1].flatMap((turns) => arm.map((corner) => turned(corner, turns)));
}

function turned([x, y]: [number, number], quarters: number): [number, number] {
  let point: [number, number] = [x, y];
  for (let k = 0; k < quarters; k++) point = [-point[1], point[0]];
  return point;
}

function tableOfHex(hex: string): ColourTable {
  const table = new Uint8Array(hex.length / 2);
  for (let k = 0; k < table.length; k++) table[k] = Number.parseInt(hex.slice(2 * k, 2 * k + 2), 16);
  return table;
}

/** Greys in even steps of CIELAB lightness, from L* = 15 to L* = 97 (not to the ends: black and white stay free). */
function evenGrey(): ColourTable {
  const table = new Uint8Array(256 * 3);
  for (let k = 0; k < 256; k++) {
    const lightness = 15 + (82 * k) / 255;
    table.fill(byteOfLinear(((lightness + 16) / 116) ** 3), 3 * k, 3 * k + 3);
  }
  return table;
}

/** sRGB byte of a linear intensity in [0, 1]. */
function byteOfLinear(intensity: number): number {
  const clamped = Math.min(1, Math.max(0, intensity));
  const encoded = clamped <= 0.0031308 ? 12.92 * clamped : 1.055 * clamped ** (1 / 2.4) - 0.055;
  return Math.round(255 * encoded);
}

/**
 * The blue-white-red map of K. Moreland, "Diverging Color Maps for Scientific Visualization" (2009): straight lines in
 * Msh space (CIELAB in polar form, M = |Lab|, s = acos(L / M), h = hue) from (80, 1.08, -1.1) through the neutral
 * (88, 0, .) to (80, 1.08, 0.5), the hue of the neutral end turned by 0.561 (his function AdjustHue) so that the path stays straight.
 */
function coolwarm(): ColourTable {
  const table = new Uint8Array(256 * 3);
  for (let k = 0; k < 256; k++) {
    const t = k / 255;
    const [saturated, towards] = t < 0.5 ? [-1.1, 2 * t] : [0.5, 2 - 2 * t]; // `towards` the neutral middle: 0 to 1
    const neutralHue = saturated + Math.sign(saturated) * 0.561;
    const m = 80 + 8 * towards;
    const s = 1.08 * (1 - towards);
    const h = saturated + (neutralHue - saturated) * towards;
    table.set(rgbOfLab(m * Math.cos(s), m * Math.sin(s) * Math.cos(h), m * Math.sin(s) * Math.sin(h)), 3 * k);
  }
  return table;
}

/** sRGB bytes of a CIELAB colour (white point D65). */
function rgbOfLab(lightness: number, a: number, b: number): Colour {
  const cube = (f: number) => (f > 6 / 29 ? f ** 3 : 3 * (6 / 29) ** 2 * (f - 4 / 29));
  const fy = (lightness + 16) / 116;
  const [x, y, z] = [0.95047 * cube(fy + a / 500), cube(fy), 1.08883 * cube(fy - b / 200)];
  return [
    byteOfLinear(3.2404542 * x - 1.5371385 * y - 0.4985314 * z),
    byteOfLinear(-0.969266 * x + 1.8760108 * y + 0.041556 * z),
    byteOfLinear(0.0556434 * x - 0.2040259 * y + 1.0572252 * z),
  ];
}

/**
 * From a description of a plot to SVG text (Observable Plot in a small DOM), and from SVG to PNG (resvg). The PNG's
 * fonts are files of the package, never the machine's, so a picture looks the same everywhere. Both libraries are
 * loaded on first use.
 */

import { createRequire } from "node:module";
import type * as ObservablePlot from "@observablehq/plot";
import { expectThat } from "../errors.js";
import { encodeIndexedPng } from "./png.js";
import { quantise } from "./quantise.js";
import { FONT_FAMILY } from "./text.js";

/** The plotting library, as marks are made from it. */
export type Plot = typeof ObservablePlot;
/** What a plot is made of. */
export type PlotOptions = ObservablePlot.PlotOptions;
/** One layer of a plot. */
export type Mark = ObservablePlot.Markish;

/** Pixel positions of data values. */
export interface Scales {
  x(value: number): number;
  y(value: number): number;
}

const layersOf = new WeakMap<object, string[]>();

/** The plotting library, loaded on first use. */
export async function plotLibrary(): Promise<Plot> {
  return await import("@observablehq/plot");
}

/**
 * A mark drawn as SVG text: for layers of thousands of shapes, where a DOM element each would be slow and large.
 * @param draw makes the SVG text from the plot's scales; it has to stay inside of the plane (see `cutPath`)
 */
export function layer(draw: (scales: Scales) => string): Mark {
  const mark = (_i: unknown, scales: unknown, _v: unknown, _size: unknown, context: { document: Document }) => {
    const layers = layersOf.get(context.document)!;
    layers.push(draw(scales as Scales));
    const place = context.document.createElementNS("http://www.w3.org/2000/svg", "g");
    place.setAttribute("data-layer", String(layers.length - 1));
    return place as SVGElement;
  };
  return mark as unknown as Mark;
}

/** The plot as an `<svg>` element to set into a larger picture: no style sheet, identifiers of its own. */
export async function plotFragment(options: PlotOptions): Promise<string> {
  const [library, { parseHTML }] = await Promise.all([plotLibrary(), import("linkedom")]);
  const { document } = parseHTML("<html><body></body></html>");
  const layers: string[] = [];
  layersOf.set(document, layers);
  const element = library.plot({ ...options, document, className: "plot" });
  const drawn = (element as unknown as { outerHTML: string }).outerHTML
    .replace(/<style>.*?<\/style>/s, "")
    .replace(/ font-family="[^"]*"/, ` font-family="${FONT_FAMILY}"`)
    .replace(/<g data-layer="(\d+)"\s*(\/>|><\/g>)/g, (_, index) => `<g>${layers[Number(index)]}</g>`);
  // The library numbers clip paths over the life of the process. A name made from the content keeps a picture the same
  // from run to run, and keeps pictures apart that share one web page.
  const numbered = [...new Set([...drawn.matchAll(/id="(plot-[a-z]+-\d+)"/g)].map((found) => found[1]))];
  const neutral = numbered.reduce((text, id, k) => text.replaceAll(id, `local-${k}`), drawn);
  const name = fingerprint(neutral);
  return numbered.reduce(
    (text, _, k) =>
      text.replaceAll(`local-${k}"`, `clip-${name}-${k}"`).replaceAll(`local-${k})`, `clip-${name}-${k})`),
    neutral,
  );
}

/**
 * One plot as a complete SVG document on white.
 * @throws what the plotting library throws for options that it cannot draw.
 */
export async function svgOf(options: PlotOptions): Promise<string> {
  const fragment = await plotFragment(options);
  const [width, height] = ["width", "height"].map((side) =>
    Number(new RegExp(` ${side}="([\\d.]+)"`).exec(fragment)![1]),
  );
  return svgDocument(width, height, fragment);
}

/** Wraps drawn elements into an SVG document with a white background and the fonts set. */
export function svgDocument(width: number, height: number, content: string): string {
  const [w, h] = [Math.ceil(width), Math.ceil(height)];
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}" viewBox="0 0 ${w} ${h}" ` +
    `font-family="${FONT_FAMILY}" color="#222222"><rect width="100%" height="100%" fill="#ffffff"/>${content}</svg>\n`
  );
}

/** An embedded picture whose pixels stay sharp squares. */
export function imageElement(address: string, x: number, y: number, width: number, height: number): string {
  return (
    `<image x="${x}" y="${y}" width="${width}" height="${height}" preserveAspectRatio="none" ` +
    `image-rendering="optimizeSpeed"${SHARP_IN_BROWSERS} href="${address}"/>`
  );
}

// Browsers want the property of CSS; resvg knows only the older attribute, and the property would undo it.
const SHARP_IN_BROWSERS = ' style="image-rendering:pixelated"';

/**
 * Draws SVG as PNG on white.
 * @param size `scale` (2 gives twice the pixels) or `width` in pixels; twice the drawn size where neither is given
 * @param size.fewColours at most 256 colours, for a file of a third of the size
 * @throws UsageError for a size that is not positive or for text that is not SVG.
 */
export async function svgToPng(
  svg: string,
  size: { scale?: number; width?: number; fewColours?: boolean } = {},
): Promise<Uint8Array> {
  const { scale, width, fewColours = false } = size;
  for (const [name, value] of Object.entries({ scale, width }))
    expectThat(
      value === undefined || (Number.isFinite(value) && value > 0),
      () => `The ${name} of the picture is ${value}, but must be a positive number: leave it out for the usual size.`,
    );
  const { Resvg } = await import("@resvg/resvg-js");
  let picture: InstanceType<typeof Resvg>;
  try {
    picture = new Resvg(svg.replaceAll(SHARP_IN_BROWSERS, ""), {
      background: "#ffffff",
      fitTo: width === undefined ? { mode: "zoom", value: scale ?? 2 } : { mode: "width", value: Math.round(width) },
      font: { fontFiles: fontFiles(), loadSystemFonts: false, defaultFontFamily: "DejaVu Sans" },
    });
  } catch (error) {
    expectThat(false, `The picture is not well-formed SVG (${(error as Error).message}): pass a whole SVG document.`);
  }
  const drawn = picture.render();
  if (!fewColours) return new Uint8Array(drawn.asPng());
  const { indices, palette } = quantise(new Uint8Array(drawn.pixels));
  return encodeIndexedPng(indices, drawn.width, drawn.height, palette);
}

function fontFiles(): string[] {
  const require = createRequire(import.meta.url);
  return ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"].map((file) => require.resolve(`dejavu-fonts-ttf/ttf/${file}`));
}

/** A short name for a text: FNV-1a, 32 bits. */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (let k = 0; k < text.length; k++) hash = Math.imul(hash ^ text.charCodeAt(k), 0x01000193);
  return (hash >>> 0).toString(36);
}

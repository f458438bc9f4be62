/** A sheet of image strips: groups of named rows, one image after another along t from 0 to 1. */
import { dataUrl, encodePng } from "../../plots/png.js";
import { imageElement, svgDocument } from "../../plots/render.js";
import { textElement, textWidth, wrapText } from "../../plots/text.js";
import { formatNumber } from "../../plots/ticks.js";

export interface StripGroup {
  readonly heading: string;
  /** Images of each row, [T * height * width], 0 to 1. */
  readonly rows: readonly { readonly name: string; readonly images: ArrayLike<number> }[];
}

export interface StripSheetOptions {
  readonly groups: readonly StripGroup[];
  /** Images in a row. */
  readonly images: number;
  readonly height: number;
  readonly width: number;
  readonly title: string;
  readonly caption?: string;
}

const PADDING = 14;
const CELL = 58;

/** Draws the sheet; returns an SVG document. */
export function stripSheet(options: StripSheetOptions): string {
  const { groups, images, height, width } = options;
  const names = groups.flatMap(({ rows }) => rows.map(({ name }) => name));
  const left = PADDING + Math.ceil(Math.max(...names.map((name) => textWidth(name, 12)))) + 12;
  const total = left + images * CELL + PADDING;
  const parts: string[] = [];
  let y = PADDING;
  for (const line of wrapText(options.title, 16, total - 2 * PADDING, true)) {
    parts.push(textElement(line, PADDING, y + 16, { size: 16, bold: true }));
    y += 22;
  }
  y += 14;
  for (let t = 0; t < images; t++) {
    const text = t === 0 ? "t = 0" : formatNumber(t / (images - 1), 2);
    if (images <= 12 || t % 2 === 0)
      parts.push(textElement(text, left + (t + 0.5) * CELL - 1, y, { size: 11, anchor: "middle", fill: "#555555" }));
  }
  y += 6;
  for (const { heading, rows } of groups) {
    parts.push(textElement(heading, PADDING, y + 13, { bold: true }));
    y += 20;
    for (const { name, images: values } of rows) {
      parts.push(textElement(name, left - 10, y + CELL / 2 + 3, { anchor: "end", fill: "#333333" }));
      for (let t = 0; t < images; t++) {
        const data = Uint8Array.from({ length: height * width }, (_, k) =>
          Math.round(255 * Math.min(1, Math.max(0, values[t * height * width + k]))),
        );
        const picture = dataUrl(encodePng({ width, height, channels: 1, data }));
        parts.push(imageElement(picture, left + t * CELL, y, CELL - 2, CELL - 2));
      }
      y += CELL;
    }
    y += 8;
  }
  for (const line of options.caption ? wrapText(options.caption, 12, total - 2 * PADDING) : []) {
    parts.push(textElement(line, PADDING, y + 12, { size: 12, fill: "#555555" }));
    y += 16;
  }
  return svgDocument(total, y + PADDING, parts.join(""));
}

/** Rows of small images: kept as text in a cell's JSON, and drawn, with a caption beside each, as one sheet. */
import type { NdArray } from "../../engine/index.js";
import { dataUrl, encodePng } from "../../plots/png.js";
import { imageElement, svgDocument } from "../../plots/render.js";
import { textElement, textWidth, wrapText } from "../../plots/text.js";

/** Images of one size, 8 bits a value, channel last, in base 64. */
export interface Strip {
  readonly image: readonly [number, number, number];
  readonly count: number;
  readonly bytes: string;
}

/** Images [n, C H W], channel first, values in [0, 1]. */
export function stripOf(images: NdArray, image: readonly [number, number, number]): Strip {
  const [channels, height, width] = image;
  const count = images.shape[0];
  const bytes = new Uint8Array(images.data.length);
  const area = height * width;
  for (let n = 0; n < count; n++)
    for (let c = 0; c < channels; c++)
      for (let p = 0; p < area; p++) {
        const value = images.data[(n * channels + c) * area + p];
        bytes[(n * area + p) * channels + c] = Math.round(255 * Math.min(1, Math.max(0, value)));
      }
  return { image, count, bytes: Buffer.from(bytes).toString("base64") };
}

export interface CaptionedStrip {
  readonly label: string;
  /** A second, smaller line. */
  readonly note?: string;
  readonly strip: Strip;
}

export interface SheetOptions {
  readonly title: string;
  readonly caption?: string;
  /** Points that an image is wide; default 34. */
  readonly size?: number;
}

const PADDING = 14;

/** The sheet as SVG: a row for each strip, its label on the left. */
export function captionedSheet(rows: readonly CaptionedStrip[], { title, caption, size = 34 }: SheetOptions): string {
  const widest = Math.max(...rows.map(({ label, note = "" }) => Math.max(textWidth(label, 12), textWidth(note, 10))));
  const left = PADDING + Math.ceil(widest) + 10;
  const width = Math.max(420, left + Math.max(...rows.map(({ strip }) => strip.count)) * (size + 1) + PADDING);
  const parts: string[] = [];
  let y = PADDING;
  for (const line of wrapText(title, 15, width - 2 * PADDING, true)) {
    parts.push(textElement(line, PADDING, y + 14, { size: 15, bold: true }));
    y += 20;
  }
  y += 4;
  for (const { label, note, strip } of rows) {
    const [channels, height, columns] = strip.image;
    const shown = (size * height) / columns;
    const middle = y + shown / 2;
    parts.push(textElement(label, left - 8, note ? middle - 1 : middle + 4, { anchor: "end" }));
    if (note) parts.push(textElement(note, left - 8, middle + 12, { anchor: "end", size: 10, fill: "#555555" }));
    const bytes = Buffer.from(strip.bytes, "base64");
    const each = channels * height * columns;
    // one picture a row: the images side by side with a white column between
    const across = strip.count * (columns + 1) - 1;
    const data = new Uint8Array(across * height * channels).fill(255);
    for (let n = 0; n < strip.count; n++)
      for (let r = 0; r < height; r++) {
        const from = n * each + r * columns * channels;
        data.set(bytes.subarray(from, from + columns * channels), (r * across + n * (columns + 1)) * channels);
      }
    const png = encodePng({ width: across, height, channels: channels as 1 | 3, data });
    parts.push(imageElement(dataUrl(png), left, y, (across * size) / columns, shown));
    y += shown + 2;
  }
  y += 6;
  for (const line of caption ? wrapText(caption, 11, width - 2 * PADDING) : []) {
    parts.push(textElement(line, PADDING, y + 12, { size: 11, fill: "#555555" }));
    y += 15;
  }
  return svgDocument(width, y + PADDING, parts.join(""));
}

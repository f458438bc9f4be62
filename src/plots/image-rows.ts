/** Rows of images with a name in front of each, in groups with a heading, and a line of text under any image. */
import { expectThat } from "../errors.js";
import { expectLength } from "./checks.js";
import type { ImageScale } from "./image-strip.js";
import { dataUrl, encodePng } from "./png.js";
import { imageElement, svgDocument, svgToPng } from "./render.js";
import { textElement, textWidth, wrapText } from "./text.js";

export interface ImageRow {
  readonly name: string;
  /** Each `[h * w * channels]`, the channel varying fastest. */
  readonly images: readonly ArrayLike<number>[];
  /** Under each image. */
  readonly texts?: readonly string[];
}

export interface ImageRowsOptions extends ImageScale {
  /** Size of an image in its own pixels. */
  readonly height: number;
  readonly width: number;
  readonly groups: readonly { readonly heading?: string; readonly rows: readonly ImageRow[] }[];
  readonly title?: string;
  readonly caption?: string;
}

const SHEET_WIDTH = 1000;
const PADDING = 14;

/**
 * Draws the rows.
 * @returns the sheet as SVG and, at twice its size, as PNG bytes
 * @throws UsageError for no images, or images of another size
 */
export async function imageRows(options: ImageRowsOptions): Promise<{ svg: string; png: Uint8Array }> {
  const { height, width, groups, channels = 1, range = [0, 1] } = options;
  const all = groups.flatMap(({ rows }) => rows);
  const columns = Math.max(0, ...all.map(({ images }) => images.length));
  expectThat(columns > 0, "There are no images to show: pass at least one.");
  const left = PADDING + 10 + Math.ceil(Math.max(...all.map(({ name }) => textWidth(name, 12))));
  const cell = Math.max(24, Math.min(72, Math.floor((SHEET_WIDTH - left - PADDING) / columns)));
  const shown = { width: cell - 3, height: ((cell - 3) * height) / width };
  const sheetWidth = Math.max(left + columns * cell + PADDING, 420);
  const parts: string[] = [];
  let y = PADDING;
  const write = (text: string | undefined, size: number, bold: boolean, fill: string) => {
    for (const line of text ? wrapText(text, size, sheetWidth - 2 * PADDING, bold) : []) {
      parts.push(textElement(line, PADDING, y + size, { size, bold, fill }));
      y += size * 1.35;
    }
    y += text ? 4 : 0;
  };
  write(options.title, 16, true, "#222222");
  for (const { heading, rows } of groups) {
    y += 4;
    write(heading, 13, true, "#222222");
    for (const { name, images, texts } of rows) {
      parts.push(textElement(name, left - 10, y + shown.height / 2 + 4, { anchor: "end", fill: "#333333" }));
      images.forEach((image, k) => {
        expectLength(image, height * width * channels, `images of "${name}"`, `an image of ${height} x ${width}`);
        const data = Uint8Array.from(image, (v) =>
          Math.round(255 * Math.min(1, Math.max(0, (v - range[0]) / (range[1] - range[0])))),
        );
        const x = left + k * cell;
        parts.push(
          imageElement(dataUrl(encodePng({ width, height, channels, data })), x, y, shown.width, shown.height),
        );
        if (texts)
          parts.push(
            textElement(texts[k], x + shown.width / 2, y + shown.height + 12, {
              size: 10,
              anchor: "middle",
              fill: "#555555",
            }),
          );
      });
      y += shown.height + (texts ? 18 : 3);
    }
  }
  y += 6;
  write(options.caption, 12, false, "#555555");
  const svg = svgDocument(sheetWidth, y + PADDING - 4, parts.join(""));
  return { svg, png: await svgToPng(svg, { scale: 2 }) };
}

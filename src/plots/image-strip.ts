/** Sheets of images: interpolations along geodesics against straight lines, and plain tables of images. */

import { expectThat, UsageError } from "../errors.js";
import { expectFinite, expectLength } from "./checks.js";
import { dataUrl, encodePng, type Pixels } from "./png.js";
import { imageElement, svgDocument, svgToPng } from "./render.js";
import { escapeXml, fitText, textElement, textWidth, wrapText } from "./text.js";

/** How numbers become pixels. */
export interface ImageScale {
  /** The numbers that are black and full brightness; values outside are cut off. [0, 1] where not given. */
  range?: readonly [number, number];
  /** 1 (grey) or 3 (RGB, the channel varying fastest). */
  channels?: 1 | 3;
}

/** One pair of points, decoded along two paths. */
export interface InterpolationPair {
  /** `[T * h * w * channels]`: the images along the geodesic, first to last. */
  geodesic: ArrayLike<number>;
  /** The same along the straight line. */
  straight: ArrayLike<number>;
  label: string;
}

/** What an interpolation sheet shows. */
export interface InterpolationSheetOptions extends ImageScale {
  pairs: readonly InterpolationPair[];
  /** Size of one image in its own pixels. */
  height: number;
  width: number;
  /** Images in a row. */
  T: number;
  title?: string;
  caption?: string;
  /** Names of the two rows. */
  rowNames?: readonly [string, string];
}

const SHEET_WIDTH = 900;
const PADDING = 14;
const GAP = 2;

/**
 * For each pair two rows of images, the geodesic's above the straight line's, with the parameter t above the columns.
 * @returns the sheet as SVG and, at twice its size, as PNG bytes
 * @throws UsageError for no pairs, sizes that do not fit, or numbers that are not finite.
 */
export async function interpolationSheet(
  options: InterpolationSheetOptions,
): Promise<{ svg: string; png: Uint8Array }> {
  const { pairs, height, width, T, rowNames = ["geodesic", "straight line"] } = options;
  expectThat(pairs.length > 0, "There are no pairs to show: pass at least one.");
  expectThat(Number.isInteger(T) && T >= 1, () => `T is ${T}, but must be a whole number from 1: the images in a row.`);
  const widestName = Math.max(...rowNames.map((name) => textWidth(name, 12)));
  const labelWidth = Math.min(150, Math.max(...pairs.map(({ label }) => textWidth(label, 12, true))));
  const left = PADDING + Math.ceil(labelWidth) + 12 + Math.ceil(widestName) + 10;
  const cell = Math.max(8, Math.min(84, (SHEET_WIDTH - left - PADDING) / T));
  const shown = { width: cell - GAP, height: ((cell - GAP) * height) / width };
  const parts: string[] = [];
  let y = PADDING;
  const sheetWidth = Math.max(left + T * cell + PADDING, 360);
  for (const line of options.title ? wrapText(options.title, 16, sheetWidth - 2 * PADDING, true) : []) {
    parts.push(textElement(line, PADDING, y + 16, { size: 16, bold: true }));
    y += 21;
  }
  y += 16;
  for (const { column, text } of parameterMarks(T, cell))
    parts.push(
      textElement(text, left + (column + 0.5) * cell - GAP / 2, y, { size: 11, anchor: "middle", fill: "#555555" }),
    );
  y += 8;
  pairs.forEach((pair, k) => {
    if (k > 0) {
      parts.push(`<path d="M${PADDING},${y + 3}H${sheetWidth - PADDING}" stroke="#bbbbbb" stroke-width="1"/>`);
      y += 8;
    }
    const rows = [
      { name: rowNames[0], values: pair.geodesic, kind: "geodesic" },
      { name: rowNames[1], values: pair.straight, kind: "straight" },
    ];
    const label = fitText(pair.label, 12, 150);
    parts.push(
      `<g><title>${escapeXml(pair.label)}</title>${textElement(label, PADDING, y + shown.height + 4, { bold: true })}</g>`,
    );
    for (const { name, values, kind } of rows) {
      expectLength(
        values,
        T * height * width * (options.channels ?? 1),
        `pairs[${k}].${kind}`,
        `${T} images of ${height} x ${width}`,
      );
      parts.push(textElement(name, left - 10, y + shown.height / 2 + 4, { anchor: "end", fill: "#333333" }));
      for (let t = 0; t < T; t++) {
        const address = dataUrl(encodePng(pixelsOf(values, t, height, width, options, `pairs[${k}].${kind}`)));
        const x = Math.round((left + t * cell) * 100) / 100;
        parts.push(imageElement(address, x, Math.round(y * 100) / 100, shown.width, shown.height));
      }
      y += shown.height + GAP;
    }
  });
  y += 4;
  for (const line of options.caption ? wrapText(options.caption, 12, sheetWidth - 2 * PADDING) : []) {
    parts.push(textElement(line, PADDING, y + 14, { size: 12, fill: "#555555" }));
    y += 16;
  }
  const svg = svgDocument(sheetWidth, y + PADDING, parts.join(""));
  return { svg, png: await svgToPng(svg, { scale: 2 }) };
}

/**
 * A table of images, row by row, one image pixel a pixel (or `zoom` of them), with thin grey separators.
 * @param images each `[h * w * channels]`
 * @returns PNG bytes of `columns * (w * zoom + 1) + 1` by `rows * (h * zoom + 1) + 1` pixels
 * @throws UsageError for no images, sizes that do not fit, or numbers that are not finite.
 */
export function imageSheet(
  images: readonly ArrayLike<number>[],
  h: number,
  w: number,
  columns: number,
  options: ImageScale & { zoom?: number } = {},
): Uint8Array {
  const { channels = 1, zoom = 1 } = options;
  expectThat(images.length > 0, "There are no images to show: pass at least one.");
  for (const [name, value] of Object.entries({ h, w, columns, zoom }))
    expectThat(Number.isInteger(value) && value >= 1, () => `${name} is ${value}, but must be a whole number from 1.`);
  const rows = Math.ceil(images.length / columns);
  const used = Math.min(columns, images.length);
  const [width, height] = [used * (w * zoom + 1) + 1, rows * (h * zoom + 1) + 1];
  const data = new Uint8Array(width * height * channels).fill(0xbb);
  for (let index = 0; index < rows * used; index++) {
    const [top, left] = [1 + Math.floor(index / used) * (h * zoom + 1), 1 + (index % used) * (w * zoom + 1)];
    if (index < images.length)
      expectLength(images[index], h * w * channels, `images[${index}]`, `an image of ${h} x ${w}`);
    const pixels =
      index < images.length ? pixelsOf(images[index], 0, h, w, options, `images[${index}]`).data : undefined;
    for (let row = 0; row < h * zoom; row++)
      for (let column = 0; column < w * zoom; column++)
        for (let channel = 0; channel < channels; channel++) {
          const from = (Math.floor(row / zoom) * w + Math.floor(column / zoom)) * channels + channel;
          data[((top + row) * width + left + column) * channels + channel] = pixels ? pixels[from] : 255;
        }
  }
  return encodePng({ width, height, channels, data });
}

/** Image number `t` of a stack as pixels. */
function pixelsOf(
  values: ArrayLike<number>,
  t: number,
  height: number,
  width: number,
  { range = [0, 1], channels = 1 }: ImageScale,
  name: string,
): Pixels {
  const [black, white] = range;
  if (!(white > black)) throw new UsageError(`range is [${black}, ${white}], but must rise: pass [black, white].`);
  const size = height * width * channels;
  const data = new Uint8Array(size);
  const part = Array.from({ length: size }, (_, k) => values[t * size + k]);
  expectFinite(part, name, (k) => String(t * size + k));
  part.forEach((value, k) => {
    data[k] = Math.round(255 * Math.min(1, Math.max(0, (value - black) / (white - black))));
  });
  return { width, height, channels, data };
}

/** The columns whose parameter is written above them: all where there is room, else a few. */
function parameterMarks(T: number, cell: number): { column: number; text: string }[] {
  if (T === 1) return [{ column: 0, text: "t = 0" }];
  const stride = Math.max(1, Math.ceil(48 / cell));
  const columns = Array.from({ length: T }, (_, k) => k).filter(
    (k) => k % stride === 0 && (k === 0 || k + stride <= T - 1),
  );
  if (columns[columns.length - 1] !== T - 1) columns.push(T - 1);
  return columns.map((column) => {
    const value = String(Number((column / (T - 1)).toFixed(2)));
    return { column, text: column === 0 ? "t = 0" : value };
  });
}

/** Pictures of data rows: sheets of images, and samples above what they are nearest to. */
import type { NdArray } from "../engine/index.js";
import type { Picture } from "./scored-model.js";

/** Row `i` as the plotting room takes an image: channels varying fastest. [h * w * channels] */
export function imageOf(rows: NdArray, i: number, { channels, height, width }: Picture): Float32Array {
  const size = height * width;
  const row = rows.data.subarray(i * size * channels, (i + 1) * size * channels);
  if (channels === 1) return Float32Array.from(row);
  const image = new Float32Array(size * channels);
  for (let c = 0; c < channels; c++) for (let k = 0; k < size; k++) image[k * channels + c] = row[c * size + k];
  return image;
}

/** The first `most` rows as a sheet of ten columns, PNG. */
export async function sampleSheet(rows: NdArray, picture: Picture, most = 100): Promise<Uint8Array> {
  const { imageSheet } = await import("../plots/index.js");
  const images = Array.from({ length: Math.min(most, rows.shape[0]) }, (_, i) => imageOf(rows, i, picture));
  return imageSheet(images, picture.height, picture.width, 10, { zoom: 2, channels: picture.channels });
}

export interface NeighbourRow {
  /** In front of the row. */
  readonly name: string;
  readonly rows: NdArray;
  /** Which rows are shown, one a column. */
  readonly indices: ArrayLike<number>;
  /** Under each image: its distance from the first row's. */
  readonly distances?: ArrayLike<number>;
}

/** Images in columns: the samples, and under each what is nearest to it, with its distance. */
export async function neighbourSheet(
  rows: readonly NeighbourRow[],
  picture: Picture,
  title: string,
): Promise<{ svg: string; png: Uint8Array }> {
  const [{ encodePng, dataUrl, svgToPng }, { imageElement, svgDocument }, { textElement, textWidth }] =
    await Promise.all([import("../plots/index.js"), import("../plots/render.js"), import("../plots/text.js")]);
  const { channels, height, width } = picture;
  const columns = rows[0].indices.length;
  const left = 24 + Math.ceil(Math.max(...rows.map(({ name }) => textWidth(name, 12))));
  const cell = Math.max(44, Math.min(72, Math.floor((1000 - left) / columns)));
  const shown = { width: cell - 4, height: ((cell - 4) * height) / width };
  const parts = [textElement(title, 14, 28, { size: 15, bold: true })];
  let y = 44;
  for (const { name, rows: from, indices, distances } of rows) {
    parts.push(textElement(name, left - 10, y + shown.height / 2 + 4, { anchor: "end", fill: "#333333" }));
    for (let k = 0; k < columns; k++) {
      const pixels = imageOf(from, indices[k], picture);
      const data = Uint8Array.from(pixels, (value) => Math.round(255 * Math.min(1, Math.max(0, value))));
      const x = left + k * cell;
      parts.push(imageElement(dataUrl(encodePng({ width, height, channels, data })), x, y, shown.width, shown.height));
      if (distances)
        parts.push(
          textElement(distances[k].toPrecision(3), x + shown.width / 2, y + shown.height + 13, {
            size: 10,
            anchor: "middle",
            fill: "#555555",
          }),
        );
    }
    y += shown.height + (distances ? 20 : 6);
  }
  const svg = svgDocument(left + columns * cell + 12, y + 8, parts.join(""));
  return { svg, png: await svgToPng(svg, { scale: 2 }) };
}

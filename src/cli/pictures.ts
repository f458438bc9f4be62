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
  const { imageRows } = await import("../plots/index.js");
  const { channels, height, width } = picture;
  return imageRows({
    title,
    channels,
    height,
    width,
    groups: [
      {
        rows: rows.map(({ name, rows: from, indices, distances }) => ({
          name,
          images: Array.from(indices, (i) => imageOf(from, i, picture)),
          ...(distances && { texts: Array.from(distances, (value) => value.toPrecision(3)) }),
        })),
      },
    ],
  });
}

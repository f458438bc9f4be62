/**
 * PNG files from pixels and back (ISO/IEC 15948): eight bits a channel, grey, RGB, RGBA or an index into a palette.
 * Small on purpose: no interlacing, no 16 bits. Compression and checksum are those of Node.js.
 */

import { crc32, deflateSync, inflateSync } from "node:zlib";
import { expectThat } from "../errors.js";

/** Pixels row by row: `[height * width * channels]` bytes. Channels: 1 grey, 3 RGB, 4 RGBA. */
export interface Pixels {
  width: number;
  height: number;
  channels: 1 | 3 | 4;
  data: Uint8Array;
}

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const colourTypeOfChannels = { 1: 0, 3: 2, 4: 6 } as const;

/**
 * Encodes grey, RGB or RGBA pixels as a PNG file.
 * @throws UsageError where sizes and data do not fit.
 */
export function encodePng(pixels: Pixels): Uint8Array {
  const { width, height, channels, data } = pixels;
  expectSize(width, height, channels, data.length);
  return file(width, height, colourTypeOfChannels[channels], [], filtered(data, height, width * channels, channels));
}

/**
 * Encodes an image whose pixels are indices into a palette of at most 256 colours: the smallest form of a heat map.
 * @param indices `[height * width]`, each below the number of colours
 * @param palette `[colours * 3]` RGB bytes
 * @throws UsageError where sizes and data do not fit.
 */
export function encodeIndexedPng(indices: Uint8Array, width: number, height: number, palette: Uint8Array): Uint8Array {
  expectSize(width, height, 1, indices.length);
  const colours = palette.length / 3;
  expectThat(
    Number.isInteger(colours) && colours >= 1 && colours <= 256,
    () => `The palette has ${palette.length} bytes, but must have three for each of 1 to 256 colours: pass RGB bytes.`,
  );
  const largest = indices.reduce((most, index) => Math.max(most, index), 0);
  expectThat(
    largest < colours,
    () => `A pixel has the index ${largest}, but the palette has ${colours} colours: keep indices below that.`,
  );
  const rows = new Uint8Array(height * (width + 1)); // filter type 0 before each row: indices do not predict each other
  for (let row = 0; row < height; row++)
    rows.set(indices.subarray(row * width, (row + 1) * width), row * (width + 1) + 1);
  return file(width, height, 3, [chunk("PLTE", palette)], rows);
}

/**
 * Decodes a PNG file with eight bits a channel, not interlaced. Palettes are resolved to RGB (or RGBA where the file
 * gives the palette transparency); grey with alpha becomes RGBA.
 * @throws UsageError for anything that is not such a file.
 */
export function decodePng(bytes: Uint8Array): Pixels {
  expectThat(
    SIGNATURE.every((byte, k) => bytes[k] === byte),
    "The bytes are not a PNG file (its eight-byte signature is missing): pass the content of a .png file.",
  );
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Record<string, Uint8Array[]> = {};
  let position = 8;
  while (position + 12 <= bytes.length && !parts.IEND) {
    const length = view.getUint32(position);
    const end = position + 12 + length;
    const type = String.fromCharCode(...bytes.subarray(position + 4, position + 8));
    const intact =
      end <= bytes.length && view.getUint32(end - 4) === crc32(bytes.subarray(position + 4, end - 4)) >>> 0;
    expectThat(intact, () => `The PNG file is damaged in its ${type} part: make or copy it again.`);
    (parts[type] ??= []).push(bytes.subarray(position + 8, end - 4));
    position = end;
  }
  expectThat(parts.IHDR && parts.IDAT && parts.IEND, "The PNG file breaks off before its end: make or copy it again.");
  const header = new DataView(parts.IHDR[0].buffer, parts.IHDR[0].byteOffset, 13);
  const [width, height, depth, type] = [
    header.getUint32(0),
    header.getUint32(4),
    header.getUint8(8),
    header.getUint8(9),
  ];
  expectThat(
    depth === 8 && header.getUint8(12) === 0,
    () =>
      `The PNG file has ${depth} bits a channel or is interlaced, but only 8 bits, not interlaced, are read: convert it.`,
  );
  const stored = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }[type]!;
  const raw = unfiltered(inflateSync(Buffer.concat(parts.IDAT)), height, width * stored, stored);
  if (type === 3) return resolvePalette(raw, width, height, parts.PLTE?.[0], parts.tRNS?.[0]);
  if (type === 4) return greyWithAlpha(raw, width, height);
  return { width, height, channels: stored as 1 | 3 | 4, data: raw };
}

/** A PNG file as a `data:` address, to embed in SVG or HTML. */
export function dataUrl(png: Uint8Array): string {
  return `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
}

function expectSize(width: number, height: number, channels: number, length: number): void {
  expectThat(
    Number.isInteger(width) && Number.isInteger(height) && width >= 1 && height >= 1,
    () => `The image is ${width} x ${height} pixels, but both sides must be whole numbers from 1: pass its true size.`,
  );
  expectThat(
    channels === 1 || channels === 3 || channels === 4,
    () => `The image has ${channels} channels, but must have 1 (grey), 3 (RGB) or 4 (RGBA): convert it first.`,
  );
  expectThat(
    length === width * height * channels,
    () =>
      `The image has ${length} bytes, but ${height} rows of ${width} pixels with ${channels} channels need ` +
      `${width * height * channels}: pass matching sizes.`,
  );
}

function file(width: number, height: number, colourType: number, extra: Uint8Array[], rows: Uint8Array): Uint8Array {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, colourType, 0, 0, 0], 8);
  const packed = deflateSync(rows, { level: 9 });
  return new Uint8Array(
    Buffer.concat([
      Uint8Array.from(SIGNATURE),
      chunk("IHDR", header),
      ...extra,
      chunk("IDAT", packed),
      chunk("IEND", new Uint8Array(0)),
    ]),
  );
}

function chunk(type: string, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + content.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, content.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(content, 8);
  view.setUint32(8 + content.length, crc32(bytes.subarray(4, 8 + content.length)));
  return bytes;
}

/** Row filters of the format: what predicts a byte from its neighbours to the left (a), above (b), above left (c). */
const predictors: readonly ((a: number, b: number, c: number) => number)[] = [
  () => 0,
  (a) => a,
  (_, b) => b,
  (a, b) => (a + b) >> 1,
  paeth,
];

function paeth(a: number, b: number, c: number): number {
  const [toA, toB, toC] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)];
  return toA <= toB && toA <= toC ? a : toB <= toC ? b : c;
}

/** Each row with the filter whose residues have the least sum (the usual heuristic of PNG encoders). */
function filtered(data: Uint8Array, height: number, stride: number, step: number): Uint8Array {
  const rows = new Uint8Array(height * (stride + 1));
  const trial = new Uint8Array(stride);
  for (let row = 0; row < height; row++) {
    const start = row * stride;
    let least = Number.POSITIVE_INFINITY;
    predictors.forEach((predict, filter) => {
      let cost = 0;
      for (let k = 0; k < stride; k++) {
        const a = k >= step ? data[start + k - step] : 0;
        const b = row > 0 ? data[start + k - stride] : 0;
        const c = row > 0 && k >= step ? data[start + k - stride - step] : 0;
        trial[k] = data[start + k] - predict(a, b, c);
        cost += Math.min(trial[k], 256 - trial[k]);
      }
      if (cost >= least) return;
      least = cost;
      rows[row * (stride + 1)] = filter;
      rows.set(trial, row * (stride + 1) + 1);
    });
  }
  return rows;
}

function unfiltered(rows: Uint8Array, height: number, stride: number, step: number): Uint8Array {
  expectThat(
    rows.length === height * (stride + 1),
    () => `The PNG file holds ${rows.length} bytes of rows instead of ${height * (stride + 1)}: make it again.`,
  );
  const data = new Uint8Array(height * stride);
  for (let row = 0; row < height; row++) {
    const predict = predictors[rows[row * (stride + 1)]];
    const start = row * stride;
    for (let k = 0; k < stride; k++) {
      const a = k >= step ? data[start + k - step] : 0;
      const b = row > 0 ? data[start + k - stride] : 0;
      const c = row > 0 && k >= step ? data[start + k - stride - step] : 0;
      data[start + k] = rows[row * (stride + 1) + 1 + k] + predict(a, b, c);
    }
  }
  return data;
}

function resolvePalette(
  indices: Uint8Array,
  width: number,
  height: number,
  palette: Uint8Array | undefined,
  alpha: Uint8Array | undefined,
): Pixels {
  expectThat(palette, "The PNG file has indexed colours but no palette: make it again.");
  const channels = alpha ? 4 : 3;
  const data = new Uint8Array(indices.length * channels);
  indices.forEach((index, k) => {
    data.set(palette.subarray(3 * index, 3 * index + 3), k * channels);
    if (alpha) data[k * channels + 3] = index < alpha.length ? alpha[index] : 255;
  });
  return { width, height, channels, data };
}

function greyWithAlpha(raw: Uint8Array, width: number, height: number): Pixels {
  const data = new Uint8Array(width * height * 4);
  for (let k = 0; k < width * height; k++) data.set([raw[2 * k], raw[2 * k], raw[2 * k], raw[2 * k + 1]], 4 * k);
  return { width, height, channels: 4, data };
}

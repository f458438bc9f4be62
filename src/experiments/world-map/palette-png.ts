/**
 * A picture with at most 256 colours, a third of its size as a file: smooth colour fields and lines lose nothing to see.
 * Colours are chosen by median cut (Heckbert, Computer Graphics 1982) on the picture's own histogram.
 */
import { decodePng, encodeIndexedPng } from "../../plots/png.js";

/** Bits of a channel in the histogram. */
const BITS = 6;
const COLOURS = 256;

interface Box {
  /** Histogram bins (their index), with their counts in `counts`. */
  readonly bins: Int32Array;
  readonly count: number;
}

/** The PNG with its colours reduced; as it is where that makes it no smaller. */
export function withPalette(png: Uint8Array): Uint8Array {
  const { width, height, channels, data: pixels } = decodePng(png);
  if (channels < 3) return png;
  const counts = new Uint32Array(1 << (3 * BITS));
  const sums = new Float64Array(3 << (3 * BITS));
  const binOf = (at: number) =>
    ((pixels[at] >> (8 - BITS)) << (2 * BITS)) |
    ((pixels[at + 1] >> (8 - BITS)) << BITS) |
    (pixels[at + 2] >> (8 - BITS));
  for (let at = 0; at < pixels.length; at += channels) {
    const bin = binOf(at);
    counts[bin]++;
    for (let c = 0; c < 3; c++) sums[3 * bin + c] += pixels[at + c];
  }
  const used = Int32Array.from(counts.keys()).filter((bin) => counts[bin] > 0);
  const boxes = cut(used, counts);
  const table = new Uint8Array(3 * COLOURS);
  const indexOf = new Uint8Array(counts.length);
  boxes.forEach(({ bins, count }, k) => {
    for (let c = 0; c < 3; c++) {
      let total = 0;
      for (const bin of bins) total += sums[3 * bin + c];
      table[3 * k + c] = Math.round(total / count);
    }
    for (const bin of bins) indexOf[bin] = k;
  });
  const indices = new Uint8Array(width * height);
  for (let i = 0; i < indices.length; i++) indices[i] = indexOf[binOf(i * channels)];
  const small = encodeIndexedPng(indices, width, height, table);
  return small.length < png.length ? small : png;
}

/** Halves the box with the longest side (weighted by how often its colours occur) until there are enough. */
function cut(used: Int32Array, counts: Uint32Array): Box[] {
  const channel = (bin: number, c: number) => (bin >> ((2 - c) * BITS)) & ((1 << BITS) - 1);
  const boxOf = (bins: Int32Array): Box => ({ bins, count: bins.reduce((t, bin) => t + counts[bin], 0) });
  const longest = ({ bins }: Box): [side: number, c: number] => {
    let best: [number, number] = [0, 0];
    for (let c = 0; c < 3; c++) {
      let [low, high] = [Infinity, -Infinity];
      for (const bin of bins) {
        const value = channel(bin, c);
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
      if (high - low > best[0]) best = [high - low, c];
    }
    return best;
  };
  const boxes = [boxOf(used)];
  const worth = new Map<Box, number>();
  const worthOf = (box: Box) => {
    const known = worth.get(box) ?? longest(box)[0] * box.count ** 0.25;
    worth.set(box, known);
    return known;
  };
  while (boxes.length < COLOURS) {
    const box = boxes.reduce((a, b) => (worthOf(b) > worthOf(a) ? b : a));
    const [side, c] = longest(box);
    if (side === 0) break;
    const sorted = box.bins.slice().sort((a, b) => channel(a, c) - channel(b, c));
    // at the median of the pixels, but between two different values
    let [seen, at] = [0, 0];
    while (at < sorted.length - 1 && seen + counts[sorted[at]] <= box.count / 2) seen += counts[sorted[at++]];
    const values = (i: number) => channel(sorted[i], c);
    let up = Math.max(1, at);
    while (up < sorted.length && values(up) === values(up - 1)) up++;
    if (up === sorted.length) {
      up = Math.max(1, at);
      while (up > 1 && values(up) === values(up - 1)) up--;
    }
    boxes.splice(boxes.indexOf(box), 1, boxOf(sorted.subarray(0, up)), boxOf(sorted.subarray(up)));
  }
  return boxes;
}

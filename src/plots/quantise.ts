/**
 * A picture in at most 256 colours, for files a third of the size: median cut (Heckbert 1982). Colours are counted in
 * cubes of 5 bits a channel; the box with the largest spread times count is cut at the median of its widest channel,
 * until there are enough boxes; a box becomes the mean of its pixels.
 */

export interface Quantised {
  /** Number of the colour of each pixel. */
  readonly indices: Uint8Array;
  /** Red, green and blue of each colour. */
  readonly palette: Uint8Array;
}

interface Cube {
  readonly colour: readonly [number, number, number];
  readonly count: number;
  readonly key: number;
}

/** @param pixels red, green, blue and opacity of each pixel; opacity is left out: the pictures are on white */
export function quantise(pixels: Uint8Array, colours = 256): Quantised {
  const sums = new Map<number, [number, number, number, number]>();
  const keyOf = (i: number) => ((pixels[i] >> 3) << 10) | ((pixels[i + 1] >> 3) << 5) | (pixels[i + 2] >> 3);
  for (let i = 0; i < pixels.length; i += 4) {
    const key = keyOf(i);
    const sum = sums.get(key) ?? [0, 0, 0, 0];
    sums.set(key, sum);
    for (let c = 0; c < 3; c++) sum[c] += pixels[i + c];
    sum[3]++;
  }
  const cubes = [...sums].map(
    ([key, [r, g, b, count]]): Cube => ({ key, count, colour: [r / count, g / count, b / count] }),
  );
  const boxes = [boxOf(cubes)];
  while (boxes.length < colours) {
    const [worst] = boxes.map((box, i) => ({ i, box })).sort((a, b) => b.box.weight - a.box.weight);
    if (worst.box.cubes.length < 2 || worst.box.weight === 0) break;
    boxes.splice(worst.i, 1, ...cut(worst.box));
  }
  const palette = new Uint8Array(boxes.length * 3);
  const number = new Map<number, number>();
  boxes.forEach(({ cubes: members }, box) => {
    const total = members.reduce((sum, { count }) => sum + count, 0);
    for (let c = 0; c < 3; c++)
      palette[3 * box + c] = Math.round(members.reduce((sum, { colour, count }) => sum + colour[c] * count, 0) / total);
    for (const { key } of members) number.set(key, box);
  });
  const indices = Uint8Array.from({ length: pixels.length / 4 }, (_, pixel) => number.get(keyOf(4 * pixel))!);
  return { indices, palette };
}

interface ColourBox {
  readonly cubes: readonly Cube[];
  readonly channel: number;
  readonly weight: number;
}

function boxOf(cubes: readonly Cube[]): ColourBox {
  const spread = [0, 1, 2].map((c) => {
    const values = cubes.map(({ colour }) => colour[c]);
    return values.reduce((a, b) => Math.max(a, b)) - values.reduce((a, b) => Math.min(a, b));
  });
  const widest = Math.max(...spread);
  const count = cubes.reduce((sum, cube) => sum + cube.count, 0);
  return { cubes, channel: spread.indexOf(widest), weight: widest * Math.sqrt(count) };
}

function cut({ cubes, channel }: ColourBox): [ColourBox, ColourBox] {
  const sorted = [...cubes].sort((a, b) => a.colour[channel] - b.colour[channel] || a.key - b.key);
  const half = sorted.reduce((sum, { count }) => sum + count, 0) / 2;
  let [at, before] = [1, sorted[0].count];
  while (at < sorted.length - 1 && before < half) before += sorted[at++].count;
  return [boxOf(sorted.slice(0, at)), boxOf(sorted.slice(at))];
}

/**
 * Ways to spoil a set of digits step by step, to see what a feature distance makes of them: pixel noise, shifts, and
 * classes left out (the images are then of the other classes only, as of a generator that has lost some).
 */
import type { Dataset } from "../../data/index.js";
import { type NdArray, ndarray, takeRows } from "../../engine/index.js";
import { foldIn, permutation, randomKey, split, stream } from "../../numerics/random.js";

export interface Disturbance {
  readonly name: string;
  /** Five levels, 0 first: nothing. */
  readonly levels: readonly number[];
  readonly unit: string;
  /** `count` images of the data at this level. [count, D] */
  images(data: Dataset, level: number, count: number, seed: number): NdArray;
}

export const disturbances: readonly Disturbance[] = [
  {
    name: "pixel noise",
    levels: [0, 0.05, 0.1, 0.2, 0.4],
    unit: "standard deviation",
    images(data, level, count, seed) {
      const images = chosen(data, count, seed, () => true);
      const random = stream(split(randomKey(seed), "noise"));
      const noisy = images.data.map((x: number) => Math.min(1, Math.max(0, x + level * random.normal())));
      return ndarray(noisy as Float32Array, images.shape);
    },
  },
  {
    name: "shift",
    levels: [0, 1, 2, 3, 5],
    unit: "pixels, either way",
    images(data, level, count, seed) {
      const images = chosen(data, count, seed, () => true);
      const [height, width] = data.imageShape!;
      const random = stream(split(randomKey(seed), "shift"));
      const moved = new Float32Array(images.data.length);
      for (let i = 0; i < count; i++) {
        const [down, right] = [0, 1].map(() => level * (random.uniform() < 0.5 ? -1 : 1));
        for (let r = 0; r < height; r++)
          for (let c = 0; c < width; c++) {
            const [y, x] = [r - down, c - right];
            const inside = y >= 0 && x >= 0 && y < height && x < width;
            moved[(i * height + r) * width + c] = inside ? images.data[(i * height + y) * width + x] : 0;
          }
      }
      return ndarray(moved, images.shape);
    },
  },
  {
    name: "classes left out",
    levels: [0, 1, 2, 4, 7],
    unit: "of ten",
    images: (data, level, count, seed) => chosen(data, count, seed, (label) => label >= level),
  },
];

/** Random rows of the classes that are kept, with repetition only where there are too few. */
function chosen(data: Dataset, count: number, seed: number, keep: (label: number) => boolean): NdArray {
  const order = permutation(foldIn(randomKey(seed), 1), data.n).filter((row) => keep(data.labels![row]));
  const rows = Int32Array.from({ length: count }, (_, i) => order[i % order.length]);
  return takeRows(ndarray(data.rows, [data.n, data.dimension]), rows);
}

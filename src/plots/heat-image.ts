/** A field of numbers as an image: one pixel a number, indices into a colour table. */

import type { ColourScale } from "./colour-bar.js";
import { colourIndex } from "./colours.js";
import { encodeIndexedPng } from "./png.js";

/**
 * Encodes a grid as a PNG, the top row of the image being the grid's last row (the largest y).
 * @param values `[ny * nx]`, row by row
 */
export function heatPng(values: ArrayLike<number>, nx: number, ny: number, scale: ColourScale): Uint8Array {
  const indices = new Uint8Array(nx * ny);
  for (let row = 0; row < ny; row++)
    for (let column = 0; column < nx; column++)
      indices[(ny - 1 - row) * nx + column] = colourIndex(values[row * nx + column], scale.low, scale.high);
  return encodeIndexedPng(indices, nx, ny, scale.table);
}

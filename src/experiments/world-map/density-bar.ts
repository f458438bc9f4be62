/** The colour bar of a density on a logarithmic scale, with ticks in the density's own unit: 0.01, 0.1, 1, 10. */
import { colourTable } from "../../plots/colours.js";
import type { Block } from "../../plots/figure.js";
import { dataUrl, encodeIndexedPng } from "../../plots/png.js";
import { imageElement } from "../../plots/render.js";
import { textElement, textWidth } from "../../plots/text.js";
import { niceTicks, tickFormat } from "../../plots/ticks.js";

/** Colours of log10 densities: everything at or below `low` has the first one, at or above `high` the last. */
export interface DensityScale {
  readonly low: number;
  readonly high: number;
  /** Whether densities lie below `low` or above `high`. */
  readonly below: boolean;
  readonly above: boolean;
}

export const densityColours = colourTable("viridis");

/** Four decades at most below the largest density; the largest is the 99.9th percentile, so that a spike hides nothing. */
export function densityScale(log10Density: ArrayLike<number>, decades = 4): DensityScale {
  const sorted = Float64Array.from(log10Density).sort();
  const [least, most] = [sorted[0], sorted[sorted.length - 1]];
  const high = Math.max(sorted[Math.floor(0.999 * (sorted.length - 1))], least + 1e-6);
  const low = Math.max(least, high - decades);
  return { low, high, below: least < low - 1e-9, above: most > high + 0.05 };
}

/** The same scale, marked as open at either end where one of these densities lies beyond it. */
export function openEnded(scale: DensityScale, log10Densities: readonly ArrayLike<number>[]): DensityScale {
  const some = (beyond: (value: number) => boolean) => log10Densities.some((values) => Array.from(values).some(beyond));
  return {
    ...scale,
    below: scale.below || some((value) => value < scale.low - 1e-9),
    above: scale.above || some((value) => value > scale.high + 0.05),
  };
}

/** The raster of a density, cell by cell from the top left: a colour index, and one more for "no value". */
export function densityImage(
  cells: ArrayLike<number>,
  log10Density: ArrayLike<number>,
  columns: number,
  rows: number,
  scale: DensityScale,
): string {
  const indices = new Uint8Array(columns * rows);
  const known = new Uint8Array(columns * rows);
  for (let i = 0; i < cells.length; i++) {
    const share = (log10Density[i] - scale.low) / (scale.high - scale.low);
    indices[cells[i]] = Math.max(0, Math.min(255, Math.round(255 * share)));
    known[cells[i]] = 1;
  }
  // Cells that the outline cuts take the value of the nearest one inside, in their row: the rest is covered later.
  for (let row = 0; row < rows; row++) {
    let [first, last] = [-1, -1];
    for (let column = 0; column < columns; column++)
      if (known[row * columns + column]) {
        if (first < 0) first = column;
        last = column;
      }
    if (first < 0) continue;
    indices.fill(indices[row * columns + first], row * columns, row * columns + first);
    indices.fill(indices[row * columns + last], row * columns + last + 1, (row + 1) * columns);
  }
  return dataUrl(encodeIndexedPng(indices, columns, rows, densityColours));
}

const BAR = 16;
const POINT = 11;

/** The bar; `unit` such as "density per steradian". */
export function densityBar(scale: DensityScale, unit: string, height: number): Block {
  const [top, bottom] = [scale.above ? POINT : 0, height - (scale.below ? POINT : 0)];
  const colour = (index: number) =>
    `rgb(${densityColours[3 * index]},${densityColours[3 * index + 1]},${densityColours[3 * index + 2]})`;
  const column = encodeIndexedPng(
    Uint8Array.from({ length: 256 }, (_, k) => 255 - k),
    1,
    256,
    densityColours,
  );
  const parts = [imageElement(dataUrl(column), 0, top, BAR, bottom - top)];
  if (scale.above) parts.push(`<path d="M0,${top}L${BAR / 2},0L${BAR},${top}Z" fill="${colour(255)}"/>`);
  if (scale.below) parts.push(`<path d="M0,${bottom}L${BAR / 2},${height}L${BAR},${bottom}Z" fill="${colour(0)}"/>`);
  parts.push(`<path d="M0,${top}H${BAR}V${bottom}H0Z" fill="none" stroke="#222222"/>`);
  let widest = 0;
  for (const { value, text, long } of decadeTicks(scale.low, scale.high)) {
    const y = top + ((scale.high - value) / (scale.high - scale.low)) * (bottom - top);
    parts.push(`<path d="M${BAR},${y.toFixed(1)}h${long ? 6 : 3}" stroke="#222222"/>`);
    if (text === "") continue;
    parts.push(textElement(text, BAR + 9, y + 4, { size: 12 }));
    widest = Math.max(widest, textWidth(text, 12));
  }
  const x = BAR + 9 + widest + 18;
  parts.push(textElement(unit, x, height / 2, { size: 13, anchor: "middle", rotate: -90 }));
  return { markup: `<g class="density-bar">${parts.join("")}</g>`, width: x + 6, height };
}

/**
 * Ticks at 1, 2, ..., 9 times powers of ten; names at the powers, and at 2 and 5 where there are few powers, at all where
 * that leaves less than two; on a range of less than two such ticks, at round numbers in equal steps.
 */
export function decadeTicks(low: number, high: number): { value: number; text: string; long: boolean }[] {
  const ticks = wholeDigits(low, high);
  if (ticks.filter(({ text }) => text !== "").length >= 2) return ticks;
  if (ticks.length >= 2)
    return ticks.map(({ value }) => ({ value, text: String(Number((10 ** value).toPrecision(1))), long: true }));
  const values = niceTicks(10 ** low, 10 ** high, 4);
  const format = tickFormat(values);
  return values.map((value) => ({ value: Math.log10(value), text: format(value), long: true }));
}

function wholeDigits(low: number, high: number) {
  const ticks: { value: number; text: string; long: boolean }[] = [];
  for (let power = Math.floor(low); power <= Math.ceil(high); power++)
    for (let digit = 1; digit <= 9; digit++) {
      const value = power + Math.log10(digit);
      if (value < low - 1e-9 || value > high + 1e-9) continue;
      const named = digit === 1 || (high - low < 2.2 && (digit === 2 || digit === 5));
      ticks.push({ value, text: named ? String(Number((digit * 10 ** power).toPrecision(1))) : "", long: digit === 1 });
    }
  return ticks;
}

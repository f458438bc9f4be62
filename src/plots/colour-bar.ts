/** The colour bar beside a heat map: colours, ticks, the quantity's name, and what was clipped. */

import type { ColourTable } from "./colours.js";
import { hexOf, tableColour } from "./colours.js";
import type { Block } from "./figure.js";
import { dataUrl, encodeIndexedPng } from "./png.js";
import { imageElement } from "./render.js";
import { textElement, textWidth, wrapText } from "./text.js";
import { formatNumber, niceTicks, tickFormat } from "./ticks.js";

/** How values become colours. */
export interface ColourScale {
  table: ColourTable;
  /** The values at the two ends of the table. */
  low: number;
  high: number;
  /** The least and greatest value of the data. */
  dataLow: number;
  dataHigh: number;
  /** Which part of the values the ends leave out, in words; empty where none. */
  clipped: string;
}

/**
 * The colour scale of a field. With `clip: [1, 99]` the ends lie at these percentiles; `"none"` takes the data's own
 * range; `"auto"` takes the percentiles 1 and 99 where the outermost 2 % of values would take more than a third of the
 * colours, and the data's range elsewhere.
 */
export function colourScale(
  values: ArrayLike<number>,
  table: ColourTable,
  clip: "auto" | "none" | readonly [number, number] = "auto",
): ColourScale {
  const sorted = Float64Array.from(values).sort();
  const [dataLow, dataHigh] = [sorted[0], sorted[sorted.length - 1]];
  const whole: ColourScale = { table, low: dataLow, high: dataHigh, dataLow, dataHigh, clipped: "" };
  if (clip === "none") return whole;
  const [from, to] = clip === "auto" ? [1, 99] : clip;
  const [low, high] = [percentile(sorted, from), percentile(sorted, to)];
  const outliersRule = high - low < (2 / 3) * (dataHigh - dataLow);
  if (!(high > low) || (clip === "auto" && !outliersRule)) return whole;
  const clipped = low > dataLow || high < dataHigh ? `colours end at percentiles ${from} and ${to}` : "";
  return { table, low, high, dataLow, dataHigh, clipped };
}

/** The value below which `percent` of the sorted values lie, linear between neighbours. */
function percentile(sorted: Float64Array, percent: number): number {
  const position = ((sorted.length - 1) * percent) / 100;
  const below = Math.floor(position);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
}

const BAR = 16;
const TICK_TEXT = 12;
const LABEL_TEXT = 13;
const NOTE_TEXT = 11;
const POINT = 12; // height of the arrow at an end beyond which there are values

/** Draws the bar with its ticks to the right and its label, turned, beside them. */
export function colourBarBlock(scale: ColourScale, label: string, height: number): Block {
  const tall = Math.max(height, 180);
  const [pointHigh, pointLow] = [scale.high < scale.dataHigh, scale.low > scale.dataLow];
  const top = pointHigh ? POINT : 0;
  const barHeight = tall - top - (pointLow ? POINT : 0);
  const parts: string[] = [];
  const column = encodeIndexedPng(
    Uint8Array.from({ length: 256 }, (_, k) => 255 - k),
    1,
    256,
    scale.table,
  );
  parts.push(imageElement(dataUrl(column), 0, top, BAR, barHeight));
  if (pointHigh)
    parts.push(`<path d="M0,${top}L${BAR / 2},0L${BAR},${top}Z" fill="${hexOf(tableColour(scale.table, 255))}"/>`);
  if (pointLow)
    parts.push(
      `<path d="M0,${top + barHeight}L${BAR / 2},${tall}L${BAR},${top + barHeight}Z" ` +
        `fill="${hexOf(tableColour(scale.table, 0))}"/>`,
    );
  const bottom = top + barHeight;
  const outline =
    `M0,${top}${pointHigh ? `L${BAR / 2},0` : ""}L${BAR},${top}V${bottom}` +
    `${pointLow ? `L${BAR / 2},${tall}` : ""}L0,${bottom}Z`;
  parts.push(`<path d="${outline}" fill="none" stroke="#222222" stroke-width="1"/>`);
  const ticks = niceTicks(scale.low, scale.high, Math.max(2, Math.min(8, barHeight / 55)));
  const format = tickFormat(ticks);
  let widest = 0;
  for (const tick of ticks) {
    const share = scale.high > scale.low ? (tick - scale.low) / (scale.high - scale.low) : 0.5;
    const y = Math.round((top + barHeight * (1 - share)) * 10) / 10;
    parts.push(`<path d="M${BAR},${y}h5" stroke="#222222"/>`);
    parts.push(textElement(format(tick), BAR + 8, y + 4, { size: TICK_TEXT }));
    widest = Math.max(widest, textWidth(format(tick), TICK_TEXT));
  }
  let x = BAR + 8 + widest + 8;
  const lines = [
    ...wrapText(label, LABEL_TEXT, tall).map((text) => ({ text, size: LABEL_TEXT, fill: "#222222" })),
    ...wrapText(rangeNote(scale), NOTE_TEXT, tall).map((text) => ({ text, size: NOTE_TEXT, fill: "#555555" })),
  ];
  for (const { text, size, fill } of lines) {
    x += size;
    parts.push(textElement(text, x, tall / 2, { size, anchor: "middle", fill, rotate: -90 }));
    x += 4;
  }
  const ends = `data-low="${scale.low}" data-high="${scale.high}"`;
  return { markup: `<g class="colour-bar" ${ends}>${parts.join("")}</g>`, width: Math.ceil(x), height: tall };
}

function rangeNote(scale: ColourScale): string {
  if (scale.dataLow === scale.dataHigh) return `everywhere ${formatNumber(scale.dataLow)}`;
  const range = `data from ${formatNumber(scale.dataLow)} to ${formatNumber(scale.dataHigh)}`;
  return scale.clipped ? `${range}; ${scale.clipped}` : range;
}

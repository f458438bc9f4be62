/** Legends: what each colour, marker and line style stands for. */

import { type Shape, shapePath } from "./colours.js";
import type { Block } from "./figure.js";
import { escapeXml, fitText, textElement, textWidth } from "./text.js";

/** One row of a legend. A swatch may combine a line and a marker. */
export interface LegendEntry {
  name: string;
  line?: LineStyle;
  marker?: MarkerStyle;
  area?: { fill: string; stroke: string; dash?: string };
}

/** A line; `casing` is a wider line below it in another colour, so that it shows on any ground. */
export interface LineStyle {
  stroke: string;
  width: number;
  dash?: string;
  casing?: string;
  /** How far the casing reaches beyond the line on each side, in pixels (0.9), and how dense it is (1). */
  rim?: number;
  casingOpacity?: number;
}

/** A marker: a shape filled and outlined. */
export interface MarkerStyle {
  shape: Shape;
  fill: string;
  outline?: string;
}

/** Rows under a heading. */
export interface LegendGroup {
  heading?: string;
  entries: readonly LegendEntry[];
}

const ROW = 20;
const SWATCH = 30;
const TEXT_SIZE = 12;
const WIDEST_NAME = 190;
const LEAST_COLUMN_HEIGHT = 560;

/** Draws groups of entries in as many columns as the height asks for. `ground` colours the field behind the swatches. */
export function legendBlock(groups: readonly LegendGroup[], height: number, ground = "none"): Block {
  const rows = groups
    .filter((group) => group.entries.length > 0)
    .flatMap((group, k) => [
      ...(k > 0 ? [{ kind: "space" as const }] : []),
      ...(group.heading ? [{ kind: "heading" as const, text: group.heading }] : []),
      ...group.entries.map((entry) => ({ kind: "entry" as const, entry })),
    ]);
  if (rows.length === 0) return { markup: "", width: 0, height: 0 };
  const perColumn = Math.max(4, Math.floor(Math.max(height, LEAST_COLUMN_HEIGHT) / ROW));
  const columns = Array.from({ length: Math.ceil(rows.length / perColumn) }, (_, k) =>
    rows.slice(k * perColumn, (k + 1) * perColumn),
  );
  const parts: string[] = [];
  let x = 0;
  let tallest = 0;
  for (const column of columns) {
    let widest = 0;
    column.forEach((row, k) => {
      const middle = (k + 0.5) * ROW;
      if (row.kind === "heading") {
        const text = fitText(row.text, TEXT_SIZE, WIDEST_NAME);
        parts.push(textElement(text, x, middle + 4, { size: TEXT_SIZE, bold: true }));
        widest = Math.max(widest, textWidth(text, TEXT_SIZE, true));
      } else if (row.kind === "entry") {
        const text = fitText(row.entry.name, TEXT_SIZE, WIDEST_NAME);
        parts.push(
          `<g class="legend-entry"><title>${escapeXml(row.entry.name)}</title>${swatch(row.entry, x, middle, ground)}` +
            `${textElement(text, x + SWATCH + 8, middle + 4, { size: TEXT_SIZE })}</g>`,
        );
        widest = Math.max(widest, SWATCH + 8 + textWidth(text, TEXT_SIZE));
      }
    });
    x += widest + 16;
    tallest = Math.max(tallest, column.length * ROW);
  }
  return { markup: parts.join(""), width: Math.ceil(x - 16), height: tallest };
}

function swatch(entry: LegendEntry, x: number, y: number, ground: string): string {
  const parts: string[] = [];
  if (ground !== "none" && entry.line)
    parts.push(`<rect x="${x}" y="${y - 7}" width="${SWATCH}" height="14" fill="${ground}"/>`);
  if (entry.area)
    parts.push(
      `<rect x="${x + 4}" y="${y - 6}" width="${SWATCH - 8}" height="12" fill="${entry.area.fill}" fill-opacity="0.35" ` +
        `stroke="${entry.area.stroke}" stroke-width="1.5"${entry.area.dash ? ` stroke-dasharray="${entry.area.dash}"` : ""}/>`,
    );
  if (entry.line) parts.push(linePath(`M${x + 2},${y}H${x + SWATCH - 2}`, entry.line));
  if (entry.marker) parts.push(markerPath([shapePath(entry.marker.shape, x + SWATCH / 2, y, 4.5)], entry.marker));
  return parts.join("");
}

/** A line in a style, its casing below it. */
export function linePath(path: string, style: LineStyle, name = ""): string {
  const round = 'fill="none" stroke-linejoin="round"';
  const { width, rim = 0.9, casingOpacity = 1 } = style;
  const casing = style.casing
    ? `<path d="${path}" ${round} stroke="${style.casing}" stroke-width="${width + 2 * rim}" stroke-opacity="${casingOpacity}"/>`
    : "";
  const dash = style.dash ? ` stroke-dasharray="${style.dash}"` : ' stroke-linecap="round"';
  const label = name ? ` class="${name}"` : "";
  return `${casing}<path${label} d="${path}" ${round} stroke="${style.stroke}" stroke-width="${width}"${dash}/>`;
}

/** Markers of one style as one element. */
export function markerPath(paths: readonly string[], style: MarkerStyle, name = "", outlineWidth = 1): string {
  const outline = style.outline ? ` stroke="${style.outline}" stroke-width="${outlineWidth}"` : "";
  const label = name ? ` class="${name}"` : "";
  return `<path${label} d="${paths.join("")}" fill="${style.fill}"${outline}/>`;
}

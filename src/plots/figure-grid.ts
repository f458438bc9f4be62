/** Several finished pictures in one: rows of figures, each in a cell of its own, with words around them and a legend. */
import { expectThat } from "../errors.js";
import type { Block, Words } from "./figure.js";
import { svgDocument } from "./render.js";
import { textElement, wrapText } from "./text.js";

export interface FigureGridOptions extends Words {
  /** How many figures stand beside each other. */
  readonly columns: number;
  /** Stands in the first free cell, else to the right. */
  readonly legend?: Block;
}

const PADDING = 14;
const GAP = 6;
const LEGEND_TOP = 40;

/**
 * Puts SVG documents of this room together.
 * @returns an SVG document @throws UsageError without figures, or for text that is no such document
 */
export function figureGrid(figures: readonly string[], options: FigureGridOptions): string {
  const { columns, legend } = options;
  expectThat(figures.length > 0, "There are no figures to arrange: pass at least one.");
  const parts = figures.map(content);
  const used = Math.min(columns, figures.length);
  const rows = Math.ceil(figures.length / columns);
  const widths = Array.from({ length: used }, (_, c) => largest(parts, (k) => k % columns === c, "width"));
  const heights = Array.from({ length: rows }, (_, r) =>
    largest(parts, (k) => Math.floor(k / columns) === r, "height"),
  );
  const free = rows * columns > figures.length && rows > 1;
  if (legend && free) heights[rows - 1] = Math.max(heights[rows - 1], legend.height + LEGEND_TOP + 10);
  const inner = sum(widths) + GAP * (used - 1);
  const total = inner + 2 * PADDING + (legend && !free ? legend.width + 18 : 0);
  const drawn: string[] = [];
  let y = PADDING;
  const write = (text: string | undefined, size: number, bold: boolean, fill: string) => {
    for (const line of text ? wrapText(text, size, total - 2 * PADDING, bold) : []) {
      drawn.push(textElement(line, PADDING, y + size, { size, bold, fill }));
      y += size * 1.35;
    }
    y += text ? 5 : 0;
  };
  write(options.title, 19, true, "#222222");
  write(options.subtitle, 13, false, "#555555");
  const top = Math.round(y);
  const place = (k: number) => ({
    x: PADDING + sum(widths.slice(0, k % columns)) + GAP * (k % columns),
    y: top + sum(heights.slice(0, Math.floor(k / columns))),
  });
  parts.forEach(({ markup }, k) => {
    const at = place(k);
    drawn.push(`<g transform="translate(${at.x} ${at.y})">${markup}</g>`);
  });
  if (legend) {
    const at = free ? place(figures.length) : { x: PADDING + inner + 18, y: top };
    drawn.push(`<g transform="translate(${at.x + 14} ${at.y + LEGEND_TOP})">${legend.markup}</g>`);
  }
  y = top + sum(heights) + 4;
  write(options.caption, 13, false, "#555555");
  return svgDocument(total, y + PADDING - 4, drawn.join(""));
}

function content(svg: string): { markup: string; width: number; height: number } {
  const found = /^<svg[^>]* width="(\d+)" height="(\d+)"[^>]*>(<rect width="100%"[^>]*>)?([\s\S]*)<\/svg>\s*$/.exec(
    svg,
  );
  expectThat(found !== null, "figureGrid: a figure is not an SVG document of this package.");
  const [, width, height, , markup] = found!;
  return { markup: markup.replace(/<title>.*?<\/title>/g, ""), width: Number(width), height: Number(height) };
}

function largest(
  parts: readonly { width: number; height: number }[],
  within: (k: number) => boolean,
  side: "width" | "height",
): number {
  return parts.reduce((most, part, k) => (within(k) ? Math.max(most, part[side]) : most), 0);
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, x) => total + x, 0);

/** A figure: title and subtitle above, the panel on the left, legends and colour bars beside it, the caption below. */

import type { Panel } from "./panel.js";
import { svgDocument } from "./render.js";
import { escapeXml, textElement, wrapText } from "./text.js";

/** A drawn piece of known size, its corner at (0, 0). */
export interface Block {
  markup: string;
  width: number;
  height: number;
}

/** Words around a picture. */
export interface Words {
  title?: string;
  subtitle?: string;
  caption?: string;
}

const PADDING = 14;
const GAP = 18;
const LINE = 1.3;
const LEAST_WIDTH = 420;

/** Puts a figure together. The blocks stand to the right of the panel, level with the top of its plane. */
export function composeFigure(panel: Panel, beside: readonly Block[], words: Words): string {
  const blocks = beside.filter((block) => block.width > 0);
  const contentWidth = panel.width + blocks.reduce((sum, block) => sum + GAP + block.width, 0);
  const width = Math.max(LEAST_WIDTH, contentWidth + 2 * PADDING);
  const room = width - 2 * PADDING;
  const parts: string[] = [];
  let y = PADDING;
  const write = (text: string | undefined, size: number, bold: boolean, fill: string) => {
    if (!text) return;
    for (const line of wrapText(text, size, room, bold)) {
      parts.push(textElement(line, PADDING, y + size, { size, bold, fill }));
      y += size * LINE;
    }
    y += 4;
  };
  write(words.title, 16, true, "#222222");
  write(words.subtitle, 12, false, "#555555");
  if (y > PADDING) y += 4;
  y = Math.round(y);
  parts.push(placed(panel.markup, PADDING, y));
  let x = PADDING + panel.width + GAP;
  for (const block of blocks) {
    parts.push(`<g transform="translate(${x} ${y + panel.top})">${block.markup}</g>`);
    x += block.width + GAP;
  }
  y += Math.max(panel.height, ...blocks.map((block) => panel.top + block.height));
  y += words.caption ? 8 : 0;
  write(words.caption, 12, false, "#555555");
  const label = words.title ? `<title>${escapeXml(words.title)}</title>` : "";
  return svgDocument(width, y + PADDING - 4, label + parts.join(""));
}

/** A plot's `<svg>` element as a moved group: a nested viewport would be one more clip path (see `cutting.ts`). */
function placed(fragment: string, x: number, y: number): string {
  const group = fragment.replace(/^<svg[^>]*?( text-anchor="\w+")/, `<g transform="translate(${x} ${y})"$1`);
  return group.replace(/<\/svg>$/, "</g>");
}

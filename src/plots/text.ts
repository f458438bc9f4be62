/**
 * Text in pictures: escaping, widths and line breaks. Widths are those of DejaVu Sans, the font that the PNGs are drawn
 * with; it is wider than most, so what fits in it fits in a reader's own font too.
 */

/** The fonts that SVG text asks for. */
export const FONT_FAMILY = "'DejaVu Sans', Verdana, sans-serif";

// Advance widths of the characters 32 to 126 in thousandths of the font size (from the font's `hmtx` table).
const ADVANCES = [
  318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636, 636, 636,
  636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656, 557, 863,
  748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635,
  615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636,
  337, 636, 838,
];
const OTHER = 838; // the width of minus, times and most mathematical signs
const WIDE = 1200; // scripts that the font may lack

/** The width of a line of text in pixels. */
export function textWidth(text: string, size: number, bold = false): number {
  let thousandths = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    thousandths += ADVANCES[code - 32] ?? (code < 0x2e80 ? OTHER : WIDE);
  }
  return (thousandths / 1000) * size * (bold ? 1.12 : 1);
}

/** Breaks text into lines no wider than `width` pixels; a single word that is wider is broken within. */
export function wrapText(text: string, size: number, width: number, bold = false): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const longer = line ? `${line} ${word}` : word;
    if (textWidth(longer, size, bold) <= width) {
      line = longer;
      continue;
    }
    if (line) lines.push(line);
    line = "";
    for (const character of word) {
      if (line && textWidth(line + character, size, bold) > width) {
        lines.push(line);
        line = "";
      }
      line += character;
    }
  }
  if (line) lines.push(line);
  return lines;
}

/** Shortens text to `width` pixels, with an ellipsis where something was cut. */
export function fitText(text: string, size: number, width: number): string {
  if (textWidth(text, size) <= width) return text;
  const characters = [...text];
  while (characters.length > 1 && textWidth(`${characters.join("")}…`, size) > width) characters.pop();
  return `${characters.join("").trimEnd()}…`;
}

/** Makes text safe between tags and in attributes; characters that XML forbids are dropped. */
export function escapeXml(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that XML 1.0 forbids
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "")
      .replace(/&/g, "&amp;")
      .replace(/</g, "&lt;")
      .replace(/>/g, "&gt;")
      .replace(/"/g, "&quot;")
  );
}

/** One line of text as an SVG element. */
export function textElement(
  text: string,
  x: number,
  y: number,
  style: { size?: number; bold?: boolean; anchor?: "start" | "middle" | "end"; fill?: string; rotate?: number } = {},
): string {
  const { size = 12, bold = false, anchor = "start", fill = "#222222", rotate } = style;
  const at = `x="${round(x)}" y="${round(y)}"`;
  const turn = rotate === undefined ? "" : ` transform="rotate(${rotate} ${round(x)} ${round(y)})"`;
  const weight = bold ? ' font-weight="bold"' : "";
  return `<text ${at}${turn} font-size="${size}"${weight} text-anchor="${anchor}" fill="${fill}">${escapeXml(text)}</text>`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

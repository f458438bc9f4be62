/** The file of results: one section for each benchmark, replaced when that benchmark is run again. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { machine } from "./measure.js";

const file = fileURLToPath(new URL("../../bench/RESULTS.md", import.meta.url));
const head = `# Results

Ratios are measured in one run, against a limit or a baseline measured in the same run; times are medians. The machines
are shared and noisy, so single figures vary by some tens of per cent from run to run.
`;

/** Replaces (or adds) the section \`title\`. */
export function writeSection(title: string, command: string, body: string): void {
  const text = existsSync(file) ? readFileSync(file, "utf8") : head;
  const sections = text.split(/^(?=## )/m);
  const date = new Date().toISOString().slice(0, 10);
  const section = `## ${title}\n\n${machine()}; ${date}; \`${command}\`\n\n${body.trim()}\n\n`;
  const at = sections.findIndex((s) => s.startsWith(`## ${title}\n`));
  if (at >= 0) sections[at] = section;
  else sections.push(section);
  writeFileSync(file, `${sections.map((s) => s.trim()).join("\n\n")}\n`);
}

/** Rows of cells as a Markdown table, the first being the head. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(rows[0]), `|${rows[0].map(() => "---").join("|")}|`, ...rows.slice(1).map(line)].join("\n");
}

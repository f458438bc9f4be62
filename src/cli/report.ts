/**
 * What a verb says. Without `--json`, sentences and tables go to standard output; with it, one JSON document goes to
 * standard output and everything else to standard error. Progress is a line that rewrites itself on a terminal and
 * plain lines, a few, elsewhere.
 */
import { inCommandWords } from "./words.js";

export interface Report {
  /** A sentence for the reader. */
  say(text: string): void;
  /** Progress of long work: `done` of `total`, with a note. */
  progress(done: number, total: number, note: string): void;
  /** Ends the line of progress. */
  progressDone(): void;
  /** The result: printed as JSON with `--json`, otherwise left to `say`. */
  result(document: unknown): void;
}

export function createReport(json: boolean): Report {
  const out = json ? process.stderr : process.stdout;
  const terminal = process.stderr.isTTY === true;
  let open = false;
  let lastTenth = -1;
  const clear = () => {
    if (open) process.stderr.write("\r\x1b[2K");
    open = false;
  };
  return {
    say(text) {
      clear();
      out.write(`${inCommandWords(text)}\n`);
    },
    progress(done, total, note) {
      const share = total > 0 ? Math.min(1, done / total) : 1;
      if (terminal) {
        const width = 24;
        const bar = "#".repeat(Math.round(share * width)).padEnd(width, ".");
        process.stderr.write(`\r\x1b[2K[${bar}] ${note}`.slice(0, (process.stderr.columns ?? 100) + 6));
        open = true;
        return;
      }
      const tenth = Math.floor(share * 10);
      if (tenth === lastTenth) return;
      lastTenth = tenth;
      process.stderr.write(`${String(Math.round(share * 100)).padStart(3)} % ${note}\n`);
    },
    progressDone() {
      clear();
      lastTenth = -1;
    },
    result(document) {
      clear();
      if (json) process.stdout.write(`${JSON.stringify(document)}\n`);
    },
  };
}

/** Seconds as "8 s", "2 min 05 s". */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 119.5) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  return `${minutes} min ${String(Math.round(seconds - 60 * minutes)).padStart(2, "0")} s`;
}

/** Rows of cells as lines with aligned columns. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  return rows.map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i])).join("  ")}`.trimEnd()).join("\n");
}

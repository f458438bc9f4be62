/** The code blocks of README.md and docs/, and the command lines in them. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const pages = [
  "README.md",
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

export const blocks = pages.flatMap((page) => {
  const text = readFileSync(join(root, page), "utf8");
  return [...text.matchAll(/```(\w+)\n([\s\S]*?)```/g)].map(([, language, code], i) => ({ page, i, language, code }));
});

/** Lines that begin with `atlas`, without their comments. */
export const commandLines = blocks
  .filter(({ language }) => language === "sh")
  .flatMap(({ page, code }) => code.split("\n").map((line) => ({ page, line: line.replace(/#.*$/, "").trim() })))
  .filter(({ line }) => line.startsWith("atlas "));

/** The library's examples of README.md and docs/ run as printed; the verbs and options of their command lines exist. */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { transformSync } from "esbuild";
import { describe, expect, it } from "vitest";
import { createProgram } from "../../src/cli/main.js";
import { blocks, commandLines, root } from "./blocks.js";

/** What an example says it prints: the comments after `console.log(...)`. */
const promised = (code: string) =>
  [...code.matchAll(/console\.log\(.*\);? +\/\/ (.+)$/gm)].map(([, text]) => text.trim());

describe("library examples", () => {
  const scripts = blocks.filter(
    ({ language, code }) => ["js", "ts"].includes(language) && code.includes('from "latent-atlas"'),
  );
  it("are there", () => expect(scripts.length).toBeGreaterThanOrEqual(2));
  it.each(scripts)("$page, block $i", ({ page, i, language, code }) => {
    // Inside the package, so that it can import itself by name as a user's file would.
    const folder = join(root, ".cache", "examples");
    mkdirSync(folder, { recursive: true });
    copyFileSync(join(root, "test", "fixtures", "onnx", "torch-conv.onnx"), join(folder, "decoder.onnx"));
    const file = join(folder, `${page.replace(/\W+/g, "-")}-${i}.mjs`);
    writeFileSync(file, language === "ts" ? transformSync(code, { loader: "ts", format: "esm" }).code : code);
    const { status, stdout, stderr } = spawnSync(process.execPath, [file], { encoding: "utf8", cwd: folder });
    expect(status, stderr).toBe(0);
    const printed = stdout.replace(/\s+/g, " ");
    for (const line of promised(code)) expect(printed).toContain(line.replace(/\s+/g, " "));
  });
});

describe("commands", () => {
  it("are there", () => expect(commandLines.length).toBeGreaterThanOrEqual(8));
  it.each(commandLines)("$page: $line", ({ line }) => {
    const words = line.split(/\s+/).slice(1);
    let command = createProgram();
    while (words.length > 0 && command.commands.some((c) => c.name() === words[0])) {
      const name = words.shift();
      command = command.commands.find((c) => c.name() === name)!;
    }
    expect(command.name()).not.toBe("atlas");
    for (const word of words.filter((w) => w.startsWith("--")))
      expect(
        command.options.some((option) => option.long === word.split("=")[0]),
        `${line}: ${word}`,
      ).toBe(true);
    for (const option of command.options.filter((o) => o.mandatory)) expect(line).toContain(option.long);
  });
});

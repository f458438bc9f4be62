// Translates `src/**/*.ts` to `dist/**/*.js` and `bench/*.ts` to `dist/bench/*.js`, one file for one file, when a source is newer than its translation.
// With `--types` also writes the type declarations (needed for publishing, not for running).
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, "src");
const target = join(root, "dist");

/** Brings `dist/` up to date with `src/`; cheap when nothing changed. */
export async function build() {
  const wanted = new Set();
  const stale = [];
  for (const file of [
    ...filesBelow(source),
    ...filesBelow(join(root, "bench")).filter((name) => name.endsWith(".ts")),
  ]) {
    const base = file.startsWith(source) ? source : root;
    const output = join(target, relative(base, file).replace(/\.ts$/, ".js"));
    wanted.add(output);
    if (!existsSync(output) || statSync(output).mtimeMs < statSync(file).mtimeMs) stale.push([file, output]);
  }
  if (existsSync(target))
    for (const file of filesBelow(target)) {
      const base = file.replace(/\.(d\.ts|js\.map|js)$/, ".js");
      if (!wanted.has(base)) rmSync(file);
    }
  if (stale.length === 0) return;
  const { transform } = await import("esbuild");
  await Promise.all(
    stale.map(async ([file, output]) => {
      const text = readFileSync(file, "utf8");
      const { code } = file.endsWith(".ts")
        ? await transform(text, { loader: "ts", target: "es2022", format: "esm", sourcefile: relative(root, file) })
        : { code: text };
      mkdirSync(dirname(output), { recursive: true });
      writeFileSync(output, file.startsWith(source) ? code : code.replaceAll('"../src/', '"../'));
    }),
  );
}

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".md"))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await build();
  if (process.argv.includes("--types")) {
    const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
    const result = spawnSync(
      process.execPath,
      [
        tsc,
        "-p",
        "tsconfig.json",
        "--noEmit",
        "false",
        "--emitDeclarationOnly",
        "--declaration",
        "--outDir",
        "dist",
        "--rootDir",
        "src",
      ],
      { cwd: root, stdio: "inherit" },
    );
    process.exit(result.status ?? 1);
  }
}

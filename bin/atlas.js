#!/usr/bin/env node
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const built = new URL("../dist/cli/main.js", import.meta.url);

if (existsSync(built)) {
  const { main } = await import(built.href);
  await main(process.argv);
} else {
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  console.error(
    `atlas: ${root} has not been built yet; run npm start there (or npm ci and npm run build), then this again.`,
  );
  process.exitCode = 2;
}

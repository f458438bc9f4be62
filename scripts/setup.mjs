// Makes a checkout ready to run: checks the Node.js version, installs what is missing, builds `dist/` when a
// source is newer. `npm start`, `npm test` and `npm run check` all begin here, so that each works on a fresh clone.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `latent-atlas needs Node.js 20.19 or newer, this is ${process.versions.node}; install a newer Node.js and try again.`,
  );
  process.exit(2);
}

installWhatIsMissing();
const { build } = await import("./build.mjs");
await build();

function installWhatIsMissing() {
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  const stamp = join(root, "node_modules", ".latent-atlas-lock");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  console.error("Installing dependencies (once) ...");
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const result = spawnSync(npm, ["install", "--no-save", "--no-audit", "--no-fund"], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
  });
  if (result.status !== 0) {
    console.error("npm install failed: check that the npm registry can be reached, then run the same command again.");
    process.exit(1);
  }
  writeFileSync(stamp, lock);
}

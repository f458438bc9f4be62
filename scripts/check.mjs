// `npm run check`: type check, linter and formatter, dependency rule. Runs all of them, then fails if one did.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = (name) => join(root, "node_modules", ".bin", name);
const steps = [
  ["type check", bin("tsc"), ["-p", "tsconfig.json"]],
  ["linter and formatter", bin("biome"), ["check", "--error-on-warnings", "."]],
  ["dependency rule", bin("depcruise"), ["src", "--config", ".dependency-cruiser.cjs"]],
];
let failed = 0;
for (const [name, command, parameters] of steps) {
  const result = spawnSync(command, parameters, { cwd: root, stdio: "inherit", shell: process.platform === "win32" });
  console.log(`${result.status === 0 ? "ok  " : "FAIL"} ${name}`);
  if (result.status !== 0) failed++;
}
process.exit(failed === 0 ? 0 : 1);

/** Programs for tests that kill a process: TypeScript, bundled so that plain Node.js runs it. */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(dirname(here));

/** Bundles `source`, whose imports are relative to this folder, and returns the path of the script. */
export async function bundled(source: string, name: string): Promise<string> {
  // Inside node_modules, so that the packages left out of the bundle are found from there.
  const outfile = join(root, "node_modules", ".cache", "latent-atlas-test", `${name}-${process.pid}.mjs`);
  mkdirSync(dirname(outfile), { recursive: true });
  await build({
    stdin: { contents: source, resolveDir: here, loader: "ts" },
    bundle: true,
    platform: "node",
    format: "esm",
    packages: "external",
    outfile,
    logLevel: "error",
  });
  return outfile;
}

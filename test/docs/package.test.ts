/** What an installation goes by: the lock file is whole, on every platform, and names no registry. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "./blocks.js";

const lockText = readFileSync(join(root, "package-lock.json"), "utf8");
const packages: Record<string, any> = JSON.parse(lockText).packages;
const own = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** Whether node finds `name` from the folder of a package: beside it, or in a folder above. */
function isThere(from: string, name: string): boolean {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("node_modules/") - 1))) {
    if (`${folder === "" ? "" : `${folder}/`}node_modules/${name}` in packages) return true;
    if (folder === "") return false;
  }
}

describe("package-lock.json", () => {
  it("has all that a package asks for, the optional packages of other platforms included (npm ci needs them)", () => {
    const missing = Object.entries(packages).flatMap(([path, { dependencies, optionalDependencies }]) =>
      Object.keys({ ...dependencies, ...optionalDependencies })
        .filter((name) => !isThere(path, name))
        .map((name) => `${path}: ${name}`),
    );
    expect(missing).toEqual([]);
  });
  it("names no registry", () => expect(lockText).not.toContain('"resolved"'));
  it("has install scripts only of packages that package.json decides on", () => {
    const scripted = Object.entries(packages).flatMap(([path, { hasInstallScript, optional }]) =>
      hasInstallScript && !optional ? [path.slice(path.lastIndexOf("node_modules/") + 13)] : [],
    );
    expect(Object.keys(own.allowScripts).sort()).toEqual([...new Set(scripted)].sort());
  });
});

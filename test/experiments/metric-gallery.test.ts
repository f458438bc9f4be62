import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { run } from "../../src/experiments/metric-gallery.js";

const out = mkdtempSync(join(tmpdir(), "gallery-"));
afterAll(() => rmSync(out, { recursive: true }));

it("the gallery draws one latent space under eight metrics, with the gate's scale", { timeout: 180_000 }, async () => {
  await run({ fast: true, seed: 0, out, report: () => {}, epochs: 2, threads: 1 });
  const { value } = JSON.parse(readFileSync(join(out, "cells", "seed-0.json"), "utf8"));
  expect(value.shown).toHaveLength(8);
  const field = (name: string) => value.shown.find((one: any) => one.name === name).logMagnification as number[];
  // Inside of the gate the calibrated metric is the plain one.
  const [gated, plain] = [field("fisher-rao"), field("fisher-rao-plain")];
  const shut = value.gate.flatMap((w: number, i: number) => (w === 0 ? [i] : []));
  expect(shut.length).toBeGreaterThan(20);
  const apart = shut.filter((i: number) => Math.abs(gated[i] - plain[i]) > 0.05);
  expect(apart.length).toBeLessThan(0.2 * shut.length); // weights below 0.0005 are written as 0
  expect(readFileSync(join(out, "report.md"), "utf8")).toMatch(/half way .* at D = [\d.]+/);
  expect(existsSync(join(out, "metrics.png"))).toBe(true);
});

/** `atlas flow` on the hyperbolic plane: how far grids and points may go. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { commandsIn, temporaryFolder } from "./atlas.js";

const { folder, remove } = temporaryFolder();
afterAll(remove);
const { json, refused } = commandsIn(folder);
const small = "--hidden 8 --integration-steps 2 --steps-per-epoch 5 --batch 32 --threads 1 --epochs 1".split(" ");

beforeAll(async () => {
  const rows = Array.from({ length: 60 }, (_, i) => `${0.05 * Math.sin(7 * i)},${0.06 * Math.cos(5 * i)}`);
  writeFileSync(join(folder, "near.csv"), `x,y\n${rows.join("\n")}\n`);
  writeFileSync(join(folder, "edge.csv"), `x,y\n${rows.join("\n")}\n0,${0.1 * Math.tanh(10)}\n`);
  await json`flow train --data near.csv --manifold hyperbolic --curvature 100 --base-std 0.1 --out run ${small}`;
});

it("grids end where flows do, whatever the curvature, or where they are told to", async () => {
  const whole = await json`flow density run --grid 40 --no-picture --out whole`;
  expect(whole.extent).toBeCloseTo(0.8, 9);
  expect(Math.abs(whole.mass - 1)).toBeLessThan(0.01);
  const half = await json`flow density run --grid 40 --no-picture --extent 0.1 --out half`;
  expect(half.mass).toBeLessThan(0.9);
  expect(await refused`flow density run --no-picture --extent 2 --out more`).toMatch(/--extent: 2 is beyond 1\.221/);
});

it("points nearer to the edge are refused by row, or moved inside", async () => {
  const why = /edge\.csv: row 62 lies at distance 2 from the origin .* up to 1\.22 \(1 of 61 rows lie beyond\)/;
  expect(await refused`flow density run --at edge.csv --out at`).toMatch(why);
  expect(
    await refused`flow train --data edge.csv --manifold hyperbolic --curvature 100 --base-std 0.1 --out new ${small}`,
  ).toMatch(why);
  const moved = await json`flow density run --at edge.csv --project --out at`;
  expect(Number.isFinite(moved.negativeLogLikelihood)).toBe(true);
});

import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { mixtureLogDensity } from "../../src/distributions/von-mises-fisher-mixture.js";
import { compile, ndarray, type Tensor } from "../../src/engine/index.js";
import {
  backboneLogDensity,
  loadMixture,
  manifoldQuadrature,
  massOf,
  namedTarget,
  sampleBackbone,
  saveMixture,
  targetNames,
} from "../../src/flows/index.js";
import { poincareBall, sphere, torus } from "../../src/manifolds/index.js";
import { randomKey } from "../../src/numerics/random.js";

const folder = mkdtempSync(join(tmpdir(), "flow-targets-"));
afterAll(() => rmSync(folder, { recursive: true }));

const evaluate = async (f: (x: Tensor) => Tensor, x: any): Promise<Float64Array> => {
  const program = compile(f, { precision: "float64" });
  const { data } = await program(x);
  await program.dispose();
  return data;
};

describe("named targets", () => {
  it.each([
    ["von-mises-fisher", sphere(2), 50],
    ["axes", sphere(2), 25],
    ["backbone", torus(2), 10],
  ] as const)("%s has mass one", async (name, manifold, concentration) => {
    const { points, weights } = manifoldQuadrature(manifold, 120);
    const target = namedTarget(name, manifold, concentration);
    expect(massOf(await evaluate((x) => target.logDensity(x), points), weights)).toBeCloseTo(1, 6);
  });

  it("the ring is greatest at distance 1.5", async () => {
    const ball = poincareBall({ dimension: 2, curvature: 1 });
    const at = (r: number) => [Math.tanh(r / 2), 0];
    const x = ndarray(Float64Array.from([...at(1.3), ...at(1.5), ...at(1.7)]), [3, 2]);
    const [a, b, c] = await evaluate((y) => namedTarget("ring", ball).logDensity(y), x);
    expect(b).toBeCloseTo(0, 9);
    expect(a).toBeCloseTo(-0.5, 6);
    expect(c).toBeCloseTo(-0.5, 6);
  });

  it("refuse other manifolds, unknown names and concentrations, with what would do", () => {
    expect(targetNames).toContain("backbone");
    expect(() => namedTarget("backbone", sphere(2))).toThrow(/does not fit the sphere.*von-mises-fisher/);
    expect(() => namedTarget("banana", sphere(2))).toThrow(/"banana" is not known.*axes/);
    expect(() => namedTarget("axes", sphere(2), 0)).toThrow(/concentration is 0/);
  });
});

it("backbone draws follow the density: means of cos and sin of each angle", async () => {
  const N = 20_000;
  const draws = sampleBackbone(randomKey(4), N);
  const { points, weights } = manifoldQuadrature(torus(2), 180);
  const density = (await evaluate(backboneLogDensity, points)).map(Math.exp);
  for (const f of [Math.cos, Math.sin])
    for (const j of [0, 1]) {
      let [wanted, found] = [0, 0];
      for (let i = 0; i < weights.length; i++) wanted += weights[i] * density[i] * f(points.data[2 * i + j] as number);
      for (let i = 0; i < N; i++) found += f(draws.data[2 * i + j] as number) / N;
      expect(Math.abs(found - wanted)).toBeLessThan(5 / Math.sqrt(N)); // false alarm below 1e-6 each
    }
});

it("mixtures are saved and read back; damage is named", () => {
  const out = join(folder, "mixture");
  const mixture = {
    weights: Float64Array.of(0.25, 0.75),
    means: ndarray(Float64Array.of(1, 0, 0, 0, 0, 1), [2, 3]),
    concentrations: Float64Array.of(3, 40),
  };
  saveMixture(out, mixture, { dimension: 2, components: 2, goal: { name: "toy", points: 9 } });
  const again = loadMixture(out);
  const x = sphere(2).sampleBase(randomKey(0), 5);
  expect(Array.from(mixtureLogDensity(again.mixture, x))).toEqual(Array.from(mixtureLogDensity(mixture, x)));
  expect(again.config.goal).toEqual({ name: "toy", points: 9 });
  expect(existsSync(join(out, "README.md"))).toBe(true);
  writeFileSync(join(out, "mixture.safetensors"), "short");
  expect(() => loadMixture(out)).toThrow(/mixture.safetensors is damaged/);
  expect(() => loadMixture(folder)).toThrow(/no config.json/);
});

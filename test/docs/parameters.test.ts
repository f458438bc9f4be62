/** The table of network outputs in docs/import.md is true: their number, order and links, family by family. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Family, familyNamed, familyNames } from "../../src/distributions/families/index.js";
import { array, compile, type Tensor } from "../../src/engine/index.js";

const text = readFileSync(new URL("../../docs/import.md", import.meta.url), "utf8");
const [, section] = text.split("### The order of `parameters`");
const rows = section
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) => line.split("|").map((cell) => cell.trim().replaceAll("`", "")))
  .map(([, likelihood, outputs]) => ({ likelihood, outputs }));

/** `3 M D` and the like at D and M. */
function counted(formula: string, D: number, M: number): number {
  const factors = /^(?:(\d) )?(M )?D(?: \(D \+ (\d)\) \/ (\d))?$/.exec(formula);
  if (factors === null) throw new Error(`the formula ${formula} is of another form`);
  const [, times = "1", components, plus, over = "1"] = factors;
  const first = Number(times) * (components === undefined ? 1 : M) * D;
  return (first * (plus === undefined ? 1 : D + Number(plus))) / Number(over);
}

const soft = (x: number, offset = 1e-4) => Math.log1p(Math.exp(x)) + offset;
const logs = (x: number[], offset?: number) => x.map((each) => Math.log(soft(each, offset)));
const logistic = { low: -1, high: 5 }; // middle 2, half 3

/** Options of each row; and for D columns and outputs x what the table says of them, flat. */
const said: Record<
  string,
  { options?: object; D: number; of: (x: number[]) => { readonly [parameter: string]: number[] } }
> = {
  normal: { D: 3, of: (x) => ({ mean: x.slice(0, 3), logDeviation: logs(x.slice(3), 1e-3) }) },
  "normal, standardDeviation": { options: { standardDeviation: 0.2 }, D: 3, of: (x) => ({ mean: x }) },
  "full-normal": {
    D: 3,
    of: (x) => ({
      mean: x.slice(0, 3),
      logDiagonal: logs(x.slice(3, 6), 1e-3),
      lower: x.slice(6).map((each) => 100 * Math.tanh(each / 100)),
    }),
  },
  bernoulli: { D: 3, of: (x) => ({ logits: x }) },
  "categorical, K classes": { options: { classes: 3 }, D: 6, of: (x) => ({ logits: x }) },
  poisson: { D: 3, of: (x) => ({ logRate: logs(x) }) },
  exponential: { D: 3, of: (x) => ({ logRate: logs(x) }) },
  gamma: { D: 3, of: (x) => ({ logShape: logs(x.slice(0, 3)), logMean: logs(x.slice(3)) }) },
  beta: { D: 3, of: (x) => ({ logA: logs(x.slice(0, 3)), logB: logs(x.slice(3)) }) },
  "dirichlet, K classes": { options: { classes: 3 }, D: 6, of: (x) => ({ logConcentration: logs(x) }) },
  "von-mises": { D: 3, of: (x) => ({ theta: x }) },
  "von-mises-fisher": { options: { dimension: 3 }, D: 6, of: (x) => ({ theta: x }) },
  "von-mises-fisher, concentration": {
    options: { dimension: 3, concentration: 4 },
    D: 6,
    of: (x) => ({
      direction: [x.slice(0, 3), x.slice(3)].flatMap((v) => v.map((each) => each / Math.hypot(...v))),
    }),
  },
  "discretised-logistic": {
    options: logistic,
    D: 3,
    of: (x) => ({
      mean: x.slice(0, 3).map((each) => 2 + 3 * each),
      logScale: x.slice(3).map((each) => Math.log(3 * soft(each, Math.exp(-7)))),
    }),
  },
  "discretised-logistic, M components above 1": {
    options: { ...logistic, components: 2 },
    D: 3,
    of: (x) => ({
      logits: x.slice(0, 6),
      mean: x.slice(6, 12).map((each, i) => 2 + 3 * (each + (2 * (i % 2) + 1) / 2 - 1)),
      logScale: x.slice(12).map((each) => Math.log(3 * soft(each, Math.exp(-7)))),
    }),
  },
};

describe("the table of network outputs in docs/import.md", () => {
  it("has every likelihood that can be named, and no others", () => {
    expect([...new Set(rows.map(({ likelihood }) => likelihood.split(",")[0]))].sort()).toEqual(
      [...familyNames].sort(),
    );
    expect(rows.map(({ likelihood }) => likelihood).sort()).toEqual(Object.keys(said).sort());
  });
  it.each(rows)("$likelihood: $outputs, in its order and by its links", async ({ likelihood, outputs }) => {
    const { options = {}, D, of } = said[likelihood];
    const family: Family = familyNamed(likelihood.split(",")[0], options);
    const M = (options as { components?: number }).components ?? 1;
    const P = family.parameterCount(D);
    expect(counted(outputs, D, M)).toBe(P);
    const x = Array.from({ length: P }, (_, k) => 2 * Math.sin(1 + 5 * k));
    const run = compile((z: Tensor) => family.fromNetwork(z) as any, { precision: "float64" });
    const parameters = await run(array([x]));
    await run.dispose();
    const expected = of(x);
    expect(Object.keys(parameters).sort()).toEqual(Object.keys(expected).sort());
    for (const [name, values] of Object.entries(expected)) {
      expect(parameters[name].data, name).toHaveLength(values.length);
      values.forEach((value, k) => expect(parameters[name].data[k], `${name} ${k}`).toBeCloseTo(value, 10));
    }
  });
});

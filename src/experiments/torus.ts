/**
 * A density on the torus T^2 like that of the backbone angles of proteins (`flows/backbone-angles.ts`): a Riemannian
 * flow, and for comparison a wrapped one; held-out likelihood beside the target's entropy; the density drawn over more
 * than one turn.
 */
import { compile, type NdArray, type Tensor } from "../engine/index.js";
import { backboneLogDensity, backboneRegions } from "../flows/index.js";
import { type Cell, type CellResult, runCells, whenComputed } from "./cells.js";
import {
  average,
  csv,
  type FlowExperimentResult,
  keptField,
  meanWithSpread,
  table,
  writeFiles,
} from "./flow-report.js";
import { commandOf, type ExperimentOptions, takesOnly } from "./options.js";
import { cellName, fitTorusCell, heldOutAngles, settingsOf, type TorusResult, torusCells } from "./torus/fit.js";
import { torusMap } from "./torus/map.js";

/** Runs the experiment; writes cells, report.md, results.csv, density.png. */
export async function run(options: ExperimentOptions): Promise<FlowExperimentResult> {
  takesOnly("torus", options, ["repetitions", "steps"]);
  const started = performance.now();
  const settings = settingsOf(options);
  const plan = torusCells(options);
  const cells = plan.map(
    (cell): Cell<TorusResult> => ({ name: cellName(cell), compute: () => fitTorusCell(cell, settings, options) }),
  );
  const results: ReadonlyMap<string, CellResult<TorusResult>> = new Map(
    (await runCells(cells, { ...settings }, options)).map((result) => [result.name, result]),
  );
  const test = heldOutAngles(options.seed, settings.measured);
  const target = compile((x: Tensor) => backboneLogDensity(x), { precision: "float64", threads: options.threads });
  const truth: NdArray = await target(test);
  await target.dispose();
  const entropy = -average(truth.data as Float64Array);
  const spread = Math.sqrt(
    average(Float64Array.from(truth.data as Float64Array, (v) => (v + entropy) ** 2)) / settings.measured,
  );

  const field = keptField(
    options.out,
    cellName({ method: "riemannian", seed: options.seed }),
    settings.mapColumns ** 2,
  );
  const picture =
    field === undefined
      ? undefined
      : await torusMap(field, test.data.subarray(0, 600) as Float64Array, {
          title: "A flow on the torus, drawn over one and a half turns",
          subtitle:
            "Dashed: one turn. Points are held-out angles, at all their places; the density goes on across the seams.",
          xLabel: "φ, degrees",
          yLabel: "ψ, degrees",
        });
  const of = (method: string) =>
    plan.filter((c) => c.method === method).flatMap((c) => results.get(cellName(c))?.value ?? []);
  const methods = [...new Set(plan.map(({ method }) => method))];
  const have = [...results.values()];
  const text = `# A density on the torus

\`${commandOf("torus", options)}\` (${whenComputed(have)}; ${plan.length - have.length} of ${plan.length} cells not run).${options.fast ? " **The fast version: for a look, not for its numbers.**" : ""}

Backbone-like angles (φ, ψ), generated: a mixture of ${backboneRegions.length} products of von Mises densities (${backboneRegions.map(({ name }) => name).join("; ")}).
${settings.steps} steps of the optimiser, batches of ${settings.batchSize}, network ${settings.hidden.join(" x ")} (swish), learning rate ${settings.learningRate} (half a cosine), ${settings.integrationSteps} Runge-Kutta
steps, exact divergence; ${settings.draws} draws to learn from, ${settings.measured} held out.

Held-out negative log-likelihood in nats, per square radian (uniform: ${(2 * Math.log(2 * Math.PI)).toFixed(3)}). The floor is the target's entropy,
${entropy.toFixed(3)} ± ${(1.96 * spread).toFixed(3)}, estimated on the same draws. No published figure is for this density. Mean ± 1.96 standard errors
(number of seeds). Mass: of the fitted densities on a 100 x 100 grid, 1 wanted.

${table([
  ["method", "ours", "floor on the same draws", "mass"],
  ...methods.map((method) => {
    const found = of(method);
    return [
      method,
      meanWithSpread(
        found.map(({ testNll }) => testNll),
        3,
      ),
      entropy.toFixed(3),
      found.length === 0 ? "not run" : found.map(({ mass }) => mass.toFixed(4)).join(", "),
    ];
  }),
])}
${methods.includes("wrapped") ? "\nThe wrapped flow runs on R² and sums over the nine nearest preimages of each point, each of which it has to follow; its\nmass falls short of 1 by what lies further out.\n" : ""}${picture === undefined ? "" : "\n![density](density.png)\n"}`;
  const files = await writeFiles(options.out, {
    ...(picture !== undefined && { "density.png": picture }),
    "results.csv": csv([
      ["method", "seed", "test_nll", "floor", "mass", "seconds"],
      ...plan.flatMap((cell) => {
        const result = results.get(cellName(cell));
        if (result === undefined) return [];
        const { testNll, mass } = result.value;
        return [[cell.method, cell.seed, ...[testNll, entropy, mass].map((v) => v.toFixed(5)), result.seconds]];
      }),
    ]),
    "report.md": text,
  });
  return { files, minutes: (performance.now() - started) / 60000 };
}

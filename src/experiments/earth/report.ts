/** report.md and results.csv of `earth`, from the cells that are there. */
import { loadEarth } from "../../data/earth.js";
import { type CellResult, whenComputed } from "../cells.js";
import { csv, describeGaps, meanWithSpread, table } from "../flow-report.js";
import { commandOf, type ExperimentOptions } from "../options.js";
import type { EarthResult, EarthSettings } from "./fit.js";
import { cellName, curveData, type EarthCell, type EarthPlan, fractions, handlings, models } from "./plan.js";
import { published } from "./published.js";

export type EarthResults = ReadonlyMap<string, CellResult<EarthResult>>;

export function earthCsv({ cells }: EarthPlan, results: EarthResults): string {
  const rows = cells.flatMap((cell) => {
    const result = results.get(cellName(cell));
    if (result === undefined) return [];
    const { testNll, validationNll, mass, trainingRows, testRows, testRowsSeen, testNllUnseen, chosen } = result.value;
    const { data, handling, model, fraction, seed } = cell;
    const unseen = testNllUnseen === null ? "" : testNllUnseen.toFixed(4);
    return [
      [
        data,
        handling,
        model,
        `1/${fraction}`,
        seed,
        testNll.toFixed(4),
        validationNll.toFixed(4),
        unseen,
        testRows,
        testRowsSeen,
        trainingRows,
        mass.toFixed(4),
        chosen,
        result.seconds,
      ],
    ];
  });
  const header =
    "data,split_by,model,share,split,test_nll,validation_nll,test_nll_unseen_places,test_rows,test_rows_seen,training_rows,mass,chosen,seconds";
  return csv([header.split(","), ...rows]);
}

export function earthReport(
  plan: EarthPlan,
  results: EarthResults,
  settings: EarthSettings,
  options: ExperimentOptions,
  pictures: readonly string[],
): string {
  const of = (row: Omit<EarthCell, "seed">) =>
    plan.cells
      .filter(
        (c) =>
          c.data === row.data && c.handling === row.handling && c.model === row.model && c.fraction === row.fraction,
      )
      .flatMap((c) => results.get(cellName(c))?.value ?? []);
  const names = [...new Set(plan.rows.map(({ data }) => data))];
  const used = handlings.filter((handling) => plan.rows.some((row) => row.handling === handling));
  const lines = names.flatMap((data) =>
    used.map((handling) => [
      data,
      handling,
      ...models.flatMap((model) => [
        meanWithSpread(of({ data, handling, model, fraction: 1 }).map((r) => r.testNll)),
        published[data][model],
      ]),
      published[data].later,
    ]),
  );
  const leaks = names.flatMap((data) =>
    used.includes("row")
      ? [
          [
            data,
            shareSeen(of({ data, handling: "row", model: "riemannian", fraction: 1 })),
            ...models.map((model) => {
              const found = of({ data, handling: "row", model, fraction: 1 });
              return meanWithSpread(found.flatMap((r) => (r.testNllUnseen === null ? [] : [r.testNllUnseen])));
            }),
          ],
        ]
      : [],
  );
  const facts = names.map((name) => {
    const { n, locations } = loadEarth(name);
    return `${name} ${n} rows on ${locations} places`;
  });
  const curve = plan.rows.some(({ fraction }) => fraction > 1)
    ? fractions.map((fraction) => {
        const found = models.map((model) => of({ data: curveData, handling: "place", model, fraction }));
        const rows = found.flat()[0]?.trainingRows;
        return [rows ?? "-", ...found.map((r) => meanWithSpread(r.map(({ testNll }) => testNll)))];
      })
    : [];
  const flows = plan.cells.flatMap((c) => (c.model === "mixture" ? [] : (results.get(cellName(c))?.value ?? [])));
  const masses = [...results.values()].map(({ value }) => value.mass);
  const have = [...results.values()];
  return `# Densities on the globe

\`${commandOf("earth", options)}\` (${whenComputed(have)}; ${plan.cells.length - have.length} of ${plan.cells.length} cells not run).${options.fast ? " **The fast version: for a look, not for its numbers.**" : ""}

Places of volcanic eruptions, earthquakes, floods and fires on the sphere S²; three models of their density. Flows:
${settings.steps} steps of the optimiser (learning rates along half a cosine), ${settings.integrationSteps} Runge-Kutta steps, exact divergence; weight ${settings.smoothness} on the
integral of the squared divergence, ${settings.agreement} on the estimated error of the integration. Stereographic: a network ${settings.stereographic.hidden.join(" x ")}
(swish), batches of ${settings.stereographic.batchSize}, learning rate ${settings.stereographic.learningRate}. Riemannian: no network of the place as published, but the gradient of
${settings.riemannian.centres} bumps around learned centres, of learned widths, weighted by polynomials of time of degree ${settings.riemannian.hidden.join()}; batches of ${settings.riemannian.batchSize},
learning rate ${settings.riemannian.learningRate}. Tested by the adaptive integrator. 80 % of the data to train on, 10 % to choose by (the epoch of a flow, the mixture's size among ${settings.components.join(", ")}), 10 % to test.

Held-out negative log-likelihood in nats with respect to the area of the unit sphere (uniform: 2.531). Mean ± 1.96
standard errors (number of splits); in each pair of columns ours, then what Mathieu and Nickel (2020) print. Their
budget and architecture are not published with the figures; the later run of De Bortoli et al. (2022) used a 5 x 512
network for 100,000 steps.

${table([["data", "split by", "mixture", "published", "stereographic", "published", "Riemannian", "published", "Riemannian, later run"], ...lines])}

## Repeated places

${facts.join("; ")}. Where rows repeat a place exactly, a split by row (as published) puts copies of test places into the
training part: the figure rewards memory, and has no lower bound. A split by place keeps all rows of a place on one side.
${leaks.length > 0 ? `Within the split by row, the test rows whose place is not in the training part, alone:\n\n${table([["data", "test rows seen in training", "mixture", "stereographic", "Riemannian"], ...leaks])}\n` : ""}
${curve.length > 0 ? `## More data\n\nTest negative log-likelihood on ${curveData}, split by place, against training rows:\n\n${table([["training rows", ...models], ...curve])}\n` : ""}
## Checks

Mass of the fitted densities on an equal-area grid of the globe (1 wanted; sharp peaks are coarsely sampled by it): ${masses.length === 0 ? "not run" : `from ${Math.min(...masses).toFixed(4)} to ${Math.max(...masses).toFixed(4)}`}.
Fixed steps of the training against the adaptive integrator, mean log density of the test part: ${describeGaps(flows.map(({ gap }) => gap))}.
${have.length > 0 ? "" : "\nNo cell has been run yet.\n"}
${pictures.map((name) => `![${name.replace(".png", "")}](${name})`).join("\n\n")}
`;
}

function shareSeen(results: readonly EarthResult[]): string {
  const [seen, all] = [results.reduce((t, r) => t + r.testRowsSeen, 0), results.reduce((t, r) => t + r.testRows, 0)];
  return all === 0 ? "not run" : `${((100 * seen) / all).toFixed(1)} %`;
}

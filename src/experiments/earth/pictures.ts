/** The pictures of `earth`: a large map of the Riemannian flow, small ones of all models, the learning curve. */
import { linePlot } from "../../plots/index.js";
import { average, halfWidth, keptField } from "../flow-report.js";
import { densityScale, globeView, mapGrid, worldMap, worldMaps } from "../world-map.js";
import type { EarthSettings } from "./fit.js";
import { partsOf } from "./fit.js";
import { cellName, curveData, type EarthCell, fractions, models } from "./plan.js";

const titles: Record<(typeof models)[number], string> = {
  mixture: "mixture of von Mises-Fisher",
  stereographic: "stereographic flow",
  riemannian: "Riemannian flow",
};

/** Maps of one data set, from the fields that the cells of the first split kept; none where there are none. */
export function earthMaps(
  out: string,
  data: string,
  seed: number,
  settings: EarthSettings,
  nllOf: (cell: EarthCell) => number | undefined,
): Record<string, string> {
  const pictures: Record<string, string> = {};
  const view = globeView();
  const grid = mapGrid(view, settings.mapColumns);
  const small = globeView(430);
  const cell = (model: EarthCell["model"]): EarthCell => ({ data, handling: "place", model, fraction: 1, seed });
  const fields = models.map((model) => keptField(out, cellName(cell(model)), grid.points.shape[0]));
  const [riemannian] = fields.slice(-1);
  if (fields.every((field) => field === undefined)) return pictures;
  const { test } = partsOf(cell("riemannian"));
  const nll = (model: EarthCell["model"]) => nllOf(cell(model))?.toFixed(2) ?? "-";
  if (riemannian !== undefined)
    pictures[`${data}.png`] = worldMap(
      { view, grid, logDensity: riemannian, places: test.points, coastlines: true },
      {
        title: `${data[0].toUpperCase()}${data.slice(1)}: density of the Riemannian flow, held-out places as points`,
        subtitle: `Equal-area map (Equal Earth), graticule every 30 degrees. Held-out negative log-likelihood ${nll("riemannian")}; ${test.n} held-out rows, split by place.`,
      },
    );
  const layers = models.flatMap((model, i) => {
    const logDensity = fields[i];
    return logDensity === undefined
      ? []
      : [{ view: small, grid, logDensity, coastlines: true, heading: `${titles[model]}: ${nll(model)}` }];
  });
  layers.push({
    view: small,
    grid,
    logDensity: new Float64Array(grid.points.shape[0]).fill(-Math.log(4 * Math.PI)),
    coastlines: true,
    heading: `${test.n} held-out rows, on the uniform density: 2.53`,
    places: test.points,
  } as (typeof layers)[number]);
  const shown = fields.flatMap((field) => (field === undefined ? [] : Array.from(field, (v) => v / Math.LN10)));
  pictures[`${data}-models.png`] = worldMaps(
    layers,
    {
      title: `${data[0].toUpperCase()}${data.slice(1)}: three models of one split, and what they did not see`,
      subtitle: "Held-out negative log-likelihood in nats above each map; equal-area maps, one colour scale.",
    },
    2,
    densityScale(shown),
  );
  return pictures;
}

/** Test negative log-likelihood against training rows, the mean over splits. */
export async function learningCurve(
  resultsOf: (row: Omit<EarthCell, "seed">) => { trainingRows: number; testNll: number }[],
): Promise<string | undefined> {
  const series = models.flatMap((model) => {
    const points = fractions
      .map((fraction) => resultsOf({ data: curveData, handling: "place", model, fraction }))
      .filter((results) => results.length > 0)
      .map((results) => ({
        x: average(results.map((r) => r.trainingRows)),
        y: average(results.map((r) => r.testNll)),
        error: halfWidth(results.map((r) => r.testNll)),
      }))
      .sort((a, b) => a.x - b.x);
    const of = (part: "x" | "y" | "error") => points.map((point) => point[part]);
    return points.length < 2 ? [] : [{ name: titles[model], x: of("x"), y: of("y"), error: of("error") }];
  });
  if (series.length === 0) return undefined;
  const ends = [Math.min(...series.flatMap(({ x }) => x)), Math.max(...series.flatMap(({ x }) => x))];
  return linePlot({
    series: [
      ...series,
      { name: "uniform density", x: ends, y: [Math.log(4 * Math.PI), Math.log(4 * Math.PI)], dashed: true },
    ],
    xLabel: "training rows",
    yLabel: "held-out negative log-likelihood, nats",
    xScale: "log",
    title: `What more data buy: ${curveData}, split by place`,
    subtitle: "Means over splits with 1.96 standard errors; the same steps of the optimiser for every size.",
  });
}

/**
 * The picture of a Poincare VAE's disk, two geometries side by side: on the left that of the prior, with hyperbolic
 * geodesics between codes; on the right the decoder's pullback, with its magnification and its geodesics between the
 * same codes, the hyperbolic ones dashed.
 *
 * The decoder's geodesics are solved in flat coordinates at the origin, z = exp_0(e), which cover the whole disk by the
 * whole plane: geodesics do not depend on the chart, and no curve can leave the disk. Its magnification is shown
 * relative to the hyperbolic area, log sqrt(det G / lambda^4), which no chart changes either: in ball coordinates alone
 * the edge of the disk would drown everything.
 */
import type { NdArray, Tensor } from "../engine/index.js";
import type { LatentMetric } from "../metrics/index.js";
import type { DrawMapOptions, DrawnMap } from "./draw-map.js";
import { drawnCodes, randomPairs } from "./draw-map.js";
import type { OpenRun } from "./open-run.js";

export interface DrawnDisk extends DrawnMap {
  /** Of each pair: length under the decoder of its geodesic, hyperbolic distance. */
  readonly lengths: readonly { readonly decoder: number; readonly hyperbolic: number; readonly converged: boolean }[];
}

/** Beyond this share of the radius the field is not evaluated (about 7.6/sqrt(c) from the origin). */
const SHOWN = 0.999;
const STEPS = 64;
/** With fewer pairs a correlation says nothing. */
const FEW = 8;

/** @param metric the pullback whose magnification is shown, in ball coordinates */
export async function drawDisk(
  run: OpenRun,
  metric: LatentMetric,
  { resolution: n, pairs = 0, seed = 0, report }: Pick<DrawMapOptions, "resolution" | "pairs" | "seed" | "report">,
): Promise<DrawnDisk> {
  const ball = run.ball!;
  const c = -ball.curvature;
  const radius = 1 / Math.sqrt(c);
  const [{ evaluate, logMagnificationFactor }, { diskFigure }] = await Promise.all([
    import("../metrics/index.js"),
    import("../plots/disk.js"),
  ]);
  const inside: number[] = [];
  const cells: number[] = [];
  for (let row = 0; row < n; row++)
    for (let column = 0; column < n; column++) {
      const [x, y] = [column, row].map((k) => ((2 * (k + 0.5)) / n - 1) * radius);
      if (Math.hypot(x, y) > SHOWN * radius) continue;
      inside.push(x, y);
      cells.push(row * n + column);
    }
  report.progress(0, 1, `magnification at ${cells.length} points`);
  const points: NdArray = { data: Float64Array.from(inside), shape: [cells.length, 2], dtype: "float64" };
  const logVolume = await evaluate(metric, logMagnificationFactor, points, [], { precision: "float32" });
  report.progressDone();
  const values = new Float64Array(n * n).fill(Number.NaN);
  for (const [i, cell] of cells.entries())
    values[cell] = logVolume.data[i] - ball.logVolumeElement(Float64Array.of(inside[2 * i], inside[2 * i + 1]));
  const code = (i: number) => Array.from(run.codes.data.subarray(2 * i, 2 * i + 2));
  const ends = randomPairs(run, pairs, seed).map(([from, to]) => [code(from), code(to)] as const);
  const decoder = await decoderGeodesics(run, ends, report);
  const { exactGeodesic } = await import("../autoencoders/pvae/index.js");
  const hyperbolic = ends.map(([from, to]) => exactGeodesic(ball, from, to, STEPS + 1).data);
  const codes = drawnCodes(run, [0, 1], 1500);
  const endpoints = ends.flatMap((pair) => pair.map((point) => [point[0], point[1]] as const));
  const lengths = decoder.map(({ length, converged }, i) => ({
    decoder: length,
    hyperbolic: ball.distance(ends[i][0], ends[i][1]),
    converged,
  }));
  const svg = await diskFigure({
    title: `Latent disk of ${run.name}, curvature ${-c}`,
    subtitle: "Ball coordinates; thin circles: whole hyperbolic distances from the origin.",
    labelNames: run.labelNames,
    panels: [
      {
        title: "Geometry of the prior",
        subtitle: "The hyperbolic plane: what posteriors and prior are measured in.",
        curvature: c,
        codes,
        curves: [{ name: "hyperbolic geodesics (left)", style: "black", curves: hyperbolic }],
        endpoints,
      },
      {
        title: "Geometry of the decoder",
        subtitle: "Colour: how much the decoder stretches a hyperbolic unit of area.",
        curvature: c,
        codes,
        field: { values, size: n, label: "log magnification over the hyperbolic area" },
        curves: [
          { name: "the same (right)", style: "dashed", curves: hyperbolic },
          { name: "decoder's geodesics", style: "white", curves: decoder.map(({ curve }) => curve) },
        ],
        endpoints,
      },
    ],
    caption: captionOf(lengths),
  });
  const shown = values.filter((value) => Number.isFinite(value));
  return {
    svg,
    range: [shown.reduce((a, b) => Math.min(a, b)), shown.reduce((a, b) => Math.max(a, b))],
    box: [
      [-radius, radius],
      [-radius, radius],
    ],
    lengths,
  };
}

/** Geodesics of the decoder's pullback between points of the ball, as curves of ball coordinates. */
async function decoderGeodesics(
  run: OpenRun,
  ends: readonly (readonly [number[], number[]])[],
  report: DrawMapOptions["report"],
): Promise<{ curve: Float64Array; length: number; converged: boolean }[]> {
  if (ends.length === 0) return [];
  const ball = run.ball!;
  const c = -ball.curvature;
  const [{ connect }, { pullback }, { expAtOrigin }] = await Promise.all([
    import("../geodesics/index.js"),
    import("../metrics/index.js"),
    import("../networks/index.js"),
  ]);
  const origin = ball.origin;
  const flat = (z: ArrayLike<number>) => Array.from(ball.toFrame(origin, ball.logarithmicMap(origin, z)));
  const toBall = (e: ArrayLike<number>) => ball.exponentialMap(origin, ball.fromFrame(origin, e));
  const inFlat = pullback((e: Tensor) => run.mean(expAtOrigin(e, c)), run.dimension);
  const codes = new Float64Array(run.codes.data.length);
  for (let i = 0; i < run.codes.shape[0]; i++) codes.set(flat(run.codes.data.subarray(2 * i, 2 * i + 2)), 2 * i);
  const results = await connect(
    inFlat,
    ends.map(([from]) => flat(from)),
    ends.map(([, to]) => flat(to)),
    {
      codes: { data: codes, shape: run.codes.shape, dtype: "float64" },
      onProgress: (done: number, total: number) => report.progress(done, total, `geodesics: ${done} of ${total}`),
    },
  );
  report.progressDone();
  return results.map(({ curve, length, converged }) => {
    const drawn = new Float64Array(curve.data.length);
    for (let t = 0; t < curve.shape[0]; t++) drawn.set(toBall(curve.data.subarray(2 * t, 2 * t + 2)), 2 * t);
    return { curve: drawn, length, converged };
  });
}

function captionOf(lengths: DrawnDisk["lengths"]): string {
  if (lengths.length === 0) return "";
  const failed = lengths.filter(({ converged }) => !converged).length;
  const note = failed > 0 ? ` ${failed} of the decoder's geodesics did not converge.` : "";
  if (lengths.length < FEW) return note.trim();
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [a, b] = [lengths.map(({ decoder }) => decoder), lengths.map(({ hyperbolic }) => hyperbolic)];
  const [ma, mb] = [mean(a), mean(b)];
  const product = (x: readonly number[], mx: number, y: readonly number[], my: number) =>
    mean(x.map((value, i) => (value - mx) * (y[i] - my)));
  const r = product(a, ma, b, mb) / Math.sqrt(product(a, ma, a, ma) * product(b, mb, b, mb));
  return `Lengths under the decoder against hyperbolic distances, ${lengths.length} pairs: correlation ${r.toFixed(2)}.${note}`;
}

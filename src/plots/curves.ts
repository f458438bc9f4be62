/** Line plots: any number of named series over one axis; and the curve of a training's loss or ELBO. */

import { expectThat } from "../errors.js";
import { expectFinite, expectLength } from "./checks.js";
import { PALETTE, SHAPES, shapePath } from "./colours.js";
import { cutPath, insideBox } from "./cutting.js";
import { composeFigure, type Words } from "./figure.js";
import { type LineStyle, legendBlock, linePath, type MarkerStyle, markerPath } from "./legend.js";
import { drawPanel, paddedDomain } from "./panel.js";
import { layer } from "./render.js";
import { formatNumber } from "./ticks.js";

/** One line: `[n]` abscissas and `[n]` ordinates, in the order in which they are joined. */
export interface Series {
  name: string;
  x: ArrayLike<number>;
  y: ArrayLike<number>;
  /** Half lengths of error bars at the points; none where not given. [n] */
  error?: ArrayLike<number>;
  /** Draw dashed, for what is a reference or a test. */
  dashed?: boolean;
}

/** What a line plot shows. */
export interface LinePlotOptions extends Words {
  series: readonly Series[];
  xLabel: string;
  yLabel: string;
  xScale?: "linear" | "log";
  yScale?: "linear" | "log";
  /** Limits of the axes; from the data where not given. */
  xDomain?: readonly [number, number];
  yDomain?: readonly [number, number];
  /** Ticks of the x axis at whole numbers only, for what is counted. */
  xWhole?: boolean;
  /** A marker at each point: for series of up to 30 points where not said. */
  markers?: boolean;
}

/**
 * Draws named lines with a legend.
 * @returns an SVG document, about 900 pixels wide
 * @throws UsageError for no series, lengths that differ, numbers that are not finite, or values <= 0 on a log axis.
 */
export async function linePlot(options: LinePlotOptions): Promise<string> {
  const { series, xScale = "linear", yScale = "linear" } = options;
  expectThat(series.length > 0, "There are no series to draw: pass at least one.");
  for (const { name, x, y, error } of series) {
    if (error) {
      expectLength(error, x.length, `error of the series "${name}"`, `x with ${x.length} numbers`);
      expectFinite(error, `error of the series "${name}" `);
    }
    expectThat(x.length > 0, () => `The series "${name}" has no points: pass at least one, or leave it out.`);
    expectLength(y, x.length, `y of the series "${name}"`, `x with ${x.length} numbers`);
    expectFinite(x, `x of the series "${name}" `);
    expectFinite(y, `y of the series "${name}" `);
    for (const [axis, scale, values] of [["x", xScale, x] as const, ["y", yScale, y] as const]) {
      const least = Array.from(values).reduce((low, value) => Math.min(low, value), Number.POSITIVE_INFINITY);
      expectThat(
        scale === "linear" || least > 0,
        () =>
          `${axis} of the series "${name}" reaches ${least}, but a logarithmic axis needs positive numbers: use "linear".`,
      );
    }
  }
  const styles = series.map((one, k) => styleOf(one, k));
  const yDomain = options.yDomain ?? domainOf(series, "y", yScale);
  const panel = await drawPanel({
    x: {
      label: options.xLabel,
      scale: xScale,
      whole: options.xWhole,
      domain: options.xDomain ?? domainOf(series, "x", xScale),
    },
    y: { label: options.yLabel, scale: yScale, domain: yDomain },
    innerWidth: 620,
    innerHeight: 400,
    grid: true,
    marks: (_plot, plane) => [
      layer((scales) => {
        return series
          .map(({ x, y, error }, k) => {
            const at = (i: number): [number, number] => [scales.x(x[i]), scales.y(y[i])];
            const points = Array.from(x, (_, i) => at(i));
            const path = cutPath(points, plane);
            const { line, marker } = styles[k];
            const marked = options.markers ?? x.length <= 30;
            const markers = points
              .filter((point) => insideBox(point, plane))
              .map(([px, py]) => shapePath(marker.shape, px, py, 3));
            const bars = Array.from(error ?? [], (half, i) => {
              const [px, top] = [scales.x(x[i]), scales.y(Math.min(y[i] + half, yDomain[1]))];
              const bottom = scales.y(Math.max(y[i] - half, yDomain[0]));
              const [left, right] = [(px - 3).toFixed(1), (px + 3).toFixed(1)];
              const [a, b] = [top.toFixed(1), bottom.toFixed(1)];
              return half > 0 ? `M${px.toFixed(1)},${a}V${b}M${left},${a}H${right}M${left},${b}H${right}` : "";
            }).join("");
            const errors = bars === "" ? "" : linePath(bars, { stroke: line.stroke, width: 1.2 }, "error-bars");
            return linePath(path, line, "curve") + errors + (marked ? markerPath(markers, marker, "points", 0.7) : "");
          })
          .join("");
      }),
    ],
  });
  const entries = series.map(({ name, x }, k) => {
    const marked = options.markers ?? x.length <= 30;
    return { name, line: styles[k].line, ...(marked ? { marker: styles[k].marker } : {}) };
  });
  return composeFigure(panel, [legendBlock([{ entries }], panel.innerHeight)], options);
}

/** A training's record by epoch. */
export interface LossCurveOptions extends Words {
  /** `[E]` epochs; 1, 2, ... where not given. */
  epochs?: ArrayLike<number>;
  /** `[E]` values on the training set. */
  train: ArrayLike<number>;
  /** `[E]` values on the held-out set, where there is one. */
  test?: ArrayLike<number>;
  /** What is recorded, with its unit; "ELBO (nats per example)" where not given. */
  yLabel?: string;
  /** Mark the best held-out value: the `largest` for an ELBO, the `smallest` for a loss. */
  best?: "largest" | "smallest";
}

/**
 * Draws the ELBO (or loss) by epoch: training solid, held-out dashed, the best epoch named in the caption.
 * The first epochs often dwarf the rest: they are then cut off at the frame, and the subtitle says how many.
 * @throws UsageError as `linePlot`.
 */
export async function lossCurve(options: LossCurveOptions): Promise<string> {
  const { train, test, best = "largest" } = options;
  const epochs = Array.from(options.epochs ?? Array.from(train, (_, k) => k + 1));
  expectLength(train, epochs.length, "train", `the number of epochs, ${epochs.length},`);
  if (test) expectLength(test, epochs.length, "test", `the number of epochs, ${epochs.length},`);
  const series: Series[] = [{ name: "training", x: epochs, y: train }];
  if (test) series.push({ name: "held out", x: epochs, y: test, dashed: true });
  const judged = Array.from(test ?? train);
  expectThat(epochs.length > 0, "train is empty: record at least one epoch before drawing its curve.");
  const sign = best === "largest" ? 1 : -1;
  const winner = judged.reduce((top, value, k) => (sign * value > sign * judged[top] ? k : top), 0);
  const where = test ? "held-out" : "training";
  const caption = `Best ${where} value ${formatNumber(judged[winner], 5)} at epoch ${epochs[winner]}.`;
  const { domain, hidden } = settledDomain([Array.from(train), ...(test ? [Array.from(test)] : [])], sign);
  const note =
    hidden > 0 ? `${hidden} value${hidden > 1 ? "s" : ""} of the first epochs lie outside of the frame.` : "";
  return linePlot({
    ...options,
    series,
    xLabel: "epoch",
    xWhole: true,
    yLabel: options.yLabel ?? "ELBO (nats per example)",
    subtitle: [options.subtitle, note].filter(Boolean).join(" "),
    caption: [options.caption, caption].filter(Boolean).join(" "),
    ...(domain ? { yDomain: domain } : {}),
  });
}

/**
 * Where the worst tenth of the values would take more than half of the axis and all of them belong to the first quarter
 * of the epochs, the interval without them; nothing elsewhere (a training that goes wrong later is shown whole).
 * `sign` is 1 where large is good.
 */
function settledDomain(
  curves: readonly (readonly number[])[],
  sign: number,
): { domain?: readonly [number, number]; hidden: number } {
  const epochs = curves[0].length;
  const sorted = curves.flat().sort((a, b) => sign * (b - a)); // best first
  const last = sorted[Math.ceil(sorted.length * 0.9) - 1];
  const [bestValue, worst] = [sorted[0], sorted[sorted.length - 1]];
  const [low, high] = paddedDomain([bestValue, last], 0.05);
  const outside = (value: number) => value < low || value > high;
  const early = curves.every((curve) => curve.every((value, k) => !outside(value) || k < epochs / 4));
  const dwarfed = Math.abs(bestValue - last) < 0.5 * Math.abs(bestValue - worst);
  if (epochs < 20 || !dwarfed || !early || last === bestValue) return { hidden: 0 };
  return { domain: [low, high], hidden: curves.flat().filter(outside).length };
}

function domainOf(series: readonly Series[], axis: "x" | "y", scale: "linear" | "log"): [number, number] {
  const values = series
    .flatMap((one) => [
      ...Array.from(one[axis]),
      ...(axis === "y" ? Array.from(one.error ?? [], (half, i) => [one.y[i] - half, one.y[i] + half]).flat() : []),
    ])
    .filter((value) => scale === "linear" || value > 0);
  if (scale === "linear") return paddedDomain(values);
  const [low, high] = paddedDomain(values.map(Math.log10));
  return [10 ** low, 10 ** high];
}

function styleOf(series: Series, index: number): { line: LineStyle; marker: MarkerStyle } {
  const colour = PALETTE[index % PALETTE.length];
  // A second turn through the colours is dashed, so that no two of twenty lines look alike.
  const dashed = series.dashed ?? index >= PALETTE.length;
  return {
    line: { stroke: colour, width: 2, ...(dashed ? { dash: "7 4" } : {}) },
    marker: { shape: SHAPES[index % SHAPES.length], fill: colour, outline: "#ffffff" },
  };
}

/** Points in a plane of two quantities: for example geodesic against Euclidean distances, with the line y = x. */

import { expectThat } from "../errors.js";
import { expectFinite, expectLength } from "./checks.js";
import { classLook, PALETTE, shapePath, short } from "./colours.js";
import { composeFigure, type Words } from "./figure.js";
import { type LegendEntry, type LineStyle, legendBlock, linePath, markerPath } from "./legend.js";
import { drawPanel, paddedDomain } from "./panel.js";
import { layer } from "./render.js";
import { formatNumber } from "./ticks.js";

/** What a scatter plot shows. */
export interface ScatterOptions extends Words {
  /** `[n]` and `[n]` coordinates. */
  x: ArrayLike<number>;
  y: ArrayLike<number>;
  xLabel: string;
  yLabel: string;
  /** `[n]` class numbers from 0, and their names. */
  labels?: ArrayLike<number>;
  labelNames?: readonly string[];
  /** Draw the line y = x, with both axes on one scale. */
  identity?: boolean;
  /** State Pearson's correlation under the picture; unless said, it is stated where there are no classes. */
  correlation?: boolean;
  /** Width and height of the plane in pixels; 620 x 420 (520 x 520 with `identity`) where not given. */
  size?: readonly [number, number];
  /** Whether there is a legend; true where not said. */
  legend?: boolean;
}

const IDENTITY: LineStyle = { stroke: "#111111", width: 1.4, dash: "6 4" };

/**
 * Draws points, coloured and shaped by class where labels are given.
 * @returns an SVG document
 * @throws UsageError for lengths that differ, fewer than one point, or numbers that are not finite.
 */
export async function scatter(options: ScatterOptions): Promise<string> {
  const { x, y, labels, labelNames, identity = false } = options;
  expectThat(x.length > 0, "There are no points to draw: pass at least one.");
  expectLength(y, x.length, "y", `x with ${x.length} numbers`);
  expectFinite(x, "x");
  expectFinite(y, "y");
  if (labels) expectLength(labels, x.length, "labels", `x with ${x.length} numbers`);
  const classes = [...new Set(Array.from(labels ?? [0]))].sort((a, b) => a - b);
  for (const label of classes)
    expectThat(
      Number.isInteger(label) && label >= 0,
      () => `labels holds ${label}, but must hold class numbers 0, 1, ...: number the classes.`,
    );
  const [xs, ys] = [Array.from(x), Array.from(y)];
  const both = paddedDomain(identity ? [...xs, ...ys, 0] : xs);
  const many = x.length > 800;
  const panel = await drawPanel({
    x: { label: options.xLabel, domain: both },
    y: { label: options.yLabel, domain: identity ? both : paddedDomain(ys) },
    innerWidth: options.size?.[0] ?? (identity ? 520 : 620),
    innerHeight: options.size?.[1] ?? (identity ? 520 : 420),
    grid: true,
    marks: () => [
      layer((scales) => {
        const line = identity
          ? linePath(
              `M${short(scales.x(both[0]))},${short(scales.y(both[0]))}L${short(scales.x(both[1]))},${short(scales.y(both[1]))}`,
              IDENTITY,
              "identity",
            )
          : "";
        const points = classes.map((label) => {
          const mine = xs.map((_, k) => k).filter((k) => (labels?.[k] ?? classes[0]) === label);
          const { colour, shape } = look(label, labels !== undefined);
          const paths = mine.map((k) => shapePath(shape, scales.x(xs[k]), scales.y(ys[k]), many ? 2 : 3));
          return `<g fill-opacity="0.75">${markerPath(paths, { shape, fill: colour, outline: "#ffffff" }, "points", 0.4)}</g>`;
        });
        return points.join("") + line;
      }),
    ],
  });
  const entries: LegendEntry[] = classes.map((label) => {
    const { colour, shape } = look(label, labels !== undefined);
    const name = labels ? (labelNames?.[label] ?? String(label)) : `${x.length} point${x.length === 1 ? "" : "s"}`;
    return { name, marker: { shape, fill: colour } };
  });
  if (identity) entries.push({ name: "y = x", line: IDENTITY });
  const r = (options.correlation ?? !labels) ? correlation(xs, ys) : undefined;
  const stated = r === undefined ? "" : `Pearson correlation r = ${formatNumber(r, 4)} (n = ${x.length}).`;
  return composeFigure(panel, options.legend === false ? [] : [legendBlock([{ entries }], panel.innerHeight)], {
    ...options,
    caption: [options.caption, stated].filter(Boolean).join(" "),
  });
}

function look(label: number, labelled: boolean): ReturnType<typeof classLook> {
  return labelled ? classLook(label) : { colour: PALETTE[0], shape: "circle" };
}

/** Pearson's correlation; undefined where one of the two does not vary. */
export function correlation(x: readonly number[], y: readonly number[]): number | undefined {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [mx, my] = [mean(x), mean(y)];
  let [sxy, sxx, syy] = [0, 0, 0];
  for (let k = 0; k < x.length; k++) {
    sxy += (x[k] - mx) * (y[k] - my);
    sxx += (x[k] - mx) ** 2;
    syy += (y[k] - my) ** 2;
  }
  return sxx > 0 && syy > 0 ? sxy / Math.sqrt(sxx * syy) : undefined;
}

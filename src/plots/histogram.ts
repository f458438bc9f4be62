/** Histograms of one or more samples on common bins. */

import { expectThat } from "../errors.js";
import { expectFinite } from "./checks.js";
import { PALETTE, short } from "./colours.js";
import { composeFigure, type Words } from "./figure.js";
import { legendBlock } from "./legend.js";
import { drawPanel } from "./panel.js";
import { layer } from "./render.js";
import { niceTicks } from "./ticks.js";

/** What a histogram shows. */
export interface HistogramOptions extends Words {
  samples: readonly { name: string; values: ArrayLike<number> }[];
  xLabel: string;
  /** About how many bins; from the data where not given (Freedman and Diaconis, between 10 and 60). */
  bins?: number;
  /** Height of a bar: a count, or the share of the sample (for samples of different size). */
  yValue?: "count" | "share";
}

/**
 * Draws histograms over each other, translucent, on common bins with round edges.
 * @returns an SVG document, about 900 pixels wide
 * @throws UsageError for no samples, empty ones, or numbers that are not finite.
 */
export async function histogram(options: HistogramOptions): Promise<string> {
  const { samples, yValue = "count" } = options;
  expectThat(samples.length > 0, "There are no samples to count: pass at least one.");
  for (const { name, values } of samples) {
    expectThat(values.length > 0, () => `The sample "${name}" is empty: pass at least one number, or leave it out.`);
    expectFinite(values, `The sample "${name}" `);
  }
  const edges = binEdges(
    samples.map((sample) => sample.values),
    options.bins,
  );
  const heights = samples.map(({ values }) => {
    const counts = countIn(edges, values);
    return yValue === "count" ? counts : counts.map((count) => count / values.length);
  });
  const tallest = Math.max(...heights.flat());
  const colourOf = (k: number) => PALETTE[k % PALETTE.length];
  const panel = await drawPanel({
    x: { label: options.xLabel, domain: [edges[0], edges[edges.length - 1]] },
    y: { label: yValue === "count" ? "count" : "share of the sample", domain: [0, tallest * 1.06] },
    innerWidth: 620,
    innerHeight: 380,
    grid: true,
    marks: () => [
      layer(({ x, y }) => {
        return heights
          .map((bars, k) => {
            const steps = bars.map((bar, i) => `V${short(y(bar))}H${short(x(edges[i + 1]))}`).join("");
            const path = `M${short(x(edges[0]))},${short(y(0))}${steps}V${short(y(0))}`;
            const dash = k % 2 === 1 ? ' stroke-dasharray="6 3"' : "";
            return (
              `<path class="histogram" d="${path}" fill="${colourOf(k)}" fill-opacity="0.3" ` +
              `stroke="${colourOf(k)}" stroke-width="1.8"${dash}/>`
            );
          })
          .join("");
      }),
    ],
  });
  const entries = samples.map(({ name, values }, k) => ({
    name: `${name} (n = ${values.length})`,
    area: { fill: colourOf(k), stroke: colourOf(k), ...(k % 2 === 1 ? { dash: "6 3" } : {}) },
  }));
  return composeFigure(panel, [legendBlock([{ entries }], panel.innerHeight)], options);
}

/** Round, evenly spaced edges that cover all samples. */
export function binEdges(samples: readonly ArrayLike<number>[], wanted?: number): number[] {
  const all = Float64Array.from(samples.flatMap((sample) => Array.from(sample))).sort();
  const [low, high] = [all[0], all[all.length - 1]];
  if (low === high) {
    const half = Math.abs(low) * 0.05 || 0.5;
    return [low - 3 * half, low - half, low + half, low + 3 * half];
  }
  const spread = all[Math.floor(0.75 * (all.length - 1))] - all[Math.floor(0.25 * (all.length - 1))];
  const rule = spread > 0 ? ((high - low) * Math.cbrt(all.length)) / (2 * spread) : 30;
  const ticks = niceTicks(low, high, wanted ?? Math.min(60, Math.max(10, rule)));
  const step = ticks.length > 1 ? ticks[1] - ticks[0] : high - low;
  const first = Math.floor(low / step + 1e-9);
  const count = Math.max(1, Math.ceil(high / step - 1e-9) - first);
  return Array.from({ length: count + 1 }, (_, k) => Number(((first + k) * step).toPrecision(12)));
}

/** How many values fall into each bin; the last bin holds its upper edge too. */
export function countIn(edges: readonly number[], values: ArrayLike<number>): number[] {
  const counts = new Array<number>(edges.length - 1).fill(0);
  const step = (edges[edges.length - 1] - edges[0]) / counts.length;
  for (let k = 0; k < values.length; k++)
    counts[Math.min(counts.length - 1, Math.max(0, Math.floor((values[k] - edges[0]) / step)))] += 1;
  return counts;
}

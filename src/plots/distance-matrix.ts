/** A matrix of distances as a heat map: rows and columns ordered by class, with bars that show the classes. */

import { expectThat } from "../errors.js";
import { expectFinite, expectLength } from "./checks.js";
import { colourBarBlock, colourScale } from "./colour-bar.js";
import { type ColourMapName, classLook, colourTable, short } from "./colours.js";
import { composeFigure, type Words } from "./figure.js";
import { heatPng } from "./heat-image.js";
import { legendBlock } from "./legend.js";
import { type Axis, drawPanel } from "./panel.js";
import { dataUrl } from "./png.js";
import { imageElement, layer } from "./render.js";
import { textWidth } from "./text.js";

/** What the picture of a matrix shows. */
export interface DistanceMatrixOptions extends Words {
  /** `[N * N]`, one row after another. */
  distances: ArrayLike<number>;
  /** `[N]` class numbers from 0: rows and columns are ordered by them (within a class the order stays). */
  labels?: ArrayLike<number>;
  labelNames?: readonly string[];
  labelHeading?: string;
  /** What the entries are, with their unit; "geodesic distance" where not given. */
  valueLabel?: string;
  colourMap?: ColourMapName;
  clip?: "auto" | "none" | readonly [number, number];
}

const SIDE = 560;
const BAR = 12;

/**
 * Draws a square matrix as a heat map.
 * @returns an SVG document, about 900 pixels wide
 * @throws UsageError for a matrix that is not square, labels that do not fit, or numbers that are not finite.
 */
export async function distanceMatrix(options: DistanceMatrixOptions): Promise<string> {
  const { distances, labels, labelNames } = options;
  const count = Math.round(Math.sqrt(distances.length));
  expectThat(
    count >= 1 && count * count === distances.length,
    () => `distances has ${distances.length} numbers, but a matrix needs N x N of them: pass all pairs, row by row.`,
  );
  expectFinite(distances, "distances", (k) => `row ${Math.floor(k / count)}, column ${k % count}`);
  if (labels) {
    expectLength(labels, count, "labels", `a matrix with ${count} rows`);
    Array.from(labels).forEach((label, k) => {
      expectThat(
        Number.isInteger(label) && label >= 0,
        () => `labels[${k}] is ${label}, but must be a class number 0, 1, ...: number the classes.`,
      );
    });
  }
  const order = Array.from({ length: count }, (_, k) => k);
  if (labels) order.sort((a, b) => labels[a] - labels[b] || a - b);
  const ordered = new Float64Array(count * count);
  for (let row = 0; row < count; row++)
    for (let column = 0; column < count; column++)
      // The image is drawn with its first row at the bottom: turn the rows, so that the diagonal falls to the right.
      ordered[(count - 1 - row) * count + column] = distances[order[row] * count + order[column]];
  const scale = colourScale(distances, colourTable(options.colourMap ?? "viridis"), options.clip);
  const image = dataUrl(heatPng(ordered, count, count, scale));
  const runs = labels ? runsOf(order.map((k) => labels[k])) : [];
  const nameOf = (label: number) => labelNames?.[label] ?? String(label);
  const named = runs.length > 0 && runs.every((run) => room(run, count) > textWidth(nameOf(run.label), 12) * 0.9 + 4);
  const axis = (): Axis => ({
    label: labels ? `point (ordered by ${options.labelHeading ?? "class"})` : "point",
    domain: [-0.5, count - 0.5], // the cell of point k reaches from k - 1/2 to k + 1/2
    whole: true,
    // Where class names fit beside their bars they take the place of the numbers of the points.
    ...(named
      ? { ticks: runs.map(({ label, from, to }) => ({ value: (from + to - 1) / 2, text: nameOf(label) })) }
      : {}),
  });
  const y = axis();
  const panel = await drawPanel({
    x: axis(),
    y: { ...y, domain: [count - 0.5, -0.5] },
    innerWidth: SIDE,
    innerHeight: SIDE,
    gutter: labels ? BAR + 4 : 0,
    marks: () => [
      layer(({ x, y }) => {
        const [left, top] = [x(-0.5), y(-0.5)];
        const bars = runs.map(({ label, from, to }) => {
          const { colour } = classLook(label);
          const style = `class="class-bar" fill="${colour}" stroke="#ffffff" stroke-width="0.5"`;
          return (
            `<rect ${style} x="${short(x(from - 0.5))}" y="${top + SIDE + 4}" width="${short(x(to) - x(from))}" height="${BAR}"/>` +
            `<rect ${style} x="${left - 4 - BAR}" y="${short(y(from - 0.5))}" width="${BAR}" height="${short(y(to) - y(from))}"/>`
          );
        });
        const between = runs
          .slice(1)
          .map(({ from }) => `M${short(x(from - 0.5))},${top}v${SIDE}M${left},${short(y(from - 0.5))}h${SIDE}`);
        const lines = `<path d="${between.join("")}" stroke="#ffffff" stroke-width="0.6" stroke-opacity="0.7" fill="none"/>`;
        return imageElement(image, left, top, SIDE, SIDE) + (between.length > 0 ? lines : "") + bars.join("");
      }),
    ],
  });
  const bar = colourBarBlock(scale, options.valueLabel ?? "geodesic distance", SIDE);
  const entries = runs.map(({ label, from, to }) => ({
    name: `${nameOf(label)} (${to - from})`,
    marker: { shape: "square" as const, fill: classLook(label).colour },
  }));
  const legend = legendBlock([{ heading: options.labelHeading ?? "class", entries }], SIDE);
  return composeFigure(panel, [bar, legend], options);
}

/** Neighbours of one class, in a sorted list. */
function runsOf(labels: readonly number[]): { label: number; from: number; to: number }[] {
  const runs: { label: number; from: number; to: number }[] = [];
  labels.forEach((label, k) => {
    const last = runs[runs.length - 1];
    if (last?.label === label) last.to = k + 1;
    else runs.push({ label, from: k, to: k + 1 });
  });
  return runs;
}

function room(run: { from: number; to: number }, count: number): number {
  return (SIDE * (run.to - run.from)) / count;
}

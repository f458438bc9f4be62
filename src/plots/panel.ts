/** The plane that curves, points and heat maps are drawn on: frame, ticks, labels, light grid, margins that fit. */

import { short } from "./colours.js";
import type { Box } from "./cutting.js";
import { layer, type Mark, type Plot, plotFragment, plotLibrary } from "./render.js";
import { textWidth } from "./text.js";
import { logarithmicText, logarithmicTicks, niceTicks, tickFormat } from "./ticks.js";

/** One axis: what it shows, and optionally ticks with names of their own. */
export interface Axis {
  label: string;
  /** Lowest and highest value; the order may be turned to make the axis run the other way. */
  domain: readonly [number, number];
  scale?: "linear" | "log";
  ticks?: readonly { value: number; text: string }[];
  /** Ticks at whole numbers only, for what is counted. */
  whole?: boolean;
}

/** What a panel is made of. */
export interface PanelOptions {
  x: Axis;
  y: Axis;
  /** Size of the plane itself, in pixels, without margins. */
  innerWidth: number;
  innerHeight: number;
  grid?: boolean;
  /** Layers from back to front, none reaching beyond `plane` (in the panel's pixels). */
  marks(plot: Plot, plane: Box): Mark[];
  /** Space between the frame and the tick texts, for bars drawn there. */
  gutter?: number;
}

/** A drawn panel: SVG text, its size, and where its plane lies in it. */
export interface Panel {
  markup: string;
  width: number;
  height: number;
  left: number;
  top: number;
  innerWidth: number;
  innerHeight: number;
}

const INK = "#222222";
const TICK_SIZE = 12;
const LABEL_SIZE = 13;

/** Draws a panel. */
export async function drawPanel(options: PanelOptions): Promise<Panel> {
  const { x, y, innerWidth, innerHeight, grid = false, gutter = 0 } = options;
  const plot = await plotLibrary();
  const xTicks = fittingTicks(x, innerWidth);
  const yTicks = ticksOf(y, Math.max(3, Math.min(8, innerHeight / 55)));
  const widest = Math.max(...yTicks.map((tick) => textWidth(tick.text, TICK_SIZE)), 10);
  const left = Math.ceil(widest + gutter + 10 + LABEL_SIZE + 10);
  const overhang = Math.max(...xTicks.slice(-1).map((tick) => textWidth(tick.text, TICK_SIZE) / 2), 6);
  const right = Math.ceil(overhang + 2);
  const top = 10;
  const bottom = 20 + gutter + LABEL_SIZE + 10;
  const width = left + innerWidth + right;
  const height = top + innerHeight + bottom;
  const xValues = xTicks.map((tick) => tick.value);
  const yValues = yTicks.map((tick) => tick.value);
  const markup = await plotFragment({
    width,
    height,
    marginLeft: left,
    marginRight: right,
    marginTop: top,
    marginBottom: bottom,
    x: { type: x.scale ?? "linear", domain: [...x.domain], axis: null },
    y: { type: y.scale ?? "linear", domain: [...y.domain], axis: null },
    marks: [
      ...(grid
        ? [
            plot.gridX(xValues, { stroke: "#000000", strokeOpacity: 0.09 }),
            plot.gridY(yValues, { stroke: "#000000", strokeOpacity: 0.09 }),
          ]
        : []),
      ...options.marks(plot, { left, top, right: left + innerWidth, bottom: top + innerHeight }),
      plot.frame({ stroke: INK, strokeWidth: 1 }),
      layer(({ x, y }) => {
        if (gutter > 0) return ""; // what is drawn in the gutter shows the places itself
        const below = xValues.map((value) => `M${short(x(value))},${top + innerHeight}v5`);
        const beside = yValues.map((value) => `M${left},${short(y(value))}h-5`);
        return `<path d="${[...below, ...beside].join("")}" stroke="${INK}" fill="none"/>`;
      }),
      plot.text(xTicks, {
        x: "value",
        text: "text",
        frameAnchor: "bottom",
        lineAnchor: "top",
        dy: gutter + 9,
        fontSize: TICK_SIZE,
        fill: INK,
        className: "x-ticks",
      }),
      plot.text(yTicks, {
        y: "value",
        text: "text",
        frameAnchor: "left",
        textAnchor: "end",
        dx: -(gutter + 9),
        fontSize: TICK_SIZE,
        fill: INK,
        className: "y-ticks",
      }),
      plot.text([x.label], {
        frameAnchor: "bottom",
        lineAnchor: "bottom",
        dy: bottom - 3,
        fontSize: LABEL_SIZE,
        fill: INK,
        className: "x-label",
      }),
      plot.text([y.label], {
        frameAnchor: "left",
        textAnchor: "middle",
        lineAnchor: "top",
        rotate: -90,
        dx: -(left - 5),
        fontSize: LABEL_SIZE,
        fill: INK,
        className: "y-label",
      }),
    ],
  });
  return { markup, width, height, left, top, innerWidth, innerHeight };
}

/** As many ticks as fit side by side without touching; where not even two do, one. */
function fittingTicks(axis: Axis, room: number): { value: number; text: string }[] {
  if (axis.ticks) return [...axis.ticks];
  for (let count = Math.max(2, Math.min(10, room / 65)); count > 1; count -= 1) {
    const ticks = ticksOf(axis, count);
    if (!touch(ticks, axis, room)) return ticks;
  }
  const few = ticksOf(axis, 1);
  for (let stride = 1; ; stride += 1) {
    const kept = few.filter((_, k) => k % stride === 0);
    if (kept.length <= 1 || !touch(kept, axis, room)) return kept;
  }
}

/** Whether neighbouring texts, each centred at its tick, come nearer than a space's width. */
function touch(ticks: readonly { value: number; text: string }[], axis: Axis, room: number): boolean {
  const place = (value: number) => (axis.scale === "log" ? Math.log(value) : value);
  const perUnit = room / Math.abs(place(axis.domain[1]) - place(axis.domain[0]));
  return ticks.some((tick, k) => {
    if (k === 0) return false;
    const width = (textWidth(tick.text, TICK_SIZE) + textWidth(ticks[k - 1].text, TICK_SIZE)) / 2;
    return Math.abs(place(tick.value) - place(ticks[k - 1].value)) * perUnit < width + 8;
  });
}

function ticksOf(axis: Axis, count: number): { value: number; text: string }[] {
  if (axis.ticks) return [...axis.ticks];
  const [low, high] = [Math.min(...axis.domain), Math.max(...axis.domain)];
  if (axis.scale === "log")
    return logarithmicTicks(low, high).map((value) => ({ value, text: logarithmicText(value) }));
  const values = niceTicks(low, high, axis.whole ? Math.min(count, high - low) : count, axis.whole);
  const format = tickFormat(values);
  return values.map((value) => ({ value, text: format(value) }));
}

/** An interval around finite values with a margin on both sides; never without extent. */
export function paddedDomain(values: Iterable<number>, margin = 0.04): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return [0, 1];
  if (low === high) return [low - (Math.abs(low) * 0.1 || 0.5), high + (Math.abs(high) * 0.1 || 0.5)];
  return [low - margin * (high - low), high + margin * (high - low)];
}

/** Named points on two logarithmic axes with bars for their errors: our score of a row against the published one. */
import { PALETTE, short } from "../../plots/colours.js";
import { composeFigure, type Words } from "../../plots/figure.js";
import { drawPanel } from "../../plots/panel.js";
import { layer } from "../../plots/render.js";
import { textElement, textWidth } from "../../plots/text.js";

export interface LabelledPoint {
  readonly label: string;
  readonly x: number;
  readonly y: number;
  /** Half the bar of y. */
  readonly error?: number;
  /** Drawn in the second colour. */
  readonly marked?: boolean;
}

/** The picture as SVG; values must be positive. */
export async function labelledPoints(
  points: readonly LabelledPoint[],
  options: Words & { readonly xLabel: string; readonly yLabel: string },
): Promise<string> {
  const domain = (values: readonly number[]): [number, number] => {
    const [low, high] = [Math.log(Math.min(...values)), Math.log(Math.max(...values))];
    const margin = 0.08 * (high - low || 1);
    return [Math.exp(low - margin), Math.exp(high + margin)];
  };
  const panel = await drawPanel({
    x: { label: options.xLabel, scale: "log", domain: domain(points.map(({ x }) => x)) },
    y: { label: options.yLabel, scale: "log", domain: domain(points.map(({ y }) => y)) },
    innerWidth: 640,
    innerHeight: 460,
    grid: true,
    marks: (_plot, plane) => [
      layer((scales) => {
        const placed: { x: number; y: number; width: number }[] = [];
        return [...points]
          .sort((a, b) => a.y - b.y)
          .map(({ label, x, y, error = 0, marked = false }) => {
            const [cx, cy] = [scales.x(x), scales.y(y)];
            const colour = PALETTE[marked ? 1 : 0];
            const [low, high] = [scales.y(Math.max(y - error, y / 10)), scales.y(y + error)];
            const bar = error > 0 ? `<path d="M${short(cx)},${short(low)}V${short(high)}" stroke="${colour}"/>` : "";
            const width = textWidth(label, 11);
            const right = cx + 8 + width < plane.right;
            const at = { x: right ? cx + 8 : cx - 8 - width, y: cy + 4, width };
            // a label moves up until it meets none of those below it
            while (placed.some((p) => Math.abs(p.y - at.y) < 12 && p.x < at.x + width && at.x < p.x + p.width))
              at.y -= 3;
            placed.push(at);
            const text = textElement(label, at.x, at.y, { size: 11 });
            return `${bar}<circle cx="${short(cx)}" cy="${short(cy)}" r="4" fill="${colour}"/>${text}`;
          })
          .join("");
      }),
    ],
  });
  return composeFigure(panel, [], options);
}

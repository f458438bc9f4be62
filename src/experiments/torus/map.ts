/** A density on T^2 over one and a half turns each way, so that a seam would show. */
import { composeFigure, type Words } from "../../plots/figure.js";
import { drawPanel } from "../../plots/panel.js";
import { imageElement, layer } from "../../plots/render.js";
import { densityBar, densityImage, densityScale } from "../world-map/density-bar.js";

const REACH = 270;
const SIZE = 520;

/** Centres of `size` cells from -270 to 270 degrees. */
export function torusAxis(size: number): number[] {
  return Array.from({ length: size }, (_, i) => -REACH + (2 * REACH * (i + 0.5)) / size);
}

/**
 * Draws it as SVG.
 * @param logDensity natural logarithm per square radian, at (axis[column], axis[row]), row by row. [size * size]
 * @param points angles in radians to mark, row-major; each at all its places, as the density is drawn. [m * 2]
 */
export async function torusMap(
  logDensity: ArrayLike<number>,
  points: ArrayLike<number>,
  words: Words & { readonly xLabel?: string; readonly yLabel?: string },
): Promise<string> {
  const size = Math.round(Math.sqrt(logDensity.length));
  const logarithms = Float64Array.from(logDensity, (value) => value / Math.LN10);
  const scale = densityScale(logarithms);
  // the image's rows run down, the grid's up
  const cells = Int32Array.from(logarithms, (_, i) => (size - 1 - Math.floor(i / size)) * size + (i % size));
  const image = densityImage(cells, logarithms, size, size, scale);
  const ticks = [-270, -180, -90, 0, 90, 180, 270].map((value) => ({ value, text: String(value).replace("-", "−") }));
  const axis = (label: string) => ({ label, domain: [-REACH, REACH] as const, ticks });
  const panel = await drawPanel({
    x: axis(words.xLabel ?? "first angle, degrees"),
    y: axis(words.yLabel ?? "second angle, degrees"),
    innerWidth: SIZE,
    innerHeight: SIZE,
    marks: () => [
      layer(({ x, y }) => {
        const [left, top] = [x(-REACH), y(REACH)];
        const turn = [-180, 180].map((at) => `M${x(at)},${y(-REACH)}V${y(REACH)}M${x(-REACH)},${y(at)}H${x(REACH)}`);
        const marks = Array.from({ length: points.length / 2 }, (_, i) => {
          const [first, second] = [copies(degrees(points[2 * i])), copies(degrees(points[2 * i + 1]))];
          return second
            .flatMap((psi) => first.map((phi) => `cx="${x(phi).toFixed(1)}" cy="${y(psi).toFixed(1)}"`))
            .map((at) => `<circle ${at} r="${points.length > 800 ? 1.3 : 2}"/>`)
            .join("");
        });
        return (
          imageElement(image, left, top, SIZE, SIZE) +
          `<path d="${turn.join("")}" fill="none" stroke="#ffffff" stroke-opacity="0.8" stroke-dasharray="6 5"/>` +
          `<g fill="#ffffff" fill-opacity="0.9" stroke="#000000" stroke-width="0.7">${marks.join("")}</g>`
        );
      }),
    ],
  });
  return composeFigure(panel, [densityBar(scale, "density per square radian", 380)], words);
}

/** The places of an angle on the one and a half turns that are drawn. */
function copies(angle: number): number[] {
  return [angle - 360, angle, angle + 360].filter((at) => Math.abs(at) <= REACH);
}

/** Radians to degrees in [-180, 180]. */
function degrees(angle: number): number {
  const turned = (angle * 180) / Math.PI;
  return turned - 360 * Math.round(turned / 360);
}

/** A density on T^2 over one and a half turns each way, so that a seam would show. */
import { latentMap, type Words } from "../../plots/index.js";

/** Centres of `size` cells from -270 to 270 degrees. */
export function torusAxis(size: number): number[] {
  return Array.from({ length: size }, (_, i) => -270 + (540 * (i + 0.5)) / size);
}

/**
 * Draws it as SVG.
 * @param logDensity natural logarithm per square radian, at (axis[column], axis[row]), row by row. [size * size]
 * @param points angles in radians to mark, row-major. [m * 2]
 */
export async function torusMap(
  logDensity: ArrayLike<number>,
  points: ArrayLike<number>,
  words: Words & { readonly xLabel?: string; readonly yLabel?: string; readonly pointsLabel?: string },
): Promise<string> {
  const size = Math.round(Math.sqrt(logDensity.length));
  const axis = torusAxis(size);
  const degrees = (angle: number) => {
    const turned = (angle * 180) / Math.PI;
    return turned - 360 * Math.round(turned / 360);
  };
  const codes = Array.from({ length: points.length / 2 }, (_, i) => ({
    x: degrees(points[2 * i]),
    y: degrees(points[2 * i + 1]),
    label: 0,
  }));
  const line = (fixed: 0 | 1, at: number) => [-269, 269].flatMap((other) => (fixed === 0 ? [at, other] : [other, at]));
  const svg = await latentMap({
    xs: axis,
    ys: axis,
    values: Float64Array.from(logDensity, (value) => Math.max(value / Math.LN10, -4)),
    valueLabel: "log₁₀ density per square radian (below 10⁻⁴ as 10⁻⁴)",
    codes,
    labelNames: [words.pointsLabel ?? "points"],
    labelHeading: "data",
    straightLines: [line(0, -180), line(0, 180), line(1, -180), line(1, 180)],
    endpoints: [],
    xLabel: words.xLabel ?? "first angle, degrees",
    yLabel: words.yLabel ?? "second angle, degrees",
    clip: "none",
    title: words.title,
    subtitle: words.subtitle,
  });
  return svg.replace(">straight lines<", ">edges of one turn<"); // what these lines are here
}

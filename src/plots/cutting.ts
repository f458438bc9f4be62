/**
 * Cuts polylines at the edges of a rectangle (Liang and Barsky, "A New Concept and Method for Line Clipping", 1984), so
 * that nothing is drawn outside of the plane. Clip paths of SVG would do the same for browsers, but nested ones end the
 * process in the PNG renderer when all that they hold lies outside of the picture.
 */

import { short } from "./colours.js";

/** A rectangle in pixels. */
export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

type Point = readonly [number, number];

/** The parts of a polyline inside of a box, as SVG path data: empty where nothing is inside. */
export function cutPath(points: readonly Point[], box: Box): string {
  const parts: string[] = [];
  let open: Point | undefined; // where the part being written has got to
  for (let k = 0; k + 1 < points.length; k++) {
    const piece = cutSegment(points[k], points[k + 1], box);
    if (!piece) {
      open = undefined;
      continue;
    }
    const [from, to] = piece;
    const joins = open !== undefined && open[0] === from[0] && open[1] === from[1];
    parts.push(`${joins ? "" : `M${pair(from)}`}L${pair(to)}`);
    open = to;
  }
  return parts.join("");
}

/** Whether a point lies in a box or on its edge. */
export function insideBox([x, y]: Point, { left, top, right, bottom }: Box): boolean {
  return x >= left && x <= right && y >= top && y <= bottom;
}

function cutSegment(a: Point, b: Point, { left, top, right, bottom }: Box): readonly [Point, Point] | undefined {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  let [enter, leave] = [0, 1];
  // Each edge as p t <= q for the point a + t (b - a): p is the rate of approach, q the distance to the edge.
  for (const [p, q] of [
    [-dx, a[0] - left],
    [dx, right - a[0]],
    [-dy, a[1] - top],
    [dy, bottom - a[1]],
  ]) {
    if (p === 0 && q < 0) return undefined;
    if (p < 0) enter = Math.max(enter, q / p);
    if (p > 0) leave = Math.min(leave, q / p);
  }
  if (enter > leave) return undefined;
  const at = (t: number): Point => (t === 0 ? a : t === 1 ? b : [a[0] + t * dx, a[1] + t * dy]);
  return [at(enter), at(leave)];
}

function pair([x, y]: Point): string {
  return `${short(x)},${short(y)}`;
}

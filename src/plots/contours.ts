/**
 * Level lines of a field on an even grid by marching squares: in each square of four neighbouring nodes the line crosses
 * those sides whose ends lie on different sides of the level, at the place found by linear interpolation; where all four
 * sides are crossed, the mean of the corners decides which crossings belong together. Lines end at the edge of the grid.
 */

/** A straight piece of a level line: x and y of its two ends. */
export type Piece = readonly [number, number, number, number];

/** The pieces of the line `field = level`; `values[row * nx + column]` lies at (xs[column], ys[row]). */
export function contourPieces(
  xs: ArrayLike<number>,
  ys: ArrayLike<number>,
  values: ArrayLike<number>,
  level: number,
): Piece[] {
  const pieces: Piece[] = [];
  const nx = xs.length;
  for (let row = 0; row + 1 < ys.length; row++)
    for (let column = 0; column + 1 < nx; column++) {
      const start = row * nx + column;
      const corners = [
        { x: xs[column], y: ys[row], value: values[start] },
        { x: xs[column + 1], y: ys[row], value: values[start + 1] },
        { x: xs[column + 1], y: ys[row + 1], value: values[start + nx + 1] },
        { x: xs[column], y: ys[row + 1], value: values[start + nx] },
      ];
      // Crossings in the order of the sides 0-1, 1-2, 2-3, 3-0.
      const crossings = corners.flatMap((a, k) => {
        const b = corners[(k + 1) % 4];
        if (a.value >= level === b.value >= level) return [];
        const t = (level - a.value) / (b.value - a.value);
        return [{ x: a.x + t * (b.x - a.x), y: a.y + t * (b.y - a.y) }];
      });
      const join = (i: number, j: number) =>
        pieces.push([crossings[i].x, crossings[i].y, crossings[j].x, crossings[j].y]);
      if (crossings.length === 2) join(0, 1);
      if (crossings.length === 4) {
        const middle = corners.reduce((sum, corner) => sum + corner.value, 0) / 4;
        // The middle is on the side of corner 0: the corners 1 and 3 are cut off; else the corners 0 and 2.
        if (middle >= level === corners[0].value >= level) {
          join(0, 1);
          join(2, 3);
        } else {
          join(3, 0);
          join(1, 2);
        }
      }
    }
  return pieces;
}

/**
 * Geodesic distances from one point to all nodes of a grid over two latent axes: the viscosity solution of the eikonal
 * equation g^{-1}(du, du) = 1, u(source) = 0, by semi-Lagrangian updates (Tsitsiklis, "Efficient algorithms for
 * globally optimal trajectories", 1995; wide stencils as in Sethian and Vladimirsky, "Ordered upwind methods", 2003):
 *
 *   u(x) = min over edges [y_1, y_2] of the stencil of x, and y on the edge, of u(y) + |y - x|_g,
 *
 * in Gauss-Seidel sweeps (Zhao, 2005), each over the nodes that have a changed node in their stencil, until there are none.
 * Between y_1 and y_2 u is that of a source in the plane
 * with the right distances from both (so constant metrics have no error; Novotni and Klein, "Computing geodesic
 * distances on triangular meshes", 2002). Anisotropy needs no care: the stencil has 32 directions and all between two
 * neighbours are tried. First-order accurate in the grid's step where the metric varies; ridges thinner than a cell
 * are not seen. For d > 2 the other axes are held: distances are those of the slice, at least those of the whole space.
 *
 * Axes: n_x columns, n_y rows.
 */
import { ndarray } from "../engine/index.js";
import { expectThat, RunError, UsageError } from "../errors.js";
import { evaluate, type LatentMetric } from "../metrics/index.js";
import { gridSteps } from "../numerics/graph.js";

export interface DistanceMapOptions {
  /** Coordinates of the columns and rows, rising in equal steps, at least 8 of each. */
  readonly xs: ArrayLike<number>;
  readonly ys: ArrayLike<number>;
  /** The latent axes of columns and rows; default [0, 1]. */
  readonly axes?: readonly [number, number];
  /**
   * The grid is continued by this share of its size on each side, so that curves may leave the rectangle a little;
   * default 0.1.
   */
  readonly margin?: number;
  /** Of the metric's values; default "float64". */
  readonly precision?: "float32" | "float64";
}

export interface DistanceMap {
  /** `values[row * n_x + column]` at (xs[column], ys[row]). [n_y * n_x] */
  readonly values: Float64Array;
  /**
   * The shortest curve from the source to a place (x, y) of the grid, by steepest descent of the distance: x and y of one
   * point after another, [T * 2], on the two axes. As accurate as the grid; a good start for `connect`.
   * @throws UsageError for places outside of the grid; RunError where the descent does not come to the source
   */
  pathTo(x: number, y: number): Float64Array;
  /** Rounds of four sweeps until nothing changed by more than 1e-9 of the largest distance. */
  readonly rounds: number;
  /**
   * Share of the places asked for where distances say little because the metric is nearly zero (behind a gate, say): a
   * line over the whole grid would add less than a thousandth of the largest distance at the lengths of that place.
   */
  readonly freeShare: number;
}

/** A change that is less than this share of the largest distance is kept, but nothing is updated for it. */
const SETTLED = 1e-9;
/**
 * Rounds in which all triangles count; in later ones only those with both nodes nearer to the source than the third. Where
 * the metric is nearly singular an update can be less than the values it comes from, and a ring of nodes can lower itself
 * for ever; with nearer nodes alone none can: a value that went around would come back larger.
 */
const FREE_ROUNDS = 60;
/** With nearer nodes alone, values settle along shortest curves, which cross the grid's rows and columns so often at most. */
const MOST_ROUNDS = 10_000;
/** Of the largest distance, see `freeShare`. */
const FREE = 1e-3;
/** Cells around the source whose distance is the length of the straight line. */
const NEAR = 3;

/**
 * Distances from `source` (a point of the latent space, whose coordinates on the other axes hold for the whole slice).
 * @throws UsageError for grids that are too small or uneven, a source outside of the grid, or a metric that has lengths
 *   of curves but no tensor; RunError where the metric is indefinite, not finite, or zero at the source
 */
export async function distanceMap(
  metric: LatentMetric,
  source: ArrayLike<number>,
  options: DistanceMapOptions,
): Promise<DistanceMap> {
  const { axes = [0, 1], margin = 0.1, precision = "float64" } = options;
  const d = metric.dimension;
  expectThat(
    source.length === d && Array.from(source).every(Number.isFinite),
    () => `distanceMap: source has ${source.length} coordinates; give ${d} finite ones.`,
  );
  expectThat(
    axes[0] !== axes[1] && axes.every((axis) => Number.isInteger(axis) && axis >= 0 && axis < d),
    () => `distanceMap: axes are ${axes}; give two different whole numbers from 0 to ${d - 1}.`,
  );
  expectThat(margin >= 0 && margin <= 2, () => `distanceMap: margin is ${margin}; give a share from 0 to 2.`);
  const [x, y] = [evenAxis("xs", options.xs, margin), evenAxis("ys", options.ys, margin)];
  const [sx, sy] = [(source[axes[0]] - x.first) / x.step, (source[axes[1]] - y.first) / y.step];
  if (!(sx >= 0 && sy >= 0 && sx <= x.count - 1 && sy <= y.count - 1))
    throw new UsageError(
      `distanceMap: the source (${source[axes[0]]}, ${source[axes[1]]}) lies outside of the grid; widen xs and ys.`,
    );
  const tensor = await tensors(metric, source, axes, x, y, precision);
  const grid = { columns: x.count, rows: y.count, stepX: x.step, stepY: y.step, ...tensor };
  const { values, rounds } = solve(grid, sx, sy);
  const [nx, ny] = [options.xs.length, options.ys.length];
  const kept = new Float64Array(nx * ny);
  for (let row = 0; row < ny; row++)
    for (let column = 0; column < nx; column++)
      kept[row * nx + column] = values[(row + y.before) * x.count + column + x.before];
  const pathTo = (toX: number, toY: number): Float64Array => {
    const [cx, cy] = [(toX - x.first) / x.step, (toY - y.first) / y.step];
    if (!(cx >= 0 && cy >= 0 && cx <= x.count - 1 && cy <= y.count - 1))
      throw new UsageError(`distanceMap: (${toX}, ${toY}) lies outside of the grid; widen xs and ys.`);
    const cells = descend(grid, values, [sx, sy], [cx, cy]);
    return cells.map((cell, i) => (i % 2 === 0 ? x.first + cell * x.step : y.first + cell * y.step));
  };
  return { values: kept, rounds, freeShare: freeShareOf(grid, values, x, y), pathTo };
}

function freeShareOf({ stepX, stepY, xx, xy, yy }: Grid, values: Float64Array, x: Axis, y: Axis): number {
  const largest = values.reduce((a, b) => Math.max(a, b), 0);
  const [width, height] = [x.count * stepX, y.count * stepY];
  let free = 0;
  for (let row = y.before; row < y.count - y.before; row++)
    for (let column = x.before; column < x.count - x.before; column++) {
      const node = row * x.count + column;
      const square = xx[node] * width ** 2 + 2 * Math.abs(xy[node]) * width * height + yy[node] * height ** 2;
      if (Math.sqrt(square) < FREE * largest) free++;
    }
  return free / ((x.count - 2 * x.before) * (y.count - 2 * y.before));
}

interface Axis {
  readonly first: number;
  readonly step: number;
  readonly count: number;
  /** Cells of the margin before the first that is asked for. */
  readonly before: number;
}

function evenAxis(name: string, values: ArrayLike<number>, margin: number): Axis {
  const n = values.length;
  const step = (values[n - 1] - values[0]) / (n - 1);
  const even = Array.from(values).every((v, i) => Math.abs(v - values[0] - i * step) <= 1e-6 * step);
  expectThat(
    n >= 8 && step > 0 && even,
    () => `distanceMap: ${name} has ${n} coordinates; give at least 8 that rise in equal steps.`,
  );
  const before = Math.round(margin * n);
  return { first: values[0] - before * step, step, count: n + 2 * before, before };
}

/** The metric at the nodes: G_xx, G_xy, G_yy. [nodes] each */
interface Tensors {
  readonly xx: Float64Array;
  readonly xy: Float64Array;
  readonly yy: Float64Array;
}

async function tensors(
  metric: LatentMetric,
  source: ArrayLike<number>,
  axes: readonly [number, number],
  x: Axis,
  y: Axis,
  precision: "float32" | "float64",
): Promise<Tensors> {
  const d = metric.dimension;
  const nodes = x.count * y.count;
  const points = new Float64Array(nodes * d);
  for (let node = 0; node < nodes; node++) {
    for (let k = 0; k < d; k++) points[node * d + k] = source[k];
    points[node * d + axes[0]] = x.first + (node % x.count) * x.step;
    points[node * d + axes[1]] = y.first + Math.floor(node / x.count) * y.step;
  }
  const { data } = await evaluate(metric, tensorOf, ndarray(points, [nodes, d]), [], { precision });
  const part = (i: number, j: number) =>
    Float64Array.from({ length: nodes }, (_, node) => data[(node * d + axes[i]) * d + axes[j]]);
  const found = { xx: part(0, 0), xy: part(0, 1), yy: part(1, 1) };
  // Behind a gate a metric may be zero, or singular up to rounding: that makes distances, if dull ones.
  const rounding = precision === "float64" ? 1e-9 : 1e-4;
  const definite = (node: number) =>
    found.xx[node] >= 0 &&
    found.yy[node] >= 0 &&
    found.xy[node] ** 2 <= found.xx[node] * found.yy[node] * (1 + rounding);
  const atSource = (node: number) =>
    Math.abs(points[node * d + axes[0]] - source[axes[0]]) <= x.step &&
    Math.abs(points[node * d + axes[1]] - source[axes[1]]) <= y.step;
  for (let node = 0; node < nodes; node++)
    if (!definite(node) || (atSource(node) && found.xx[node] + found.yy[node] === 0))
      throw new RunError(
        `distanceMap: the ${metric.name} metric is not positive definite at (${points[node * d + axes[0]]}, ${points[node * d + axes[1]]}).`,
      );
  return found;
}

const tensorOf = (metric: LatentMetric, z: Parameters<LatentMetric["metricTensor"]>[0]) => metric.metricTensor(z);

interface Grid extends Tensors {
  readonly columns: number;
  readonly rows: number;
  readonly stepX: number;
  readonly stepY: number;
}

/** Directions of the stencil, by angle: all steps of up to three nodes an axis that are no multiples of shorter ones. */
const stencil: readonly (readonly [number, number])[] = gridSteps(2, 32)
  .map(([a, b]) => [a, b] as const)
  .sort((p, q) => Math.atan2(p[1], p[0]) - Math.atan2(q[1], q[0]));

/** @param sx, sy the source in cells from the first node */
function solve(grid: Grid, sx: number, sy: number): { values: Float64Array; rounds: number } {
  const { columns, rows } = grid;
  const nodes = columns * rows;
  const values = new Float64Array(nodes).fill(Number.POSITIVE_INFINITY);
  for (let row = Math.max(0, Math.ceil(sy - NEAR)); row <= Math.min(rows - 1, sy + NEAR); row++)
    for (let column = Math.max(0, Math.ceil(sx - NEAR)); column <= Math.min(columns - 1, sx + NEAR); column++)
      values[row * columns + column] = lengthBetween(grid, sx, sy, column, row);
  const { lengths, cosines } = edges(grid);
  const pending = new Uint8Array(nodes).fill(1);
  for (let round = 1; round <= MOST_ROUNDS; round++) {
    let largest = 0;
    for (const value of values) if (value < Number.POSITIVE_INFINITY && value > largest) largest = value;
    const least = SETTLED * largest;
    let changed = false;
    for (const [fromLeft, fromTop] of [
      [true, true],
      [false, true],
      [false, false],
      [true, false],
    ])
      changed =
        sweep(grid, values, { lengths, cosines, pending, least, onlyNearer: round > FREE_ROUNDS }, fromLeft, fromTop) ||
        changed;
    if (!changed) return { values, rounds: round };
  }
  throw new RunError(`distanceMap: distances still change after ${MOST_ROUNDS} rounds of sweeps.`);
}

/** Lengths of the edges of every node's stencil and the cosines between neighbouring ones, in the node's metric. */
function edges(grid: Grid): { lengths: Float64Array; cosines: Float64Array } {
  const { columns, rows, stepX, stepY, xx, xy, yy } = grid;
  const S = stencil.length;
  const lengths = new Float64Array(columns * rows * S).fill(Number.POSITIVE_INFINITY);
  const cosines = new Float64Array(columns * rows * S);
  for (let row = 0, node = 0; row < rows; row++)
    for (let column = 0; column < columns; column++, node++)
      for (let s = 0; s < S; s++) {
        const [dx, dy] = stencil[s];
        const [toColumn, toRow] = [column + dx, row + dy];
        if (toColumn < 0 || toRow < 0 || toColumn >= columns || toRow >= rows) continue;
        lengths[node * S + s] = lengthBetween(grid, column, row, toColumn, toRow);
        const [a, b] = [dx * stepX, dy * stepY];
        const next = stencil[(s + 1) % S];
        const [p, q] = [next[0] * stepX, next[1] * stepY];
        const product = xx[node] * a * p + xy[node] * (a * q + b * p) + yy[node] * b * q;
        const square = (u: number, v: number) => xx[node] * u * u + 2 * xy[node] * u * v + yy[node] * v * v;
        cosines[node * S + s] = Math.min(1, Math.max(-1, product / Math.sqrt(square(a, b) * square(p, q))));
      }
  return { lengths, cosines };
}

/** Length of a straight line between places in cells, by the midpoint rule on pieces of at most one cell. */
function lengthBetween(grid: Grid, x0: number, y0: number, x1: number, y1: number): number {
  const { columns, rows, stepX, stepY, xx, xy, yy } = grid;
  const pieces = Math.max(1, Math.ceil(Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0))));
  const [a, b] = [((x1 - x0) * stepX) / pieces, ((y1 - y0) * stepY) / pieces];
  let length = 0;
  for (let i = 0; i < pieces; i++) {
    const t = (i + 0.5) / pieces;
    const [x, y] = [x0 + t * (x1 - x0), y0 + t * (y1 - y0)];
    const column = Math.min(columns - 2, Math.floor(x));
    const row = Math.min(rows - 2, Math.floor(y));
    const [u, v] = [x - column, y - row];
    const node = row * columns + column;
    const at = (values: Float64Array) =>
      (1 - v) * ((1 - u) * values[node] + u * values[node + 1]) +
      v * ((1 - u) * values[node + columns] + u * values[node + columns + 1]);
    length += Math.sqrt(Math.max(0, at(xx) * a * a + 2 * at(xy) * a * b + at(yy) * b * b));
  }
  return length;
}

interface Sweeping {
  /** As `edges` gives them. */
  readonly lengths: Float64Array;
  readonly cosines: Float64Array;
  /** Nodes with a changed node in their stencil. */
  readonly pending: Uint8Array;
  /** Changes of no more than this leave the nodes around as they are. */
  readonly least: number;
  /** Whether triangles count only where both of their nodes are nearer to the source than the value they give. */
  readonly onlyNearer: boolean;
}

/** One pass over the pending nodes in one of four orders. @returns whether nodes became pending */
function sweep(
  { columns, rows }: Grid,
  values: Float64Array,
  { lengths, cosines, pending, least, onlyNearer }: Sweeping,
  fromLeft: boolean,
  fromTop: boolean,
): boolean {
  const S = stencil.length;
  const jumps = Int32Array.from(stencil, ([dx, dy]) => dy * columns + dx);
  let changed = false;
  for (let i = 0; i < rows; i++) {
    const row = fromTop ? i : rows - 1 - i;
    for (let j = 0; j < columns; j++) {
      const node = row * columns + (fromLeft ? j : columns - 1 - j);
      if (pending[node] === 0) continue;
      pending[node] = 0;
      let best = values[node];
      for (let s = 0; s < S; s++) {
        const first = lengths[node * S + s];
        if (first === Number.POSITIVE_INFINITY) continue;
        const u1 = values[node + jumps[s]];
        if (u1 + first < best) best = u1 + first;
        const after = s + 1 === S ? 0 : s + 1;
        const second = lengths[node * S + after];
        if (second === Number.POSITIVE_INFINITY) continue;
        const u2 = values[node + jumps[after]];
        if (!(Math.min(u1, u2) < best)) continue;
        const through = between(u1, u2, first, second, cosines[node * S + s]);
        if (through < best && !(onlyNearer && through < Math.max(u1, u2))) best = through;
      }
      if (!(best < values[node])) continue;
      const told = values[node] - best > least;
      values[node] = best;
      if (!told) continue;
      changed = true;
      for (let s = 0; s < S; s++) if (lengths[node * S + s] < Number.POSITIVE_INFINITY) pending[node + jumps[s]] = 1;
    }
  }
  return changed;
}

/**
 * The distance through a point between two neighbours of the stencil, of distances u_1 and u_2 from the source and l_1 and
 * l_2 from the node: the triangle is laid out in the plane, the source is put where its distances are u_1 and u_2, and
 * the straight line from there to the node is taken where it passes between the two. Infinite where it does not. Exact in
 * flat space, where interpolating u itself would add an error at every step.
 */
function between(u1: number, u2: number, l1: number, l2: number, cosine: number): number {
  if (!(u1 < Number.POSITIVE_INFINITY && u2 < Number.POSITIVE_INFINITY)) return Number.POSITIVE_INFINITY;
  const squared = l1 * l1 + l2 * l2 - 2 * cosine * l1 * l2; // of the edge, which lies on the x axis from y_1 = 0
  const edge = Math.sqrt(Math.max(0, squared));
  if (!(Math.abs(u1 - u2) < edge)) return Number.POSITIVE_INFINITY;
  const nodeX = (l1 * l1 - l2 * l2 + squared) / (2 * edge);
  const nodeY = Math.sqrt(Math.max(0, l1 * l1 - nodeX * nodeX));
  const sourceX = (u1 * u1 - u2 * u2 + squared) / (2 * edge);
  const sourceY = Math.sqrt(Math.max(0, u1 * u1 - sourceX * sourceX)); // below the axis
  const crossing = (sourceX * nodeY + nodeX * sourceY) / (nodeY + sourceY);
  if (!(crossing > 0 && crossing < edge)) return Number.POSITIVE_INFINITY;
  return Math.hypot(nodeX - sourceX, nodeY + sourceY);
}

/** Directions that a step of the descent is chosen from, and its length in cells. */
const DIRECTIONS = 64;
const STEP = 1.5;

/**
 * From a place down to the source, in cells, in the order source to place: each step goes where the distance that is left
 * and the step's own length are least together.
 */
function descend(
  grid: Grid,
  values: Float64Array,
  source: readonly [number, number],
  place: readonly [number, number],
): Float64Array {
  const { columns, rows } = grid;
  const at = (x: number, y: number) => {
    const column = Math.min(columns - 2, Math.floor(x));
    const row = Math.min(rows - 2, Math.floor(y));
    const [u, v] = [x - column, y - row];
    const node = row * columns + column;
    return (
      (1 - v) * ((1 - u) * values[node] + u * values[node + 1]) +
      v * ((1 - u) * values[node + columns] + u * values[node + columns + 1])
    );
  };
  const path = [place[1], place[0]]; // backwards
  let [x, y] = place;
  for (let step = 0; step < 4 * (columns + rows); step++) {
    if (Math.hypot(x - source[0], y - source[1]) <= NEAR - 1) {
      path.push(source[1], source[0]);
      return Float64Array.from(path.reverse());
    }
    const costOf = (angle: number) => {
      const [nx, ny] = [x + STEP * Math.cos(angle), y + STEP * Math.sin(angle)];
      if (nx < 0 || ny < 0 || nx > columns - 1 || ny > rows - 1) return Number.POSITIVE_INFINITY;
      return at(nx, ny) + lengthBetween(grid, x, y, nx, ny);
    };
    const turn = (2 * Math.PI) / DIRECTIONS;
    let best = 0;
    for (let k = 1; k < DIRECTIONS; k++) if (costOf(k * turn) < costOf(best * turn)) best = k;
    // the vertex of the parabola through the best direction and its neighbours
    const [before, here, after] = [-1, 0, 1].map((k) => costOf((best + k) * turn));
    const bend = before - 2 * here + after;
    const shift = bend > 0 && Number.isFinite(bend) ? (0.5 * (before - after)) / bend : 0;
    const angle = (best + Math.max(-0.5, Math.min(0.5, shift))) * turn;
    const next: [number, number] = [x + STEP * Math.cos(angle), y + STEP * Math.sin(angle)];
    const inside = next[0] >= 0 && next[1] >= 0 && next[0] <= columns - 1 && next[1] <= rows - 1;
    [x, y] = inside ? next : [x + STEP * Math.cos(best * turn), y + STEP * Math.sin(best * turn)];
    path.push(y, x);
  }
  throw new RunError(
    "distanceMap: the descent from a place did not come to the source; take a finer grid, so that ridges are more than a cell wide.",
  );
}

/** One row of a distance matrix on a graph: one search, then a few steps from each path. Runs in workers too. */
import type { SolverContext } from "./context.js";
import { graphPathsFrom } from "./graph-start.js";
import { shortLength } from "./levels.js";
import { quickLength } from "./on-table.js";

/** Distances from point `row` to the points after it; NaN where there is no path. points [N, d] -> [N - row - 1] */
export async function distanceRow(
  context: SolverContext,
  points: Float64Array,
  row: number,
  refine: boolean,
): Promise<Float64Array> {
  const { dimension: d, graph, surrogate } = context;
  const place = (i: number) => points.slice(i * d, (i + 1) * d);
  const count = points.length / d;
  const targets = Array.from({ length: count - row - 1 }, (_, k) => place(row + 1 + k));
  const from = place(row);
  const paths = graphPathsFrom(graph!, from, targets);
  const out = new Float64Array(targets.length).fill(Number.NaN);
  for (let k = 0; k < targets.length; k++) {
    const path = paths[k];
    if (targets[k].every((value, axis) => value === from[axis])) out[k] = 0;
    else if (!path) continue;
    else if (!refine) out[k] = path.lengths[path.lengths.length - 1];
    else out[k] = surrogate ? quickLength(surrogate, path) : await shortLength(context, path);
  }
  return out;
}

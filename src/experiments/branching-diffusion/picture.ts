/** The tree in two dimensions, several codings side by side: edges, nodes, observations; on a disk where it is one. */

import { euclidean, poincareBall } from "../../manifolds/index.js";
import { PALETTE, short } from "../../plots/colours.js";
import { type DiskPanel, diskFigure } from "../../plots/disk.js";
import type { Scales } from "../../plots/render.js";
import type { TreeCodes } from "./cells.js";
import { type Distortion, depthOf, NODES, parentOf } from "./tree.js";

export interface TreePanel extends Distortion {
  readonly title: string;
  readonly codes: TreeCodes;
  /** c of a Poincare disk; 0 for a plane. */
  readonly curvature: number;
}

/** The panels, two in a row, as SVG. */
export async function treePicture(panels: readonly TreePanel[], seed: number): Promise<string> {
  return diskFigure({
    panels: panels.map(
      ({ title, codes, curvature, average, worst }): DiskPanel => ({
        title,
        subtitle: `distortion of tree distances: average ${average.toFixed(2)}, worst ${worst.toFixed(worst < 10 ? 1 : 0)}`,
        ...(curvature > 0 && { curvature }),
        extent: [...pointsOf(codes.nodes), ...pointsOf(codes.observations)],
        overlay: (scales) => treeMarkup(codes, curvature, scales),
      }),
    ),
    columns: 2,
    size: 430,
    title: "A branching diffusion in two dimensions",
    subtitle: `Tree of seed ${seed}. Large dots: its 127 nodes, the two top levels black, the others in the colour of their subtree at depth 2; lines: its edges, as geodesics of the latent space; small dots: the observed copies.`,
  });
}

function pointsOf(codes: readonly number[]): (readonly [number, number])[] {
  return Array.from({ length: codes.length / 2 }, (_, i) => [codes[2 * i], codes[2 * i + 1]] as const);
}

function treeMarkup({ nodes, observations }: TreeCodes, curvature: number, { x, y }: Scales): string {
  const space = curvature > 0 ? poincareBall({ dimension: 2, curvature }) : euclidean(2);
  const at = (codes: readonly number[], i: number) => [codes[2 * i], codes[2 * i + 1]];
  const dot = ([px, py]: readonly number[], r: number, fill: string, extra: string) =>
    `<circle cx="${short(x(px))}" cy="${short(y(py))}" r="${short(r)}" fill="${fill}"${extra}/>`;
  const n = observations.length / 2;
  const copies = Array.from({ length: n }, (_, i) =>
    dot(at(observations, i), 1.6, colourOf(Math.floor((i * NODES) / n)), ' fill-opacity="0.35"'),
  );
  const edges = Array.from({ length: NODES - 1 }, (_, i) => {
    const [from, to] = [at(nodes, parentOf(i + 1)), at(nodes, i + 1)];
    const line = Array.from({ length: 17 }, (_, t) => {
      const point = space.geodesic(from, to, t / 16);
      return `${short(x(point[0]))},${short(y(point[1]))}`;
    });
    return `<path d="M${line.join("L")}" fill="none" stroke="${colourOf(i + 1)}" stroke-opacity="0.75" stroke-width="${depthOf(i + 1) < 3 ? 2 : 1}"/>`;
  });
  const dots = Array.from({ length: NODES }, (_, i) =>
    dot(at(nodes, i), 5.5 - 0.6 * depthOf(i), colourOf(i), ' stroke="#ffffff" stroke-width="0.6"'),
  ).reverse(); // the root on top
  return copies.join("") + edges.join("") + dots.join("");
}

function colourOf(node: number): string {
  let at = node;
  while (depthOf(at) > 2) at = parentOf(at);
  return depthOf(at) < 2 ? "#111111" : PALETTE[[0, 1, 2, 4][at - 3]];
}

/** The tree in two dimensions, several codings side by side: edges, nodes, observations; on a disk where it is one. */

import { PALETTE, short } from "../../plots/colours.js";
import { svgDocument, svgToPng } from "../../plots/render.js";
import { escapeXml, textElement } from "../../plots/text.js";
import { depthOf, NODES, parentOf } from "./tree.js";

export interface TreePanel {
  readonly title: string;
  readonly subtitle: string;
  /** Codes of the nodes. [NODES, 2] */
  readonly nodes: ArrayLike<number>;
  /** Codes of the observations. [n, 2] */
  readonly observations: ArrayLike<number>;
  /** Points of the edge between two nodes: a geodesic of the latent space. */
  edge(a: readonly [number, number], b: readonly [number, number]): readonly (readonly [number, number])[];
  /** Radius of the disk, for a Poincare disk. */
  readonly radius?: number;
}

const SIZE = 380;
const GAP = 24;

/** The panels as PNG. */
export async function treePicture(panels: readonly TreePanel[]): Promise<Uint8Array> {
  const width = panels.length * (SIZE + GAP) + GAP;
  const drawn = panels.map((panel, k) => `<g transform="translate(${GAP + k * (SIZE + GAP)} 62)">${draw(panel)}</g>`);
  const heads = panels.flatMap(({ title, subtitle }, k) => [
    textElement(escapeXml(title), GAP + k * (SIZE + GAP), 26, { size: 15, bold: true, fill: "#222222" }),
    textElement(escapeXml(subtitle), GAP + k * (SIZE + GAP), 46, { size: 11, fill: "#555555" }),
  ]);
  const note = textElement(
    "Large dots: the 127 nodes of the tree, the root in black, coloured by the subtree at depth 2; lines: its edges, as geodesics of the latent space; small dots: the observed copies.",
    GAP,
    SIZE + 62 + 26,
    { size: 11, fill: "#555555" },
  );
  return svgToPng(svgDocument(width, SIZE + 62 + 40, heads.join("") + drawn.join("") + note), { width });
}

function draw({ nodes, observations, edge, radius }: TreePanel): string {
  const at = (codes: ArrayLike<number>, i: number): [number, number] => [codes[2 * i], codes[2 * i + 1]];
  let [centre, half] = [[0, 0], radius ?? 0];
  if (radius === undefined) {
    const range = [0, 1].map((axis) => {
      const values = Array.from({ length: observations.length / 2 }, (_, i) => observations[2 * i + axis]);
      return [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
    });
    centre = range.map(([low, high]) => (low + high) / 2);
    half = 0.54 * range.reduce((most, [low, high]) => Math.max(most, high - low), 0);
  }
  const place = ([x, y]: readonly [number, number]) =>
    `${short(SIZE / 2 + ((x - centre[0]) / half) * (SIZE / 2 - 2))},${short(SIZE / 2 - ((y - centre[1]) / half) * (SIZE / 2 - 2))}`;
  const frame =
    radius === undefined
      ? `<rect width="${SIZE}" height="${SIZE}" fill="none" stroke="#bbbbbb"/>`
      : `<circle cx="${SIZE / 2}" cy="${SIZE / 2}" r="${SIZE / 2 - 2}" fill="#fafafa" stroke="#444444"/>`;
  const dot = (position: string, r: number, fill: string, extra = "") => {
    const [x, y] = position.split(",");
    return `<circle cx="${x}" cy="${y}" r="${r}" fill="${fill}"${extra}/>`;
  };
  const n = observations.length / 2;
  const copies = Array.from({ length: n }, (_, i) =>
    dot(place(at(observations, i)), 1.6, colourOf(Math.floor((i * NODES) / n)), ' fill-opacity="0.35"'),
  );
  const edges = Array.from({ length: NODES - 1 }, (_, i) => {
    const line = edge(at(nodes, parentOf(i + 1)), at(nodes, i + 1)).map(place);
    return `<path d="M${line.join("L")}" fill="none" stroke="${colourOf(i + 1)}" stroke-opacity="0.75" stroke-width="${depthOf(i + 1) < 3 ? 2 : 1}"/>`;
  });
  const dots = Array.from({ length: NODES }, (_, i) =>
    dot(place(at(nodes, i)), 5.5 - 0.6 * depthOf(i), colourOf(i), ' stroke="#ffffff" stroke-width="0.6"'),
  ).reverse(); // the root on top
  return frame + copies.join("") + edges.join("") + dots.join("");
}

function colourOf(node: number): string {
  let at = node;
  while (depthOf(at) > 2) at = parentOf(at);
  return depthOf(at) < 2 ? "#111111" : PALETTE[at - 3];
}

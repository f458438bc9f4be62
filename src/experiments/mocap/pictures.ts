/** Pictures of the walk: the latent plane with its cycle, and film strips of stick figures. */
import { latentMap } from "../../plots/index.js";
import { svgDocument } from "../../plots/render.js";
import { escapeXml, textElement, wrapText } from "../../plots/text.js";
import { type CellPicture, FIGURES, type PairResult } from "./cell.js";
import type { RepresentationName, Walk } from "./walk.js";

/** The recorded poses in eight classes by phase of the stride. */
const PHASES = 8;

/** The latent plane: magnification, codes by phase of the stride, geodesics and straight lines, the gate's contour. */
export function walkMap(walk: Walk, name: RepresentationName, picture: CellPicture): Promise<string> {
  const { codes, curves, xs, ys } = picture;
  const n = codes.length / 2;
  return latentMap({
    xs,
    ys,
    values: picture.field,
    valueLabel: "log √det G of Fisher-Rao",
    codes: Array.from({ length: n }, (_, i) => ({
      x: codes[2 * i],
      y: codes[2 * i + 1],
      label: Math.floor(((i % walk.stride) * PHASES) / walk.stride),
    })),
    labelNames: Array.from(
      { length: PHASES },
      (_, k) => `${Math.round((100 * k) / PHASES)} to ${Math.round((100 * (k + 1)) / PHASES)} %`,
    ),
    labelHeading: "Phase of the stride",
    geodesics: curves,
    straightLines: curves.map((curve) => [...curve.slice(0, 2), ...curve.slice(-2)]),
    contour: { values: picture.gate, levels: [0.5], label: "uncertainty half open" },
    title: `A walk, poses as ${name === "directions" ? "directions of bones (von Mises-Fisher)" : "joint angles (von Mises)"}`,
    subtitle: `Codes of ${n} frames of the training part by phase of the stride (${walk.stride} frames); ${curves.length} pairs of poses.`,
  });
}

const WIDTH = 104;
const HEIGHT = 172;
const LEFT = 132;
const TOP = 74;
/** Pixels of a metre. */
const SCALE = 72;
/** Left limbs, right limbs, trunk: distinguishable for the colour-blind, and by line width. */
const COLOURS = { left: "#d55e00", right: "#0072b2", middle: "#222222" };

type Strip = CellPicture["film"]["geodesic"];

/** Three rows of figures between the same two poses: geodesic, straight latent line, joints blended in space. */
export function filmStrip(walk: Walk, name: RepresentationName, { film }: CellPicture, pair: PairResult): string {
  const rows: [string, Strip, boolean][] = [
    ["geodesic", film.geodesic, true],
    ["straight latent line", film.straight, true],
    ["joints blended in space", film.blend, true],
  ];
  const parts: string[] = [];
  parts.push(
    textElement(`From one pose of a walk to another (${name})`, 14, 28, { size: 16, bold: true, fill: "#222222" }),
  );
  const caption =
    "Seen from the right front; under each figure the mean angle between its bones and those of the nearest recorded pose. Orange: left limbs, blue: right limbs.";
  wrapText(caption, 12, LEFT + FIGURES * WIDTH - 28).forEach((line, i) => {
    parts.push(textElement(line, 14, 48 + 15 * i, { size: 12, fill: "#555555" }));
  });
  rows.forEach(([label, strip], r) => {
    const y = TOP + r * HEIGHT;
    wrapText(label, 12, LEFT - 24, true).forEach((line, i) => {
      parts.push(textElement(line, 14, y + 64 + 16 * i, { size: 12, bold: true, fill: "#222222" }));
    });
    if (r > 0) parts.push(`<path d="M14,${y - 2}H${LEFT + FIGURES * WIDTH - 14}" stroke="#dddddd"/>`);
    for (let t = 0; t < FIGURES; t++) {
      const width = 3 * walk.bones.length;
      parts.push(figure(walk, strip.ends.slice(t * width, (t + 1) * width), LEFT + (t + 0.5) * WIDTH, y + 72));
      parts.push(
        textElement(`${strip.degrees[t].toFixed(1)}°`, LEFT + (t + 0.5) * WIDTH, y + HEIGHT - 10, {
          size: 11,
          fill: "#555555",
          anchor: "middle",
        }),
      );
    }
  });
  const y = TOP + rows.length * HEIGHT;
  parts.push(
    textElement(`frame ${pair.from}`, LEFT + 0.5 * WIDTH, y + 10, { size: 11, fill: "#222222", anchor: "middle" }),
    textElement(`frame ${pair.to}`, LEFT + (FIGURES - 0.5) * WIDTH, y + 10, {
      size: 11,
      fill: "#222222",
      anchor: "middle",
    }),
  );
  return svgDocument(
    LEFT + FIGURES * WIDTH,
    y + 24,
    `<title>${escapeXml(`film strip, ${name}`)}</title>${parts.join("")}`,
  );
}

/** A figure with its root at (x, y), seen by parallel projection from 60 degrees to its right of straight ahead. */
function figure(walk: Walk, ends: readonly number[], x: number, y: number): string {
  const [c, s] = [Math.cos(Math.PI / 3), Math.sin(Math.PI / 3)];
  const point = (b: number): [number, number] => {
    if (b < 0) return [x, y];
    const [px, py, pz] = ends.slice(3 * b, 3 * b + 3);
    return [x + SCALE * (c * px + s * pz), y - SCALE * py];
  };
  const lines = { left: "", right: "", middle: "" };
  walk.bones.forEach(({ name, parent }, b) => {
    const side = /^l(?!ower)/.test(name) ? "left" : /^r/.test(name) ? "right" : "middle";
    const [[x1, y1], [x2, y2]] = [point(parent), point(b)];
    lines[side] += `M${x1.toFixed(1)},${y1.toFixed(1)}L${x2.toFixed(1)},${y2.toFixed(1)}`;
  });
  const head = point(walk.bones.findIndex(({ name }) => name === "head"));
  const stroke = (side: keyof typeof COLOURS, width: number) =>
    `<path d="${lines[side]}" fill="none" stroke="${COLOURS[side]}" stroke-width="${width}" stroke-linecap="round" stroke-linejoin="round"/>`;
  return `${stroke("left", 2)}${stroke("middle", 3)}${stroke("right", 3)}<circle cx="${head[0].toFixed(1)}" cy="${(head[1] - 4).toFixed(1)}" r="6" fill="${COLOURS.middle}"/>`;
}

/** Pictures of motions: the latent plane, and the decoded motions in the plane and on the sphere. */
import { latentMap } from "../../plots/index.js";
import { svgDocument } from "../../plots/render.js";
import { textElement, textWidth, wrapText } from "../../plots/text.js";
import type { CellPicture } from "./cell.js";
import { type MotionName, type Motions, toolAxis } from "./motions.js";

/** Fifths of the time, as classes of codes. */
const PARTS = 5;

/** The latent plane: magnification of the four-term metric, codes by time, geodesics, the obstacle and the way around it. */
export function motionMap(words: string, picture: CellPicture, samples: number): Promise<string> {
  const { codes, curves, around } = picture;
  return latentMap({
    xs: picture.xs,
    ys: picture.ys,
    values: picture.field,
    valueLabel: "log √det G of the four-term metric",
    codes: Array.from({ length: codes.length / 2 }, (_, i) => ({
      x: codes[2 * i],
      y: codes[2 * i + 1],
      label: Math.floor(((i % samples) * PARTS) / samples),
    })),
    labelNames: Array.from({ length: PARTS }, (_, k) => `${(100 * k) / PARTS} to ${(100 * (k + 1)) / PARTS} %`),
    labelHeading: "Part of the time",
    geodesics: [...curves, around],
    straightLines: curves.map((curve) => [...curve.slice(0, 2), ...curve.slice(-2)]),
    contour: { values: picture.factor, levels: [5], label: "obstacle: metric x 5" },
    title: words,
    subtitle: `Codes of ${codes.length / 2} moments; ${curves.length} geodesics from the first to the last moment of a demonstration, and the first of them around an obstacle.`,
  });
}

const PANEL = 380;
const TOP = 92;
const LEFT = 64;
const GAP = 84;
/** Distinguishable for the colour-blind, and by dashes. */
const STYLES = {
  demonstration: { stroke: "#bbbbbb", width: 1.2, dash: "", words: "demonstrations" },
  free: { stroke: "#0072b2", width: 2.6, dash: "", words: "geodesic" },
  straight: { stroke: "#d55e00", width: 2.2, dash: "7 4", words: "straight latent line" },
  around: { stroke: "#009e73", width: 2.6, dash: "2.5 3.5", words: "geodesic around the obstacle" },
} as const;

/** Positions on the left (x and y, millimetres), orientations as points of the sphere on the right. */
export function motionPicture(name: MotionName, words: string, picture: CellPicture, motions: Motions): string {
  const { motions: decoded, obstacle } = picture;
  const shown = Array.from({ length: motions.demonstrations }, (_, k) => {
    const D = motions.rows.shape[1];
    const moments = Array.from({ length: motions.samples }, (_x, i) => {
      const start = (k * motions.samples + i) * D;
      return Array.from(motions.rows.data.subarray(start, start + D));
    });
    return {
      positions: moments.map((row) => motions.positionColumns.map((j) => row[j])),
      orientations: moments.map((row) => motions.orientationColumns.map((j) => row[j])),
    };
  });
  const curves = [
    ...shown.map((motion) => ({ ...motion, style: STYLES.demonstration })),
    { ...decoded.straight, style: STYLES.straight },
    { ...decoded.free, style: STYLES.free },
    { ...decoded.around, style: STYLES.around },
  ];
  const parts = [textElement(words, 14, 28, { size: 16, bold: true })];
  const sphere =
    name === "plane-sphere" ? "the orientation on the sphere" : "where the rotation takes the tool's axis e_z";
  wrapText(
    `Left: x and y of the position. Right: ${sphere}, seen from above its pole, circles at 30, 60, 90 degrees.`,
    12,
    2 * PANEL + GAP,
  ).forEach((line, i) => {
    parts.push(textElement(line, 14, 48 + 15 * i, { size: 12, fill: "#555555" }));
  });

  // positions
  const xs = curves.flatMap(({ positions }) => positions.map(([x]) => 100 * x));
  const ys = curves.flatMap(({ positions }) => positions.map(([, y]) => 100 * y));
  const half = 0.55 * Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys));
  const [cx, cy] = [(Math.max(...xs) + Math.min(...xs)) / 2, (Math.max(...ys) + Math.min(...ys)) / 2];
  const place = (x: number, y: number): [number, number] => [
    LEFT + (PANEL * (x - cx + half)) / (2 * half),
    TOP + (PANEL * (cy + half - y)) / (2 * half),
  ];
  parts.push(`<rect x="${LEFT}" y="${TOP}" width="${PANEL}" height="${PANEL}" fill="#fff" stroke="#888"/>`);
  for (const tick of ticksBetween(cx - half, cx + half)) {
    const [x] = place(tick, cy);
    parts.push(`<path d="M${x.toFixed(1)},${TOP + PANEL}v5" stroke="#888"/>`);
    parts.push(textElement(`${tick}`, x, TOP + PANEL + 18, { size: 11, anchor: "middle" }));
  }
  for (const tick of ticksBetween(cy - half, cy + half)) {
    const [, y] = place(cx, tick);
    parts.push(`<path d="M${LEFT},${y.toFixed(1)}h-5" stroke="#888"/>`);
    parts.push(textElement(`${tick}`, LEFT - 8, y + 4, { size: 11, anchor: "end" }));
  }
  parts.push(textElement("x (mm)", LEFT + PANEL / 2, TOP + PANEL + 36, { anchor: "middle" }));
  parts.push(textElement("y (mm)", LEFT - 42, TOP + PANEL / 2, { anchor: "middle", rotate: -90 }));
  const [ox, oy] = place(100 * obstacle.centre[0], 100 * obstacle.centre[1]);
  const pixels = (100 * obstacle.radius * PANEL) / (2 * half);
  const ring = (radius: number, opacity: number) =>
    `<circle cx="${ox.toFixed(1)}" cy="${oy.toFixed(1)}" r="${(radius * pixels).toFixed(1)}" fill="#cc79a7" fill-opacity="${opacity}"/>`;
  parts.push(ring(2, 0.25), ring(1, 0.5));
  for (const { positions, style } of curves)
    parts.push(
      line(
        positions.map(([x, y]) => place(100 * x, 100 * y)),
        style,
      ),
    );

  // orientations: seen along the pole (Lambert's azimuthal equal-area projection, so that nothing is hidden)
  const left = LEFT + PANEL + GAP;
  const centre: [number, number] = [left + PANEL / 2, TOP + PANEL / 2];
  const project = ([x, y, z]: readonly number[]): [number, number] => {
    const scale = PANEL / 2 / Math.sqrt(2) / Math.sqrt(Math.max(1e-9, (1 + z) / 2)) / Math.SQRT2;
    return [centre[0] + scale * x * Math.SQRT2, centre[1] - scale * y * Math.SQRT2];
  };
  const circle = (degrees: number) => {
    const [edge] = project([Math.sin((degrees * Math.PI) / 180), 0, Math.cos((degrees * Math.PI) / 180)]);
    return `<circle cx="${centre[0]}" cy="${centre[1]}" r="${(edge - centre[0]).toFixed(1)}" fill="none" stroke="#dddddd"/>`;
  };
  parts.push(circle(30), circle(60), circle(90).replace("#dddddd", "#888"));
  for (let degrees = 0; degrees < 180; degrees += 30) {
    const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
    const [[x1, y1], [x2, y2]] = [project([c, s, 0]), project([-c, -s, 0])];
    parts.push(`<path d="M${x1.toFixed(1)},${y1.toFixed(1)}L${x2.toFixed(1)},${y2.toFixed(1)}" stroke="#eeeeee"/>`);
  }
  for (const { orientations, style } of curves)
    parts.push(
      line(
        orientations.map((q) =>
          project(name === "plane-sphere" ? unit(q) : toolAxis(unit(q) as [number, number, number, number])),
        ),
        style,
      ),
    );

  // legend
  let at = LEFT;
  const y = TOP + PANEL + 62;
  for (const style of Object.values(STYLES)) {
    parts.push(
      line(
        [
          [at, y - 4],
          [at + 30, y - 4],
        ],
        style,
      ),
      textElement(style.words, at + 38, y),
    );
    at += 60 + textWidth(style.words, 12);
  }
  parts.push(
    `<circle cx="${at + 8}" cy="${y - 4}" r="7" fill="#cc79a7" fill-opacity="0.6"/>`,
    textElement("obstacle, 1, 2 radii", at + 22, y),
  );
  return svgDocument(LEFT + 2 * PANEL + GAP + 24, y + 20, parts.join(""));
}

function unit(v: readonly number[]): number[] {
  const norm = Math.hypot(...v);
  return v.map((x) => x / norm);
}

function line(
  points: readonly (readonly [number, number])[],
  style: { stroke: string; width: number; dash: string },
): string {
  const path = points.map(([x, y], i) => `${i === 0 ? "M" : "L"}${x.toFixed(1)},${y.toFixed(1)}`).join("");
  const dash = style.dash === "" ? "" : ` stroke-dasharray="${style.dash}"`;
  return `<path d="${path}" fill="none" stroke="${style.stroke}" stroke-width="${style.width}"${dash} stroke-linejoin="round"/>`;
}

function ticksBetween(low: number, high: number): number[] {
  const step = [1, 2, 5, 10, 20, 50].find((each) => (high - low) / each <= 8) ?? 100;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, k) => (first + k) * step);
}

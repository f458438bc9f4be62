/**
 * Densities on the sphere as pictures of equal area (`world-map/view.ts`): a raster in colours of the logarithm, the
 * graticule every 30 degrees, coastlines where the sphere is the earth, places as points, the bar in density per
 * steradian. One map, or several with one scale.
 */
import { composeFigure, type Words } from "../plots/figure.js";
import { textElement } from "../plots/text.js";
import { type DensityScale, densityBar, densityImage, densityScale, openEnded } from "./world-map/density-bar.js";
import type { MapGrid, SphereView } from "./world-map/view.js";

export { type DensityScale, densityScale } from "./world-map/density-bar.js";
export { capView, globeView, type MapGrid, mapGrid, massOnMap, type SphereView } from "./world-map/view.js";

/** One density over a view. */
export interface MapLayer {
  readonly view: SphereView;
  readonly grid: MapGrid;
  /** Natural logarithm, per steradian, at the grid's points. [N] */
  readonly logDensity: ArrayLike<number>;
  /** Unit vectors to mark, row-major. [m * 3] */
  readonly places?: ArrayLike<number>;
  /** Written above the map, where there are several. */
  readonly heading?: string;
  readonly coastlines?: boolean;
}

const UNIT = "density per steradian";
const GAP = 16;
const HEADING = 22;

/** One map with its colour bar, as SVG. */
export function worldMap(layer: MapLayer, words: Words): string {
  return worldMaps([layer], words);
}

/**
 * Maps side by side in rows of `across` with one colour scale, as SVG.
 * @param scale default: that of all the densities together (`densityScale`)
 */
export function worldMaps(layers: readonly MapLayer[], words: Words, across = 3, scale?: DensityScale): string {
  const logarithms = layers.map(({ logDensity }) => Float64Array.from(logDensity, (value) => value / Math.LN10));
  const shown =
    scale === undefined
      ? densityScale(logarithms.flatMap((values) => Array.from(values)))
      : openEnded(scale, logarithms);
  const headed = layers.some(({ heading }) => heading);
  const [width, height] = [layers[0].view.width, layers[0].view.height + (headed ? HEADING : 0)];
  const columns = Math.min(across, layers.length);
  const rows = Math.ceil(layers.length / columns);
  const pieces = layers.map((layer, i) => {
    const [x, y] = [(i % columns) * (width + GAP), Math.floor(i / columns) * (height + GAP)];
    const title = layer.heading ? textElement(layer.heading, width / 2, 14, { size: 13, anchor: "middle" }) : "";
    const map = drawMap(layer, logarithms[i], shown);
    return `<g transform="translate(${x} ${y})">${title}<g transform="translate(0 ${headed ? HEADING : 0})">${map}</g></g>`;
  });
  const [whole, tall] = [columns * (width + GAP) - GAP, Math.ceil(rows * (height + GAP) - GAP)];
  const panel = {
    markup: `<svg width="${whole}" height="${tall}" text-anchor="middle">${pieces.join("")}</svg>`,
    width: whole,
    height: tall,
    left: 0,
    top: headed ? HEADING : 0,
    innerWidth: whole,
    innerHeight: tall,
  };
  const bar = densityBar(shown, UNIT, Math.min(tall - panel.top, 380));
  return composeFigure(panel, [bar], words);
}

function drawMap(layer: MapLayer, log10Density: Float64Array, scale: DensityScale): string {
  const { view, grid, places = [], coastlines } = layer;
  const { width, outline } = view;
  const image = densityImage(grid.cells, log10Density, grid.columns, grid.rows, scale);
  const rasterHeight = (grid.rows * width) / grid.columns;
  const spots: (readonly [number, number])[] = [];
  for (let i = 0; i + 2 < places.length; i += 3) {
    const spot = view.toPixel([places[i], places[i + 1], places[i + 2]]);
    if (spot !== undefined) spots.push(spot);
  }
  const radius = spots.length > 400 ? 1.2 : spots.length > 150 ? 1.7 : 2.4;
  const marks = spots.map(([x, y]) => `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${radius}"/>`).join("");
  const [w, h] = [width + 1, Math.ceil(rasterHeight) + 1];
  return (
    `<image x="0" y="0" width="${width}" height="${rasterHeight.toFixed(2)}" preserveAspectRatio="none" href="${image}"/>` +
    `<path d="M-1,-1H${w}V${h}H-1Z${outline}" fill="#ffffff" fill-rule="evenodd"/>` +
    `<path d="${view.graticule}" fill="none" stroke="#ffffff" stroke-opacity="0.22" stroke-width="0.6"/>` +
    (coastlines
      ? `<path d="${view.coastlines}" fill="none" stroke="#ffffff" stroke-opacity="0.85" stroke-width="0.8" stroke-linejoin="round"/>`
      : "") +
    `<path d="${outline}" fill="none" stroke="#222222"/>` +
    `<g fill="#ffffff" fill-opacity="0.9" stroke="#000000" stroke-width="0.7">${marks}</g>`
  );
}

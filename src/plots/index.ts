/** Pictures as SVG and PNG, from plain arrays. */

export { type ColourScale, colourScale } from "./colour-bar.js";
export * from "./colours.js";
export * from "./curves.js";
export {
  type DiskCurves,
  type DiskFigureOptions,
  type DiskPanel,
  diskFigure,
  diskRadius,
  distanceOfRadius,
  radiusOfDistance,
} from "./disk.js";
export { type DistanceMatrixOptions, distanceMatrix } from "./distance-matrix.js";
export type { Block, Words } from "./figure.js";
export { type FigureGridOptions, figureGrid } from "./figure-grid.js";
export { type HistogramOptions, histogram } from "./histogram.js";
export { type ImageRow, type ImageRowsOptions, imageRows } from "./image-rows.js";
export * from "./image-strip.js";
export { type Code, type LatentMapOptions, latentMap } from "./latent-map.js";
export { type PlaneFigureOptions, planeFigure, planeLegend } from "./plane-figure.js";
export * from "./png.js";
export { type PlotOptions, svgOf, svgToPng } from "./render.js";
export { type ScatterOptions, scatter } from "./scatter.js";

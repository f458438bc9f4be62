/** Pictures as SVG and PNG, from plain arrays. */

export { type ColourScale, colourScale } from "./colour-bar.js";
export * from "./colours.js";
export * from "./curves.js";
export { type DistanceMatrixOptions, distanceMatrix } from "./distance-matrix.js";
export type { Words } from "./figure.js";
export { type HistogramOptions, histogram } from "./histogram.js";
export * from "./image-strip.js";
export { type Code, type LatentMapOptions, latentMap } from "./latent-map.js";
export * from "./png.js";
export { type PlotOptions, svgOf, svgToPng } from "./render.js";
export { type ScatterOptions, scatter } from "./scatter.js";

/**
 * `strokes`: handwriting-like digits, generated. Ten classes drawn as splines, 28 x 28 grey, anti-aliased, with the
 * factors that made each image, so that distances in a latent space can be compared with known ones.
 *
 * A form of the digit (`digits.ts`) is jittered by a smooth random field, its points joined by cardinal splines, the
 * curve sheared, scaled and moved, and inked: a pixel at distance r from the curve is as dark as a pen of the given
 * thickness with a soft edge leaves it. Only + - * / and sqrt are used, so a seed gives the same bytes everywhere.
 * Image i depends on the seed and i alone: a smaller set is the start of a larger one.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { UsageError } from "../errors.js";
import { discard, makeFolder } from "../numerics/files.js";
import { readNpy, writeNpy } from "../numerics/npy.js";
import { foldIn, type RandomStream, randomKey, split, stream } from "../numerics/random.js";
import { cacheFolder } from "./cache.js";
import { digitForms, type Stroke } from "./digits.js";
import { encodeIdx, parseIdx } from "./idx.js";

/** The factors, in the order of the columns of `factors`, and the ranges they are drawn from, uniformly. */
export const strokeFactors = [
  { name: "slant", from: -0.15, to: 0.4, meaning: "shear: how far right the top leans, in heights" },
  { name: "thickness", from: 1.5, to: 3.5, meaning: "width of the pen, in pixels" },
  { name: "curvature", from: -1, to: 1, meaning: "from angular to round and bowed" },
  { name: "proportion", from: 0.75, to: 1.25, meaning: "width, relative to the usual" },
  { name: "x", from: -1.2, to: 1.2, meaning: "shift to the right, in pixels" },
  { name: "y", from: -1.2, to: 1.2, meaning: "shift downwards, in pixels" },
] as const;

/** A generated set of images. */
export interface Strokes {
  /** Grey values in [0, 1], multiples of 1/255, 0 is background. [n, 784] */
  readonly images: Float32Array;
  /** The digit. [n] */
  readonly labels: Int32Array;
  /** What made each image, in the units of `strokeFactors`. [n, 7] */
  readonly factors: Float64Array;
  /** The names of the columns of `factors`: those of `strokeFactors`, then "form" (which way of writing, an index). */
  readonly factorNames: readonly string[];
  readonly shape: readonly [28, 28];
}

/** Part of the cache's name: raise it when the same seed gives other images. */
const VERSION = 1;
const SIDE = 28;
const PIXELS = SIDE * SIDE;
const HEIGHT = 18; // pixels; the usual width is 0.64 of it
const WIDTH = 11.5;
const EDGE = 1.2; // pixels over which ink fades
const JITTER = 0.028; // standard deviation of the points, in heights and widths
const FACTORS = strokeFactors.length + 1;
const factorNames = [...strokeFactors.map((factor) => factor.name), "form"];

/**
 * Generates `count` images (20,000 take about half a second).
 * @throws UsageError if count is no whole number from 1 to a million, or the seed is none.
 */
export function generateStrokes(count = 20_000, seed = 0): Strokes {
  checkCount(count);
  const images = new Float32Array(count * PIXELS);
  const labels = new Int32Array(count);
  const factors = new Float64Array(count * FACTORS);
  const key = split(randomKey(seed), "strokes");
  const pen = createPen();
  for (let i = 0; i < count; i++) {
    const from = stream(foldIn(key, i));
    labels[i] = from.integer(10);
    const forms = digitForms[labels[i]];
    const form = from.integer(forms.length);
    const values = factors.subarray(i * FACTORS, (i + 1) * FACTORS);
    strokeFactors.forEach((factor, j) => {
      values[j] = factor.from + (factor.to - factor.from) * from.uniform();
    });
    values[FACTORS - 1] = form;
    drawDigit(pen, forms[form], values, jitterField(from), images.subarray(i * PIXELS, (i + 1) * PIXELS));
  }
  return { images, labels, factors, factorNames, shape: [SIDE, SIDE] };
}

/**
 * One image with given factors and no jitter: [784] grey values in [0, 1].
 * @param factors the seven values, in the order of `factorNames`. @throws UsageError if digit or form do not exist.
 */
export function drawStrokes(digit: number, factors: ArrayLike<number>): Float32Array {
  const form = digitForms[digit]?.[factors[FACTORS - 1]];
  if (!form || factors.length !== FACTORS || !Array.from(factors).every(Number.isFinite))
    throw new UsageError(
      `strokes: digit ${digit} with factors [${Array.from(factors)}] does not exist; give a digit from 0 to 9 and ${FACTORS} finite factors (${factorNames.join(", ")}), form from 0 to ${(digitForms[digit]?.length ?? 1) - 1}.`,
    );
  const image = new Float32Array(PIXELS);
  drawDigit(createPen(), form, factors, new Float64Array(18), image);
  return image;
}

/**
 * The same images from the user's cache, or generated and put there. A cache that cannot be written, or is damaged,
 * costs time, not correctness: the images are then generated.
 */
export function loadStrokes(count = 20_000, seed = 0, cache: string = cacheFolder()): Strokes {
  checkCount(count);
  randomKey(seed); // checks the seed
  const folder = join(cache, `strokes-v${VERSION}-seed${seed}-${count}`);
  const cached = readCache(folder, count);
  if (cached) return cached;
  const made = generateStrokes(count, seed);
  writeCache(folder, made, count);
  return made;
}

function checkCount(count: number): void {
  if (!(Number.isInteger(count) && count >= 1 && count <= 1_000_000))
    throw new UsageError(`strokes: count ${count} is not a whole number from 1 to 1,000,000.`);
}

// ---- drawing ----

/** A displacement in x and y at the corners of a 3 x 3 grid over the unit box: neighbouring points move alike. */
function jitterField(from: RandomStream): Float64Array {
  return Float64Array.from({ length: 18 }, () => JITTER * from.normal());
}

/** Buffers of the rasteriser: the least squared distance of each pixel from the curve so far. */
function createPen(): { nearest: Float64Array } {
  return { nearest: new Float64Array(PIXELS) };
}

function drawDigit(
  pen: { nearest: Float64Array },
  strokes: readonly Stroke[],
  factors: ArrayLike<number>,
  jitter: Float64Array,
  image: Float32Array,
): void {
  const [slant, thickness, curvature, proportion, shiftX, shiftY] = Array.from(factors);
  const reach = thickness / 2 + EDGE / 2;
  pen.nearest.fill(reach * reach);
  const width = WIDTH * proportion;
  for (const stroke of strokes) ink(place(stroke));
  for (let p = 0; p < PIXELS; p++) {
    const squared = pen.nearest[p];
    if (squared >= reach * reach) continue;
    const t = Math.min(1, (reach - Math.sqrt(squared)) / EDGE);
    image[p] = Math.round(255 * t * t * (3 - 2 * t)) / 255;
  }

  /** The points of a stroke in pixels: jittered, bowed, scaled, sheared, moved. */
  function place(stroke: Stroke): Float64Array {
    const points = new Float64Array(stroke.length);
    for (let i = 0; i < stroke.length; i += 2) {
      // Bilinear in the jitter field.
      const column = stroke[i] < 0.5 ? 0 : 1;
      const row = stroke[i + 1] < 0.5 ? 0 : 1;
      const u = 2 * stroke[i] - column;
      const v = 2 * stroke[i + 1] - row;
      const at = 2 * (3 * row + column);
      const blend = (k: number): number =>
        (1 - v) * ((1 - u) * jitter[at + k] + u * jitter[at + 2 + k]) +
        v * ((1 - u) * jitter[at + 6 + k] + u * jitter[at + 8 + k]);
      const y = stroke[i + 1] + blend(1) - 0.5;
      const x = stroke[i] + blend(0) - 0.5 + 0.07 * curvature * (1 - 4 * y * y);
      points[i] = SIDE / 2 + x * width - slant * y * HEIGHT + shiftX;
      points[i + 1] = SIDE / 2 + y * HEIGHT + shiftY;
    }
    return points;
  }

  /** Passes the pen along the cardinal spline through the points; tangents are `scale` times the chord of the neighbours. */
  function ink(points: Float64Array): void {
    const n = points.length / 2;
    const scale = 0.5 + 0.14 * curvature;
    const closed = points[0] === points[2 * n - 2] && points[1] === points[2 * n - 1];
    const tangent = (i: number, k: number): number => {
      const before = i > 0 ? i - 1 : closed ? n - 2 : 0;
      const after = i < n - 1 ? i + 1 : closed ? 1 : n - 1;
      return scale * (points[2 * after + k] - points[2 * before + k]);
    };
    for (let i = 0; i + 1 < n; i++) {
      const [x0, y0, x1, y1] = points.subarray(2 * i, 2 * i + 4);
      const [a0, b0, a1, b1] = [tangent(i, 0), tangent(i, 1), tangent(i + 1, 0), tangent(i + 1, 1)];
      const pieces = 1 + Math.ceil(Math.sqrt((x1 - x0) * (x1 - x0) + (y1 - y0) * (y1 - y0)) / 1.5);
      let [fromX, fromY] = [x0, y0];
      for (let j = 1; j <= pieces; j++) {
        const t = j / pieces;
        const s = 1 - t;
        const [h0, h1, g0, g1] = [s * s * (1 + 2 * t), t * t * (3 - 2 * t), s * s * t, -t * t * s]; // Hermite
        const toX = h0 * x0 + h1 * x1 + g0 * a0 + g1 * a1;
        const toY = h0 * y0 + h1 * y1 + g0 * b0 + g1 * b1;
        inkSegment(pen.nearest, fromX, fromY, toX, toY, reach);
        fromX = toX;
        fromY = toY;
      }
    }
  }
}

/** Lowers `nearest` to the squared distance from a segment, for the pixels (centres at half-integers) within reach. */
function inkSegment(nearest: Float64Array, x0: number, y0: number, x1: number, y1: number, reach: number): void {
  const left = Math.max(0, Math.ceil(Math.min(x0, x1) - reach - 0.5));
  const right = Math.min(SIDE - 1, Math.floor(Math.max(x0, x1) + reach - 0.5));
  const top = Math.max(0, Math.ceil(Math.min(y0, y1) - reach - 0.5));
  const bottom = Math.min(SIDE - 1, Math.floor(Math.max(y0, y1) + reach - 0.5));
  const dx = x1 - x0;
  const dy = y1 - y0;
  const inverse = 1 / (dx * dx + dy * dy || 1);
  for (let row = top; row <= bottom; row++) {
    const py = row + 0.5 - y0;
    for (let column = left; column <= right; column++) {
      const px = column + 0.5 - x0;
      const along = (px * dx + py * dy) * inverse;
      const t = Math.max(0, Math.min(1, along));
      const ex = px - t * dx;
      const ey = py - t * dy;
      const squared = ex * ex + ey * ey;
      const p = row * SIDE + column;
      if (squared < nearest[p]) nearest[p] = squared;
    }
  }
}

// ---- cache: a folder with images and labels as IDX (as MNIST is kept) and the factors as .npy ----

function readCache(folder: string, count: number): Strokes | undefined {
  if (!existsSync(folder)) return undefined;
  try {
    const images = parseIdx(readFileSync(join(folder, "images-idx3-ubyte")), "images");
    const labels = parseIdx(readFileSync(join(folder, "labels-idx1-ubyte")), "labels");
    const factors = readNpy(join(folder, "factors.npy")).data;
    const sound =
      images.data.length === count * PIXELS &&
      labels.data.length === count &&
      factors instanceof Float64Array &&
      factors.length === count * FACTORS;
    if (!sound) return undefined;
    const grey = new Float32Array(images.data.length);
    for (let i = 0; i < grey.length; i++) grey[i] = images.data[i] / 255;
    return { images: grey, labels: Int32Array.from(labels.data), factors, factorNames, shape: [SIDE, SIDE] };
  } catch {
    return undefined; // damaged: made again
  }
}

function writeCache(folder: string, made: Strokes, count: number): void {
  const temporary = `${folder}.${process.pid}.tmp`;
  try {
    makeFolder(dirname(folder));
    mkdirSync(temporary);
    const bytes = new Uint8Array(made.images.length); // a plain loop: Uint8Array.from takes seconds here
    for (let p = 0; p < bytes.length; p++) bytes[p] = Math.round(255 * made.images[p]);
    writeFileSync(join(temporary, "images-idx3-ubyte"), encodeIdx(bytes, [count, SIDE, SIDE]));
    writeFileSync(join(temporary, "labels-idx1-ubyte"), encodeIdx(Uint8Array.from(made.labels), [count]));
    writeNpy(join(temporary, "factors.npy"), { data: made.factors, shape: [count, FACTORS], dtype: "float64" });
    rmSync(folder, { recursive: true, force: true });
    renameSync(temporary, folder);
  } catch {
    discard(temporary);
  }
}

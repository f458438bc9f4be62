/**
 * Curves as polylines [T, d]: lengths, resampling, smoothing, constant speed. Points are row-major in a Float64Array;
 * T follows from the array's length and d.
 */

import { expectThat } from "../errors.js";
import { evaluateNaturalSpline, intervalOf, naturalSpline } from "./splines.js";

/**
 * How to fill in between the points. `linear`: straight segments. `natural`: natural cubic spline, twice
 * differentiable, global. `catmullRom`: cubic Hermite with Catmull-Rom tangents, once differentiable, local.
 */
export type Interpolation = "linear" | "natural" | "catmullRom";

/** Number of points of a polyline; throws `UsageError` where the array does not hold whole points, or fewer than 2. */
export function pointsOf(curve: Float64Array, dimension: number): number {
  expectThat(
    Number.isInteger(dimension) && dimension >= 1 && curve.length % dimension === 0 && curve.length >= 2 * dimension,
    () => `A curve got ${curve.length} numbers for points of dimension ${dimension}: pass [T, d] with T >= 2.`,
  );
  return curve.length / dimension;
}

/**
 * Euclidean length along the polyline up to each point. [T]
 * @param power each segment counts by its length to this power (0.5: centripetal parameters).
 */
export function cumulativeLengths(
  curve: Float64Array,
  dimension: number,
  out: Float64Array = new Float64Array(pointsOf(curve, dimension)),
  power = 1,
): Float64Array {
  const points = curve.length / dimension;
  out[0] = 0;
  for (let i = 1; i < points; i++) {
    let sum = 0;
    for (let k = i * dimension; k < (i + 1) * dimension; k++) {
      const difference = curve[k] - curve[k - dimension];
      sum += difference * difference;
    }
    out[i] = out[i - 1] + (power === 1 ? Math.sqrt(sum) : sum ** (power / 2));
  }
  return out;
}

/** Euclidean length of the polyline. */
export function polylineLength(curve: Float64Array, dimension: number): number {
  return cumulativeLengths(curve, dimension)[pointsOf(curve, dimension) - 1];
}

/**
 * The curve at given parameter values.
 *
 * @param parameters one for each point of the curve: not decreasing for `linear`, strictly increasing otherwise. [T]
 * @param at where to evaluate, in any order; values beyond the ends give the end points. [S]
 * @returns [S, d]
 */
export function resampleAt(
  curve: Float64Array,
  dimension: number,
  parameters: Float64Array,
  at: Float64Array,
  interpolation: Interpolation = "linear",
  out: Float64Array = new Float64Array(at.length * dimension),
): Float64Array {
  const points = pointsOf(curve, dimension);
  expectThat(
    parameters.length === points,
    () => `resampleAt got ${parameters.length} parameters for ${points} points: pass one for each point.`,
  );
  for (let i = 1; i < points; i++) {
    expectThat(
      interpolation === "linear" ? parameters[i] >= parameters[i - 1] : parameters[i] > parameters[i - 1],
      () =>
        `resampleAt got the parameter ${parameters[i]} after ${parameters[i - 1]}: they must ` +
        `${interpolation === "linear" ? "not decrease" : "strictly increase"}.`,
    );
  }
  const start = parameters[0];
  const end = parameters[points - 1];
  const inside = (value: number) => Math.min(Math.max(value, start), end);
  if (interpolation === "natural") {
    const spline = naturalSpline(parameters, curve, dimension);
    for (let s = 0; s < at.length; s++) evaluateNaturalSpline(spline, inside(at[s]), out, s * dimension);
    return out;
  }
  const tangents =
    interpolation === "catmullRom" ? catmullRomTangents(curve, dimension, parameters, points) : undefined;
  for (let s = 0; s < at.length; s++) {
    const value = inside(at[s]);
    const i = intervalOf(parameters, value);
    const h = parameters[i + 1] - parameters[i];
    const u = h > 0 ? (value - parameters[i]) / h : 1;
    const left = i * dimension;
    const right = left + dimension;
    if (!tangents) {
      for (let k = 0; k < dimension; k++) out[s * dimension + k] = (1 - u) * curve[left + k] + u * curve[right + k];
      continue;
    }
    const v = 1 - u;
    const fromLeft = v * v * (1 + 2 * u);
    const fromRight = u * u * (1 + 2 * v);
    const byLeft = h * u * v * v;
    const byRight = -h * u * u * v;
    for (let k = 0; k < dimension; k++) {
      out[s * dimension + k] =
        fromLeft * curve[left + k] +
        fromRight * curve[right + k] +
        byLeft * tangents[left + k] +
        byRight * tangents[right + k];
    }
  }
  return out;
}

/**
 * Tangents of the non-uniform Catmull-Rom spline: at each inner point the slope of the parabola through it and its
 * neighbours; at the ends likewise the slope of the parabola through the three last points.
 */
function catmullRomTangents(curve: Float64Array, dimension: number, t: Float64Array, points: number): Float64Array {
  const tangents = new Float64Array(curve.length);
  for (let k = 0; k < dimension; k++) {
    const slope = (i: number) => (curve[(i + 1) * dimension + k] - curve[i * dimension + k]) / (t[i + 1] - t[i]);
    for (let i = 1; i + 1 < points; i++) {
      const before = t[i] - t[i - 1];
      const after = t[i + 1] - t[i];
      tangents[i * dimension + k] = (after * slope(i - 1) + before * slope(i)) / (before + after);
    }
    const last = points - 1;
    if (points === 2) {
      tangents[k] = slope(0);
      tangents[dimension + k] = slope(0);
    } else {
      tangents[k] = 2 * slope(0) - tangents[dimension + k];
      tangents[last * dimension + k] = 2 * slope(last - 1) - tangents[(last - 1) * dimension + k];
    }
  }
  return tangents;
}

/**
 * The curve resampled to `count` points at equal arc length of its interpolant. The first and last points are kept
 * exactly. Cubic interpolants take the chord length (`natural`) or its square root (`catmullRom`: centripetal, no
 * cusps; Yuksel, Schaefer and Keyser 2011) as parameter; their own length is measured on 16 chords a segment.
 *
 * @returns [count, d]
 */
export function resampleEvenly(
  curve: Float64Array,
  dimension: number,
  count: number,
  interpolation: Interpolation = "linear",
): Float64Array {
  pointsOf(curve, dimension);
  expectThat(
    Number.isInteger(count) && count >= 2,
    () => `resampleEvenly got the count ${count}: pass an integer of 2 or more.`,
  );
  let fine = curve;
  if (interpolation !== "linear") {
    const distinct = withoutRepeats(curve, dimension);
    const points = distinct.length / dimension;
    if (points > 2) {
      const parameters = cumulativeLengths(distinct, dimension, undefined, interpolation === "natural" ? 1 : 0.5);
      const at = new Float64Array((points - 1) * 16 + 1);
      for (let s = 0; s < at.length; s++) {
        const i = Math.min(s >> 4, points - 2);
        at[s] = parameters[i] + ((s - 16 * i) / 16) * (parameters[i + 1] - parameters[i]);
      }
      fine = resampleAt(distinct, dimension, parameters, at, interpolation);
    }
  }
  const lengths = cumulativeLengths(fine, dimension);
  const out = resampleAt(fine, dimension, lengths, evenly(lengths[lengths.length - 1], count));
  return pinEnds(out, curve, dimension);
}

/** The polyline without points that repeat the one before them (two points at least are kept). */
function withoutRepeats(curve: Float64Array, dimension: number): Float64Array {
  const points = pointsOf(curve, dimension);
  const kept: number[] = [0];
  for (let i = 1; i < points; i++) {
    const before = kept[kept.length - 1] * dimension;
    let same = true;
    for (let k = 0; k < dimension; k++) if (curve[i * dimension + k] !== curve[before + k]) same = false;
    if (!same) kept.push(i);
  }
  if (kept.length < 2) kept.push(points - 1);
  const out = new Float64Array(kept.length * dimension);
  kept.forEach((i, at) => {
    out.set(curve.subarray(i * dimension, (i + 1) * dimension), at * dimension);
  });
  return out;
}

/**
 * The curve at constant speed: `count` points at equal steps of the arc length that `segmentLengths` gives (in any
 * metric). s_k = cumulative length / total; t(s) is inverted by monotone interpolation, piecewise linear or PCHIP
 * (Fritsch and Carlson 1980), never by a free spline, which may run backwards.
 *
 * @param curve at t = 0, 1/(T-1), .., 1. [T, d]
 * @param segmentLengths metric length of each segment, >= 0, not all zero. [T - 1]
 * @param smooth false: t(s) and the curve piecewise linear; true: PCHIP and natural cubic spline, so that a smooth
 *   curve keeps its fourth-order accuracy.
 * @returns [count, d]; first and last point exact.
 */
export function constantSpeed(
  curve: Float64Array,
  dimension: number,
  segmentLengths: ArrayLike<number>,
  count: number = curve.length / dimension,
  smooth = false,
): Float64Array {
  const points = pointsOf(curve, dimension);
  expectThat(
    segmentLengths.length === points - 1 && Number.isInteger(count) && count >= 2,
    () =>
      `constantSpeed got ${segmentLengths.length} segment lengths for ${points} points and the count ${count}: ` +
      "pass T - 1 lengths and a count of 2 or more.",
  );
  const lengths = new Float64Array(points);
  for (let i = 1; i < points; i++) {
    const length = segmentLengths[i - 1];
    expectThat(
      length >= 0 && length < Infinity,
      () => `constantSpeed got the segment length ${length}: lengths must be finite and >= 0.`,
    );
    lengths[i] = lengths[i - 1] + length;
  }
  expectThat(lengths[points - 1] > 0, "constantSpeed got a curve of length zero: it has no speed to make constant.");
  const at = evenly(lengths[points - 1], count);
  if (!smooth) return pinEnds(resampleAt(curve, dimension, lengths, at), curve, dimension);
  const times = monotoneInverse(lengths, at);
  const out = resampleAt(curve, dimension, evenly(1, points), times, "natural");
  return pinEnds(out, curve, dimension);
}

/**
 * t(s) at the given s, where s(t) is tabulated at t = 0, 1/(T-1), .., 1: PCHIP on the points (s_k, t_k). Stretches
 * of zero length collapse to their end.
 */
function monotoneInverse(lengths: Float64Array, at: Float64Array): Float64Array {
  const s: number[] = [];
  const t: number[] = [];
  for (let i = 0; i < lengths.length; i++) {
    if (s.length > 1 && lengths[i] <= s[s.length - 1]) t[t.length - 1] = i / (lengths.length - 1);
    else if (s.length === 0 || lengths[i] > s[s.length - 1]) {
      s.push(lengths[i]);
      t.push(i / (lengths.length - 1));
    }
  }
  return pchip(Float64Array.from(s), Float64Array.from(t), at);
}

/**
 * Monotone piecewise cubic Hermite interpolation (Fritsch and Carlson 1980, with the slopes of Fritsch and Butland
 * 1984): increasing data give an increasing interpolant.
 *
 * @param x strictly increasing. [T]
 * @param y [T]
 * @param at values outside give the end values. [S]
 */
export function pchip(x: Float64Array, y: Float64Array, at: Float64Array): Float64Array {
  const n = x.length;
  expectThat(n >= 2 && y.length === n, () => `pchip got ${n} and ${y.length} values: pass two or more of each.`);
  const slopes = new Float64Array(n);
  const secant = (i: number) => (y[i + 1] - y[i]) / (x[i + 1] - x[i]);
  for (let i = 1; i + 1 < n; i++) {
    const before = secant(i - 1);
    const after = secant(i);
    if (before * after <= 0) continue;
    const hBefore = x[i] - x[i - 1];
    const hAfter = x[i + 1] - x[i];
    const weightBefore = 2 * hAfter + hBefore;
    const weightAfter = hAfter + 2 * hBefore;
    slopes[i] = (weightBefore + weightAfter) / (weightBefore / before + weightAfter / after);
  }
  if (n === 2) slopes.fill(secant(0));
  else {
    slopes[0] = pchipEnd(x[1] - x[0], x[2] - x[1], secant(0), secant(1));
    slopes[n - 1] = pchipEnd(x[n - 1] - x[n - 2], x[n - 2] - x[n - 3], secant(n - 2), secant(n - 3));
  }
  return Float64Array.from(at, (value) => {
    if (value <= x[0]) return y[0];
    if (value >= x[n - 1]) return y[n - 1];
    const i = intervalOf(x, value);
    const h = x[i + 1] - x[i];
    const u = (value - x[i]) / h;
    const v = 1 - u;
    return (
      v * v * (1 + 2 * u) * y[i] + u * u * (1 + 2 * v) * y[i + 1] + h * u * v * (v * slopes[i] - u * slopes[i + 1])
    );
  });
}

/** One-sided three-point slope, limited so that the end stays monotone. */
function pchipEnd(h0: number, h1: number, secant0: number, secant1: number): number {
  const slope = ((2 * h0 + h1) * secant0 - h0 * secant1) / (h0 + h1);
  if (slope * secant0 <= 0) return 0;
  if (secant0 * secant1 <= 0 && Math.abs(slope) > 3 * Math.abs(secant0)) return 3 * secant0;
  return slope;
}

/**
 * Smooths a polyline with its end points fixed: the y that minimises sum |y_i - x_i|^2 + strength sum |y_{i-1} - 2 y_i +
 * y_{i+1}|^2 (Whittaker 1923). Straight, evenly spaced polylines stay as they are; features shorter than about
 * 2 pi strength^(1/4) points vanish. Made for the staircase of a path on a grid.
 *
 * @returns [T, d]
 */
export function smoothCurve(curve: Float64Array, dimension: number, strength: number): Float64Array {
  const points = pointsOf(curve, dimension);
  expectThat(
    strength >= 0 && strength < Infinity,
    () => `smoothCurve got the strength ${strength}: pass a finite number >= 0.`,
  );
  const out = curve.slice();
  const n = points - 2;
  if (n < 1) return out;
  // (I + strength D^T D) over the inner points: pentadiagonal, by L D L^T. Every inner point has its own second
  // difference; the fixed ends move to the right-hand side.
  const diagonal = new Float64Array(n);
  const first = new Float64Array(n);
  const second = new Float64Array(n);
  const rhs = new Float64Array(n * dimension);
  for (let i = 0; i < n; i++) {
    const atBorder = (i === 0 ? 1 : 0) + (i === n - 1 ? 1 : 0);
    diagonal[i] = 1 + strength * (6 - atBorder);
    first[i] = -4 * strength;
    second[i] = strength;
    for (let k = 0; k < dimension; k++) {
      const start = curve[k];
      const end = curve[(points - 1) * dimension + k];
      let b = curve[(i + 1) * dimension + k];
      if (i === 0) b += 2 * strength * start;
      if (i === 1) b -= strength * start;
      if (i === n - 1) b += 2 * strength * end;
      if (i === n - 2) b -= strength * end;
      rhs[i * dimension + k] = b;
    }
  }
  for (let i = 0; i < n; i++) {
    const l1 = i + 1 < n ? first[i] / diagonal[i] : 0;
    const l2 = i + 2 < n ? second[i] / diagonal[i] : 0;
    if (i + 1 < n) {
      diagonal[i + 1] -= l1 * first[i];
      first[i + 1] -= l1 * second[i];
    }
    if (i + 2 < n) diagonal[i + 2] -= l2 * second[i];
    for (let k = 0; k < dimension; k++) {
      const value = rhs[i * dimension + k];
      if (i + 1 < n) rhs[(i + 1) * dimension + k] -= l1 * value;
      if (i + 2 < n) rhs[(i + 2) * dimension + k] -= l2 * value;
    }
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = 0; k < dimension; k++) {
      let value = rhs[i * dimension + k];
      if (i + 1 < n) value -= first[i] * out[(i + 2) * dimension + k];
      if (i + 2 < n) value -= second[i] * out[(i + 3) * dimension + k];
      out[(i + 1) * dimension + k] = value / diagonal[i];
    }
  }
  return out;
}

/** 0, .., end in `count` equal steps; the last is `end` exactly. */
export function evenly(end: number, count: number): Float64Array {
  const out = new Float64Array(count);
  for (let i = 0; i < count; i++) out[i] = (end * i) / (count - 1);
  out[count - 1] = end;
  return out;
}

function pinEnds(out: Float64Array, curve: Float64Array, dimension: number): Float64Array {
  out.set(curve.subarray(0, dimension), 0);
  out.set(curve.subarray(curve.length - dimension), out.length - dimension);
  return out;
}

/** Round numbers for axes and colour bars: steps of 1, 2 or 5 times a power of ten. */

/**
 * Round values inside [low, high], about `count` of them, whole numbers only where `whole`; one value where the
 * interval has no extent. Never none.
 */
export function niceTicks(low: number, high: number, count: number, whole = false): number[] {
  if (!(high > low)) return [low];
  const wanted = (high - low) / Math.max(1, count);
  const rough = whole ? Math.max(1, wanted) : wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough * 0.75) ?? 10);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  // No multiple of the step inside: a finer step has one; no whole number inside: then any round one.
  if (last < first) return niceTicks(low, high, 2 * count, whole && step > 1);
  // Division by a whole number where the step is small keeps 0.3 from becoming 0.30000000000000004.
  const value = (k: number) => (step < 1 ? k / Math.round(1 / step) : k * step);
  const exact = step >= 1 || Math.abs(1 / step - Math.round(1 / step)) < 1e-6 / step;
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, k) =>
    exact ? value(first + k) : (first + k) * step,
  );
}

/** Powers of ten inside [low, high] (both positive), with 2 and 5 between them where the interval is short. */
export function logarithmicTicks(low: number, high: number): number[] {
  const [from, to] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const decades = Array.from({ length: to - from + 1 }, (_, k) => 10 ** (from + k));
  const factors = Math.log10(high / low) < 2 ? [1, 2, 5] : [1];
  const all = decades.flatMap((decade) => factors.map((factor) => Number((factor * decade).toPrecision(12))));
  const inside = all.filter((tick) => tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9));
  const stride = Math.ceil(inside.length / 9);
  return inside.filter((_, k) => k % stride === 0);
}

/** The text of a tick of a logarithmic axis. */
export function logarithmicText(value: number): string {
  return value < 1e-3 || value >= 1e6 ? scientific(value, 0) : String(Number(value.toPrecision(3)));
}

/** Formats tick values alike: the same decimals for all, scientific where they are very large or small. */
export function tickFormat(ticks: readonly number[]): (value: number) => string {
  const largest = Math.max(...ticks.map(Math.abs), 0);
  const step = ticks.length > 1 ? Math.abs(ticks[1] - ticks[0]) : largest;
  if (largest >= 1e6 || (largest > 0 && largest < 1e-3)) {
    const digits = Math.max(0, Math.floor(Math.log10(largest)) - Math.floor(Math.log10(step) + 1e-9));
    return (value) => (value === 0 ? "0" : scientific(value, Math.min(6, digits)));
  }
  const decimals = step > 0 ? Math.max(0, Math.min(12, -Math.floor(Math.log10(step) + 1e-9))) : 0;
  return (value) => minus(value.toFixed(ticks.length > 1 ? decimals : Math.max(decimals, 2)));
}

/** A number with `digits` significant digits, as text with a true minus sign. */
export function formatNumber(value: number, digits = 3): string {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e6 || size < 1e-3)) return scientific(value, digits - 1);
  if (size >= 10 ** (digits - 1)) return minus(value.toFixed(0));
  return minus(String(Number(value.toPrecision(digits))));
}

function scientific(value: number, decimals: number): string {
  const [mantissa, exponent] = value.toExponential(decimals).split("e");
  return minus(`${mantissa}e${exponent.replace("+", "")}`);
}

function minus(text: string): string {
  return text.replace(/^-0(\.0*)?$/, "0$1").replaceAll("-", "−");
}

/** Reading option values: whole numbers, numbers, lists, points. Each failure is one sentence that names the option. */
import { UsageError } from "../errors.js";

/** A whole number in [least, most]. */
export function wholeNumber(option: string, text: string, least = 0, most = Number.MAX_SAFE_INTEGER): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isInteger(value) || value < least || value > most)
    throw new UsageError(
      `${option}: "${text}" is not a whole number ${most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`}.`,
    );
  return value;
}

/** A finite number above `above` (or any). */
export function finiteNumber(option: string, text: string, above = Number.NEGATIVE_INFINITY): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value <= above)
    throw new UsageError(
      `${option}: "${text}" is not a number${above === Number.NEGATIVE_INFINITY ? "" : ` above ${above}`}.`,
    );
  return value;
}

/** A finite number of at least 0. */
export function numberFromZero(option: string, text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0)
    throw new UsageError(`${option}: "${text}" is not a number of at least 0.`);
  return value;
}

/**
 * c of a space of sectional curvature -c.
 * @param flat whether 0, the flat space, is one of the choices
 */
export function curvatureParameter(option: string, text: string, flat: boolean): number {
  const c = Number(text);
  if (text.trim() !== "" && Number.isFinite(c) && (c > 0 || (flat && c === 0))) return c;
  const remedy = c < 0 && Number.isFinite(c) ? `give ${-c} for curvature ${c}` : "give 1 for curvature -1, say";
  throw new UsageError(
    `${option}: "${text}" is not a number c ${flat ? "of at least" : "above"} 0, which stands for sectional curvature -c; ${remedy}.`,
  );
}

/** One of a list of words. */
export function oneOf<T extends string>(option: string, text: string, words: readonly T[]): T {
  if (!words.includes(text as T)) throw new UsageError(`${option}: "${text}" is not one of ${words.join(", ")}.`);
  return text as T;
}

/** Whole numbers of at least `least`, separated by commas. */
export function wholeNumbers(option: string, text: string, least = 0): number[] {
  return text.split(",").map((part) => wholeNumber(option, part.trim(), least));
}

/**
 * A latent point: coordinates "x,y,..." or the index of a code "17".
 * In one dimension a whole number from 0 is an index, and any other number a coordinate: "0.5", "-2"; "3," with a comma.
 */
export function pointOrIndex(
  option: string,
  text: string,
  codes: { data: ArrayLike<number>; n: number },
  d: number,
): { point: number[]; index?: number } {
  const coordinate = d === 1 && text.trim() !== "" && Number.isFinite(Number(text)) && !/^\d+$/.test(text.trim());
  if (!text.includes(",") && !coordinate) {
    const index = wholeNumber(option, text);
    if (index >= codes.n)
      throw new UsageError(
        codes.n === 0
          ? `${option}: this run has no codes, so there is no index ${index}; give coordinates "x,y,...".`
          : `${option}: index ${index} is outside the ${codes.n} codes of this run; use 0 to ${codes.n - 1}, or coordinates "x,y,...".`,
      );
    return { point: Array.from({ length: d }, (_, i) => codes.data[index * d + i]), index };
  }
  const parts = text.replace(/,\s*$/, "").split(",");
  const point = parts.map((part) => finiteNumber(option, part.trim()));
  if (point.length !== d)
    throw new UsageError(
      `${option}: "${text}" has ${point.length} coordinates, the latent space of this run has ${d}.`,
    );
  return { point };
}

/** `--option name=value` as numbers by name. */
export function namedNumbers(given: readonly string[] | undefined): Record<string, number> | undefined {
  if (given === undefined) return undefined;
  return Object.fromEntries(
    given.map((text) => {
      const [name, value] = text.split("=");
      if (!name || value === undefined) throw new UsageError(`--option: "${text}" is not of the form name=value.`);
      return [name, finiteNumber(`--option ${name}`, value)];
    }),
  );
}

/** A column by its index when it is a whole number, otherwise by its header. */
export function columnOf(text: string | undefined): string | number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : text;
}

/**
 * `name=value,name=value` behind a metric's name.
 * @throws UsageError for names that are not known, and parts of another form
 */
export function namedValues(option: string, list: string, known: readonly string[]): Map<string, string> {
  const given = new Map<string, string>();
  for (const part of list.split(",")) {
    const [name, value] = part.split(/=(.*)/s).map((piece) => piece.trim());
    if (!known.includes(name) || value === undefined)
      throw new UsageError(`${option}: "${part}" is not of the form name=value with a name of ${known.join(", ")}.`);
    given.set(name, value);
  }
  return given;
}

/**
 * Places of volcanic eruptions, earthquakes, floods and wild fires on the globe (NOAA, Dartmouth Flood Observatory,
 * NASA FIRMS), as used by Mathieu and Nickel (NeurIPS 2020) and De Bortoli et al. (NeurIPS 2022): files of latitude
 * and longitude in degrees in `$ATLAS_DATA/earth`.
 *
 * Many rows repeat a place exactly (volcanoes: 84 % of 827 rows lie on 267 places). Then a split by rows puts copies of
 * one place on both sides, and the likelihood of a density has no upper bound: the repeated points. `deduplicate`
 * keeps one row of each place; a split "by location" keeps all rows of a place on one side.
 *
 * Axes: n rows.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expectThat, UsageError } from "../errors.js";
import { numberAt, parseTable } from "../numerics/csv.js";
import { readUserFile } from "../numerics/files.js";
import { permutation, randomKey, split } from "../numerics/random.js";

const files = {
  volcano: "volerup.csv",
  earthquake: "quakes_all.csv",
  flood: "flood.csv",
  fire: "fire.csv",
} as const;

export type EarthName = keyof typeof files;

export const earthNames = Object.keys(files) as readonly EarthName[];

/** Places on the globe. */
export interface EarthData {
  readonly name: string;
  readonly n: number;
  /** Degrees. [n] and [n] */
  readonly latitudes: Float64Array;
  readonly longitudes: Float64Array;
  /** Unit vectors (cos lat cos lon, cos lat sin lon, sin lat), row-major. [n * 3] */
  readonly points: Float64Array;
  /** Number of each row's place, 0, 1, ...: rows with exactly the same coordinates share it. [n] */
  readonly location: Int32Array;
  /** How many different places there are. */
  readonly locations: number;
}

export interface EarthSplit {
  readonly train: EarthData;
  readonly validation: EarthData;
  readonly test: EarthData;
}

/**
 * Loads one of the four data sets from `$ATLAS_DATA/earth` (or `folder`).
 * @param options.deduplicate keep the first row of each place only; default false
 * @throws UsageError if the file is not there, or a row has a latitude beyond 90 degrees or a longitude beyond 360
 */
export function loadEarth(
  name: string,
  options: { readonly deduplicate?: boolean; readonly folder?: string } = {},
): EarthData {
  expectThat(
    Object.hasOwn(files, name),
    () => `earth: "${name}" is not a data set; use one of ${earthNames.join(", ")}.`,
  );
  const folder = options.folder ?? earthFolder();
  const path = folder === undefined ? undefined : join(folder, files[name as EarthName]);
  if (path === undefined || !existsSync(path))
    throw new UsageError(
      `earth: ${path ?? `${files[name as EarthName]}`} is not there; set ATLAS_DATA to the folder that holds earth/${files[name as EarthName]}.`,
    );
  const all = parseEarth(new TextDecoder().decode(readUserFile(path)), name, path);
  return options.deduplicate ? deduplicated(all) : all;
}

/** `$ATLAS_DATA/earth`, where that is a folder. */
export function earthFolder(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const folder = environment.ATLAS_DATA ? join(environment.ATLAS_DATA, "earth") : undefined;
  return folder !== undefined && existsSync(folder) ? folder : undefined;
}

/** Latitudes and longitudes from text: two columns, an optional header, lines that start with # skipped. */
export function parseEarth(text: string, name: string, path = name): EarthData {
  const table = parseTable(text, { name: path });
  const [latitudes, longitudes] = [0, 1].map(() => new Float64Array(table.rows.length));
  table.rows.forEach((row, i) => {
    expectThat(
      row.length === 2,
      () => `${path}: row ${table.rowNumbers[i]} has ${row.length} columns; give latitude and longitude.`,
    );
    latitudes[i] = numberAt(table, i, 0, path);
    longitudes[i] = numberAt(table, i, 1, path);
    expectThat(
      Math.abs(latitudes[i]) <= 90,
      () =>
        `${path}: row ${table.rowNumbers[i]} has latitude ${latitudes[i]}, beyond 90 degrees; correct the row, or swap the columns (latitude comes first).`,
    );
    expectThat(
      Math.abs(longitudes[i]) <= 360,
      () => `${path}: row ${table.rowNumbers[i]} has longitude ${longitudes[i]}, beyond 360 degrees; correct the row.`,
    );
  });
  return earthData(name, latitudes, longitudes);
}

/** One row for each place: the first. */
export function deduplicated(data: EarthData): EarthData {
  const seen = new Set<number>();
  const rows = Array.from({ length: data.n }, (_, i) => i).filter((i) => {
    if (seen.has(data.location[i])) return false;
    seen.add(data.location[i]);
    return true;
  });
  return takeEarth(data, rows);
}

/**
 * A seeded split into 80 % to train on, 10 % to choose by and 10 % to test on.
 * @param options.by "row": rows at random, copies of a place may fall on both sides; "location" (default): whole places
 * @throws UsageError for fewer than ten rows or places
 */
export function splitEarth(
  data: EarthData,
  options: { readonly seed?: number; readonly by?: "row" | "location" } = {},
): EarthSplit {
  const { seed = 0, by = "location" } = options;
  const units = by === "row" ? data.n : data.locations;
  expectThat(units >= 10, () => `splitEarth: ${data.name} has ${units} ${by}s; give at least ten.`);
  const order = permutation(split(randomKey(seed), `earth split by ${by}`), units);
  const part = new Int8Array(units);
  const tenth = Math.round(units / 10);
  for (let i = 0; i < 2 * tenth; i++) part[order[i]] = i < tenth ? 2 : 1;
  const rowsOf = (wanted: number) =>
    Array.from({ length: data.n }, (_, i) => i).filter((i) => part[by === "row" ? i : data.location[i]] === wanted);
  return {
    train: takeEarth(data, rowsOf(0)),
    validation: takeEarth(data, rowsOf(1)),
    test: takeEarth(data, rowsOf(2)),
  };
}

/** The rows `indices`, copied. */
export function takeEarth(data: EarthData, indices: ArrayLike<number>): EarthData {
  const pick = (from: Float64Array) => Float64Array.from(indices as ArrayLike<number>, (i) => from[i]);
  return earthData(data.name, pick(data.latitudes), pick(data.longitudes));
}

function earthData(name: string, latitudes: Float64Array, longitudes: Float64Array): EarthData {
  const n = latitudes.length;
  const points = new Float64Array(3 * n);
  const location = new Int32Array(n);
  const numbers = new Map<string, number>();
  for (let i = 0; i < n; i++) {
    const [lat, lon] = [latitudes[i], longitudes[i]].map((degrees) => (degrees * Math.PI) / 180);
    points.set([Math.cos(lat) * Math.cos(lon), Math.cos(lat) * Math.sin(lon), Math.sin(lat)], 3 * i);
    const place = `${latitudes[i]},${longitudes[i]}`;
    if (!numbers.has(place)) numbers.set(place, numbers.size);
    location[i] = numbers.get(place)!;
  }
  return { name, n, latitudes, longitudes, points, location, locations: numbers.size };
}

/**
 * Points as users write them, and as the library takes them: latitudes and longitudes or unit vectors, radians or
 * degrees, coordinates in the Poincare ball. Each failure names the file, the row, how far off it is, and the remedy.
 */
import { basename, extname } from "node:path";
import { type NdArray, ndarray } from "../../engine/index.js";
import { UsageError } from "../../errors.js";
import { type FlowManifold, flowReach, manifoldOf, rowsBeyondReach, withinReach } from "../../flows/index.js";
import type { Manifold } from "../../manifolds/index.js";
import { formatNumbers, numberAt, parseTable } from "../../numerics/csv.js";
import { readUserFile, writeAtomically } from "../../numerics/files.js";
import { readNpy, writeNpy } from "../../numerics/npy.js";

export const manifoldNames = ["sphere", "torus", "hyperbolic", "euclidean"] as const;
export type ManifoldName = (typeof manifoldNames)[number];

/** lat-lon: degrees, latitude first (S^2). unit: d + 1 numbers of length 1. ball: the Poincare ball. plain: as it is. */
export const coordinateNames = ["lat-lon", "unit", "radians", "degrees", "ball", "plain"] as const;
export type CoordinateName = (typeof coordinateNames)[number];

const allowed: Readonly<Record<ManifoldName, readonly CoordinateName[]>> = {
  sphere: ["lat-lon", "unit"],
  torus: ["radians", "degrees"],
  hyperbolic: ["ball"],
  euclidean: ["plain"],
};

/** What the command says about its points. */
export interface PointChoice {
  readonly manifold: ManifoldName;
  readonly coordinates?: CoordinateName;
  readonly dimension?: number;
  readonly curvature?: number;
  /** The run whose dimension it is, where there is one: the dimension is then not the user's to correct. */
  readonly ofRun?: string;
  /** Take the nearest point of the manifold for points off it, and wrap angles. */
  readonly project: boolean;
}

export interface PointsOnManifold {
  /** [N, n] */
  readonly points: NdArray;
  readonly manifold: FlowManifold;
  readonly coordinates: CoordinateName;
  readonly name: string;
}

interface Table {
  readonly data: Float64Array;
  readonly rows: number;
  readonly columns: number;
  /** How a message calls row i. */
  rowName(i: number): string;
}

const DEGREE = Math.PI / 180;

/** The coordinates of a manifold that are meant. @throws UsageError for those of another one */
export function coordinatesFor(
  manifold: ManifoldName,
  given: CoordinateName | undefined,
  columns?: number,
): CoordinateName {
  if (given === undefined) return manifold === "sphere" && columns !== 2 ? "unit" : allowed[manifold][0];
  if (!allowed[manifold].includes(given))
    throw new UsageError(
      `--coordinates: ${given} are not of the ${manifold} manifold; use ${allowed[manifold].join(" or ")}.`,
    );
  return given;
}

/** The manifold for d dimensions. */
export function flowManifold(name: ManifoldName, dimension: number, curvature: number | undefined): FlowManifold {
  if (curvature !== undefined && name !== "hyperbolic")
    throw new UsageError(`--curvature: a ${name} manifold has none to choose; leave it out.`);
  if (name === "hyperbolic") return { kind: "poincare-ball", dimension, curvature: curvature ?? 1 };
  return { kind: name, dimension };
}

/**
 * Reads a .npy or .csv file of points.
 * @throws UsageError naming the row that is off, and how far; for two columns that could be read in two ways
 */
export function readPoints(path: string, choice: PointChoice): PointsOnManifold {
  const table = readTable(path);
  if (choice.manifold === "sphere" && choice.coordinates === undefined) refuseAmbiguous(path, table);
  const coordinates = coordinatesFor(choice.manifold, choice.coordinates, table.columns);
  const dimension = dimensionOf(path, table, coordinates, choice);
  const manifold = flowManifold(choice.manifold, dimension, choice.curvature);
  const points = toManifold(path, table, coordinates, manifoldOf(manifold), choice);
  return { points, manifold, coordinates, name: basename(path) };
}

/** Rows of float32 unit vectors are of length 1 to 1e-7; text is often rounded to five decimals. */
const OF_LENGTH_ONE = 1e-5;

/** @throws UsageError where two columns are of length 1 in every row: latitudes and longitudes hardly ever are */
function refuseAmbiguous(path: string, { data, rows, columns }: Table): void {
  if (columns !== 2) return;
  for (let i = 0; i < rows; i++) if (!(Math.abs(Math.hypot(data[2 * i], data[2 * i + 1]) - 1) <= OF_LENGTH_ONE)) return;
  throw new UsageError(
    `${path} has two columns that are of length 1 in every row, as unit vectors of the circle are; add --coordinates unit if they are such, or --coordinates lat-lon if they are latitudes and longitudes in degrees.`,
  );
}

function dimensionOf(
  path: string,
  { columns }: Table,
  coordinates: CoordinateName,
  { dimension: given, ofRun, manifold }: PointChoice,
): number {
  const found = coordinates === "unit" ? columns - 1 : coordinates === "lat-lon" ? 2 : columns;
  if (coordinates === "lat-lon" && columns !== 2)
    throw new UsageError(
      `${path} has ${columns} columns; --coordinates lat-lon takes two: latitude and longitude in degrees.`,
    );
  if (found < 1) throw new UsageError(`${path} has one column; unit vectors need at least two.`);
  if (given !== undefined && given !== found && ofRun !== undefined) {
    const degrees = manifold === "sphere" && given === 2 && columns === 2;
    throw new UsageError(
      `${path} has ${columns} columns (${coordinates}), which is dimension ${found}; ${ofRun} is of dimension ${given}: ${degrees ? "if they are latitude and longitude in degrees, add --coordinates lat-lon" : `give ${coordinates === "unit" ? given + 1 : given} columns`}.`,
    );
  }
  if (given !== undefined && given !== found)
    throw new UsageError(
      `${path} has ${columns} columns (${coordinates}), which is dimension ${found}, not ${given}; correct --dimension, or leave it out.`,
    );
  return found;
}

function readTable(path: string): Table {
  const kind = extname(path).toLowerCase();
  if (kind === ".npy") {
    const { data, shape } = readNpy(path);
    if (shape.length !== 2 || shape[0] < 1 || shape[1] < 1)
      throw new UsageError(`${path} has shape [${shape}]; expected points as rows, [N, coordinates].`);
    const [rows, columns] = shape;
    const values = Float64Array.from(data as ArrayLike<number>);
    const bad = values.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0)
      throw new UsageError(
        `${path}: row ${Math.floor(bad / columns)} (from 0) holds ${values[bad]}; replace it or leave the row out.`,
      );
    return { data: values, rows, columns, rowName: (i) => `row ${i} (from 0)` };
  }
  if (kind !== ".csv" && kind !== ".txt")
    throw new UsageError(`${path}: files of points end in .csv or .npy; convert it, or rename it.`);
  const text = new TextDecoder().decode(readUserFile(path));
  const table = parseTable(text, { name: path });
  const columns = table.rows[0].length;
  const data = new Float64Array(table.rows.length * columns);
  table.rows.forEach((_, i) => {
    for (let j = 0; j < columns; j++) data[i * columns + j] = numberAt(table, i, j, path);
  });
  return { data, rows: table.rows.length, columns, rowName: (i) => `row ${table.rowNumbers[i]}` };
}

function toManifold(
  path: string,
  table: Table,
  coordinates: CoordinateName,
  manifold: Manifold,
  { project }: PointChoice,
): NdArray {
  const { data, rows, columns, rowName } = table;
  if (coordinates === "lat-lon") {
    const points = new Float64Array(3 * rows);
    for (let i = 0; i < rows; i++) {
      const [latitude, longitude] = [data[2 * i], data[2 * i + 1]];
      if (Math.abs(latitude) > 90)
        throw new UsageError(
          `${path}: ${rowName(i)} has latitude ${latitude}, beyond 90 degrees by ${brief(Math.abs(latitude) - 90)}; correct the row, or swap the columns (latitude comes first).`,
        );
      if (Math.abs(longitude) > 360)
        throw new UsageError(`${path}: ${rowName(i)} has longitude ${longitude}, beyond 360 degrees; correct the row.`);
      const [lat, lon] = [latitude * DEGREE, longitude * DEGREE];
      points.set([Math.cos(lat) * Math.cos(lon), Math.cos(lat) * Math.sin(lon), Math.sin(lat)], 3 * i);
    }
    return ndarray(points, [rows, 3]);
  }
  const unit = coordinates === "degrees" ? DEGREE : 1;
  const points = data.map((value) => unit * value);
  if (manifold.kind === "torus" && !project) {
    const bad = points.findIndex((angle) => Math.abs(angle) > 2 * Math.PI + 1e-6);
    if (bad >= 0)
      throw new UsageError(
        `${path}: ${rowName(Math.floor(bad / columns))} has angle ${data[bad]}, beyond one turn (${coordinates === "degrees" ? "360 degrees" : "6.283 radians"}); ${coordinates === "radians" ? "say --coordinates degrees where they are degrees, or " : ""}add --project to wrap it.`,
      );
  }
  const off: number[] = [];
  const row = (i: number) => points.subarray(i * columns, (i + 1) * columns);
  for (let i = 0; i < rows; i++) if (manifold.whyNotAPoint(row(i)) !== undefined) off.push(i);
  if (off.length > 0 && !project) {
    const radius = manifold.kind === "sphere" ? 1 : 1 / Math.sqrt(-manifold.curvature!);
    const distance = (i: number) => Math.abs(Math.hypot(...row(i)) - radius);
    const worst = off.reduce((a, b) => (distance(b) > distance(a) ? b : a));
    throw new UsageError(
      `${path}: ${rowName(off[0])} ${manifold.whyNotAPoint(row(off[0]))} (${off.length} of ${rows} rows are off, the farthest by ${brief(distance(worst))}); correct the file, or add --project to take the nearest points.`,
    );
  }
  if (!project) refuseBeyondReach(path, ndarray(points, [rows, columns]), manifold, rowName);
  for (let i = 0; i < rows; i++) {
    if (!project && manifold.kind !== "torus") break;
    if (manifold.kind === "sphere" && !(Math.hypot(...row(i)) > 0))
      throw new UsageError(
        `${path}: ${rowName(i)} is the origin, which no point of the sphere is nearest to; leave it out.`,
      );
    points.set(withinReach(manifold, manifold.projectPoint(Float64Array.from(row(i)))), i * columns);
  }
  return ndarray(points, [rows, columns]);
}

/** Rows of the Poincare ball so near its edge that a flow would take them for nearer ones. */
function refuseBeyondReach(path: string, points: NdArray, manifold: Manifold, rowName: Table["rowName"]): void {
  const beyond = rowsBeyondReach(manifold, points);
  if (beyond.length === 0) return;
  const [{ row, distance }] = beyond;
  throw new UsageError(
    `${path}: ${rowName(row)} lies at distance ${brief(distance)} from the origin of the ${manifold.name}, where flows compute up to ${brief(flowReach(manifold))} (${beyond.length} of ${points.shape[0]} rows lie beyond); leave it out, take a smaller --curvature, or add --project to move such rows inside.`,
  );
}

/** Points of the manifold in the user's coordinates. [N, columns] */
export function fromManifold(points: NdArray, coordinates: CoordinateName): NdArray {
  const [N, n] = points.shape;
  const data = Float64Array.from(points.data as ArrayLike<number>);
  if (coordinates === "degrees")
    return ndarray(
      data.map((angle) => angle / DEGREE),
      [N, n],
    );
  if (coordinates !== "lat-lon") return ndarray(data, [N, n]);
  const places = new Float64Array(2 * N);
  for (let i = 0; i < N; i++) {
    const [x, y, z] = data.subarray(3 * i, 3 * i + 3);
    places[2 * i] = Math.atan2(z, Math.hypot(x, y)) / DEGREE;
    places[2 * i + 1] = Math.atan2(y, x) / DEGREE;
  }
  return ndarray(places, [N, 2]);
}

/** Names of the columns. */
export function columnNames(coordinates: CoordinateName, columns: number): string[] {
  if (coordinates === "lat-lon") return ["latitude", "longitude"];
  const letter = coordinates === "radians" || coordinates === "degrees" ? "angle" : "x";
  return Array.from({ length: columns }, (_, i) => `${letter}${i + 1}`);
}

/** Writes rows as .npy or .csv, by the name's end, as a whole. @throws UsageError for other endings */
export function writeRows(path: string, rows: NdArray, header: readonly string[]): void {
  const kind = extname(path).toLowerCase();
  if (kind === ".npy") writeNpy(path, rows);
  else writeAtomically(path, formatNumbers(rows.data as Float64Array, rows.shape[1], header));
}

/** @throws UsageError unless a file of rows can have this name */
export function checkRowsPath(option: string, path: string): void {
  if (![".npy", ".csv"].includes(extname(path).toLowerCase()))
    throw new UsageError(`${option}: "${path}" ends in neither .npy nor .csv; give one of these.`);
}

/** [N, a] and [N] side by side. */
export function withColumn(rows: NdArray, column: ArrayLike<number>): NdArray {
  const [N, a] = rows.shape;
  const data = new Float64Array(N * (a + 1));
  for (let i = 0; i < N; i++) {
    data.set(rows.data.subarray(i * a, (i + 1) * a) as Float64Array, i * (a + 1));
    data[i * (a + 1) + a] = column[i];
  }
  return ndarray(data, [N, a + 1]);
}

function brief(value: number): string {
  return String(Number(value.toPrecision(3)));
}

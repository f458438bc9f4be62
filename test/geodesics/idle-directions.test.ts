/** A decoder of six latent dimensions of which four hardly count: curves run far along those, and the result says what is not resolved. */
import { describe, expect, it } from "vitest";
import { matmul, type NdArray, ndarray, tanh } from "../../src/engine/index.js";
import { connect } from "../../src/geodesics/index.js";
import { metricFrom } from "../../src/metrics/index.js";

let state = 12 * 7919;
const uniform = (): number => {
  state = (state * 1664525 + 1013904223) >>> 0;
  return state / 2 ** 32;
};
const normal = (): number => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
const weights = (rows: number, columns: number, scale: (row: number) => number): NdArray =>
  ndarray(
    Float32Array.from({ length: rows * columns }, (_, i) => scale(Math.floor(i / columns)) * normal()),
    [rows, columns],
  );

const d = 6;
const layers = [
  weights(d, 30, (row) => (row < 2 ? 2 : 0.05)),
  weights(30, 30, () => 2 / 3),
  weights(30, 20, () => 0.3),
];
const metric = metricFrom((z) => matmul(tanh(matmul(tanh(matmul(z, layers[0])), layers[1])), layers[2]), {
  dimension: d,
});
const [from, to] = [0, 1].map(() => Array.from({ length: d }, (_, k) => (k < 2 ? 1 : 20) * normal()));

/** The decoder in plain float64. */
function decode(z: readonly number[]): number[] {
  return layers.reduce((x: readonly number[], { data, shape }, k) => {
    const [rows, columns] = shape;
    return Array.from({ length: columns }, (_, j) => {
      let total = 0;
      for (let i = 0; i < rows; i++) total += x[i] * data[i * columns + j];
      return k < 2 ? Math.tanh(total) : total;
    });
  }, z) as number[];
}

/** Length of the decoded polyline, at `pieces` places of each of its segments. */
function lengthOf(curve: NdArray, pieces: number): number {
  const rows = Array.from({ length: curve.shape[0] }, (_, i) => Array.from(curve.data.subarray(i * d, (i + 1) * d)));
  const places = rows.flatMap((row, i) =>
    i === 0
      ? [row]
      : Array.from({ length: pieces }, (_, p) =>
          row.map((x, k) => rows[i - 1][k] + ((p + 1) / pieces) * (x - rows[i - 1][k])),
        ),
  );
  const decoded = places.map(decode);
  return decoded.reduce(
    (length, x, i) => (i === 0 ? 0 : length + Math.hypot(...x.map((v, k) => v - decoded[i - 1][k]))),
    0,
  );
}

describe("directions that cost next to nothing", () => {
  it("end in a geodesic whose result says how far it is off between its nodes", async () => {
    const accuracy = 1e-4;
    const options = { accuracy, tolerance: 4e-5, maxPoints: 512, points: 1025, precision: "float64" } as const;
    const result = await connect(metric, from, to, options);
    expect(result.reason).toBe("converged");
    expect(result.length).toBeLessThan(0.9 * result.straightLength);
    expect(result.discretisationError).toBeGreaterThan(accuracy);
    expect(result.discretisationError).toBeLessThan(50 * accuracy);
    expect(result.warnings.join(" ")).toMatch(/agree in length, but between its nodes the curve is off by 0\.0\d+ %/);
    // the length that is stated, against the curve that is returned
    const measured = lengthOf(result.curve, 4);
    expect(Math.abs(measured / result.length - 1)).toBeLessThan(3 * result.discretisationError);
  });

  it("and say nothing where the nodes are enough", async () => {
    const { converged, discretisationError, warnings } = await connect(
      metric,
      from.slice(0, 2).concat([0, 0, 0, 0]),
      from,
      {
        accuracy: 1e-2,
      },
    );
    expect(converged).toBe(true);
    expect(discretisationError).toBeLessThanOrEqual(1e-2);
    expect(warnings.join(" ")).not.toContain("agree in length");
  });
});

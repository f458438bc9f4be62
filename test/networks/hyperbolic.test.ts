import { describe, expect, it } from "vitest";
import { array, compile, type NdArray, type Tensor } from "../../src/engine/index.js";
import { host, mobiusAdd, poincareBall } from "../../src/manifolds/index.js";
import {
  expAtOrigin,
  gyroplane,
  initializeGyroplane,
  logAtOrigin,
  mobiusLayer,
} from "../../src/networks/hyperbolic.js";
import { randomKey, stream } from "../../src/numerics/random.js";

const precision = "float64" as const;
const rowOf = (a: NdArray, i: number) => Array.from(a.data.subarray(i * a.shape[1], (i + 1) * a.shape[1]));

/** The least value of a convex function on [-30, 30]. */
function least(f: (t: number) => number): number {
  let [low, high] = [-30, 30];
  for (let i = 0; i < 200; i++) {
    const [a, b] = [low + (high - low) / 3, high - (high - low) / 3];
    if (f(a) < f(b)) high = b;
    else low = a;
  }
  return f((low + high) / 2);
}

describe("maps at the origin", () => {
  it.each([0.1, 1, 2.5])("keep lengths as distances and undo each other, c = %f", async (c) => {
    const ball = poincareBall({ dimension: 3, curvature: c });
    const e = array([
      [0.3, -0.2, 0.5],
      [0, 0, 0],
      [2, 1, -1],
      [1e-8, 0, 0],
    ]);
    const f = compile(
      (e: Tensor) => {
        const z = expAtOrigin(e, c);
        return { z, back: logAtOrigin(z, c) };
      },
      { precision },
    );
    const { z, back } = await f(e);
    for (let i = 0; i < 4; i++) {
      expect(ball.distance(ball.origin, rowOf(z, i))).toBeCloseTo(Math.hypot(...rowOf(e, i)), 10);
      rowOf(back, i).forEach((value, k) => expect(value).toBeCloseTo(rowOf(e, i)[k], 9));
    }
    await f.dispose();
  });
});

describe("gyroplane layer", () => {
  it.each(["paper", "pvae"] as const)(
    "%s: the signed distance to the geodesic, by direct minimisation",
    async (form) => {
      for (const c of [0.3, 1.4]) {
        const ball = poincareBall({ dimension: 2, curvature: c });
        const random = stream(randomKey(3));
        const K = 4;
        const normal = array([
          Array.from({ length: K }, () => random.normal()),
          Array.from({ length: K }, () => random.normal()),
        ]);
        const point =
          form === "pvae"
            ? array(Array.from({ length: K }, () => 0.4 * random.normal()))
            : array([
                Array.from({ length: K }, () => 0.6 * random.normal()),
                Array.from({ length: K }, () => 0.6 * random.normal()),
              ]);
        const z = array(
          Array.from({ length: 5 }, () => [random.normal(), random.normal()].map((v) => (0.3 * v) / Math.sqrt(c))),
        );
        const f = compile((n: Tensor, p: Tensor, z: Tensor) => gyroplane({ normal: n, point: p }, z, c, form), {
          precision,
        });
        const out: NdArray = await f(normal, point, z);
        for (let k = 0; k < K; k++) {
          const a = [normal.data[k], normal.data[K + k]];
          const flat = form === "pvae" ? a.map((v) => v * point.data[k]) : [point.data[k], point.data[K + k]];
          const p = ball.exponentialMap(
            ball.origin,
            flat.map((v) => v / 2),
          ); // lambda_0 = 2
          const along = ball.fromFrame(
            p,
            [-a[1], a[0]].map((v) => v / Math.hypot(...a)),
          );
          for (let i = 0; i < 5; i++) {
            const x = rowOf(z, i);
            const distance = least((t) =>
              ball.distance(
                x,
                ball.exponentialMap(
                  p,
                  along.map((v) => t * v),
                ),
              ),
            );
            const log = ball.logarithmicMap(p, x);
            const side = Math.sign(log[0] * a[0] + log[1] * a[1]);
            const size = form === "paper" ? Math.hypot(...a) : 1;
            expect(out.data[i * K + k]).toBeCloseTo(side * size * distance, 6);
          }
        }
        await f.dispose();
      }
    },
  );

  it("tends to the Euclidean layer as c -> 0, with an error proportional to c", async () => {
    const e = array([
      [0.7, -0.3],
      [-1.1, 0.4],
    ]);
    for (const form of ["paper", "pvae"] as const) {
      const { normal, point } = initializeGyroplane(randomKey(5), 2, 6, form);
      const at = async (c: number): Promise<NdArray> => {
        const f = compile((e: Tensor) => gyroplane({ normal, point }, expAtOrigin(e, c), c, form), { precision });
        const out = await f(e);
        await f.dispose();
        return out;
      };
      const [flat, near, nearer] = [await at(0), await at(1e-3), await at(1e-5)];
      const error = (a: NdArray) => Math.max(...a.data.map((v, i) => Math.abs(v - flat.data[i])));
      expect(error(nearer)).toBeLessThan(1e-4);
      expect(error(near) / error(nearer)).toBeGreaterThan(80);
      expect(error(near) / error(nearer)).toBeLessThan(125);
    }
  });
});

describe("Mobius layer", () => {
  const c = 0.8;
  const z = array([
    [0.2, -0.5],
    [0.61, 0.33],
  ]);
  const layer = async (weight: NdArray, bias: NdArray, points: NdArray, curvature = c): Promise<NdArray> => {
    const f = compile((w: Tensor, b: Tensor, z: Tensor) => mobiusLayer({ weight: w, bias: b }, z, curvature), {
      precision,
    });
    const out = await f(weight, bias, points);
    await f.dispose();
    return out;
  };
  const identity = array([
    [1, 0],
    [0, 1],
  ]);

  it("is the identity for W = I, b = 0, and a Mobius translation for W = I", async () => {
    const same = await layer(identity, array([0, 0]), z);
    same.data.forEach((value, i) => expect(value).toBeCloseTo(z.data[i], 12));
    const bias = [0.4, -0.9];
    const ball = poincareBall({ dimension: 2, curvature: c });
    const b = ball.exponentialMap(
      ball.origin,
      bias.map((v) => v / 2),
    );
    const moved = await layer(identity, array(bias), z);
    for (let i = 0; i < 2; i++) {
      const x = Float64Array.from(rowOf(z, i));
      const back = mobiusAdd(
        host,
        c,
        x.map((v) => -v),
        Float64Array.from(rowOf(moved, i)),
      );
      back.forEach((value, k) => expect(value).toBeCloseTo(b[k], 11));
    }
  });

  it("is associative in its matrices, and scales distances from the origin as the matrix does", async () => {
    const first = array([
      [0.3, 1.2, -0.4],
      [0.8, -0.5, 0.1],
    ]);
    const second = array([[0.2], [0.7], [-1.1]]);
    const product = array([[0.3 * 0.2 + 1.2 * 0.7 + 0.4 * 1.1], [0.8 * 0.2 - 0.5 * 0.7 - 0.1 * 1.1]]);
    const stepwise = await layer(second, array([0]), await layer(first, array([0, 0, 0]), z));
    const once = await layer(product, array([0]), z);
    once.data.forEach((value, i) => expect(value).toBeCloseTo(stepwise.data[i], 10));
    const radius = (x: readonly number[]) => (2 / Math.sqrt(c)) * Math.atanh(Math.sqrt(c) * Math.hypot(...x));
    const doubled = await layer(
      array([
        [2, 0],
        [0, 2],
      ]),
      array([0, 0]),
      z,
    );
    for (let i = 0; i < 2; i++) expect(radius(rowOf(doubled, i))).toBeCloseTo(2 * radius(rowOf(z, i)), 10);
  });

  it("tends to the dense layer as c -> 0 (ball coordinates are half the flat ones)", async () => {
    const weight = array([
      [0.5, -1],
      [0.3, 0.2],
    ]);
    const out = await layer(weight, array([0.1, -0.2]), z, 1e-8);
    const flat = await layer(
      weight,
      array([0.1, -0.2]),
      array([rowOf(z, 0).map((v) => 2 * v), rowOf(z, 1).map((v) => 2 * v)]),
      0,
    );
    out.data.forEach((value, i) => expect(2 * value).toBeCloseTo(flat.data[i], 7));
  });
});

/** Sentences for points off the manifold, wrong dimensions, wrong options. */
import { describe, expect, it } from "vitest";
import { array, compile, type Tensor } from "../../src/engine/index.js";
import {
  checkPoints,
  euclidean,
  hyperboloid,
  poincareBall,
  productManifold,
  projectPoints,
  sphere,
  sphereArea,
  torus,
} from "../../src/manifolds/index.js";

const sentence = (f: () => unknown): string => {
  try {
    f();
  } catch (error) {
    expect((error as Error).name).toBe("UsageError");
    return (error as Error).message;
  }
  throw new Error("nothing was thrown");
};

describe("points off the manifold", () => {
  it("outside the ball: how far, and the projection", () => {
    const ball = poincareBall({ dimension: 2, curvature: 4 });
    expect(sentence(() => ball.distance([0.1, 0], [0.6, 0]))).toMatchInlineSnapshot(
      `"y has length 0.600000, 0.100 beyond the edge of the ball at 0.500000, so it is not a point of the Poincare ball of dimension 2, curvature -4; projectPoint gives the nearest one, [0.499999, 0]."`,
    );
    expect(ball.whyNotAPoint(ball.projectPoint([0.6, 0.8]))).toBeUndefined();
  });
  it("off the sphere", () => {
    expect(sentence(() => sphere(2).exponentialMap([0, 0, 1.5], [1, 0, 0]))).toMatchInlineSnapshot(
      `"x has length 1.50000, 0.500 outside the unit sphere, so it is not a point of the sphere of dimension 2; projectPoint gives the nearest one, [0, 0, 1]."`,
    );
    expect(sentence(() => sphere(1).projectPoint([0, 0]))).toContain("zero vector");
  });
  it("off the hyperboloid", () => {
    expect(sentence(() => hyperboloid({ dimension: 1 }).checkPoint("code", [2, 0]))).toContain(
      "code has time coordinate 2.00000, 1.00 away from the sheet at 1.00000",
    );
  });
  it("in a factor of a product", () => {
    const product = productManifold([euclidean(1), sphere(1)]);
    expect(sentence(() => product.checkPoint("x", [5, 3, 4]))).toContain(
      "in factor 1 (sphere of dimension 1) has length 5.00000, 4.00 outside the unit sphere",
    );
  });
  it("offers a point that is one", () => {
    for (const [m, x] of [
      [poincareBall({ dimension: 2 }), [0.9, 0.9]],
      [poincareBall({ dimension: 2 }), [-2, 1e-9]],
      [poincareBall({ dimension: 2, curvature: 7e8 }), [1, 1]],
      [sphere(2), [1, 2, 3]],
      [hyperboloid({ dimension: 2 }), [7, 3, -2]],
    ] as const) {
      const [, offered] = /nearest one, \[(.*)\]/.exec(sentence(() => m.checkPoint("x", x)))!;
      m.checkPoint("what was offered", offered.split(", ").map(Number));
    }
  });
  it("projects the tiny and the huge", () => {
    expect(Array.from(sphere(2).projectPoint([1e-16, 0, 0]))).toEqual([1, 0, 0]);
    const huge = sphere(2).projectPoint([1e200, 1e200, 0]);
    expect(huge[0]).toBeCloseTo(Math.SQRT1_2, 14);
    const ball = poincareBall({ dimension: 2, curvature: 4 });
    const edge = ball.projectPoint([1e200, -1e200]);
    expect(edge[0]).toBeCloseTo(0.5 * Math.SQRT1_2, 12);
    expect(edge[1]).toBe(-edge[0]);
  });
  it("vectors that are not tangent: by how much, and their tangent part", () => {
    expect(sentence(() => sphere(2).exponentialMap([0, 0, 1], [1, 1, 5]))).toMatchInlineSnapshot(
      `"v leaves the sphere, by 5.00 along x, so it is not a tangent vector of the sphere of dimension 2 at x; projectVector gives its tangent part, [1, 1, 0]."`,
    );
    expect(sentence(() => sphere(2).norm([0, 0, 1], [0, 0, 7]))).toContain("by 7.00 along x");
    const sheet = hyperboloid({ dimension: 2 });
    expect(sentence(() => sheet.norm(sheet.origin, [0.5, 1, 0]))).toContain("leaves the sheet, by -0.500");
    const product = productManifold([euclidean(1), sphere(1)]);
    expect(sentence(() => product.innerProduct([5, 1, 0], [1, 0, 1], [1, 2, 0]))).toContain(
      "v in factor 1 (sphere of dimension 1) leaves the sphere",
    );
    expect(poincareBall({ dimension: 2 }).norm([0, 0], [3, 4])).toBeCloseTo(10, 12); // all vectors are tangent
  });
  it("opposite points of the sphere have no logarithm", () => {
    expect(sentence(() => sphere(2).logarithmicMap([0, 0, 1], [0, 0, -1]))).toContain("opposite points");
    expect(sphere(2).distance([0, 0, 1], [0, 0, -1])).toBeCloseTo(Math.PI, 5);
  });
  it("in an array: the row", () => {
    const ball = poincareBall({ dimension: 2 });
    const points = array([
      [0, 0.5],
      [2, 0],
    ]);
    expect(sentence(() => checkPoints(ball, "codes", points))).toContain("codes, row 1, has length 2.00000");
    checkPoints(ball, "codes", projectPoints(ball, points));
    expect(sentence(() => checkPoints(ball, "codes", array([[1, 2, 3]])))).toContain("shape [1,3]");
  });
});

describe("wrong shapes and options", () => {
  it("are named", async () => {
    expect(sentence(() => poincareBall({ dimension: 2, curvature: -1 }))).toContain("curvature is -1; give c > 0");
    expect(sentence(() => poincareBall({ dimension: 0 }))).toContain("dimension is 0");
    expect(sentence(() => poincareBall({ dimension: 2, margin: 0 }))).toContain("margin is 0");
    expect(sentence(() => torus(1.5))).toContain("dimension is 1.5");
    expect(sentence(() => productManifold([]))).toContain("at least one manifold");
    expect(sentence(() => sphere(2).distance([1, 0], [0, 0, 1]))).toContain("x has 2 coordinates");
    expect(sentence(() => euclidean(2).norm([0, 0], [Number.NaN, 1]))).toContain("v has coordinate 0 = NaN");
    const f = compile((x: Tensor) => sphere(2).traced.distance(x, x));
    await expect(f(array([[1, 2]]))).rejects.toThrow("x has shape [1,2]");
  });
});

it("areas of spheres", () => {
  expect([1, 2, 3, 4].map(sphereArea).map((a) => a / Math.PI)).toEqual(
    [2, 4, 2 * Math.PI, (8 * Math.PI) / 3].map((a) => expect.closeTo(a, 12)),
  );
});

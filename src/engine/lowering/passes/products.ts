/**
 * A sum of products is a matrix product. Differentiating twice backwards leaves `sum(a[m, k, 1] * b[1, k, n], k)`, the
 * derivative of a repetition after that of a contraction: an array of m k n numbers, made to be summed.
 */
import { lowerSumOfProduct } from "../contractions.js";
import { type Builder, type Rule, sameShape, type Value } from "../graph.js";

export const sumsOfProducts: Rule = ({ op, inputs, attributes, shape, dtype }, build) => {
  if (op !== "ReduceSum" || dtype !== "float64") return undefined;
  const factors = factorsOf(inputs[0], build);
  if (factors === undefined) return undefined;
  const made = lowerSumOfProduct(factors[0], factors[1], attributes.axes as readonly number[], build);
  return made === undefined ? undefined : build.reshape(made, shape);
};

/** The factors of a product, seen through transpositions and axes of size 1 that come and go, with its axes. */
function factorsOf(x: Value, build: Builder): [Value, Value] | undefined {
  const { node } = x;
  if (node?.op === "Mul") {
    const [a, b] = node.inputs.map((f) => build.reshape(f, aligned(f.shape, x.shape.length)));
    return [a, b];
  }
  if (node?.op !== "Transpose" && node?.op !== "Reshape") return undefined;
  const [inner] = node.inputs;
  const moved = node.op === "Transpose" ? undefined : placesAfter(inner.shape, x.shape);
  if (node.op === "Reshape" && moved === undefined) return undefined;
  const factors = factorsOf(inner, build);
  if (factors === undefined) return undefined;
  const [a, b] = factors.map((f) => {
    if (moved === undefined) return build.transpose(f, node.attributes.perm as readonly number[]);
    return build.reshape(
      f,
      moved.map((from) => (from === undefined ? 1 : f.shape[from])),
    );
  });
  return [a, b];
}

/** For each axis of `to` the axis of `from` that it is, undefined for size 1; undefined if they differ in more. */
function placesAfter(from: readonly number[], to: readonly number[]): (number | undefined)[] | undefined {
  const longer = (shape: readonly number[]) => shape.flatMap((n, i) => (n === 1 ? [] : [i]));
  const [old, now] = [longer(from), longer(to)];
  const sizes = (shape: readonly number[]) => shape.filter((n) => n !== 1);
  if (!sameShape(sizes(from), sizes(to))) return undefined;
  return to.map((n, i) => (n === 1 ? undefined : old[now.indexOf(i)]));
}

function aligned(shape: readonly number[], rank: number): number[] {
  return [...Array<number>(rank - shape.length).fill(1), ...shape];
}

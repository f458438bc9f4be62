/** Reshapes and transpositions that undo or follow each other become one, or none. */
import { type Rule, sameShape } from "../graph.js";

export const mergeReshapes: Rule = ({ op, inputs, shape }, build) => {
  if (op !== "Reshape") return undefined;
  const [x] = inputs;
  if (sameShape(x.shape, shape)) return x;
  if (x.node?.op === "Reshape") return build.reshape(x.node.inputs[0], shape);
  // A repeated scalar stays one.
  if (x.node?.op === "Expand") {
    const source = x.node.inputs[0];
    if (source.shape.length === 0) return build.expand(source, shape);
    // Axes of size 1 come and go freely: reshape the small value, repeat afterwards.
    const aligned = [...Array(x.shape.length - source.shape.length).fill(1), ...source.shape] as number[];
    const from = x.shape.flatMap((n, i) => (n === 1 ? [] : [i]));
    const to = shape.flatMap((n, i) => (n === 1 ? [] : [i]));
    if (from.length === to.length && from.every((axis, k) => x.shape[axis] === shape[to[k]])) {
      const small = shape.map(() => 1);
      from.forEach((axis, k) => {
        small[to[k]] = aligned[axis];
      });
      return build.expand(build.reshape(source, small), shape);
    }
  }
  return undefined;
};

export const mergeTransposes: Rule = ({ op, inputs, attributes, shape }, build) => {
  if (op !== "Transpose") return undefined;
  const [x] = inputs;
  const perm = attributes.perm as readonly number[];
  if (perm.every((p, i) => p === i)) return x;
  if (x.node?.op === "Transpose") {
    const inner = x.node.attributes.perm as readonly number[];
    return build.transpose(
      x.node.inputs[0],
      perm.map((p) => inner[p]),
    );
  }
  if (x.node?.op === "Expand") {
    const source = x.node.inputs[0];
    const aligned = build.reshape(source, [...Array(x.shape.length - source.shape.length).fill(1), ...source.shape]);
    return build.expand(build.transpose(aligned, perm), shape);
  }
  // Moving axes of size 1 is a reshape.
  const order = perm.filter((p) => x.shape[p] !== 1);
  if (order.every((p, i) => i === 0 || p > order[i - 1])) return build.reshape(x, shape);
  return undefined;
};

/** Slices and paddings that do nothing; the full slice of a repeated axis. */
export const emptyMoves: Rule = ({ op, inputs, shape }) => {
  if ((op === "Slice" || op === "Pad") && sameShape(inputs[0].shape, shape)) return inputs[0];
  if (op === "Reverse" && inputs[0].shape.every((n) => n <= 1)) return inputs[0];
  if (op === "Concat" && inputs.length === 1) return inputs[0];
  return undefined;
};

/** A reduction over axes of size 1 is a reshape. */
export const emptyReductions: Rule = ({ op, inputs, attributes, shape }, build) => {
  if (!op.startsWith("Reduce")) return undefined;
  const axes = attributes.axes as readonly number[];
  return axes.every((a) => inputs[0].shape[a] === 1) ? build.reshape(inputs[0], shape) : undefined;
};

/** Products of matrices and tensors. */
import { UsageError } from "../../errors.js";
import { lift, np, type Operand, shapeOf, type Tensor } from "../tensor.js";
import { mul } from "./arithmetic.js";
import { asTensor, broadcastShapes } from "./common.js";
import { sum } from "./reductions.js";
import { reshape, transpose } from "./shape.js";

/**
 * Matrix product over the last axis of `a` and the last but one of `b`; leading axes broadcast. A vector (one axis)
 * on the left is a row, on the right a column, and its axis disappears, as in NumPy.
 */
export function matmul(a: Operand, b: Operand): Tensor {
  const [sa, sb] = [shapeOf(a), shapeOf(b)];
  const inner = sb.length === 1 ? sb[0] : sb[sb.length - 2];
  if (sa.length === 0 || sb.length === 0)
    throw new UsageError(`matmul: shapes [${sa}] and [${sb}]: a number has no rows and columns; use mul.`);
  if (sa[sa.length - 1] !== inner)
    throw new UsageError(
      `matmul: shapes [${sa}] and [${sb}] do not fit (inner sizes ${sa[sa.length - 1]} and ${inner}).`,
    );
  if (sa.length === 1) {
    const row = matmul(reshape(a, [1, sa[0]]), b);
    return sb.length === 1 ? reshape(row, []) : reshape(row, [...row.shape.slice(0, -2), ...row.shape.slice(-1)]);
  }
  if (sb.length > 2) {
    broadcastShapes("matmul", sa.slice(0, -2), sb.slice(0, -2));
    return einsumPair(a, b);
  }
  return asTensor(np.matmul(lift(a), lift(b)));
}

// Batched product by the pairwise contraction below: it broadcasts leading axes of any size.
function einsumPair(a: Operand, b: Operand): Tensor {
  const [sa, sb] = [shapeOf(a), shapeOf(b)];
  const left = reshape(a, [...sa.slice(0, -1), 1, sa[sa.length - 1]]); // [..., m, 1, k]
  const order = sb.map((_, i) => i);
  [order[sb.length - 2], order[sb.length - 1]] = [sb.length - 1, sb.length - 2];
  const t = transpose(b, order);
  const right = reshape(t, [...t.shape.slice(0, -2), 1, ...t.shape.slice(-2)]); // [..., 1, n, k]
  return contractLast(left, right);
}

/** `sum(a * b, last axis)` with broadcasting, as one contraction. */
export function contractLast(a: Operand, b: Operand): Tensor {
  const [x, y] = [asTensor(lift(a)), asTensor(lift(b))];
  broadcastShapes("contractLast", x.shape, y.shape);
  const k = Math.max(x.shape[x.shape.length - 1], y.shape[y.shape.length - 1]);
  if (x.shape[x.shape.length - 1] !== k || y.shape[y.shape.length - 1] !== k) return sum(mul(x, y), -1);
  return asTensor(dotPrimitive(x, y));
}

// jax-js exposes its contraction primitive (broadcast, multiply, sum the last axis) as the product of a matrix with
// a vector when the vector has one axis only; with more axes it is reached through dotGeneral with batch axes.
function dotPrimitive(x: Tensor, y: Tensor): unknown {
  const rank = Math.max(x.shape.length, y.shape.length);
  const pad = (t: Tensor) => reshape(t, [...Array(rank - t.shape.length).fill(1), ...t.shape]);
  const [a, b] = [pad(x), pad(y)];
  const letters = "abcdefghijklmnopqrstuvw".slice(0, rank - 1);
  const used = (t: Tensor, other: Tensor) =>
    [...letters].filter((_, i) => t.shape[i] !== 1 || other.shape[i] === 1).join("");
  const [la, lb] = [used(a, b), used(b, a)];
  const strip = (t: Tensor, l: string) =>
    reshape(t, [...[...l].map((c) => t.shape[letters.indexOf(c)]), t.shape[rank - 1]]);
  return lift(einsum(`${la}z,${lb}z->${letters}`, strip(a, la), strip(b, lb)));
}

/**
 * Einstein summation, `einsum("nij,nj->ni", A, x)`: letters that are missing on the right are summed. Any number of
 * operands; they are contracted from left to right, two at a time.
 */
export function einsum(expression: string, ...operands: Operand[]): Tensor {
  const match = /^([a-zA-Z,]*)->([a-zA-Z]*)$/.exec(expression.replace(/\s/g, ""));
  if (!match) throw new UsageError(`einsum: "${expression}" is not of the form "ij,jk->ik".`);
  const inputs = match[1].split(",");
  const output = match[2];
  if (inputs.length !== operands.length)
    throw new UsageError(`einsum: "${expression}" names ${inputs.length} operands, ${operands.length} were given.`);
  const sizes = new Map<string, number>();
  operands.forEach((operand, i) => {
    const shape = shapeOf(operand);
    if (shape.length !== inputs[i].length)
      throw new UsageError(`einsum: operand ${i} has shape [${shape}], "${inputs[i]}" needs ${inputs[i].length} axes.`);
    [...inputs[i]].forEach((letter, axis) => {
      const known = sizes.get(letter);
      if (known !== undefined && known !== shape[axis])
        throw new UsageError(
          `einsum: in "${expression}" for shapes ${operands.map((o) => `[${shapeOf(o)}]`).join(", ")} "${letter}" is both ${known} and ${shape[axis]}.`,
        );
      sizes.set(letter, shape[axis]);
    });
  });
  for (const letter of output)
    if (!sizes.has(letter) || output.indexOf(letter) !== output.lastIndexOf(letter))
      throw new UsageError(`einsum: output "${output}" has a letter that no operand has, or one twice.`);
  let [letters, value] = diagonal(inputs[0], operands[0]);
  for (let i = 1; i < operands.length; i++) {
    const [right, operand] = diagonal(inputs[i], operands[i]);
    const needed = new Set([...output, ...inputs.slice(i + 1).join("")]);
    [letters, value] = contractPair(letters, value, right, operand, needed, sizes);
  }
  const summed = [...letters].flatMap((l, i) => (output.includes(l) ? [] : [i]));
  if (summed.length > 0) value = sum(value, summed);
  const rest = [...letters].filter((l) => output.includes(l));
  return transpose(
    value,
    [...output].map((l) => rest.indexOf(l)),
  );
}

/** A repeated letter within one operand takes the diagonal. */
function diagonal(letters: string, operand: Operand): [string, Tensor] {
  let names = letters;
  let value = asTensor(lift(operand));
  for (let i = 0; i < names.length; i++) {
    const j = names.indexOf(names[i], i + 1);
    if (j < 0) continue;
    const order = [...names].map((_, k) => k).filter((k) => k !== i && k !== j);
    value = asTensor(np.diagonal(lift(transpose(value, [...order, i, j])), 0, order.length, order.length + 1));
    names = order.map((k) => names[k]).join("") + names[i];
    i = -1;
  }
  return [names, value];
}

function contractPair(
  left: string,
  a: Tensor,
  right: string,
  b: Tensor,
  needed: ReadonlySet<string>,
  sizes: ReadonlyMap<string, number>,
): [string, Tensor] {
  const shared = [...left].filter((l) => right.includes(l));
  const batch = shared.filter((l) => needed.has(l));
  const inner = shared.filter((l) => !needed.has(l));
  const keepA = [...left].filter((l) => !right.includes(l) && needed.has(l));
  const keepB = [...right].filter((l) => !left.includes(l) && needed.has(l));
  const drop = (letters: string, t: Tensor): [string, Tensor] => {
    const gone = [...letters].flatMap((l, i) => (!shared.includes(l) && !needed.has(l) ? [i] : []));
    return gone.length === 0 ? [letters, t] : [[...letters].filter((_, i) => !gone.includes(i)).join(""), sum(t, gone)];
  };
  const [la, ta] = drop(left, a);
  const [lb, tb] = drop(right, b);
  const size = (names: readonly string[]) => names.map((l) => sizes.get(l)!);
  const x = transpose(
    ta,
    [...batch, ...keepA, ...inner].map((l) => la.indexOf(l)),
  );
  const y = transpose(
    tb,
    [...batch, ...keepB, ...inner].map((l) => lb.indexOf(l)),
  );
  const names = [...batch, ...keepA, ...keepB].join("");
  const k = size(inner).reduce((p, n) => p * n, 1);
  if (inner.length === 0) {
    const p = reshape(x, [...size(batch), ...size(keepA), ...keepB.map(() => 1)]);
    const q = reshape(y, [...size(batch), ...keepA.map(() => 1), ...size(keepB)]);
    return [names, mul(p, q)];
  }
  const m = size(keepA).reduce((p, n) => p * n, 1);
  const n = size(keepB).reduce((p, c) => p * c, 1);
  const product = np.matmul(
    lift(reshape(x, [...size(batch), m, k])),
    lift(transpose(reshape(y, [...size(batch), n, k]), [...batch.map((_, i) => i), batch.length + 1, batch.length])),
  );
  return [names, reshape(asTensor(product), [...size(batch), ...size(keepA), ...size(keepB)])];
}

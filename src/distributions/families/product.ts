/**
 * Products of independent families, each on its own columns: log densities, entropies, KL divergences and Fisher
 * informations add, and so do squared distances. Parameters are the blocks' own, named "block.parameter".
 */
import {
  add,
  concat,
  mul,
  type NdArray,
  type Operand,
  slice,
  square,
  sub,
  type Tensor,
  take,
  zerosArray,
} from "../../engine/index.js";
import { expectThat, UsageError } from "../../errors.js";
import type { CheckOptions, Family, Parameters } from "./family.js";
import { meanCoordinates, outputShape, shapeOfOperand, sumRows } from "./family.js";
import type { Marginal } from "./marginals.js";

export interface Block {
  /** In messages, and in front of its parameters' names; without a dot. */
  readonly name: string;
  readonly family: Family;
  /** Its columns in the data, in the family's own order. */
  readonly columns: readonly number[];
}

/**
 * The product of families on disjoint columns that together are 0, ..., D - 1. Optional parts (embeddings,
 * Wasserstein distances, marginals) exist where all blocks have them.
 * @throws UsageError if a column is missing or used twice, names repeat, or a block's columns do not suit its family.
 * @example
 *   const pose = product([
 *     { name: "position", family: normal(), columns: [0, 1, 2] },
 *     { name: "orientation", family: vonMisesFisher({ dimension: 4 }), columns: [3, 4, 5, 6] },
 *   ]);
 */
export function product(blocks: readonly Block[]): Family {
  expectThat(blocks.length > 0, "product: there are no blocks; give one or more.");
  const D = blocks.reduce((total, block) => total + block.columns.length, 0);
  checkBlocks(blocks, D);
  const counts = blocks.map((block) => block.family.parameterCount(block.columns.length));
  const P = counts.reduce((a, b) => a + b, 0);
  const starts = counts.map((_, i) => counts.slice(0, i).reduce((a, b) => a + b, 0));
  // Where the blocks' results, one after another, go in the order of the columns.
  const order = new Array<number>(D);
  for (const [place, j] of blocks.flatMap((block) => block.columns).entries()) order[j] = place;

  const each = <R>(f: (block: Block, index: number) => R): R[] => blocks.map(f);
  const total = (f: (block: Block) => Tensor): Tensor => each(f).reduce((a, b) => add(a, b));
  const inColumns = (f: (block: Block) => Tensor): Tensor => {
    const joined = concat(each(f), 1);
    return order.every((place, j) => place === j) ? joined : take(joined, order, 1);
  };
  const all = (method: keyof Family) => blocks.every(({ family }) => family[method] !== undefined);
  const byColumn = (tables: Marginal[][][]): Marginal[][] =>
    tables[0].map((_, row) => {
      const joined = tables.flatMap((table) => table[row]);
      return order.map((place) => joined[place]);
    });

  return {
    name: `product of ${blocks.map(({ name, family }) => `${name} (${family.name})`).join(", ")}`,
    parameterCount(dataDimension) {
      expectThat(dataDimension === D, `product: its blocks take ${D} data columns, not ${dataDimension}.`);
      return P;
    },
    dataDimension(parameterCount) {
      expectThat(parameterCount === P, `product: its blocks take ${P} network outputs, not ${parameterCount}.`);
      return D;
    },
    checkData(data, options) {
      if (data.shape.length !== 2 || data.shape[1] !== D)
        throw new UsageError(
          `${options?.name ?? "data"}: shape [${data.shape}] does not fit; the product of likelihoods needs [N, ${D}].`,
        );
      for (const block of blocks) block.family.checkData(hostColumns(data, block.columns), partOf(options, block));
    },
    fromNetwork(outputs) {
      outputShape(outputs);
      return joined(
        each(({ family }, i) => family.fromNetwork(slice(outputs, [null, [starts[i], starts[i] + counts[i]]]))),
      );
    },
    logDensity: (parameters, x) => total((b) => b.family.logDensity(own(parameters, b), columnsOf(x, b.columns))),
    mean: (parameters) => inColumns((b) => b.family.mean(own(parameters, b))),
    ...(blocks.some(({ family }) => family.meanEmbedding !== undefined) && {
      meanEmbedding: (parameters: Parameters<Operand>) =>
        concat(
          each((b) => meanCoordinates(b.family, own(parameters, b))),
          1,
        ),
    }),
    entropy: (parameters) => total((b) => b.family.entropy(own(parameters, b))),
    klDivergence: (p, q) => total((b) => b.family.klDivergence(own(p, b), own(q, b))),
    fisherRoot(parameters) {
      const roots = each((b) => b.family.fisherRoot(own(parameters, b)));
      return (tangent) =>
        concat(
          each((b, i) => roots[i](own(tangent, b))),
          1,
        );
    },
    ...(all("embedding") && {
      embedding: (parameters: Parameters<Operand>) =>
        concat(
          each((b) => b.family.embedding!(own(parameters, b))),
          1,
        ),
    }),
    ...(!all("embedding") &&
      blocks.every(({ family }) => family.embedding ?? family.chord) && {
        chord: {
          at: (parameters: Parameters<Operand>) => joined(each((b) => chordOf(b.family).at(own(parameters, b)))),
          squared: (p: Parameters, q: Parameters) => total((b) => chordOf(b.family).squared(own(p, b), own(q, b))),
        },
      }),
    ...(all("wasserstein2Embedding") && {
      wasserstein2Embedding: (parameters: Parameters<Operand>) =>
        concat(
          each((b) => b.family.wasserstein2Embedding!(own(parameters, b))),
          1,
        ),
    }),
    ...(all("wasserstein1") && {
      wasserstein1: (p: Parameters<Operand>, q: Parameters<Operand>) =>
        inColumns((b) => b.family.wasserstein1!(own(p, b), own(q, b))),
    }),
    ...(all("wasserstein2Squared") && {
      wasserstein2Squared: (p: Parameters<Operand>, q: Parameters<Operand>) =>
        inColumns((b) => b.family.wasserstein2Squared!(own(p, b), own(q, b))),
    }),
    uncertain: (parameters, options) => joined(each((b) => b.family.uncertain(own(parameters, b), options))),
    sample(parameters, random) {
      const parts = each((b) => b.family.sample(own(parameters, b), random));
      const N = parts[0].shape[0];
      const result = zerosArray([N, D]);
      for (const [i, { columns }] of blocks.entries())
        for (let n = 0; n < N; n++)
          columns.forEach((j, k) => (result.data[n * D + j] = parts[i].data[n * columns.length + k]));
      return result;
    },
    ...(all("marginals") && {
      marginals: (parameters: Parameters<NdArray>) => byColumn(each((b) => b.family.marginals!(own(parameters, b)))),
    }),
  };

  function joined<T>(parts: Parameters<T>[]): Parameters<T> {
    return Object.fromEntries(
      parts.flatMap((part, i) => Object.entries(part).map(([name, value]) => [`${blocks[i].name}.${name}`, value])),
    );
  }
}

/** How a block measures steps by values at their ends: its own way, or the chords of its embedding. */
function chordOf(family: Family): NonNullable<Family["chord"]> {
  return (
    family.chord ?? {
      at: (parameters) => ({ embedded: family.embedding!(parameters) }),
      squared: (a, b) => sumRows(square(sub(a.embedded, b.embedded))),
    }
  );
}

/** The parameters of one block, under their own names. */
export function own<T>(parameters: Parameters<T>, block: Block): Parameters<T> {
  const start = `${block.name}.`;
  return Object.fromEntries(
    Object.entries(parameters).flatMap(([name, value]) =>
      name.startsWith(start) ? [[name.slice(start.length), value]] : [],
    ),
  );
}

function checkBlocks(blocks: readonly Block[], D: number): void {
  const [names, users] = [new Set<string>(), new Map<number, string>()];
  for (const { name, columns } of blocks) {
    expectThat(
      name !== "" && !name.includes("."),
      () => `product: the block name "${name}" is empty or has a dot; give a plain name.`,
    );
    expectThat(!names.has(name), () => `product: the block name "${name}" is given twice; rename one.`);
    names.add(name);
    for (const j of columns) {
      expectThat(
        Number.isInteger(j) && j >= 0 && j < D,
        () =>
          `product: block "${name}" has column ${j}, but the blocks' ${D} columns must be 0 to ${D - 1}; each column of the data needs a block.`,
      );
      expectThat(
        !users.has(j),
        () => `product: column ${j} is in block "${users.get(j)}" and again in "${name}"; give it to one.`,
      );
      users.set(j, name);
    }
  }
}

/** Consecutive columns as a slice, others gathered. Traceable. */
function columnsOf(x: Operand, columns: readonly number[]): Tensor {
  const first = columns[0];
  if (columns.every((j, k) => j === first + k)) {
    if (columns.length === shapeOfOperand(x)[1]) return mul(x, 1);
    return slice(x, [null, [first, first + columns.length]]);
  }
  return take(x, columns, 1);
}

/** Some columns of a host table, copied. */
export function hostColumns(data: NdArray, columns: readonly number[]): NdArray {
  const [N, width] = data.shape;
  const result = zerosArray([N, columns.length], data.dtype);
  for (let n = 0; n < N; n++)
    for (let k = 0; k < columns.length; k++) result.data[n * columns.length + k] = data.data[n * width + columns[k]];
  return result;
}

/** Messages about a block's slice name the columns of the whole table. */
function partOf(options: CheckOptions | undefined, block: Block): CheckOptions {
  return { ...options, columns: block.columns.map((j) => options?.columns?.[j] ?? j) };
}

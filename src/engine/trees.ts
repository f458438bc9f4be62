/** Trees: nested plain objects and arrays whose leaves are arrays, tensors or numbers. */
import { isNdArray } from "./arrays.js";
import { isTensor } from "./tensor.js";

function isBranch(x: unknown): x is Record<string, unknown> | unknown[] {
  if (typeof x !== "object" || x === null || isTensor(x) || isNdArray(x)) return false;
  return Array.isArray(x) || Object.getPrototypeOf(x) === Object.prototype || Object.getPrototypeOf(x) === null;
}

/** The tree with `f` applied to every leaf; `path` names the leaf, as in "decoder.0.weight". */
export function mapTree<R = any>(tree: any, f: (leaf: any, path: string) => R, path = ""): any {
  if (!isBranch(tree)) return f(tree, path);
  const join = (key: string | number) => (path === "" ? `${key}` : `${path}.${key}`);
  if (Array.isArray(tree)) return tree.map((item, i) => mapTree(item, f, join(i)));
  return Object.fromEntries(Object.entries(tree).map(([key, item]) => [key, mapTree(item, f, join(key))]));
}

/** The leaves from left to right, with their paths. */
export function flattenTree(tree: any): { leaves: any[]; paths: string[] } {
  const leaves: any[] = [];
  const paths: string[] = [];
  mapTree(tree, (leaf, path) => {
    leaves.push(leaf);
    paths.push(path);
  });
  return { leaves, paths };
}

/** A tree of the structure of `like` with other leaves, in the order of `flattenTree`. */
export function unflattenTree(like: any, leaves: readonly any[]): any {
  let next = 0;
  return mapTree(like, () => leaves[next++]);
}

/** Leaf by leaf over several trees of one structure. */
export function zipTrees(f: (...leaves: any[]) => any, first: any, ...others: any[]): any {
  const lists = others.map((tree) => flattenTree(tree).leaves);
  let next = 0;
  return mapTree(first, (leaf) => {
    const i = next++;
    return f(leaf, ...lists.map((list) => list[i]));
  });
}

/** Trees of arrays as safetensors files of a checkpoint, read back into a known structure with every shape checked. */
import { join } from "node:path";
import { flattenTree, mapTree, type NdArray, unflattenTree } from "../engine/index.js";
import { UsageError } from "../errors.js";
import { decodeSafetensors } from "./safetensors.js";

/** The leaves of a tree by their paths, each path behind `prefix`. */
export function namedArrays(tree: unknown, prefix = ""): Record<string, NdArray> {
  const { leaves, paths } = flattenTree(tree);
  return Object.fromEntries(paths.map((path, i) => [`${prefix}${path}`, leaves[i]]));
}

/** A safetensors file of a checkpoint that was read. @throws UsageError if the checkpoint lacks it or it is damaged. */
export function decodeStored(folder: string, name: string, files: ReadonlyMap<string, Uint8Array>) {
  const bytes = files.get(name);
  const path = join(folder, name);
  if (bytes === undefined)
    throw new UsageError(`${path} is not part of this checkpoint, but is needed; restore it or train again.`);
  return decodeSafetensors(bytes, path);
}

/**
 * The arrays of a file in the structure of `template`, whose leaves give the shapes.
 * @throws UsageError that names the file and the array that is missing, of another shape, or not finite.
 */
export function storedTree<T>(
  folder: string,
  name: string,
  files: ReadonlyMap<string, Uint8Array>,
  template: T,
  prefix = "",
): T {
  const { arrays } = decodeStored(folder, name, files);
  const leaves: NdArray[] = [];
  mapTree(template, (like: NdArray, path) => {
    const array = arrays[`${prefix}${path}`];
    if (array === undefined)
      throw new UsageError(`${join(folder, name)} lacks "${prefix}${path}", which config.json asks for; train again.`);
    expectStoredShape(folder, name, `"${prefix}${path}"`, array.shape, like.shape);
    for (const value of array.data)
      if (!Number.isFinite(value))
        throw new UsageError(`${join(folder, name)} holds ${value} in "${prefix}${path}"; train again.`);
    leaves.push(array);
  });
  return unflattenTree(template, leaves);
}

/** @throws UsageError unless the shapes agree. */
export function expectStoredShape(
  folder: string,
  name: string,
  what: string,
  shape: readonly number[],
  expected: readonly number[],
): void {
  if (shape.length !== expected.length || shape.some((n, i) => n !== expected[i]))
    throw new UsageError(
      `${join(folder, name)} does not fit config.json (${what} has shape [${shape}], not [${expected}]); restore it or train again.`,
    );
}

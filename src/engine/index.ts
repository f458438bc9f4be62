export * from "./arrays.js";
export {
  type Compiled,
  type CompileOptions,
  compile,
  type LoadedProgram,
  loadProgram,
  lowerProgram,
  type Program,
  toOnnx,
} from "./compile.js";
export {
  type ImportCheck,
  type ImportedModel,
  type ImportedPort,
  type ImportOptions,
  importOnnx,
} from "./import/index.js";
export type { Precision } from "./lowering/emit.js";
export * from "./ops/index.js";
// `split` is an operation on tensors here; the generator's is `splitKey`.
export {
  fillNormal,
  foldIn,
  gammaArray,
  normalArray,
  permutation,
  type RandomKey,
  type RandomState,
  type RandomStream,
  randomKey,
  splitKey,
  stream,
  streamFromState,
  uniformArray,
} from "./random.js";
export { constant, type Operand, type Tensor, type TensorDType, type Tree } from "./tensor.js";
export { grad, jacobian, jvp, rowJacobian, valueAndGrad, vjp, vmap } from "./transforms.js";
export { flattenTree, mapTree, unflattenTree, zipTrees } from "./trees.js";

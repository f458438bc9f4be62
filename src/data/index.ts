export { cacheFolder } from "./cache.js";
export { CIFAR10_IMAGE, cifar10Folder, loadCifar10 } from "./cifar10.js";
export {
  autoDataset,
  type Dataset,
  type DatasetDescription,
  datasetNames,
  describeDataset,
  type LoadOptions,
  loadDataset,
  splitDataset,
  takeDataset,
} from "./dataset.js";
export { type DownloadOptions, type DownloadProgress, download } from "./download.js";
export {
  deduplicated,
  type EarthData,
  type EarthName,
  type EarthSplit,
  earthFolder,
  earthNames,
  loadEarth,
  parseEarth,
  splitEarth,
  takeEarth,
} from "./earth.js";
export { type FastaRecord, parseFasta } from "./fasta.js";
export { type AlphabetName, alphabetNames } from "./fasta-alphabet.js";
export { type FastaOptions, fastaDataset, readFastaDataset } from "./fasta-dataset.js";
export {
  identityWeights,
  type SequenceDistance,
  sequenceDistances,
  sequenceLetters,
  sequenceText,
} from "./fasta-distances.js";
export { encodeIdx, type IdxArray, parseIdx, readIdx } from "./idx.js";
export { type Demonstration, lasaFolder, lasaShapes, loadLasa, parseLasa } from "./lasa.js";
export {
  downloadMnist,
  findMnist,
  loadMnist,
  MNIST_TRAINING_IMAGES,
  type Mnist,
  type MnistOptions,
  type MnistPart,
  readMnist,
} from "./mnist.js";
export * from "./mocap.js";
export { drawStrokes, generateStrokes, loadStrokes, type Strokes, strokeFactors } from "./strokes.js";
export type { UserFileOptions } from "./user-files.js";

/** The feature network that `--features` names. */
import { existsSync, statSync } from "node:fs";
import { basename } from "node:path";
import { UsageError } from "../errors.js";
import type { FeatureNetwork } from "../evaluation/index.js";
import type { Picture } from "./scored-model.js";

export interface FeatureChoice {
  /** "own", "mnist", "strokes", an ONNX file, or a folder of digit features. */
  readonly name: string;
  /** Of an ONNX file: output, and how a pixel x becomes scale x + shift. */
  readonly output?: string;
  readonly scale?: number;
  readonly shift?: number;
  readonly threads?: number;
}

export interface ChosenFeatures {
  readonly network: FeatureNetwork;
  /** Of our own: the share of test digits that the classifier gets right. */
  readonly accuracy?: number;
}

/**
 * Our own features suit grey 28 x 28 pictures: those trained on strokes for runs of strokes, those of MNIST for others.
 * @throws UsageError for pictures that they do not take, and where the weights are not there yet (saying the command)
 */
export async function chooseFeatures(
  choice: FeatureChoice,
  run: { readonly data: string; readonly dimension: number; readonly picture?: Picture },
): Promise<ChosenFeatures> {
  const { digitFeatures, digitFeaturesFolder, hasDigitFeatures, loadDigitFeatures, onnxFeatures } = await import(
    "../evaluation/index.js"
  );
  const { name, threads } = choice;
  const { picture } = run;
  if (name.endsWith(".onnx")) {
    const { output, scale, shift } = choice;
    const image = picture && { image: [picture.height, picture.width] as const, channels: picture.channels };
    const network = await onnxFeatures(name, { output, scale, shift, threads, ...image });
    if (network.inputDimension !== run.dimension)
      throw new UsageError(
        `--features: ${name} takes images of ${network.inputDimension} numbers, the data of this run have ${run.dimension}; name a network for them.`,
      );
    return { network: finiteOnly(network, name, choice) };
  }
  for (const option of ["output", "scale", "shift"] as const)
    if (choice[option] !== undefined)
      throw new UsageError(`--feature-${option}: our own features have no such option; name an ONNX file.`);
  const own = name === "own" ? (run.data === "strokes" ? "strokes" : "mnist") : name;
  const isFolder = own !== "mnist" && own !== "strokes";
  if (isFolder && !(existsSync(own) && statSync(own).isDirectory()))
    throw new UsageError(
      `--features: "${name}" is neither own, mnist, strokes, the path of an ONNX file, nor a folder of digit features.`,
    );
  const folder = isFolder ? own : digitFeaturesFolder(own);
  if (!isFolder && !hasDigitFeatures(folder))
    throw new UsageError(
      `--features ${name}: the digit features of ${own} are not in ${folder} yet; train them with: atlas reproduce features${own === "mnist" ? " (which needs MNIST)" : ""}.`,
    );
  const classifier = loadDigitFeatures(folder);
  const label = own === "mnist" ? "digit-feature" : `${basename(own)}-feature`;
  const network = digitFeatures(classifier, { threads, name: label });
  if (network.inputDimension !== run.dimension)
    throw new UsageError(
      `--features ${name}: our digit features take grey pictures of ${network.inputDimension} pixels, the rows of this run have ${run.dimension} numbers; name an ONNX network for them (docs/evaluation.md).`,
    );
  return { network, accuracy: classifier.accuracy };
}

/** The network, with a sentence that names it and its options where it gives no finite numbers. */
function finiteOnly(network: FeatureNetwork, name: string, { scale, shift }: FeatureChoice): FeatureNetwork {
  return {
    ...network,
    async features(images) {
      const found = await network.features(images);
      const bad = found.data.findIndex((value: number) => !Number.isFinite(value));
      if (bad < 0) return found;
      const given = [
        ...(scale === undefined ? [] : [`--feature-scale ${scale}`]),
        ...(shift === undefined ? [] : [`--feature-shift ${shift}`]),
      ];
      throw new UsageError(
        `--features: ${name} gives ${found.data[bad]} for image ${Math.floor(bad / found.shape[1])}${given.length > 0 ? ` under ${given.join(" and ")}` : ""}; ${given.length > 0 ? "correct that to what the network was trained with" : "say with --feature-scale and --feature-shift how it takes pixels"}, or name another network.`,
      );
    },
  };
}

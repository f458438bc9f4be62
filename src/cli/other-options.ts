/**
 * What the command line says of a model of the family, or of a Poincare VAE, as the library takes it. All is checked here,
 * before any data are loaded, so that a sentence names the option as it was written.
 */
import type { FamilyOptions } from "../autoencoders/family/index.js";
import type { PvaeOptions } from "../autoencoders/pvae/index.js";
import { UsageError } from "../errors.js";
import { curvatureParameter, finiteNumber, namedNumbers, oneOf, wholeNumbers } from "./options.js";
import { defined, type TrainOptions } from "./train-options.js";

export type OtherOptions = Partial<TrainOptions>;

/** Of one of the family. @throws UsageError for values that do not fit, and options that do not go together */
export async function familyChoice(kind: string, options: OtherOptions): Promise<FamilyOptions> {
  const network = ifGiven(options.network, (text) => oneOf("--network", text, ["mlp", "convolutional"] as const));
  const convolutional = network === "convolutional";
  if (!options.resume) {
    for (const name of ["image", "channels"] as const)
      if (options[name] !== undefined && !convolutional)
        throw new UsageError(`--${name}: perceptrons have none; leave it out, or add --network convolutional.`);
    for (const name of ["encoder", "decoder"] as const)
      if (options[name] !== undefined && convolutional)
        throw new UsageError(`--${name}: a convolutional network has no hidden layers to choose; use --channels.`);
  }
  for (const name of ["variance", "bounded"] as const)
    if (options[name] !== undefined && options.likelihood === "bernoulli")
      throw new UsageError(
        `--${name}: goes with the gaussian likelihood, not with bernoulli; leave it out, or leave out --likelihood.`,
      );
  const modelOptions = namedNumbers(options.option);
  if (modelOptions !== undefined) {
    const { checkModelNumbers } = await import("../autoencoders/family/settings.js");
    const { familyModel } = await import("../autoencoders/family/index.js");
    checkModelNumbers(familyModel(kind), modelOptions);
  }
  return defined({
    activation: await activationOf(options),
    network,
    encoderHidden: ifGiven(options.encoder, (text) => wholeNumbers("--encoder", text, 1)),
    decoderHidden: ifGiven(options.decoder, (text) => wholeNumbers("--decoder", text, 1)),
    image: ifGiven(options.image, imageSizes),
    channels: ifGiven(options.channels, (text) => wholeNumbers("--channels", text, 1)),
    variance: ifGiven(options.variance, (text) => (text === "learned" ? ("learned" as const) : varianceOf(text))),
    bounded: options.bounded,
    modelOptions,
  });
}

/** Of a Poincare VAE, which has words for layers beside their units. @throws UsageError for values that do not fit */
export async function pvaeChoice(options: OtherOptions): Promise<Partial<PvaeOptions>> {
  const { pvaeDecoders, pvaeEncoders, pvaeLaws } = await import("../autoencoders/pvae/index.js");
  const encoder = layersOf("--encoder", options.encoder, pvaeEncoders);
  const decoder = layersOf("--decoder", options.decoder, pvaeDecoders);
  const law = (name: string, text: string | undefined) => ifGiven(text, (given) => oneOf(name, given, pvaeLaws));
  return defined({
    activation: await activationOf(options),
    encoderHidden: encoder.units,
    decoderHidden: decoder.units,
    encoder: encoder.kind,
    decoder: decoder.kind,
    curvature: ifGiven(options.curvature, (text) => curvatureParameter("--curvature", text, true)),
    posterior: law("--posterior", options.posterior),
    prior: law("--prior", options.prior),
    priorScale: ifGiven(options.priorScale, (text) => finiteNumber("--prior-scale", text, 0)),
  });
}

/** `--activation`. @throws UsageError for a name that is not known */
export async function activationOf({ activation }: Pick<OtherOptions, "activation">) {
  if (activation === undefined) return undefined;
  const { activationNames } = await import("../networks/index.js");
  return oneOf("--activation", activation, activationNames);
}

/** "wrapped", "256,128" or both, "wrapped,256,128". @throws UsageError for other words, and two of them */
function layersOf<T extends string>(
  option: string,
  text: string | undefined,
  kinds: readonly T[],
): { kind?: T; units?: number[] } {
  if (text === undefined) return {};
  const parts = text.split(",").map((part) => part.trim());
  const words = parts.filter((part) => !/^[\d.+-]/.test(part));
  const numbers = parts.filter((part) => /^[\d.+-]/.test(part));
  if (words.length > 1)
    throw new UsageError(
      `${option}: "${text}" names ${words.length} kinds of layers; name one of ${kinds.join(", ")}.`,
    );
  return {
    ...(words.length === 1 && { kind: oneOf(option, words[0], kinds) }),
    ...(numbers.length > 0 && { units: wholeNumbers(option, numbers.join(","), 1) }),
  };
}

function varianceOf(text: string): number {
  if (!(Number(text) > 0 && Number.isFinite(Number(text))))
    throw new UsageError(`--variance: "${text}" is neither learned nor a number above 0.`);
  return Number(text);
}

function imageSizes(text: string): [number, number, number] {
  const sizes = wholeNumbers("--image", text, 1);
  if (sizes.length !== 3)
    throw new UsageError(`--image: "${text}" is not three numbers; give channels, rows and columns, such as 3,32,32.`);
  return sizes as [number, number, number];
}

const ifGiven = <T>(text: string | undefined, read: (text: string) => T): T | undefined =>
  text === undefined ? undefined : read(text);

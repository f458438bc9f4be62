/** The options of `atlas train` as text, and what they come to: the data chosen, a model's shape, settings of training. */
import type { VaeOptions } from "../autoencoders/index.js";
import type { Dataset } from "../data/index.js";
import { UsageError } from "../errors.js";
import { type DataChoice, storedChoice } from "./data-choice.js";
import { columnOf, finiteNumber, namedNumbers, numberFromZero, oneOf, wholeNumber, wholeNumbers } from "./options.js";

export interface TrainOptions {
  data?: string;
  model?: string;
  network?: string;
  image?: string;
  channels?: string;
  option?: string[];
  variance?: string;
  bounded?: boolean;
  curvature?: string;
  posterior?: string;
  prior?: string;
  priorScale?: string;
  labelColumn?: string;
  alphabet?: string;
  identity?: string;
  testFraction?: string;
  latent?: string;
  likelihood?: string;
  classes?: string;
  schema?: string;
  encoder?: string;
  decoder?: string;
  activation?: string;
  epochs?: string;
  batch?: string;
  optimizer?: string;
  learningRate?: string;
  weightDecay?: string;
  schedule?: string;
  warmUp?: string;
  klWarmUp?: string;
  clip?: string;
  patience?: string;
  seed?: string;
  threads?: string;
  uncertainty: boolean;
  out: string;
  resume?: boolean;
  overwrite?: boolean;
  json?: boolean;
}

/** The data as given, or as the run that is resumed has them. @throws UsageError where neither says. */
export function dataChoice(options: TrainOptions, seedGiven: boolean): DataChoice {
  const stored = options.resume ? storedChoice(options.out) : undefined;
  const data = options.data ?? stored?.data;
  if (data === undefined)
    throw new UsageError(
      options.resume
        ? `--resume: ${options.out} does not say which data it was trained on; name them with --data (and --seed, --label-column as at first).`
        : "--data: name the data set: mnist, strokes, cifar10, or the path of a .npy, .csv or .fasta file.",
    );
  const fraction = options.testFraction;
  return {
    ...stored,
    data,
    labelColumn: columnOf(options.labelColumn) ?? stored?.labelColumn,
    ...(options.schema !== undefined && { schema: options.schema }),
    ...(options.alphabet !== undefined && {
      alphabet: oneOf("--alphabet", options.alphabet, ["rna", "dna", "protein"] as const),
    }),
    ...(options.identity !== undefined && { identity: finiteNumber("--identity", options.identity, 0) }),
    testFraction: fraction === undefined ? stored?.testFraction : finiteNumber("--test-fraction", fraction, 0),
    seed: stored === undefined || seedGiven ? wholeNumber("--seed", options.seed ?? "0") : stored.seed,
    uncertainty: stored?.uncertainty ?? options.uncertainty,
  };
}

/** The likelihood of the data's kind: for aligned sequences categorical, of as many classes as there are letters. */
export function withLetters(options: TrainOptions, { name, alignment }: Dataset): TrainOptions {
  if (options.resume) return options;
  if (options.schema !== undefined && options.likelihood !== undefined)
    throw new UsageError("give either --likelihood or --schema, not both.");
  const likelihood = options.likelihood ?? (alignment && options.schema === undefined ? "categorical" : "gaussian");
  if (alignment === undefined || likelihood !== "categorical") return { ...options, likelihood };
  const letters = alignment.letters.length;
  if (options.classes !== undefined && Number(options.classes) !== letters)
    throw new UsageError(
      `--classes: ${name} has ${letters} letters (${alignment.letters}), so --classes ${options.classes} does not fit; leave it out.`,
    );
  return { ...options, likelihood, classes: String(letters) };
}

/** A VAE's options. */
export function modelOptions(options: TrainOptions): VaeOptions & { epochs: number } {
  const units = (name: string, text: string | undefined) => (text === undefined ? undefined : wholeNumbers(name, text));
  return {
    ...commonOptions(options),
    encoderHidden: units("--encoder", options.encoder),
    decoderHidden: units("--decoder", options.decoder),
  };
}

/** What the likelihood is told besides its name. @throws UsageError where it needs its number of classes. */
function likelihoodOptions({ likelihood, classes, option, model = "vae", resume }: TrainOptions) {
  if (classes === undefined && !resume && (likelihood === "categorical" || likelihood === "dirichlet"))
    throw new UsageError(`--likelihood ${likelihood}: say how many classes there are, with --classes K.`);
  const own = model === "vae" ? namedNumbers(option) : undefined;
  if (classes === undefined && own === undefined) return undefined;
  if (!resume && (likelihood === "gaussian" || likelihood === "bernoulli"))
    throw new UsageError(
      `${classes === undefined ? "--option" : "--classes"}: the likelihood ${likelihood} takes none; leave it out, or name another likelihood.`,
    );
  return { ...own, ...(classes !== undefined && { classes: wholeNumber("--classes", classes, 2) }) };
}

/** What all models are told, but for the sizes of layers. */
export function commonOptions(options: TrainOptions): VaeOptions & { epochs: number } {
  const number = (name: string, text: string | undefined, above?: number) =>
    text === undefined ? undefined : above === undefined ? numberFromZero(name, text) : finiteNumber(name, text, above);
  return {
    latentDimension: wholeNumber("--latent", options.latent ?? "2", 1, 4096),
    likelihood: (options.likelihood ?? "gaussian") as VaeOptions["likelihood"],
    likelihoodOptions: likelihoodOptions(options),
    activation: options.activation as VaeOptions["activation"],
    epochs: wholeNumber("--epochs", options.epochs ?? "20", 1, 1_000_000),
    batchSize: options.batch === undefined ? undefined : wholeNumber("--batch", options.batch, 1),
    optimizer:
      options.optimizer === undefined ? undefined : oneOf("--optimizer", options.optimizer, ["adam", "adamw"] as const),
    learningRate: number("--learning-rate", options.learningRate, 0),
    weightDecay: number("--weight-decay", options.weightDecay),
    schedule:
      options.schedule === undefined
        ? undefined
        : oneOf("--schedule", options.schedule, ["constant", "cosine", "exponential"] as const),
    warmUp: number("--warm-up", options.warmUp),
    klWarmUp: number("--kl-warm-up", options.klWarmUp),
    clipNorm: number("--clip", options.clip, 0),
    patience: options.patience === undefined ? undefined : wholeNumber("--patience", options.patience, 1),
    seed: wholeNumber("--seed", options.seed ?? "0"),
  };
}

/** What was given. */
export function defined<T extends object>(given: T): Partial<T> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/**
 * A decoder from an ONNX file: which output is what, the likelihood's parameters, and the decoder that metrics take.
 *
 * Outputs are known by their names (capitals, "_", "-", "." and spaces do not count) or by option:
 *
 *   mean        mean, mu, loc                         E[x | z]; for a categorical likelihood the probabilities
 *   std         std, sigma, stddev, scale             standard deviation, positive
 *   logvar      logvar, logvariance, logsigma2        its log, doubled
 *   logstd      logstd, logsigma                      its log
 *   logits      logits, logit                         of a Bernoulli or categorical likelihood
 *   parameters  parameters, params                    all outputs of the network, for any other likelihood
 *
 * A single output of another name is the mean, or, for a likelihood whose parameters are more than its mean (all but
 * normal, Bernoulli, categorical, Poisson and exponential), the parameters; of Poisson and exponential likelihoods too, whose
 * parameters are then the network's outputs before the link.
 */
import type { Family, Parameters } from "../distributions/families/index.js";
import {
  broadcastTo,
  clip,
  exp,
  type ImportedModel,
  importOnnx,
  log,
  log1p,
  maximum,
  mul,
  ndarray,
  neg,
  type Operand,
  reshape,
  sub,
  type Tensor,
} from "../engine/index.js";
import { UsageError } from "../errors.js";
import type { Decoder } from "../metrics/metric.js";

/** What an output of the file stands for. */
export type OutputRole = "mean" | "std" | "logvar" | "logstd" | "logits" | "parameters";

export interface ImportDecoderOptions {
  /** What messages call the file, such as its path; default "the decoder". */
  readonly name?: string;
  /** The likelihood p(x | z), for the metrics that need one; required where the file gives logits or parameters. */
  readonly likelihood?: Family;
  /** The file's name for each role, where it is not recognised: `{ mean: "output_0" }`. */
  readonly outputs?: Readonly<Partial<Record<OutputRole, string>>>;
}

export interface ImportedDecoder {
  readonly name: string;
  /** d */
  readonly dimension: number;
  /** D, the numbers in one decoded row. */
  readonly dataDimension: number;
  /** The shape of one decoded row in the file, such as [1, 28, 28]; D is its product, unless it holds parameters. */
  readonly outputShape: readonly number[];
  /** Rows and columns, where a decoded row is a grey picture. */
  readonly imageShape?: readonly [number, number];
  /** Which output was taken for what. */
  readonly roles: Readonly<Partial<Record<OutputRole, string>>>;
  /** Outputs that were left out. */
  readonly ignored: readonly string[];
  readonly likelihood?: Family;
  /** The decoder: `[N, d] -> [N, D]` or `{ mean, std }` where the file gives a standard deviation. Traceable. */
  readonly decoder: Decoder;
  /** The mean alone, `[N, d] -> [N, D]`. Traceable. */
  mean(z: Tensor): Tensor;
  /** The parameters of the likelihood, where one was given. Traceable. */
  readonly parameters?: (z: Tensor) => Parameters;
  /** The file as it is. */
  readonly model: ImportedModel;
}

const roleNames: Readonly<Record<OutputRole, readonly string[]>> = {
  mean: ["mean", "mu", "loc"],
  std: ["std", "sigma", "stddev", "standarddeviation", "scale"],
  logvar: ["logvar", "logvariance", "logsigma2"],
  logstd: ["logstd", "logsigma", "logscale", "logdeviation"],
  logits: ["logits", "logit"],
  parameters: ["parameters", "params"],
};

const deviations = ["std", "logvar", "logstd"] as const;

/** Probabilities closer than this to 0 or 1 count as being this far: float32 has no smaller distance from 1. */
const LEAST_PROBABILITY = 1e-7;

/** Means of counts and waiting times below this count as this. */
const LEAST_MEAN = 1e-30;

/**
 * Imports a decoder.
 * @param bytes of an ONNX file with one float32 or float64 input `[N, d]`, N free or fixed
 * @throws UsageError, in one sentence, for what `importOnnx` refuses, an input of another rank, outputs that are not
 *   recognised or do not fit each other or the likelihood, that do not depend on z, standard deviations that are not
 *   positive, and means that the likelihood cannot have (logits where probabilities are wanted)
 * @example
 *   const imported = await importDecoder(readFileSync("decoder.onnx"), { likelihood: bernoulli() });
 *   const metric = pullback(imported.decoder, imported.dimension);
 */
export async function importDecoder(bytes: Uint8Array, options: ImportDecoderOptions = {}): Promise<ImportedDecoder> {
  const { name = "the decoder", likelihood } = options;
  let roles: Partial<Record<OutputRole, string>> = {};
  let ignored: string[] = [];
  const model = await importOnnx(bytes, name, {
    outputs: (names) => {
      roles = rolesOf(name, names, options);
      const wanted = Object.values(roles);
      ignored = names.filter((output) => !wanted.includes(output));
      return wanted;
    },
  });
  const [input] = model.inputs;
  if (input.shape.length !== 2)
    throw new UsageError(
      `${name}: input "${input.name}" has shape [${["N", ...input.shape.slice(1)].join(", ")}]; give a decoder of latent points [N, d].`,
    );
  const shapes = new Map(model.outputs.map((port) => [port.name, port.shape.slice(1) as number[]]));
  const main = roles.mean ?? roles.logits ?? roles.parameters!;
  const outputShape = shapes.get(main)!;
  const width = sizeOf(outputShape);
  checkDeviation(name, model, roles, width);
  checkVaries(name, model, main);

  const values = (z: Operand): Partial<Record<OutputRole, Tensor>> => {
    const outputs = model.apply(z);
    return Object.fromEntries(
      Object.entries(roles).map(([role, output]) => [role, flat(outputs[output], width)]),
    ) as Partial<Record<OutputRole, Tensor>>;
  };
  const parameters = likelihood && ((z: Tensor) => parametersOf(likelihood, values(z)));
  const dataDimension = likelihood ? columnsOf(name, likelihood, roles, width) : width;
  if (likelihood && roles.mean !== undefined) checkMean(name, model, roles.mean, likelihood);
  const mean = (z: Tensor): Tensor => (likelihood && !roles.mean ? likelihood.mean(parameters!(z)) : values(z).mean!);
  const decoder: Decoder = (z) => {
    const all = values(z);
    const std = deviationOf(all);
    return all.mean !== undefined && std !== undefined ? { mean: all.mean, std } : mean(z);
  };
  const imageShape = likelihood?.name === "categorical" ? undefined : pictureOf(outputShape, dataDimension);
  return {
    name,
    dimension: input.shape[1] as number,
    dataDimension,
    outputShape,
    ...(imageShape && { imageShape }),
    roles,
    ignored,
    ...(likelihood && { likelihood }),
    decoder,
    mean,
    ...(parameters && { parameters }),
    model,
  };
}

/** Which output plays which role. @throws UsageError if that is not clear. */
function rolesOf(
  name: string,
  names: readonly string[],
  { outputs = {}, likelihood }: ImportDecoderOptions,
): Partial<Record<OutputRole, string>> {
  const list = names.map((output) => `"${output}"`).join(", ");
  const roles: Partial<Record<OutputRole, string>> = {};
  for (const [role, output] of Object.entries(outputs) as [OutputRole, string | undefined][]) {
    if (output === undefined) continue;
    if (roleNames[role] === undefined)
      throw new UsageError(`outputs: "${role}" is no role; use ${Object.keys(roleNames).join(", ")}.`);
    if (!names.includes(output))
      throw new UsageError(`${name} has no output "${output}" to be the ${role}; its outputs are ${list}.`);
    roles[role] = output;
  }
  if (Object.keys(roles).length === 0) {
    for (const output of names) {
      const role = roleNamed(output);
      if (role !== undefined && roles[role] === undefined) roles[role] = output;
    }
    const free =
      likelihood !== undefined && (positive.includes(likelihood.name) || !fromMean.includes(likelihood.name));
    if (names.length === 1 && Object.keys(roles).length === 0) roles[free ? "parameters" : "mean"] = names[0];
    // Logits say more than the mean made of them.
    if (roles.logits !== undefined && roles.mean !== undefined && likelihood !== undefined) delete roles.mean;
    if (roles.mean !== undefined) delete roles.logits;
  }
  const mains = (["mean", "logits", "parameters"] as const).filter((role) => roles[role] !== undefined);
  if (mains.length === 0)
    throw new UsageError(
      `${name} has the outputs ${list}, none of which is known to be the mean; name them mean and std (or logvar), or say which is which by the option outputs.`,
    );
  if (mains.length > 1)
    throw new UsageError(`${name}: give either the mean, the logits or the parameters by the option outputs, not two.`);
  if (mains[0] !== "mean" && likelihood === undefined)
    throw new UsageError(
      `${name}: output "${roles[mains[0]]}" holds ${mains[0]}, which need a likelihood to mean something; give one, such as bernoulli or categorical with its number of classes.`,
    );
  const [std, ...others] = deviations.filter((role) => roles[role] !== undefined);
  for (const other of others) delete roles[other]; // they say the same
  if (std !== undefined && mains[0] !== "mean")
    throw new UsageError(`${name}: a standard deviation ("${roles[std]}") goes with a mean, not with ${mains[0]}.`);
  return roles;
}

function roleNamed(output: string): OutputRole | undefined {
  const plain = output.toLowerCase().replace(/[\s_.-]/g, "");
  return (Object.keys(roleNames) as OutputRole[]).find((role) => roleNames[role].includes(plain));
}

/** @throws UsageError if the standard deviation does not fit the mean, or is not positive where the import looked. */
function checkDeviation(
  name: string,
  model: ImportedModel,
  roles: Partial<Record<OutputRole, string>>,
  width: number,
): void {
  const role = deviations.find((r) => roles[r] !== undefined);
  if (role === undefined) return;
  const output = roles[role]!;
  const { data, shape } = model.check.values[output];
  const size = sizeOf(shape.slice(1));
  if (size !== width && size !== 1)
    throw new UsageError(
      `${name}: output "${output}" has ${size} numbers a row, output "${roles.mean}" ${width}; give as many, or one.`,
    );
  const bad = role === "std" ? data.findIndex((value: number) => !(value > 0)) : -1;
  if (bad >= 0)
    throw new UsageError(
      `${name}: output "${output}" is ${data[bad]} at a standard normal point, where a standard deviation must be positive; if it is a logarithm, name it logvar or logstd.`,
    );
}

/** @throws UsageError if the output is the same at all points where the import looked: then there is no geometry. */
function checkVaries(name: string, model: ImportedModel, output: string): void {
  const { data, shape } = model.check.values[output];
  const width = sizeOf(shape.slice(1));
  if (shape[0] > 1 && data.every((value: number, i: number) => value === data[i % width]))
    throw new UsageError(
      `${name}: output "${output}" is the same at ${shape[0]} standard normal points, so it does not depend on z and has no geometry; name another output.`,
    );
}

/** @throws UsageError if the mean has values that the likelihood's cannot have where the import looked. */
function checkMean(name: string, model: ImportedModel, output: string, likelihood: Family): void {
  const { data, shape } = model.check.values[output];
  if (positive.includes(likelihood.name)) {
    const bad = data.find((value: number) => !(value > 0));
    if (bad !== undefined)
      throw new UsageError(
        `${name}: output "${output}" is ${bad} at a standard normal point, where the mean of a ${likelihood.name} likelihood is positive; if it is the network's output before the link, call it parameters (--parameters ${output}).`,
      );
  }
  if (likelihood.name !== "bernoulli" && likelihood.name !== "categorical") return;
  try {
    // Means of these are data: numbers from 0 to 1, which sum to one for each site.
    likelihood.checkData(ndarray(Float64Array.from(data), [shape[0], data.length / shape[0]]), {
      name: `output "${output}" at standard normal points`,
    });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(
      `${name} does not give means of a ${likelihood.name} likelihood (${error.message.replace(/[.]$/, "")}); if the output holds logits, say so (--logits ${output}).`,
    );
  }
}

/** The number of data columns. @throws UsageError if the outputs do not fit the likelihood. */
function columnsOf(
  name: string,
  likelihood: Family,
  roles: Partial<Record<OutputRole, string>>,
  width: number,
): number {
  try {
    if (roles.mean === undefined) return likelihood.dataDimension(width);
    likelihood.parameterCount(width); // do the columns form whole sites?
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${name} does not fit its likelihood: ${error.message}`);
  }
  if (!fromMean.includes(likelihood.name))
    throw new UsageError(
      `${name} gives the mean, from which the parameters of a ${likelihood.name} likelihood do not follow; export the network's own outputs and call them "parameters".`,
    );
  if (likelihood.name === "normal" && !fixedDeviation(likelihood) && deviations.every((r) => roles[r] === undefined))
    throw new UsageError(
      `${name} gives no standard deviation; give a normal likelihood with a fixed one, or a file with an output std or logvar.`,
    );
  return width;
}

/** Likelihoods of positive numbers with one parameter, which follows from the mean. */
const positive: readonly string[] = ["poisson", "exponential"];

/** Likelihoods whose parameters follow from the mean (and the standard deviation). */
const fromMean: readonly string[] = ["normal", "bernoulli", "categorical", ...positive];

const fixedDeviation = (likelihood: Family): boolean => likelihood.parameterCount(1) === 1;

function parametersOf(
  likelihood: Family,
  { mean, logits, parameters, ...rest }: Partial<Record<OutputRole, Tensor>>,
): Parameters {
  const outputs = logits ?? parameters;
  if (outputs !== undefined) return likelihood.fromNetwork(outputs);
  if (likelihood.name === "bernoulli") {
    const p = clip(mean!, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY);
    return likelihood.fromNetwork(sub(log(p), log1p(neg(p))));
  }
  if (likelihood.name === "categorical") return likelihood.fromNetwork(log(maximum(mean!, LEAST_PROBABILITY)));
  if (likelihood.name === "poisson") return { logRate: log(maximum(mean!, LEAST_MEAN)) };
  if (likelihood.name === "exponential") return { logRate: neg(log(maximum(mean!, LEAST_MEAN))) };
  if (fixedDeviation(likelihood)) return likelihood.fromNetwork(mean!);
  return { mean: mean!, logDeviation: logDeviationOf(rest)! };
}

type Deviations = { readonly std?: Tensor; readonly logvar?: Tensor; readonly logstd?: Tensor };

function logDeviationOf({ std, logvar, logstd }: Deviations): Tensor | undefined {
  if (std !== undefined) return log(std);
  return logvar === undefined ? logstd : mul(0.5, logvar);
}

function deviationOf({ std, logvar, logstd }: Deviations): Tensor | undefined {
  if (std !== undefined) return std;
  if (logvar !== undefined) return exp(mul(0.5, logvar));
  return logstd === undefined ? undefined : exp(logstd);
}

/** An output as [N, D]; one number a row (one standard deviation for all columns) is repeated. */
function flat(x: Tensor, width: number): Tensor {
  const [rows, ...rest] = x.shape;
  const table = reshape(x, [rows, sizeOf(rest)]);
  return table.shape[1] === 1 && width > 1 ? broadcastTo(table, [rows, width]) : table;
}

/** Rows and columns, if the shape has two axes that count: [28, 28], [1, 28, 28], [28, 28, 1]. */
function pictureOf(shape: readonly number[], dataDimension: number): readonly [number, number] | undefined {
  const axes = shape.filter((n) => n > 1);
  return axes.length === 2 && axes[0] * axes[1] === dataDimension ? [axes[0], axes[1]] : undefined;
}

const sizeOf = (shape: readonly (number | null)[]): number => shape.reduce<number>((p, n) => p * (n ?? 1), 1);

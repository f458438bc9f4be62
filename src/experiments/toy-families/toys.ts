/**
 * The toy of "Pulling back information geometry" (Arvanitidis et al., AISTATS 2022, section on toy latent spaces): codes
 * on a noisy circle in a latent plane, decoded by a random network into one family of distributions after another.
 *
 * The authors' code takes 100 codes on a circle of radius 3 and one linear layer into 10 Poisson rates; here 500 codes,
 * a hidden layer, and outputs that are sure of themselves at the codes, as those of trained decoders are: where a law is
 * nearly uniform anyway, uniform laws in the hole of the circle are near, and crossing it costs nothing.
 */
import { type Family, familyNamed } from "../../distributions/families/index.js";
import { add, array, type NdArray, ndarray, type Tensor } from "../../engine/index.js";
import type { DistributionDecoder } from "../../metrics/index.js";
import { initializeMlp, mlp } from "../../networks/index.js";
import { normalArray, type RandomKey, randomKey, split, stream } from "../../numerics/random.js";

/** One family and the data that it is a law of. */
export interface Toy {
  /** Name in files and of cells. */
  readonly name: string;
  /** Name in tables and pictures. */
  readonly title: string;
  /** D, data columns. */
  readonly columns: number;
  readonly family: Family;
  /**
   * How sure the decoder is at the codes: "signs" adds +4 or -4 by chance to each output (logits, kappa mu), "high" adds
   * 4 (concentrations), "own" nothing, where the uncertain law is wide by its scale.
   */
  readonly certainty: "signs" | "high" | "own";
  /** Whether the paper's figure shows it. */
  readonly published: boolean;
}

function toy(
  name: string,
  title: string,
  columns: number,
  certainty: Toy["certainty"],
  options: object = {},
  published = false,
): Toy {
  return { name, title, columns, certainty, family: familyNamed(name, options), published };
}

/** The five families of the paper's figure, then the others that the library has. */
export const toys: readonly Toy[] = [
  toy("normal", "Normal", 10, "own", {}, true),
  toy("bernoulli", "Bernoulli", 10, "signs", {}, true),
  toy("beta", "Beta", 10, "high", {}, true),
  toy("dirichlet", "Dirichlet", 10, "high", { classes: 10 }, true),
  toy("exponential", "Exponential", 10, "own", {}, true),
  toy("categorical", "Categorical", 40, "signs", { classes: 4 }),
  toy("gamma", "Gamma", 10, "own"),
  toy("poisson", "Poisson", 10, "own"),
  toy("von-mises", "Von Mises", 10, "signs"),
  toy("von-mises-fisher", "Von Mises-Fisher", 30, "signs", { dimension: 3 }),
  toy("discretised-logistic", "Discretised logistic", 10, "own", { bins: 64 }),
  toy("full-normal", "Normal, full covariance", 4, "own"),
];

/** Radius of the circle. */
export const RADIUS = 3;
/** Standard deviation of the codes' distance from its centre. */
const NOISE = 0.1;
const CODES = 500;
/** Units of the decoder's hidden layer. */
const HIDDEN = 32;
const CERTAINTY = 4;

/** Codes on a noisy circle, [500, 2]. */
export function circleOfCodes(key: RandomKey): NdArray {
  const random = stream(split(key, "angles"));
  const noise = normalArray(split(key, "radii"), CODES);
  const data = new Float64Array(2 * CODES);
  for (let i = 0; i < CODES; i++) {
    const angle = 2 * Math.PI * random.uniform();
    const radius = RADIUS + NOISE * noise[i];
    data[2 * i] = radius * Math.cos(angle);
    data[2 * i + 1] = radius * Math.sin(angle);
  }
  return ndarray(data, [CODES, 2]);
}

/** A random network 2-32-P into the family's parameters. */
export function randomDecoder({ family, columns, certainty }: Toy, seed: number): DistributionDecoder {
  const key = split(randomKey(seed), "decoder");
  const outputs = family.parameterCount(columns);
  const layers = initializeMlp(key, [2, HIDDEN, outputs]);
  const random = stream(split(key, "certainty"));
  const offset = array(
    Array.from({ length: outputs }, () => {
      if (certainty === "own") return 0;
      return certainty === "high" || random.uniform() < 0.5 ? CERTAINTY : -CERTAINTY;
    }),
  );
  return (z: Tensor) => family.fromNetwork(add(mlp(layers, z), offset));
}

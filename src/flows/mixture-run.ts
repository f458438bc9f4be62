/** Mixtures of von Mises-Fisher as checkpoint folders: `config.json` and `mixture.safetensors`. */
import { z } from "zod";
import type { VonMisesFisherMixture } from "../distributions/von-mises-fisher-mixture.js";
import { type NdArray, ndarray, zerosArray } from "../engine/index.js";
import { UsageError } from "../errors.js";
import { encodeSafetensors, issueOf, readCheckpoint, storedTree, writeCheckpoint } from "../training/index.js";

const configSchema = z.object({
  model: z.literal("von-mises-fisher-mixture"),
  dimension: z.int().min(1),
  components: z.int().min(1),
  goal: z.object({ name: z.string(), points: z.int().min(1) }),
});

export type MixtureConfig = Readonly<z.infer<typeof configSchema>>;

const FILE = "mixture.safetensors";

/** Writes a mixture. */
export function saveMixture(
  folder: string,
  mixture: VonMisesFisherMixture,
  config: Omit<MixtureConfig, "model">,
): void {
  const whole = { ...config, model: "von-mises-fisher-mixture" };
  writeCheckpoint(folder, whole as any, {
    [FILE]: encodeSafetensors(
      { weights: ndarray(mixture.weights), means: mixture.means, concentrations: ndarray(mixture.concentrations) },
      { format: "latent-atlas von Mises-Fisher mixture" },
    ),
    "README.md": `# Mixture of ${config.components} von Mises-Fisher distributions of ${config.goal.name}

- Sphere of dimension ${config.dimension}; fitted by expectation maximisation to ${config.goal.points} points.
- Densities are with respect to the area of the unit sphere (S^2: per steradian).
`,
  });
}

/** Loads a mixture. @throws UsageError with a sentence that names the file that is missing, damaged or does not fit */
export function loadMixture(folder: string): { mixture: VonMisesFisherMixture; config: MixtureConfig } {
  const { config: raw, files } = readCheckpoint(folder, [FILE]);
  const parsed = configSchema.safeParse(raw);
  if (!parsed.success)
    throw new UsageError(
      `${folder}/config.json is not the config of a mixture (${issueOf(parsed.error)}); give a folder that atlas flow train has written.`,
    );
  const { components: K, dimension } = parsed.data;
  const template = {
    weights: zerosArray([K]),
    means: zerosArray([K, dimension + 1]),
    concentrations: zerosArray([K]),
  };
  const { weights, means, concentrations } = storedTree(folder, FILE, files, template);
  const numbers = (array: NdArray) => Float64Array.from(array.data as ArrayLike<number>);
  return {
    mixture: { weights: numbers(weights), means, concentrations: numbers(concentrations) },
    config: parsed.data,
  };
}

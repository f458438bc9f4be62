/** The models of the family by name. A new one: its own file, and a line here. */
import { UsageError } from "../../errors.js";
import { adversarialAutoencoder } from "./aae.js";
import { autoencoder } from "./ae.js";
import { betaVariationalAutoencoder } from "./beta-vae.js";
import { hamiltonianAutoencoder } from "./hvae.js";
import { importanceWeightedAutoencoder } from "./iwae.js";
import type { AutoencoderModel } from "./model.js";
import { regularizedAutoencoder } from "./rae.js";
import { gradientPenaltyAutoencoder } from "./rae-gp.js";
import { weightPenaltyAutoencoder } from "./rae-l2.js";
import { spectralAutoencoder } from "./rae-sn.js";
import { riemannianHamiltonianAutoencoder } from "./rhvae.js";
import { variationalAutoencoder } from "./vae.js";
import { vaeGan } from "./vaegan.js";
import { vampAutoencoder } from "./vamp.js";
import { wassersteinAutoencoder } from "./wae-mmd.js";

const models: readonly AutoencoderModel[] = [
  autoencoder,
  variationalAutoencoder,
  betaVariationalAutoencoder,
  wassersteinAutoencoder,
  vampAutoencoder,
  hamiltonianAutoencoder,
  riemannianHamiltonianAutoencoder,
  regularizedAutoencoder,
  gradientPenaltyAutoencoder,
  weightPenaltyAutoencoder,
  spectralAutoencoder,
  importanceWeightedAutoencoder,
  adversarialAutoencoder,
  vaeGan,
];

/** "ae", "vae", "beta-vae", "wae-mmd", "vamp", "hvae", "rhvae", "rae", "rae-gp", "rae-l2", "rae-sn", "iwae", "aae", "vaegan" */
export const familyNames: readonly string[] = models.map((model) => model.name);

/** @throws UsageError for other names. */
export function familyModel(name: string): AutoencoderModel {
  const found = models.find((model) => model.name === name);
  if (found === undefined) throw new UsageError(`model: "${name}" is not known; use one of ${familyNames.join(", ")}.`);
  return found;
}

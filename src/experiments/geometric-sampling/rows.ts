/** The rows of the published table that the family covers: FID, PRD F_8 and F_1/8 (Chadebec and Allassonniere, 2022). */

export interface PublishedRow {
  /** As printed; rows of ours that the table does not have say so by having no numbers. */
  readonly label: string;
  readonly model: string;
  /** As in `--sampler NAME`. */
  readonly sampler: string;
  readonly mnist?: readonly [fid: number, recall: number, precision: number];
  readonly cifar10?: readonly [fid: number, recall: number, precision: number];
}

export const rows: readonly PublishedRow[] = [
  { label: "AE, N(0, 1)", model: "ae", sampler: "prior", mnist: [46.41, 0.86, 0.77], cifar10: [196.5, 0.05, 0.17] },
  { label: "WAE", model: "wae-mmd", sampler: "prior", mnist: [20.71, 0.93, 0.88] },
  { label: "VAE, N(0, 1)", model: "vae", sampler: "prior", mnist: [40.7, 0.83, 0.75], cifar10: [162.58, 0.1, 0.32] },
  { label: "VAMP", model: "vamp", sampler: "vamp", mnist: [34.02, 0.83, 0.88] },
  { label: "HVAE", model: "hvae", sampler: "prior", mnist: [15.54, 0.97, 0.95] },
  { label: "RHVAE", model: "rhvae", sampler: "rhvae", mnist: [36.51, 0.73, 0.28] },
  {
    label: "AE, mixture",
    model: "ae",
    sampler: "gaussian-mixture",
    mnist: [9.6, 0.95, 0.9],
    cifar10: [130.28, 0.35, 0.58],
  },
  { label: "RAE-GP", model: "rae-gp", sampler: "gaussian-mixture", mnist: [9.44, 0.97, 0.98] },
  { label: "RAE-L2", model: "rae-l2", sampler: "gaussian-mixture", mnist: [9.89, 0.97, 0.98] },
  { label: "RAE-SN", model: "rae-sn", sampler: "gaussian-mixture", mnist: [11.22, 0.97, 0.98] },
  { label: "RAE", model: "rae", sampler: "gaussian-mixture", mnist: [11.23, 0.98, 0.98] },
  {
    label: "VAE, mixture",
    model: "vae",
    sampler: "gaussian-mixture",
    mnist: [13.13, 0.95, 0.92],
    cifar10: [138.25, 0.29, 0.53],
  },
  {
    label: "VAE, theirs (short chains)",
    model: "vae",
    sampler: "published",
    mnist: [8.53, 0.98, 0.97],
    cifar10: [93.53, 0.71, 0.68],
  },
  { label: "VAE, uniform law (long chains)", model: "vae", sampler: "riemannian" },
  { label: "VAE, aggregated posterior", model: "vae", sampler: "aggregated-posterior" },
  { label: "RHVAE, N(0, 1)", model: "rhvae", sampler: "prior" },
];

/** Models of a data set's rows, in order. The rows without a published number come along with their model. */
export function modelsOf(data: "mnist" | "cifar10"): string[] {
  return [...new Set(rows.filter((row) => row[data] !== undefined).map(({ model }) => model))];
}

/** The rows of a data set: those of the published table first. */
export function rowsOf(data: "mnist" | "cifar10"): PublishedRow[] {
  const models = modelsOf(data);
  const beside = rows.filter((row) => row.mnist === undefined && models.includes(row.model));
  return [...rows.filter((row) => row[data] !== undefined), ...beside];
}

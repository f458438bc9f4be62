/** The RNA family of the experiment: RF00379 of Rfam (ydaO-yuaA riboswitch), 3,827 aligned sequences of 136 columns. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, type Dataset, readFastaDataset } from "../../data/index.js";
import { UsageError } from "../../errors.js";

/** @throws UsageError that says where the file is looked for */
export function loadRnaFamily(): Dataset {
  const places = [process.env.ATLAS_DATA, cacheFolder()].flatMap((folder) =>
    folder === undefined ? [] : [join(folder, "rna", "RF00379.fasta")],
  );
  const path = places.find((place) => existsSync(place));
  if (path === undefined)
    throw new UsageError(
      `the experiment "sequences" needs the aligned sequences of the Rfam family RF00379 (FASTA); put them at ${places.join(" or ")}.`,
    );
  return readFastaDataset(path, { alphabet: "rna" });
}

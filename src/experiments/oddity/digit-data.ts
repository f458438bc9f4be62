/** Handwritten digits for the experiments: MNIST where it is found, the generated `strokes` elsewhere, and which. */
import { type Dataset, findMnist, loadDataset, splitDataset, takeDataset } from "../../data/index.js";
import { permutation, randomKey, split } from "../../numerics/random.js";

export interface DigitChoice {
  /** The classes that are kept; default all ten. */
  readonly digits?: readonly number[];
  /** Rows to train on and to test on, at most, drawn by the seed; default all. */
  readonly train?: number;
  readonly test?: number;
  readonly seed: number;
}

export interface Digits {
  readonly train: Dataset;
  readonly test: Dataset;
  /** "mnist" or "strokes". */
  readonly source: string;
}

/** Generated digits made where MNIST is absent. */
const GENERATED = 20_000;

/** "mnist" where it is found, "strokes" otherwise; results of the two are not to be mixed. */
export function digitSource(): "mnist" | "strokes" {
  return findMnist() === undefined ? "strokes" : "mnist";
}

export async function loadDigits(choice: DigitChoice): Promise<Digits> {
  const { digits, train, test, seed } = choice;
  const source = digitSource();
  const parts = splitDataset(await loadDataset(source, source === "strokes" ? { count: GENERATED } : {}));
  return {
    train: drawn(kept(parts.train, digits), train, seed, "training rows"),
    test: drawn(kept(parts.test, digits), test, seed, "test rows"),
    source,
  };
}

/** One sentence for a report. */
export function sourceSentence(source: string): string {
  return source === "mnist"
    ? "Data: MNIST."
    : "Data: `strokes`, generated handwriting-like digits, because MNIST was not there (set ATLAS_DATA): the figures are not to be held against the paper's.";
}

function kept(data: Dataset, digits: readonly number[] | undefined): Dataset {
  if (digits === undefined) return data;
  const wanted = new Set(digits);
  return takeDataset(
    data,
    Array.from({ length: data.n }, (_, i) => i).filter((i) => wanted.has(data.labels![i])),
  );
}

function drawn(data: Dataset, count: number | undefined, seed: number, label: string): Dataset {
  if (count === undefined || count >= data.n) return data;
  return takeDataset(data, permutation(split(randomKey(seed), label), data.n).slice(0, count));
}

/**
 * Aligned sequences from FASTA as a data set: one-hot blocks, one site (column of the alignment) after another, as the
 * categorical likelihood takes them. The gap is a letter of its own, the last; an ambiguity code gives equal shares to
 * the letters that it may be.
 *
 * Axes: n sequences, S sites, K letters (gap included); rows are [n, S * K].
 */
import { basename } from "node:path";
import { gunzipSync } from "node:zlib";
import { UsageError } from "../errors.js";
import { readUserFile } from "../numerics/files.js";
import { type FastaRecord, parseFasta, shortName } from "./fasta.js";
import { type Alphabet, type AlphabetName, alphabetNames, alphabets, detectAlphabet } from "./fasta-alphabet.js";
import { identityWeights } from "./fasta-distances.js";
import type { Dataset } from "./types.js";

/** How an alignment is read. */
export interface FastaOptions {
  /** "rna", "dna" or "protein"; by default what the letters say. */
  readonly alphabet?: AlphabetName;
  /**
   * Weigh each sequence by one over the number of sequences (itself among them) that share at least this part of their
   * sites with it, so that families sequenced often do not count often; 0.8 is usual. Default: all count once.
   */
  readonly identity?: number;
  /** The part of the headers, split at "|", that holds the class of each sequence, from 0. Default: none. */
  readonly labelColumn?: string | number;
}

const endings = /\.(fasta|fa|fas|fna|faa|afa|aln\.fasta)(\.gz)?$/i;

/** Is this the name of a FASTA file? */
export const isFastaName = (path: string): boolean => endings.test(path);

/** Reads a FASTA file, gzipped or not. @throws UsageError with record and column for what does not fit. */
export function readFastaDataset(path: string, options: FastaOptions = {}): Dataset {
  let bytes = readUserFile(path);
  if (bytes[0] === 0x1f && bytes[1] === 0x8b)
    try {
      bytes = gunzipSync(bytes);
    } catch {
      throw new UsageError(`${path} is a damaged gzip file; get it again.`);
    }
  if (bytes.includes(0)) throw new UsageError(`${path} is not text (it has zero bytes); expected FASTA.`);
  return { ...fastaDataset(bytes.toString("utf8"), { ...options, name: path }), name: basename(path) };
}

/**
 * FASTA text as a data set.
 * @param options.name what messages call the text
 * @throws UsageError with record and column for letters that are not in the alphabet, and for sequences that are not
 *   aligned (of different lengths).
 */
export function fastaDataset(text: string, options: FastaOptions & { readonly name?: string } = {}): Dataset {
  const { name = "the alignment", labelColumn, identity } = options;
  const records = parseFasta(text, name);
  const alphabet = alphabetOf(records, options.alphabet, name);
  const sites = records[0].letters.length;
  const odd = records.findIndex(({ letters }) => letters.length !== sites);
  if (odd >= 0)
    throw new UsageError(
      `${name}: record ${odd + 1} (${called(records[odd])}) has ${records[odd].letters.length} columns but the first has ${sites}; align the sequences first (gaps as "-").`,
    );
  const K = alphabet.letters.length;
  const rows = new Float32Array(records.length * sites * K);
  let ambiguous = 0;
  for (const [n, record] of records.entries())
    for (let s = 0; s < sites; s++) {
      const classes = alphabet.meanings.get(record.letters[s]);
      if (classes === undefined) throw unknownLetter(name, records, n, s, alphabet);
      if (classes.length > 1) ambiguous++;
      for (const k of classes) rows[(n * sites + s) * K + k] = 1 / classes.length;
    }
  const dataset: Dataset = {
    name,
    rows,
    n: records.length,
    dimension: sites * K,
    rowNames: records.map((record) => record.name),
    alignment: { alphabet: alphabet.name, letters: alphabet.letters, sites, ambiguous },
    ...(labelColumn !== undefined && labelsOf(records, labelColumn, name)),
  };
  return identity === undefined ? dataset : { ...dataset, weights: identityWeights(dataset, identity) };
}

function alphabetOf(records: readonly FastaRecord[], given: string | undefined, name: string): Alphabet {
  if (given !== undefined && !Object.hasOwn(alphabets, given))
    throw new UsageError(`alphabet: "${given}" is not one of ${alphabetNames.join(", ")}.`);
  const found = given ?? detectAlphabet(records.map(({ letters }) => letters));
  if (found === "both")
    throw new UsageError(`${name} has both T and U among its letters; say which alphabet it is in, rna or dna.`);
  return alphabets[found as AlphabetName];
}

const called = ({ name, line }: FastaRecord): string => `"${shortName(name)}", line ${line}`;

function unknownLetter(
  name: string,
  records: readonly FastaRecord[],
  n: number,
  s: number,
  { name: alphabet, letters, codes }: Alphabet,
): UsageError {
  const { letters: sequence } = records[n];
  return new UsageError(
    `${name}: record ${n + 1} (${called(records[n])}), column ${s + 1}: '${String.fromCodePoint(sequence.codePointAt(s)!)}' is no letter of the ${alphabet} alphabet (${letters.slice(0, -1)}, gaps - and ., ambiguity codes ${codes}); correct it, or name another alphabet of ${alphabetNames.join(", ")}.`,
  );
}

function labelsOf(records: readonly FastaRecord[], column: string | number, name: string) {
  const index = Number(column);
  if (!Number.isInteger(index) || index < 0)
    throw new UsageError(
      `labelColumn: ${name} is FASTA, whose headers are split at "|" into parts 0, 1, ...; "${column}" is none.`,
    );
  const words = records.map((record, i) => {
    const word = record.name.split("|")[index]?.trim();
    if (!word)
      throw new UsageError(
        `labelColumn: ${name}: record ${i + 1} (${called(record)}) has no part ${index} when its header is split at "|".`,
      );
    return word;
  });
  const labelNames = [...new Set(words)].sort();
  const label = new Map(labelNames.map((word, i) => [word, i]));
  return { labels: Int32Array.from(words, (word) => label.get(word)!), labelNames };
}

/**
 * The alphabets of aligned sequences: their letters, what ambiguity codes stand for (IUPAC), and which one a file is in.
 * Small letters are read as capitals, T and U as one letter, `-` and `.` as the gap, which is a letter of its own.
 */

export type AlphabetName = "rna" | "dna" | "protein";

export const alphabetNames: readonly AlphabetName[] = ["rna", "dna", "protein"];

export interface Alphabet {
  readonly name: AlphabetName;
  /** Letters in the order of classes; the gap is the last. */
  readonly letters: string;
  /** Of each character that may occur: the classes that it may be. */
  readonly meanings: ReadonlyMap<string, readonly number[]>;
  /** Ambiguity codes, for messages. */
  readonly codes: string;
}

const nucleotideCodes: Readonly<Record<string, string>> = {
  R: "AG",
  Y: "CT",
  S: "CG",
  W: "AT",
  K: "GT",
  M: "AC",
  B: "CGT",
  D: "AGT",
  H: "ACT",
  V: "ACG",
  N: "ACGT",
  X: "ACGT",
};

const aminoAcids = "ACDEFGHIKLMNPQRSTVWY";
/** U (selenocysteine) and O (pyrrolysine) are no letters of the common twenty: any of them. */
const aminoCodes: Readonly<Record<string, string>> = {
  B: "DN",
  Z: "EQ",
  J: "IL",
  X: aminoAcids,
  U: aminoAcids,
  O: aminoAcids,
};

export const alphabets: Readonly<Record<AlphabetName, Alphabet>> = {
  rna: makeAlphabet("rna", "ACGU", nucleotideCodes, { T: "U" }),
  dna: makeAlphabet("dna", "ACGT", nucleotideCodes, { U: "T" }),
  protein: makeAlphabet("protein", aminoAcids, aminoCodes, {}),
};

function makeAlphabet(
  name: AlphabetName,
  own: string,
  codes: Readonly<Record<string, string>>,
  same: Readonly<Record<string, string>>,
): Alphabet {
  const letters = `${own}-`;
  const classOf = (letter: string) => letters.indexOf(same[letter] ?? letter);
  const meanings = new Map<string, readonly number[]>();
  for (const [k, letter] of [...own].entries()) meanings.set(letter, [k]);
  for (const letter of Object.keys(same)) meanings.set(letter, [classOf(letter)]);
  for (const gap of "-.") meanings.set(gap, [own.length]);
  for (const [code, members] of Object.entries(codes)) meanings.set(code, [...members].map(classOf));
  for (const [letter, classes] of [...meanings]) meanings.set(letter.toLowerCase(), classes);
  return { name, letters, meanings, codes: Object.keys(codes).join("") };
}

/**
 * The alphabet of a text of letters: nucleotides where at least 90 % of the letters are A, C, G, T, U or N (with U: RNA,
 * otherwise DNA), protein elsewhere. Gaps do not count. "both" where T and U occur among nucleotides.
 */
export function detectAlphabet(texts: Iterable<string>): AlphabetName | "both" {
  const counts = new Map<string, number>();
  for (const text of texts) for (const letter of text) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  const of = (letter: string) => (counts.get(letter) ?? 0) + (counts.get(letter.toLowerCase()) ?? 0);
  const total = [...counts].reduce((sum, [letter, count]) => sum + (/[A-Za-z]/.test(letter) ? count : 0), 0);
  const nucleotides = [..."ACGTUN"].reduce((sum, letter) => sum + of(letter), 0);
  if (nucleotides < 0.9 * total) return "protein";
  if (of("T") > 0 && of("U") > 0) return "both";
  return of("U") > 0 ? "rna" : "dna";
}

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { describeDataset, loadDataset, splitDataset } from "../../src/data/dataset.js";
import { parseFasta } from "../../src/data/fasta.js";
import { detectAlphabet } from "../../src/data/fasta-alphabet.js";
import { fastaDataset } from "../../src/data/fasta-dataset.js";
import { identityWeights, sequenceDistances, sequenceLetters, sequenceText } from "../../src/data/fasta-distances.js";
import { UsageError } from "../../src/errors.js";

const folder = mkdtempSync(join(tmpdir(), "fasta-"));
afterAll(() => rmSync(folder, { recursive: true }));

const alignment = (...sequences: string[]) => sequences.map((letters, i) => `>s${i}|x${i % 2}\n${letters}\n`).join("");

function refusal(text: string, options: object = {}): string {
  let caught: unknown;
  try {
    fastaDataset(text, { name: "a.fasta", ...options });
  } catch (error) {
    caught = error;
  }
  expect(caught).toBeInstanceOf(UsageError);
  const { message } = caught as Error;
  expect(message).not.toContain("\n");
  return message;
}

describe("parseFasta", () => {
  it("joins lines, skips comments, blank lines and blanks, and takes any line ending", () => {
    const text = "\uFEFF; made by hand\r\n>one  of two\r\nAC G\r\n\r\nU-\r\n>two\r\nGGGGG";
    expect(parseFasta(text)).toEqual([
      { name: "one  of two", letters: "ACGU-", line: 2 },
      { name: "two", letters: "GGGGG", line: 6 },
    ]);
  });
  it("refuses what is no FASTA, with the line", () => {
    expect(() => parseFasta("ACGU\n>a\nACGU", "x")).toThrow(/x: line 1 has letters before any record/);
    expect(() => parseFasta("", "x")).toThrow(/no records/);
    expect(() => parseFasta(">a\nAC\n>b\n>c\nAC", "x")).toThrow(/record 2 \("b", line 3\) has no letters/);
  });
});

describe("alphabets", () => {
  it("are told by the letters, gaps aside", () => {
    expect(detectAlphabet(["ACGU--", "acgu.."])).toBe("rna");
    expect(detectAlphabet(["ACGT-N"])).toBe("dna");
    expect(detectAlphabet(["ACGG"])).toBe("dna");
    expect(detectAlphabet(["MKV-LLA"])).toBe("protein");
    expect(detectAlphabet(["ACGTU"])).toBe("both");
    expect(detectAlphabet(["ACGTRACGTACGTACGT"])).toBe("dna"); // a rare ambiguity code
  });
  it("give one-hot rows whose letters read back, for any sequence of unambiguous letters", () => {
    for (const [alphabet, letters] of [
      ["rna", "ACGU-"],
      ["dna", "ACGT-"],
      ["protein", "ACDEFGHIKLMNPQRSTVWY-"],
    ] as const)
      fc.assert(
        fc.property(fc.array(fc.constantFrom(...letters), { minLength: 1, maxLength: 30 }), (sequence) => {
          const text = sequence.join("");
          const { rows, dimension } = fastaDataset(`>a\n${text}\n`, { alphabet });
          expect(dimension).toBe(text.length * letters.length);
          expect(rows.reduce((sum, x) => sum + x, 0)).toBe(text.length);
          expect(sequenceText(rows, letters)).toBe(text);
        }),
      );
  });
  it("read small letters, T for U, dots for gaps, and ambiguity codes as equal shares", () => {
    const { rows, alignment: about } = fastaDataset(">a\nacgt.YN", { alphabet: "rna" });
    expect(sequenceText(rows.subarray(0, 25), "ACGU-")).toBe("ACGU-");
    expect(Array.from(rows.subarray(25))).toEqual([0, 0.5, 0, 0.5, 0, 0.25, 0.25, 0.25, 0.25, 0]);
    expect(about).toEqual({ alphabet: "rna", letters: "ACGU-", sites: 7, ambiguous: 2 });
    const protein = fastaDataset(">a\nBX", { alphabet: "protein" });
    expect(protein.rows[2]).toBe(0.5); // D
    expect(protein.rows[11]).toBe(0.5); // N
    expect(protein.rows.slice(21, 41).every((share) => Math.abs(share - 1 / 20) < 1e-8)).toBe(true);
  });
});

describe("refusals say record and column", () => {
  it("of a letter that is none", () => {
    expect(refusal(alignment("ACGU", "AC!U"))).toMatch(
      /a\.fasta: record 2 \("s1\|x1", line 3\), column 3: '!' is no letter of the rna alphabet \(ACGU, gaps - and \./,
    );
    expect(refusal(alignment("ACGU", "AZGU"), { alphabet: "rna" })).toMatch(/column 2: 'Z'/);
    expect(refusal(alignment("MKL*"))).toMatch(/'\*' is no letter of the protein alphabet/);
  });
  it("of sequences that are not aligned", () => {
    expect(refusal(alignment("ACGU", "ACG"))).toMatch(/record 2 .* has 3 columns but the first has 4; align/);
  });
  it("of both T and U, of an unknown alphabet, of labels that are not there", () => {
    expect(refusal(alignment("ACGT", "ACGU"))).toMatch(/both T and U/);
    expect(refusal(alignment("ACGU"), { alphabet: "latin" })).toMatch(/alphabet: "latin" is not one of rna, dna/);
    expect(refusal(alignment("ACGU"), { labelColumn: 2 })).toMatch(/has no part 2/);
    expect(refusal(alignment("ACGU"), { labelColumn: "species" })).toMatch(/parts 0, 1/);
    expect(refusal(alignment("ACGU"), { identity: 1.5 })).toMatch(/identity: 1.5/);
  });
});

describe("files", () => {
  it("are loaded by name, gzipped or not, and keep names, labels and weights through a split", async () => {
    const text = alignment(...Array.from({ length: 20 }, (_, i) => (i % 2 ? "ACGU" : "GGG-")));
    writeFileSync(join(folder, "a.fasta"), text);
    writeFileSync(join(folder, "a.fa.gz"), gzipSync(text));
    const plain = await loadDataset(join(folder, "a.fasta"), { labelColumn: 1, identity: 0.9 });
    const zipped = await loadDataset(join(folder, "a.fa.gz"), { labelColumn: 1, identity: 0.9 });
    expect(zipped.rows).toEqual(plain.rows);
    expect(plain.labelNames).toEqual(["x0", "x1"]);
    const { train, test } = splitDataset(plain, { testFraction: 0.25, seed: 3 });
    for (const part of [train, test])
      for (let i = 0; i < part.n; i++) {
        const original = Number(part.rowNames![i].slice(1).split("|")[0]);
        expect(part.labels![i]).toBe(original % 2);
        expect(part.weights![i]).toBeCloseTo(0.1);
        expect(sequenceText(part.rows.subarray(i * 20, i * 20 + 20), "ACGU-")).toBe(original % 2 ? "ACGU" : "GGG-");
      }
    const { alignment: about, effectiveRows } = describeDataset(plain);
    expect(effectiveRows).toBeCloseTo(2);
    expect(about!.gaps).toBeCloseTo(1 / 8);
  });
  it("of another kind take no alphabet", async () => {
    writeFileSync(join(folder, "t.csv"), "1,2\n3,4\n");
    await expect(loadDataset(join(folder, "t.csv"), { alphabet: "rna" })).rejects.toThrow(
      /alphabet: goes with aligned/,
    );
    await expect(loadDataset("strokes", { identity: 0.8 })).rejects.toThrow(/identity: goes with/);
  });
});

describe("distances between sequences", () => {
  const data = fastaDataset(alignment("ACGUACGU", "ACGUACGA", "AC--ACGA", "UGCAUGCA", "--------"));
  const at = (matrix: Float64Array, i: number, j: number) => matrix[i * 5 + j];
  it("hamming counts gaps as letters, p-distance leaves them out", () => {
    const hamming = sequenceDistances(data);
    expect(at(hamming, 0, 1)).toBe(1 / 8);
    expect(at(hamming, 1, 2)).toBe(2 / 8);
    expect(at(hamming, 2, 2)).toBe(0);
    const p = sequenceDistances(data, "p-distance");
    expect(at(p, 1, 2)).toBe(0);
    expect(at(p, 0, 2)).toBe(1 / 6);
    expect(at(p, 0, 4)).toBe(Infinity);
    expect(at(p, 2, 0)).toBe(at(p, 0, 2));
  });
  it("jukes-cantor is -3/4 log(1 - 4p/3), infinite at saturation", () => {
    const jc = sequenceDistances(data, "jukes-cantor");
    expect(at(jc, 0, 1)).toBeCloseTo(-0.75 * Math.log(1 - 4 / 3 / 8), 12);
    expect(at(jc, 0, 3)).toBe(Infinity);
  });
  it("jukes-cantor recovers the time of a simulated substitution process, p-distance falls short", () => {
    // Each site is replaced by a uniform letter (its own among them) with probability 1 - exp(-4 t / 3).
    const [sites, t] = [20000, 0.5];
    let state = 7;
    const uniform = () => {
      state = (state * 48271) % 2147483647;
      return state / 2147483647;
    };
    const letter = () => "ACGU"[Math.floor(4 * uniform())];
    const root = Array.from({ length: sites }, letter);
    const leaf = root.map((x) => (uniform() < 1 - Math.exp((-4 / 3) * t) ? letter() : x));
    const pair = fastaDataset(`>a\n${root.join("")}\n>b\n${leaf.join("")}\n`, { alphabet: "rna" });
    expect(Math.abs(sequenceDistances(pair, "jukes-cantor")[1] - t)).toBeLessThan(0.03); // 4 standard errors, 0.0075 each
    expect(sequenceDistances(pair, "p-distance")[1]).toBeLessThan(0.4);
  });
  it("weights share out each group of similar sequences", () => {
    const groups = fastaDataset(alignment("AAAAAAAAAA", "AAAAAAAAAC", "AAAAAAAAGG", "UUUUUUUUUU"));
    expect(Array.from(identityWeights(groups, 0.9))).toEqual([1 / 2, 1 / 2, 1, 1]);
    expect(Array.from(identityWeights(groups, 0.8))).toEqual([1 / 3, 1 / 3, 1 / 3, 1]);
    expect(Array.from(sequenceLetters(groups).subarray(0, 10))).toEqual(new Array(10).fill(0));
  });
});

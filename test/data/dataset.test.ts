import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import {
  autoDataset,
  type Dataset,
  describeDataset,
  type LoadOptions,
  loadDataset,
  splitDataset,
  takeDataset,
} from "../../src/data/dataset.js";
import { encodeIdx } from "../../src/data/idx.js";
import { UsageError } from "../../src/errors.js";
import { writeNpy } from "../../src/numerics/npy.js";

const folder = mkdtempSync(join(tmpdir(), "dataset-"));
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  vi.stubEnv("ATLAS_CACHE", join(folder, "cache"));
  vi.stubEnv("ATLAS_DATA", join(folder, "data"));
});

const write = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

/** The sentence a file is refused with: one line, a UsageError. */
async function refusal(path: string, options?: LoadOptions): Promise<string> {
  const error = await loadDataset(path, options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UsageError);
  const { message } = error as Error;
  expect(message).toMatch(/^[^\n]+\.$/);
  return message;
}

describe("csv data sets", () => {
  it("are read with and without header and labels", async () => {
    const flowers = write("flowers.csv", "width,height,species\n1,2,rose\n3,4,iris\n5,6,rose\n");
    const expected = {
      name: "flowers.csv",
      rows: Float32Array.of(1, 2, 3, 4, 5, 6),
      n: 3,
      dimension: 2,
      labels: Int32Array.of(1, 0, 1),
      labelNames: ["iris", "rose"],
      columnNames: ["width", "height"],
      rowNumbers: [2, 3, 4],
      columnWords: ['"width"', '"height"'],
    };
    for (const labelColumn of ["species", 2, "2"])
      expect(await loadDataset(flowers, { labelColumn })).toEqual(expected);
    const bare = write("bare.csv", "1,2,rose\n3,4,iris\n");
    expect(await loadDataset(bare, { labelColumn: 2 })).toMatchObject({ n: 2, labels: Int32Array.of(1, 0) });
    const plain = await loadDataset(write("plain.csv", "1,2\n3,4\n"));
    expect(plain).toEqual({
      name: "plain.csv",
      rows: Float32Array.of(1, 2, 3, 4),
      n: 2,
      dimension: 2,
      rowNumbers: [1, 2],
      columnWords: ["1", "2"],
    });
  });

  it("take whole numbers as classes by size", async () => {
    const path = write("numbers.csv", "y,x\n10,0.5\n9,1\n-1,2\n10,3\n");
    expect(await loadDataset(path, { labelColumn: "y" })).toMatchObject({
      labels: Int32Array.of(2, 1, 0, 2),
      labelNames: ["-1", "9", "10"],
      columnNames: ["x"],
    });
    expect(await refusal(path, { labelColumn: "x" })).toMatch(/row 2, column "x": the label 0.5 is not a whole number/);
  });

  it("are refused with row, column and reason", async () => {
    expect(await refusal(write("words.csv", "x,y\n1,2\nabc,4\n"))).toMatch(/row 3, column "x": 'abc' is not a number/);
    expect(await refusal(write("nan.csv", "1,2\n3,nan\n"))).toMatch(/row 2, column 2: 'nan' is not finite/);
    expect(await refusal(write("inf.csv", "1,2\n3,-inf\n"))).toMatch(/row 2, column 2: '-inf' is not finite/);
    expect(await refusal(write("large.csv", "1,2\n3,1e39\n"))).toMatch(/beyond the range of float32/);
    expect(await refusal(write("hole.csv", "1,2\n3,\n"))).toMatch(/row 2, column 2: the cell is empty/);
    expect(await refusal(write("ragged.csv", "1,2\n3\n"))).toMatch(/row 2 has 1 column/);
    expect(await refusal(write("empty.csv", ""))).toMatch(/empty\.csv is empty/);
    expect(await refusal(write("binary.csv", Uint8Array.of(1, 0, 2)))).toMatch(/is not text/);
    const flowers = write("f.csv", "x,species\n1,rose\n3,iris\n");
    expect(await refusal(flowers)).toMatch(/column "species" holds words \('rose' in row 2\).*as the label column/);
    expect(await refusal(flowers, { labelColumn: "kind" })).toMatch(/no column 'kind'; give .* or one of x, species/);
    expect(await refusal(flowers, { labelColumn: 2 })).toMatch(/no column '2'; give an index from 0 to 1/);
    expect(await refusal(write("only.csv", "y\n1\n"), { labelColumn: "y" })).toMatch(/no column besides the labels/);
    expect(await refusal(write("l.csv", "x,y\n1,a\n2,\n"), { labelColumn: "y" })).toMatch(
      /row 3, column "y": the label is/,
    );
  });
});

describe("npy data sets", () => {
  const npy = (name: string, data: number[], shape: number[]): string => {
    writeNpy(join(folder, name), { data: Float64Array.from(data), shape, dtype: "float64" });
    return join(folder, name);
  };

  it("are rows, or pictures, with a label column where asked", async () => {
    expect(await loadDataset(npy("a.npy", [1, 2, 3, 4], [2, 2]))).toEqual({
      name: "a.npy",
      rows: Float32Array.of(1, 2, 3, 4),
      n: 2,
      dimension: 2,
    });
    const pictures = await loadDataset(npy("p.npy", [1, 2, 3, 4, 5, 6], [1, 2, 3]));
    expect([pictures.n, pictures.dimension, pictures.imageShape]).toEqual([1, 6, [2, 3]]);
    // two pixels, (red, green, blue) of each; and the same by planes
    const [last, first] = [
      await loadDataset(npy("last.npy", [1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16], [2, 1, 2, 3])),
      await loadDataset(npy("first.npy", [1, 4, 2, 5, 3, 6, 11, 14, 12, 15, 13, 16], [2, 3, 1, 2])),
    ];
    for (const colour of [last, first]) {
      expect(colour.colourShape).toEqual([3, 1, 2]);
      expect([...colour.rows]).toEqual([1, 4, 2, 5, 3, 6, 11, 14, 12, 15, 13, 16]);
    }
    expect((await loadDataset(npy("grey.npy", [1, 2], [1, 1, 2, 1]))).imageShape).toEqual([1, 2]);
    const labelled = await loadDataset(npy("l.npy", [1, 7, 2, 5], [2, 2]), { labelColumn: 1 });
    expect([[...labelled.rows], [...labelled.labels!], labelled.labelNames]).toEqual([
      [1, 2],
      [1, 0],
      ["5", "7"],
    ]);
  });

  it("are refused with reason", async () => {
    expect(await refusal(npy("one.npy", [1, 2], [2]))).toMatch(/has shape \[2\]; expected \[n, D\]/);
    expect(await refusal(npy("four.npy", [1, 2, 3, 4], [1, 2, 1, 2]))).toMatch(/has shape \[1,2,1,2\]; pictures are/);
    expect(await refusal(npy("none.npy", [], [0, 3]))).toMatch(/shape \[0,3\], so it holds no numbers/);
    expect(await refusal(npy("nan.npy", [1, 2, 3, Number.NaN], [2, 2]))).toMatch(/row 1, column 1 .* is NaN/);
    expect(await refusal(npy("large.npy", [1e39, 2], [1, 2]))).toMatch(/row 0, column 0 .* not a finite float32/);
    expect(await refusal(npy("p.npy", [1, 2], [1, 1, 2]), { labelColumn: 0 })).toMatch(/only a table/);
    expect(await refusal(npy("l.npy", [1, 2], [1, 2]), { labelColumn: 5 })).toMatch(/no column '5'/);
    expect(await refusal(write("text.npy", "1,2\n"))).toMatch(/is not a \.npy file/);
    expect(await refusal(join(folder, "absent.npy"))).toMatch(/does not exist/);
  });
});

describe("data sets by name", () => {
  it("refuses unknown names and kinds of file", async () => {
    expect(await refusal("mnsit")).toMatch(/'mnsit' is not known; give mnist, strokes, cifar10, or the path/);
    expect(await refusal(write("a.txt", "1"))).toMatch(/is a file of another kind/);
    expect(await refusal("mnist")).toMatch(/MNIST is not in/);
  });

  it("strokes comes with labels, factors and picture size", async () => {
    const strokes = await loadDataset("strokes", { count: 30, seed: 2 });
    expect([strokes.n, strokes.dimension, strokes.imageShape, strokes.factors?.length]).toEqual([
      30,
      784,
      [28, 28],
      210,
    ]);
    expect(strokes.factorNames).toContain("slant");
  });

  it("autoDataset takes MNIST where it is, strokes otherwise, and says so", async () => {
    const generated = await autoDataset({ count: 12 });
    expect([generated.dataset.name, generated.dataset.n]).toEqual(["strokes", 12]);
    expect(generated.sentence).toMatch(/atlas data mnist --download/);
    const home = join(folder, "data", "mnist");
    mkdirSync(home, { recursive: true });
    for (const part of ["train", "t10k"]) {
      writeFileSync(join(home, `${part}-images-idx3-ubyte.gz`), gzipSync(encodeIdx(new Uint8Array(8), [2, 2, 2])));
      writeFileSync(join(home, `${part}-labels-idx1-ubyte.gz`), gzipSync(encodeIdx(Uint8Array.of(3, 4), [2])));
    }
    const found = await autoDataset();
    expect([found.dataset.name, found.dataset.n]).toEqual(["mnist", 4]);
    const { train, test } = splitDataset(found.dataset);
    expect([train.n, test.n, train.rows.length]).toEqual([2, 2, 8]);
    expect(found.sentence).toContain(home);
    expect(found.sentence).toContain("--data strokes");
  });
});

describe("splitting and taking", () => {
  const numbered: Dataset = {
    name: "numbered",
    n: 50,
    dimension: 2,
    rows: Float32Array.from({ length: 100 }, (_, k) => k),
    labels: Int32Array.from({ length: 50 }, (_, i) => i % 3),
    labelNames: ["a", "b", "c"],
    factors: Float64Array.from({ length: 50 }, (_, i) => i / 2),
    factorNames: ["half"],
  };
  const numbers = (part: Dataset) => Array.from({ length: part.n }, (_, i) => part.rows[2 * i] / 2);

  it("puts every row into one part, with its label and factors, by seed", () => {
    const { train, test } = splitDataset(numbered, { testFraction: 0.3, seed: 4 });
    expect([train.n, test.n]).toEqual([35, 15]);
    expect([...numbers(train), ...numbers(test)].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 50 }, (_, i) => i),
    );
    for (const part of [train, test])
      numbers(part).forEach((i, k) => {
        expect([part.rows[2 * k + 1], part.labels![k], part.factors![k]]).toEqual([2 * i + 1, i % 3, i / 2]);
      });
    expect(numbers(splitDataset(numbered, { testFraction: 0.3, seed: 4 }).test)).toEqual(numbers(test));
    expect(numbers(splitDataset(numbered, { testFraction: 0.3, seed: 5 }).test)).not.toEqual(numbers(test));
    // Not the head or the tail of the file.
    expect(numbers(test)).not.toEqual(Array.from({ length: 15 }, (_, i) => i));
    expect(Math.min(...numbers(test))).toBeLessThan(25);
    expect(Math.max(...numbers(test))).toBeGreaterThanOrEqual(25);
  });

  it("uses a data set's own split unless a fraction is asked for", () => {
    const own = { ...numbered, standardTrainingRows: 40 };
    const { train, test } = splitDataset(own);
    expect(numbers(train)).toEqual(Array.from({ length: 40 }, (_, i) => i));
    expect([numbers(test)[0], test.n, test.labels![0], test.factors![0]]).toEqual([40, 10, 1, 20]);
    expect("standardTrainingRows" in train).toBe(false);
    expect(splitDataset(own, { testFraction: 0.5 }).test.n).toBe(25);
    expect(splitDataset(numbered).test.n).toBe(5);
  });

  it("refuses fractions that leave a part empty, and rows that do not exist", () => {
    for (const testFraction of [0, 1, -1, Number.NaN])
      expect(() => splitDataset(numbered, { testFraction })).toThrow(UsageError);
    expect(() => splitDataset(numbered, { testFraction: 0.001 })).toThrow(/leaves nothing to test on/);
    expect(() => splitDataset(numbered, { testFraction: 0.999 })).toThrow(/leaves nothing to train on/);
    expect(() => takeDataset(numbered, [0, 50])).toThrow(/50 is not a row of numbered, which has rows 0 to 49/);
    expect(numbers(takeDataset(numbered, [7, 7, 0]))).toEqual([7, 7, 0]);
  });

  it("describes size, range and classes", () => {
    expect(describeDataset(numbered)).toEqual({
      name: "numbered",
      n: 50,
      dimension: 2,
      minimum: 0,
      maximum: 99,
      mean: 49.5,
      labels: [
        { name: "a", count: 17 },
        { name: "b", count: 17 },
        { name: "c", count: 16 },
      ],
      factorNames: ["half"],
    });
  });
});

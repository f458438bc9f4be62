/** The type of a data set, apart from how one is loaded. */

/** A data set: n rows of `dimension` numbers. */
export interface Dataset {
  readonly name: string;
  /** Row-major. [n, dimension] */
  readonly rows: Float32Array;
  readonly n: number;
  readonly dimension: number;
  /** Class of each row, 0, 1, ... [n] */
  readonly labels?: Int32Array;
  /** `labelNames[label]` is what the file calls it. */
  readonly labelNames?: readonly string[];
  /** Height and width, where a row is a grey picture. */
  readonly imageShape?: readonly [number, number];
  /** Channels, height and width, where a row is a colour picture, channel first. */
  readonly colourShape?: readonly [number, number, number];
  /** What generated each row, where it is known. [n, factorNames.length] */
  readonly factors?: Float64Array;
  readonly factorNames?: readonly string[];
  /** How much each row counts in training; all alike where absent. [n] */
  readonly weights?: Float64Array;
  /** Names of the rows, where the file has them. */
  readonly rowNames?: readonly string[];
  /** The file's own number of each row (for a `.csv`, as a spreadsheet counts), for messages. [n] */
  readonly rowNumbers?: readonly number[];
  /** What messages call the columns: a name in quotes, or the file's own number. [dimension] */
  readonly columnWords?: readonly string[];
  /** Where rows are aligned sequences in one-hot blocks: a site after another, `letters.length` columns each. */
  readonly alignment?: {
    readonly alphabet: "rna" | "dna" | "protein";
    /** In the order of classes; the last is the gap. */
    readonly letters: string;
    readonly sites: number;
    /** Sites of all sequences that hold an ambiguity code. */
    readonly ambiguous: number;
  };
  /** Names of the columns, where the file has a header. */
  readonly columnNames?: readonly string[];
  /** Where a data set comes with its own split: the first so many rows are to train on, the others to test on. */
  readonly standardTrainingRows?: number;
}

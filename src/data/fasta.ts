/**
 * FASTA text: records of a header line `>name ...` and lines of letters, as records with their places in the file.
 * Blank lines and lines that begin with `;` are skipped, blanks within a sequence too.
 */
import { UsageError } from "../errors.js";

/** One record. */
export interface FastaRecord {
  /** The header without `>`, trimmed. */
  readonly name: string;
  /** The letters as they stand, without blanks. */
  readonly letters: string;
  /** Line of the header, counted from 1. */
  readonly line: number;
}

/**
 * Splits FASTA text into records.
 * @param name what error sentences call the text; a path, say
 * @throws UsageError if there is no record, letters come before the first header, or a record has no letters.
 */
export function parseFasta(text: string, name = "the alignment"): FastaRecord[] {
  const records: { name: string; parts: string[]; line: number }[] = [];
  for (const [i, whole] of text
    .replace(/^\uFEFF/, "")
    .split(/\r\n|\n|\r/)
    .entries()) {
    const content = whole.trim();
    if (content === "" || content.startsWith(";")) continue;
    if (content.startsWith(">")) records.push({ name: content.slice(1).trim(), parts: [], line: i + 1 });
    else if (records.length === 0)
      throw new UsageError(
        `${name}: line ${i + 1} has letters before any record; FASTA begins with a header line ">name".`,
      );
    else records[records.length - 1].parts.push(content.replace(/\s+/g, ""));
  }
  if (records.length === 0)
    throw new UsageError(`${name} has no records; expected FASTA: a header line ">name", then lines of letters.`);
  return records.map(({ parts, ...record }, i) => {
    if (parts.length === 0)
      throw new UsageError(
        `${name}: record ${i + 1} ("${shortName(record.name)}", line ${record.line}) has no letters; complete it or leave it out.`,
      );
    return { ...record, letters: parts.join("") };
  });
}

/** A header for messages. */
export function shortName(name: string): string {
  return name.length > 40 ? `${name.slice(0, 40)}...` : name;
}

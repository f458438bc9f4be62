/**
 * Errors that a user can act on. The command prints the sentence and exits with 2 (`UsageError`: what was asked
 * for cannot be) or 1 (`RunError`: it was fine, but did not work out).
 */

/** Bad input: names the argument, the value, the expected form and the remedy, in one sentence. Exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** A run that failed although the input was fine (a training that diverged, a download that broke). Exit code 1. */
export class RunError extends Error {
  override name = "RunError";
}

/** Throws a `UsageError` with `sentence` unless `condition` holds. */
export function expectThat(condition: unknown, sentence: string | (() => string)): asserts condition {
  if (!condition) throw new UsageError(typeof sentence === "string" ? sentence : sentence());
}

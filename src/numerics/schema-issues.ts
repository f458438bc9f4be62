/** What a schema (zod) found wrong with a value, as words for one sentence: "epochs: 0 is too small; give at least 1". */
import { z } from "zod";

type Issue = z.core.$ZodIssue;

/**
 * The first problem, with its field in front where there is one.
 * @param value what was checked: the words then say what was given
 * @param schema what it was checked against: unknown fields are then answered with the known ones
 */
export function firstProblem(error: z.ZodError, value?: unknown, schema?: z.ZodType): string {
  const issue = told(error);
  const field = fieldOf(issue.path);
  return `${field}${field && ": "}${problem(issue, valueAt(value, issue.path), schema)}`;
}

/** The issue to tell: an unknown field first, since what is missing is most often misspelt. */
function told({ issues }: z.ZodError): Issue {
  return issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0];
}

/** `blocks[0].columns` */
export function fieldOf(path: readonly PropertyKey[]): string {
  return path
    .map((part, i) => (typeof part === "number" ? `[${part}]` : `${i > 0 ? "." : ""}${String(part)}`))
    .join("");
}

/** What is wrong, without the field. */
function problem(issue: Issue, given: unknown, schema: z.ZodType | undefined): string {
  switch (issue.code) {
    case "invalid_type":
      return mismatch(given, nameOf(issue.expected));
    case "invalid_union": {
      const kinds = issue.errors.flatMap(([first]) =>
        first?.code === "invalid_type"
          ? [nameOf(first.expected)]
          : first?.code === "too_small"
            ? [nameOfSmall(first)]
            : [],
      );
      return mismatch(given, kinds.length > 0 ? [...new Set(kinds)].join(" or ") : "of a known kind");
    }
    case "invalid_value":
      return given === undefined
        ? `it is missing; give ${choice(issue.values)}`
        : `${shown(given)} is not ${choice(issue.values)}`;
    case "too_small":
      return beyond(given, "small", `${issue.inclusive ? "at least" : "more than"} ${issue.minimum}`);
    case "too_big":
      return beyond(given, "large", `${issue.inclusive ? "at most" : "less than"} ${issue.maximum}`);
    case "unrecognized_keys": {
      const known = fieldsAt(schema, issue.path);
      const names = issue.keys.map((key) => `"${key}"`).join(", ");
      const unknown = `${names} ${issue.keys.length === 1 ? "is no field" : "are no fields"} here`;
      if (known === undefined) return `${unknown}; leave ${issue.keys.length === 1 ? "it" : "them"} out`;
      return `${unknown}; ${known.length > 0 ? `known ones are ${known.join(", ")}` : "there are none"}`;
    }
    case "invalid_format":
      return `${shown(given)} does not fit; ${lowered(issue.message)}`;
    default:
      return lowered(issue.message);
  }
}

const kindNames: Readonly<Record<string, string>> = {
  int: "a whole number",
  number: "a number",
  string: "a text",
  boolean: "true or false",
  array: "a list",
  tuple: "a list",
  object: "an object { ... }",
  record: "an object { ... }",
};

const nameOf = (expected: string): string => kindNames[expected] ?? expected;

const nameOfSmall = ({ origin, minimum }: { origin: string; minimum: unknown }): string =>
  `${nameOf(origin)} of at least ${String(minimum)}`;

function mismatch(given: unknown, wanted: string): string {
  return given === undefined ? `it is missing; give ${wanted}` : `${shown(given)} is not ${wanted}`;
}

function beyond(given: unknown, side: string, limit: string): string {
  if (given === undefined) return `it is too ${side}; give ${limit}`;
  if (Array.isArray(given)) return `the list has ${given.length} entries; give ${limit}`;
  if (typeof given === "string") return `${shown(given)} has ${given.length} letters; give ${limit}`;
  return `${shown(given)} is too ${side}; give ${limit}`;
}

function choice(values: readonly unknown[]): string {
  return values.length === 1 ? shown(values[0]) : `one of ${values.map(String).join(", ")}`;
}

/** A value, shortened. NaN and infinities, which JSON does not have, by their names. */
function shown(value: unknown): string {
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

const lowered = (message: string): string => message.charAt(0).toLowerCase() + message.slice(1);

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce((inner: any, part) => inner?.[part], value);
}

/** The fields of the object schema at a path, where it is one. */
function fieldsAt(schema: z.ZodType | undefined, path: readonly PropertyKey[]): string[] | undefined {
  let at: unknown = schema;
  for (const part of path) {
    while (at instanceof z.ZodOptional) at = at.unwrap();
    if (at instanceof z.ZodArray && typeof part === "number") at = at.element;
    else if (at instanceof z.ZodObject) at = at.shape[part as string];
    else return undefined;
  }
  while (at instanceof z.ZodOptional) at = at.unwrap();
  return at instanceof z.ZodObject ? Object.keys(at.shape) : undefined;
}

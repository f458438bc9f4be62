/** The families by name with their options as plain data, for the command line, configs and schemas of columns. */
import { z } from "zod";
import { UsageError } from "../../errors.js";
import { firstProblem } from "../../numerics/schema-issues.js";
import { bernoulli } from "./bernoulli.js";
import { beta } from "./beta.js";
import { categorical } from "./categorical.js";
import { dirichlet } from "./dirichlet.js";
import { discretisedLogistic } from "./discretised-logistic.js";
import { exponential } from "./exponential.js";
import type { Family } from "./family.js";
import { gamma } from "./gamma.js";
import { normal } from "./normal.js";
import { fullNormal } from "./normal-full.js";
import { poisson } from "./poisson.js";
import { vonMises } from "./von-mises.js";
import { vonMisesFisher } from "./von-mises-fisher.js";

const positive = z.number().positive();
const whole = (least: number) => z.number().int().min(least);

/** Options of each family; those without have none. */
const options = {
  normal: z.strictObject({ standardDeviation: positive.optional(), smallest: positive.optional() }),
  "full-normal": z.strictObject({ smallest: positive.optional() }),
  bernoulli: z.strictObject({}),
  categorical: z.strictObject({ classes: whole(2) }),
  beta: z.strictObject({}),
  dirichlet: z.strictObject({ classes: whole(2) }),
  exponential: z.strictObject({}),
  gamma: z.strictObject({}),
  poisson: z.strictObject({}),
  "von-mises": z.strictObject({}),
  "von-mises-fisher": z.strictObject({ dimension: whole(2), concentration: positive.optional() }),
  "discretised-logistic": z.strictObject({
    bins: whole(2).optional(),
    low: z.number().optional(),
    high: z.number().optional(),
    components: whole(1).optional(),
    information: z.enum(["binned", "windowed", "continuous"]).optional(),
  }),
} as const;

export type FamilyName = keyof typeof options;

const makers: { [name in FamilyName]: (given: any) => Family } = {
  normal,
  "full-normal": fullNormal,
  bernoulli,
  categorical,
  beta,
  dirichlet,
  exponential,
  gamma,
  poisson,
  "von-mises": vonMises,
  "von-mises-fisher": vonMisesFisher,
  "discretised-logistic": discretisedLogistic,
};

export const familyNames = Object.keys(options) as readonly FamilyName[];

/**
 * The family of this name.
 * @param given its options, such as `{ classes: 5 }` @param place where the name stands, for messages
 * @throws UsageError for an unknown name, or a missing, unknown or unfit option, which it names.
 * @example familyNamed("categorical", { classes: 4 })
 */
export function familyNamed(name: string, given: object = {}, place = "likelihood"): Family {
  if (!Object.hasOwn(options, name))
    throw new UsageError(`${place}: "${name}" is not known; use one of ${familyNames.join(", ")}.`);
  const known = name as FamilyName;
  return makers[known](parsed(options[known] as z.ZodType<object>, given, `${place} (${name})`));
}

/** What `schema` makes of a value. @throws UsageError that names the field, what is wrong, and the value given. */
export function parsed<T>(schema: z.ZodType<T>, value: unknown, place: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problem = firstProblem(result.error, value, schema);
  const inField = /^[\w[\].]+: /.test(problem);
  throw new UsageError(`${place}${inField ? (problem.startsWith("[") ? "" : ".") : ": "}${problem}.`);
}

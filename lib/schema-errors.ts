import leven from "leven";
import type { z } from "zod";
import { throwAll, UserError } from "../errors.ts";
import { redact } from "./redact.ts";

/**
 * Parses `value` with a strict schema. Every problem is reported, each with its path, the value found and a
 * remedy; a word that is nearly right gets a suggestion.
 *
 * @param name how a path of keys is written for people, `strata:llama.source` for instance
 * @param title what all problems together are about
 */
export function parseWithSchema<T extends z.ZodType>(
  schema: T,
  value: unknown,
  name: (keys: readonly PropertyKey[]) => string,
  title: string,
): z.output<T> {
  const result = schema.safeParse(value, { reportInput: true });
  if (!result.success) {
    throwAll(
      title,
      result.error.issues.flatMap((issue) => problems(issue, schema, name)),
    );
  }
  return result.data as z.output<T>;
}

function problems(
  issue: z.core.$ZodIssue,
  schema: z.ZodType,
  name: (keys: readonly PropertyKey[]) => string,
): UserError[] {
  const path = name(issue.path.map(String));
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map(
        (key) =>
          new UserError(
            name([...issue.path, key]),
            "is not a setting.",
            didYouMean(key, knownKeys(schema, issue.path)) || "Remove it.",
          ),
      );
    case "invalid_value":
      return [
        new UserError(
          path,
          `expected one of ${issue.values.map(String).join(", ")}, got ${shown(issue.input)}.`,
          didYouMean(String(issue.input), issue.values.map(String)),
        ),
      ];
    case "invalid_union": {
      // The value is a whole object, which may hold a secret.
      if ("discriminator" in issue)
        return [new UserError(path, "is missing or unknown.", `${issue.message}.`)];
      // What the value was meant to be: the form whose outermost type it has.
      const isObject = typeof issue.input === "object" && issue.input !== null;
      const isOther = ({ code, path: at }: z.core.$ZodIssue) =>
        at.length === 0 && (code === "invalid_type" || (code === "invalid_value" && isObject));
      const meant = issue.errors.filter((inner) => !inner.some(isOther));
      const [only, ...others] = meant;
      if (!only || others.length > 0) {
        return [new UserError(path, `${issue.message}, got ${shown(issue.input)}.`, "")];
      }
      return only.flatMap((inner) =>
        problems({ ...inner, path: [...issue.path, ...inner.path] }, schema, name),
      );
    }
    case "invalid_type":
      return [
        new UserError(
          path,
          issue.input === undefined
            ? "is missing."
            : `expected ${issue.expected}, got ${shown(issue.input)}.`,
          issue.input === undefined ? `Give it a value (${issue.expected}).` : "",
        ),
      ];
    default:
      return [new UserError(path, `${issue.message}, got ${shown(issue.input)}.`, "")];
  }
}

/** `Did you mean "ada"?` when one of `words` is near, else nothing. */
export function didYouMean(word: string, words: readonly string[]): string {
  const near = words
    .map((candidate) => ({ candidate, distance: leven(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= Math.max(1, Math.floor(candidate.length / 2)))
    .sort((a, b) => a.distance - b.distance)[0];
  return near ? `Did you mean "${near.candidate}"?` : "";
}

function shown(value: unknown): string {
  const text = redact(JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

/** The keys that the object or record at `path` of the schema may have. */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at: unknown = schema;
  for (const key of path) at = unwrapped(at)?.shape?.[String(key)];
  const { shape = {}, keyType } = unwrapped(at) ?? {};
  return [...Object.keys(shape), ...(keyType?.options ?? [])];
}

/** What is read of a schema that holds others. */
interface Container {
  readonly shape?: Record<string, unknown>;
  readonly keyType?: { readonly options?: readonly string[] };
  readonly unwrap?: () => unknown;
}

function unwrapped(schema: unknown): Container | undefined {
  let at = schema as Container | undefined;
  while (at && !at.shape && at.unwrap) at = at.unwrap() as typeof at;
  return at;
}

import { createHash } from "node:crypto";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { parseWithSchema } from "../schema-errors.ts";

/** What git has a good version of. */
const restore = "Restore it with git.";

/** Reads JSON; what is none is a mistake of the user, named with its path. */
export function parseLockJson(text: string, path: string, remedy = restore): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(path, `is not JSON: ${(error as Error).message}.`, remedy);
  }
}

/** Reads a lock by its strict schema. Throws all that is wrong with it, each with file and field. */
export function parseLockFile<T extends z.ZodType>(
  schema: T,
  text: string,
  path: string,
  remedy = restore,
): z.output<T> {
  const field = (keys: readonly PropertyKey[]) => (keys.length > 0 ? `${path}: ${keys.join(".")}` : path);
  return parseWithSchema(schema, parseLockJson(text, path, remedy), field, path);
}

/**
 * Reads a lock that a program made and nobody edits: its field `content` is the hash of all the rest.
 *
 * @param sorted the lock as its text has it, whatever order it was read in
 * @param command what makes it anew
 */
export function parseGeneratedLock<Shape extends z.core.$ZodShape, Lock extends z.output<z.ZodObject<Shape>>>(
  schema: z.ZodObject<Shape, z.core.$strict>,
  sorted: (lock: Lock) => unknown,
  text: string,
  path: string,
  command: string,
): Lock {
  const document: unknown = parseLockFile(schema.extend({ content: z.string() }), text, path);
  const { content, ...lock } = document as Lock & { content: string };
  const read = lock as unknown as Lock;
  if (content === contentHash(sorted(read))) return read;
  throw new UserError(path, "was edited by hand.", `Run \`${command}\`.`);
}

/** `sha256:…` over the JSON of `value`: the same content has the same hash only where it is sorted. */
export function contentHash(value: unknown): string {
  return `sha256:${createHash("sha256").update(JSON.stringify(value)).digest("hex")}`;
}

/** The same entries, sorted by name. */
export function byName<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

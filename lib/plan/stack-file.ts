import { parse } from "yaml";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { REDACTED } from "../redact.ts";

/** A stack's configuration out of its files: what Pulumi would hand to the program, but for secrets. */
export interface Settings {
  /** By key, `strata:generation`; objects and lists as JSON, a secret as a placeholder. */
  readonly raw: Readonly<Record<string, string>>;
  /** What is encrypted, each with its place: `strata:registry`, `strata:copies.1.password`. */
  readonly secret: readonly string[];
}

const values = z.record(z.string(), z.unknown());
const stackFile = z.object({ config: values.nullish() }).nullish();
const projectFile = z.object({ config: values.nullish() }).nullish();
const declaration = z.object({ default: z.unknown(), value: z.unknown() }).partial();

/** Reads `Pulumi.<stack>.yaml`, and the defaults that `Pulumi.yaml` declares, without asking Pulumi. */
export function readSettings(stackYaml: string, projectYaml: string, path: string): Settings {
  const stackEntries = Object.entries(read(stackFile, stackYaml, path)?.config ?? {});
  const all = Object.fromEntries([...declaredIn(projectYaml), ...stackEntries]);
  return {
    raw: Object.fromEntries(
      Object.entries(all).map(([key, value]) => [key, asStored(withoutSecrets(value))]),
    ),
    secret: Object.entries(all).flatMap(([key, value]) => encryptedPlaces(key, value)),
  };
}

/** One update reads each stack's settings, and some twice; the project's file is the same text each time. */
let lastRead:
  | { readonly text: string; readonly declared: readonly (readonly [string, unknown])[] }
  | undefined;

/** What `Pulumi.yaml` gives every stack. */
function declaredIn(text: string): readonly (readonly [string, unknown])[] {
  if (lastRead?.text === text) return lastRead.declared;
  const declared = Object.entries(read(projectFile, text, "Pulumi.yaml")?.config ?? {}).flatMap(
    ([key, value]) => {
      const setting = declaration.safeParse(value).data;
      const given = setting?.value ?? setting?.default;
      return given === undefined ? [] : [[key, given] as const];
    },
  );
  lastRead = { text, declared };
  return declared;
}

function read<T>(schema: z.ZodType<T>, text: string, path: string): T {
  try {
    return schema.parse(parse(text));
  } catch (error) {
    // The message of a YAML error quotes the line, which may hold what nobody should read.
    const reason = error instanceof Error ? (error.message.split("\n")[0] ?? "") : "";
    throw new UserError(path, `cannot be read: ${reason}.`, "Mend it, or restore it with git.");
  }
}

/** The same by what Pulumi tells a program: keys alone, so that a part of one is looked for in the stack's file. */
export function encryptedSettings(keys: readonly string[], stackYaml: string, path: string): string[] {
  // A key is `strata:host` or, in full, `strata:config:host`.
  const withoutConfig = (key: string) => key.replace(/^([^:]+):config:/, "$1:");
  const secret = readSettings(stackYaml, "", path).secret.map(withoutConfig);
  return keys.map(withoutConfig).flatMap((key) => {
    const places = secret.filter((place) => place === key || place.startsWith(`${key}.`));
    // Of another file, or set for this run alone: it is not known which part.
    return places.length > 0 ? places : [key];
  });
}

function encryptedPlaces(place: string, value: unknown): string[] {
  if (value === null || typeof value !== "object") return [];
  if (isEncrypted(value)) return [place];
  return Object.entries(value).flatMap(([name, entry]) => encryptedPlaces(`${place}.${name}`, entry));
}

/** Pulumi writes an encrypted value as an object with the one key `secure`, at any depth. */
function isEncrypted(value: object): boolean {
  return Object.keys(value).join() === "secure";
}

function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (value === null || typeof value !== "object") return value;
  if (isEncrypted(value)) return REDACTED;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, withoutSecrets(entry)]));
}

function asStored(value: unknown): string {
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
}

import { parse } from "yaml";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { parseWithSchema } from "../schema-errors.ts";
import type { Vulnerability } from "./vulnerability.ts";

export const allowedVulnerability = z.strictObject({
  /** Any of its names. */
  id: z.string().regex(/^[A-Za-z][A-Za-z0-9]*-[A-Za-z0-9.-]+$/, "expected a name such as CVE-2026-1234"),
  /** Of this package alone. @default whichever */
  package: z.string().min(1).optional(),
  /** Why it may be there. */
  reason: z.string().trim().min(1, "expected some words"),
  /** The last day on which that holds. */
  expires: z.iso.date("expected a day such as 2027-01-31"),
});

const allowListSchema = z.array(allowedVulnerability);

export type AllowedVulnerability = z.output<typeof allowedVulnerability>;

/** Vulnerabilities by what an allow-list says of them. */
export interface SortedVulnerabilities {
  /** Those that nobody has allowed. */
  readonly open: readonly Vulnerability[];
  readonly allowed: readonly { readonly found: Vulnerability; readonly by: AllowedVulnerability }[];
  /** Entries whose day has passed: they count no more. */
  readonly expired: readonly AllowedVulnerability[];
  /** Entries that nothing needs. */
  readonly unused: readonly AllowedVulnerability[];
}

/** Reads an allow-list; every mistake in it is told. @param file for messages */
export function parseAllowList(text: string, file: string): AllowedVulnerability[] {
  const place = ([index, ...keys]: readonly PropertyKey[]) =>
    index === undefined
      ? file
      : `${file} entry ${Number(index) + 1}${keys.map((key) => `.${String(key)}`).join("")}`;
  return parseWithSchema(allowListSchema, yamlOf(text, file) ?? [], place, file);
}

function yamlOf(text: string, file: string): unknown {
  try {
    // A day stays as it is written.
    return parse(text, { schema: "core" });
  } catch (error) {
    const [problem = ""] = (error as Error).message.split("\n");
    throw new UserError(file, `is no YAML: ${problem}`, "See docs/vulnerabilities.md for its form.");
  }
}

/** What is open and what is allowed, on the day `today` (`2026-11-30`). */
export function sortByAllowList(
  found: readonly Vulnerability[],
  list: readonly AllowedVulnerability[],
  today: string,
): SortedVulnerabilities {
  const valid = list.filter(({ expires }) => expires >= today);
  const sorted = found.map((each) => ({ found: each, by: valid.find((one) => allows(one, each)) }));
  return {
    open: sorted.flatMap(({ found: each, by }) => (by ? [] : [each])),
    allowed: sorted.flatMap(({ found: each, by }) => (by ? [{ found: each, by }] : [])),
    expired: list.filter((one) => !valid.includes(one)),
    unused: valid.filter((one) => !found.some((each) => allows(one, each))),
  };
}

function allows({ id, package: name }: AllowedVulnerability, found: Vulnerability): boolean {
  const names = [found.id, ...found.aliases].map((each) => each.toLowerCase());
  const packages = [found.package, ...found.parts];
  return names.includes(id.toLowerCase()) && (name === undefined || packages.includes(name));
}

/** The day of today, as lists write it. */
export function today(now = new Date()): string {
  return now.toISOString().slice(0, 10);
}

/** What is to be told of a list beside what it allows. */
export function allowListNotes({
  expired,
  unused,
}: Pick<SortedVulnerabilities, "expired" | "unused">): string[] {
  const of = ({ id, package: name }: AllowedVulnerability) => (name ? `${id} in ${name}` : id);
  return [
    ...expired.map((one) => `allowed until ${one.expires}, so no more: ${of(one)} (${one.reason})`),
    ...unused.map((one) => `allowed, and not there any more: ${of(one)}`),
  ];
}

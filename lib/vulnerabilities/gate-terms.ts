import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { type AllowedVulnerability, allowedVulnerability, parseAllowList } from "./allow-list.ts";
import { gateLevels, type VulnerabilitiesSetting } from "./vulnerability-gate.ts";

/** A gate as a promotion is told of it: with what its allow-list says, so that another list judges again. */
export const gateTermsSchema = z.strictObject({
  gate: z.enum(gateLevels).exclude(["off"]),
  onlyFixed: z.boolean(),
  allow: z.array(allowedVulnerability),
  /** Where `allow` was read, for people. */
  file: z.string().optional(),
  database: z.string().optional(),
});
export type GateTerms = z.output<typeof gateTermsSchema>;

/** What keeps tags where they are; undefined where nothing does. @param folder where its paths begin */
export function gateTerms(
  setting: VulnerabilitiesSetting | undefined,
  folder: string,
): GateTerms | undefined {
  if (!setting || setting.gate === "off") return undefined;
  const { gate, onlyFixed, allow: file, database } = setting;
  return {
    gate,
    onlyFixed,
    allow: readAllowList(file, folder),
    ...(file === undefined ? {} : { file }),
    ...(database === undefined ? {} : { database }),
  };
}

/** Without a file nothing is allowed. */
export function readAllowList(file: string | undefined, folder: string): AllowedVulnerability[] {
  if (file === undefined) return [];
  try {
    return parseAllowList(readFileSync(resolve(folder, file), "utf8"), file);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      file,
      `cannot be read (${(error as NodeJS.ErrnoException).code}).`,
      "It lists what may be there (docs/vulnerabilities.md); strata:vulnerabilities.allow names it from the project's folder on.",
    );
  }
}

import { z } from "zod";

/** A record of OSV, as far as it is read: https://ossf.github.io/osv-schema/ */

const texts = z
  .array(z.string())
  .nullish()
  .transform((list) => list ?? []);

const rating = z.looseObject({ type: z.string(), score: z.string() });

const event = z.looseObject({
  introduced: z.string().optional(),
  fixed: z.string().optional(),
  last_affected: z.string().optional(),
});

const range = z.looseObject({
  type: z.string(),
  events: z
    .array(event)
    .nullish()
    .transform((list) => list ?? []),
});

const affected = z.looseObject({
  package: z.looseObject({ ecosystem: z.string(), name: z.string() }).nullish(),
  ranges: z
    .array(range)
    .nullish()
    .transform((list) => list ?? []),
  versions: texts,
  severity: z
    .array(rating)
    .nullish()
    .transform((list) => list ?? []),
  ecosystem_specific: z.looseObject({ urgency: z.string().optional().catch(undefined) }).nullish(),
});

export const osvRecordSchema = z.looseObject({
  id: z.string().min(1),
  withdrawn: z.string().nullish(),
  aliases: texts,
  /** What it is told from: a distribution's record names those that everybody knows. */
  upstream: texts,
  summary: z.string().nullish(),
  details: z.string().nullish(),
  severity: z
    .array(rating)
    .nullish()
    .transform((list) => list ?? []),
  affected: z
    .array(affected)
    .nullish()
    .transform((list) => list ?? []),
  database_specific: z.looseObject({ severity: z.string().optional().catch(undefined) }).nullish(),
});

export type OsvRecord = z.output<typeof osvRecordSchema>;
export type OsvAffected = OsvRecord["affected"][number];
export type OsvRange = OsvAffected["ranges"][number];

/** What is known of a record that is listed and cannot be read: its name. */
export function nameAlone(id: string): OsvRecord {
  return osvRecordSchema.parse({ id });
}

/** Records of Debian and Ubuntu have the name that everybody knows within their own. */
const distributionRecord = /^(?:DEBIAN|UBUNTU)-(CVE-\d+-\d+)$/;

/** Everything that a vulnerability is called, by one of its names. */
export function namesOf({ id, aliases, upstream }: OsvRecord): string[] {
  // An advisory of a distribution may be about several: none of them is its name.
  const single = upstream.length === 1 ? upstream : [];
  return [...new Set([id, ...aliases, ...single].flatMap(widenedNames))];
}

export function widenedNames(id: string): string[] {
  const known = distributionRecord.exec(id)?.[1];
  return known ? [id, known] : [id];
}

import { z } from "zod";
import { severities } from "./severity.ts";

const vulnerability = z.strictObject({
  id: z.string(),
  aliases: z.array(z.string()),
  package: z.string().describe("a wheel, a distribution's source package, a repository"),
  version: z.string(),
  parts: z.array(z.string()).describe("what of the image is made of it"),
  severity: z.enum(severities),
  score: z.number().nullable().describe("CVSS's base score"),
  fixed: z.string().nullable().describe("the version that has it mended"),
  summary: z.string(),
});

/** What a change adds to what is known against a product, and removes, as previews tell of it. */
export const vulnerabilityChangeSchema = z.strictObject({
  against: z.string().describe("the promoted digest, or a revision"),
  source: z.string().nullable().describe("who was asked"),
  added: z.array(vulnerability),
  removed: z.array(vulnerability),
  allowed: z
    .array(vulnerability.extend({ reason: z.string(), expires: z.string() }))
    .describe("added, and on the allow-list"),
  problem: z.string().nullable().describe("why nothing is known"),
  notes: z.array(z.string()),
});

export type VulnerabilityChange = z.output<typeof vulnerabilityChangeSchema>;

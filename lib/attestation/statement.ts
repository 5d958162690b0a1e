import { z } from "zod";
import { UserError } from "../../errors.ts";

/** https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md */
export const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";
/** Of a statement by itself, and as the payload of a signed envelope. */
export const IN_TOTO_TYPE = "application/vnd.in-toto+json";

/** The type under which trivy and Docker Scout look for a bill of materials. */
export const SPDX_TYPE = "application/spdx+json";

/** What is stated of a product, by the word for it in settings and tables. */
export const predicateTypes = {
  sbom: "https://spdx.dev/Document",
  /** SLSA 1.0 to 1.2. */
  provenance: "https://slsa.dev/provenance/v1",
  evidence: "https://in-toto.io/attestation/test-result/v0.1",
} as const;

export const predicateNames = [
  "sbom",
  "provenance",
  "evidence",
] as const satisfies (keyof typeof predicateTypes)[];
export type PredicateName = (typeof predicateNames)[number];

const digests = z.record(z.string(), z.string());

const statementSchema = z.looseObject({
  _type: z.literal(STATEMENT_TYPE),
  subject: z.array(z.looseObject({ name: z.string().optional(), digest: digests })).min(1),
  predicateType: z.string().min(1),
  predicate: z.looseObject({}),
});

/** Something stated about an image. */
export type Statement = z.infer<typeof statementSchema>;

/** A statement about an image. @param name the recipe @param digest `sha256:…` */
export function statementAbout(
  name: string,
  digest: string,
  predicateType: string,
  predicate: object,
): Statement {
  return {
    _type: STATEMENT_TYPE,
    subject: [{ name, digest: { sha256: digest.replace("sha256:", "") } }],
    predicateType,
    predicate: { ...predicate },
  };
}

/** @throws UserError for what is no statement. */
export function parseStatement(text: string, path: string): Statement {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    document = undefined;
  }
  const parsed = statementSchema.safeParse(document);
  if (parsed.success) return parsed.data;
  throw new UserError(path, "is no in-toto statement.", "Somebody else attached it, or it is damaged.");
}

/** Whether a statement is about the image `digest`, and about it alone. */
export function isAbout({ subject }: Statement, digest: string): boolean {
  return subject.every(({ digest: { sha256 } }) => `sha256:${sha256}` === digest);
}

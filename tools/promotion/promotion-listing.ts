import { z } from "zod";
import type { PromotionEntry } from "../../lib/evidence/promotions.ts";
import { inParallel } from "../../lib/in-parallel.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { readArtifact } from "../../oci/read/artifact.ts";
import { imageExists } from "../../oci/read/image.ts";
import { formatReference } from "../../oci/references.ts";
import { UNSAID } from "../../oci/write/put.ts";
import { digestOfTag } from "../../oci/write/tag.ts";
import { inRepository } from "./evidence-store.ts";
import { readPromotions, repositoryOf } from "./promotion-history.ts";

/** A history may hold 2000 promotions, and a registry that is asked for all at once refuses. */
const EVIDENCE_AT_ONCE = 8;

/** Evidence of any version, as far as a rollback reads it: an old image must not be lost to a new schema. */
const anyEvidence = z.looseObject({
  digest: z.string(),
  verdict: z.string(),
  startedAt: z.string(),
  host: z.looseObject({ kind: z.string() }).optional().catch(undefined),
  gpu: z.looseObject({ name: z.string() }).nullish().catch(undefined),
  checks: z.array(z.looseObject({ status: z.string() })),
});

/** What a list of promotions tells about evidence. */
export interface EvidenceLine {
  readonly artifact: string;
  readonly verdict: string;
  readonly testedAt: string;
  readonly host: string | null;
  readonly gpu: string | null;
  readonly passed: number;
  readonly skipped: number;
}

/** One entry of a tag's history, with its evidence; null where none is known or it cannot be read any more. */
export interface PromotionLine extends Omit<PromotionEntry, "evidence"> {
  readonly evidence: EvidenceLine | null;
}

/** Where a tag points and has pointed, in one repository. */
export interface TagListing {
  readonly repository: string;
  readonly tag: string;
  /** null for a tag that is not there. */
  readonly current: string | null;
  /** Whether somebody moved the tag without strata, since the newest entry. */
  readonly movedElsewhere: boolean;
  /** Newest first. */
  readonly promotions: readonly PromotionLine[];
}

/** Reads what a tag's history says, and where the tag really is. */
export async function listPromotions(
  repository: string,
  tag: string,
  transport: Transport,
): Promise<TagListing> {
  const { entries } = await readPromotions(repository, tag, transport);
  const current = await digestOfTag(formatReference({ ...repositoryOf(repository), tag }), transport);
  const promotions = await inParallel(
    EVIDENCE_AT_ONCE,
    entries.toReversed(),
    async ({ evidence, ...entry }): Promise<PromotionLine> => {
      if (evidence === null) return { ...entry, evidence };
      return { ...entry, evidence: await evidenceLine(repository, evidence, entry.digest, transport) };
    },
  );
  const last = entries.at(-1)?.digest;
  const movedElsewhere = current !== undefined && last !== undefined && current !== last;
  return { repository, tag, current: current ?? null, movedElsewhere, promotions };
}

/** Evidence as the registry has it under its digest; null where it is gone, or about another image. */
export async function evidenceLine(
  repository: string,
  artifact: string,
  digest: string,
  transport: Transport,
): Promise<EvidenceLine | null> {
  const stored = inRepository(repository, artifact);
  if (!(await imageExists(stored, transport, UNSAID))) return null;
  const storedArtifact = await readArtifact(stored, transport).catch(() => undefined);
  const evidence = storedArtifact && parsed(storedArtifact.payload);
  if (!evidence || evidence.digest !== digest) return null;
  const count = (outcome: string) => evidence.checks.filter(({ status }) => status === outcome).length;
  return {
    artifact,
    verdict: evidence.verdict,
    testedAt: evidence.startedAt,
    host: evidence.host?.kind ?? null,
    gpu: evidence.gpu?.name ?? null,
    passed: count("pass"),
    skipped: count("skip"),
  };
}

function parsed(payload: Buffer): z.infer<typeof anyEvidence> | undefined {
  try {
    return anyEvidence.safeParse(JSON.parse(payload.toString("utf8"))).data;
  } catch {
    return undefined;
  }
}

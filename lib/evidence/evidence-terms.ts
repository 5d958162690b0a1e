import { z } from "zod";
import { absentChecks } from "./check-results.ts";
import type { Evidence } from "./evidence.ts";

/** What evidence has to be to move a tag to a digest. */
export interface EvidenceTerms {
  readonly digest: string;
  /** Hash of today's checks: what passed others is tested again. */
  readonly checksKey: string;
  /** Days after which evidence says too little about today's drivers and hosts. */
  readonly maxAgeDays: number;
  /** `gpu`: only a machine with a GPU can speak for this image. */
  readonly host: "any" | "gpu";
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Why evidence does not move a tag, and what to do about it. */
export interface Objection {
  readonly problem: string;
  readonly remedy: string;
}

const DAY_MS = 86_400_000;
/** Clocks of two machines that disagree by so much are no reason. */
const SKEW_MS = 3_600_000;
const again = "Test again: make up RETEST=1.";

/** undefined for evidence that moves a tag. */
export function objection(evidence: Evidence, terms: EvidenceTerms): Objection | undefined {
  if (evidence.digest !== terms.digest)
    return { problem: `the evidence is about ${evidence.digest}.`, remedy: "Run `make up`." };
  if (evidence.verdict !== "pass")
    return { problem: `the evidence says ${evidence.verdict}.`, remedy: "Mend the image." };
  const absent = absentChecks(evidence);
  if (absent.length > 0)
    return { problem: `the evidence lacks ${absent.join(", ")}.`, remedy: "Run `make up`." };
  if (evidence.checksKey !== terms.checksKey)
    return { problem: "the evidence is by other checks than today's.", remedy: again };
  if (terms.host === "gpu" && !isByGpu(evidence)) {
    return {
      problem: `the evidence comes from ${evidence.host.kind === "builder" ? "the builder" : "a host"} without a GPU.`,
      remedy: "Test on a GPU host, or set strata:evidence.host to any, which wants strata:trim to be false.",
    };
  }
  const age = ageDays(evidence, terms.now);
  if (age > terms.maxAgeDays)
    return { problem: `the evidence is ${Math.floor(age)} days old, of ${terms.maxAgeDays}.`, remedy: again };
  if (isYetToCome(evidence, terms.now))
    return { problem: `the evidence is of ${evidence.startedAt}, which is yet to come.`, remedy: again };
  return undefined;
}

/**
 * The newest evidence that says something about the image by today's checks, from the host that is asked for: it decides,
 * whatever passed before. What nobody could tell decides nothing, and a failure counts wherever it was.
 *
 * @param found newest first
 * @param kinds kinds of host whose pass counts; all without it
 */
export function decisive<T extends { readonly evidence?: Evidence | undefined }>(
  found: readonly T[],
  { digest, checksKey, host, now }: Omit<EvidenceTerms, "maxAgeDays">,
  kinds?: readonly Evidence["host"]["kind"][],
): (T & { readonly evidence: Evidence }) | undefined {
  return found.find((each): each is T & { readonly evidence: Evidence } => {
    const { evidence } = each;
    if (!evidence || evidence.verdict === "inconclusive") return false;
    if (evidence.digest !== digest || evidence.checksKey !== checksKey) return false;
    // What the registry tells needs no GPU, and no host would tell otherwise.
    if (host === "gpu" && !isByGpu(evidence) && evidence.host.kind !== "registry") return false;
    // One of tomorrow would outvote every test until then.
    if (isYetToCome(evidence, now)) return false;
    return evidence.verdict === "fail" || kinds?.includes(evidence.host.kind) !== false;
  });
}

/** What a stack's state has to have kept of a pass, so that a failure can be held against it. */
export const recordedPass = z.object({
  digest: z.string(),
  checksKey: z.string(),
  startedAt: z.string(),
  gpu: z.looseObject({}).nullable().default(null),
});
export type RecordedPass = z.infer<typeof recordedPass>;

/**
 * The failure that outvotes a pass: a newer one by the same checks, whoever stored it. A builder's failure is no answer to
 * what a GPU said; a GPU's is one to what the builder said.
 *
 * @param found newest first
 */
export function outvoting<T extends { readonly evidence?: Evidence | undefined }>(
  found: readonly T[],
  passed: RecordedPass,
  now: number,
): (T & { readonly evidence: Evidence }) | undefined {
  const { digest, checksKey, startedAt, gpu } = passed;
  const newest = decisive(found, { digest, checksKey, host: gpu === null ? "any" : "gpu", now });
  if (newest?.evidence.verdict !== "fail") return undefined;
  return Date.parse(newest.evidence.startedAt) > Date.parse(startedAt) ? newest : undefined;
}

function isByGpu({ gpu, host }: Evidence): boolean {
  return gpu !== null && (host.kind !== "builder" || host.device !== undefined);
}

function isYetToCome(evidence: Evidence, now: number): boolean {
  return ageDays(evidence, now) * DAY_MS < -SKEW_MS;
}

/** Days since the test began. */
export function ageDays({ startedAt }: Pick<Evidence, "startedAt">, now: number): number {
  return (now - Date.parse(startedAt)) / DAY_MS;
}

import { completeRun } from "../../lib/evidence/check-results.ts";
import type { Evidence, RunReport } from "../../lib/evidence/evidence.ts";

/** The hash of the checks that `evidenceFor` says it is by. */
export const checksKey = "0123456789abcdef0123";

/** Evidence that an image passed everything a minute ago, inside the builder. @param reference `repository@sha256:…` */
export function evidenceFor(reference: string, more: Partial<Evidence> = {}): Evidence {
  return {
    schema: 3,
    verdict: "pass",
    startedAt: new Date(Math.floor(Date.now() / 1000) * 1000 - 60_000).toISOString(),
    seconds: 1,
    due: [...completeRun],
    checks: completeRun.map((id) => ({ id, title: id, status: "pass", seconds: 0 })),
    versions: { python: "3.11.2" },
    gpu: null,
    measurements: {},
    digest: reference.split("@")[1] ?? "",
    reference,
    recipe: "starter",
    generation: "cpu",
    checksKey,
    host: { kind: "builder" },
    preparation: {},
    cost: null,
    attempts: [],
    ...more,
  };
}

/** What the checks report of an image that passed everything, on a machine without a GPU. */
export const passedRun: RunReport = {
  schema: 3,
  verdict: "pass",
  startedAt: "2026-01-01T00:00:00Z",
  seconds: 10,
  due: [...completeRun],
  checks: completeRun.map((id) => ({ id, title: id, status: "pass", seconds: 1 })),
  versions: {},
  gpu: null,
  measurements: {},
};

/** What the component Promotion sets for tools/steps/promotion.ts; tags are separated by spaces. */
export function samplePromotionEnvironment(
  reference: string,
  tags: string,
): Readonly<Record<string, string>> {
  return {
    STRATA_REFERENCE: reference,
    STRATA_TAGS: tags,
    STRATA_CHECKS: checksKey,
    STRATA_MAX_AGE_DAYS: "30",
    STRATA_EVIDENCE_HOST: "any",
  };
}

/** What a machine with a GPU adds. */
export const onGpu: Pick<Evidence, "gpu" | "host"> = {
  gpu: { name: "NVIDIA L4", computeCapability: "8.9", driver: "580.65.06", memoryBytes: 24e9 },
  host: { kind: "ssh", name: "box" },
};

/** So many days ago. */
export const daysAgo = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString();

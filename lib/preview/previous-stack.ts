import { z } from "zod";
import { productOf } from "../plan/stage-changes.ts";
import type { EvidenceSummary } from "./preview-schema.ts";
import type { NextStack, PreviousStack, PreviousStage } from "./preview-stack.ts";

const stages = z.record(
  z.string(),
  z.object({
    key: z.string(),
    inputs: z.record(z.string(), z.string()),
    bytes: z.number().nullish().catch(undefined),
    role: z.string().optional().catch(undefined),
  }),
);
const product = z.object({
  reference: z.string(),
  digest: z.string(),
  bytes: z.number().nullish().catch(undefined),
  tags: z.array(z.string()).nullish().catch(undefined),
});
const evidence = z.object({
  verdict: z.string(),
  generation: z.string().optional().catch(undefined),
  digest: z.string().optional().catch(undefined),
  checksKey: z.string().optional().catch(undefined),
  host: z.object({ kind: z.string() }).optional().catch(undefined),
  startedAt: z.string().optional().catch(undefined),
  checks: z.array(z.object({ status: z.string() })),
  gpu: z.object({ name: z.string(), driver: z.string().optional() }).nullish().catch(undefined),
});

const promoted = z.object({ digest: z.string(), tags: z.array(z.string()) });

/** What a preview reads of a recorded stack: these fields and no other, each where it is as expected. */
const recordSchema = z.object({
  stages: stages.optional().catch(undefined),
  product: product.optional().catch(undefined),
  evidence: evidence.nullish().catch(undefined),
  promoted: promoted.nullish().catch(undefined),
  repository: z.string().optional().catch(undefined),
});

/** A stack as its last update left it, by what `recordedStack` read. A record of another version tells less, and never fails. */
export function previousFromRecord(record: unknown): PreviousStack {
  const {
    stages: recorded = {},
    product: image,
    evidence: run,
    promoted: moved,
    repository,
  } = recordSchema.parse(record ?? {});
  const list = Object.entries(recorded).map(
    ([name, { key, inputs, bytes, role }]): PreviousStage => ({
      name,
      key,
      inputs,
      bytes: roundedBytes(bytes),
      role: role ?? formerRole(inputs),
    }),
  );
  const recipe = productOf(list)?.name;
  const tags = (moved ?? image)?.tags?.map((reference) => reference.split(":").at(-1) ?? reference);
  return {
    comparedWith:
      list.length > 0 ? { kind: "outputs" } : { kind: "nothing", why: "the stack has not been updated yet" },
    stages: list,
    product: image?.digest ? { digest: image.digest, bytes: roundedBytes(image.bytes) } : null,
    platform: {
      ...(recipe ? { recipe } : {}),
      ...(run?.generation ? { generation: run.generation } : {}),
    },
    repository: image?.reference.split("@")[0] ?? repository ?? null,
    tags: tags ?? null,
    // In the former form a product was told of only once its tags had moved.
    promoted: moved === undefined ? image?.digest || null : (moved?.digest ?? null),
    checks: run?.checksKey ?? null,
    evidence: run ? summaryOf(run) : null,
    testedOn: run?.host?.kind ?? null,
  };
}

/** Stages without roles: the product is the stage whose Dockerfile a recipe makes, its own file or one of strata's. */
function formerRole(inputs: PreviousStage["inputs"]): "product" | null {
  return Object.keys(inputs).some((input) => /^file:.* \(image configuration\)$/.test(input))
    ? "product"
    : null;
}

/** A stack as another revision plans it: nothing of it need ever have been built. */
export function previousFromPlan(
  { plan, platform, repository, tags, checks }: NextStack,
  revision: string,
): PreviousStack {
  return {
    comparedWith: { kind: "revision", revision },
    stages: [...plan.stages, plan.product].map(({ name, key, inputs, role }) => ({
      name,
      key,
      inputs,
      bytes: null,
      role,
    })),
    product: null,
    promoted: null,
    platform,
    repository,
    tags,
    checks,
    evidence: null,
    contents: plan,
  };
}

/** A stack of which nothing is known, and why. */
export function noPreviousStack(why: string): PreviousStack {
  return {
    comparedWith: { kind: "nothing", why },
    stages: [],
    product: null,
    promoted: null,
    platform: {},
    repository: null,
    tags: null,
    checks: null,
    evidence: null,
  };
}

function summaryOf({ verdict, digest, startedAt, checks, gpu }: z.infer<typeof evidence>): EvidenceSummary {
  const count = (outcome: string) => checks.filter(({ status }) => status === outcome).length;
  return {
    verdict,
    digest: digest ?? null,
    passed: count("pass"),
    failed: count("fail"),
    skipped: count("skip"),
    inconclusive: count("inconclusive"),
    gpu: gpu?.name ?? null,
    driver: gpu?.driver ?? null,
    at: startedAt ?? null,
  };
}

function roundedBytes(bytes: number | null | undefined): number | null {
  return bytes === null || bytes === undefined ? null : Math.round(bytes);
}

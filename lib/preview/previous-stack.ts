import { z } from "zod";
import { productOf } from "../plan/stage-changes.ts";
import { REDACTED } from "../redact.ts";
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

/** What a preview reads of a stack's outputs: these fields and no other, each where it is as expected. */
const outputsSchema = z.object({
  stages: stages.optional().catch(undefined),
  product: product.optional().catch(undefined),
  evidence: evidence.nullish().catch(undefined),
});

/** A stack as its last update left it. Outputs of another version tell less, and never fail. */
export function previousFromOutputs(outputs: unknown): PreviousStack {
  const { stages: exported = {}, product: image, evidence: run } = outputsSchema.parse(outputs ?? {});
  const list = Object.entries(exported).map(
    ([name, { key, inputs, bytes, role }]): PreviousStage => ({
      name,
      key,
      inputs,
      bytes: roundedBytes(bytes),
      role: role ?? formerRole(inputs),
    }),
  );
  const recipe = productOf(list)?.name;
  const tags = image?.tags?.map((reference) => reference.split(":").at(-1) ?? reference);
  return {
    comparedWith:
      list.length > 0 ? { kind: "outputs" } : { kind: "nothing", why: "the stack has not been updated yet" },
    stages: list,
    product: image?.digest ? { digest: image.digest, bytes: roundedBytes(image.bytes) } : null,
    platform: {
      ...(recipe ? { recipe } : {}),
      ...(run?.generation ? { generation: run.generation } : {}),
    },
    repository: image?.reference.split("@")[0] ?? null,
    tags: tags ?? null,
    checks: run?.checksKey ?? null,
    evidence: run ? summaryOf(run) : null,
    testedOn: run?.host?.kind ?? null,
  };
}

/** Outputs without roles: the product is the stage whose Dockerfile a recipe makes, its own file or one of strata's. */
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
    platform,
    repository,
    tags,
    checks,
    evidence: null,
  };
}

/** A stack of which nothing is known, and why. */
export function noPreviousStack(why: string): PreviousStack {
  return {
    comparedWith: { kind: "nothing", why },
    stages: [],
    product: null,
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

/** Pulumi's mark of an encrypted value in a state file. */
const secretMark = "4dabf18193072939515e22adb298388d";

/** The outputs in a state file of Pulumi's file backend; undefined where there is none. */
export function outputsInState(state: unknown): unknown {
  const resources = stateSchema.safeParse(state).data?.checkpoint.latest?.resources ?? [];
  const outputs = resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs;
  return withoutCiphertext(outputs);
}

const stateSchema = z.object({
  checkpoint: z.object({
    latest: z
      .object({
        resources: z.array(z.object({ type: z.string(), outputs: z.unknown() })).nullish(),
      })
      .nullish(),
  }),
});

function withoutCiphertext(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutCiphertext);
  if (value === null || typeof value !== "object") return value;
  if (secretMark in value) return REDACTED;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, withoutCiphertext(entry)]));
}

import { type Config, parseConfig } from "../../config.ts";
import type { ProductLabels } from "../../lib/plan/product.ts";
import type { Cause } from "../../lib/plan/stage-changes.ts";
import { type Attempt, previewAll } from "../../lib/preview/all-stacks.ts";
import { emptyHistory, type History } from "../../lib/preview/build-history.ts";
import type { PlannedStack, Preview, StagePreview } from "../../lib/preview/preview-schema.ts";
import type { NextStack, PreviousStack, PreviousStage } from "../../lib/preview/preview-stack.ts";
import { previousFromPlan } from "../../lib/preview/previous-stack.ts";
import { limitsKind } from "../../lib/registry/limits.ts";
import { imageRepository } from "../../lib/registry/registry-setting.ts";
import { planStack } from "../../recipes/stack-plan.ts";

export const previewLabels: ProductLabels = {
  source: null,
  revision: "f".repeat(40),
  created: "2026-01-01T00:00:00.000Z",
};

/** A stack as the checkout at `root` plans it, by settings as Pulumi stores them. */
export function plannedBy(
  root: string,
  settings: Readonly<Record<string, string>> = {},
  { stack = "dev", labelled = previewLabels }: { stack?: string; labelled?: ProductLabels } = {},
): NextStack {
  const raw = Object.entries(settings).map(([key, value]) => [`strata:${key}`, value]);
  const config: Config = parseConfig(Object.fromEntries(raw));
  const folders = { root, localImages: "none.json" };
  const { plan, checks, tags, platform } = planStack(config, folders, labelled);
  const { registry, copies } = config;
  return {
    stack,
    plan,
    checks,
    test: { hosts: config.host, budget: config.budget },
    rent: config,
    repository: imageRepository(registry, "127.0.0.1:5000"),
    limits: [registry, ...copies].map(limitsKind),
    tags,
    platform: { ...platform, computeCapabilities: [...platform.computeCapabilities] },
  };
}

/** One plan against another. */
export function previewBetween(before: NextStack, after: NextStack): PlannedStack {
  return onlyPlanned(
    previewOf([
      {
        stack: after.stack,
        planned: after,
        previous: previousFromPlan(before, "0".repeat(40)),
        engine: null,
      },
    ]),
  );
}

export function previewOf(
  attempts: readonly Attempt[],
  { history = emptyHistory, secrets = [] }: { history?: History; secrets?: readonly string[] } = {},
): Preview {
  return previewAll(attempts, { revision: "f".repeat(40), history, commits: new Map(), secrets });
}

/** The one stack of a preview that could be planned. */
export function onlyPlanned({ stacks }: Preview): PlannedStack {
  const [stack] = stacks;
  if (!stack || stack.verdict === "failed") throw new Error(`no planned stack: ${JSON.stringify(stack)}`);
  return stack;
}

/** A stage of a preview that nothing happens to, unless it is said. */
export function stagePreview(name: string, more: Partial<StagePreview> = {}): StagePreview {
  return {
    name,
    role: "stage",
    verdict: "unchanged",
    key: `key-of-${name}`,
    parents: [],
    causes: [],
    atMost: false,
    sharedWith: [],
    expected: null,
    ...more,
  };
}

/** A stack of a preview in which nothing happens, unless it is said. */
export function stackPreview(stack: string, more: Partial<PlannedStack> = {}): PlannedStack {
  const none = { longest: 0, all: 0, bytes: 0, unknown: [], sure: "none" } as const;
  return {
    stack,
    verdict: "unchanged",
    comparedWith: { kind: "outputs" },
    platform: {
      recipe: "starter",
      generation: "ada",
      cuda: "13.0",
      computeCapabilities: ["8.9"],
      minimumDriver: "580.65.06",
    },
    before: {},
    counts: { create: 0, rebuild: 0, unchanged: 0, remove: 0 },
    stages: [],
    settings: [],
    expected: { ...none, unknown: [] },
    size: { before: null, after: null, sure: "none" },
    trim: null,
    promoted: null,
    packages: [],
    nodes: [],
    models: [],
    pins: [],
    evidence: null,
    test: null,
    builder: null,
    vulnerabilities: null,
    engine: null,
    notes: [],
    ...more,
  };
}

/** A whole preview of such stacks. */
export function samplePreview(stacks: Preview["stacks"], more: Partial<Preview> = {}): Preview {
  return {
    format: 1,
    revision: "f".repeat(40),
    stacks: [...stacks],
    shared: [],
    expected: { longest: 0, all: 0, bytes: 0, unknown: [], sure: "none" },
    ...more,
  };
}

/** What a stack was, by its plan, as if it had been built: every stage of `bytes`. */
export function builtFrom(planned: NextStack, bytes: number): PreviousStack {
  const stages: PreviousStage[] = [...planned.plan.stages, planned.plan.product].map(
    ({ name, key, inputs, role }) => ({
      name,
      key,
      inputs,
      role,
      bytes: name === planned.plan.recipe ? bytes * planned.plan.product.parents.length : bytes,
    }),
  );
  return {
    ...previousFromPlan(planned, ""),
    comparedWith: { kind: "outputs" },
    stages,
    product: { digest: `sha256:${"d".repeat(64)}`, bytes: bytes * planned.plan.product.parents.length },
  };
}

/** A reason why a stage is rebuilt; from 1 to 2 where nothing else is said. */
export const sampleCause = (
  kind: string,
  name: string,
  before: string | null = "1",
  after: string | null = "2",
): Cause => ({
  kind,
  name,
  before,
  after,
});

/** A test that is due on a host with a GPU, whose time nobody knows. */
export const dueTest: NonNullable<PlannedStack["test"]> = {
  ...{
    due: true,
    kind: "ssh",
    gpu: true,
    where: "gpu.test",
    instance: null,
    spot: false,
    dollarsPerHour: null,
  },
  ...{ minutes: null, dollars: null, budget: 50, basis: "none", runs: 0, onEc2: null },
};

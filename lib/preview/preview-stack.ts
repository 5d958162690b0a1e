import type { GenerationName } from "../gpu/generations.ts";
import { type HostSetting, isGpuBuilder } from "../hosts/host-setting.ts";
import type { Plan } from "../plan/plan.ts";
import { isExplained, type KeyedStage, type StageChange, stageChanges } from "../plan/stage-changes.ts";
import { REDACTED } from "../redact.ts";
import type { RegistryKind } from "../registry/limits.ts";
import { soundsSecret } from "../secrets.ts";
import type { PlannedProduct } from "../vulnerabilities/bill-parts.ts";
import type { VulnerabilitiesSetting } from "../vulnerabilities/vulnerability-gate.ts";
import type { History } from "./build-history.ts";
import { expectedStage, sumUp } from "./estimate.ts";
import { expectedSize, trimOf } from "./expected-size.ts";
import { expectedBuilder, expectedTest, type RentPlan, type TestPlan } from "./expected-test.ts";
import { type CommitIndex, movesBetween } from "./moves.ts";
import type {
  ComparedWith,
  EvidenceSummary,
  PlannedStack,
  Platform,
  StagePreview,
} from "./preview-schema.ts";
import { isConsequence } from "./words.ts";

/** What this checkout makes of a stack. */
export interface NextStack {
  readonly stack: string;
  readonly plan: Plan;
  readonly platform: Platform;
  /** Where images go, without a tag; null where only an update finds out. */
  readonly repository: string | null;
  /** Whose limits its layers have to keep: the registry's and those of its copies. */
  readonly limits: readonly RegistryKind[];
  /** Tags that a tested product gets. */
  readonly tags: readonly string[];
  /** Hash over the smoke checks. */
  readonly checks: string;
  /** Where it is tested; absent where an older revision says nothing about it. */
  readonly test?: Pick<TestPlan, "hosts" | "budget" | "memory" | "builderGpu"> | undefined;
  /** Where its heavy stages are built; absent where an older revision says nothing about it. */
  readonly rent?: RentPlan | undefined;
  readonly vulnerabilities?: VulnerabilitiesSetting | undefined;
}

/** A stage as it was, with its compressed size where that was measured. */
export interface PreviousStage extends KeyedStage {
  readonly bytes: number | null;
  /** null where nobody said. */
  readonly role: string | null;
}

/** What a stack was before: by its state, or by the plan of another revision. */
export interface PreviousStack {
  readonly comparedWith: ComparedWith;
  readonly stages: readonly PreviousStage[];
  readonly product: { readonly digest: string; readonly bytes: number | null } | null;
  /** The digest that its tags point at: after a failed test another one than the product's. */
  readonly promoted: string | null;
  readonly platform: Partial<Platform>;
  readonly repository: string | null;
  /** null: not known, which is no change. */
  readonly tags: readonly string[] | null;
  readonly checks: string | null;
  readonly evidence: EvidenceSummary | null;
  /** The kind of host that the evidence comes from; null: not known, which is no change. */
  readonly testedOn?: string | null;
  /** What its product is made of, where a plan says it. */
  readonly contents?: PlannedProduct;
}

/** What is known beside the stack itself. */
export interface PreviewContext {
  readonly history: History;
  readonly commits: CommitIndex;
  /** Other stacks that will have a key, by key. */
  readonly sharedWith: (key: string) => readonly string[];
  /** Compressed sizes of the stages that other stacks have already in the same repository, by key. */
  readonly built: ReadonlyMap<string, number | null>;
}

/** What the next update does with a stack, and why. */
export function previewStack(
  planned: NextStack,
  previous: PreviousStack,
  surroundings: PreviewContext,
): PlannedStack {
  const { plan, platform } = planned;
  const after = [...plan.stages, plan.product];
  const changes = stageChanges(previous.stages, after);
  const stages = changes.map((change) => previewStage(change, planned, surroundings));
  const settings = settingChanges(planned, previous);
  const count = (verdict: StageChange["verdict"]) =>
    changes.filter((change) => change.verdict === verdict).length;
  const counts = {
    create: count("create"),
    rebuild: count("rebuild"),
    unchanged: count("unchanged"),
    remove: count("remove"),
  };
  const changed = counts.unchanged < changes.length || settings.length > 0;
  // Nothing moved in a stage of which nobody knows what it was made of.
  const obscure = previous.stages.filter((stage) => !isExplained(stage)).map(({ name }) => name);
  const explained = after.filter(({ name }) => !obscure.includes(name));
  const moves = movesBetween(previous.stages, explained, surroundings.commits);
  return {
    stack: planned.stack,
    verdict: previous.stages.length === 0 ? "new" : changed ? "changed" : "unchanged",
    comparedWith: previous.comparedWith,
    platform,
    before: previous.platform,
    counts,
    stages,
    settings,
    expected: sumUp(stages),
    size: expectedSize(plan.product.parents, stages, previous),
    trim: trimOf(plan, platform),
    promoted:
      previous.promoted === null ? null : { digest: previous.promoted, tags: [...(previous.tags ?? [])] },
    // Everything is new in a new stack: a list of it would say nothing.
    ...(previous.stages.length === 0
      ? { packages: [], nodes: [], models: [], pins: [] }
      : {
          packages: [...moves.packages],
          nodes: [...moves.nodes],
          models: [...moves.models],
          pins: [...moves.pins],
        }),
    evidence: previous.evidence,
    test: testOf(planned, previous, stages, surroundings),
    builder: expectedBuilder(planned.rent, plan.stages, builtOf(stages, surroundings)),
    vulnerabilities: null,
    engine: null,
    notes: [],
  };
}

/** Stages that are built, and that no other stack has in the same repository already. */
function builtOf(stages: readonly StagePreview[], { built }: PreviewContext): string[] {
  return stages
    .filter(({ verdict, key }) => (verdict === "create" || verdict === "rebuild") && !(key && built.has(key)))
    .map(({ name }) => name);
}

/** A test is due when what is tested, how or where changes, or the last one failed; a digest that passed is not tested again. */
function testOf(
  { test, platform, checks }: NextStack,
  previous: PreviousStack,
  stages: readonly StagePreview[],
  { history }: PreviewContext,
): PlannedStack["test"] {
  if (!test) return null;
  const changed = stages.find(({ role }) => role === "product")?.verdict !== "unchanged";
  const { comparedWith, evidence } = previous;
  const passed = evidence === null ? comparedWith.kind !== "outputs" : evidence.verdict !== "fail";
  const sameChecks = previous.checks === null || previous.checks === checks;
  const sameHost = !previous.testedOn || test.hosts.some((host) => isLike(host, previous));
  const plan = { ...test, ...platform, generation: platform.generation as GenerationName };
  return expectedTest(plan, changed || !passed || !sameChecks || !sameHost, history);
}

/** Whether a host is of the kind that the evidence comes from. */
function isLike(host: HostSetting, { testedOn, evidence }: PreviousStack): boolean {
  return host.kind === testedOn && !(isGpuBuilder(host) && evidence?.gpu === null);
}

function previewStage(
  { stage: name, verdict, causes }: StageChange,
  { plan, platform }: NextStack,
  { history, sharedWith, built }: PreviewContext,
): StagePreview {
  const stage = [...plan.stages, plan.product].find((candidate) => candidate.name === name);
  const builds = stage && verdict !== "unchanged" && verdict !== "remove";
  return {
    name,
    role: stage?.role ?? null,
    verdict,
    key: stage?.key ?? null,
    parents: [...(stage?.parents ?? [])],
    causes: causes.map((cause) => (soundsSecret(cause.name) ? withoutValues(cause) : cause)),
    atMost: verdict === "rebuild" && causes.every(isConsequence),
    sharedWith: stage ? [...sharedWith(stage.key)] : [],
    expected: builds ? expectedStage(stage, { ...platform, history, built }) : null,
  };
}

function withoutValues<T extends { before: string | null; after: string | null }>(cause: T): T {
  const { before, after } = cause;
  return { ...cause, before: before === null ? null : REDACTED, after: after === null ? null : REDACTED };
}

/** What an update does beside building: another repository, tags, other smoke checks. */
function settingChanges(planned: NextStack, previous: PreviousStack): PlannedStack["settings"] {
  if (previous.stages.length === 0) return [];
  const moved = (kind: string, name: string, before: string | null, after: string | null) =>
    before !== null && after !== null && before !== after ? [{ kind, name, before, after }] : [];
  const tags = previous.tags ?? planned.tags;
  return [
    ...moved("registry", "repository", previous.repository, planned.repository),
    ...moved("checks", "smoke/", previous.checks, planned.checks),
    ...planned.tags
      .filter((tag) => !tags.includes(tag))
      .map((tag) => ({ kind: "tag", name: tag, before: null, after: tag })),
    ...tags
      .filter((tag) => !planned.tags.includes(tag))
      .map((tag) => ({ kind: "tag", name: tag, before: tag, after: null })),
  ];
}

import type { Weighty } from "../builders/aws-instances.ts";
import { builderInstances, ESTIMATED_BUILDER_MINUTES } from "../builders/aws-setting.ts";
import { type BuilderChoice, isRented, stackBuilders } from "../builders/builder-setting.ts";
import { type GenerationName, generation } from "../gpu/generations.ts";
import { instancesWith, type MemoryNeed } from "../gpu/memory.ts";
import type { BuilderGpu } from "../hosts/builder-gpu.ts";
import {
  type Budget,
  ESTIMATED_MINUTES,
  type HostSetting,
  isGpuBuilder,
  permittedInstances,
} from "../hosts/host-setting.ts";
import { dearest } from "../machines/rented.ts";
import type { History, TestRun } from "./build-history.ts";
import { median } from "./estimate.ts";
import type { ExpectedTest, PlannedStack, StackPreview } from "./preview-schema.ts";

/** Where a stack's product is tested, and what that may cost. */
export interface TestPlan {
  readonly hosts: readonly HostSetting[];
  readonly budget: Budget;
  readonly recipe: string;
  readonly generation: GenerationName;
  /** What the product's own workflows need; absent where a test runs none. */
  readonly memory?: MemoryNeed | undefined;
  /** What the builder says of the GPU that a test wants; absent where none wants it, or nobody was asked. */
  readonly builderGpu?: BuilderGpu | undefined;
}

/**
 * What a test of the stack takes, on the first of its hosts: the others are asked only when that one is in trouble.
 *
 * @param due whether the next update tests at all
 */
export function expectedTest(plan: TestPlan, due: boolean, history: History): ExpectedTest | null {
  const [host] = plan.hosts;
  if (!host) return null;
  const { where, instance, spot, dollarsPerHour } = facts(host, plan);
  const machine = instance ?? plan.builderGpu?.device ?? null;
  const runs = runsLike({ recipe: plan.recipe, kind: host.kind, instance: machine }, history.tests ?? []);
  const isRented = dollarsPerHour !== null;
  const minutes =
    runs.length > 0 ? median(runs.map((run) => run.minutes)) : isRented ? ESTIMATED_MINUTES : null;
  const dollars = isRented && minutes !== null ? (dollarsPerHour * minutes) / 60 : null;
  return {
    due,
    kind: host.kind,
    gpu: isOnGpu(host, plan),
    where,
    instance,
    spot,
    dollarsPerHour,
    minutes: minutes === null ? null : Math.round(minutes * 10) / 10,
    dollars: dollars === null ? null : cents(dollars),
    budget: plan.budget.dollars,
    basis: runs.length > 0 ? "history" : minutes === null ? "none" : "estimate",
    runs: runs.length,
    onEc2: host.kind === "builder" && !isGpuBuilder(host) ? onEc2(plan) : null,
  };
}

/** What a test on a GPU would be at most; null where no GPU is needed. */
function onEc2({ generation: name, memory }: TestPlan): ExpectedTest["onEc2"] {
  const { testedOn } = generation(name);
  const instances = testedOn ? instancesWith(testedOn, memory) : [];
  const dollarsPerHour = dearest(instances);
  if (!instances[0] || dollarsPerHour === null) return null;
  const minutes = ESTIMATED_MINUTES;
  const dollars = cents((dollarsPerHour * minutes) / 60);
  return { instance: instances[0].type, dollarsPerHour, minutes, dollars };
}

function cents(dollars: number): number {
  return Math.round(dollars * 100) / 100;
}

/** Where a stack's heavy stages are built, and what that may cost. */
export type RentPlan = BuilderChoice & { readonly budget: Budget };

/** What is rented for heavy stages. @param due names of the stages that are built */
export function expectedBuilder(
  plan: RentPlan | undefined,
  stages: readonly (Weighty & { readonly name: string })[],
  due: readonly string[],
): PlannedStack["builder"] {
  const setting = plan && stackBuilders(plan).heavy.setting;
  const heavy = stages.filter(({ weight }) => weight !== undefined);
  const built = heavy.filter(({ name }) => due.includes(name)).map(({ name }) => name);
  if (!setting || !isRented(setting) || built.length === 0) return null;
  const instances = builderInstances(setting, heavy);
  const dollarsPerHour = dearest(instances) ?? 0;
  return {
    instance: instances[0]?.type ?? "no instance type",
    where: setting.region,
    spot: setting.spot,
    dollarsPerHour,
    minutes: ESTIMATED_BUILDER_MINUTES,
    dollars: cents((dollarsPerHour * ESTIMATED_BUILDER_MINUTES) / 60),
    budget: plan.budget.dollars,
    stages: built,
  };
}

/** What the tests of several stacks cost together, of those that are due. */
export function dollarsOfAll(stacks: readonly StackPreview[]): number {
  return sumOf(stacks, ({ test }) => (test?.due ? (test.dollars ?? 0) : 0));
}

/** The same of what is rented for their heavy stages. */
export function rentOfAll(stacks: readonly StackPreview[]): number {
  return sumOf(stacks, ({ builder }) => builder?.dollars ?? 0);
}

function sumOf(stacks: readonly StackPreview[], dollars: (stack: PlannedStack) => number): number {
  return stacks.reduce((sum, stack) => sum + (stack.verdict === "failed" ? 0 : dollars(stack)), 0);
}

type Facts = Pick<ExpectedTest, "where" | "instance" | "spot" | "dollarsPerHour">;

function isOnGpu(host: HostSetting, { generation: name }: TestPlan): boolean {
  if (host.kind === "aws" || host.kind === "builder") return host.kind === "aws" || isGpuBuilder(host);
  return host.gpu ?? generation(name).testedOn !== null;
}

function facts(host: HostSetting, { generation: name, memory, builderGpu }: TestPlan): Facts {
  const free = { instance: null, spot: false, dollarsPerHour: null };
  switch (host.kind) {
    case "builder":
      return {
        ...free,
        where: isGpuBuilder(host)
          ? `the builder's GPU${builderGpu?.device === undefined ? "" : ` (${builderGpu.device})`}`
          : "the builder",
      };
    case "docker":
      return { ...free, where: `${host.engine} on this machine` };
    case "ssh":
      return { ...free, where: host.address, dollarsPerHour: host.dollarsPerHour ?? null };
    case "aws": {
      const instances = permittedInstances(host, generation(name), memory);
      return {
        where: host.region,
        instance: instances[0]?.type ?? null,
        spot: host.spot,
        dollarsPerHour: dearest(instances),
      };
    }
  }
}

/** Tests of the same recipe on the same kind of host: on the same instance type, else on any. */
function runsLike(
  target: { readonly recipe: string; readonly kind: string; readonly instance: string | null },
  tests: readonly TestRun[],
): readonly TestRun[] {
  const like = tests.filter(({ recipe, kind }) => recipe === target.recipe && kind === target.kind);
  const same = like.filter(({ instance }) => instance === target.instance);
  return same.length > 0 ? same : like;
}

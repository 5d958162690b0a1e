import type { GenerationName } from "../gpu/generations.ts";
import { trimmablePackages, trimSaving } from "../gpu/trimming.ts";
import type { Plan } from "../plan/plan.ts";
import { type KeyedStage, productOf } from "../plan/stage-changes.ts";
import { leastConfidence } from "./estimate.ts";
import type { Confidence, PlannedStack, Platform, StagePreview } from "./preview-schema.ts";

type Size = PlannedStack["size"];

/** Compressed sizes as they were; null where nobody measured. */
interface FormerSizes {
  readonly product: { readonly bytes: number | null } | null;
  readonly stages: readonly (KeyedStage & { readonly role: string | null; readonly bytes: number | null })[];
}

/**
 * The product's size after the update: what it was, and what its stages gain or lose. A changed stage is taken to have
 * the size of its earlier builds, or else its former one; where it has neither, the size is not known.
 *
 * @param inImage the stages that the product is put together from
 */
export function expectedSize(
  inImage: readonly string[],
  stages: readonly StagePreview[],
  previous: FormerSizes,
): Size {
  const before = previous.product?.bytes ?? null;
  const former = new Map(previous.stages.map(({ name, bytes }) => [name, bytes]));
  const sizes = stages
    .filter(({ name }) => inImage.includes(name))
    .map((stage) => ({
      was: former.get(stage.name) ?? null,
      ...sizeOf(stage, former.get(stage.name) ?? null),
    }));
  if (stages.every(({ verdict }) => verdict === "unchanged")) {
    return { before, after: before, sure: before === null ? "none" : "high" };
  }
  if (sizes.some(({ bytes }) => bytes === null)) return { before, after: null, sure: "none" };
  const sure = leastConfidence(sizes.map((size) => size.sure));
  const total = (values: readonly (number | null)[]) =>
    values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
  const now = total(sizes.map(({ bytes }) => bytes));
  if (before === null) return { before, after: now, sure };
  // The product is its layers and a configuration of a few kilobytes, which the former size has in it.
  const layers = Object.keys(productOf(previous.stages)?.inputs ?? {});
  const removed = stages
    .filter(({ verdict, name }) => verdict === "remove" && layers.includes(`parent:${name}`))
    .map(({ name }) => former.get(name) ?? 0);
  const gained = sizes.reduce((sum, { bytes, was }) => sum + (bytes ?? 0) - (was ?? 0), 0);
  return { before, after: Math.max(0, before + gained - total(removed)), sure };
}

function sizeOf(
  { verdict, expected }: StagePreview,
  former: number | null,
): { bytes: number | null; sure: Confidence } {
  if (verdict === "unchanged") return { bytes: former, sure: "high" };
  if (expected && expected.bytes !== null) {
    const exact = expected.basis === "built" || expected.basis === "key";
    return { bytes: expected.bytes, sure: exact ? "high" : expected.sure };
  }
  return { bytes: former, sure: "low" };
}

/** Bytes that are worth a line. */
const WORTH_TELLING = 10e6;

/** What a stack spares by leaving GPU code for other cards out, or would spare. */
export function trimOf(
  { stages }: Pick<Plan, "stages">,
  { generation }: Pick<Platform, "generation">,
): PlannedStack["trim"] {
  const inImage = stages.filter(({ role }) => role === "stage");
  const installed = inImage.flatMap(({ inputs }) =>
    Object.keys(inputs).flatMap((input) => (input.startsWith("package:") ? [{ name: input.slice(8) }] : [])),
  );
  const packages = trimmablePackages(installed).map(([name]) => name);
  const bytes = Math.round(trimSaving(packages, generation as GenerationName));
  if (bytes < WORTH_TELLING) return null;
  return { on: inImage.some(({ files }) => files.some(({ path }) => path === "trim.json")), bytes, packages };
}

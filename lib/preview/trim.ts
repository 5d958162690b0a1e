import type { GenerationName } from "../gpu/generations.ts";
import { trimmablePackages, trimSaving } from "../gpu/trimming.ts";
import type { Plan } from "../plan/plan.ts";
import type { PlannedStack } from "./preview-schema.ts";

/** Bytes that are worth a line. */
const WORTH_TELLING = 10e6;

/** What a stack spares by leaving GPU code for other cards out, or would spare. */
export function trimOf({ stages }: Pick<Plan, "stages">, generation: GenerationName): PlannedStack["trim"] {
  const inImage = stages.filter(({ role }) => role === "stage");
  const installed = inImage.flatMap(({ inputs }) =>
    Object.keys(inputs).flatMap((input) => (input.startsWith("package:") ? [{ name: input.slice(8) }] : [])),
  );
  const packages = trimmablePackages(installed).map(([name]) => name);
  const bytes = Math.round(trimSaving(packages, generation));
  if (bytes < WORTH_TELLING) return null;
  return { on: inImage.some(({ files }) => files.some(({ path }) => path === "trim.json")), bytes, packages };
}

import { totalmem } from "node:os";
import prettyBytes from "pretty-bytes";
import type { Config } from "../../config.ts";
import { kindOfBuilder, stackBuilders } from "../../lib/builders/builder-setting.ts";
import type { Plan } from "../../lib/plan/plan.ts";

/**
 * What to know of heavy stages that would be built on this machine: of which one compiler takes more than a part of its
 * memory that others leave. Undefined where all is well, or they are built elsewhere.
 *
 * @param memory bytes of this machine
 */
export function heavyWarning(
  { stages }: Plan,
  config: Pick<Config, "builder" | "builders">,
  memory = totalmem(),
): string | undefined {
  const { heavy } = stackBuilders(config);
  if (kindOfBuilder(heavy.setting) !== "local") return undefined;
  const greedy = stages.flatMap(({ name, weight }) =>
    weight && weight.compilerMemory > memory * USABLE
      ? [`${name} (${prettyBytes(weight.compilerMemory)})`]
      : [],
  );
  if (greedy.length === 0) return undefined;
  return `warning: this machine has ${prettyBytes(memory)} of memory, and one compiler of ${greedy.join(", ")} takes most of it; strata:builders.heavy builds such stages elsewhere (docs/builders.md)`;
}

/** Part of a machine's memory that a compiler may take. */
const USABLE = 0.75;

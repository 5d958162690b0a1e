import type { Home } from "../../home.ts";
import { findBuilder } from "../builder/find-builder.ts";
import { attempt } from "../program/exec.ts";
import { type BuildRecord, buildHistories } from "../services/build-histories.ts";

/** The log of the last failed build of the image `target`, from its builder itself; undefined where it has none. */
export async function builderLog(
  home: Home,
  name: string,
  target: string,
  environment: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  const { buildctl } = await findBuilder(home, name, environment);
  if (!buildctl) return undefined;
  const ref = lastFailure(await buildHistories(buildctl, environment), target);
  if (!ref) return undefined;
  const [program, ...words] = buildctl;
  const log = await attempt(program, [...words, "debug", "logs", ref], { env: environment, timeout: 20_000 });
  return log.ok || log.stdout ? log.all : undefined;
}

/** The reference of the latest failed build of `target`. */
export function lastFailure(records: readonly BuildRecord[], target: string): string | undefined {
  return records.findLast(({ hasFailed, names }) => hasFailed && names.includes(target))?.ref;
}

import { z } from "zod";
import { UserError } from "../../errors.ts";
import { attempt } from "../program/exec.ts";

/** A line of `buildctl debug histories`; BuildKit 0.31.1, api/services/control: what runs has no time of its end. */
const lineSchema = z.object({ record: z.object({ Ref: z.string(), CompletedAt: z.unknown().optional() }) });

/**
 * A builder that is to be replaced, as its settings are others now, is left alone while it builds: clones of two versions may
 * share a home, and the update of one would end with the builder.
 *
 * @param buildctl program and words before its own that reach the builder
 * @throws UserError while somebody builds
 */
export async function refuseWhileBuilding([program, ...words]: readonly [
  string,
  ...string[],
]): Promise<void> {
  const { stdout } = await attempt(program, [...words, "debug", "histories", "--format", "{{json .}}"], {
    timeout: 10_000,
  });
  const running = runningBuilds(stdout);
  if (running === 0) return;
  throw new UserError(
    "builder",
    `${running} ${running === 1 ? "build of another run is" : "builds of other runs are"} in it, and it would have to start anew: this run wants other settings of it (another version of strata, other registries' authorities, or another STRATA_BUILDER_GC_GB).`,
    "Wait until that run is over, or give this one a home of its own (STRATA_HOME).",
  );
}

/** Builds that have no end yet, in what `buildctl debug histories --format '{{json .}}'` prints. */
export function runningBuilds(histories: string): number {
  return histories.split("\n").filter((line) => {
    try {
      const { data } = lineSchema.safeParse(JSON.parse(line));
      return data !== undefined && (data.record.CompletedAt ?? null) === null;
    } catch {
      return false;
    }
  }).length;
}

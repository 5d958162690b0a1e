import { UserError } from "../../errors.ts";
import { type Buildctl, buildHistories } from "./build-histories.ts";

/**
 * A builder that is to be replaced, as its settings are others now, is left alone while it builds: clones of two versions may
 * share a home, and the update of one would end with the builder.
 *
 * @throws UserError while somebody builds
 */
export async function refuseWhileBuilding(buildctl: Buildctl): Promise<void> {
  const running = (await buildHistories(buildctl)).filter(({ isRunning }) => isRunning).length;
  if (running === 0) return;
  throw new UserError(
    "builder",
    `${running} ${running === 1 ? "build of another run is" : "builds of other runs are"} in it, and it would have to start anew: this run wants other settings of it (another version of strata, other registries' authorities, or another STRATA_BUILDER_GC_GB).`,
    "Wait until that run is over, or give this one a home of its own (STRATA_HOME).",
  );
}

import type { Config } from "../../config.ts";
import type { Home } from "../../home.ts";
import type { PlanEntry } from "../../lib/plan/plan.ts";
import { imageExists } from "../../oci/read/image.ts";
import { UNSAID } from "../../oci/write/put.ts";
import { stageReference } from "./outputs.ts";

/** Those of the stages that the stack's registry does not have. */
export async function missingStages<T extends PlanEntry>(
  home: Home,
  config: Config,
  stages: readonly T[],
): Promise<readonly T[]> {
  const areThere = await Promise.all(
    stages.map((stage) => imageExists(stageReference(home, config, stage), undefined, UNSAID)),
  );
  return stages.filter((_, index) => !areThere[index]);
}

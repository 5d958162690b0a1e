import type { Config } from "../../config.ts";
import type { Home } from "../../home.ts";
import type { Stage } from "../../lib/plan/plan.ts";
import { imageExists } from "../../oci/read/image.ts";
import { UNSAID } from "../../oci/write/put.ts";
import { stageReference } from "./outputs.ts";

/** Those of the stages that the stack's registry does not have. */
export async function missingStages(
  home: Home,
  config: Config,
  stages: readonly Stage[],
): Promise<readonly Stage[]> {
  const areThere = await Promise.all(
    stages.map((stage) => imageExists(stageReference(home, config, stage), undefined, UNSAID)),
  );
  return stages.filter((_, index) => !areThere[index]);
}

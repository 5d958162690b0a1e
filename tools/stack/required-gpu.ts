import type { Config } from "../../config.ts";
import { UserError } from "../../errors.ts";
import type { Home } from "../../home.ts";
import { stackBuilders } from "../../lib/builders/builder-setting.ts";
import { isGpuBuilder } from "../../lib/hosts/host-setting.ts";
import type { PlanEntry } from "../../lib/plan/plan.ts";
import { builderGpu } from "../builder/find-gpu.ts";
import { note } from "../program/progress.ts";
import { missingStages } from "./missing-stages.ts";

/**
 * Asks the builder for the GPU that the stack's tests want, before anything is built for hours. A product that the registry
 * has already is the test's own to tell of, as evidence may be there too.
 *
 * @param environment in which the ways to builders are open
 * @throws UserError where nobody else could test
 */
export async function requireGpu(
  home: Home,
  config: Config,
  product: PlanEntry,
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  const host = config.host.find(isGpuBuilder);
  if (host === undefined) return;
  const [name = ""] = stackBuilders(config).default.names;
  const gpu = await builderGpu(
    home,
    name,
    { ...process.env, ...environment },
    { start: true, frontend: host.frontend },
  );
  if (gpu.device !== undefined) return;
  const problem = new UserError(
    "strata:host",
    `wants the GPU of the builder ${name}, and ${gpu.problem}.`,
    gpu.remedy,
  );
  if (!config.host.every(isGpuBuilder) || (await missingStages(home, config, [product])).length === 0)
    note(`warning: ${problem.message}`);
  else throw problem;
}

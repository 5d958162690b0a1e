import type { Config } from "../../config.ts";
import { compilerCachesIn } from "../../lib/builders/compiler-cache.ts";
import type { Plan, Stage } from "../../lib/plan/plan.ts";
import { compilerCacheSeries } from "../../lib/registry/tags.ts";

/** A compiler's cache that a stage mounts. */
export interface SharedCache {
  readonly stage: Stage;
  /** The stage with the compiler, ccache and a shell. */
  readonly tools: Stage;
  /** The name that builders know it by. */
  readonly mount: string;
  /** How the tags of its parts begin. */
  readonly series: string;
}

/** The caches of a plan's stages that compile in the toolbox, which has what reads and fills them. */
export function sharedCaches({
  plan,
  config,
}: {
  readonly plan: Plan;
  readonly config: Pick<Config, "base">;
}): SharedCache[] {
  const tools = plan.stages.find(({ name }) => name === "toolbox");
  if (!tools) return [];
  return plan.stages
    .filter(({ parents }) => parents.includes(tools.name))
    .flatMap((stage) => {
      const dockerfile = stage.files.find(({ path }) => path === "Dockerfile")?.content.toString() ?? "";
      return compilerCachesIn(dockerfile).map((mount) => ({
        stage,
        tools,
        mount,
        series: compilerCacheSeries(mount, config.base),
      }));
    });
}

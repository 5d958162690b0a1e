import { existsSync } from "node:fs";
import { extname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type * as configModule from "../../config.ts";
import { isPackage, repository } from "../../home.ts";
import type * as compatibilityModule from "../../lib/gpu/compatibility.ts";
import type * as generationsModule from "../../lib/gpu/generations.ts";
import type { ProductLabels } from "../../lib/plan/product.ts";
import type * as tagsModule from "../../lib/registry/tags.ts";
import type { StackFolders } from "../../recipes/stack-locks.ts";
import type * as stackPlanModule from "../../recipes/stack-plan.ts";

/**
 * What a checkout of any revision is asked: how it reads a stack's settings, and what it plans for them. These two
 * functions have to stay where they are, or their former place gets a fallback here.
 */
export interface Checkout {
  readonly readConfig: typeof configModule.readConfig;
  readonly planStack: (config: configModule.Config, folders: StackFolders) => CheckoutPlan;
}

/** What any revision tells; what its product is made of is this one's to say. */
type CheckoutPlan = Omit<stackPlanModule.StackPlan, "bill">;

/** Where the code, recipes and locks of a project are: beside its stacks, or in the package, whatever the revision. */
export function codeFolder(root: string): string {
  return isPackage ? repository : root;
}

/** The code of the checkout at `root`, which may be another revision than the one that runs. */
export async function openCheckout(root: string): Promise<Checkout> {
  const ending = extname(import.meta.filename);
  const load = async (path: string) =>
    await import(pathToFileURL(join(codeFolder(root), path.replace(/\.ts$/, ending))).href);
  if (existsSync(join(root, "lib/stack-plan.ts"))) return await openFormer(load);
  const [{ readConfig }, { planStack }] = await Promise.all(["config.ts", "recipes/stack-plan.ts"].map(load));
  return { readConfig, planStack };
}

/** `planStack` and `config.ts` as they were before `lib/` had rooms. */
interface FormerPlanner {
  readonly planStack: (
    config: configModule.Config,
    labels: ProductLabels,
    folders: StackFolders,
  ) => Pick<stackPlanModule.StackPlan, "plan" | "base" | "checks">;
}
type FormerConfig = Pick<Checkout, "readConfig"> & {
  readonly readProvenance: (root: string, config: configModule.Config) => ProductLabels;
};

/**
 * A revision of the time before `lib/` had rooms (0ba637f): five files knew what a stack's plan says now. It is for
 * changes that are open across that move, and may go in the release after the next.
 */
async function openFormer(load: (path: string) => Promise<unknown>): Promise<Checkout> {
  const files = [
    "config.ts",
    "lib/stack-plan.ts",
    "lib/tags.ts",
    "lib/generations.ts",
    "lib/compatibility.ts",
  ];
  const [config, planner, tags, generations, compatibility] = (await Promise.all(files.map(load))) as [
    FormerConfig,
    FormerPlanner,
    typeof tagsModule,
    typeof generationsModule,
    typeof compatibilityModule,
  ];
  return {
    readConfig: config.readConfig,
    planStack: (settings, folders) => {
      const labels = config.readProvenance(folders.root, settings);
      const planned = planner.planStack(settings, labels, folders);
      const { generation, cuda } = settings;
      const { recipe } = planned.plan;
      return {
        ...planned,
        labels,
        tags: tags.expandTags(settings.tags, { recipe, generation, commit: labels.revision }),
        platform: {
          recipe,
          generation,
          cuda,
          computeCapabilities: generations.generation(generation).computeCapabilities,
          minimumDriver: compatibility.compatibilitySet(cuda).minimumDriver,
        },
      };
    },
  };
}

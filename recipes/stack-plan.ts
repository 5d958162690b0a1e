import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { mapErrors, throwAll, together, UserError } from "../errors.ts";
import { sourceWheel } from "../layers/source-wheel/layer.ts";
import type { Bill } from "../lib/bill/component.ts";
import { type CudaVersion, compatibilitySet } from "../lib/gpu/compatibility.ts";
import { type GenerationName, generation } from "../lib/gpu/generations.ts";
import type { MemoryNeed } from "../lib/gpu/memory.ts";
import { memoryProblems } from "../lib/hosts/host-problems.ts";
import { type Budget, budgetSetting, type HostSetting } from "../lib/hosts/host-setting.ts";
import type { BaseImage } from "../lib/locks/image-lock.ts";
import { billOf } from "../lib/plan/bill/plan-bill.ts";
import { type Choices, layerContext } from "../lib/plan/context.ts";
import { readFolder } from "../lib/plan/context-files.ts";
import { fileInput } from "../lib/plan/key.ts";
import { type Plan, planRecipe } from "../lib/plan/plan.ts";
import type { ProductLabels } from "../lib/plan/product.ts";
import { expandTags } from "../lib/registry/tags.ts";
import type { SelectedRecipe } from "./index.ts";
import { readProvenance } from "./provenance.ts";
import {
  lockHashes,
  readEnvironmentLocks,
  readLocks,
  readModels,
  readPythonLock,
  type StackFolders,
} from "./stack-locks.ts";
import { withDoor } from "./with-door.ts";
import { withModels } from "./with-models.ts";

/** What a stack decides, with the recipe that it means. */
export type StackChoices = Choices & {
  readonly base: string;
  readonly tags: readonly string[];
  readonly selected: SelectedRecipe;
  /** Where the product is tested. */
  readonly host?: readonly HostSetting[];
  readonly budget?: Budget;
};

/** What a checkout makes of a stack. The preview asks another revision's checkout for it too: its shape has to last. */
export interface StackPlan {
  readonly plan: Plan;
  readonly base: BaseImage;
  /** Hash over the smoke checks: a digest that passed other checks is tested again. */
  readonly checks: string;
  /** Where the product comes from. */
  readonly labels: ProductLabels;
  /** What the product is made of, and from what. */
  readonly bill: Bill;
  /** Tags that a tested product gets. */
  readonly tags: readonly string[];
  readonly platform: StackPlatform;
  /** What the product's own workflows need of a host that tests them; absent where a test runs none. */
  readonly memory?: MemoryNeed;
  /** Bytes of the models that the product holds; absent where it holds none. */
  readonly modelBytes?: number;
}

/** What a product runs on. */
export interface StackPlatform {
  readonly recipe: string;
  readonly generation: GenerationName;
  readonly cuda: CudaVersion;
  readonly computeCapabilities: readonly string[];
  readonly minimumDriver: string;
}

/**
 * From a stack's choices to its plan: reads the locks, the layers' files and the checks; throws what does not fit.
 *
 * @param labels where the product comes from, by default as git says
 */
export function planStack(
  choices: StackChoices,
  folders: StackFolders,
  labels: ProductLabels = readProvenance(folders.root, choices.selected),
): StackPlan {
  try {
    return plan(choices, folders, labels);
  } catch (error) {
    const { folder, lockOptions = `--recipe ${choices.recipe}`, locks } = choices.selected;
    if ((folder ?? locks) === undefined || !(error instanceof UserError)) throw error;
    throw namingOptions(error, lockOptions);
  }
}

function plan(choices: StackChoices, folders: StackFolders, labels: ProductLabels): StackPlan {
  const { root } = folders;
  const { folder = root } = choices.selected;
  const recipe = withDoor(choices.selected.recipe, choices.door);
  // A recipe that has the login anyway is another matter: nothing of its image changes.
  const named = { ...choices, recipe: recipe.name, door: recipe !== choices.selected.recipe };
  const lockFolder = choices.selected.locks ? join(root, choices.selected.locks) : folder;
  const locks = readLocks(choices.base, folders, lockFolder);
  const [context, lock, environments, models] = together("Pulumi stack", [
    () => layerContext(named, { recipe, ...locks }),
    () => readPythonLock(lockFolder, named, recipe, locks.nodes),
    () => readEnvironmentLocks([folder, root], choices.python, recipe, locks.nodes),
    () => readModels(root, folder, choices, recipe),
  ]);
  const memory = models?.memory;
  const { host = [], budget = budgetSetting.parse(undefined) } = choices;
  throwAll("Pulumi stack", memoryProblems(host, generation(choices.generation), budget, memory));
  const planned = planRecipe(withModels(recipe, models), models ? { ...context, models } : context, {
    layersFolder: join(root, "layers"),
    file: choices.selected.folder === undefined ? `recipes/${recipe.name}.ts` : basename(choices.recipe),
    lock,
    environments,
    labels,
    sourceWheel,
  });
  const checks = checksKey(root);
  const variables = { recipe: recipe.name, generation: choices.generation, commit: labels.revision };
  return {
    plan: planned,
    base: locks.base,
    checks,
    labels,
    bill: billOf(planned, {
      labels,
      base: { name: locks.base.name, digest: context.base.digest },
      materials: { ...lockHashes(root, folder, lock.path), "smoke checks": checks },
    }),
    tags: expandTags(choices.tags, variables),
    platform: platformOf(named),
    ...(memory ? { memory } : {}),
    ...(models?.strategy === "baked"
      ? { modelBytes: models.models.reduce((sum, { size }) => sum + size, 0) }
      : {}),
  };
}

function platformOf({ recipe, generation: name, cuda }: Choices): StackPlatform {
  const { computeCapabilities } = generation(name);
  const { minimumDriver } = compatibilitySet(cuda);
  return { recipe, generation: name, cuda, computeCapabilities, minimumDriver };
}

function checksKey(root: string): string {
  const files = readFolder(join(root, "smoke"), "smoke").filter(({ path }) => !path.startsWith("tests/"));
  const hash = createHash("sha256").update(JSON.stringify(files.map(fileInput)));
  return hash.digest("hex").slice(0, 20);
}

/** Locks that are not strata's own are made by naming what they are for. */
function namingOptions(error: UserError, options: string): UserError {
  return mapErrors(error, ({ path, problem, remedy }) => {
    const externalRemedy = remedy.replace("npm run lock -- ", `npm run lock -- ${options} `);
    return new UserError(path, problem, externalRemedy);
  });
}

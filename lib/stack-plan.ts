import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { throwAll, UserError } from "../errors.ts";
import { recipes } from "../recipes/index.ts";
import { type BaseImage, type Choices, layerContext } from "./context.ts";
import { readFolder } from "./files.ts";
import { baseImageNamed, parseImageLock, parseLocalImages } from "./image-lock.ts";
import { fileInput } from "./key.ts";
import { lockInputs, lockPath, lockProblem } from "./lock-inputs.ts";
import { missingPackages } from "./missing.ts";
import { parseNodeLock } from "./node-lock.ts";
import { type Plan, planRecipe } from "./plan.ts";
import type { ProductLabels } from "./product.ts";
import { parsePythonLock } from "./python-lock.ts";
import { parseSourceLock } from "./source-lock.ts";

export interface StackPlan {
  readonly plan: Plan;
  readonly base: BaseImage;
  /** Hash over the smoke checks: a digest that passed other checks is tested again. */
  readonly checks: string;
}

export interface StackFolders {
  /** The repository. */
  readonly root: string;
  /** References of base images that were made on this machine, by name; the file may be absent. */
  readonly localImages: string;
}

/** From a stack's choices to its plan: reads the locks, the layers' files and the checks; throws what does not fit. */
export function planStack(
  choices: Choices & { readonly recipe: keyof typeof recipes; readonly base: string },
  labels: ProductLabels,
  { root, localImages }: StackFolders,
): StackPlan {
  const read = (path: string): string => readFileSync(join(root, path), "utf8");
  const base = baseImageNamed(
    choices.base,
    parseImageLock(read("locks/images.json")),
    existsSync(localImages) ? parseLocalImages(readFileSync(localImages, "utf8"), localImages) : {},
  );
  const recipe = recipes[choices.recipe];
  const nodes = parseNodeLock(read("locks/nodes.json"));
  const sources = parseSourceLock(read("locks/sources.json"));
  const context = layerContext(choices, { recipe, base, sources, nodes });

  const path = lockPath(choices);
  if (!existsSync(join(root, path))) {
    throw new UserError(
      path,
      "does not exist.",
      "Run `npm run lock -- python`, or choose another Python or CUDA.",
    );
  }
  const text = read(path);
  const problem = lockProblem(choices, recipe, lockInputs(recipe, choices, nodes), text);
  if (problem) throw problem;
  throwAll(path, missingPackages(text, path));

  const plan = planRecipe(recipe, context, {
    layersFolder: join(root, "layers"),
    lock: { path, distributions: parsePythonLock(text, path) },
    labels,
  });
  const checks = readFolder(join(root, "smoke"), "smoke").filter(
    ({ path: file }) => !file.startsWith("tests/"),
  );
  const hash = createHash("sha256")
    .update(JSON.stringify(checks.map(fileInput)))
    .digest("hex");
  return { plan, base, checks: hash.slice(0, 20) };
}

import { parseArgs } from "node:util";
import { UserError } from "../../errors.ts";
import { isPackage, projectFolder, repository } from "../../home.ts";
import { didYouMean } from "../../lib/schema-errors.ts";
import { findRecipe, recipes } from "../../recipes/index.ts";
import { checkLocks } from "../lock/check.ts";
import { checkExternalLocks, externalLockKinds, refreshExternalLocks } from "../lock/external-recipe.ts";
import { readMirrors } from "../lock/mirror-options.ts";
import { isLockKind, type LockKind, lockKinds, refresh } from "../lock/refresh.ts";
import { writeLocks } from "../lock/write-locks.ts";
import { main } from "../program/main.ts";
import { note } from "../program/progress.ts";
import { recipeFiles } from "../stack/stack-recipes.ts";

const HELP = `Usage: npm run lock -- [images|nodes|classes|python|models|all]... [--check] [--mirror PREFIX=REPLACEMENT]...
                       [--recipe FILE]

  --check        look nothing up: does every lock fit its inputs, was none edited?
  --mirror P=R   read git sources whose address begins with P from R; the lock keeps their own addresses
  --recipe FILE  the locks of an external recipe, beside its file (in a project of the package: of all that its stacks name)

Looks everything up anew and prints what moved. When anything fails, no file changes.`;

/**
 * `npm run lock [-- images|nodes|classes|python|models|all] [--check] [--mirror PREFIX=REPLACEMENT] [--recipe FILE]`: looks
 * everything up anew and prints what moved, or checks that the locks fit their inputs (off line). With the file of an
 * external recipe: the locks beside it.
 */
await main(
  async () => {
    const { values, positionals } = parseOptions();
    const chosen = chosenParts(positionals);
    const mirrors = readMirrors(values.mirror ?? []);
    // What a package brings is not locked where it is used.
    const files = values.recipe === undefined && isPackage ? recipeFiles(projectFolder) : [values.recipe];
    const kinds = (all = chosen === lockKinds) => externalLockKinds(chosen, all);
    for (const file of files)
      if (file !== undefined) await lockExternal(file, kinds(), mirrors, values.check);
    if (isPackage || values.recipe !== undefined) return 0;
    const sources = { root: repository, recipes: Object.values(recipes) };
    if (values.check) {
      checkLocks(sources, chosen);
      return 0;
    }
    await writeLocks(repository, await refresh(chosen, { ...sources, mirrors }, note));
    return 0;
  },
  { help: HELP },
);

async function lockExternal(
  file: string,
  chosen: readonly LockKind[],
  mirrors: Readonly<Record<string, string>>,
  check = false,
): Promise<void> {
  const { recipe, folder } = await findRecipe(file);
  if (folder === undefined) {
    throw new UserError(
      "--recipe",
      `${file} is strata's own.`,
      "Leave --recipe out: its locks are made together.",
    );
  }
  const external = { recipe, folder, strata: repository };
  if (check) checkExternalLocks(chosen, external);
  else await writeLocks(folder, await refreshExternalLocks(chosen, external, mirrors, note));
}

function parseOptions() {
  try {
    return parseArgs({
      options: {
        check: { type: "boolean" },
        mirror: { type: "string", multiple: true },
        recipe: { type: "string" },
      },
      allowPositionals: true,
    });
  } catch (error) {
    throw new UserError("lock", (error as Error).message, "");
  }
}

/** Those that are named, in the order in which they are made; all of them without a name. */
function chosenParts(names: readonly string[]): readonly LockKind[] {
  if (names.length === 0 || names.includes("all")) return lockKinds;
  for (const name of names) {
    if (!isLockKind(name)) {
      throw new UserError(
        name,
        `is not a lock; there are ${lockKinds.join(", ")}.`,
        didYouMean(name, lockKinds) || `Use: npm run lock -- ${lockKinds.join("|")}|all`,
      );
    }
  }
  return lockKinds.filter((kind) => names.includes(kind));
}

import { UserError, UserErrors } from "../../errors.ts";
import { resolveComfyUi } from "../comfyui/resolve-nodes.ts";
import type { NodeLock } from "../locks/node-lock.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { type GitSources, type NamedGitSource, nodeSources } from "./node-sources.ts";

const refresh = "Run `npm run lock -- nodes`.";

/**
 * Everything in which a lock and the recipes do not fit together, also what the lock has and nobody uses.
 *
 * @param recipesLock the part of the lock that is for these recipes alone
 */
export function nodeLockProblems(
  recipes: readonly Recipe[],
  lock: NodeLock,
  recipesLock: NodeLock = lock,
): UserError[] {
  try {
    const { repositories, packages } = nodeSources(recipes);
    return [
      ...recipes.flatMap(({ comfyui }) =>
        comfyui ? problemsOf(() => resolveComfyUi(comfyui, lock, {})) : [],
      ),
      ...repositories.flatMap((source) => [...otherFiles(source, lock), ...omitted(source, lock)]),
      ...packages.flatMap((source) => packageProblems(source, lock)),
      ...unused(Object.keys(recipesLock.repositories), repositories),
      ...unused(Object.keys(recipesLock.packages), packages),
    ];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return flat(error);
  }
}

/** What a recipe names that the lock does not have, or has otherwise. */
export function missingGitSources(recipe: Recipe, lock: NodeLock): GitSources {
  const { repositories, packages } = nodeSources([recipe]);
  const isOther = (source: NamedGitSource) => {
    const { repository, ref } = lock.repositories[source.name] ?? {};
    const isSame = repository === source.repository && ref === source.ref;
    return !isSame || otherFiles(source, lock).length + omitted(source, lock).length > 0;
  };
  return {
    repositories: repositories.filter(isOther),
    packages: packages.filter((source) => packageProblems(source, lock).length > 0),
  };
}

function problemsOf(work: () => unknown): UserError[] {
  try {
    work();
    return [];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return flat(error);
  }
}

function flat(error: UserError): UserError[] {
  return error instanceof UserErrors ? [...error.errors] : [error];
}

/** The recipe has chosen other requirement files since. */
function otherFiles({ name, requirements }: NamedGitSource, lock: NodeLock): UserError[] {
  const locked = lock.repositories[name];
  if (!locked) return [];
  const files = Object.keys(locked.requirements).sort().join(", ");
  const expectedFiles = requirements ? [...requirements].sort().join(", ") : files && "requirements.txt";
  if (files === expectedFiles) return [];
  const shown = `the recipe wants the requirements of ${expectedFiles || "no file"}, the lock has ${files || "none"}.`;
  return [new UserError(name, shown, refresh)];
}

function omitted({ name, omit = [] }: NamedGitSource, lock: NodeLock): UserError[] {
  const locked = lock.repositories[name]?.submodules.map(({ path }) => path) ?? [];
  return omit
    .filter((path) => locked.includes(path))
    .map((path) => new UserError(name, `the recipe omits the submodule ${path}, the lock has it.`, refresh));
}

function packageProblems({ name, repository, ref }: NamedGitSource, lock: NodeLock): UserError[] {
  const locked = lock.packages[name];
  if (!locked) return [new UserError(name, "is not in the lock.", refresh)];
  return Object.entries({ repository, ref })
    .filter(([field, expected]) => locked[field as "repository" | "ref"] !== expected)
    .map(([field, expected]) => {
      const lockedValue = locked[field as "repository" | "ref"];
      return new UserError(
        name,
        `the recipe wants ${field} ${expected}, the lock has ${lockedValue}.`,
        refresh,
      );
    });
}

function unused(locked: readonly string[], sources: readonly NamedGitSource[]): UserError[] {
  const used = new Set(sources.map(({ name }) => name));
  return locked
    .filter((name) => !used.has(name))
    .map((name) => new UserError(name, "is in locks/nodes.json, and no recipe uses it.", refresh));
}

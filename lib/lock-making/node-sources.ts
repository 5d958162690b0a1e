import { throwAll, UserError } from "../../errors.ts";
import { type CustomNode, type GitSource, gitRepositoryName } from "../comfyui/custom-nodes.ts";
import type { Recipe } from "../recipe/recipe.ts";

/** A repository that recipes use, and what they say about it. */
export interface NamedGitSource {
  readonly name: string;
  readonly repository: string;
  readonly ref: string;
  /** Requirement files that count, where a recipe names them. */
  readonly requirements?: readonly string[];
  /** Paths of submodules that are left out. */
  readonly omit?: readonly string[];
}

/** All that locks/nodes.json has to hold. */
export interface GitSources {
  /** ComfyUI and its nodes. */
  readonly repositories: readonly NamedGitSource[];
  readonly packages: readonly NamedGitSource[];
}

/** Every git source of the recipes, once, sorted by name. Throws where recipes contradict each other. */
export function nodeSources(recipes: readonly Recipe[]): GitSources {
  const repositories = recipes.flatMap(({ name: recipe, comfyui }) =>
    comfyui
      ? [comfyui.source, ...comfyui.groups.flatMap(({ nodes }) => nodes)].map((node) => ({
          recipe,
          source: toSource(gitRepositoryName(node.repository), node),
        }))
      : [],
  );
  const packages = recipes.flatMap(({ name: recipe, resolution }) =>
    Object.entries(resolution?.gitPackages ?? {}).map(([name, source]) => ({
      recipe,
      source: toSource(name, source),
    })),
  );
  throwAll("recipes", [...contradictions(repositories), ...contradictions(packages)]);
  return { repositories: unique(repositories), packages: unique(packages) };
}

interface Use {
  readonly recipe: string;
  readonly source: NamedGitSource;
}

function toSource(
  name: string,
  { repository, ref = "HEAD", requirements, omit }: GitSource & Pick<CustomNode, "requirements" | "omit">,
): NamedGitSource {
  return {
    name,
    repository,
    ref,
    ...(requirements ? { requirements } : {}),
    ...(omit ? { omit: Object.keys(omit).sort() } : {}),
  };
}

/** The lock has one entry for a name: all recipes have to mean the same by it. */
function contradictions(uses: readonly Use[]): UserError[] {
  return [...Map.groupBy(uses, ({ source }) => source.name).values()].flatMap((group) => {
    const [first, ...others] = group;
    const other = others.find(({ source }) => JSON.stringify(source) !== JSON.stringify(first?.source));
    if (!first || !other) return [];
    return [
      new UserError(
        first.source.name,
        `is ${shown(first)}, but ${shown(other)}.`,
        "Give it the same address, ref, requirement files and submodules everywhere: a lock has one entry for it.",
      ),
    ];
  });
}

function shown({ recipe, source: { repository, ref, requirements, omit } }: Use): string {
  const files = requirements ? ` with ${requirements.join(", ") || "no requirements"}` : "";
  const without = omit ? ` without ${omit.join(", ")}` : "";
  return `${repository} at ${ref}${files}${without} in ${recipe}`;
}

function unique(uses: readonly Use[]): NamedGitSource[] {
  const byName = new Map(uses.map(({ source }) => [source.name, source]));
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

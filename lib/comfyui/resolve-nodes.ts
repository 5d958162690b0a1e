import { throwAll, UserError } from "../../errors.ts";
import { isForImages } from "../locks/marker.ts";
import type { NodeLock } from "../locks/node-lock.ts";
import type { Requirement } from "../locks/python-lock.ts";
import { mirrored } from "../mirrors.ts";
import {
  type ComfyUi,
  type CustomNode,
  type GitSource,
  gitRepositoryName,
  type InstallScript,
  isAddress,
  nodeFolder,
  type Replacement,
} from "./custom-nodes.ts";

/** A repository at its commit, where a build fetches it. */
export interface Fetch {
  readonly location: string;
  readonly commit: string;
  /** Below the folder of the repository that needs it; empty for that one itself. */
  readonly path: string;
}

export interface ResolvedNode {
  /** `owner/name` */
  readonly name: string;
  readonly group: string;
  /** Below `custom_nodes`, `.disabled` included. */
  readonly folder: string;
  readonly repository: string;
  readonly commit: string;
  readonly version: string | null;
  /** Itself first, then its submodules. */
  readonly fetches: readonly Fetch[];
  /** With replacements applied, each with the line's origin, `kijai/ComfyUI-KJNodes requirements.txt`. */
  readonly requirements: readonly Requirement[];
  readonly node: CustomNode;
}

export interface ResolvedComfyUi {
  readonly version: string;
  readonly repository: string;
  readonly commit: string;
  readonly fetches: readonly Fetch[];
  readonly requirements: readonly Requirement[];
  readonly nodes: readonly ResolvedNode[];
}

/** Brings what a recipe names together with the lock; throws all that does not fit. */
export function resolveComfyUi(
  comfyui: ComfyUi,
  lock: NodeLock,
  mirrors: Readonly<Record<string, string>>,
): ResolvedComfyUi {
  const nodes = comfyui.groups.flatMap((group) => group.nodes.map((node) => ({ group: group.name, node })));
  const name = gitRepositoryName(comfyui.source.repository);
  const main = lock.repositories[name];
  throwAll("locks/nodes.json", [
    ...[comfyui.source, ...nodes.map(({ node }) => node)].flatMap((source) => lockProblems(source, lock)),
    ...nodes.flatMap(({ node }) => nodeProblems(node, lock)),
    ...unpinned(name, Object.values(main?.requirements ?? {}).flat(), "Choose another ref of it."),
    ...sameFolders(nodes.map(({ node }) => node)),
  ]);
  const fetchesOf = (name: string): Fetch[] => {
    const checkout = lock.repositories[name];
    if (!checkout) return [];
    return [{ ...checkout, path: "" }, ...checkout.submodules].map(({ repository, commit, path }) => ({
      location: mirrored(repository, mirrors),
      commit,
      path,
    }));
  };
  return {
    version: main?.version ?? "unknown",
    repository: comfyui.source.repository,
    commit: main?.commit ?? "",
    fetches: fetchesOf(name),
    requirements: nodeRequirements(name, main?.requirements ?? {}, {}),
    nodes: nodes.map(({ group, node }) => {
      const name = gitRepositoryName(node.repository);
      const checkout = lock.repositories[name];
      return {
        name,
        group,
        folder: nodeFolder(node),
        repository: node.repository,
        commit: checkout?.commit ?? "",
        version: checkout?.version ?? null,
        fetches: fetchesOf(name),
        requirements:
          node.disabled === undefined
            ? nodeRequirements(name, checkout?.requirements ?? {}, node.replace ?? {})
            : [],
        node: node.install ? { ...node, install: mirroredInstall(node.install, mirrors) } : node,
      };
    }),
  };
}

function mirroredInstall(install: InstallScript, mirrors: Readonly<Record<string, string>>): InstallScript {
  const fetches = install.fetches.map((fetch) => ({ ...fetch, url: mirrored(fetch.url, mirrors) }));
  return { ...install, fetches };
}

function nodeRequirements(
  name: string,
  files: Readonly<Record<string, readonly string[]>>,
  replace: Readonly<Record<string, Replacement>>,
): Requirement[] {
  return Object.entries(files).flatMap(([file, lines]) =>
    lines
      .flatMap((line) => replace[line]?.use ?? [line])
      // Addresses for Windows, macOS or another Python; all other lines for them, the resolver passes over.
      .filter((line) => !isAddress(line) || isForImages(line))
      .map((line) => ({ line, by: `${name} ${file}` })),
  );
}

function lockProblems(source: GitSource, lock: NodeLock): UserError[] {
  const name = gitRepositoryName(source.repository);
  const checkout = lock.repositories[name];
  if (!checkout) {
    return [new UserError(name, "is not in the lock.", "Run `npm run lock -- nodes`.")];
  }
  const recipeSource = { repository: source.repository, ref: source.ref ?? "HEAD" };
  return (["repository", "ref"] as const)
    .filter((field) => checkout[field] !== recipeSource[field])
    .map(
      (field) =>
        new UserError(
          name,
          `the recipe wants ${field} ${recipeSource[field]}, the lock has ${checkout[field]}.`,
          "Run `npm run lock -- nodes`.",
        ),
    );
}

/** Remarks of a recipe that its node no longer gives a reason for, and lines that nothing pins. */
function nodeProblems(node: CustomNode, lock: NodeLock): UserError[] {
  const name = gitRepositoryName(node.repository);
  const checkout = lock.repositories[name];
  if (!checkout) return [];
  const lines = Object.values(checkout.requirements).flat();
  const replaced = Object.keys(node.replace ?? {});
  return [
    ...replaced
      .filter((line) => !lines.includes(line))
      .map(
        (line) =>
          new UserError(
            name,
            `no longer asks for "${line}", which the recipe replaces.`,
            "Remove the entry from its `replace`.",
          ),
      ),
    ...unpinned(
      name,
      node.disabled === undefined ? lines.filter((line) => !replaced.includes(line)) : [],
      "Replace the line in the recipe, by a package of the index or one of its git packages.",
    ),
    ...(node.install && !checkout.scripts.includes("install.py")
      ? [new UserError(name, "has no install.py any more.", "Remove `install` from the recipe.")]
      : []),
    ...(node.pointers === undefined ? checkout.pointers : []).map(
      (path) =>
        new UserError(
          name,
          `${path} is a pointer of git LFS: its content is not in the repository.`,
          "If the node works without it, say so in the recipe (`pointers`); otherwise leave the node out.",
        ),
    ),
  ];
}

function unpinned(name: string, lines: readonly string[], remedy: string): UserError[] {
  return lines
    .filter((line) => isAddress(line) && isForImages(line))
    .map((line) => new UserError(name, `asks for "${line}", which nothing pins.`, remedy));
}

function sameFolders(nodes: readonly CustomNode[]): UserError[] {
  const seen = new Set<string>();
  return nodes
    .filter((node) => seen.size === seen.add(nodeFolder(node)).size)
    .map(
      (node) =>
        new UserError(
          gitRepositoryName(node.repository),
          `would lie in custom_nodes/${nodeFolder(node)}, like another node of the recipe.`,
          "Give one of them a `folder`.",
        ),
    );
}

import { throwAll, UserError } from "../../errors.ts";
import type { NodeLock } from "../locks/node-lock.ts";
import type { Requirement } from "../locks/python-lock.ts";
import { mirrored } from "../mirrors.ts";

/** ComfyUI and its custom nodes, as a recipe names them; locks/nodes.json holds the commits. */
export interface ComfyUi {
  readonly source: GitSource;
  /** Each is a stage of its own, so that a changed node rebuilds its group and nothing else. */
  readonly groups: readonly NodeGroup[];
}

export interface GitSource {
  /** `https://host/owner/name`, without `.git`. */
  readonly repository: string;
  /** Branch or tag to look up. @default "HEAD", the default branch */
  readonly ref?: string;
}

export interface NodeGroup {
  readonly name: string;
  readonly summary: string;
  readonly nodes: readonly CustomNode[];
}

/** A custom node, and what a person found out about it. */
export interface CustomNode extends GitSource {
  /** Folder below `custom_nodes`. @default the repository's last part */
  readonly folder?: string;
  /** Requirement files that count. @default `requirements.txt` where there is one */
  readonly requirements?: readonly string[];
  /** Requirement lines that are taken otherwise, by the exact line; a line that the node no longer has is an error. */
  readonly replace?: Readonly<Record<string, Replacement>>;
  /** Submodules that are left out, by path, with the reason; all others are fetched at their commits. */
  readonly omit?: Readonly<Record<string, string>>;
  /** Lets `install.py` run while building. Scripts that are not allowed do not run. */
  readonly install?: InstallScript;
  /** Why it does not import in this recipe; the smoke test fails when it does after all. */
  readonly knownFailure?: string;
  /** Why it imports only where there is a GPU; the smoke test in the builder expects it to fail, a GPU host does not. */
  readonly needsGpu?: string;
  /** Why it does without the content of files that are only pointers of git LFS. */
  readonly pointers?: string;
  /** Why it is shipped switched off: in a folder `….disabled`, without its requirements. */
  readonly disabled?: string;
}

export interface Replacement {
  /** The requirements in its place; none drops it. */
  readonly use: readonly string[];
  readonly reason: string;
}

export interface InstallScript {
  readonly reason: string;
  /** The only files it finds: put where they belong before it runs, without a network. */
  readonly fetches: readonly { readonly url: string; readonly sha256: string; readonly path: string }[];
}

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

/** `owner/name` of a repository: how locks and messages call it. */
export function gitRepositoryName(repository: string): string {
  return repository
    .replace(/\.git$/, "")
    .split("/")
    .slice(-2)
    .join("/");
}

/** Where a node lies below `custom_nodes`. */
export function nodeFolder(node: CustomNode): string {
  const folder = node.folder ?? gitRepositoryName(node.repository).split("/")[1] ?? "";
  return node.disabled === undefined ? folder : `${folder}.disabled`;
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
    requirements: asked(name, main?.requirements ?? {}, {}),
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
          node.disabled === undefined ? asked(name, checkout?.requirements ?? {}, node.replace ?? {}) : [],
        node: node.install ? { ...node, install: mirroredInstall(node.install, mirrors) } : node,
      };
    }),
  };
}

function mirroredInstall(install: InstallScript, mirrors: Readonly<Record<string, string>>): InstallScript {
  const fetches = install.fetches.map((fetch) => ({ ...fetch, url: mirrored(fetch.url, mirrors) }));
  return { ...install, fetches };
}

function asked(
  name: string,
  files: Readonly<Record<string, readonly string[]>>,
  replace: Readonly<Record<string, Replacement>>,
): Requirement[] {
  return Object.entries(files).flatMap(([file, lines]) =>
    lines.flatMap((line) =>
      (replace[line]?.use ?? [line]).map((used) => ({ line: used, by: `${name} ${file}` })),
    ),
  );
}

function lockProblems(source: GitSource, lock: NodeLock): UserError[] {
  const name = gitRepositoryName(source.repository);
  const checkout = lock.repositories[name];
  if (!checkout) {
    return [new UserError(name, "is not in the lock.", "Run `npm run lock -- nodes`.")];
  }
  const wanted = { repository: source.repository, ref: source.ref ?? "HEAD" };
  return (["repository", "ref"] as const)
    .filter((field) => checkout[field] !== wanted[field])
    .map(
      (field) =>
        new UserError(
          name,
          `the recipe wants ${field} ${wanted[field]}, the lock has ${checkout[field]}.`,
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
    .filter(isAddress)
    .map((line) => new UserError(name, `asks for "${line}", which nothing pins.`, remedy));
}

/** `git+https://…`, `name @ https://…`, `https://…` and `./folder` are requirements without a version. */
export function isAddress(requirement: string): boolean {
  return /:\/\/|(^|@\s*|\s)(git\+|file:)|^[./]/.test(requirement);
}

function sameFolders(nodes: readonly CustomNode[]): UserError[] {
  const folders = nodes.map(nodeFolder);
  return nodes
    .filter((node, index) => folders.indexOf(nodeFolder(node)) !== index)
    .map(
      (node) =>
        new UserError(
          gitRepositoryName(node.repository),
          `would lie in custom_nodes/${nodeFolder(node)}, like another node of the recipe.`,
          "Give one of them a `folder`.",
        ),
    );
}

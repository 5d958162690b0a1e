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

/**
 * `git+https://…`, `name @ …`, `https://…`, `./folder` and `folder/name.whl` are requirements without a version. What is
 * behind a semicolon says which machine they are for.
 */
export function isAddress(requirement: string): boolean {
  const [asked = ""] = requirement.split(/\s;|;\s/);
  return /[\\/]|(^|\s)(git\+|file:)|^[.~]|^[\w.-]+\s*(\[[^\]]*\])?\s*@|\.(whl|zip|tar\.\w+|tgz)\s*$/i.test(
    asked,
  );
}

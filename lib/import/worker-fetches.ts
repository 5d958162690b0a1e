import type { ModelClaim } from "./found-model.ts";
import type { FoundNode, LeftOut } from "./inventory.ts";
import { isFolderName, isRef, repositoryAddress, shownText } from "./safe-names.ts";
import { type Command, optionsOf } from "./shell-words.ts";

/** What the commands of a Dockerfile would do, as far as a recipe can say the same. */
export interface WorkerCommands {
  readonly nodes: (FoundNode | LeftOut)[];
  readonly packages: string[];
  readonly models: ModelClaim[];
  readonly left: LeftOut[];
  /** The folder that the next command runs in. */
  folder: string;
}

export const noValue = "names what only the running build knows";

/** A node by its address, or why it is none. */
export function gitNode(url: string, ref: string | null, folder: string | null): FoundNode | LeftOut {
  const repository = repositoryAddress(url);
  const what = `node ${shownText(url)}`;
  if (repository === null) return { what, reason: "its address is none that an image can be built from" };
  if (ref !== null && !isRef(ref)) return { what, reason: `"${shownText(ref)}" is no branch, tag or commit` };
  if (folder !== null && !isFolderName(folder))
    return { what, reason: `"${shownText(folder)}" is no name of a folder` };
  const own = repository.split("/").at(-1);
  return { origin: { repository, ref }, disabled: false, folder: folder === own ? null : folder };
}

/** `git clone` below custom_nodes, and the checkout of a commit there. */
export function cloneOrCheckout(words: Command, all: WorkerCommands): string | undefined {
  const { options, rest } = optionsOf(words, [
    "-b",
    "--branch",
    "--depth",
    "-C",
    "-c",
    "--filter",
    "-j",
    "--jobs",
  ]);
  const [action, first, second] = rest;
  const at = absolute(options.get("-C") ?? ".", all.folder);
  if (action === "clone" || action === undefined) return cloned(first, second, options, { all, at });
  if (action === "checkout" || action === "reset" || action === "switch") return checkedOut(first, at, all);
  if (
    action === "fetch" ||
    action === "submodule" ||
    action === "config" ||
    action === "lfs" ||
    action === "pull"
  )
    return undefined;
  return "is a command of git that no recipe says";
}

interface Place {
  readonly all: WorkerCommands;
  readonly at: string;
}

function cloned(
  url: string | null | undefined,
  target: string | null | undefined,
  options: ReadonlyMap<string, string | null>,
  { all, at }: Place,
): string | undefined {
  if (!url || target === null) return noValue;
  const own =
    url
      .replace(/\/$/, "")
      .replace(/\.git$/, "")
      .split("/")
      .at(-1) ?? "";
  const path = absolute(target ?? own, at);
  const [, folder] = /\/custom_nodes\/([^/]+)$/.exec(path) ?? [];
  if (folder === undefined) return "is a repository outside of custom_nodes";
  const branch = options.get("-b") ?? options.get("--branch");
  all.nodes.push(gitNode(url, branch ?? null, folder));
  return undefined;
}

/** The commit of a repository that was cloned before. */
function checkedOut(ref: string | null | undefined, at: string, all: WorkerCommands): string | undefined {
  if (!ref || !isRef(ref)) return noValue;
  const folder = at.split("/").at(-1);
  const index = all.nodes.findIndex(
    (node) => "origin" in node && "repository" in node.origin && folderOf(node) === folder,
  );
  const node = all.nodes[index];
  if (!node || !("origin" in node) || "registry" in node.origin)
    return "is a checkout of what no node of this file is";
  all.nodes[index] = { ...node, origin: { ...node.origin, ref } };
  return undefined;
}

function folderOf({ folder, origin }: FoundNode): string | undefined {
  return folder ?? origin.repository?.split("/").at(-1);
}

/** A model by wget, curl or aria2. */
export function downloadModel(
  words: Command,
  withValue: readonly string[],
  all: WorkerCommands,
): string | undefined {
  const { options, rest } = optionsOf(words, withValue);
  const option = (...names: string[]) =>
    names.map((name) => options.get(name)).find((value) => value !== undefined);
  const url = rest.find((word) => /^https?:\/\//.test(word ?? ""));
  if (!url) return noValue;
  const name = option("-O", "--output-document", "-o", "--output", "--out") ?? fileNameOf(url);
  const folder = option("-P", "--directory-prefix", "-d", "--dir") ?? ".";
  const path = absolute(name, absolute(folder, all.folder));
  const [, below] = /\/(models\/.*)$/.exec(path) ?? [];
  if (below === undefined) return "is a download to somewhere outside of ComfyUI's models";
  all.models.push({ path: below, url });
  return undefined;
}

/** What a download is called where nothing else is said. */
export function fileNameOf(url: string): string {
  const last = URL.parse(url)?.pathname.split("/").at(-1) ?? "";
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

/** A path from a folder, without `.` and `..`. */
export function absolute(path: string, folder: string): string {
  const parts: string[] = [];
  for (const part of `${path.startsWith("/") ? "" : folder}/${path}`.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

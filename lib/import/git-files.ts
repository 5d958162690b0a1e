import { isCommit } from "../lock-making/hub-address.ts";
import type { GitPin } from "./inventory.ts";
import { repositoryAddress, shownText } from "./safe-names.ts";

/** What of a repository's `.git` says where it stands. git itself is not asked: a foreign configuration can start programs. */
export interface GitFiles {
  readonly head: string;
  readonly config: string;
  readonly packedRefs: string;
  /** A loose ref by its name, `refs/heads/main`; undefined where there is none. */
  readonly ref: (name: string) => string | undefined;
}

/** The address and commit of a checkout, or why it has none. */
export function readGitFiles({
  head,
  config,
  packedRefs,
  ref,
}: GitFiles): GitPin | { readonly problem: string } {
  const commit = commitOf(head.trim(), packedRefs, ref);
  if (commit === undefined) return { problem: "its checkout has no commit that can be read" };
  const url = originOf(config);
  if (url === undefined) return { problem: "its repository has no remote: nobody else can fetch it" };
  const repository = repositoryAddress(url);
  return repository === null
    ? {
        problem: `its remote ${shownText(url.replace(/\/\/[^/@]*@/, "//"))} is no address that an image can be built from`,
      }
    : { repository, ref: commit };
}

function commitOf(head: string, packedRefs: string, ref: GitFiles["ref"]): string | undefined {
  if (isCommit(head)) return head;
  const [, name] = /^ref: (refs\/[\w./+@-]+)$/.exec(head) ?? [];
  if (name === undefined || name.includes("..")) return undefined;
  const loose = ref(name)?.trim() ?? "";
  if (isCommit(loose)) return loose;
  const packed = packedRefs.split("\n").find((line) => line.endsWith(` ${name}`));
  const commit = packed?.slice(0, 40) ?? "";
  return isCommit(commit) ? commit : undefined;
}

/** The address of `origin`, else of the first remote. */
function originOf(config: string): string | undefined {
  const remotes = new Map<string, string>();
  let section = "";
  for (const line of config.split("\n").map((each) => each.trim())) {
    const [, remote] = /^\[remote "([^"]+)"\]$/.exec(line) ?? [];
    if (line.startsWith("[")) section = remote ?? "";
    const [, url] = /^url\s*=\s*"?([^"]+?)"?$/.exec(line) ?? [];
    if (section !== "" && url !== undefined && !remotes.has(section)) remotes.set(section, url);
  }
  return remotes.get("origin") ?? [...remotes.values()][0];
}

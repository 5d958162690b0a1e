import { UserError } from "../../../errors.ts";
import { gitRepositoryName } from "../../../lib/comfyui/custom-nodes.ts";
import { type FoundNode, type LeftOut, originName, type RegistryPin } from "../../../lib/import/inventory.ts";
import { publishedCommit } from "../../../lib/import/published-commit.ts";
import { inParallel } from "../../../lib/in-parallel.ts";
import { mirrored } from "../../../lib/mirrors.ts";
import { resolveRef } from "../../lock/git.ts";
import { fetchHistory } from "../../lock/git-history.ts";
import { askComfyRegistry, type NodeRegistryAccess } from "./comfy-registry.ts";
import { inOneLine } from "./import-failure.ts";

/** A node whose repository is known. */
export interface PinnedNode {
  readonly found: FoundNode;
  readonly repository: string;
  readonly ref: string | null;
  /** How the commit of a version was found. */
  readonly how: string | null;
}

const AT_ONCE = 4;

/** Finds the repository and commit of every node; what has none is left out with its reason. */
export async function findNodes(
  nodes: readonly FoundNode[],
  access: NodeRegistryAccess,
  say: (detail: string) => void,
): Promise<{ pinned: PinnedNode[]; left: LeftOut[] }> {
  const results = await inParallel(AT_ONCE, nodes, async (found): Promise<PinnedNode | LeftOut> => {
    const { origin } = found;
    say(originName(origin));
    if ("ref" in origin) return { found, ...origin, how: null };
    try {
      return { found, ...(await publishedNode(origin, access)) };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return { what: `node ${originName(origin)}`, reason: inOneLine(error) };
    }
  });
  const pinned = results.filter((each) => "found" in each);
  const names = pinned.map(nameOf);
  const isFirst = (index: number) => names.indexOf(names[index] ?? "") === index;
  const twice = pinned.filter((_, index) => !isFirst(index));
  return {
    pinned: pinned.filter((_, index) => isFirst(index)),
    left: [
      ...results.filter((each) => "what" in each),
      ...twice.map(({ found }) => ({
        what: `node ${originName(found.origin)}`,
        reason: "is there already, from the same repository",
      })),
    ],
  };
}

function nameOf({ repository }: PinnedNode): string {
  return gitRepositoryName(repository).toLowerCase();
}

async function publishedNode(
  { registry, version, repository: stated }: RegistryPin,
  access: NodeRegistryAccess,
) {
  const { repository, at } = await askOr(stated, registry, version, access);
  // The newest: the lock says which commit that is.
  if (version === null) return { repository, ref: null, how: null };
  const remote = { name: gitRepositoryName(repository), location: mirrored(repository, access.mirrors) };
  const history = await fetchHistory(remote, "pyproject.toml", access.folder);
  const commit = publishedCommit(history, { name: registry, version, at });
  if (commit !== undefined)
    return { repository, ref: commit, how: `its pyproject.toml has version ${version} there` };
  for (const tag of [`v${version}`, version]) {
    const tagged = await resolveRef(remote, `refs/tags/${tag}`).catch(() => undefined);
    if (tagged !== undefined) return { repository, ref: tagged, how: `tag ${tag}` };
  }
  throw new UserError(registry, `no commit of ${repository} has version ${version}.`, "");
}

/** The registry's word, else what the node's own files said of their repository. */
async function askOr(
  stated: string | null,
  registry: string,
  version: string | null,
  access: NodeRegistryAccess,
) {
  try {
    return await askComfyRegistry(registry, version, access);
  } catch (error) {
    if (stated === null || !(error instanceof UserError)) throw error;
    return { repository: stated, at: undefined };
  }
}

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../../errors.ts";
import { inParallel } from "../../../lib/in-parallel.ts";
import { type Cap, forbids, type HeldPackage, type Stance } from "../../../lib/lock-making/held-back.ts";
import { readRequirements } from "../../../lib/lock-making/requirement-files.ts";
import type { NodeLock } from "../../../lib/locks/node-lock.ts";
import { normaliseName } from "../../../lib/locks/python-lock.ts";
import { parseRequirement } from "../../../lib/locks/requirement.ts";
import { mirrored } from "../../../lib/mirrors.ts";
import { fetchFiles, resolveRef } from "../git.ts";

/** How many repositories are asked at the same time. */
const AT_ONCE = 4;

/** The lines of a node's requirement file at its newest commit; `same` where the lock has that commit. */
type NewestLines = readonly string[] | "same" | "unreachable";

/** Asks the repositories of the nodes that hold something back, each once. */
export async function stances(
  held: readonly HeldPackage[],
  nodes: NodeLock,
  mirrors: Readonly<Record<string, string>>,
): Promise<(name: string, cap: Cap) => Stance | null> {
  const askers = [...new Set(held.flatMap(({ caps }) => caps.map(({ by }) => by)))].filter(
    (by) => nodeOf(by, nodes) !== undefined,
  );
  const folder = await mkdtemp(join(tmpdir(), "strata-newest-"));
  try {
    const answers = await inParallel(AT_ONCE, askers, async (by) => {
      const lines = await newestLines(by, nodes, mirrors, folder);
      return [by, lines] as const;
    });
    const newest = new Map<string, NewestLines>(answers);
    const versions = new Map(held.map(({ name, newest: version }) => [name, version]));
    return (name, { by }) => {
      const lines = newest.get(by);
      if (lines === undefined) return null;
      if (lines === "unreachable") return "not asked";
      if (lines === "same") return "still asks";
      return lines.some((line) => isCapOn(line, name, versions.get(name) ?? ""))
        ? "still asks"
        : "no longer asks";
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function isCapOn(line: string, name: string, version: string): boolean {
  const parts = parseRequirement(line);
  return parts !== undefined && normaliseName(parts.name) === name && forbids(line, version);
}

/** `owner/name requirements.txt`: the node of the lock, and its file. */
function nodeOf(by: string, { repositories }: NodeLock) {
  const [name = "", ...file] = by.split(" ");
  const locked = repositories[name];
  return locked ? { name, locked, file: file.join(" ") } : undefined;
}

async function newestLines(
  by: string,
  nodes: NodeLock,
  mirrors: Readonly<Record<string, string>>,
  folder: string,
): Promise<NewestLines> {
  const node = nodeOf(by, nodes);
  if (!node) return "unreachable";
  const { name, locked, file } = node;
  const remote = { name, location: mirrored(locked.repository, mirrors), isHasty: true };
  try {
    const commit = await resolveRef(remote, locked.ref);
    if (commit === locked.commit) return "same";
    const own = await mkdtemp(join(folder, "node-"));
    // It may include others by -r.
    const files = await fetchFiles(remote, commit, own, (path) => /\.(txt|in)$/.test(path));
    return files.has(file) ? readRequirements(file, files).lines : [];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return "unreachable";
  }
}
